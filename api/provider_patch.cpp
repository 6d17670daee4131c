#include "api/provider_patch.h"

#include "api/member_reader.h"
#include "core/json.h"
#include "core/time_text.h"
#include "providers/kind.h"
#include "providers/provider_rules.h"

namespace herald::api {
namespace {

namespace json = boost::json;
using core::Result;
using storage::ProviderRecord;

Result<> read_scopes(const json::value& value, std::vector<std::string>& into) {
    std::string joined;
    if (value.is_string()) {
        joined = std::string(value.get_string());
    } else if (value.is_array()) {
        for (const json::value& scope : value.get_array()) {
            if (!scope.is_string())
                return core::invalid_argument("scopes", "an array of strings is expected");
            joined.append(" ").append(scope.get_string());
        }
    } else {
        return core::invalid_argument("scopes", "an array of strings is expected, or one string");
    }
    auto scopes = providers::parse_scopes(joined);
    if (!scopes) return scopes.error();
    into = std::move(*scopes);
    return {};
}

Result<> merge_settings(const json::value& value, json::object& into) {
    if (!value.is_object()) return core::invalid_argument("settings", "an object is expected");
    for (const json::key_value_pair& member : value.get_object()) {
        if (member.value().is_null()) {
            into.erase(member.key());
        } else {
            into[member.key()] = member.value();
        }
    }
    return {};
}

void read_credentials(MemberReader& in, ProviderRecord& record,
                      std::optional<core::Secret>& refresh_token) {
    in.text("client_id", record.client_id);
    in.secret("client_secret", record.client_secret);
    in.text("client_authentication", record.client_authentication);
    in.secret("refresh_token", refresh_token);
    in.secret("private_key", record.private_key);
    in.optional_text("certificate", record.certificate);
    in.secret_fields("secret_parameters", record.secret_parameters);
    in.secret_fields("secret_token_headers", record.secret_token_headers);
    in.secret_fields("secret_callout_headers", record.secret_callout_headers);
}

Result<> read_time(const json::object& secret, std::string_view key,
                   std::optional<core::SystemTime>& into) {
    const json::value* value = secret.if_contains(key);
    if (value == nullptr || value->is_null()) return {};
    if (value->is_string()) into = core::parse_time(value->get_string());
    if (into) return {};
    return core::invalid_argument("add_secret." + std::string(key),
                                  "is a time such as 2027-01-31T00:00:00Z");
}

// Behind the ones that are there, so that its turn comes when they are refused (O-37).
Result<> add_secret(const json::value& value, ProviderRecord& record) {
    if (!value.is_object()) return core::invalid_argument("add_secret", "an object is expected");
    MemberReader in(value.get_object(), "add_secret.");
    std::optional<core::Secret> secret;
    in.secret("value", secret);
    storage::ClientSecret added;
    in.other("not_before", [&](const json::value&) {
        return read_time(value.get_object(), "not_before", added.not_before);
    });
    in.other("not_after", [&](const json::value&) {
        return read_time(value.get_object(), "not_after", added.not_after);
    });
    if (auto done = in.finish(); !done) return done;
    if (!secret) return core::invalid_argument("add_secret.value", "is required");
    added.value = std::move(*secret);
    record.further_secrets.push_back(std::move(added));
    return {};
}

// 0 is the first one: the next takes its place.
Result<> drop_secret(const json::value& value, ProviderRecord& record) {
    const auto last = static_cast<std::int64_t>(record.further_secrets.size());
    if (!value.is_int64() || value.get_int64() < 0 || value.get_int64() > last || last == 0) {
        return core::invalid_argument(
            "drop_secret", "is the number of a secret, 0 to " + std::to_string(last) +
                               ", and the last one cannot go; `provider show` lists them");
    }
    const auto number = static_cast<int>(value.get_int64());
    const int gone = number == 0 ? 1 : number;
    auto& further = record.further_secrets;
    if (number == 0) record.client_secret = further.front().value.clone();
    further.erase(further.begin() + (gone - 1));
    if (record.secret_in_use == gone) record.secret_in_use = 0;
    if (record.secret_in_use > gone) --record.secret_in_use;
    return {};
}

// A service account's key as Google hands it out is a JSON document around the PEM.
void unpack_key_document(ProviderRecord& record) {
    if (!record.private_key || !record.private_key->reveal().starts_with('{')) return;
    const auto document = core::parse_object(record.private_key->reveal());
    if (!document) return;
    const auto text = [&](std::string_view key) { return core::string_member(*document, key); };
    auto key = text("private_key");
    if (!key) return;
    record.private_key = core::Secret::take(std::move(*key));
    if (const auto email = text("client_email"); email && record.client_id.empty())
        record.client_id = *email;
    if (const auto id = text("private_key_id"); id && !record.settings.contains("jwt_key_id"))
        record.settings["jwt_key_id"] = *id;
}

void read_configuration(MemberReader& in, ProviderRecord& record) {
    in.text("kind", record.kind);
    in.text("grant_type", record.grant_type);
    in.flag("enabled", record.enabled);
    in.text("token_endpoint", record.token_endpoint);
    in.optional_text("revocation_endpoint", record.revocation_endpoint);
    in.optional_text("test_endpoint", record.test_endpoint);
    in.other("scopes", [&](const json::value& value) { return read_scopes(value, record.scopes); });
    in.fields("parameters", record.parameters);
    in.optional_text("issuer", record.issuer);
    in.optional_text("audience", record.audience);
    in.texts("resources", record.resources);
    in.other("settings",
             [&](const json::value& value) { return merge_settings(value, record.settings); });
    in.other("add_secret", [&](const json::value& value) { return add_secret(value, record); });
    in.other("drop_secret", [&](const json::value& value) { return drop_secret(value, record); });
}

// What a kind sets when nothing else is said.
void start_from_kind(const json::object& request, ProviderRecord& record) {
    const auto kind = core::string_member(request, "kind");
    const providers::Kind* profile = kind ? providers::find_kind(*kind) : nullptr;
    if (profile == nullptr) return;
    record.grant_type = profile->grant_type;
    record.client_authentication = profile->client_authentication;
}

}  // namespace

Result<> patch_provider(PatchKind kind, const json::object& request, ProviderRecord& record,
                        std::optional<core::Secret>& refresh_token) {
    MemberReader in(request);
    in.read_only({"id", "state", "token", "last_error", "used_by", "token_requests", "created_at",
                  "updated_at", "further_secrets", "secret_in_use", "warnings", "endpoints"});
    if (kind == PatchKind::kAdd) start_from_kind(request, record);
    if (kind == PatchKind::kAdd) in.text("name", record.name);
    if (kind != PatchKind::kAdd) in.read_only({"name"});
    read_credentials(in, record, refresh_token);
    if (kind != PatchKind::kReset) read_configuration(in, record);
    if (auto done = in.finish(); !done) return done;
    unpack_key_document(record);
    // The assertion is the grant: a client without a secret has nothing to authenticate with.
    const bool is_bare_assertion = kind == PatchKind::kAdd && record.grant_type == "jwt_bearer" &&
                                   !record.client_secret && !in.has("client_authentication") &&
                                   !record.settings.contains("client_secret_path");
    if (is_bare_assertion) record.client_authentication = "none";
    return providers::normalize(record);
}

}  // namespace herald::api
