#pragma once

#include <boost/json/object.hpp>
#include <memory>
#include <string>
#include <string_view>

#include "core/error.h"
#include "core/secret.h"

namespace herald::providers {

/// A key that signs JWTs (RFC 7515): a private key in PEM form, or a shared secret for HMAC.
///
/// Immutable; may be shared between threads.
class SigningKey final {
public:
    /// RSA of at least 2048 bits, P-256, P-384, P-521 or Ed25519, in PEM form (PKCS#1, SEC1 or
    /// PKCS#8). Errors are invalid_argument on `private_key`: no PEM, encrypted, another type, too
    /// short; never with a byte of the key.
    [[nodiscard]] static core::Result<SigningKey> parse(const core::Secret& pem);
    /// For HS256, HS384 and HS512 (client_secret_jwt).
    [[nodiscard]] static SigningKey shared(const core::Secret& secret);
    SigningKey(SigningKey&&) noexcept;
    SigningKey& operator=(SigningKey&&) noexcept;
    ~SigningKey();

    /// RS256, ES256, ES384, ES512, EdDSA or HS256, whatever fits the key.
    [[nodiscard]] std::string_view default_algorithm() const;
    /// Whether `algorithm` (RS, PS, ES or HS with 256, 384 or 512, or EdDSA) is one of this key's:
    /// invalid_argument on `jwt_algorithm` that says which are.
    [[nodiscard]] core::Result<> check(std::string_view algorithm) const;
    /// The bytes of the signature as JWS wants them: ES* is R || S, not DER (O-33); PS* has a salt
    /// as long as the digest. REQUIRES: check(algorithm).
    [[nodiscard]] core::Result<std::string> sign(std::string_view algorithm,
                                                 std::string_view input) const;

private:
    struct Material;
    explicit SigningKey(std::unique_ptr<Material> material);
    std::unique_ptr<Material> material_;
};

/// A signed JWT in compact form. `header` without `alg`, which is written here; `typ` only where it
/// is given. REQUIRES: key.check(algorithm).
[[nodiscard]] core::Result<core::Secret> signed_jwt(const SigningKey& key,
                                                    std::string_view algorithm,
                                                    boost::json::object header,
                                                    const boost::json::object& claims);

/// RFC 4648 section 5, without padding.
[[nodiscard]] std::string base64url_encode(std::string_view bytes);

/// 128 random bits as 32 hex digits: a `jti`. From OpenSSL, not from core::Random.
[[nodiscard]] std::string random_jti();
/// `bytes` random bytes, base64url: a `state`, a PKCE verifier (32 bytes make 43 characters).
[[nodiscard]] std::string random_text(std::size_t bytes);
/// The S256 challenge of a PKCE verifier (RFC 7636 section 4.2).
[[nodiscard]] std::string pkce_challenge(std::string_view verifier);

/// What of a certificate (PEM, the first one in it) a JWT header and a person want to know.
struct CertificateFacts {
    std::string sha1_thumbprint;    ///< `x5t`, base64url of the DER's digest
    std::string sha256_thumbprint;  ///< `x5t#S256`; also what `cnf` binds a token to (RFC 8705)
    std::int64_t not_after = 0;     ///< seconds since 1970
};
/// Errors are invalid_argument on `certificate`.
[[nodiscard]] core::Result<CertificateFacts> certificate_facts(std::string_view pem);
/// Whether the private key belongs to the certificate; invalid_argument on `certificate` where not.
[[nodiscard]] core::Result<> check_certificate_key(std::string_view certificate_pem,
                                                   const core::Secret& key_pem);

}  // namespace herald::providers
