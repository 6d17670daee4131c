#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/await.h"
#include "core/clock.h"
#include "providers/access_token.h"
#include "providers/settings.h"
#include "providers/setup.h"
#include "providers/token_manager.h"
#include "storage/token_store.h"

namespace herald::providers {

/// What a flight brought: the token as workers use it and as it is kept.
struct Obtained {
    AccessTokenPtr access;
    std::shared_ptr<const storage::TokenRecord> record;
};

/// One who waits for a flight. Leaving never ends the flight (O-73).
struct Waiter {
    core::Done<Obtained> done;
    std::optional<core::SteadyTime>
        deadline;  ///< none: a person waits, as long as the flight takes
};

/// All that the token manager knows about one provider, and the decisions that follow from it.
///
/// Thread-safety: none, the token thread owns it; `cell` and `counters` are shared.
/// States and transitions: docs/tokens.md.
class TokenSlot final {
public:
    TokenSlot(storage::ProviderRecord record, std::shared_ptr<TokenCell> token_cell,
              std::unique_ptr<core::Timer> wake);

    // Which token may be used.

    /// Adopts what the store holds: at start, and after a change of configuration.
    void adopt(storage::ProviderRecord record, std::optional<storage::TokenRecord> stored,
               core::Clock& clock, core::Random& random);
    /// Makes a token the current one and publishes it; one of no lifetime is only returned.
    [[nodiscard]] Obtained install(storage::TokenRecord token_record, core::SteadyTime requested_at,
                                   std::chrono::milliseconds lifetime, core::Random& random);
    void drop_token();
    [[nodiscard]] bool usable(core::SteadyTime now) const {
        return access && now < access->usable_until;
    }

    // When to ask for one.

    /// Why nothing may be asked automatically now, in the words of `auth_unavailable`'s class;
    /// empty: it may.
    [[nodiscard]] std::optional<std::string> automatic_block(core::SteadyTime now) const;
    /// Whether a flight is to start now.
    [[nodiscard]] bool wants_flight(core::SteadyTime now) const;
    /// Whether a person waits for the next flight.
    [[nodiscard]] bool is_asked_by_hand() const;
    /// When to look again.
    [[nodiscard]] std::optional<core::SteadyTime> next_look(core::SteadyTime now) const;
    /// Counts a forced refresh, or refuses it: 1 per 30 s and 5 per 10 min (O-89).
    [[nodiscard]] bool allow_forced(core::SteadyTime now);

    // What became of it.

    /// Notes a failure and until when nothing is asked again; returns the condition the provider is
    /// in now.
    [[nodiscard]] storage::ProviderCondition note_failure(core::Error& error, core::SteadyTime now,
                                                          core::Random& random);
    void note_success();
    /// Takes the waiters whose deadline has passed.
    [[nodiscard]] std::vector<Waiter> take_expired(core::SteadyTime now);

    [[nodiscard]] storage::TokenFence fence() const;

    /// The record as a request needs it: with what is kept in files, and the secret in use.
    [[nodiscard]] core::Result<storage::ProviderRecord> ready_record() const;
    /// Follows the record: after a change of configuration, or when metadata was learned.
    [[nodiscard]] core::Result<> derive();

    storage::ProviderRecord record;
    ProviderSettings settings;
    std::string host;  ///< origin of the token endpoint: what limits are counted by
    std::shared_ptr<const TokenUse> use = std::make_shared<TokenUse>();
    std::shared_ptr<const DpopKey> dpop;  ///< null: no proof of possession
    std::optional<PendingSetup> pending_setup;
    std::shared_ptr<const SetupCode> setup;             ///< to be exchanged by the next flight
    std::shared_ptr<const storage::TokenRecord> token;  ///< may hold a refresh token alone
    AccessTokenPtr access;
    const std::shared_ptr<TokenCell> cell;
    const std::unique_ptr<core::Timer> timer;

    std::vector<Waiter> waiters;
    bool flying = false;
    bool rotating =
        false;  ///< the flight presents a refresh token: it must end before we stop (O-157)
    bool urgent =
        false;  ///< a receiver refused the token: do not space this flight from the last one
    bool wanted = false;        ///< callouts are parked for it
    bool gone = false;          ///< deleted
    core::SteadyTime earliest;  ///< automatic flights start at least a second apart (O-57, O-77)

    struct Counters {
        std::atomic<std::int64_t> ok{0}, failed{0}, waits{0}, forced{0}, request_ms{0};
    };
    const std::shared_ptr<Counters> counters = std::make_shared<Counters>();

private:
    core::SteadyTime blocked_until_;
    int failures_ = 0;
    std::string last_answer_;  ///< of an unknown refusal, and how often in a row (O-105)
    int alike_ = 0;
    std::int64_t last_generation_ = 0;
    std::deque<core::SteadyTime> forced_;
};
using SlotPtr = std::shared_ptr<TokenSlot>;

}  // namespace herald::providers
