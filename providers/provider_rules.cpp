#include "providers/provider_rules.h"

#include <array>

#include "core/encoding.h"
#include "core/text_rules.h"
#include "http/special_addresses.h"
#include "http/url.h"
#include "providers/endpoint_template.h"
#include "providers/grant.h"
#include "providers/jwt.h"
#include "providers/kind.h"
#include "providers/settings.h"

namespace herald::providers {
namespace {

using core::Error;
using core::invalid_argument;
using core::Result;
using storage::ProviderRecord;

constexpr std::size_t kMaxSecretBytes = 64 * 1024;
constexpr std::size_t kMaxParameters = 64;
constexpr std::size_t kMaxFurtherSecrets = 8;

// Fields the token request writes itself; grant_type may be replaced (O-19).
constexpr std::array<std::string_view, 9> kReservedParameters = {
    "client_id", "client_secret", "scope",        "audience",        "resource",
    "code",      "refresh_token", "redirect_uri", "client_assertion"};

bool is_scope_character(char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte == 0x21 || (byte >= 0x23 && byte <= 0x5B) || (byte >= 0x5D && byte <= 0x7E);
}

std::string listing(std::span<const std::string_view> names) {
    std::string out;
    for (const std::string_view name : names) out.append(out.empty() ? "" : ", ").append(name);
    return out;
}

Result<> check_known(std::string_view field, std::string_view name,
                     std::span<const std::string_view> known) {
    if (std::find(known.begin(), known.end(), name) != known.end()) return {};
    return invalid_argument(
        field, "'" + core::printable(name, 64) + "' is not known; choose one of " + listing(known));
}

// Credentials travel to all three endpoints: https, or plain http to a loopback address that is
// allowed (O-8).
Result<> check_endpoint(std::string_view field, const std::string& text,
                        const http::EgressPolicy& policy) {
    auto url = http::Url::parse(text, field);
    if (!url) return url.error();
    if (auto literal = policy.check_literal(url->host, field); !literal) return literal;
    if (url->is_https()) return {};
    boost::system::error_code ec;
    const auto address = boost::asio::ip::make_address(url->host, ec);
    if (url->host == "localhost" || (!ec && http::is_loopback(address))) return {};
    return invalid_argument(
        field,
        "plain http would send the client's credentials unprotected; use https (http is "
        "accepted only towards loopback addresses listed in HERALD_EGRESS_ALLOW)");
}

Result<> check_endpoints(const ProviderRecord& record, const ProviderSettings& settings,
                         const http::EgressPolicy& policy) {
    const Endpoints& endpoints = settings.endpoints;
    if (endpoints.token.empty() && !record.issuer) {
        return invalid_argument("token_endpoint",
                                "is required; give the URL of the token endpoint with --token-url, "
                                "or the issuer with --issuer to have it discovered");
    }
    const std::array<std::pair<std::string_view, std::optional<std::string>>, 8> all{
        {{"token_endpoint",
          endpoints.token.empty() ? std::nullopt : std::optional(endpoints.token)},
         {"issuer", record.issuer},
         {"revocation_endpoint", endpoints.revocation},
         {"test_endpoint", endpoints.test},
         {"settings.refresh_endpoint", endpoints.refresh},
         {"settings.introspection_endpoint", endpoints.introspection},
         {"settings.authorization_endpoint", endpoints.authorization},
         {"settings.device_authorization_endpoint", endpoints.device_authorization}}};
    for (const auto& [field, endpoint] : all) {
        if (!endpoint) continue;
        std::string url = *endpoint;
        if (const auto at = url.find("{token}"); at != std::string::npos) url.replace(at, 7, "t");
        if (auto ok = check_endpoint(field, url, policy); !ok) return ok;
    }
    return {};
}

Result<> check_client_id(const ProviderRecord& record) {
    if (record.client_id.empty())
        return invalid_argument("client_id", "is required; give it with --client-id");
    if (record.client_id.size() > 4096 || !core::is_valid_utf8(record.client_id) ||
        core::has_control_character(record.client_id)) {
        return invalid_argument("client_id",
                                "at most 4096 bytes of UTF-8 without control characters");
    }
    return {};
}

bool is_good_size(const core::Secret& secret) {
    return !secret.empty() && secret.reveal().size() <= kMaxSecretBytes;
}

Result<> check_secrets(const ProviderRecord& record) {
    if (record.client_secret && !is_good_size(*record.client_secret))
        return invalid_argument("client_secret", "1 to 65536 bytes");
    if (record.further_secrets.size() > kMaxFurtherSecrets)
        return invalid_argument("further_secrets", "at most 8");
    for (const storage::ClientSecret& secret : record.further_secrets) {
        if (!is_good_size(secret.value))
            return invalid_argument("further_secrets", "1 to 65536 bytes each");
        if (secret.not_before && secret.not_after && *secret.not_before >= *secret.not_after)
            return invalid_argument("further_secrets", "not_before lies before not_after");
    }
    return {};
}

// The key must be one that the wanted algorithm can use, and belong to the certificate.
Result<> check_keys(const ProviderRecord& record, const ProviderSettings& settings) {
    if (record.private_key) {
        const auto key = SigningKey::parse(*record.private_key);
        if (!key) return key.error();
        const std::string& algorithm = settings.assertion.algorithm;
        const bool signs = !authenticates_by_tls(record) && !algorithm.starts_with("HS");
        if (signs && !algorithm.empty()) {
            if (auto fits = key->check(algorithm); !fits) return fits;
        }
    }
    if (record.certificate) {
        if (auto facts = certificate_facts(*record.certificate); !facts) return facts.error();
        if (record.private_key)
            return check_certificate_key(*record.certificate, *record.private_key);
    }
    return {};
}

/// A header that an operator named, and the member that did.
struct NamedHeader {
    std::string_view field;
    std::string_view name;
};

// Each is set, not added: the second of two would replace the first.
Result<> check_distinct(const std::vector<NamedHeader>& headers) {
    for (auto header = headers.begin(); header != headers.end(); ++header) {
        const auto same = std::find_if(headers.begin(), header, [&](const NamedHeader& before) {
            return !before.name.empty() && core::equals_ignoring_case(before.name, header->name);
        });
        if (same == header) continue;
        return invalid_argument(header->field, std::string(header->name) + " is set by " +
                                                   std::string(same->field) +
                                                   " already; each header needs a name of its own");
    }
    return {};
}

Result<> check_callout_headers(const ProviderRecord& record, const ProviderSettings& settings) {
    const Placement& placement = settings.placement;
    std::vector<NamedHeader> headers{{"settings.entity_header", placement.entity_header},
                                     {"settings.track_header", settings.call.track_header}};
    if (placement.query_parameter.empty())
        headers.push_back({"settings.token_header", placement.header});
    for (const auto& [name, value] : placement.headers)
        headers.push_back({"settings.callout_headers", name});
    for (const auto& [name, value] : record.secret_callout_headers)
        headers.push_back({"secret_callout_headers", name});
    return check_distinct(headers);
}

// Basic is an Authorization header of ours.
Result<> check_token_headers(const ProviderRecord& record, const ProviderSettings& settings) {
    const auto role = record.client_authentication == "client_secret_basic"
                          ? http::HeaderRole::kBesideOurs
                          : http::HeaderRole::kWithoutOurs;
    std::vector<NamedHeader> headers{{"settings.track_header", settings.call.track_header}};
    for (const auto& [name, value] : settings.call.headers)
        headers.push_back({"settings.token_headers", name});
    for (const auto& [name, value] : record.secret_token_headers)
        headers.push_back({"secret_token_headers", name});
    for (const NamedHeader& header : headers) {
        if (header.name.empty()) continue;
        if (auto free = http::check_header_name(header.name, role, header.field); !free)
            return free;
    }
    return check_distinct(headers);
}

Result<> check_secret_headers(const storage::SecretFields& headers, std::string_view field,
                              http::HeaderRole role) {
    if (headers.size() > kMaxParameters) return invalid_argument(field, "at most 64");
    for (const auto& [name, value] : headers) {
        if (auto free = http::check_header_name(name, role, field); !free) return free;
        if (auto valid = http::validate_header(name, value.reveal(), field); !valid) return valid;
    }
    return {};
}

Result<> check_headers(const ProviderRecord& record, const ProviderSettings& settings) {
    auto done = check_secret_headers(record.secret_token_headers, "secret_token_headers",
                                     http::HeaderRole::kWithoutOurs);
    if (!done) return done;
    done = check_secret_headers(record.secret_callout_headers, "secret_callout_headers",
                                http::HeaderRole::kBesideOurs);
    if (!done) return done;
    done = check_token_headers(record, settings);
    if (!done) return done;
    return check_callout_headers(record, settings);
}

// What is needed to ask for a token. A disabled provider may be without, as an imported one is.
Result<> check_credentials(const ProviderRecord& record, const ProviderSettings& settings,
                           bool has_refresh_token) {
    const Grant* grant = find_grant(record.grant_type);
    const auto* authentication = find_client_authentication(record.client_authentication);
    const std::string name(authentication->name);
    if (authentication->needs_secret && !record.client_secret &&
        settings.client_secret_path.empty()) {
        return invalid_argument("client_secret",
                                name + " needs a client secret; give it with --client-secret-file");
    }
    const bool has_key = record.private_key || !settings.private_key_path.empty();
    if ((authentication->needs_private_key || grant->needs_private_key) && !has_key) {
        const std::string who = grant->needs_private_key ? std::string(grant->name) : name;
        return invalid_argument("private_key",
                                who + " needs a private key; give it with --private-key-file");
    }
    const bool has_certificate = record.certificate || !settings.certificate_path.empty();
    if (authentication->needs_certificate && !has_certificate) {
        return invalid_argument("certificate",
                                name + " needs a certificate; give it with --certificate-file");
    }
    if (grant->needs_refresh_token && !has_refresh_token) {
        return invalid_argument("refresh_token",
                                "the grant refresh_token needs a first refresh token; give it with "
                                "--refresh-token-file");
    }
    return {};
}

Result<> check_parameter(std::string_view field, std::string_view name, std::string_view value) {
    if (name.empty() || name.size() > 256 || value.size() > 16 * 1024)
        return invalid_argument(field, "a name has 1 to 256 bytes and a value at most 16384");
    if (std::find(kReservedParameters.begin(), kReservedParameters.end(), name) ==
        kReservedParameters.end()) {
        return {};
    }
    return invalid_argument(field, "'" + std::string(name) +
                                       "' is written by the token request itself; use the option "
                                       "of that name");
}

Result<> check_parameters(const ProviderRecord& record) {
    if (record.parameters.size() + record.secret_parameters.size() > kMaxParameters)
        return invalid_argument("parameters", "at most 64");
    for (const auto& [name, value] : record.parameters) {
        if (auto ok = check_parameter("parameters", name, value); !ok) return ok;
    }
    for (const auto& [name, value] : record.secret_parameters) {
        if (auto ok = check_parameter("secret_parameters", name, value.reveal()); !ok) return ok;
        const bool twice = std::any_of(record.parameters.begin(), record.parameters.end(),
                                       [&](const auto& plain) { return plain.first == name; });
        if (twice || name == "grant_type") {
            return invalid_argument("secret_parameters",
                                    "'" + name + "' is a parameter in the clear already");
        }
    }
    return {};
}

Result<> check_targets(const ProviderRecord& record) {
    if (record.audience &&
        (record.audience->empty() || core::has_control_character(*record.audience))) {
        return invalid_argument("audience", "is not empty and has no control characters");
    }
    for (const std::string& resource : record.resources) {
        const auto colon = resource.find(':');
        const bool absolute = colon != std::string::npos && colon > 0;
        if (!absolute || core::has_control_character(resource) ||
            resource.find_first_of("# ") != std::string::npos) {
            return invalid_argument("resource",
                                    "'" + core::printable(resource, 64) +
                                        "' is not an absolute URI without a fragment (RFC 8707)");
        }
    }
    for (const std::string& scope : record.scopes) {
        if (auto parsed = parse_scopes(scope); !parsed) return parsed.error();
    }
    return {};
}

// Settings that say how to treat a token, not which one to ask for.
constexpr std::array<std::string_view, 14> kTreatment = {"assumed_lifetime_s",
                                                         "max_lifetime_s",
                                                         "refresh_lead_s",
                                                         "expiry_margin_s",
                                                         "keep_warm",
                                                         "grant_refresh_s",
                                                         "rejected_retry_s",
                                                         "request_timeout_ms",
                                                         "resume_after_revoke",
                                                         "test_method",
                                                         "callout_headers",
                                                         "secret_expires_at",
                                                         "token_requests_per_minute",
                                                         "ca_file"};

boost::json::object shaping(boost::json::object settings) {
    for (const std::string_view key : kTreatment) settings.erase(key);
    return settings;
}

}  // namespace

Result<std::vector<std::string>> parse_scopes(std::string_view text) {
    std::vector<std::string> scopes;
    std::size_t at = 0;
    while (at < text.size()) {
        const std::size_t start = text.find_first_not_of(" ,", at);
        if (start == std::string_view::npos) break;
        const std::size_t end = std::min(text.find_first_of(" ,", start), text.size());
        const std::string_view token = text.substr(start, end - start);
        if (!std::all_of(token.begin(), token.end(), is_scope_character)) {
            return invalid_argument(
                "scope", "'" + core::printable(token, 64) +
                             "' has a character that a scope may not have (RFC 6749 section 3.3)");
        }
        if (std::find(scopes.begin(), scopes.end(), token) == scopes.end())
            scopes.emplace_back(token);
        at = end;
    }
    return scopes;
}

Result<> validate(const ProviderRecord& record, bool has_refresh_token,
                  const http::EgressPolicy& policy) {
    if (auto ok = core::validate_name(record.name); !ok) return ok;
    if (auto ok = check_known("kind", record.kind, known_kinds()); !ok) return ok;
    if (auto ok = check_known("grant_type", record.grant_type, known_grant_types()); !ok) return ok;
    if (auto ok = check_known("client_authentication", record.client_authentication,
                              known_client_authentications());
        !ok) {
        return ok;
    }
    const auto settings = ProviderSettings::of(record);
    if (!settings) return settings.error();
    if (auto ok = check_endpoints(record, *settings, policy); !ok) return ok;
    if (auto ok = check_client_id(record); !ok) return ok;
    if (auto ok = check_secrets(record); !ok) return ok;
    if (auto ok = check_keys(record, *settings); !ok) return ok;
    if (auto ok = check_headers(record, *settings); !ok) return ok;
    if (record.enabled) {
        if (auto ok = check_credentials(record, *settings, has_refresh_token); !ok) return ok;
    }
    if (auto ok = check_parameters(record); !ok) return ok;
    if (auto ok = check_targets(record); !ok) return ok;
    const Kind* kind = find_kind(record.kind);
    if (kind->check != nullptr) return kind->check(record, merged_settings(record));
    return {};
}

Result<> normalize(ProviderRecord& record) {
    const Kind* kind = find_kind(record.kind);
    if (kind == nullptr || kind->normalize == nullptr) return {};
    return kind->normalize(record);
}

Result<> check_change(const ProviderRecord& before, const ProviderRecord& after) {
    const Kind* kind = find_kind(after.kind);
    if (kind == nullptr || kind->check_change == nullptr) return {};
    return kind->check_change(before, after);
}

bool shapes_another_token(const ProviderRecord& before, const ProviderRecord& after) {
    const auto same_secret = [](const std::optional<core::Secret>& a,
                                const std::optional<core::Secret>& b) {
        return a.has_value() == b.has_value() && (!a || a->equals(*b));
    };
    return before.kind != after.kind || before.grant_type != after.grant_type ||
           before.client_id != after.client_id ||
           !same_secret(before.client_secret, after.client_secret) ||
           !same_secret(before.private_key, after.private_key) ||
           before.certificate != after.certificate ||
           before.client_authentication != after.client_authentication ||
           before.token_endpoint != after.token_endpoint || before.issuer != after.issuer ||
           before.scopes != after.scopes || before.parameters != after.parameters ||
           !storage::same(before.secret_parameters, after.secret_parameters) ||
           !storage::same(before.secret_token_headers, after.secret_token_headers) ||
           before.audience != after.audience || before.resources != after.resources ||
           shaping(before.settings) != shaping(after.settings);
}

std::string_view provider_state(const ProviderRecord& record, const storage::TokenRecord* token,
                                core::StoredTime now) {
    if (!record.enabled) return "disabled";
    if (record.condition == storage::ProviderCondition::kRevoked) return "revoked";
    // A usable token keeps `authorized` whatever its refresh meets; last_error tells of that.
    if (token != nullptr && token->access_token && token->expires_at > now) return "authorized";
    switch (record.condition) {
        case storage::ProviderCondition::kNeedsSetup:
            return "needs_setup";
        case storage::ProviderCondition::kRejected:
            return "rejected";
        case storage::ProviderCondition::kFailing:
            return "failing";
        case storage::ProviderCondition::kRevoked:
        case storage::ProviderCondition::kOk:
            return "no_token";
    }
    return "no_token";
}

}  // namespace herald::providers
