#include "storage/sqlite/schema.h"

#include <array>
#include <string_view>

#include "storage/sqlite/sql_text.h"

namespace herald::storage::sqlite {
namespace {

// Enumerations are stored as their positions in records.h. Times are milliseconds since 1970.
// event.callouts holds the 16-byte ids of its callouts one after another: they never change, and an
// index on callout(event_id) would cost a write for each callout. For the same reason callout has
// no foreign key to event: both are written in one transaction.
constexpr Sql kFirst = R"sql(
CREATE TABLE schema_version (
    number INTEGER PRIMARY KEY,
    applied_at INTEGER NOT NULL
) STRICT;

CREATE TABLE meta (
    key TEXT PRIMARY KEY NOT NULL,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE provider (
    id BLOB PRIMARY KEY NOT NULL CHECK (length(id) = 16),
    name TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    enabled INTEGER NOT NULL,
    grant_type TEXT NOT NULL,
    client_id TEXT NOT NULL,
    client_secret BLOB,
    client_authentication TEXT NOT NULL,
    token_endpoint TEXT NOT NULL,
    revocation_endpoint TEXT,
    test_endpoint TEXT,
    scopes TEXT NOT NULL,
    parameters TEXT NOT NULL,
    audience TEXT,
    resources TEXT NOT NULL,
    settings TEXT NOT NULL,
    config_version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    condition INTEGER NOT NULL CHECK (condition BETWEEN 0 AND 4),
    last_error TEXT,
    invalidation_epoch INTEGER NOT NULL,
    token_requests INTEGER NOT NULL,
    refresh_started TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE token (
    provider_id BLOB PRIMARY KEY NOT NULL REFERENCES provider ON DELETE CASCADE,
    access_token BLOB,
    refresh_token BLOB,
    token_type TEXT NOT NULL,
    scopes TEXT NOT NULL,
    generation INTEGER NOT NULL,
    obtained_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    attributes TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE pending_revocation (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    provider_id BLOB NOT NULL REFERENCES provider ON DELETE CASCADE,
    token BLOB NOT NULL,
    token_type_hint TEXT NOT NULL,
    next_try_at INTEGER NOT NULL,
    give_up_at INTEGER NOT NULL
) STRICT;
CREATE INDEX pending_revocation_provider ON pending_revocation (provider_id);

CREATE TABLE notification (
    id BLOB PRIMARY KEY NOT NULL CHECK (length(id) = 16),
    name TEXT NOT NULL UNIQUE,
    enabled INTEGER NOT NULL,
    paused INTEGER NOT NULL,
    events TEXT NOT NULL,
    method TEXT NOT NULL,
    url TEXT NOT NULL,
    headers TEXT NOT NULL,
    parameters TEXT NOT NULL,
    content_type TEXT NOT NULL,
    body_template TEXT,
    auth_kind INTEGER NOT NULL CHECK (auth_kind BETWEEN 0 AND 3),
    auth_name TEXT,
    auth_secret BLOB,
    provider_id BLOB REFERENCES provider ON DELETE RESTRICT,
    signing_secret BLOB,
    timeout_ms INTEGER NOT NULL,
    retry_schedule_s TEXT NOT NULL,
    retry_max_age_s INTEGER,
    retry_reject TEXT NOT NULL,
    max_in_flight INTEGER NOT NULL,
    rate_per_s REAL,
    success_pointer TEXT,
    success_value TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX notification_provider ON notification (provider_id) WHERE provider_id IS NOT NULL;

CREATE TABLE event (
    id BLOB PRIMARY KEY NOT NULL CHECK (length(id) = 16),
    type TEXT NOT NULL,
    data BLOB NOT NULL,
    key TEXT,
    occurred_at INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    callouts BLOB NOT NULL CHECK (length(callouts) % 16 = 0)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX event_key ON event (key) WHERE key IS NOT NULL;

CREATE TABLE callout (
    id BLOB PRIMARY KEY NOT NULL CHECK (length(id) = 16),
    event_id BLOB NOT NULL,
    notification_id BLOB NOT NULL,
    notification_name TEXT NOT NULL,
    provider_id BLOB REFERENCES provider ON DELETE RESTRICT,
    provider_name TEXT,
    state INTEGER NOT NULL CHECK (state BETWEEN 0 AND 4),
    reason TEXT,
    due_at INTEGER,
    attempts INTEGER NOT NULL DEFAULT 0,
    failures INTEGER NOT NULL DEFAULT 0,
    CHECK (state <= 1 OR provider_id IS NULL),
    CHECK ((state = 0) = (due_at IS NOT NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX callout_unfinished ON callout (notification_id, state, due_at, id)
    WHERE state = 0 OR state = 1;
CREATE INDEX callout_provider ON callout (provider_id) WHERE provider_id IS NOT NULL;
CREATE INDEX callout_ended ON callout (state, id) WHERE state = 3 OR state = 4;
CREATE INDEX callout_ended_name ON callout (notification_name, state, id)
    WHERE state = 3 OR state = 4;

CREATE TABLE attempt (
    callout_id BLOB NOT NULL,
    seq INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    duration_ms INTEGER NOT NULL,
    status INTEGER,
    outcome INTEGER NOT NULL CHECK (outcome BETWEEN 0 AND 5),
    error TEXT,
    token_generation INTEGER,
    response_excerpt BLOB NOT NULL,
    PRIMARY KEY (callout_id, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE counter (
    name TEXT PRIMARY KEY NOT NULL,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE tally (
    notification_id BLOB NOT NULL,
    state INTEGER NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (notification_id, state)
) STRICT, WITHOUT ROWID;
)sql";

// Measured on the drain of a backlog: events as a rowid table (a WITHOUT ROWID one keeps payloads
// in its interior pages), no provider on the callouts but where it matters, pending and in flight
// apart.
//
// callout.queue orders what is pending: 0 first tries, 1 retries, 2 behind another of its order
// key. callout.former_provider_id: the provider that an attempt in flight still uses after its
// notification moved to another one; all others are guarded by the notification's own reference.
constexpr Sql kSecond = R"sql(
ALTER TABLE notification ADD COLUMN breaker TEXT NOT NULL DEFAULT '{}';
ALTER TABLE notification ADD COLUMN order_by TEXT;
ALTER TABLE notification ADD COLUMN retry_jitter_percent INTEGER NOT NULL DEFAULT 20;

CREATE TABLE event_2 (
    seq INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
    type TEXT NOT NULL,
    data BLOB NOT NULL,
    key TEXT,
    occurred_at INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    callouts BLOB NOT NULL CHECK (length(callouts) % 16 = 0)
) STRICT;
INSERT INTO event_2 (id, type, data, key, occurred_at, received_at, callouts)
    SELECT id, type, data, key, occurred_at, received_at, callouts FROM event ORDER BY id;

CREATE TABLE callout_2 (
    id BLOB PRIMARY KEY NOT NULL CHECK (length(id) = 16),
    event_seq INTEGER NOT NULL,
    notification_id BLOB NOT NULL,
    state INTEGER NOT NULL CHECK (state BETWEEN 0 AND 4),
    queue INTEGER NOT NULL DEFAULT 0 CHECK (queue BETWEEN 0 AND 2),
    due_at INTEGER,
    attempts INTEGER NOT NULL DEFAULT 0,
    failures INTEGER NOT NULL DEFAULT 0,
    order_key BLOB,
    former_provider_id BLOB REFERENCES provider ON DELETE RESTRICT,
    reason TEXT,
    notification_name TEXT NOT NULL,
    provider_name TEXT,
    CHECK (state = 1 OR former_provider_id IS NULL),
    CHECK ((state = 0) = (due_at IS NOT NULL))
) STRICT, WITHOUT ROWID;
INSERT INTO callout_2 (id, event_seq, notification_id, state, queue, due_at, attempts, failures,
        reason, notification_name, provider_name)
    SELECT c.id, coalesce(e.seq, 0), c.notification_id, c.state, c.attempts > 0, c.due_at,
        c.attempts, c.failures, c.reason, c.notification_name, c.provider_name
    FROM callout c LEFT JOIN event_2 e ON e.id = c.event_id ORDER BY c.id;

DROP TABLE event;
DROP TABLE callout;
ALTER TABLE event_2 RENAME TO event;
ALTER TABLE callout_2 RENAME TO callout;
CREATE UNIQUE INDEX event_key ON event (key) WHERE key IS NOT NULL;
CREATE INDEX callout_pending ON callout (notification_id, queue, due_at, id) WHERE state = 0;
CREATE INDEX callout_in_flight ON callout (notification_id, id) WHERE state = 1;
CREATE INDEX callout_order ON callout (notification_id, order_key, queue, event_seq)
    WHERE order_key IS NOT NULL AND state < 2;
CREATE INDEX callout_former_provider ON callout (former_provider_id)
    WHERE former_provider_id IS NOT NULL;

CREATE TABLE undelivered (
    state INTEGER NOT NULL,
    callout_id BLOB NOT NULL,
    notification_name TEXT NOT NULL,
    PRIMARY KEY (state, callout_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX undelivered_name ON undelivered (notification_name, state, callout_id);
INSERT INTO undelivered (state, callout_id, notification_name)
    SELECT state, id, notification_name FROM callout WHERE state > 2;
)sql";

// notification is made anew because auth_kind knows more kinds. What is sealed is bound to table,
// row and column, none of which changes.
constexpr Sql kThird = R"sql(
ALTER TABLE provider ADD COLUMN further_secrets BLOB;
ALTER TABLE provider ADD COLUMN secret_in_use INTEGER NOT NULL DEFAULT 0;
ALTER TABLE provider ADD COLUMN private_key BLOB;
ALTER TABLE provider ADD COLUMN certificate TEXT;
ALTER TABLE provider ADD COLUMN issuer TEXT;
ALTER TABLE provider ADD COLUMN metadata TEXT NOT NULL DEFAULT '{}';
ALTER TABLE token ADD COLUMN dpop_key BLOB;
ALTER TABLE attempt ADD COLUMN track_id TEXT;

CREATE TABLE notification_3 (
    id BLOB PRIMARY KEY NOT NULL CHECK (length(id) = 16),
    name TEXT NOT NULL UNIQUE,
    enabled INTEGER NOT NULL,
    paused INTEGER NOT NULL,
    events TEXT NOT NULL,
    method TEXT NOT NULL,
    url TEXT NOT NULL,
    headers TEXT NOT NULL,
    parameters TEXT NOT NULL,
    content_type TEXT NOT NULL,
    body_template TEXT,
    auth_kind INTEGER NOT NULL CHECK (auth_kind BETWEEN 0 AND 6),
    auth_name TEXT,
    auth_secret BLOB,
    auth_options TEXT NOT NULL DEFAULT '{}',
    provider_id BLOB REFERENCES provider ON DELETE RESTRICT,
    signing_secret BLOB,
    timeout_ms INTEGER NOT NULL,
    retry_schedule_s TEXT NOT NULL,
    retry_max_age_s INTEGER,
    retry_reject TEXT NOT NULL,
    max_in_flight INTEGER NOT NULL,
    rate_per_s REAL,
    success_pointer TEXT,
    success_value TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    breaker TEXT NOT NULL DEFAULT '{}',
    order_by TEXT,
    retry_jitter_percent INTEGER NOT NULL DEFAULT 20
) STRICT, WITHOUT ROWID;
INSERT INTO notification_3 (id, name, enabled, paused, events, method, url, headers, parameters,
        content_type, body_template, auth_kind, auth_name, auth_secret, provider_id,
        signing_secret, timeout_ms, retry_schedule_s, retry_max_age_s, retry_reject, max_in_flight,
        rate_per_s, success_pointer, success_value, created_at, updated_at, breaker, order_by,
        retry_jitter_percent)
    SELECT id, name, enabled, paused, events, method, url, headers, parameters,
        content_type, body_template, auth_kind, auth_name, auth_secret, provider_id,
        signing_secret, timeout_ms, retry_schedule_s, retry_max_age_s, retry_reject, max_in_flight,
        rate_per_s, success_pointer, success_value, created_at, updated_at, breaker, order_by,
        retry_jitter_percent FROM notification;
DROP TABLE notification;
ALTER TABLE notification_3 RENAME TO notification;
CREATE INDEX notification_provider ON notification (provider_id) WHERE provider_id IS NOT NULL;
)sql";

// A callout's lease is that of the owner which claimed it last; there is one owner today.
constexpr Sql kFourth = R"sql(
CREATE TABLE lease (
    number INTEGER PRIMARY KEY,
    owner TEXT NOT NULL,
    taken_at INTEGER NOT NULL,
    until INTEGER
) STRICT;
ALTER TABLE callout ADD COLUMN lease INTEGER NOT NULL DEFAULT 0;
ALTER TABLE callout ADD COLUMN crashes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE callout ADD COLUMN claimed_at INTEGER;
ALTER TABLE callout ADD COLUMN finished_at INTEGER;
DROP INDEX callout_in_flight;
CREATE INDEX callout_retry ON callout (id) WHERE state = 0 AND queue = 1;
ALTER TABLE undelivered RENAME TO dead_or_cancelled;
DROP INDEX undelivered_name;
CREATE INDEX dead_or_cancelled_name ON dead_or_cancelled (notification_name, state, callout_id);
CREATE INDEX callout_claimed ON callout (notification_id, id) WHERE state = 1;
ALTER TABLE token ADD COLUMN grant_ends_at INTEGER;
ALTER TABLE pending_revocation ADD COLUMN issued_by TEXT;
ALTER TABLE notification ADD COLUMN header_encoding INTEGER NOT NULL DEFAULT 0;
-- Of what came with a token only what somebody asked for is kept, and of an error that a server
-- told only what it cannot have echoed.
ALTER TABLE provider ADD COLUMN secret_fields BLOB;
ALTER TABLE notification ADD COLUMN secret_fields BLOB;
UPDATE provider SET last_error = json_set(last_error, '$.description',
        'not kept: it was written by an earlier version')
    WHERE last_error IS NOT NULL;
UPDATE provider SET last_error = json_set(last_error, '$.code', 'unsuccessful')
    WHERE json_extract(last_error, '$.code') GLOB '*[^a-z_]*';
UPDATE token SET attributes = coalesce((
    SELECT json_group_object(one.key, one.value)
    FROM provider, json_each(token.attributes) AS one
    WHERE provider.id = token.provider_id
      AND '/' || one.key <> coalesce(json_extract(provider.settings, '$.access_token_pointer'), '')
      AND '/' || one.key <> coalesce(json_extract(provider.settings, '$.refresh_token_pointer'), '')
      AND (one.key = 'track_id'
           OR one.key = json_extract(provider.settings, '$.base_attribute')
           OR (provider.kind = 'salesforce' AND one.key IN ('id', 'instance_url')))
), '{}');
)sql";

/// The text of the 16-byte id `column` (core/id.h): 26 characters of five bits each, which lie in
/// two neighbouring hexadecimal digits.
template <std::size_t N, std::size_t M>
consteval auto id_text(const char (&prefix)[N], const char (&column)[M]) {
    return SqlText("(WITH RECURSIVE spelled(i, t) AS (SELECT 0, '") + prefix +
           "' UNION ALL SELECT i + 1, t || substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', 1 +"
           " (((instr('0123456789ABCDEF', substr('0' || hex(" +
           column +
           "), (i * 5 + 2) / 4 + 1, 1)) - 1) * 16"
           " + instr('0123456789ABCDEF', substr('0' || hex(" +
           column +
           "), (i * 5 + 2) / 4 + 2, 1)) - 1) >> (3 - (i * 5 + 2) % 4) & 31), 1)"
           " FROM spelled WHERE i < 26) SELECT t FROM spelled WHERE i = 26)";
}

// For people with sqlite3. Whether a claimed callout has left stands in no row.
constexpr SqlText kTime = "strftime('%Y-%m-%dT%H:%M:%fZ', ";
constexpr SqlText kViewsText =
    SqlText("CREATE VIEW events AS SELECT ") + id_text("evt_", "id") +
    R"sql( AS id, type, key, )sql" + kTime + "occurred_at / 1000.0, 'unixepoch') AS occurred_at, " +
    kTime +
    "received_at / 1000.0, 'unixepoch') AS received_at, length(callouts) / 16 AS callouts,"
    " length(data) AS bytes FROM event;\n"
    "CREATE VIEW callouts AS SELECT " +
    id_text("cal_", "c.id") + " AS id, " + id_text("evt_", "e.id") +
    R"sql( AS event, c.notification_name AS notification,
    CASE c.state WHEN 0 THEN 'pending' WHEN 1 THEN 'claimed' WHEN 2 THEN 'delivered'
        WHEN 3 THEN 'dead' ELSE 'cancelled' END AS state,
    c.reason, c.attempts, c.failures, c.crashes, )sql" +
    kTime + "e.received_at / 1000.0, 'unixepoch') AS created_at, " + kTime +
    "c.due_at / 1000.0, 'unixepoch') AS due_at, " + kTime +
    "c.claimed_at / 1000.0, 'unixepoch') AS claimed_at, " + kTime +
    "c.finished_at / 1000.0, 'unixepoch') AS finished_at"
    " FROM callout c LEFT JOIN event e ON e.seq = c.event_seq;\n"
    "CREATE VIEW attempts AS SELECT " +
    id_text("cal_", "callout_id") +
    R"sql( AS callout, seq / 2 AS number, seq % 2 AS resend,
    CASE outcome WHEN 0 THEN 'delivered' WHEN 1 THEN 'retry' WHEN 2 THEN 'rejected'
        WHEN 3 THEN 'gone' WHEN 4 THEN 'failed' ELSE 'unknown_crash' END AS outcome,
    status, error, )sql" +
    kTime + "started_at / 1000.0, 'unixepoch') AS started_at, " + kTime +
    "(started_at + duration_ms) / 1000.0, 'unixepoch') AS finished_at FROM attempt;\n";
constexpr Sql kFourthViews = kViewsText;

struct Migration {
    std::int64_t number;
    Sql script;
    Sql views = "";
};

// Append only: a number that has been released never changes.
constexpr std::array kMigrations{Migration{.number = 1, .script = kFirst},
                                 Migration{.number = 2, .script = kSecond},
                                 Migration{.number = 3, .script = kThird},
                                 Migration{.number = 4, .script = kFourth, .views = kFourthViews}};

constexpr SealedPlace kKeyCheckPlace{.table = "meta", .row = "key_check", .column = "value"};
constexpr std::string_view kKeyCheckText = "herald";

void apply(Connection& db, const KeyRing& ring, core::SystemTime now, const Migration& migration) {
    db.script("BEGIN IMMEDIATE");
    try {
        db.script(migration.script);
        db.script(migration.views);
        if (migration.number == 1) {
            // In the same transaction: a Herald database without a key check never exists.
            db.script("PRAGMA application_id = 1213353028");
            write_key_check(db, ring);
        }
        db.run("INSERT INTO schema_version (number, applied_at) VALUES (?, ?)", migration.number,
               now);
        db.script("COMMIT");
    } catch (...) {
        if (db.in_transaction()) db.script("ROLLBACK");
        throw;
    }
}

static_assert(kApplicationId == 1213353028);

}  // namespace

std::int64_t newest_schema() {
    return kMigrations.back().number;
}

std::int64_t schema_of(Connection& db) {
    const bool empty = db.single("SELECT count(*) FROM sqlite_schema") == "0";
    const bool ours = db.single("PRAGMA application_id") == std::to_string(kApplicationId);
    if (empty && !ours) return 0;
    if (!ours) throw Refusal(storage_error("it is the database of another program"));
    const auto number =
        std::stoll(db.single("SELECT coalesce(max(number), 0) FROM schema_version"));
    if (number > newest_schema()) {
        throw Refusal(storage_error("it has schema " + std::to_string(number) +
                                    ", this herald knows up to " + std::to_string(newest_schema()) +
                                    "; run the newer herald"));
    }
    return number;
}

void check_key(Connection& db, const KeyRing& ring) {
    auto row = db.query("SELECT value FROM meta WHERE key = 'key_check'");
    const bool known = row.next();
    const auto opened =
        open_sealed(ring, kKeyCheckPlace, known ? row.take<std::string_view>() : "");
    if (opened && opened->reveal() == kKeyCheckText) return;
    throw Refusal(
        {.kind = core::ErrorKind::kStorage,
         .code = "key_mismatch",
         .message =
             "the key ring does not match the database; restore the ring that belongs to it"});
}

void write_key_check(Connection& db, const KeyRing& ring) {
    db.run("INSERT OR REPLACE INTO meta (key, value) VALUES ('key_check', ?)",
           Blob{seal(ring, kKeyCheckPlace, kKeyCheckText)});
}

void migrate(Connection& db, const KeyRing& ring, core::SystemTime now, std::int64_t from,
             std::int64_t to) {
    // What a migration takes away is to be gone.
    db.script("PRAGMA secure_delete = ON");
    for (const Migration& migration : kMigrations) {
        if (migration.number > from && migration.number <= to) apply(db, ring, now, migration);
    }
    db.script("PRAGMA secure_delete = OFF");
}

}  // namespace herald::storage::sqlite
