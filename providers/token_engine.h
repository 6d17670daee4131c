#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/post.hpp>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

#include "providers/credentials.h"
#include "providers/file_reader.h"
#include "providers/host_limits.h"
#include "providers/revoker.h"
#include "providers/token_exchange.h"
#include "providers/token_slot.h"

namespace herald::providers {

/// What stands behind TokenManager: the slots, and what happens to them.
///
/// Threads: the token thread, but for `find`, `listen`, `with_slot` and `executor`. Callbacks hold
/// it weakly, flights strongly. Sources: token_engine.cpp (asking and waiting), token_flight.cpp
/// (one request and its landing), token_test.cpp, token_operations.cpp (revoke), token_setup.cpp
/// (what a person sets up).
class TokenEngine final : public std::enable_shared_from_this<TokenEngine> {
public:
    TokenEngine(storage::ConfigurationStore& configuration, storage::TokenStore& store,
                http::Transport& transport, core::Clock& clock, core::Random& random,
                boost::asio::any_io_executor executor, FileReader::Runner runner)
        : configuration_(configuration),
          store_(store),
          transport_(transport),
          clock_(clock),
          random_(random),
          executor_(executor),
          files_(clock, executor, std::move(runner)),
          revoker_(
              store, transport, clock, executor,
              {.find = [this](core::ProviderId id) { return find(id); },
               .prepare = [this](SlotPtr slot) { return prepare(slot, slot->configuration); }}) {}

    core::Result<> load();
    /// From here on things also happen by themselves: refreshes ahead, probes, queued revocations.
    void begin();
    void stop(std::function<void()> stopped);

    // Runs `action` with the provider's slot on the token thread, or fails `done` with not_found.
    template <class T, class Action>
    void with_slot(core::ProviderId id, core::Done<T> done, Action action) {
        boost::asio::post(executor_, [self = shared_from_this(), id, done = std::move(done),
                                      action = std::move(action)] {
            const SlotPtr slot = self->find(id);
            if (!slot) return done(core::not_found("provider", id.text()));
            action(*self, slot, done);
        });
    }

    void get(const SlotPtr& slot, core::SteadyTime deadline, core::Done<Obtained> done);
    void renew(const SlotPtr& slot, std::int64_t generation, core::SteadyTime deadline,
               core::Done<Obtained> done);
    /// With `setup`: by what a person's set-up brought, in a flight of its own.
    void obtain_by_hand(const SlotPtr& slot, std::shared_ptr<const SetupCode> setup,
                        core::Done<storage::TokenRecord> done);
    /// A person's set-up: begun, finished by a code, or looked at again.
    boost::asio::awaitable<void> begin_setup(SlotPtr slot, std::string redirect_uri,
                                             core::Done<SetupStart> done);
    void finish_setup(const SlotPtr& slot, const SetupAnswer& answer,
                      core::Done<storage::TokenRecord> done);
    void look_at_device(const SlotPtr& slot, core::Done<storage::TokenRecord> done);
    BegunSetups take_setups();
    void go_on_with(BegunSetups begun);
    boost::asio::awaitable<void> test(SlotPtr slot, core::Done<TokenTestResult> done);
    boost::asio::awaitable<void> revoke(SlotPtr slot, core::Done<RemoteRevocation> done);
    core::Result<> reload(core::ProviderId id);
    void tick(const SlotPtr& slot);

    SlotPtr find(core::ProviderId id) const {
        const std::scoped_lock lock(mutex_);
        const auto found = slots_.find(id);
        return found == slots_.end() ? nullptr : found->second;
    }
    void listen(std::function<void(core::ProviderId)> listener) {
        const std::scoped_lock lock(mutex_);
        listeners_.push_back(std::move(listener));
    }
    boost::asio::any_io_executor executor() const { return executor_; }

private:
    /// A token that came, and the refresh token that it was asked for by; null: none.
    struct Landed {
        TokenRecordPtr token;
        std::shared_ptr<const core::Secret> presented;

        [[nodiscard]] bool rotates() const {
            return presented && token->refresh_token && !token->refresh_token->equals(*presented);
        }
    };

