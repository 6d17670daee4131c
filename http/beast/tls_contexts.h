#pragma once

#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/error.hpp>
#include <memory>
#include <string>
#include <unordered_map>

#include "core/error.h"
#include "http/beast/tls_sessions.h"
#include "http/message.h"

namespace herald::http {

/// One OpenSSL context per TLS identity, built at first use: TLS 1.2 or newer, the peer always
/// verified, never renegotiated. Connections made again resume their session.
///
/// A CA file whose content changes makes another identity.
class TlsContexts final {
public:
    /// The message names the file whose content cannot be used; it is tried again next time.
    [[nodiscard]] core::Result<std::shared_ptr<boost::asio::ssl::context>> get(
        const TlsIdentity& identity);
    [[nodiscard]] TlsSessions& sessions() { return sessions_; }

private:
    TlsSessions sessions_;
    // Shared because a context may be dropped while connections still use it.
    std::unordered_map<std::string, std::shared_ptr<boost::asio::ssl::context>> contexts_;
};

/// Makes `tls` insist on a certificate for `host` itself: no subject names, no partial wildcards
/// (P10).
[[nodiscard]] bool expect_host(SSL* tls, const std::string& host);

/// Why a handshake failed, as OpenSSL says it.
[[nodiscard]] std::string handshake_problem(SSL* tls, const boost::system::error_code& ec);

}  // namespace herald::http
