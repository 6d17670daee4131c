#include "providers/show_token.h"

#include <algorithm>

#include "core/encoding.h"
#include "providers/jwt.h"

namespace herald::providers {
namespace {

using core::Result;

core::Error refusal(std::string code, std::string message) {
    core::Error error{.kind = core::ErrorKind::kPermanent, .code = std::move(code), .message = {}};
    error.message = std::move(message);
    return error;
}

std::string known_entities(const AccessToken& token) {
    std::string out;
    for (const std::string& entity : token.entities)
        out.append(out.empty() ? "" : ", ").append(entity);
    return out;
}

// O-147: with one entity nothing is said, of several the callout names one.
Result<> show_entity(http::Request& request, const AccessToken& token,
                     const std::optional<std::string_view>& entity) {
    const Placement& placement = token.use->placement;
    if (placement.entity_header.empty() || token.entities.empty()) return {};
    if (!entity) {
        if (token.entities.size() == 1) return {};
        return refusal("entity_required",
                       "the token is good for several entities; name one of them with --entity on "
                       "the notification: " +
                           known_entities(token));
    }
    const bool known = std::any_of(
        token.entities.begin(), token.entities.end(),
        [&](const std::string& one) { return core::equals_ignoring_case(one, *entity); });
    if (!known) {
        return refusal("entity_unknown", "the token is not good for entity " +
                                             std::string(*entity) +
                                             " but for: " + known_entities(token));
    }
    std::string value(*entity);
    if (placement.entity_without_dashes) std::erase(value, '-');
    request.headers.set(placement.entity_header, std::move(value));
    return {};
}

Result<> lead_to_base(http::Request& request, const AccessToken& token) {
    if (request.url.host != http::kRelativeHost) return {};
    if (!token.base) {
        return refusal("base_url_missing",
                       "the callout's URL is relative, and the provider's token names no base for "
                       "it; give the whole URL");
    }
    std::string target = token.base->target == "/" ? "" : token.base->target;
    while (target.ends_with('/')) target.pop_back();
    target += request.url.target;
    request.url = *token.base;
    request.url.target = std::move(target);
    return {};
}

Result<> show_proof(http::Request& request, const AccessToken& token, const ShowInput& input) {
    auto proof = token.dpop->proof({.method = request.method,
                                    .url = request.url,
                                    .now = input.now,
                                    .nonce = input.dpop_nonce,
                                    .access_token = token.value.reveal()});
    if (!proof) return proof.error();
    request.headers.set("DPoP", std::move(*proof));
    return {};
}

void show_value(http::Request& request, const AccessToken& token) {
    const Placement& placement = token.use->placement;
    if (placement.query_parameter.empty()) {
        request.headers.set(placement.header, std::string(token.authorization.reveal()));
        return;
    }
    request.url.target += request.url.target.find('?') == std::string::npos ? "?" : "&";
    request.url.target += core::form_encode(placement.query_parameter) + "=" +
                          core::percent_encode(token.value.reveal());
}

}  // namespace

Result<> show_token(http::Request& request, const AccessToken& token, const ShowInput& input) {
    request.carries_credentials = true;
    if (auto led = lead_to_base(request, token); !led) return led;
    if (auto shown = show_entity(request, token, input.entity); !shown) return shown;
    show_value(request, token);
    const TokenUse& use = *token.use;
    for (const auto& [name, value] : use.placement.headers) request.headers.set(name, value);
    if (!use.track_header.empty()) request.headers.set(use.track_header, random_jti());
    request.tls = use.tls;
    if (!token.dpop) return {};
    return show_proof(request, token, input);
}

}  // namespace herald::providers
