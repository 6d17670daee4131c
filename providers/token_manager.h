#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "core/await.h"
#include "core/clock.h"
#include "core/id.h"
#include "core/random.h"
#include "http/transport.h"
#include "providers/access_token.h"
#include "providers/file_reader.h"
#include "providers/setup.h"
#include "storage/configuration_store.h"
#include "storage/token_store.h"

namespace herald::providers {

struct TokenTestResult {
    std::optional<bool> ok;   ///< empty: inconclusive
    std::string verdict;      ///< accepted, rejected, forbidden, inconclusive
    std::string reason = {};  ///< why, unless it was accepted
    std::string kind = {};    ///< request, introspection
    std::optional<int> status = std::nullopt;
    std::chrono::milliseconds latency{0};
};

/// Of several tokens the last of these: what is queued still has to be revoked.
enum class RemoteRevocation { kDone, kNotRevocable, kQueued };

/// Counters since start, for /metrics and stats.
struct ProviderMetrics {
    std::int64_t requests_ok = 0, requests_failed = 0;
    std::int64_t waits = 0;             ///< callouts that had to wait for a flight
    std::int64_t forced_refreshes = 0;  ///< caused by a 401
    std::chrono::milliseconds request_time{0};
};

class TokenEngine;

/// The one place that talks to token, revocation and test endpoints, and the one owner of tokens.
///
/// One token per provider configuration; at most one token request under way per provider
/// ("flight"), whose outcome, also a failure, is shared by all who wait; refreshed ahead of expiry
/// while callouts use it; kept sealed across restarts; a revoked or replaced configuration's late
/// answer is never installed (docs/tokens.md).
///
/// Threads: everything happens on `executor` (one thread). All public methods may be called from
/// any thread; Done runs on the token thread and must not block. Lifetime: must outlive every
/// Courier that uses it. Files are read by `runner`, so none of them holds the executor. `start`
/// before anything else; `stop` completes a running refresh-token
/// exchange, then cancels the rest (O-157).
class TokenManager final {
public:
    TokenManager(storage::ConfigurationStore& configuration, storage::TokenStore& store,
                 http::Transport& transport, core::Clock& clock, core::Random& random,
                 boost::asio::any_io_executor executor,
                 FileReader::Runner runner = FileReader::on_own_threads());
    ~TokenManager();

    /// Reads providers and tokens from the store. Blocks. Not on the token thread. From here on it
    /// answers requests.
    [[nodiscard]] core::Result<> start();
    /// From here on it also acts by itself: refreshes ahead, probes, queued revocations (the
    /// daemon).
    void keep_fresh();
    /// Blocks until no exchange is under way. Not on the token thread.
    void stop();

    // For couriers.

    [[nodiscard]] TokenReader reader(core::ProviderId provider);
    /// A usable token; waits for at most one flight and not past `deadline`; a waiter that leaves
    /// never ends the flight. Errors: code `auth_unavailable`, details.class: the provider cannot
    /// give a token now; park the callout.
    [[nodiscard]] boost::asio::awaitable<core::Result<AccessTokenPtr>> access_token(
        core::ProviderId provider, core::SteadyTime deadline);
    /// A receiver refused `generation` (401): the newer token if there is one already, else one
    /// forced flight for all. Errors as above; `auth_refresh_suppressed` while forced refreshes are
    /// limited (O-89): nothing was requested.
    [[nodiscard]] boost::asio::awaitable<core::Result<AccessTokenPtr>> renewed_token(
        core::ProviderId provider, std::int64_t generation, core::SteadyTime deadline);
    /// `listener(provider)` runs on the token thread whenever a provider becomes able to give
    /// tokens again.
    void on_recovery(std::function<void(core::ProviderId)> listener);

    // For the admin interface. Each makes one request to its endpoint, or joins one already under
    // way.

    void obtain(core::ProviderId provider, core::Done<storage::TokenRecord> done);
    /// By the refresh token where the grant has one, else the grant again.
    void refresh(core::ProviderId provider, core::Done<storage::TokenRecord> done);
    /// Shows the current token to the test endpoint as a callout would, or asks the introspection
    /// endpoint where the settings say so, or where there is one and nobody chose a test endpoint.
    /// Changes nothing.
    void test(core::ProviderId provider, core::Done<TokenTestResult> done);
    /// Drops the token, and what an earlier revoke left queued is tried again.
    void revoke(core::ProviderId provider, core::Done<RemoteRevocation> done);
    /// Begins what a person has to do once for an interactive grant. `redirect_uri` is where the
    /// authorization server leads the browser back to; unused by a device authorization.
    void begin_setup(core::ProviderId provider, std::string redirect_uri,
                     core::Done<SetupStart> done);
    /// What came back to the redirect URI: exchanged for tokens. Errors: `setup_failed`.
    void finish_setup(core::ProviderId provider, SetupAnswer answer,
                      core::Done<storage::TokenRecord> done);
    /// Whether the person has authorised the device by now: at most one request, else
    /// `authorization_pending` with `retry_after`.
    void look_at_device(core::ProviderId provider, core::Done<storage::TokenRecord> done);
    /// For a manager that ends and one that goes on in its place. They block; not on the token
    /// thread. A set-up whose provider has changed meanwhile is dropped.
    [[nodiscard]] BegunSetups take_setups();
    void go_on_with(BegunSetups begun);
    /// After add, edit, reset, enable, disable or delete: adopts what the store holds now.
    void reload(core::ProviderId provider, core::Done<> done);
    [[nodiscard]] ProviderMetrics metrics(core::ProviderId provider) const;

private:
    std::shared_ptr<TokenEngine> engine_;
};

}  // namespace herald::providers
