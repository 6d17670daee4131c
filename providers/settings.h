#pragma once

#include <boost/json/object.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/error.h"
#include "storage/records.h"

namespace herald::providers {

enum class BodyEncoding { kForm, kJson, kQuery };

/// Where a provider's requests go: what its record says, else what its issuer's metadata says, else
/// what its kind does.
struct Endpoints {
    std::string token;                   ///< empty: the issuer has to be asked first
    std::optional<std::string> refresh;  ///< where it is another one (O-25)
    std::optional<std::string> revocation;
    std::optional<std::string> test;
    bool test_is_chosen = false;    ///< by the record or the kind, not only found in metadata
    bool test_is_userinfo = false;  ///< OpenID Connect's, which answers for people only
    std::optional<std::string> introspection;
    std::optional<std::string> authorization;
    std::optional<std::string> device_authorization;
};

/// How the token endpoint wants to be asked (O-4, O-7, O-19, O-21, O-25, O-27, O-49, O-116).
struct TokenCall {
    std::string method = "POST";
    BodyEncoding encoding = BodyEncoding::kForm;
    std::string content_type = "application/x-www-form-urlencoded";  ///< of a form (O-40)
    storage::Fields headers;
    std::string client_id_field = "client_id";
    std::string client_secret_field = "client_secret";
    bool send_client_id = true;
    bool send_grant_type = true;
    std::string scope_separator = " ";      ///< " ", "," or "+"
    std::optional<std::string> raw_scope;   ///< sent as it is
    bool raw_basic = false;                 ///< client_secret_basic without form encoding
    storage::Fields refresh_parameters;     ///< with a refresh token only
    bool refresh_scope = false;             ///< the scope also with a refresh token
    std::string track_header;               ///< a new id for each request in this header
    std::int64_t requests_per_minute = 60;  ///< at most, to one host (O-50)
};

/// Where the answer keeps what (O-22, O-54, O-55, O-59). Pointers are RFC 6901; the empty one is
/// the whole body.
struct TokenAnswer {
    std::string access_token_pointer = "/access_token";
    std::string refresh_token_pointer = "/refresh_token";
    std::string scope_pointer = "/scope";
    std::optional<std::string> expiry;  ///< instead of expires_in, expires_at and expires_on
    std::optional<std::string> error;   ///< a member that says no where it is there
    bool expiry_in_milliseconds = false;
    bool expires_at_first = false;
    std::vector<std::string> token_types;  ///< accepted besides Bearer
    /// Other members that are kept and shown with the token; the base_attribute and the track id
    /// always are.
    std::vector<std::string> kept_attributes;
};

/// How callouts show the token (O-23, O-24, O-62).
struct Placement {
    std::string header = "Authorization";
    std::string prefix = "Bearer ";
    std::string query_parameter;  ///< instead of a header
    storage::Fields headers;      ///< on every callout, never on a token request
    std::string entity_header;    ///< names the notification's entity
    bool entity_without_dashes = false;
    std::string base_attribute;           ///< of the token response: base of relative callout URLs
    std::vector<std::string> base_hosts;  ///< where it may lead: a host, or `*.` and a domain
};

/// O-137. `{token}` in the endpoint stands for the token.
struct RevocationCall {
    std::string method = "POST";
    std::string parameter = "token";
    BodyEncoding encoding = BodyEncoding::kForm;
    std::string authentication = "client";  ///< client, none, basic, bearer
};

/// JWTs that we sign (O-30 to O-34, O-112).
struct Assertion {
    std::string algorithm;  ///< empty: what fits the key
    std::string audience;   ///< issuer, token_endpoint or a text; empty: the issuer where known
    std::chrono::seconds lifetime{300};
    std::chrono::seconds backdate{10};
    std::string key_id;
    std::string thumbprint;  ///< x5t or x5t#S256 in the header; empty: neither
    std::string issuer;      ///< empty: the client id
    std::string subject;     ///< empty: as the grant has it
    bool scope_claim = false;
    boost::json::object claims;  ///< more of them
};

/// The quirks and margins of one provider: its kind's, overlaid by its record's. The JSON keys
/// stand in docs/provider-settings.md.
struct ProviderSettings {
    Endpoints endpoints;
    TokenCall call;
    TokenAnswer answer;
    Placement placement;
    RevocationCall revocation;
    Assertion assertion;
    storage::Fields authorization_parameters;  ///< more of the authorization request

    std::chrono::seconds assumed_lifetime_s{300};  ///< where the server tells no expiry (O-56)
    std::chrono::seconds max_lifetime_s{86'400};   ///< clamp (O-58)
    std::optional<std::chrono::seconds>
        refresh_lead_s;  ///< instead of clamp(20 %, 30 s, 300 s) (O-76)
    std::optional<std::chrono::seconds> expiry_margin_s;  ///< instead of min(30 s, 10 %) (O-77)
    bool resume_after_revoke = false;  ///< obtain again by itself after a revoke (O-135)
    bool keep_warm = false;            ///< refreshed ahead also when idle (O-83)
    /// A refresh token that nobody used for that long is used, so that the grant lives on; 0:
    /// never.
    std::chrono::seconds grant_refresh_s{86'400};
    bool introspect_expiry = false;    ///< ask the introspection endpoint where no expiry is told
    bool dpop = false;                 ///< RFC 9449
    bool certificate_bound = false;    ///< callouts present the certificate too (RFC 8705)
    std::string test_method = "GET";   ///< O-129
    std::string test_kind;             ///< request, introspection; empty: what there is (O-130)
    bool device_pkce = false;          ///< PKCE of a device authorization
    bool answers_with_issuer = false;  ///< redirects name their issuer (RFC 9207)
    std::string ca_file;               ///< PEM for this provider's endpoints (O-44)
    std::shared_ptr<const std::string> ca = nullptr;  ///< what stands in it, once it is read
    std::string client_secret_path;                   ///< read at each token request (O-38)
    std::string private_key_path;
    std::string certificate_path;
    std::optional<core::SystemTime> secret_expires_at;  ///< warned of ahead (O-39)
    std::chrono::seconds rejected_retry_s{900};  ///< automatic probe after a permanent error (O-97)
    std::chrono::milliseconds request_timeout_ms{30'000};

    /// Unknown keys, values out of range and what the kind needs and does not get are errors naming
    /// field, rule and remedy.
    [[nodiscard]] static core::Result<ProviderSettings> of(const storage::ProviderRecord& record);
};

}  // namespace herald::providers