    SlotPtr make_slot(storage::ProviderRecord record);
    std::vector<SlotPtr> all() const;
    void start_flight(const SlotPtr& slot);
    boost::asio::awaitable<void> fly(SlotPtr slot, FlightPtr flight);
    /// Reads the configuration's files, and asks its issuer where it does not know its token
    /// endpoint.
    boost::asio::awaitable<core::Result<PreparedPtr>> prepare(SlotPtr slot,
                                                              ConfigurationPtr configuration);
    boost::asio::awaitable<core::Result<ConfigurationPtr>> discovered(
        SlotPtr slot, ConfigurationPtr configuration, ProviderSettings settings);
    void count(TokenSlot& slot, const ExchangeResult& result);
    /// Before a flight asks: it may have been overtaken, or the stored token have waited for its
    /// files only. Done with whether nothing is left to ask for.
    boost::asio::awaitable<bool> answer_with_stored(SlotPtr slot, FlightPtr flight,
                                                    PreparedPtr prepared);
    boost::asio::awaitable<void> note_stored_shown(SlotPtr slot, FlightPtr flight);
    boost::asio::awaitable<core::Result<http::Response>> show_to_test_endpoint(
        ProviderSettings settings, AccessTokenPtr access);
    boost::asio::awaitable<core::Result<http::Response>> introspect(PreparedPtr prepared,
                                                                    AccessTokenPtr access);
    ExchangeTools tools() { return {transport_, store_, clock_, nonces_}; }
    core::SteadyTime host_allows_at(const TokenSlot& slot, core::SteadyTime now) const;
    boost::asio::awaitable<ExchangeResult> exchange_with_reread(FlightPtr flight,
                                                                PreparedPtr prepared);
    boost::asio::awaitable<void> land(SlotPtr slot, FlightPtr flight, PreparedPtr prepared,
                                      ExchangeResult result);
    boost::asio::awaitable<void> land_failure(SlotPtr slot, FlightPtr flight, core::Error error,
                                              ExchangeResult result);
    boost::asio::awaitable<void> land_token(SlotPtr slot, FlightPtr flight, PreparedPtr prepared,
                                            ExchangeResult result);
    /// For a token that the store did not take.
    boost::asio::awaitable<void> land_unsaved(SlotPtr slot, FlightPtr flight, PreparedPtr prepared,
                                              Landed landed, core::Error error);
    /// For a token whose configuration is no more, or which was revoked before it came: it is never
    /// used, but its refresh token may be all that is left of the grant.
    boost::asio::awaitable<void> land_late(SlotPtr slot, PreparedPtr prepared, Landed late);
    boost::asio::awaitable<core::Result<>> save(storage::TokenOutcome outcome);
    boost::asio::awaitable<core::Result<>> save_token(SlotPtr slot, storage::TokenOutcome outcome);
    boost::asio::awaitable<core::Result<bool>> keep_rotated(SlotPtr slot,
                                                            const core::Secret& presented,
                                                            const core::Secret& successor);
    /// What must not be lost to a locked or full disk: tried for a minute.
    template <class T>
    boost::asio::awaitable<core::Result<T>> save_patiently(
        SlotPtr slot, std::function<void(core::Done<T>)> write);
    /// Whether the store has moved on from what we know, by its refusal of a write; then it is
    /// adopted.
    bool adopted_change(const SlotPtr& slot, const core::Error& refusal);
    static void fail(TokenSlot& slot, std::vector<Waiter> waiters, const core::Error& error);
    boost::asio::awaitable<void> revoke_late(SlotPtr slot, ConfigurationPtr issued_under,
                                             TokenRecordPtr token);
    boost::asio::awaitable<core::Result<RemoteRevocation>> revoke_what_is_queued(SlotPtr slot);
    boost::asio::awaitable<void> pause(std::chrono::milliseconds length);
    void recovered(const SlotPtr& slot);
    void arm(const SlotPtr& slot, core::SteadyTime now);

    storage::ConfigurationStore& configuration_;
    storage::TokenStore& store_;
    http::Transport& transport_;
    core::Clock& clock_;
    core::Random& random_;
    boost::asio::any_io_executor executor_;
    FileReader files_;
    Revoker revoker_;
    HostLimits hosts_;
    DpopNonces nonces_;           ///< of authorization servers
    DpopNonces receiver_nonces_;  ///< of test endpoints, which are receivers
    bool background_ = false;     ///< refreshes and revocations happen by themselves
    bool stopping_ = false;
    int unfinished_ = 0;  ///< flights that spend what is good once
    std::function<void()> stopped_;

    mutable std::mutex mutex_;
    std::unordered_map<core::ProviderId, SlotPtr, core::IdHash> slots_;  // guarded by mutex_
    std::vector<std::function<void(core::ProviderId)>> listeners_;       // guarded by mutex_
};

}  // namespace herald::providers
