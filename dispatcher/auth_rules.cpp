#include "dispatcher/auth_rules.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>
#include <variant>
#include <vector>

#include "core/encoding.h"
#include "core/json.h"
#include "core/text_rules.h"
#include "dispatcher/key_pair.h"
#include "http/message.h"
#include "http/special_addresses.h"

namespace herald::dispatcher {
namespace {

using core::invalid_argument;
using core::Result;
using storage::NotificationRecord;

constexpr std::size_t kMaxAuthUrl = 8 * 1024;
constexpr std::size_t kMaxAuthTemplate = 256 * 1024;
constexpr std::size_t kMaxPointer = 1024;
constexpr std::size_t kMaxEntityName = 256;
constexpr std::size_t kUuidLength = 36;
constexpr std::size_t kBareUuidLength = 32;
constexpr std::chrono::seconds kLongestSession = std::chrono::hours(24);
constexpr std::array<std::string_view, 3> kAuthMethods{"POST", "PUT", "GET"};

/// A header that an authentication sets, and the member that names it.
struct AuthHeader {
    std::string_view field;
    std::string_view name;
};

Result<> check_auth_header_name(const AuthHeader& header) {
    return http::check_header_name(header.name, http::HeaderRole::kCredential, header.field);
}

Result<> check_distinct(const std::vector<AuthHeader>& headers) {
    for (std::size_t i = 1; i < headers.size(); ++i) {
        const bool twice =
            std::any_of(headers.begin(), headers.begin() + static_cast<std::ptrdiff_t>(i),
                        [&](const AuthHeader& before) {
                            return core::equals_ignoring_case(before.name, headers[i].name);
                        });
        if (!twice) continue;
        return invalid_argument(headers[i].field, std::string(headers[i].name) +
                                                      " is used twice; each header needs a name "
                                                      "of its own");
    }
    return {};
}

// Those that go out with the callout itself.
Result<> check_beside(const std::vector<AuthHeader>& headers, const NotificationRecord& record) {
    for (const AuthHeader& ours : headers) {
        const auto is_ours = [&](const auto& header) {
            return core::equals_ignoring_case(header.first, ours.name);
        };
        const bool plain = std::any_of(record.headers.begin(), record.headers.end(), is_ours);
        const bool secret =
            std::any_of(record.secret_headers.begin(), record.secret_headers.end(), is_ours);
        if (!plain && !secret) continue;
        return invalid_argument(
            plain ? "headers" : "secret_headers",
            std::string(ours.name) + " is the header of the authentication already");
    }
    return {};
}

Result<> check_secret(const core::Secret& secret, std::string_view field) {
    if (secret.empty()) return invalid_argument(field, "it is not empty");
    if (http::validate_header("x", secret.reveal(), field)) return {};
    return invalid_argument(field,
                            "a header value has no control characters and no spaces at its edges");
}

Result<> check_key_pair(const storage::KeyPair& key) {
    const AuthHeader id{"auth.id_header", key.id_header};
    const AuthHeader secret{"auth.secret_header", key.secret_header};
    for (const AuthHeader& header : {id, secret}) {
        if (auto valid = check_auth_header_name(header); !valid) return valid;
    }
    if (auto valid = check_distinct({id, secret}); !valid) return valid;
    if (auto valid = check_secret(key.id, "auth.key_id"); !valid) return valid;
    return check_secret(key.secret, "auth.key_secret");
}

// A key pair that is shown to a resource of its own, where we ask for JSON.
Result<> check_key_pair_elsewhere(const storage::KeyPair& key) {
    if (auto valid = check_key_pair(key); !valid) return valid;
    if (core::equals_ignoring_case(key.id_header, "Accept"))
        return invalid_argument("auth.id_header", "Accept is set by herald; choose another");
    if (core::equals_ignoring_case(key.secret_header, "Accept"))
        return invalid_argument("auth.secret_header", "Accept is set by herald; choose another");
    return {};
}

Result<> check_resource(const std::string& text, std::string_view field, std::string_view flag,
                        const http::EgressPolicy& policy) {
    if (text.empty())
        return invalid_argument(field, "is required; give it with " + std::string(flag));
    if (text.size() > kMaxAuthUrl) return invalid_argument(field, "a URL has at most 8 KiB");
    const auto url = http::Url::parse(text, field);
    if (!url) return url.error();
    return check_credential_url(*url, policy, field);
}

bool is_hex_digit(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

bool is_uuid(std::string_view text) {
    if (text.size() != kUuidLength) return false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool hyphen = i == 8 || i == 13 || i == 18 || i == 23;
        if (hyphen ? text[i] != '-' : !is_hex_digit(text[i])) return false;
    }
    return true;
}

bool is_bare_uuid(std::string_view text) {
    return text.size() == kBareUuidLength && std::ranges::all_of(text, is_hex_digit);
}

Result<> check_entity(const storage::KeyPairAuth& auth) {
    if (auth.entity_id && auth.entity_name) {
        return invalid_argument("auth.entity_id",
                                "entity_id and entity_name exclude each other: give one, and take "
                                "the other away with '' (--entity-id '' or --entity-name '')");
    }
    if (auth.entity_id && !is_uuid(*auth.entity_id) && !is_bare_uuid(*auth.entity_id)) {
        return invalid_argument("auth.entity_id",
                                "an entity id has 32 hex digits, or 36 characters with hyphens");
    }
    if (!auth.entity_name) return {};
    const bool fits = !auth.entity_name->empty() && auth.entity_name->size() <= kMaxEntityName;
    if (fits && http::validate_header(kEntityNameHeader, *auth.entity_name, "auth.entity_name"))
        return {};
    return invalid_argument("auth.entity_name",
                            "an entity name has 1 to 256 visible ASCII characters and spaces, "
                            "none at its edges");
}

Result<> check_pointer(const std::string& pointer, std::string_view field) {
    const auto parsed = core::parse_json_pointer(pointer);
    if (!parsed) return invalid_argument(field, parsed.error().message);
    if (!pointer.empty() && pointer.size() <= kMaxPointer) return {};
    return invalid_argument(field, "it is a JSON Pointer of 1 to 1024 bytes, such as /token");
}

Result<> check_signature_request(const storage::SingleUseTokenAuth& auth,
                                 const http::EgressPolicy& policy) {
    if (auto valid =
            check_resource(auth.signature_url, "auth.signature_url", "--signature-url", policy);
        !valid)
        return valid;
    if (std::find(kAuthMethods.begin(), kAuthMethods.end(), auth.method) == kAuthMethods.end())
        return invalid_argument("auth.method", "the method is POST, PUT or GET");
    if (!auth.body_template) return {};
    if (auth.method == "GET") {
        return invalid_argument("auth.body_template",
                                "GET has no body; take POST or PUT, or take the body away "
                                "(--signature-body '')");
    }
    if (auth.body_template->size() > kMaxAuthTemplate)
        return invalid_argument("auth.body_template", "a body template has at most 256 KiB");
    return {};
}

struct AuthRules {
    const NotificationRecord& record;
    const http::EgressPolicy& policy;

