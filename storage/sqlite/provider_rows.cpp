#include "storage/sqlite/provider_rows.h"

#include "storage/sqlite/json_columns.h"
#include "storage/sqlite/sealed_value.h"

namespace herald::storage::sqlite {
namespace {

constexpr SqlText kSelect =
    "SELECT id, name, kind, enabled, grant_type, client_id, client_secret, client_authentication,"
    " token_endpoint, revocation_endpoint, test_endpoint, scopes, parameters, audience, resources, "
    "settings,"
    " config_version, created_at, updated_at, condition, last_error, invalidation_epoch, "
    "token_requests"
    " FROM provider";
constexpr SqlText kSelectByName = kSelect + " WHERE name = ?";
constexpr SqlText kSelectAll = kSelect + " ORDER BY name";

constexpr Sql kSave =
    "INSERT INTO provider (id, name, kind, enabled, grant_type, client_id, client_secret,"
    " client_authentication, token_endpoint, revocation_endpoint, test_endpoint, scopes, "
    "parameters,"
    " audience, resources, settings, config_version, created_at, updated_at, condition, last_error,"
    " invalidation_epoch, token_requests)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (id) DO UPDATE SET kind = excluded.kind, enabled = excluded.enabled,"
    " grant_type = excluded.grant_type, client_id = excluded.client_id,"
    " client_secret = excluded.client_secret, client_authentication = "
    "excluded.client_authentication,"
    " token_endpoint = excluded.token_endpoint, revocation_endpoint = excluded.revocation_endpoint,"
    " test_endpoint = excluded.test_endpoint, scopes = excluded.scopes, parameters = "
    "excluded.parameters,"
    " audience = excluded.audience, resources = excluded.resources, settings = excluded.settings,"
    " config_version = excluded.config_version, updated_at = excluded.updated_at,"
    " condition = excluded.condition, last_error = excluded.last_error,"
    " invalidation_epoch = excluded.invalidation_epoch, token_requests = excluded.token_requests";

SealedPlace client_secret_place(const core::ProviderId& id) {
    return {.table = "provider", .row = raw(id), .column = "client_secret"};
}

ProviderRecord read(Query& row, const KeyRing& ring) {
    ProviderRecord record;
    record.id = row.take<core::ProviderId>();
    record.name = row.take<std::string>();
    record.kind = row.take<std::string>();
    record.enabled = row.take<bool>();
    record.grant_type = row.take<std::string>();
    record.client_id = row.take<std::string>();
    record.client_secret =
        opened(ring, client_secret_place(record.id), row.take<std::optional<std::string_view>>());
    record.client_authentication = row.take<std::string>();
    record.token_endpoint = row.take<std::string>();
    record.revocation_endpoint = row.take<std::optional<std::string>>();
    record.test_endpoint = row.take<std::optional<std::string>>();
    record.scopes = texts_from(row.take<std::string_view>());
    record.parameters = fields_from(row.take<std::string_view>());
    record.audience = row.take<std::optional<std::string>>();
    record.resources = texts_from(row.take<std::string_view>());
    record.settings = object_from(row.take<std::string_view>());
    record.config_version = row.take<std::int64_t>();
    record.created_at = row.take<core::SystemTime>();
    record.updated_at = row.take<core::SystemTime>();
    record.condition = row.take<ProviderCondition>();
    record.last_error = provider_error_from(row.take<std::optional<std::string>>());
    record.invalidation_epoch = row.take<std::int64_t>();
    record.token_requests = row.take<std::int64_t>();
    return record;
}

}  // namespace

std::optional<ProviderRecord> find_provider(Connection& db, const KeyRing& ring,
                                            std::string_view name) {
    auto row = db.query(kSelectByName, name);
    if (!row.next()) return std::nullopt;
    return read(row, ring);
}

std::vector<ProviderRecord> all_providers(Connection& db, const KeyRing& ring) {
    std::vector<ProviderRecord> records;
    auto row = db.query(kSelectAll);
    while (row.next()) records.push_back(read(row, ring));
    return records;
}

std::vector<std::string> users_of_provider(Connection& db, const core::ProviderId& id) {
    std::vector<std::string> names;
    auto row = db.query("SELECT name FROM notification WHERE provider_id = ? ORDER BY name", id);
    while (row.next()) names.push_back(row.take<std::string>());
    return names;
}

void save_provider(Connection& db, const KeyRing& ring, const ProviderRecord& record) {
    const auto secret = sealed(ring, client_secret_place(record.id), record.client_secret);
    db.run(kSave, record.id, record.name, record.kind, record.enabled, record.grant_type,
           record.client_id, blob(secret), record.client_authentication, record.token_endpoint,
           record.revocation_endpoint, record.test_endpoint, to_json(record.scopes),
           to_json(record.parameters), record.audience, to_json(record.resources),
           to_json(record.settings), record.config_version, record.created_at, record.updated_at,
           record.condition, to_json(record.last_error), record.invalidation_epoch,
           record.token_requests);
}

void check_fence(Connection& db, const TokenFence& fence) {
    auto row = db.query("SELECT config_version, invalidation_epoch FROM provider WHERE id = ?",
                        fence.provider);
    if (!row.next()) throw Refusal(no_such_provider(fence.provider.text()));
    const auto config_version = row.take<std::int64_t>();
    const auto epoch = row.take<std::int64_t>();
    if (config_version != fence.config_version || epoch != fence.invalidation_epoch) {
        throw Refusal(
            conflict("stale_token_write",
                     "save a token: the provider was changed, reset or revoked meanwhile"));
    }
}

core::Error no_such_provider(std::string_view name) {
    return core::not_found("provider", name);
}

}  // namespace herald::storage::sqlite
