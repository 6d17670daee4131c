#pragma once

#include <mutex>
#include <set>
#include <string>

#include "cli/demo/loopback_server.h"
#include "core/random.h"
#include "core/secret.h"

namespace herald::cli {

/// A small OAuth 2.0 authorization server: the client credentials grant with client_secret_post
/// (RFC 6749), revocation (RFC 7009), and `/me`, which accepts its tokens.
///
/// Thread-safety: all methods may be called concurrently.
class DemoTokenEndpoint final {
public:
    DemoTokenEndpoint(std::string client_id, core::Secret client_secret);

    [[nodiscard]] std::string url(const std::string& path) const { return server_.url(path); }
    /// Whether `Authorization: Bearer …` carries a token that was issued and not revoked.
    [[nodiscard]] bool accepts(const std::string& authorization) const;
    [[nodiscard]] std::size_t valid_tokens() const;

private:
    [[nodiscard]] bool is_client(std::string_view id, std::string_view secret) const;
    DemoResponse answer(const DemoRequest& request);
    DemoResponse issue(const DemoRequest& request);
    DemoResponse revoke(const DemoRequest& request);

    const std::string client_id_;
    const core::Secret client_secret_;
    core::SystemRandom random_;
    mutable std::mutex mutex_;
    std::set<std::string> tokens_;  // guarded by mutex_
    LoopbackServer server_;         // last: it uses everything above
};

}  // namespace herald::cli
