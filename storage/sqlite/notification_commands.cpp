#include "storage/sqlite/notification_commands.h"

#include "storage/sqlite/callout_commands.h"
#include "storage/sqlite/notification_rows.h"

namespace herald::storage::sqlite {
namespace {

NotificationRecord existing_notification(WriteSession& session, std::string_view name) {
    auto record = find_notification(session.db, session.ring, name);
    if (!record) throw Refusal(no_such_notification(name));
    return std::move(*record);
}

/// The provider of attempts in flight stays until they end; what is pending goes with the new one.
void keep_for_attempts(WriteSession& session, const core::NotificationId& notification,
                       const std::optional<core::ProviderId>& former) {
    if (!former) return;
    session.note_former_providers();
    session.db.run(
        "UPDATE callout SET former_provider_id = coalesce(former_provider_id, ?2)"
        " WHERE notification_id = ?1 AND state = 1",
        notification, former);
}

}  // namespace

void add_notification(WriteSession& session, const NotificationRecord& record) {
    if (session.db.query("SELECT 1 FROM notification WHERE name = ?", record.name).next()) {
        throw Refusal(
            conflict("notification_exists", "add notification '" + record.name +
                                                "': the name is taken; edit it or choose another"));
    }
    save_notification(session.db, session.ring, record);
    session.catalogue_changed(record.id);
}

NotificationRecord edit_notification(
    WriteSession& session, std::string_view name,
    const std::function<core::Result<>(NotificationRecord&)>& change) {
    const NotificationRecord before = existing_notification(session, name);
    NotificationRecord after = before.clone();
    if (auto changed = change(after); !changed) throw Refusal(changed.error());
    after.id = before.id;
    after.name = before.name;
    after.created_at = before.created_at;
    after.updated_at = session.clock.stored_now();
    save_notification(session.db, session.ring, after);
    if (after.provider() != before.provider())
        keep_for_attempts(session, after.id, before.provider());
    session.catalogue_changed(after.id);
    return existing_notification(session, name);
}

Deletion delete_notification_step(WriteSession& session, std::string_view name,
                                  bool cancel_pending) {
    const NotificationRecord record = existing_notification(session, name);
    const std::int64_t unfinished = count_unfinished(session, record.id);
    if (unfinished > 0) {
        if (!cancel_pending) throw Refusal(notification_in_use(name, unfinished));
        const bool cancelled = cancel_some_pending(session, record.id) > 0;
        // Done in the same transaction where that was the rest: new events must not keep the
        // deletion going for ever.
        if (count_unfinished(session, record.id) > 0)
            return cancelled ? Deletion::kGoOn : Deletion::kClaimed;
    }
    session.tally.fold_deleted(session.db, record.id);
    session.db.run("DELETE FROM notification WHERE id = ?", record.id);
    session.catalogue_changed(record.id);
    return Deletion::kDone;
}

core::Error notification_in_use(std::string_view name, std::int64_t unfinished) {
    core::Error error = conflict(
        "notification_in_use",
        "delete notification '" + std::string(name) + "': " + std::to_string(unfinished) +
            " callout(s) are unfinished; let them finish, or add --cancel-pending to cancel "
            "what has not been sent");
    error.details["unfinished_callouts"] = unfinished;
    return error;
}

}  // namespace herald::storage::sqlite
