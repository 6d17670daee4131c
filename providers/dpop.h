#pragma once

#include <string>
#include <string_view>

#include "core/clock.h"
#include "core/error.h"
#include "core/secret.h"
#include "http/url.h"
#include "providers/jwt.h"

namespace herald::providers {

/// The key that a provider's tokens are bound to (RFC 9449): ES256, one per provider, kept with the
/// token.
///
/// Immutable; workers share it.
class DpopKey final {
public:
    [[nodiscard]] static DpopKey generate();
    /// REQUIRES: `pem` came from `pem()`; anything else is kStorage.
    [[nodiscard]] static core::Result<DpopKey> parse(const core::Secret& pem);

    [[nodiscard]] core::Secret pem() const { return pem_.clone(); }
    /// RFC 7638 thumbprint of the public key, as `cnf.jkt` shows it.
    [[nodiscard]] const std::string& thumbprint() const { return thumbprint_; }

    struct ProofInput {
        std::string_view method;
        const http::Url& url;  ///< `htu` is it without query and fragment
        core::SystemTime now;
        std::string_view nonce = {};         ///< empty: none known for this origin
        std::string_view access_token = {};  ///< given at resources: `ath` is its digest
    };
    /// The value of the `DPoP` header: a new `jti` each time (RFC 9449 section 4.2).
    [[nodiscard]] core::Result<std::string> proof(const ProofInput& input) const;

private:
    DpopKey(core::Secret pem, SigningKey key, std::string x, std::string y);

    core::Secret pem_;
    SigningKey key_;
    std::string x_, y_;  ///< the public point, base64url
    std::string thumbprint_;
};

}  // namespace herald::providers