    Result<> operator()(const storage::NoAuth&) const { return {}; }

    Result<> operator()(const storage::BasicAuth& auth) const {
        const bool has_colon = auth.username.find(':') != std::string::npos;
        if (auth.username.empty() || has_colon || core::has_control_character(auth.username)) {
            return invalid_argument(
                "auth.username",
                "a user name is not empty and has no colon and no control characters (RFC 7617)");
        }
        if (core::has_control_character(auth.password.reveal())) {
            return invalid_argument("auth.password",
                                    "a password has no control characters (RFC 7617)");
        }
        return {};
    }

    Result<> operator()(const storage::HeaderAuth& auth) const {
        const AuthHeader header{"auth.name", auth.name};
        if (auto valid = check_auth_header_name(header); !valid) return valid;
        if (auto valid = check_beside({header}, record); !valid) return valid;
        if (auth.value.empty()) return invalid_argument("auth.value", "the header needs a value");
        return check_secret(auth.value, "auth.value");
    }

    Result<> operator()(const storage::OauthAuth& auth) const {
        if (!auth.entity || is_uuid(*auth.entity)) return {};
        return invalid_argument("auth.entity",
                                "an entity is a UUID of 36 characters, hyphens included");
    }

    Result<> operator()(const storage::KeyPairAuth& auth) const {
        if (auto valid = check_key_pair(auth.key); !valid) return valid;
        if (auto valid = check_entity(auth); !valid) return valid;
        std::vector<AuthHeader> headers{{"auth.id_header", auth.key.id_header},
                                        {"auth.secret_header", auth.key.secret_header}};
        if (auth.entity_id) headers.insert(headers.begin(), {"auth.entity_id", kEntityIdHeader});
        if (auth.entity_name)
            headers.insert(headers.begin(), {"auth.entity_name", kEntityNameHeader});
        if (auto valid = check_distinct(headers); !valid) return valid;
        return check_beside(headers, record);
    }

