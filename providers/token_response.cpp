#include "providers/token_response.h"

#include <boost/json/parse.hpp>
#include <charconv>
#include <cmath>

#include "core/encoding.h"
#include "core/json.h"
#include "core/time_text.h"
#include "providers/grant.h"
#include "providers/provider_rules.h"
#include "providers/token_body.h"

namespace herald::providers {
namespace {

namespace json = boost::json;
using core::Error;
using core::ErrorKind;
using core::Result;
using std::chrono::milliseconds;

constexpr std::size_t kMaxTokenBytes = 64 * 1024;  // O-63

Error malformed(ErrorKind kind, const http::Response& response, std::string_view endpoint,
                std::string_view why) {
    Error error{.kind = kind,
                .code = "malformed_token_response",
                .message = "token endpoint " + std::string(endpoint) + " answered " +
                           std::to_string(response.status) +
                           " without a usable token: " + std::string(why),
                .details = {}};
    error.details["class"] = "malformed";
    error.details["error_description"] = why;
    error.details["status"] = response.status;
    return error;
}

// A finite number of seconds from whatever stands there; empty where it cannot be read (O-54).
std::optional<double> number_of(const json::value& value) {
    double seconds = 0;
    if (value.is_number()) {
        json::error_code ec;
        seconds = value.to_number<double>(ec);
        if (ec) return std::nullopt;
    } else if (value.is_string()) {
        const std::string_view text = core::trim(value.as_string());
        const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), seconds);
        const bool overflow = ec == std::errc::result_out_of_range;
        if (!overflow && (ec != std::errc() || end != text.data() + text.size()))
            return std::nullopt;
        if (overflow) seconds = 1e300;
    } else {
        return std::nullopt;
    }
    if (std::isnan(seconds)) return std::nullopt;
    return seconds;
}

// `expires_at` or `expires_on`: epoch seconds, epoch milliseconds or ISO 8601 (O-55).
std::optional<double> seconds_until(const json::value& value, core::SystemTime now) {
    if (value.is_string()) {
        if (const auto at = core::parse_time(value.as_string())) {
            return static_cast<double>((*at - now).count()) / 1000.0;
        }
    }
    auto epoch = number_of(value);
    if (!epoch) return std::nullopt;
    if (*epoch > 1e11) *epoch /= 1000.0;
    return *epoch - static_cast<double>(now.time_since_epoch().count()) / 1000.0;
}

// The `exp` of a token that is a JWT (RFC 7519); its signature is none of our business here.
std::optional<double> seconds_until_jwt_exp(std::string_view token, core::SystemTime now) {
    const auto first = token.find('.');
    const auto second = first == std::string_view::npos ? first : token.find('.', first + 1);
    if (second == std::string_view::npos || !token.starts_with("ey")) return std::nullopt;
    std::string payload(token.substr(first + 1, second - first - 1));
    for (char& c : payload) c = c == '-' ? '+' : c == '_' ? '/' : c;
    payload.append((4 - payload.size() % 4) % 4, '=');
    const auto decoded = core::base64_decode(payload);
    if (!decoded) return std::nullopt;
    json::error_code ec;
    const json::value claims = json::parse(*decoded, ec, {}, {.max_depth = core::kMaxJsonDepth});
    if (ec || !claims.is_object()) return std::nullopt;
    const json::value* exp = claims.as_object().if_contains("exp");
    return exp == nullptr || !exp->is_number() ? std::nullopt : seconds_until(*exp, now);
}

const json::value* member(const json::object& body, std::string_view key) {
    const json::value* value = body.if_contains(key);
    return value == nullptr || value->is_null() ? nullptr : value;
}

milliseconds lifetime_of(const json::object& body, const core::Secret& token,
                         const ProviderSettings& settings, core::SystemTime now,
                         std::vector<std::string>& warnings) {
    std::optional<double> seconds;
    if (const auto* value = member(body, "expires_in")) seconds = number_of(*value);
    for (const std::string_view key : {"expires_at", "expires_on"}) {
        const auto* value = member(body, key);
        if (!seconds && value != nullptr) seconds = seconds_until(*value, now);
    }
    if (!seconds) seconds = seconds_until_jwt_exp(token.reveal(), now);
    if (!seconds) {
        warnings.emplace_back("the server tells no lifetime; assuming " +
                              std::to_string(settings.assumed_lifetime_s.count()) + " s");
        return settings.assumed_lifetime_s;
    }
    if (*seconds <= 0) {
        warnings.emplace_back("the token is expired on arrival");
        return milliseconds(0);
    }
    const auto cap = static_cast<double>(settings.max_lifetime_s.count());
    return milliseconds(static_cast<std::int64_t>(std::floor(std::min(*seconds, cap)) * 1000.0));
}

