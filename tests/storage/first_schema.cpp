#include "tests/storage/first_schema.h"

#include "storage/sqlite/connection.h"
#include "storage/sqlite/database_file.h"
#include "storage/sqlite/hardening.h"
#include "storage/sqlite/schema.h"
#include "storage/sqlite/sealed_value.h"
#include "tests/storage/store_samples.h"

namespace herald::storage {
namespace {

using sqlite::Blob;
using sqlite::Connection;
using sqlite::raw;
using std::chrono::minutes;

FirstSchemaRows new_rows() {
    // The order of the ids is that of time, not that in which the rows are written.
    return {.provider = new_id<core::ProviderId>(),
            .notification = new_id<core::NotificationId>(),
            .deleted_notification = new_id<core::NotificationId>(),
            .unfinished_event = new_id<core::EventId>(kNow + minutes(2)),
            .finished_event = new_id<core::EventId>(kNow + minutes(1)),
            .unheard_event = new_id<core::EventId>(kNow + minutes(3)),
            .first_try = new_id<core::CalloutId>(kNow + minutes(2)),
            .retry = new_id<core::CalloutId>(kNow + minutes(2)),
            .in_flight = new_id<core::CalloutId>(kNow + minutes(2)),
            .delivered = new_id<core::CalloutId>(kNow + minutes(1)),
            .dead = new_id<core::CalloutId>(kNow + minutes(1)),
            .cancelled = new_id<core::CalloutId>(kNow + minutes(1))};
}

void insert_provider(Connection& db, const KeyRing& ring, const FirstSchemaRows& rows) {
    const auto place = [&](std::string_view table, std::string_view column) {
        return SealedPlace{.table = table, .row = raw(rows.provider), .column = column};
    };
    db.run(
        "INSERT INTO provider VALUES (?, 'crm', 'generic', 1, 'client_credentials', 'client', ?,"
        " 'client_secret_post', 'https://as.example/token', NULL, NULL, '[\"read\"]', '[]', NULL,"
        " '[]', '{}', 4, ?3, ?3, 1, NULL, 2, 17, NULL)",
        rows.provider, Blob{seal(ring, place("provider", "client_secret"), "secret-1")}, kNow);
    db.run("INSERT INTO token VALUES (?, ?, ?, 'Bearer', '[\"read\"]', 9, ?4, ?4 + 3600000, '{}')",
           rows.provider, Blob{seal(ring, place("token", "access_token"), "access-1")},
           Blob{seal(ring, place("token", "refresh_token"), "refresh-1")}, kNow);
    db.run("INSERT INTO pending_revocation VALUES (1, ?, ?, 'access_token', ?3, ?3)", rows.provider,
           Blob{seal(ring, {.table = "pending_revocation", .row = "1", .column = "token"},
                     "old-access-1")},
           kNow);
}

void insert_notification(Connection& db, const KeyRing& ring, const FirstSchemaRows& rows) {
    const SealedPlace signing{
        .table = "notification", .row = raw(rows.notification), .column = "signing_secret"};
    db.run(
        "INSERT INTO notification VALUES (?, 'posted', 1, 0, '[\"invoice.*\"]', 'POST',"
        " 'https://receiver.example/hook', '[]', '[]', 'application/json', NULL, 3, NULL, NULL, ?,"
        " ?, 30000, '[5,300]', 86400, '[\"4xx\"]', 7, 2.5, NULL, NULL, ?4, ?4)",
        rows.notification, rows.provider, Blob{seal(ring, signing, "whsec_1")}, kNow);
}

std::string ids_of(std::initializer_list<core::CalloutId> ids) {
    std::string joined;
    for (const core::CalloutId& id : ids) joined.append(raw(id));
    return joined;
}

void insert_events(Connection& db, const FirstSchemaRows& rows) {
    constexpr sqlite::Sql kInsert =
        "INSERT INTO event VALUES (?, 'invoice.posted', ?, ?, ?4, ?4 + 5, ?5)";
    const std::optional<std::string> no_key;
    db.run(kInsert, rows.unfinished_event, Blob{R"({"n":1.0000000000000000001})"},
           std::optional<std::string>("key-1"), kNow,
           Blob{ids_of({rows.first_try, rows.retry, rows.in_flight})});
    db.run(kInsert, rows.finished_event, Blob{std::string_view("\xff\0\xfe", 3)}, no_key, kNow,
           Blob{ids_of({rows.delivered, rows.dead, rows.cancelled})});
    db.run(kInsert, rows.unheard_event, Blob{"{}"}, no_key, kNow, Blob{""});
}

void insert_callouts(Connection& db, const FirstSchemaRows& rows) {
    constexpr sqlite::Sql kUnfinished =
        "INSERT INTO callout VALUES (?, ?, ?, 'posted', ?, 'crm', ?, ?, ?, ?, ?)";
    const std::optional<std::string> no_reason;
    const std::optional<core::StoredTime> no_time;
    db.run(kUnfinished, rows.first_try, rows.unfinished_event, rows.notification, rows.provider, 0,
           no_reason, std::optional(kNow), 0, 0);
    db.run(kUnfinished, rows.retry, rows.unfinished_event, rows.notification, rows.provider, 0,
           std::optional<std::string>("retry"), std::optional(kNow + minutes(5)), 3, 2);
    db.run(kUnfinished, rows.in_flight, rows.unfinished_event, rows.notification, rows.provider, 1,
           no_reason, no_time, 1, 1);
    constexpr sqlite::Sql kFinished =
        "INSERT INTO callout VALUES (?, ?, ?, ?, NULL, 'crm', ?, ?, NULL, ?, ?)";
    db.run(kFinished, rows.delivered, rows.finished_event, rows.notification, "posted", 2,
           no_reason, 1, 0);
    db.run(kFinished, rows.dead, rows.finished_event, rows.deleted_notification, "former", 3,
           std::optional<std::string>("gone"), 2, 1);
    db.run(kFinished, rows.cancelled, rows.finished_event, rows.notification, "posted", 4,
           no_reason, 0, 0);
}

void insert_attempts_and_counts(Connection& db, const FirstSchemaRows& rows) {
    constexpr sqlite::Sql kAttempt =
        "INSERT INTO attempt VALUES (?, ?, ?, 31, ?, ?, NULL, 9, x'6f6b')";
    db.run(kAttempt, rows.delivered, 2, kNow, 200, 0);
    db.run(kAttempt, rows.dead, 2, kNow, 503, 1);
    db.run(kAttempt, rows.dead, 4, kNow + minutes(1), 410, 3);
    constexpr sqlite::Sql kTally = "INSERT INTO tally VALUES (?, ?, ?)";
    db.run(kTally, rows.notification, 0, 2);
    for (const int state : {1, 2, 4}) db.run(kTally, rows.notification, state, 1);
    db.run(kTally, core::NotificationId(), 3, 1);
    db.run("INSERT INTO counter VALUES ('events', 3)");
}

}  // namespace

FirstSchemaRows make_first_schema(const std::filesystem::path& path, const KeyRing& ring) {
    sqlite::prepare_database_file(path).value();
    Connection db(path, Connection::Access::kReadWrite);
    sqlite::protect(db);
    sqlite::make_writer(db);
    sqlite::migrate(db, ring, kToldAt, 0, 1);
    const FirstSchemaRows rows = new_rows();
    db.script("BEGIN");
    insert_provider(db, ring, rows);
    insert_notification(db, ring, rows);
    insert_events(db, rows);
    insert_callouts(db, rows);
    insert_attempts_and_counts(db, rows);
    db.script("COMMIT");
    return rows;
}

}  // namespace herald::storage