    Result<> operator()(const storage::SessionCookieAuth& auth) const {
        if (auto valid = check_resource(auth.login_url, "auth.login_url", "--login-url", policy);
            !valid)
            return valid;
        if (auth.session_timeout < std::chrono::seconds(1) ||
            auth.session_timeout > kLongestSession) {
            return invalid_argument("auth.session_timeout_s",
                                    "the session timeout is 1 s to 24 hours");
        }
        if (auto valid = check_key_pair_elsewhere(auth.key); !valid) return valid;
        return check_beside({AuthHeader{"auth.kind", "Cookie"}}, record);
    }

    Result<> operator()(const storage::SingleUseTokenAuth& auth) const {
        if (auto valid = check_signature_request(auth, policy); !valid) return valid;
        if (auto valid = check_key_pair_elsewhere(auth.key); !valid) return valid;
        if (auto valid = check_pointer(auth.token_pointer, "auth.token_pointer"); !valid)
            return valid;
        if (auto valid = check_pointer(auth.signature_pointer, "auth.signature_pointer"); !valid)
            return valid;
        const std::vector<AuthHeader> headers{{"auth.token_header", auth.token_header},
                                              {"auth.signature_header", auth.signature_header}};
        for (const AuthHeader& header : headers) {
            if (auto valid = check_auth_header_name(header); !valid) return valid;
        }
        if (auto valid = check_distinct(headers); !valid) return valid;
        return check_beside(headers, record);
    }
};

// Whether the policy lets plain http carry credentials there: loopback that is listed.
bool is_allowed_loopback(const std::string& host, const http::EgressPolicy& policy) {
    namespace ip = boost::asio::ip;
    if (host == "localhost") {
        return policy.allows(ip::address_v4::loopback()) ||
               policy.allows(ip::address_v6::loopback());
    }
    boost::system::error_code ec;
    const ip::address address = ip::make_address(host, ec);
    return !ec && http::is_loopback(address) && policy.allows(address);
}

}  // namespace

Result<> validate_authentication(const NotificationRecord& record,
                                 const http::EgressPolicy& policy) {
    return std::visit(AuthRules{record, policy}, record.auth);
}

Result<> check_credential_url(const http::Url& url, const http::EgressPolicy& policy,
                              std::string_view field) {
    if (auto allowed = policy.check_literal(url.host, field); !allowed) return allowed;
    if (url.is_https() || is_allowed_loopback(url.host, policy)) return {};
    return invalid_argument(
        field,
        "credentials go over https only; plain http is for loopback addresses that "
        "HERALD_EGRESS_ALLOW lists");
}

}  // namespace herald::dispatcher
