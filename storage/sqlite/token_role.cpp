// storage/token_store.h
#include <utility>

#include "storage/sqlite/provider_commands.h"
#include "storage/sqlite/provider_rows.h"
#include "storage/sqlite/store_roles.h"
#include "storage/sqlite/token_rows.h"

namespace herald::storage {

core::Result<std::optional<TokenRecord>> SqliteStore::token(core::ProviderId id) {
    return read<std::optional<TokenRecord>>(
        "read a token", [&](Connection& db) { return sqlite::find_token(db, ring_, id); });
}

void SqliteStore::save_token_outcome(TokenOutcome outcome, core::Done<> done) {
    submit<void>(
        Kind::kDelivery,
        [outcome = std::move(outcome)](WriteSession& session) {
            sqlite::save_token_outcome(session, outcome);
        },
        std::move(done));
}

void SqliteStore::note_refresh_started(TokenFence fence, std::string fingerprint,
                                       core::Done<bool> done) {
    submit<bool>(
        Kind::kOther,
        [fence, fingerprint = std::move(fingerprint)](WriteSession& session) {
            return sqlite::note_refresh_started(session, fence, fingerprint);
        },
        std::move(done));
}

void SqliteStore::save_metadata(core::ProviderId id, std::int64_t config_version,
                                boost::json::object metadata, core::Done<> done) {
    submit<void>(
        Kind::kOther,
        [id, config_version, metadata = std::move(metadata)](WriteSession& session) {
            sqlite::save_metadata(session, id, config_version, metadata);
        },
        std::move(done));
}

void SqliteStore::replace_refresh_token(core::ProviderId id, core::Secret presented,
                                        core::Secret successor, core::Done<bool> done) {
    submit<bool>(
        Kind::kDelivery,
        [id, presented = std::move(presented),
         successor = std::move(successor)](WriteSession& session) {
            return sqlite::replace_refresh_token(session, id, presented, successor);
        },
        std::move(done));
}

void SqliteStore::revoke_token(core::ProviderId id, std::vector<PendingRevocation> pending,
                               core::Done<std::int64_t> done) {
    submit<std::int64_t>(
        Kind::kOther,
        [id, pending = std::move(pending)](WriteSession& session) {
            return sqlite::revoke_token(session, id, pending);
        },
        std::move(done));
}

void SqliteStore::queue_revocation(PendingRevocation pending, core::Done<> done) {
    submit<void>(
        Kind::kOther,
        [pending = std::move(pending)](WriteSession& session) {
            sqlite::queue_revocation(session, pending);
        },
        std::move(done));
}

void SqliteStore::finish_revocation(std::int64_t id, std::optional<core::StoredTime> next_try_at,
                                    core::Done<> done) {
    submit<void>(
        Kind::kOther,
        [id, next_try_at](WriteSession& session) {
            sqlite::finish_revocation(session, id, next_try_at);
        },
        std::move(done));
}

core::Result<std::vector<PendingRevocation>> SqliteStore::pending_revocations() {
    return read<std::vector<PendingRevocation>>(
        "list revocations", [&](Connection& db) { return sqlite::all_revocations(db, ring_); });
}

}  // namespace herald::storage
