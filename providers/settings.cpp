#include "providers/settings.h"

#include <algorithm>

#include "core/encoding.h"
#include "core/text_rules.h"
#include "http/message.h"
#include "providers/endpoint_template.h"
#include "providers/kind.h"
#include "providers/settings_reader.h"

namespace herald::providers {
namespace {

namespace json = boost::json;
using core::Result;

constexpr std::int64_t kDay = 86'400;

void read_encoding(SettingsReader& reader, std::string_view key, BodyEncoding& out) {
    std::string name = "form";
    reader.choice(key, {"form", "json", "query"}, name);
    out = name == "json"    ? BodyEncoding::kJson
          : name == "query" ? BodyEncoding::kQuery
                            : BodyEncoding::kForm;
}

void read_call(SettingsReader& reader, TokenCall& call) {
    reader.choice("token_method", {"POST", "GET"}, call.method);
    read_encoding(reader, "token_encoding", call.encoding);
    if (call.method == "GET") call.encoding = BodyEncoding::kQuery;
    reader.text("token_content_type", call.content_type);
    // Whether Authorization is free is a question of the client authentication.
    reader.headers("token_headers", http::HeaderRole::kWithoutOurs, call.headers);
    reader.text("client_id_field", call.client_id_field);
    reader.text("client_secret_field", call.client_secret_field);
    if (call.client_id_field.empty()) reader.fail("client_id_field", "is not empty");
    if (call.client_secret_field.empty()) reader.fail("client_secret_field", "is not empty");
    reader.flag("send_client_id", call.send_client_id);
    reader.flag("send_grant_type", call.send_grant_type);
    reader.choice("scope_separator", {" ", ",", "+"}, call.scope_separator);
    reader.optional_text("raw_scope", call.raw_scope);
    reader.flag("raw_basic", call.raw_basic);
    reader.fields("refresh_parameters", call.refresh_parameters);
    reader.flag("refresh_scope", call.refresh_scope);
    reader.header("track_header", http::HeaderRole::kBesideOurs, call.track_header);
    reader.number("token_requests_per_minute", 1, 100'000, call.requests_per_minute);
}

void read_answer(SettingsReader& reader, TokenAnswer& answer) {
    reader.pointer("access_token_pointer", answer.access_token_pointer);
    reader.pointer("refresh_token_pointer", answer.refresh_token_pointer);
    reader.pointer("scope_pointer", answer.scope_pointer);
    reader.optional_pointer("expiry_pointer", answer.expiry);
    reader.optional_pointer("error_pointer", answer.error);
    std::string unit = "s";
    reader.choice("expiry_unit", {"s", "ms"}, unit);
    answer.expiry_in_milliseconds = unit == "ms";
    reader.flag("expires_at_first", answer.expires_at_first);
    reader.texts("token_types", answer.token_types);
    reader.texts("kept_attributes", answer.kept_attributes);
    for (const std::string& name : answer.kept_attributes) {
        if (core::names_a_credential(name))
            reader.fail("kept_attributes", "'" + core::printable(name, 64) +
                                               "' looks like a credential, which is never kept in "
                                               "the clear");
    }
}

void read_placement(SettingsReader& reader, Placement& placement) {
    reader.header("token_header", http::HeaderRole::kCredential, placement.header);
    if (placement.header.empty()) reader.fail("token_header", "is not empty");
    reader.text("token_prefix", placement.prefix);
    if (!http::validate_header("x", placement.prefix + "x", "header"))
        reader.fail("token_prefix", "is a text that may begin a header");
    reader.text("token_query", placement.query_parameter);
    reader.headers("callout_headers", http::HeaderRole::kBesideOurs, placement.headers);
    reader.header("entity_header", http::HeaderRole::kBesideOurs, placement.entity_header);
    placement.entity_without_dashes =
        core::equals_ignoring_case(placement.entity_header, "entityId");
    reader.text("base_attribute", placement.base_attribute);
    reader.texts("base_hosts", placement.base_hosts);
}

void read_revocation(SettingsReader& reader, RevocationCall& call) {
    reader.choice("revoke_method", {"POST", "GET", "DELETE"}, call.method);
    reader.text("revoke_parameter", call.parameter);
    read_encoding(reader, "revoke_encoding", call.encoding);
    reader.choice("revoke_auth", {"client", "none", "basic", "bearer"}, call.authentication);
}

void read_assertion(SettingsReader& reader, Assertion& assertion) {
    reader.choice("jwt_algorithm",
                  {"", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384",
                   "ES512", "EdDSA", "HS256", "HS384", "HS512"},
                  assertion.algorithm);
    reader.text("jwt_audience", assertion.audience);
    reader.number("jwt_lifetime_s", 10, 3600, assertion.lifetime);
    reader.number("jwt_backdate_s", 0, 600, assertion.backdate);
    reader.text("jwt_key_id", assertion.key_id);
    reader.choice("jwt_thumbprint", {"", "x5t", "x5t#S256"}, assertion.thumbprint);
    reader.text("jwt_issuer", assertion.issuer);
    reader.text("jwt_subject", assertion.subject);
    reader.flag("jwt_scope", assertion.scope_claim);
    reader.object("jwt_claims", assertion.claims);
    for (const std::string_view reserved : {"iss", "sub", "aud", "iat", "exp", "jti"}) {
        if (assertion.claims.contains(reserved))
            reader.fail("jwt_claims", std::string(reserved) + " is written by herald itself");
    }
}

void read_lifetimes(SettingsReader& reader, ProviderSettings& out) {
    reader.number("assumed_lifetime_s", 1, 30 * kDay, out.assumed_lifetime_s);
    reader.number("max_lifetime_s", 1, 365 * kDay, out.max_lifetime_s);
    reader.number("refresh_lead_s", 0, kDay, out.refresh_lead_s);
    reader.number("expiry_margin_s", 0, kDay, out.expiry_margin_s);
    reader.number("grant_refresh_s", 0, 365 * kDay, out.grant_refresh_s);
    reader.number("rejected_retry_s", 1, kDay, out.rejected_retry_s);
    reader.number("request_timeout_ms", 100, 600'000, out.request_timeout_ms);
    reader.flag("resume_after_revoke", out.resume_after_revoke);
    reader.flag("keep_warm", out.keep_warm);
    reader.flag("introspect_expiry", out.introspect_expiry);
}

void read_credentials(SettingsReader& reader, ProviderSettings& out) {
    reader.choice("test_method", {"GET", "POST", "HEAD"}, out.test_method);
    reader.choice("test_kind", {"", "request", "introspection"}, out.test_kind);
    reader.flag("device_pkce", out.device_pkce);
    reader.flag("dpop", out.dpop);
    reader.flag("certificate_bound", out.certificate_bound);
    reader.text("ca_file", out.ca_file);
    reader.text("client_secret_path", out.client_secret_path);
    reader.text("private_key_path", out.private_key_path);
    reader.text("certificate_path", out.certificate_path);
    reader.time("secret_expires_at", out.secret_expires_at);
    reader.fields("authorization_parameters", out.authorization_parameters);
}

void read_endpoints(SettingsReader& reader, Endpoints& endpoints) {
    reader.optional_text("refresh_endpoint", endpoints.refresh);
    reader.optional_text("introspection_endpoint", endpoints.introspection);
    reader.optional_text("authorization_endpoint", endpoints.authorization);
    reader.optional_text("device_authorization_endpoint", endpoints.device_authorization);
}

void read_own(SettingsReader& reader, const Kind& kind, const json::object& settings) {
    std::string text;
    reader.text("base_url", text);
    for (const KindSetting& own : kind.own_settings) {
        bool flag = false;
        if (own.is_flag) {
            reader.flag(own.name, flag);
            continue;
        }
        text.clear();
        reader.text(own.name, text);
        if (!own.is_required || !setting_text(settings, own.name).empty()) continue;
        std::string option(own.name);
        std::replace(option.begin(), option.end(), '_', '-');
        reader.fail(own.name, "is required for the kind " + std::string(kind.name) +
                                  "; give it with --" + option);
    }
}

Result<ProviderSettings> read_settings(const Kind& kind, const json::object& settings) {
    ProviderSettings out;
    SettingsReader reader(settings);
    read_own(reader, kind, settings);
    read_lifetimes(reader, out);
    read_call(reader, out.call);
    read_answer(reader, out.answer);
    read_placement(reader, out.placement);
    read_revocation(reader, out.revocation);
    read_assertion(reader, out.assertion);
    read_credentials(reader, out);
    read_endpoints(reader, out.endpoints);
    if (auto error = reader.finish()) return *error;
    return out;
}

// What the issuer's metadata says beyond endpoints.
void read_metadata(const json::object& metadata, ProviderSettings& out) {
    const auto* methods = metadata.if_contains("code_challenge_methods_supported");
    if (methods != nullptr && methods->is_array()) {
        const json::array& names = methods->get_array();
        out.device_pkce |= std::find(names.begin(), names.end(), "S256") != names.end();
    }
    const auto* issuer = metadata.if_contains("authorization_response_iss_parameter_supported");
    out.answers_with_issuer = issuer != nullptr && *issuer == true;
}

}  // namespace

Result<ProviderSettings> ProviderSettings::of(const storage::ProviderRecord& record) {
    const Kind* kind = find_kind(record.kind);
    if (kind == nullptr) return core::invalid_argument("kind", "is not known");
    const json::object settings = merged_settings(record);
    auto out = read_settings(*kind, settings);
    if (!out) return out;
    auto endpoints = resolve_endpoints(record, *kind, settings, std::move(out->endpoints));
    if (!endpoints) return endpoints.error();
    out->endpoints = std::move(*endpoints);
    if (const json::object* told = metadata_of(record)) read_metadata(*told, *out);
    return out;
}

}  // namespace herald::providers
