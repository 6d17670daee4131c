#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/masking.h"
#include "core/secret.h"
#include "http/message.h"
#include "providers/dpop.h"
#include "providers/settings.h"

namespace herald::providers {

/// How one provider's tokens are shown; the same for all tokens of a configuration.
struct TokenUse {
    Placement placement;
    http::TlsIdentity tls;  ///< of callouts: a bound token needs the client's certificate
    std::string track_header;
    /// Null, or the kind's own way of telling that a receiver refused the token (O-93).
    bool (*refuses_token)(const http::Response& response) = nullptr;
};

/// A usable access token as workers see it. Immutable, shared by all callouts that read it.
struct AccessToken {
    core::Secret value;
    core::Secret authorization;  ///< the header value: `Bearer …`
    std::shared_ptr<const TokenUse> use = std::make_shared<TokenUse>();
    std::vector<std::string> entities;  ///< that its scope names
    std::optional<http::Url> base;      ///< of relative callout URLs
    /// Hides this token, the ones before it, and what else its provider's servers may know.
    core::Masking masking;
    std::shared_ptr<const DpopKey> dpop;  ///< null: whoever bears it may use it
    std::int64_t generation = 0;
    core::SteadyTime refresh_from;  ///< from here on, use starts a refresh in the background (O-75)
    core::SteadyTime usable_until;  ///< never sent after this (O-79): expiry less the margin
};
using AccessTokenPtr = std::shared_ptr<const AccessToken>;

/// Where the token manager publishes one provider's token. Written on the token thread, read by all
/// workers.
class TokenCell final {
public:
    /// `on_stale_use` runs on a worker's thread when a token past `refresh_from` is read; it must
    /// only post.
    explicit TokenCell(std::function<void()> on_stale_use)
        : on_stale_use_(std::move(on_stale_use)) {}

    void publish(AccessTokenPtr token);
    /// Whether the published token was read at all: an idle one is not refreshed ahead (O-83).
    [[nodiscard]] bool used() const noexcept { return used_.load(std::memory_order_relaxed); }

private:
    friend class TokenReader;

    const std::function<void()> on_stale_use_;
    std::atomic<std::uint64_t> version_{1};
    std::atomic<bool> used_{false};
    std::mutex mutex_;
    AccessTokenPtr token_;  // guarded by mutex_
};

/// One worker's snapshot of a cell: one atomic load while nothing changes, no lock (O-74).
///
/// Thread-safety: none; each worker has its own.
class TokenReader final {
public:
    TokenReader() = default;
    explicit TokenReader(std::shared_ptr<TokenCell> cell) : cell_(std::move(cell)) {}

    /// Whether it reads from a provider that exists.
    [[nodiscard]] explicit operator bool() const noexcept { return cell_ != nullptr; }
    /// Null where there is none that is usable at `now`. The reference holds until the next call.
    [[nodiscard]] const AccessTokenPtr& read(core::SteadyTime now);

private:
    void note_use(core::SteadyTime now);

    std::shared_ptr<TokenCell> cell_;
    std::uint64_t seen_ = 0;
    bool noted_ = false;        ///< this reader marked the token as used
    bool noted_stale_ = false;  ///< and reported it as due for a refresh
    AccessTokenPtr token_;
    AccessTokenPtr none_;  ///< always null: what `read` returns a reference to
};

}  // namespace herald::providers
