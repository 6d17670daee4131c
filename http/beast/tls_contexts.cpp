#include "http/beast/tls_contexts.h"

#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <array>
#include <boost/asio/ip/address.hpp>

#include "http/beast/transport_error.h"

namespace herald::http {
namespace {

namespace ssl = boost::asio::ssl;

/// 112 bits: no RSA below 2048, no SHA-1 signatures, whatever openssl.cnf says.
constexpr int kSecurityLevel = 2;

/// Client certificates are renewed; the contexts of the old ones must not pile up.
constexpr std::size_t kMostContexts = 256;

core::Error unreadable(const std::string& file, const boost::system::error_code& ec) {
    return transport_error("tls", {.phase = Phase::kTls},
                           "the CA file " + file + " cannot be used: " + ec.message() +
                               "; it must hold certificates in PEM form");
}

core::Error unusable_certificate(const boost::system::error_code& ec) {
    return transport_error("tls", {.phase = Phase::kTls},
                           "the client certificate cannot be used: " + ec.message() +
                               "; it and its private key must belong together, in PEM form");
}

boost::system::error_code load_certificate(ssl::context& context, const TlsIdentity& identity) {
    boost::system::error_code ec;
    if (identity.certificate.empty() || !identity.private_key) return ec;
    const std::string_view key = identity.private_key->reveal();
    context.use_certificate_chain(boost::asio::buffer(identity.certificate), ec);
    if (!ec) context.use_private_key(boost::asio::buffer(key), ssl::context::pem, ec);
    return ec;
}

boost::system::error_code load_trust(ssl::context& context, const TlsIdentity& identity) {
    boost::system::error_code ec;
    if (identity.ca_file.empty()) {
        context.set_default_verify_paths(ec);
    } else if (identity.ca) {
        context.add_certificate_authority(boost::asio::buffer(*identity.ca), ec);
    } else {
        ec = boost::asio::error::not_found;  // nobody has read it
    }
    return ec;
}

}  // namespace

core::Result<std::shared_ptr<ssl::context>> TlsContexts::get(const TlsIdentity& identity) {
    const auto known = contexts_.find(identity.key());
    if (known != contexts_.end()) return known->second;

    auto context = std::make_shared<ssl::context>(ssl::context::tls_client);
    SSL_CTX* const raw = context->native_handle();
    SSL_CTX_set_min_proto_version(raw, TLS1_2_VERSION);
    SSL_CTX_set_security_level(raw, kSecurityLevel);
    SSL_CTX_set_options(raw, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(raw, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_verify(raw, SSL_VERIFY_PEER, nullptr);
    static constexpr std::array<unsigned char, 9> kProtocols = {8,   'h', 't', 't', 'p',
                                                                '/', '1', '.', '1'};
    SSL_CTX_set_alpn_protos(raw, kProtocols.data(), kProtocols.size());
    if (const auto ec = load_trust(*context, identity)) return unreadable(identity.ca_file, ec);
    if (const auto ec = load_certificate(*context, identity)) return unusable_certificate(ec);
    sessions_.observe(raw);
    if (contexts_.size() >= kMostContexts) contexts_.erase(contexts_.begin());
    contexts_.emplace(identity.key(), context);
    return context;
}

bool expect_host(SSL* tls, const std::string& host) {
    X509_VERIFY_PARAM* const expected = SSL_get0_param(tls);
    X509_VERIFY_PARAM_set_hostflags(
        expected, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    boost::system::error_code not_an_address;
    static_cast<void>(boost::asio::ip::make_address(host, not_an_address));
    if (!not_an_address) return X509_VERIFY_PARAM_set1_ip_asc(expected, host.c_str()) == 1;
    // The macro SSL_set_tlsext_host_name casts in the old style.
    const bool named = SSL_ctrl(tls, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                                const_cast<char*>(host.c_str())) == 1;
    return named && SSL_set1_host(tls, host.c_str()) == 1;
}

std::string handshake_problem(SSL* tls, const boost::system::error_code& ec) {
    const long verdict = SSL_get_verify_result(tls);
    if (verdict != X509_V_OK) return X509_verify_cert_error_string(verdict);
    return ec.message();
}

}  // namespace herald::http
