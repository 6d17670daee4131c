#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <unordered_map>

#include "core/clock.h"
#include "http/transport.h"
#include "providers/credentials.h"
#include "providers/token_slot.h"
#include "storage/token_store.h"

namespace herald::providers {

/// What is to be revoked of a token: the refresh token first, then the access token while it lives
/// (O-132).
[[nodiscard]] std::vector<storage::PendingRevocation> revocations_of(
    const Configuration& issued_under, const storage::TokenRecord& token, core::StoredTime now);

/// Revokes at the server what the store holds as pending (RFC 7009), now and again until done or
/// given up.
///
/// Thread-safety: none; lives on the token thread.
class Revoker final {
public:
    /// What the engine does for it.
    struct Help {
        std::function<SlotPtr(core::ProviderId)> find;
        std::function<boost::asio::awaitable<core::Result<PreparedPtr>>(SlotPtr)> prepare;
    };

    Revoker(storage::TokenStore& store, http::Transport& transport, core::Clock& clock,
            boost::asio::any_io_executor executor, Help help);

    /// Tries everything of one provider, due or not. kQueued where anything stays pending; an error
    /// where the server refuses for good (`revocation_failed`).
    [[nodiscard]] boost::asio::awaitable<core::Result<RemoteRevocation>> revoke_now(
        core::ProviderId provider);
    /// Tries whatever is due now and arms the timer for the rest.
    void resume();
    void stop();

private:
    struct Outcome {
        core::Result<RemoteRevocation> told;
        std::optional<std::chrono::milliseconds> try_again_in = std::nullopt;
    };
    struct Telling;
    using Concerns = std::function<bool(const storage::PendingRevocation&)>;

    boost::asio::awaitable<void> run_due();
    /// Tries each that is concerned once, also those that come meanwhile. Done with the gravest
    /// outcome.
    boost::asio::awaitable<core::Result<RemoteRevocation>> try_all(Concerns concerns);
    /// Or waits for what comes of it, where somebody else is at it.
    boost::asio::awaitable<core::Result<RemoteRevocation>> revoke_one(
        storage::PendingRevocation pending);
    boost::asio::awaitable<core::Result<RemoteRevocation>> tell_and_note(
        storage::PendingRevocation pending);
    boost::asio::awaitable<Outcome> tell_server(const storage::PendingRevocation& pending);
    boost::asio::awaitable<Outcome> ask(SlotPtr slot, ReadyConfiguration ready,
                                        const storage::PendingRevocation& pending);
    /// Nothing was sent: it is tried again, whatever stood in the way.
    [[nodiscard]] static Outcome not_sent(core::Error cause);
    void arm(core::StoredTime next_try_at);
    void arm_after_failure();

    storage::TokenStore& store_;
    http::Transport& transport_;
    core::Clock& clock_;
    boost::asio::any_io_executor executor_;
    const Help help_;
    std::shared_ptr<core::Timer> timer_;
    std::optional<core::StoredTime> armed_for_;
    std::unordered_map<std::int64_t, std::shared_ptr<Telling>> under_way_;  ///< by id
    bool running_ = false;
    bool again_ = false;  ///< something fell due while it was running
    bool stopped_ = false;
};

}  // namespace herald::providers
