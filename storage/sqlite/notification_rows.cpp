#include "storage/sqlite/notification_rows.h"

#include "storage/sqlite/auth_columns.h"
#include "storage/sqlite/json_columns.h"
#include "storage/sqlite/provider_rows.h"
#include "storage/sqlite/sealed_value.h"

namespace herald::storage::sqlite {
namespace {

constexpr SqlText kSelect =
    "SELECT n.id, n.name, n.enabled, n.paused, n.events, n.method, n.url, n.headers, n.parameters,"
    " n.content_type, n.body_template, n.auth_kind, n.auth_name, n.auth_secret, n.auth_options, "
    "n.provider_id, p.name,"
    " n.signing_secret, n.timeout_ms, n.retry_schedule_s, n.retry_max_age_s, n.retry_reject,"
    " n.max_in_flight, n.rate_per_s, n.breaker, n.order_by, n.retry_jitter_percent, "
    "n.success_pointer, n.success_value, "
    "n.created_at, n.updated_at, n.secret_fields, n.header_encoding"
    " FROM notification n LEFT JOIN provider p ON p.id = n.provider_id";
constexpr SqlText kSelectByName = kSelect + " WHERE n.name = ?";
constexpr SqlText kSelectById = kSelect + " WHERE n.id = ?";
constexpr SqlText kSelectAll = kSelect + " ORDER BY n.name";

constexpr Sql kSave =
    "INSERT INTO notification (id, name, enabled, paused, events, method, url, headers, parameters,"
    " content_type, body_template, auth_kind, auth_name, auth_secret, auth_options, provider_id, "
    "signing_secret,"
    " timeout_ms, retry_schedule_s, retry_max_age_s, retry_reject, max_in_flight, rate_per_s,"
    " breaker, order_by, retry_jitter_percent, success_pointer, success_value, created_at, "
    "updated_at, secret_fields, header_encoding)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
    "?, "
    "?, ?, ?)"
    " ON CONFLICT (id) DO UPDATE SET enabled = excluded.enabled, paused = excluded.paused,"
    " events = excluded.events, method = excluded.method, url = excluded.url, headers = "
    "excluded.headers,"
    " parameters = excluded.parameters, content_type = excluded.content_type,"
    " body_template = excluded.body_template, auth_kind = excluded.auth_kind,"
    " auth_name = excluded.auth_name, auth_secret = excluded.auth_secret,"
    " auth_options = excluded.auth_options,"
    " provider_id = excluded.provider_id, signing_secret = excluded.signing_secret,"
    " timeout_ms = excluded.timeout_ms, retry_schedule_s = excluded.retry_schedule_s,"
    " retry_max_age_s = excluded.retry_max_age_s, retry_reject = excluded.retry_reject,"
    " max_in_flight = excluded.max_in_flight, rate_per_s = excluded.rate_per_s,"
    " breaker = excluded.breaker, order_by = excluded.order_by,"
    " retry_jitter_percent = excluded.retry_jitter_percent,"
    " success_pointer = excluded.success_pointer, success_value = excluded.success_value,"
    " updated_at = excluded.updated_at, secret_fields = excluded.secret_fields,"
    " header_encoding = excluded.header_encoding";

constexpr std::string_view kTable = "notification";

Authentication read_auth(Query& row, SecretReader& secrets) {
    AuthColumns columns;
    columns.kind = row.take<std::size_t>();
    columns.name = row.take<std::optional<std::string>>();
    columns.secret = secrets.open("auth_secret", row.take<std::optional<std::string_view>>());
    columns.options = row.take<std::string>();
    const auto provider = row.take<std::optional<core::ProviderId>>();
    auto provider_name = row.take<std::optional<std::string>>();
    if (columns.kind == kOauthKind && provider && provider_name) {
        return OauthAuth{.provider = *provider,
                         .provider_name = std::move(*provider_name),
                         .entity = std::move(columns.name)};
    }
    return authentication_of(std::move(columns));
}

NotificationRecord read(Query& row, const KeyRing& ring) {
    NotificationRecord record;
    record.id = row.take<core::NotificationId>();
    record.name = row.take<std::string>();
    record.enabled = row.take<bool>();
    record.paused = row.take<bool>();
    record.events = texts_from(row.take<std::string_view>());
    record.method = row.take<std::string>();
    record.url = row.take<std::string>();
    record.headers = fields_from(row.take<std::string_view>());
    record.parameters = fields_from(row.take<std::string_view>());
    record.content_type = row.take<std::string>();
    record.body_template = row.take<std::optional<std::string>>();
    SecretReader secrets(ring, kTable, raw(record.id));
    record.auth = read_auth(row, secrets);
    record.signing_secret =
        secrets.open("signing_secret", row.take<std::optional<std::string_view>>());
    record.timeout = row.take<std::chrono::milliseconds>();
    record.retry.schedule = durations_from(row.take<std::string_view>());
    record.retry.max_age = row.take<std::optional<std::chrono::seconds>>();
    record.retry.reject = texts_from(row.take<std::string_view>());
    record.max_in_flight = row.take<int>();
    record.rate_per_s = row.take<std::optional<double>>();
    record.breaker = breaker_from(row.take<std::string_view>());
    record.order_by = row.take<std::optional<std::string>>();
    record.retry.jitter_percent = row.take<int>();
    auto pointer = row.take<std::optional<std::string>>();
    auto value = row.take<std::optional<std::string>>();
    if (pointer && value) record.success = SuccessField{.pointer = *pointer, .value = *value};
    record.created_at = row.take<core::StoredTime>();
    record.updated_at = row.take<core::StoredTime>();
    read_secret_fields(secrets.open("secret_fields", row.take<std::optional<std::string_view>>()),
                       {&record.secret_headers, &record.secret_parameters});
    record.header_encoding = row.take<HeaderEncoding>();
    record.unreadable_secrets = secrets.unreadable();
    return record;
}

void write(Connection& db, const KeyRing& ring, const NotificationRecord& record) {
    const AuthColumns auth = columns_of(record.auth);
    const SecretWriter secrets(db, ring, kTable, record.id, record.unreadable_secrets);
    std::optional<std::string> auth_secret;
    if (auth.has_secret) {
        auth_secret = secrets.value("auth_secret", auth.secret,
                                    "SELECT auth_secret FROM notification WHERE id = ?");
    }
    const auto signing_secret =
        secrets.value("signing_secret", record.signing_secret,
                      "SELECT signing_secret FROM notification WHERE id = ?");
    const auto fields = secrets.value(
        "secret_fields", secret_fields_text({&record.secret_headers, &record.secret_parameters}),
        "SELECT secret_fields FROM notification WHERE id = ?");
    std::optional<std::string_view> success_pointer;
    std::optional<std::string_view> success_value;
    if (record.success) {
        success_pointer = record.success->pointer;
        success_value = record.success->value;
    }
    db.run(kSave, record.id, record.name, record.enabled, record.paused, to_json(record.events),
           record.method, record.url, to_json(record.headers), to_json(record.parameters),
           record.content_type, record.body_template, auth.kind, auth.name, blob(auth_secret),
           auth.options, record.provider(), blob(signing_secret), record.timeout,
           to_json(record.retry.schedule), record.retry.max_age, to_json(record.retry.reject),
           record.max_in_flight, record.rate_per_s, to_json(record.breaker), record.order_by,
           record.retry.jitter_percent, success_pointer, success_value, record.created_at,
           record.updated_at, blob(fields), record.header_encoding);
}

}  // namespace

std::optional<NotificationRecord> find_notification(Connection& db, const KeyRing& ring,
                                                    std::string_view name) {
    auto row = db.query(kSelectByName, name);
    if (!row.next()) return std::nullopt;
    return read(row, ring);
}

std::optional<NotificationRecord> find_notification(Connection& db, const KeyRing& ring,
                                                    const core::NotificationId& id) {
    auto row = db.query(kSelectById, id);
    if (!row.next()) return std::nullopt;
    return read(row, ring);
}

std::vector<NotificationRecord> all_notifications(Connection& db, const KeyRing& ring) {
    std::vector<NotificationRecord> records;
    auto row = db.query(kSelectAll);
    while (row.next()) records.push_back(read(row, ring));
    return records;
}

void save_notification(Connection& db, const KeyRing& ring, const NotificationRecord& record) {
    try {
        write(db, ring, record);
    } catch (const Failure& failure) {
        if (!failure.foreign_key()) throw;
        throw Refusal(no_such_provider(record.provider().value_or(core::ProviderId()).text()));
    }
}

bool notification_exists(Connection& db, const core::NotificationId& id) {
    return db.query("SELECT 1 FROM notification WHERE id = ?", id).next();
}

core::Error no_such_notification(std::string_view name) {
    return core::not_found("notification", name);
}

}  // namespace herald::storage::sqlite
