#include "storage/sqlite/reseal.h"

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "storage/sqlite/sealed_value.h"

namespace herald::storage::sqlite {
namespace {

/// ?1 is the newest key's id as it stands in front of a sealed value, ?2 the row before.
struct SealedColumn {
    std::string_view table;
    std::string_view column;
    Sql find;
    Sql replace;
};

// meta stands last: its key check changes over when nothing under an older key is left.
constexpr std::array kSealedColumns{
    SealedColumn{"provider", "client_secret",
                 "SELECT id, client_secret FROM provider"
                 " WHERE id > ?2 AND substr(client_secret, 1, 4) <> ?1 ORDER BY id LIMIT 64",
                 "UPDATE provider SET client_secret = ?2 WHERE id = ?1"},
    SealedColumn{"provider", "further_secrets",
                 "SELECT id, further_secrets FROM provider"
                 " WHERE id > ?2 AND substr(further_secrets, 1, 4) <> ?1 ORDER BY id LIMIT 64",
                 "UPDATE provider SET further_secrets = ?2 WHERE id = ?1"},
    SealedColumn{"provider", "private_key",
                 "SELECT id, private_key FROM provider"
                 " WHERE id > ?2 AND substr(private_key, 1, 4) <> ?1 ORDER BY id LIMIT 64",
                 "UPDATE provider SET private_key = ?2 WHERE id = ?1"},
    SealedColumn{"provider", "secret_fields",
                 "SELECT id, secret_fields FROM provider"
                 " WHERE id > ?2 AND substr(secret_fields, 1, 4) <> ?1 ORDER BY id LIMIT 64",
                 "UPDATE provider SET secret_fields = ?2 WHERE id = ?1"},
    SealedColumn{
        "token", "dpop_key",
        "SELECT provider_id, dpop_key FROM token"
        " WHERE provider_id > ?2 AND substr(dpop_key, 1, 4) <> ?1 ORDER BY provider_id LIMIT 64",
        "UPDATE token SET dpop_key = ?2 WHERE provider_id = ?1"},
    SealedColumn{"token", "access_token",
                 "SELECT provider_id, access_token FROM token WHERE provider_id > ?2"
                 " AND substr(access_token, 1, 4) <> ?1 ORDER BY provider_id LIMIT 64",
                 "UPDATE token SET access_token = ?2 WHERE provider_id = ?1"},
    SealedColumn{"token", "refresh_token",
                 "SELECT provider_id, refresh_token FROM token WHERE provider_id > ?2"
                 " AND substr(refresh_token, 1, 4) <> ?1 ORDER BY provider_id LIMIT 64",
                 "UPDATE token SET refresh_token = ?2 WHERE provider_id = ?1"},
    SealedColumn{"pending_revocation", "token",
                 "SELECT CAST(id AS BLOB), token FROM pending_revocation WHERE CAST(id AS BLOB) > "
                 "?2 AND substr(token, 1, 4) <> ?1 ORDER BY 1 LIMIT 64",
                 "UPDATE pending_revocation SET token = ?2 WHERE id = CAST(?1 AS INTEGER)"},
    SealedColumn{"notification", "auth_secret",
                 "SELECT id, auth_secret FROM notification"
                 " WHERE id > ?2 AND substr(auth_secret, 1, 4) <> ?1 ORDER BY id LIMIT 64",
                 "UPDATE notification SET auth_secret = ?2 WHERE id = ?1"},
    SealedColumn{"notification", "signing_secret",
                 "SELECT id, signing_secret FROM notification"
                 " WHERE id > ?2 AND substr(signing_secret, 1, 4) <> ?1 ORDER BY id LIMIT 64",
                 "UPDATE notification SET signing_secret = ?2 WHERE id = ?1"},
    SealedColumn{"notification", "secret_fields",
                 "SELECT id, secret_fields FROM notification"
                 " WHERE id > ?2 AND substr(secret_fields, 1, 4) <> ?1 ORDER BY id LIMIT 64",
                 "UPDATE notification SET secret_fields = ?2 WHERE id = ?1"},
    SealedColumn{"meta", "value",
                 "SELECT CAST(key AS BLOB), value FROM meta WHERE key = 'key_check'"
                 " AND CAST(key AS BLOB) > ?2 AND substr(value, 1, 4) <> ?1",
                 "UPDATE meta SET value = ?2 WHERE key = CAST(?1 AS TEXT)"},
};

struct Looked {
    std::vector<std::pair<std::string, std::string>> resealed;  ///< row, value
    std::string last_row;                                       ///< empty: none is left
};

Looked look(WriteSession& session, const SealedColumn& column, const std::string& after) {
    Looked looked;
    auto row =
        session.db.query(column.find, Blob{sealed_prefix(session.ring.newest())}, Blob{after});
    while (row.next()) {
        looked.last_row = row.take<std::string>();
        const SealedPlace place{
            .table = column.table, .row = looked.last_row, .column = column.column};
        const auto secret = open_sealed(session.ring, place, row.take<std::string_view>());
        if (!secret) continue;
        looked.resealed.emplace_back(looked.last_row, seal(session.ring, place, secret->reveal()));
    }
    return looked;
}

}  // namespace

Resealed reseal_some(WriteSession& session, const ResealCursor& from) {
    const SealedColumn& column = kSealedColumns.at(from.column);
    const Looked looked = look(session, column, from.row);
    for (const auto& [row, value] : looked.resealed)
        session.db.run(column.replace, Blob{row}, Blob{value});
    Resealed step{.count = static_cast<std::int64_t>(looked.resealed.size())};
    if (!looked.last_row.empty()) {
        step.next = ResealCursor{.column = from.column, .row = looked.last_row};
    } else if (from.column + 1 < kSealedColumns.size()) {
        step.next = ResealCursor{.column = from.column + 1};
    }
    return step;
}

}  // namespace herald::storage::sqlite