std::vector<std::string> granted_scopes(const json::object& body,
                                        const storage::ProviderRecord& provider,
                                        std::vector<std::string>& warnings) {
    const json::value* value = member(body, "scope");
    if (value == nullptr) return provider.scopes;
    std::vector<std::string> granted;
    const auto add = [&](std::string_view text) {
        if (auto scopes = parse_scopes(text))
            granted.insert(granted.end(), scopes->begin(), scopes->end());
    };
    if (value->is_string()) add(value->as_string());
    if (value->is_array()) {
        for (const json::value& entry : value->as_array()) {
            if (entry.is_string()) add(entry.as_string());
        }
    }
    for (const std::string& wanted : provider.scopes) {
        if (std::find(granted.begin(), granted.end(), wanted) == granted.end()) {
            warnings.emplace_back("scope_reduced: '" + wanted + "' was not granted");
        }
    }
    return granted;
}

bool names_a_credential(std::string_view key) {
    const std::string lower = core::to_lower(key);
    for (const std::string_view part :
         {"token", "secret", "password", "assertion", "signature", "key"}) {
        if (lower.find(part) != std::string::npos) return true;
    }
    return false;
}

// Small scalars that callouts may need later (instance_url, api_domain, id …), never a credential
// (O-62).
json::object attributes_of(const json::object& body) {
    json::object kept;
    for (const auto& entry : body) {
        const json::value& value = entry.value();
        const bool small = value.is_number() || value.is_bool() ||
                           (value.is_string() && value.as_string().size() <= 1024);
        const std::string_view key = entry.key();
        if (!small || names_a_credential(key) || key == "expires_in" || key == "scope") continue;
        if (kept.size() < 32) kept[key] = value;
    }
    return kept;
}

Result<core::Secret> access_token_of(const json::object& body, const http::Response& response,
                                     std::string_view endpoint) {
    const auto refuse = [&](std::string_view why) {
        return malformed(ErrorKind::kPermanent, response, endpoint, why);
    };
    const json::value* value = body.if_contains("access_token");
    if (value == nullptr) return refuse("there is no access_token");
    if (!value->is_string()) return refuse("access_token is not a string");
    const std::string_view token = value->as_string();
    if (core::trim(token).empty() || token == "null") return refuse("access_token is empty");
    if (token.size() > kMaxTokenBytes) {
        return refuse("token too large (" + std::to_string(token.size()) +
                      " bytes; at most 65536 are carried)");
    }
    for (const char c : token) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x21 || byte == 0x7F)
            return refuse("access_token has a control character or a space");
    }
    return core::Secret(token);
}

// RFC 6749 section 7.1: a token whose type is not understood must not be used (O-59).
Result<> check_token_type(const json::object& body, const http::Response& response,
                          std::string_view endpoint, std::vector<std::string>& warnings) {
    const json::value* value = member(body, "token_type");
    if (value == nullptr) {
        warnings.emplace_back("token_type is missing; taken as Bearer");
        return {};
    }
    const std::string_view type = value->is_string() ? std::string_view(value->as_string()) : "";
    if (core::equals_ignoring_case(type, "bearer") ||
        core::equals_ignoring_case(type, "BearerToken"))
        return {};
    return malformed(ErrorKind::kPermanent, response, endpoint,
                     "token_type '" + core::printable(type, 40) + "' is not Bearer");
}

std::optional<core::Secret> refresh_token_of(const json::object& body,
                                             const storage::ProviderRecord& provider) {
    // With client credentials it is of no use and never preferred (O-67).
    if (!find_grant(provider.grant_type)->needs_refresh_token) return std::nullopt;
    const auto* value = member(body, "refresh_token");
    if (value == nullptr || !value->is_string() || value->as_string().empty()) return std::nullopt;
    if (value->as_string().size() > kMaxTokenBytes) return std::nullopt;
    return core::Secret(value->as_string());
}

}  // namespace

Result<TokenResponse> parse_token_response(const http::Response& response,
                                           const storage::ProviderRecord& provider,
                                           const ProviderSettings& settings, core::SystemTime now) {
    const std::string& endpoint = provider.token_endpoint;
    if (response.status < 200 || response.status > 299)
        return answer_failure(response, endpoint, now);
    if (response.body_truncated) {
        return malformed(ErrorKind::kTransient, response, endpoint,
                         "the answer was cut short or exceeds 1 MiB");
    }
    auto body = parse_token_body(response);
    if (!body) return malformed(ErrorKind::kTransient, response, endpoint, body.error().message);
    const bool says_no = body->contains("error") && !body->at("error").is_null();
    const auto* ok = body->if_contains("ok");
    const auto* success = body->if_contains("success");
    if (says_no || (ok != nullptr && *ok == false) || (success != nullptr && *success == false)) {
        return answer_failure(response, endpoint, now);
    }
    TokenResponse token;
    if (auto type = check_token_type(*body, response, endpoint, token.warnings); !type)
        return type.error();
    auto access = access_token_of(*body, response, endpoint);
    if (!access) return access.error();
    token.access_token = std::move(*access);
    token.refresh_token = refresh_token_of(*body, provider);
    token.lifetime = lifetime_of(*body, token.access_token, settings, now, token.warnings);
    token.scopes = granted_scopes(*body, provider, token.warnings);
    token.attributes = attributes_of(*body);
    return token;
}

}  // namespace herald::providers
