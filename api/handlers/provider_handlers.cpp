#include <functional>

#include "api/call.h"
#include "api/handlers/provider_steps.h"
#include "api/json_view.h"
#include "api/member_reader.h"
#include "api/provider_patch.h"
#include "core/json.h"
#include "providers/explain.h"
#include "providers/provider_rules.h"

namespace herald::api {
namespace {

using core::Result;
using storage::ProviderRecord;

std::optional<storage::TokenRecord> token_with_refresh_only(
    std::optional<core::Secret> refresh_token) {
    if (!refresh_token) return std::nullopt;
    storage::TokenRecord token;
    token.refresh_token = std::move(refresh_token);
    return token;
}

// What was stored, for the rest of the operation to go on with.
struct Stored {
    core::ProviderId id;
    std::string name;
};

Result<Stored> add_record(const Call& call) {
    const auto request = body_object(call);
    if (!request) return request.error();
    const core::StoredTime now = call.services.clock.stored_now();
    ProviderRecord record;
    record.id = core::ProviderId::generate(now, call.services.random);
    record.created_at = now;
    record.updated_at = now;
    std::optional<core::Secret> refresh_token;
    if (auto done = patch_provider(PatchKind::kAdd, *request, record, refresh_token); !done)
        return done.error();
    if (auto ok = providers::validate(record, refresh_token.has_value(), call.services.egress); !ok)
        return ok.error();
    Stored stored{.id = record.id, .name = record.name};
    auto added = call.services.store.add_provider(
        std::move(record), token_with_refresh_only(std::move(refresh_token)));
    if (!added) return added.error();
    return stored;
}

Result<Stored> edit_record(
    const Call& call, std::function<Result<>(storage::ConfigurationStore::ProviderEdit&)> change) {
    auto edited = call.services.store.edit_provider(call.param("name"), std::move(change));
    if (!edited) return edited.error();
    return Stored{.id = edited->id, .name = edited->name};
}

// Stores a change, and answers once the token manager has adopted it.
Answering changed(CallPtr call, int status, std::function<Result<Stored>(const Call&)> change) {
    const auto stored = change(*call);
    if (!stored) co_return stored.error();
    auto adopting = adopted_provider(call, status, stored->name, stored->id);
    auto adopted = co_await std::move(adopting);
    co_return adopted;
}

Answering add(CallPtr call) {
    return changed(std::move(call), 201, add_record);
}

// What must survive a change of the token: the refresh token that an operator gave or a server
// issued (O-12).
void drop_access_token(storage::ConfigurationStore::ProviderEdit& edit) {
    edit.drop_token = true;
    if (!edit.token || !edit.token->refresh_token) {
        edit.token.reset();
        return;
    }
    edit.token->access_token.reset();
    edit.token->attributes.clear();
    edit.token->scopes.clear();
}

void put_refresh_token(storage::ConfigurationStore::ProviderEdit& edit,
                       const core::Secret& refresh_token) {
    if (!edit.token) edit.token.emplace();
    edit.token->refresh_token = refresh_token.clone();
}

// One change inside the store's transaction; repeatable, so it only reads `request`.
Result<> change(PatchKind kind, const boost::json::object& request, const Services& services,
                storage::ConfigurationStore::ProviderEdit& edit) {
    const ProviderRecord before = edit.record.clone();
    std::optional<core::Secret> refresh_token;
    if (auto done = patch_provider(kind, request, edit.record, refresh_token); !done) return done;
    const bool stored = edit.token && edit.token->refresh_token;
    if (auto ok = providers::check_change(before, edit.record); !ok) return ok;
    if (before.issuer != edit.record.issuer) edit.record.metadata.clear();
    if (request.contains("client_secret")) edit.record.secret_in_use = 0;
    if (auto ok = providers::validate(edit.record, refresh_token || stored, services.egress); !ok)
        return ok;
    edit.record.updated_at = services.clock.stored_now();
    if (refresh_token) put_refresh_token(edit, *refresh_token);
    const bool other_token =
        providers::shapes_another_token(before, edit.record) || refresh_token.has_value();
    if (kind != PatchKind::kReset && !other_token) return {};
    ++edit.record.config_version;
    drop_access_token(edit);
    return {};
}

Result<Stored> patch_record(const Call& call, PatchKind kind) {
    const auto request = kind == PatchKind::kReset ? optional_body_object(call) : body_object(call);
    if (!request) return request.error();
    return edit_record(call, [&](storage::ConfigurationStore::ProviderEdit& edit) {
        return change(kind, *request, call.services, edit);
    });
}

Answering edit(CallPtr call) {
    return changed(std::move(call), 200,
                   [](const Call& edited) { return patch_record(edited, PatchKind::kEdit); });
}
Answering reset(CallPtr call) {
    return changed(std::move(call), 200,
                   [](const Call& edited) { return patch_record(edited, PatchKind::kReset); });
}

Result<Stored> turn_record(const Call& call, bool enabled) {
    if (auto ok = expect_no_input(call); !ok) return ok.error();
    const core::StoredTime now = call.services.clock.stored_now();
    return edit_record(call, [&](storage::ConfigurationStore::ProviderEdit& edit) -> Result<> {
        if (edit.record.enabled != enabled) edit.record.updated_at = now;
        edit.record.enabled = enabled;
        const bool has_refresh_token = edit.token && edit.token->refresh_token;
        if (!enabled) return {};
        // One that was imported without its secrets has to be given them first.
        return providers::validate(edit.record, has_refresh_token, call.services.egress);
    });
}

Answering enable(CallPtr call) {
    return changed(std::move(call), 200,
                   [](const Call& turned) { return turn_record(turned, true); });
}
Answering disable(CallPtr call) {
    return changed(std::move(call), 200,
                   [](const Call& turned) { return turn_record(turned, false); });
}

Result<ApiResponse> show(const Call& call) {
    auto shown = provider_view(call.services, call.param("name"));
    if (!shown) return shown.error();
    return json_response(200, *shown);
}

Result<boost::json::object> exported(const Services& services, const ProviderRecord& record) {
    const auto token = services.store.token(record.id);
    if (!token) return token.error();
    return provider_export_json(record, *token && (*token)->refresh_token);
}

Result<ApiResponse> list(const Call& call) {
    if (auto ok = expect_query(call, {"export"}); !ok) return ok.error();
    const auto exports = query_flag(call, "export");
    if (!exports) return exports.error();
    auto records = call.services.store.providers();
    if (!records) return records.error();
    boost::json::array out;
    for (const ProviderRecord& record : *records) {
        auto shown =
            *exports ? exported(call.services, record) : provider_view(call.services, record);
        if (!shown) return shown.error();
        out.push_back(std::move(*shown));
    }
    return json_response(200, out);
}

Result<ApiResponse> explain(const Call& call) {
    const auto record = call.services.store.provider(call.param("name"));
    if (!record) return record.error();
    const auto settings = providers::ProviderSettings::of(*record);
    if (!settings) return settings.error();
    const auto token = call.services.store.token(record->id);
    if (!token) return token.error();
    if (settings->endpoints.token.empty()) {
        return core::Error{.kind = core::ErrorKind::kInvalidArgument,
                           .code = "endpoint_missing",
                           .message = "provider '" + record->name +
                                      "' has not asked its issuer for the token endpoint yet; "
                                      "`herald token obtain " +
                                      record->name + "` does"};
    }
    const auto explained = providers::explain_token_request(
        *record, *settings, *token && (*token)->refresh_token, call.services.clock.system_now());
    if (!explained) return explained.error();
    return json_response(200, *explained);
}

Result<bool> wants_revocation(const Call& call) {
    if (auto ok = expect_query(call, {"revoke"}); !ok) return ok.error();
    return query_flag(call, "revoke");
}

Answering remove(CallPtr call) {
    const auto revoke = wants_revocation(*call);
    if (!revoke) co_return revoke.error();
    const auto record = call->services.store.provider(call->param("name"));
    if (!record) co_return record.error();
    if (*revoke) {
        if (auto free = expect_unused(call->services, *record); !free) co_return free.error();
        auto revoking = revoke_for_deletion(call, record->name, record->id);
        const Result<> revoked = co_await std::move(revoking);
        if (!revoked) co_return revoked.error();
    }
    if (auto deleted = call->services.store.delete_provider(record->name); !deleted)
        co_return deleted.error();
    auto adopting = reload_provider(call, record->id);
    const Result<> adopted = co_await std::move(adopting);
    if (!adopted) co_return adopted.error();
    co_return json_response(200, boost::json::object{{"deleted", record->name}});
}

}  // namespace

std::vector<Route> provider_routes() {
    return {
        {"GET", "/v1/providers", list},
        {"POST", "/v1/providers", add, Audit::kInformation},
        {"GET", "/v1/providers/{name}", show},
        {"GET", "/v1/providers/{name}/explain", explain},
        {"PATCH", "/v1/providers/{name}", edit, Audit::kInformation},
        {"DELETE", "/v1/providers/{name}", remove, Audit::kInformation},
        {"POST", "/v1/providers/{name}/enable", enable, Audit::kInformation},
        {"POST", "/v1/providers/{name}/disable", disable, Audit::kInformation},
        {"POST", "/v1/providers/{name}/reset", reset, Audit::kInformation},
    };
}

}  // namespace herald::api
