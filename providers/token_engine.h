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
                boost::asio::any_io_executor executor)
        : configuration_(configuration),
          store_(store),
          transport_(transport),
          clock_(clock),
          random_(random),
          executor_(executor),
          revoker_(store, transport, clock, executor,
                   [this](core::ProviderId id) { return find(id); }) {}

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
    void obtain_by_hand(const SlotPtr& slot, core::Done<storage::TokenRecord> done);
    /// A person's set-up: begun, finished by a code, or looked at again.
    boost::asio::awaitable<void> begin_setup(SlotPtr slot, std::string redirect_uri,
                                             core::Done<SetupStart> done);
    void finish_setup(const SlotPtr& slot, const SetupAnswer& answer,
                      core::Done<storage::TokenRecord> done);
    void look_at_device(const SlotPtr& slot, core::Done<storage::TokenRecord> done);
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
    SlotPtr make_slot(storage::ProviderRecord record);
    std::vector<SlotPtr> all() const;
    void start_flight(const SlotPtr& slot);
    boost::asio::awaitable<void> fly(SlotPtr slot);
    /// Asks the issuer where the slot does not know its token endpoint.
    boost::asio::awaitable<core::Result<>> know_endpoints(const SlotPtr& slot);
    /// The current token. REQUIRES: there is one, and an endpoint for it.
    boost::asio::awaitable<core::Result<http::Response>> show_to_test_endpoint(SlotPtr slot);
    boost::asio::awaitable<core::Result<http::Response>> introspect(SlotPtr slot);
    ExchangeTools tools() { return {transport_, store_, clock_, nonces_}; }
    core::SteadyTime host_allows_at(const TokenSlot& slot, core::SteadyTime now) const;
    boost::asio::awaitable<ExchangeResult> exchange_with_reread(const SlotPtr& slot);
    ExchangeInput input_of(const TokenSlot& slot, std::optional<core::Secret> refresh_token) const;
    boost::asio::awaitable<void> land(SlotPtr slot, storage::TokenFence fence,
                                      ExchangeResult result);
    boost::asio::awaitable<void> land_token(SlotPtr slot, storage::TokenFence fence,
                                            ExchangeResult result);
    boost::asio::awaitable<core::Result<>> save(storage::TokenOutcome outcome);
    void fail_waiters(const SlotPtr& slot, const core::Error& error);
    void discard(const SlotPtr& slot, const storage::TokenRecord& token);
    boost::asio::awaitable<core::Result<>> save_patiently(SlotPtr slot,
                                                          storage::TokenOutcome outcome);
    boost::asio::awaitable<void> pause(std::chrono::milliseconds length);
    void recovered(const SlotPtr& slot);
    void arm(const SlotPtr& slot, core::SteadyTime now);

    storage::ConfigurationStore& configuration_;
    storage::TokenStore& store_;
    http::Transport& transport_;
    core::Clock& clock_;
    core::Random& random_;
    boost::asio::any_io_executor executor_;
    Revoker revoker_;
    HostLimits hosts_;
    DpopNonces nonces_;           ///< of authorization servers
    DpopNonces receiver_nonces_;  ///< of test endpoints, which are receivers
    bool background_ = false;     ///< refreshes and revocations happen by themselves
    bool stopping_ = false;
    int rotations_ = 0;
    std::function<void()> stopped_;

    mutable std::mutex mutex_;
    std::unordered_map<core::ProviderId, SlotPtr, core::IdHash> slots_;  // guarded by mutex_
    std::vector<std::function<void(core::ProviderId)>> listeners_;       // guarded by mutex_
};

}  // namespace herald::providers
