#include "storage/sqlite/token_rows.h"

#include "storage/sqlite/json_columns.h"
#include "storage/sqlite/sealed_value.h"

namespace herald::storage::sqlite {
namespace {

constexpr Sql kSave =
    "INSERT OR REPLACE INTO token (provider_id, access_token, refresh_token, token_type, scopes, "
    "generation,"
    " obtained_at, expires_at, grant_ends_at, attributes, dpop_key)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
constexpr Sql kFind =
    "SELECT access_token, refresh_token, token_type, scopes, generation, obtained_at, expires_at, "
    "grant_ends_at, attributes, dpop_key"
    " FROM token WHERE provider_id = ?";

constexpr std::string_view kTable = "token";

SealedPlace revocation_place(std::string_view id) {
    return {.table = "pending_revocation", .row = id, .column = "token"};
}

}  // namespace

std::optional<TokenRecord> find_token(Connection& db, const KeyRing& ring,
                                      const core::ProviderId& provider) {
    auto row = db.query(kFind, provider);
    if (!row.next()) return std::nullopt;
    TokenRecord record;
    SecretReader secrets(ring, kTable, raw(provider));
    record.access_token = secrets.open("access_token", row.take<std::optional<std::string_view>>());
    record.refresh_token =
        secrets.open("refresh_token", row.take<std::optional<std::string_view>>());
    record.token_type = row.take<std::string>();
    record.scopes = texts_from(row.take<std::string_view>());
    record.generation = row.take<std::int64_t>();
    record.obtained_at = row.take<core::StoredTime>();
    record.expires_at = row.take<core::StoredTime>();
    record.grant_ends_at = row.take<std::optional<core::StoredTime>>();
    record.attributes = object_from(row.take<std::string_view>());
    record.dpop_key = secrets.open("dpop_key", row.take<std::optional<std::string_view>>());
    record.unreadable_secrets = secrets.unreadable();
    return record;
}

void save_token(Connection& db, const KeyRing& ring, const core::ProviderId& provider,
                const TokenRecord& record) {
    const SecretWriter secrets(db, ring, kTable, provider, record.unreadable_secrets);
    const auto access = secrets.value("access_token", record.access_token,
                                      "SELECT access_token FROM token WHERE provider_id = ?");
    const auto refresh = secrets.value("refresh_token", record.refresh_token,
                                       "SELECT refresh_token FROM token WHERE provider_id = ?");
    const auto dpop_key = secrets.value("dpop_key", record.dpop_key,
                                        "SELECT dpop_key FROM token WHERE provider_id = ?");
    db.run(kSave, provider, blob(access), blob(refresh), record.token_type, to_json(record.scopes),
           record.generation, record.obtained_at, record.expires_at, record.grant_ends_at,
           to_json(record.attributes), blob(dpop_key));
}

void drop_token(Connection& db, const core::ProviderId& provider) {
    db.run("DELETE FROM token WHERE provider_id = ?", provider);
}

std::vector<PendingRevocation> all_revocations(Connection& db, const KeyRing& ring) {
    std::vector<PendingRevocation> pending;
    auto row = db.query(
        "SELECT id, provider_id, token, token_type_hint, next_try_at, give_up_at, issued_by FROM "
        "pending_revocation"
        " ORDER BY id");
    while (row.next()) {
        PendingRevocation one;
        one.id = row.take<std::int64_t>();
        one.provider = row.take<core::ProviderId>();
        auto token = open_sealed(ring, revocation_place(std::to_string(one.id)),
                                 row.take<std::string_view>());
        one.is_unreadable = !token;
        if (token) one.token = std::move(*token);
        one.token_type_hint = row.take<std::string>();
        one.next_try_at = row.take<core::StoredTime>();
        one.give_up_at = row.take<core::StoredTime>();
        one.issued_by = row.take<std::optional<std::string>>();
        pending.push_back(std::move(one));
    }
    return pending;
}

void add_revocation(Connection& db, const KeyRing& ring, const PendingRevocation& pending) {
    // The id is part of what the token is sealed to, so it has to be known first.
    db.run(
        "INSERT INTO pending_revocation (provider_id, token, token_type_hint, next_try_at, "
        "give_up_at, issued_by)"
        " VALUES (?, x'', ?, ?, ?, ?)",
        pending.provider, pending.token_type_hint, pending.next_try_at, pending.give_up_at,
        pending.issued_by);
    const std::int64_t id = db.last_insert_id();
    db.run("UPDATE pending_revocation SET token = ?2 WHERE id = ?1", id,
           Blob{seal(ring, revocation_place(std::to_string(id)), pending.token.reveal())});
}

}  // namespace herald::storage::sqlite
