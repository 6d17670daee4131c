#include "storage/sqlite/reseal.h"

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "storage/sqlite/sealed_value.h"

namespace herald::storage::sqlite {
namespace {

/// ?1 is the newest key's id as it stands in front of a sealed value.
struct SealedColumn {
    std::string_view table;
    std::string_view column;
    Sql find;
    Sql replace;
};

// meta stands last: its key check changes over when nothing under an older key is left.
constexpr std::array kSealedColumns{
    SealedColumn{
        "provider", "client_secret",
        "SELECT id, client_secret FROM provider WHERE substr(client_secret, 1, 4) <> ? LIMIT 64",
        "UPDATE provider SET client_secret = ?2 WHERE id = ?1"},
    SealedColumn{"provider", "further_secrets",
                 "SELECT id, further_secrets FROM provider WHERE substr(further_secrets, 1, 4) <> "
                 "? LIMIT 64",
                 "UPDATE provider SET further_secrets = ?2 WHERE id = ?1"},
    SealedColumn{
        "provider", "private_key",
        "SELECT id, private_key FROM provider WHERE substr(private_key, 1, 4) <> ? LIMIT 64",
        "UPDATE provider SET private_key = ?2 WHERE id = ?1"},
    SealedColumn{
        "provider", "secret_fields",
        "SELECT id, secret_fields FROM provider WHERE substr(secret_fields, 1, 4) <> ? LIMIT 64",
        "UPDATE provider SET secret_fields = ?2 WHERE id = ?1"},
    SealedColumn{"token", "dpop_key",
                 "SELECT provider_id, dpop_key FROM token WHERE substr(dpop_key, 1, 4) <> ? LIMIT "
                 "64",
                 "UPDATE token SET dpop_key = ?2 WHERE provider_id = ?1"},
    SealedColumn{"token", "access_token",
                 "SELECT provider_id, access_token FROM token WHERE substr(access_token, 1, 4) <> "
                 "? LIMIT 64",
                 "UPDATE token SET access_token = ?2 WHERE provider_id = ?1"},
    SealedColumn{"token", "refresh_token",
                 "SELECT provider_id, refresh_token FROM token WHERE substr(refresh_token, 1, 4) "
                 "<> ? LIMIT 64",
                 "UPDATE token SET refresh_token = ?2 WHERE provider_id = ?1"},
    SealedColumn{"pending_revocation", "token",
                 "SELECT CAST(id AS BLOB), token FROM pending_revocation WHERE substr(token, 1, 4) "
                 "<> ? LIMIT 64",
                 "UPDATE pending_revocation SET token = ?2 WHERE id = CAST(?1 AS INTEGER)"},
    SealedColumn{
        "notification", "auth_secret",
        "SELECT id, auth_secret FROM notification WHERE substr(auth_secret, 1, 4) <> ? LIMIT 64",
        "UPDATE notification SET auth_secret = ?2 WHERE id = ?1"},
    SealedColumn{"notification", "signing_secret",
                 "SELECT id, signing_secret FROM notification WHERE substr(signing_secret, 1, 4) "
                 "<> ? LIMIT 64",
                 "UPDATE notification SET signing_secret = ?2 WHERE id = ?1"},
    SealedColumn{
        "notification", "secret_fields",
        "SELECT id, secret_fields FROM notification WHERE substr(secret_fields, 1, 4) <> ? "
        "LIMIT 64",
        "UPDATE notification SET secret_fields = ?2 WHERE id = ?1"},
    SealedColumn{"meta", "value",
                 "SELECT CAST(key AS BLOB), value FROM meta WHERE key = 'key_check' AND "
                 "substr(value, 1, 4) <> ?",
                 "UPDATE meta SET value = ?2 WHERE key = CAST(?1 AS TEXT)"},
};

std::int64_t reseal_some_of(WriteSession& session, const SealedColumn& column) {
    std::vector<std::pair<std::string, std::string>> resealed;
    {
        auto row = session.db.query(column.find, Blob{sealed_prefix(session.ring.newest())});
        while (row.next()) {
            auto id = row.take<std::string>();
            const SealedPlace place{.table = column.table, .row = id, .column = column.column};
            const auto secret = opened(session.ring, place, row.take<std::string_view>());
            auto value = seal(session.ring, place, secret->reveal());
            resealed.emplace_back(std::move(id), std::move(value));
        }
    }
    for (const auto& [id, value] : resealed) session.db.run(column.replace, Blob{id}, Blob{value});
    return static_cast<std::int64_t>(resealed.size());
}

}  // namespace

std::int64_t reseal_some(WriteSession& session) {
    for (const SealedColumn& column : kSealedColumns) {
        if (const auto done = reseal_some_of(session, column); done > 0) return done;
    }
    return 0;
}

}  // namespace herald::storage::sqlite
