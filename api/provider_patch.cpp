#include "api/provider_patch.h"

#include "api/member_reader.h"
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
    in.optional_text("audience", record.audience);
    in.texts("resources", record.resources);
    in.other("settings",
             [&](const json::value& value) { return merge_settings(value, record.settings); });
}

}  // namespace

Result<> patch_provider(PatchKind kind, const json::object& request, ProviderRecord& record,
                        std::optional<core::Secret>& refresh_token) {
    MemberReader in(request);
    in.read_only({"id", "state", "token", "last_error", "used_by", "token_requests", "created_at",
                  "updated_at"});
    if (kind == PatchKind::kAdd) in.text("name", record.name);
    if (kind != PatchKind::kAdd) in.read_only({"name"});
    read_credentials(in, record, refresh_token);
    if (kind != PatchKind::kReset) read_configuration(in, record);
    return in.finish();
}

}  // namespace herald::api
