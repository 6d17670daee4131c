#include "providers/assertion.h"

#include "http/url.h"
#include "providers/jwt.h"
#include "providers/kind.h"

namespace herald::providers {
namespace {

namespace json = boost::json;
using core::Result;

std::string origin_of_text(const std::string& endpoint) {
    const auto url = http::Url::parse(endpoint, "token_endpoint");
    return url ? url->origin() : endpoint;
}

// O-31: the issuer where it is known; some servers know only their token endpoint, some only a
// name.
std::string audience_of(const GrantInput& input) {
    const std::string& wanted = input.settings.assertion.audience;
    const std::string& endpoint = input.settings.endpoints.token;
    if (wanted == "token_endpoint") return endpoint;
    if (wanted == "base_url") return origin_of_text(endpoint);
    if (wanted == "token_host") {
        const std::string origin = origin_of_text(endpoint);
        return origin.substr(origin.find("//") + 2);
    }
    if (!wanted.empty() && wanted != "issuer") return wanted;
    return input.provider.issuer.value_or(endpoint);
}

std::string subject_of(const GrantInput& input, bool for_grant) {
    if (!for_grant) return input.provider.client_id;
    if (!input.settings.assertion.subject.empty()) return input.settings.assertion.subject;
    const json::object settings = merged_settings(input.provider);
    for (const std::string_view key : {"subject", "username"}) {
        if (std::string text = setting_text(settings, key); !text.empty()) return text;
    }
    return input.provider.client_id;
}

Result<json::object> header_of(const GrantInput& input) {
    const Assertion& assertion = input.settings.assertion;
    json::object header{{"typ", "JWT"}};
    if (!assertion.key_id.empty()) header["kid"] = assertion.key_id;
    if (assertion.thumbprint.empty() || !input.provider.certificate) return header;
    const auto facts = certificate_facts(*input.provider.certificate);
    if (!facts) return facts.error();
    header[assertion.thumbprint] =
        assertion.thumbprint == "x5t" ? facts->sha1_thumbprint : facts->sha256_thumbprint;
    return header;
}

Result<core::Secret> signed_assertion(const GrantInput& input, const SigningKey& key,
                                      bool for_grant) {
    auto header = header_of(input);
    if (!header) return header.error();
    const std::string& wanted = input.settings.assertion.algorithm;
    const std::string_view algorithm = wanted.empty() ? key.default_algorithm() : wanted;
    if (auto fits = key.check(algorithm); !fits) return fits.error();
    return signed_jwt(key, algorithm, std::move(*header), assertion_claims(input, for_grant));
}

Result<core::Secret> signed_by_private_key(const GrantInput& input, bool for_grant) {
    const auto key = SigningKey::parse(*input.provider.private_key);
    if (!key) return key.error();
    return signed_assertion(input, *key, for_grant);
}

}  // namespace

json::object assertion_claims(const GrantInput& input, bool for_grant) {
    const Assertion& assertion = input.settings.assertion;
    // Back-dated, for servers that allow no clock to be ahead of theirs (O-32).
    const auto seconds = std::chrono::floor<std::chrono::seconds>(input.now) - assertion.backdate;
    const std::int64_t issued_at = seconds.time_since_epoch().count();
    json::object claims;
    claims["iss"] = assertion.issuer.empty() ? input.provider.client_id : assertion.issuer;
    if (std::string subject = subject_of(input, for_grant); !subject.empty())
        claims["sub"] = std::move(subject);
    claims["aud"] = audience_of(input);
    claims["iat"] = issued_at;
    claims["exp"] = issued_at + assertion.lifetime.count();
    claims["jti"] = random_jti();
    if (assertion.scope_claim) {
        if (std::string scope = scope_parameter(input.provider, input.settings); !scope.empty())
            claims["scope"] = std::move(scope);
    }
    for (const json::key_value_pair& more : assertion.claims) claims[more.key()] = more.value();
    return claims;
}

Result<core::Secret> client_assertion(const GrantInput& input, bool mac) {
    if (!mac) return signed_by_private_key(input, false);
    return signed_assertion(input, SigningKey::shared(*input.provider.client_secret), false);
}

Result<core::Secret> grant_assertion(const GrantInput& input) {
    return signed_by_private_key(input, true);
}

}  // namespace herald::providers
