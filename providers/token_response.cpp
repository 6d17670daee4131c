#include "providers/token_response.h"

#include <boost/json/parse.hpp>
#include <charconv>
#include <cmath>

#include "core/encoding.h"
#include "core/json.h"
#include "core/time_text.h"
#include "providers/grant.h"
#include "providers/kind.h"
#include "providers/provider_rules.h"
#include "providers/refusal.h"
#include "providers/token_body.h"

namespace herald::providers {
namespace {

namespace json = boost::json;
using core::Error;
using core::ErrorKind;
using core::Result;
using std::chrono::milliseconds;

constexpr std::size_t kMaxPreview = 220;
constexpr std::string_view kTrackIdAttribute = "track_id";
constexpr std::size_t kMaxTokenBytes = 64 * 1024;   // O-63
constexpr std::chrono::seconds kTolerableSkew{30};  // O-158

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

// What the pointer leads to; null where there is nothing, or JSON's null.
const json::value* at(const json::value& body, const std::string& pointer) {
    json::error_code ec;
    const json::value* found = body.find_pointer(pointer, ec);
    return ec || found == nullptr || found->is_null() ? nullptr : found;
}

// "177:05:38", days or hours first: the last two parts are minutes and seconds of a clock, or hours
// and minutes after days (Tableau).
std::optional<double> clock_seconds(std::string_view text) {
    std::vector<double> parts;
    while (true) {
        const auto part = text.substr(0, text.find(':'));
        double number = 0;
        const auto [end, ec] = std::from_chars(part.data(), part.data() + part.size(), number);
        if (ec != std::errc() || end != part.data() + part.size() || part.empty())
            return std::nullopt;
        parts.push_back(number);
        if (part.size() == text.size()) break;
        text.remove_prefix(part.size() + 1);
    }
    if (parts.size() != 3) return std::nullopt;
    return ((parts[0] * 24 + parts[1]) * 60 + parts[2]) * 60;
}

// How Keycloak, GitHub and Intuit call it. 0 has no end (Keycloak's offline sessions).
std::optional<milliseconds> told_grant_lifetime(const json::value& body) {
    constexpr double kLongest = 10.0 * 366 * 86'400;
    for (const char* pointer :
         {"/refresh_expires_in", "/refresh_token_expires_in", "/x_refresh_token_expires_in"}) {
        const json::value* told = at(body, pointer);
        const auto seconds = told == nullptr ? std::nullopt : number_of(*told);
        if (!seconds || !(*seconds > 0)) continue;
        return milliseconds(static_cast<std::int64_t>(std::min(*seconds, kLongest) * 1000.0));
    }
    return std::nullopt;
}

// A lifetime or a moment: numbers of more than thirty years are moments.
std::optional<double> seconds_of(const json::value& value, double unit, core::SystemTime now) {
    if (const auto number = number_of(value)) {
        if (*number > 1e9) return seconds_until(value, now);
        return *number * unit;
    }
    if (!value.is_string()) return std::nullopt;
    if (const auto clock = clock_seconds(value.get_string())) return clock;
    return seconds_until(value, now);
}

std::optional<double> told_moment(const json::value& body, core::SystemTime now) {
    for (const char* pointer : {"/expires_at", "/expires_on"}) {
        if (const auto* value = at(body, pointer)) return seconds_until(*value, now);
    }
    return std::nullopt;
}

std::optional<double> told_lifetime(const json::value& body, const TokenAnswer& answer,
                                    core::SystemTime now) {
    const double unit = answer.expiry_in_milliseconds ? 1e-3 : 1;
    if (answer.expiry) {
        const auto* value = at(body, *answer.expiry);
        return value == nullptr ? std::nullopt : seconds_of(*value, unit, now);
    }
    std::optional<double> seconds;
    if (answer.expires_at_first) seconds = told_moment(body, now);
    const auto* value = at(body, "/expires_in");
    if (!seconds && value != nullptr) {
        seconds = number_of(*value);
        if (seconds) *seconds *= unit;
    }
    return seconds ? seconds : told_moment(body, now);
}

void note_lifetime(const json::value& body, const ProviderSettings& settings, core::SystemTime now,
                   TokenResponse& token) {
    std::optional<double> seconds = told_lifetime(body, settings.answer, now);
    if (!seconds) seconds = seconds_until_jwt_exp(token.access_token.reveal(), now);
    token.lifetime_is_told = seconds.has_value();
    if (!seconds) {
        token.warnings.emplace_back("the server tells no lifetime; assuming " +
                                    std::to_string(settings.assumed_lifetime_s.count()) + " s");
        token.lifetime = settings.assumed_lifetime_s;
        return;
    }
    token.lifetime = clamped_lifetime(*seconds, settings);
    if (token.lifetime.count() == 0) token.warnings.emplace_back("the token is expired on arrival");
}

std::vector<std::string> granted_scopes(const json::value& body,
                                        const storage::ProviderRecord& provider,
                                        const ProviderSettings& settings,
                                        std::vector<std::string>& warnings) {
    const json::value* value = at(body, settings.answer.scope_pointer);
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

// Small scalars that somebody asked for (O-62); whatever else stands in the answer may be a
// credential.
json::object attributes_of(const json::value& body, const ProviderSettings& settings,
                           const core::Masking& masking) {
    json::object kept;
    if (!body.is_object()) return kept;
    for (const auto& [name, value] : kept_attributes(body.get_object(), settings)) {
        const bool small = value.is_number() || value.is_bool() ||
                           (value.is_string() && value.get_string().size() <= 1024);
        if (!small || kept.size() == 32) continue;
        kept[name] = value;
        if (value.is_string()) kept[name] = masking.masked(value.get_string());
    }
    return kept;
}

Result<core::Secret> access_token_of(const json::value& body, const http::Response& response,
                                     const std::string& pointer, std::string_view endpoint) {
    const auto refuse = [&](std::string_view why) {
        return malformed(ErrorKind::kPermanent, response, endpoint, why);
    };
    const bool usual = pointer == "/access_token";
    json::error_code ec;
    const json::value* value = body.find_pointer(pointer, ec);
    if (ec || value == nullptr) {
        return refuse(usual ? "there is no access_token"
                            : "there is no access_token at " + pointer.substr(0, 128));
    }
    if (!value->is_string()) return refuse("access_token is not a string");
    const std::string_view token = value->as_string();
    if (core::trim(token).empty() || token == "null") return refuse("access_token is empty");
    if (token.size() > kMaxTokenBytes) {
        return refuse("token too large (" + std::to_string(token.size()) +
                      " bytes; at most 65536 are carried)");
    }
    // What cannot stand in a header cannot be sent; RFC 6749 appendix A.12 allows no more.
    for (const char c : token) {
        if (c < 0x21 || c > 0x7E) {
            return refuse(
                "access_token has a control character, a space or a byte beyond ASCII, "
                "which no header can carry");
        }
    }
    return core::Secret(token);
}

// RFC 6749 section 7.1: a token whose type is not understood must not be used (O-59); one that is
// not bound though that was asked for neither (O-60).
Result<> check_token_type(const json::value& body, const http::Response& response,
                          const core::Masking& masking, const ProviderSettings& settings,
                          std::vector<std::string>& warnings) {
    const std::string& endpoint = settings.endpoints.token;
    const json::value* value = at(body, "/token_type");
    if (value == nullptr && !settings.dpop) {
        warnings.emplace_back("token_type is missing; taken as Bearer");
        return {};
    }
    const std::string_view type =
        value != nullptr && value->is_string() ? std::string_view(value->as_string()) : "";
    const auto is = [&](std::string_view known) { return core::equals_ignoring_case(type, known); };
    if (settings.dpop) {
        if (is("DPoP")) return {};
        return malformed(ErrorKind::kPermanent, response, endpoint,
                         "token_type '" + masking.shown(type, 40) +
                             "' is not DPoP: the server did not bind the token to our key");
    }
    const auto& more = settings.answer.token_types;
    if (is("bearer") || is("BearerToken") || std::any_of(more.begin(), more.end(), is)) return {};
    return malformed(ErrorKind::kPermanent, response, endpoint,
                     "token_type '" + masking.shown(type, 40) + "' is not Bearer");
}

std::optional<core::Secret> refresh_token_of(const json::value& body,
                                             const storage::ProviderRecord& provider,
                                             const ProviderSettings& settings) {
    // With client credentials it is of no use and never preferred (O-67).
    if (!find_grant(provider.grant_type)->uses_refresh_token) return std::nullopt;
    const auto* value = at(body, settings.answer.refresh_token_pointer);
    if (value == nullptr || !value->is_string() || value->as_string().empty()) return std::nullopt;
    if (value->as_string().size() > kMaxTokenBytes) return std::nullopt;
    return core::Secret(value->as_string());
}

// With success as status: an `error`, Slack's `ok`, Zuora's `success`, or what the settings name.
// What a member says counts, not that it is there: many servers send an empty `error` with a token.
bool says_no(const json::value& body, const TokenAnswer& answer) {
    const auto is_false = [&](const char* pointer) {
        const auto* value = at(body, pointer);
        if (value == nullptr) return false;
        return value->is_string() ? *value == "false" : !says_something(*value);
    };
    const auto is_told = [&](const std::string& pointer) {
        const auto* value = at(body, pointer);
        return value != nullptr && says_something(*value);
    };
    if (is_told("/error") || is_false("/ok") || is_false("/success")) return true;
    return answer.error && is_told(*answer.error);
}

void note_repeated(const http::Response& response, const core::Masking& masking,
                   std::vector<std::string>& warnings) {
    for (const std::string& name : repeated_members(response)) {
        warnings.push_back("'" + masking.shown(name, 64) +
                           "' stands more than once in the answer; the last one counts");
    }
}

// Its own tokens as well: an answer may say them twice.
core::Masking with_tokens_of(const json::value& body, const TokenAnswer& answer,
                             const core::Masking& masking) {
    core::Masking all = masking;
    for (const std::string& pointer : {answer.access_token_pointer, answer.refresh_token_pointer}) {
        const json::value* token = at(body, pointer);
        if (token != nullptr && token->is_string()) all.add(token->get_string());
    }
    return all;
}

Result<json::value> body_of(const http::Response& response, const TokenAnswer& answer) {
    auto body = parse_token_body(response);
    if (body) return json::value(std::move(*body));
    if (!answer.access_token_pointer.empty()) return body.error();
    // The whole body is the token, as a JSON string or bare.
    const std::string_view text = core::trim(response.body);
    json::error_code ec;
    json::value value = json::parse(text, ec);
    if (!ec && value.is_string()) return value;
    return json::value(text);
}

}  // namespace

json::object kept_attributes(const json::object& all, const ProviderSettings& settings) {
    json::object kept;
    for (const auto& [name, value] : all) {
        const auto& asked_for = settings.answer.kept_attributes;
        const bool is_kept = name == settings.placement.base_attribute ||
                             name == kTrackIdAttribute ||
                             std::find(asked_for.begin(), asked_for.end(),
                                       std::string_view(name)) != asked_for.end();
        if (is_kept) kept[name] = value;
    }
    return kept;
}

std::optional<std::chrono::seconds> clock_skew(const http::Response& response,
                                               core::SystemTime now) {
    const auto date = response.headers.get("Date");
    const auto there = date ? core::parse_http_date(*date) : std::nullopt;
    if (!there) return std::nullopt;
    const auto skew = std::chrono::duration_cast<std::chrono::seconds>(now - *there);
    if (std::chrono::abs(skew) <= kTolerableSkew) return std::nullopt;
    return skew;
}

std::string skew_text(const http::Response& response, std::chrono::seconds skew) {
    return "this machine's clock is " + std::to_string(std::abs(skew.count())) + " s " +
           (skew.count() > 0 ? "ahead of" : "behind") + " the server's Date, " +
           core::printable(response.headers.get("Date").value_or(""), 64);  // tidy: an HTTP date
}

milliseconds clamped_lifetime(double seconds, const ProviderSettings& settings) {
    if (!(seconds > 0)) return milliseconds(0);
    const auto cap = static_cast<double>(settings.max_lifetime_s.count());
    return milliseconds(static_cast<std::int64_t>(std::floor(std::min(seconds, cap)) * 1000.0));
}

Result<TokenResponse> parse_token_response(const http::Response& response,
                                           const core::Masking& masking,
                                           const storage::ProviderRecord& provider,
                                           const ProviderSettings& settings, core::SystemTime now) {
    const std::string& endpoint = settings.endpoints.token;
    if (response.status < 200 || response.status > 299)
        return answer_failure(response, masking, endpoint, now);
    if (response.body_truncated) {
        return malformed(ErrorKind::kTransient, response, endpoint,
                         "the answer was cut short or exceeds 1 MiB");
    }
    const auto body = body_of(response, settings.answer);
    if (!body) {
        return malformed(ErrorKind::kTransient, response, endpoint,
                         masking.shown(body.error().message, kMaxPreview));
    }
    const core::Masking hidden = with_tokens_of(*body, settings.answer, masking);
    if (says_no(*body, settings.answer)) return answer_failure(response, hidden, endpoint, now);
    TokenResponse token;
    if (auto type = check_token_type(*body, response, hidden, settings, token.warnings); !type)
        return type.error();
    auto access = access_token_of(*body, response, settings.answer.access_token_pointer, endpoint);
    if (!access) return access.error();
    token.access_token = std::move(*access);
    token.refresh_token = refresh_token_of(*body, provider, settings);
    note_lifetime(*body, settings, now, token);
    token.grant_lifetime = told_grant_lifetime(*body);
    token.scopes = granted_scopes(*body, provider, settings, token.warnings);
    for (std::string& scope : token.scopes) scope = hidden.masked(scope);
    token.attributes = attributes_of(*body, settings, hidden);
    note_repeated(response, hidden, token.warnings);
    if (!settings.call.track_header.empty()) {
        if (const auto echo = response.headers.get(settings.call.track_header))
            token.attributes[kTrackIdAttribute] = hidden.shown(*echo, 64);
    }
    if (const auto skew = clock_skew(response, now))
        token.warnings.push_back(skew_text(response, *skew));
    const Kind* kind = find_kind(provider.kind);
    if (kind->check_token != nullptr) {
        const auto fits = kind->check_token(merged_settings(provider), token.attributes);
        if (!fits) return fits.error();
    }
    return token;
}

}  // namespace herald::providers
