#include "storage/sqlite/provider_rows.h"

#include "storage/sqlite/json_columns.h"
#include "storage/sqlite/sealed_value.h"

namespace herald::storage::sqlite {
namespace {

constexpr SqlText kSelect =
    "SELECT id, name, kind, enabled, grant_type, client_id, client_secret, further_secrets,"
    " secret_in_use, private_key, certificate, client_authentication, token_endpoint,"
    " revocation_endpoint, test_endpoint, scopes, parameters, audience, resources, issuer,"
    " metadata, settings, config_version, created_at, updated_at, condition, last_error,"
    " invalidation_epoch, token_requests, secret_fields"
    " FROM provider";
constexpr SqlText kSelectByName = kSelect + " WHERE name = ?";
constexpr SqlText kSelectById = kSelect + " WHERE id = ?";
constexpr SqlText kSelectAll = kSelect + " ORDER BY name";

constexpr Sql kSave =
    "INSERT INTO provider (id, name, kind, enabled, grant_type, client_id, client_secret,"
    " further_secrets, secret_in_use, private_key, certificate, client_authentication,"
    " token_endpoint, revocation_endpoint, test_endpoint, scopes, parameters, audience, resources,"
    " issuer, metadata, settings, config_version, created_at, updated_at, condition, last_error,"
    " invalidation_epoch, token_requests, secret_fields)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
    "?, "
    "?)"
    " ON CONFLICT (id) DO UPDATE SET kind = excluded.kind, enabled = excluded.enabled,"
    " grant_type = excluded.grant_type, client_id = excluded.client_id,"
    " client_secret = excluded.client_secret, further_secrets = excluded.further_secrets,"
    " secret_in_use = excluded.secret_in_use, private_key = excluded.private_key,"
    " certificate = excluded.certificate, client_authentication = excluded.client_authentication,"
    " token_endpoint = excluded.token_endpoint, revocation_endpoint = excluded.revocation_endpoint,"
    " test_endpoint = excluded.test_endpoint, scopes = excluded.scopes,"
    " parameters = excluded.parameters, audience = excluded.audience,"
    " resources = excluded.resources, issuer = excluded.issuer, metadata = excluded.metadata,"
    " settings = excluded.settings, config_version = excluded.config_version,"
    " updated_at = excluded.updated_at, condition = excluded.condition,"
    " last_error = excluded.last_error, invalidation_epoch = excluded.invalidation_epoch,"
    " token_requests = excluded.token_requests, secret_fields = excluded.secret_fields";

constexpr std::string_view kTable = "provider";

std::optional<core::Secret> further_secrets_text(const std::vector<ClientSecret>& secrets) {
    if (secrets.empty()) return std::nullopt;
    std::string text = to_json(secrets);
    return core::Secret::take(std::move(text));
}

std::vector<ClientSecret> further_secrets_of(const std::optional<core::Secret>& text) {
    return text ? client_secrets_from(text->reveal()) : std::vector<ClientSecret>();
}

ProviderRecord read(Query& row, const KeyRing& ring) {
    ProviderRecord record;
    record.id = row.take<core::ProviderId>();
    record.name = row.take<std::string>();
    record.kind = row.take<std::string>();
    record.enabled = row.take<bool>();
    record.grant_type = row.take<std::string>();
    record.client_id = row.take<std::string>();
    SecretReader secrets(ring, kTable, raw(record.id));
    const auto open = [&](std::string_view column) {
        return secrets.open(column, row.take<std::optional<std::string_view>>());
    };
    record.client_secret = open("client_secret");
    record.further_secrets = further_secrets_of(open("further_secrets"));
    record.secret_in_use = row.take<int>();
    record.private_key = open("private_key");
    record.certificate = row.take<std::optional<std::string>>();
    record.client_authentication = row.take<std::string>();
    record.token_endpoint = row.take<std::string>();
    record.revocation_endpoint = row.take<std::optional<std::string>>();
    record.test_endpoint = row.take<std::optional<std::string>>();
    record.scopes = texts_from(row.take<std::string_view>());
    record.parameters = fields_from(row.take<std::string_view>());
    record.audience = row.take<std::optional<std::string>>();
    record.resources = texts_from(row.take<std::string_view>());
    record.issuer = row.take<std::optional<std::string>>();
    record.metadata = object_from(row.take<std::string_view>());
    record.settings = object_from(row.take<std::string_view>());
    record.config_version = row.take<std::int64_t>();
    record.created_at = row.take<core::StoredTime>();
    record.updated_at = row.take<core::StoredTime>();
    record.condition = row.take<ProviderCondition>();
    record.last_error = provider_error_from(row.take<std::optional<std::string>>());
    record.invalidation_epoch = row.take<std::int64_t>();
    record.token_requests = row.take<std::int64_t>();
    read_secret_fields(
        open("secret_fields"),
        {&record.secret_parameters, &record.secret_token_headers, &record.secret_callout_headers});
    record.unreadable_secrets = secrets.unreadable();
    return record;
}

}  // namespace

std::optional<ProviderRecord> find_provider(Connection& db, const KeyRing& ring,
                                            std::string_view name) {
    auto row = db.query(kSelectByName, name);
    if (!row.next()) return std::nullopt;
    return read(row, ring);
}

std::optional<ProviderRecord> find_provider(Connection& db, const KeyRing& ring,
                                            const core::ProviderId& id) {
    auto row = db.query(kSelectById, id);
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
    const SecretWriter secrets(db, ring, kTable, record.id, record.unreadable_secrets);
    const auto secret = secrets.value("client_secret", record.client_secret,
                                      "SELECT client_secret FROM provider WHERE id = ?");
    const auto further =
        secrets.value("further_secrets", further_secrets_text(record.further_secrets),
                      "SELECT further_secrets FROM provider WHERE id = ?");
    const auto private_key = secrets.value("private_key", record.private_key,
                                           "SELECT private_key FROM provider WHERE id = ?");
    const auto fields =
        secrets.value("secret_fields",
                      secret_fields_text({&record.secret_parameters, &record.secret_token_headers,
                                          &record.secret_callout_headers}),
                      "SELECT secret_fields FROM provider WHERE id = ?");
    db.run(kSave, record.id, record.name, record.kind, record.enabled, record.grant_type,
           record.client_id, blob(secret), blob(further), record.secret_in_use, blob(private_key),
           record.certificate, record.client_authentication, record.token_endpoint,
           record.revocation_endpoint, record.test_endpoint, to_json(record.scopes),
           to_json(record.parameters), record.audience, to_json(record.resources), record.issuer,
           to_json(record.metadata), to_json(record.settings), record.config_version,
           record.created_at, record.updated_at, record.condition, to_json(record.last_error),
           record.invalidation_epoch, record.token_requests, blob(fields));
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
