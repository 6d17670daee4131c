#include "providers/setup.h"

#include <openssl/crypto.h>

#include "core/encoding.h"
#include "core/json.h"
#include "providers/jwt.h"
#include "providers/token_body.h"
#include "providers/token_request.h"
#include "providers/token_response.h"

namespace herald::providers {
namespace {

using core::Error;
using core::Result;

constexpr std::chrono::minutes kPatience{5};  // O-111
constexpr std::size_t kStateBytes = 32;

Error setup_failed(const storage::ProviderRecord& provider, const std::string& why) {
    return {.kind = core::ErrorKind::kUnauthorized,
            .code = "setup_failed",
            .message = "set up provider '" + provider.name + "': " + why +
                       "; nothing was changed; begin again with `herald token setup " +
                       provider.name + "`"};
}

bool same(std::string_view a, std::string_view b) {
    return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace

Error setup_needed(const storage::ProviderRecord& provider) {
    return {.kind = core::ErrorKind::kUnauthorized,
            .code = "no_token",
            .message = "provider '" + provider.name +
                       "' is not set up; a person does that once with `herald token setup " +
                       provider.name + "`"};
}

Result<SetupStart> begin_authorization(const storage::ProviderRecord& provider,
                                       const ProviderSettings& settings,
                                       const std::string& redirect_uri, core::SteadyTime now,
                                       PendingSetup& pending) {
    auto url = http::Url::parse(*settings.endpoints.authorization, "authorization_endpoint");
    if (!url) return url.error();
    pending = {};
    pending.state = random_text(kStateBytes);
    pending.verifier = core::Secret::take(random_text(kStateBytes));
    pending.redirect_uri = redirect_uri;
    pending.ends_at = now + kPatience;
    storage::Fields query{{"response_type", "code"},
                          {"client_id", provider.client_id},
                          {"redirect_uri", redirect_uri},
                          {"state", pending.state},
                          {"code_challenge", pkce_challenge(pending.verifier.reveal())},
                          {"code_challenge_method", "S256"}};
    if (std::string scope = scope_parameter(provider, settings); !scope.empty())
        query.emplace_back("scope", std::move(scope));
    if (provider.audience) query.emplace_back("audience", *provider.audience);
    for (const std::string& resource : provider.resources) query.emplace_back("resource", resource);
    for (const auto& [name, value] : settings.authorization_parameters)
        query.emplace_back(name, value);
    SetupStart start;
    start.authorization_url = url->text();
    start.authorization_url += url->target.find('?') == std::string::npos ? "?" : "&";
    start.authorization_url += core::form_body(query);
    start.state = pending.state;
    start.expires_in = kPatience;
    return start;
}

Result<SetupCode> check_answer(const storage::ProviderRecord& provider,
                               const ProviderSettings& settings, const PendingSetup& pending,
                               const SetupAnswer& answer, core::SteadyTime now) {
    if (now >= pending.ends_at) return setup_failed(provider, "five minutes have passed");
    if (!same(pending.state, answer.state)) {
        return setup_failed(
            provider,
            "the state that came back is not the one that was sent, so the answer may "
            "belong to somebody else's request");
    }
    // RFC 9207 section 2.4: without it the answer may be another server's.
    if (!answer.issuer && settings.answers_with_issuer) {
        return setup_failed(
            provider,
            "the answer names no issuer (iss), though this authorization server always "
            "does (RFC 9207); paste the whole address");
    }
    if (answer.issuer && provider.issuer && *answer.issuer != *provider.issuer) {
        return setup_failed(provider, "the answer comes from issuer '" +
                                          core::printable(*answer.issuer, 200) +
                                          "', expected is '" + *provider.issuer + "' (RFC 9207)");
    }
    if (answer.code.empty()) return setup_failed(provider, "no code came back");
    return SetupCode{.code = answer.code.clone(),
                     .redirect_uri = pending.redirect_uri,
                     .verifier = pending.verifier.clone()};
}

Result<http::Request> device_request(const GrantInput& input, core::SteadyTime now,
                                     PendingSetup& pending) {
    TokenForm form;
    pending = {};
    if (input.settings.device_pkce) {
        pending.verifier = core::Secret::take(random_text(kStateBytes));
        form.fields.emplace_back("code_challenge", pkce_challenge(pending.verifier.reveal()));
        form.fields.emplace_back("code_challenge_method", "S256");
    }
    if (std::string scope = scope_parameter(input.provider, input.settings); !scope.empty())
        form.fields.emplace_back("scope", std::move(scope));
    return client_request(*input.settings.endpoints.device_authorization,
                          "device_authorization_endpoint", input, std::move(form), now);
}

Result<SetupStart> read_device_answer(const http::Response& response, const core::Masking& masking,
                                      const std::string& endpoint, core::SteadyTime now,
                                      core::SystemTime system_now, PendingSetup& pending) {
    auto body = parse_token_body(response);
    if (response.status != 200 || !body)
        return answer_failure(response, masking, endpoint, system_now);
    const auto text = [&](std::string_view key) {
        return masking.shown(core::string_member(*body, key).value_or(""), 2048);
    };
    const auto seconds = [&](std::string_view key, std::int64_t otherwise) {
        const auto* value = body->if_contains(key);
        boost::json::error_code ec;
        const auto number = value == nullptr || !value->is_number()
                                ? otherwise
                                : value->to_number<std::int64_t>(ec);
        return std::chrono::seconds(std::clamp<std::int64_t>(ec ? otherwise : number, 1, 3600));
    };
    const auto code = core::string_member(*body, "device_code");
    SetupStart start;
    start.user_code = text("user_code");
    start.verification_uri = text("verification_uri");
    if (start.verification_uri.empty()) start.verification_uri = text("verification_url");
    start.verification_uri_complete = text("verification_uri_complete");
    start.expires_in = seconds("expires_in", 300);
    start.interval = seconds("interval", 5);
    if (!code || start.user_code.empty() || start.verification_uri.empty()) {
        return Error{.kind = core::ErrorKind::kPermanent,
                     .code = "malformed_token_response",
                     .message = endpoint +
                                " answered without device_code, user_code or "
                                "verification_uri (RFC 8628 section 3.2)"};
    }
    pending.device_code = core::Secret(*code);
    pending.ends_at = now + start.expires_in;
    pending.interval = start.interval;
    pending.next_look_at = now + start.interval;
    return start;
}

}  // namespace herald::providers
