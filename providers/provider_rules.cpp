#include "providers/provider_rules.h"

#include <array>

#include "core/encoding.h"
#include "core/text_rules.h"
#include "http/url.h"
#include "providers/grant.h"
#include "providers/settings.h"

namespace herald::providers {
namespace {

using core::Error;
using core::invalid_argument;
using core::Result;
using storage::ProviderRecord;

constexpr std::size_t kMaxSecretBytes = 64 * 1024;
constexpr std::size_t kMaxParameters = 64;

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
    const bool loopback = url->host == "localhost" || (!ec && address.is_loopback());
    if (loopback) return {};
    return invalid_argument(
        field,
        "plain http would send the client's credentials unprotected; use https (http is "
        "accepted only towards loopback addresses listed in HERALD_EGRESS_ALLOW)");
}

Result<> check_endpoints(const ProviderRecord& record, const http::EgressPolicy& policy) {
    if (record.token_endpoint.empty()) {
        return invalid_argument("token_endpoint",
                                "is required; give the URL of the token endpoint with --token-url");
    }
    if (auto ok = check_endpoint("token_endpoint", record.token_endpoint, policy); !ok) return ok;
    if (record.revocation_endpoint) {
        if (auto ok = check_endpoint("revocation_endpoint", *record.revocation_endpoint, policy);
            !ok)
            return ok;
    }
    if (record.test_endpoint) return check_endpoint("test_endpoint", *record.test_endpoint, policy);
    return {};
}

Result<> check_client(const ProviderRecord& record, bool has_refresh_token) {
    if (record.client_id.empty())
        return invalid_argument("client_id", "is required; give it with --client-id");
    if (record.client_id.size() > 4096 || !core::is_valid_utf8(record.client_id) ||
        core::has_control_character(record.client_id)) {
        return invalid_argument("client_id",
                                "at most 4096 bytes of UTF-8 without control characters");
    }
    const auto* authentication = find_client_authentication(record.client_authentication);
    if (authentication->needs_secret && !record.client_secret) {
        return invalid_argument("client_secret",
                                std::string(authentication->name) +
                                    " needs a client secret; give it with --client-secret-file");
    }
    if (record.client_secret && (record.client_secret->empty() ||
                                 record.client_secret->reveal().size() > kMaxSecretBytes)) {
        return invalid_argument("client_secret", "1 to 65536 bytes");
    }
    if (find_grant(record.grant_type)->needs_refresh_token && !has_refresh_token) {
        return invalid_argument("refresh_token",
                                "the grant refresh_token needs a first refresh token; give it with "
                                "--refresh-token-file");
    }
    return {};
}

Result<> check_parameters(const ProviderRecord& record) {
    if (record.parameters.size() > kMaxParameters)
        return invalid_argument("parameters", "at most 64");
    for (const auto& [name, value] : record.parameters) {
        if (name.empty() || name.size() > 256 || value.size() > 16 * 1024) {
            return invalid_argument("parameters",
                                    "a name has 1 to 256 bytes and a value at most 16384");
        }
        if (std::find(kReservedParameters.begin(), kReservedParameters.end(), name) !=
            kReservedParameters.end()) {
            return invalid_argument("parameters",
                                    "'" + name +
                                        "' is written by the token request itself; use the "
                                        "option of that name");
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
    if (auto ok = check_endpoints(record, policy); !ok) return ok;
    if (auto ok = check_client(record, has_refresh_token); !ok) return ok;
    if (auto ok = check_parameters(record); !ok) return ok;
    if (auto ok = check_targets(record); !ok) return ok;
    if (auto settings = ProviderSettings::parse(record.settings); !settings)
        return settings.error();
    return {};
}

bool shapes_another_token(const ProviderRecord& before, const ProviderRecord& after) {
    const auto same_secret = [](const std::optional<core::Secret>& a,
                                const std::optional<core::Secret>& b) {
        return a.has_value() == b.has_value() && (!a || a->equals(*b));
    };
    const auto setting = [&](std::string_view key) {
        const boost::json::value* old = before.settings.if_contains(key);
        const boost::json::value* now = after.settings.if_contains(key);
        return (old == nullptr) != (now == nullptr) || (old != nullptr && *old != *now);
    };
    return before.kind != after.kind || before.grant_type != after.grant_type ||
           before.client_id != after.client_id ||
           !same_secret(before.client_secret, after.client_secret) ||
           before.client_authentication != after.client_authentication ||
           before.token_endpoint != after.token_endpoint || before.scopes != after.scopes ||
           before.parameters != after.parameters || before.audience != after.audience ||
           before.resources != after.resources || setting("raw_scope") ||
           setting("scope_separator");
}

std::string_view provider_state(const ProviderRecord& record, const storage::TokenRecord* token,
                                core::SystemTime now) {
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
