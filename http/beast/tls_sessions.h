#pragma once

#include <openssl/ssl.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>

namespace herald::http {

/// What servers gave us so that the next handshake is short (RFC 8446 section 2.2); the latest for
/// each key, so many at most.
///
/// A session stands for what was verified when it began. So the key is a connection's: origin, CA
/// and client certificate. Lifetime: outlives every context and connection that was told of it.
class TlsSessions final {
public:
    explicit TlsSessions(std::size_t most = 256) : most_(most) {}
    TlsSessions(const TlsSessions&) = delete;
    TlsSessions& operator=(const TlsSessions&) = delete;

    /// Sessions of its connections come here.
    void observe(SSL_CTX* context);
    /// Resumes what is known and remembers what comes. REQUIRES: `key` outlives `tls`, whose
    /// context is observed.
    void attach(SSL* tls, const std::string& key);
    void forget(const std::string& key) { kept_.erase(key); }

    /// Takes the reference over.
    void remember(const std::string& key, SSL_SESSION* session);
    [[nodiscard]] bool knows(const std::string& key) const { return kept_.contains(key); }
    [[nodiscard]] std::size_t size() const { return kept_.size(); }

private:
    struct Free {
        void operator()(SSL_SESSION* session) const { SSL_SESSION_free(session); }
    };
    struct Kept {
        std::unique_ptr<SSL_SESSION, Free> session;
        std::uint64_t number = 0;  ///< the higher, the later
    };
    static int on_session(SSL* tls, SSL_SESSION* session);

    const std::size_t most_;
    std::uint64_t next_number_ = 0;
    std::unordered_map<std::string, Kept> kept_;
};

}  // namespace herald::http
