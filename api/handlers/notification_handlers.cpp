#include "api/call.h"
#include "api/json_view.h"
#include "api/notification_patch.h"
#include "core/await.h"
#include "dispatcher/notification_rules.h"
#include "dispatcher/retry_policy.h"

namespace herald::api {
namespace {

using core::Result;
using storage::NotificationRecord;

// The running daemon's lane follows what is stored; without a daemon there is none.
Result<> apply_to_lane(const Services& services, core::NotificationId id) {
    if (services.scheduler == nullptr) return {};
    if (auto catalogue = services.intake.catalogue(); !catalogue) return catalogue.error();
    services.scheduler->apply(id);
    return {};
}

Result<ApiResponse> applied_notification(const Call& call, int status,
                                         const NotificationRecord& record) {
    if (auto applied = apply_to_lane(call.services, record.id); !applied) return applied.error();
    const auto stored = call.services.store.notification(record.name);
    if (!stored) return stored.error();
    return json_response(status, notification_json(*stored, call.services.clock));
}

Result<std::optional<core::ProviderId>> provider_id(const Services& services,
                                                    const boost::json::object& request) {
    const auto name = wanted_provider(request);
    if (!name) return name.error();
    if (!*name || (*name)->empty()) return std::optional<core::ProviderId>();
    const auto provider = services.store.provider(**name);
    if (!provider) return provider.error();
    return std::optional(provider->id);
}

NotificationRecord new_record(const Services& services) {
    const core::StoredTime now = services.clock.stored_now();
    NotificationRecord record;
    record.id = core::NotificationId::generate(now, services.random);
    record.retry = dispatcher::default_retry();
    record.created_at = now;
    record.updated_at = now;
    return record;
}

Result<ApiResponse> add(const Call& call) {
    const auto request = body_object(call);
    if (!request) return request.error();
    const auto provider = provider_id(call.services, *request);
    if (!provider) return provider.error();
    NotificationRecord record = new_record(call.services);
    if (auto done = patch_notification(PatchKind::kAdd, *request, *provider, record); !done)
        return done.error();
    if (auto ok = dispatcher::validate(record, call.services.egress); !ok) return ok.error();
    if (auto added = call.services.store.add_notification(record.clone()); !added)
        return added.error();
    return applied_notification(call, 201, record);
}

Result<ApiResponse> change(const Call& call,
                           const std::function<Result<>(NotificationRecord&)>& alter) {
    const core::StoredTime now = call.services.clock.stored_now();
    auto edited = call.services.store.edit_notification(
        call.param("name"), [&](NotificationRecord& record) -> Result<> {
            if (auto altered = alter(record); !altered) return altered;
            record.updated_at = now;
            return dispatcher::validate(record, call.services.egress);
        });
    if (!edited) return edited.error();
    return applied_notification(call, 200, *edited);
}

Result<ApiResponse> edit(const Call& call) {
    const auto request = body_object(call);
    if (!request) return request.error();
    const auto provider = provider_id(call.services, *request);
    if (!provider) return provider.error();
    return change(call, [&](NotificationRecord& record) {
        return patch_notification(PatchKind::kEdit, *request, *provider, record);
    });
}

// A switch is turned without the other rules: what was stored under older rules can still be
// paused.
Result<ApiResponse> turn(const Call& call, bool NotificationRecord::* flag, bool value) {
    if (auto ok = expect_no_input(call); !ok) return ok.error();
    const core::StoredTime now = call.services.clock.stored_now();
    auto edited = call.services.store.edit_notification(
        call.param("name"), [&](NotificationRecord& record) -> Result<> {
            if (record.*flag != value) record.updated_at = now;
            record.*flag = value;
            return {};
        });
    if (!edited) return edited.error();
    return applied_notification(call, 200, *edited);
}

Result<ApiResponse> enable(const Call& call) {
    return turn(call, &NotificationRecord::enabled, true);
}
Result<ApiResponse> disable(const Call& call) {
    return turn(call, &NotificationRecord::enabled, false);
}
Result<ApiResponse> pause(const Call& call) {
    return turn(call, &NotificationRecord::paused, true);
}
Result<ApiResponse> resume(const Call& call) {
    return turn(call, &NotificationRecord::paused, false);
}

Result<ApiResponse> show(const Call& call) {
    const auto record = call.services.store.notification(call.param("name"));
    if (!record) return record.error();
    return json_response(200, notification_json(*record, call.services.clock));
}

Result<ApiResponse> list(const Call& call) {
    const auto records = call.services.store.notifications();
    if (!records) return records.error();
    boost::json::array out;
    for (const NotificationRecord& record : *records)
        out.push_back(notification_json(record, call.services.clock));
    return json_response(200, out);
}

struct Removal {
    core::NotificationId id;
    std::string name;
    bool cancel_pending = false;
};

Result<Removal> read_removal(const Call& call) {
    if (auto ok = expect_query(call, {"cancel_pending"}); !ok) return ok.error();
    const auto cancel_pending = query_flag(call, "cancel_pending");
    if (!cancel_pending) return cancel_pending.error();
    const auto record = call.services.store.notification(call.param("name"));
    if (!record) return record.error();
    return Removal{.id = record->id, .name = record->name, .cancel_pending = *cancel_pending};
}

Result<ApiResponse> removed(const Services& services, const Removal& removal) {
    const auto deleted = services.store.delete_notification(removal.name, removal.cancel_pending);
    const auto applied = apply_to_lane(services, removal.id);
    if (!deleted) return deleted.error();
    if (!applied) return applied.error();
    return json_response(200, boost::json::object{{"deleted", removal.name}});
}

// The lane is emptied first, which takes as long as its receiver does, else its attempts in flight
// would forbid the deletion; if that is then refused, `apply` gives the lane back.
Answering remove(CallPtr call) {
    const auto removal = read_removal(*call);
    if (!removal) co_return removal.error();
    if (removal->cancel_pending && call->services.scheduler != nullptr) {
        const core::NotificationId id = removal->id;
        auto draining = core::await_done<void>([call, id](core::Done<> drained) {
            call->services.scheduler->drain_lane(id,
                                                 [drained = std::move(drained)] { drained({}); });
        });
        co_await std::move(draining);
    }
    co_return removed(call->services, *removal);
}

// One that waits for its time goes now: an open breaker, and a lane that waits for a person, try it
// at once.
Result<ApiResponse> probe(const Call& call) {
    if (auto ok = expect_no_input(call); !ok) return ok.error();
    const auto record = call.services.store.notification(call.param("name"));
    if (!record) return record.error();
    if (call.services.scheduler == nullptr) {
        return core::Error{.kind = core::ErrorKind::kTransient,
                           .code = "daemon_not_running",
                           .message = "probe notification '" + record->name +
                                      "': nothing is sent without a daemon; start herald serve"};
    }
    const auto hastened =
        call.services.store.retry_waiting(record->id, call.services.clock.stored_now(), 1, false);
    if (!hastened) return hastened.error();
    call.services.scheduler->probe(record->id);
    return json_response(200, notification_json(*record, call.services.clock));
}

}  // namespace

std::vector<Route> notification_routes() {
    return {
        {"GET", "/v1/notifications", list},
        {"POST", "/v1/notifications", add, Audit::kInformation},
        {"GET", "/v1/notifications/{name}", show},
        {"PATCH", "/v1/notifications/{name}", edit, Audit::kInformation},
        {"DELETE", "/v1/notifications/{name}", remove, Audit::kInformation, Work::kLong},
        {"POST", "/v1/notifications/{name}/enable", enable, Audit::kInformation},
        {"POST", "/v1/notifications/{name}/disable", disable, Audit::kInformation},
        {"POST", "/v1/notifications/{name}/pause", pause, Audit::kInformation},
        {"POST", "/v1/notifications/{name}/resume", resume, Audit::kInformation},
        {"POST", "/v1/notifications/{name}/probe", probe, Audit::kInformation},
    };
}

}  // namespace herald::api
