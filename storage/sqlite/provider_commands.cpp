#include "storage/sqlite/provider_commands.h"

#include "storage/provider_in_use.h"
#include "storage/sqlite/hot_statements.h"
#include "storage/sqlite/json_columns.h"
#include "storage/sqlite/provider_rows.h"
#include "storage/sqlite/token_rows.h"

namespace herald::storage::sqlite {
namespace {

ProviderRecord existing(WriteSession& session, std::string_view name) {
    auto record = find_provider(session.db, session.ring, name);
    if (!record) throw Refusal(no_such_provider(name));
    return std::move(*record);
}

/// Those of its notifications, and attempts of a notification that has moved to another provider.
std::int64_t unfinished_callouts(WriteSession& session, const core::ProviderId& id) {
    session.tally.write(session.db);
    auto row = session.db.query(kUnfinishedOfProvider, id);
    return row.next() ? row.take<std::int64_t>() : 0;
}

Refusal in_use(WriteSession& session, const core::ProviderId& id, std::string_view name) {
    const auto users = users_of_provider(session.db, id);
    const std::int64_t callouts = unfinished_callouts(session, id);
    return Refusal(provider_in_use(name, users, callouts));
}

/// The access token goes; a refresh token that `change` left in place is a credential and stays.
/// What an earlier configuration met says nothing about this one, but only a person takes a
/// revocation back.
void drop_access_token(Store::ProviderEdit& edit) {
    ++edit.record.invalidation_epoch;
    if (edit.record.condition != ProviderCondition::kRevoked)
        edit.record.condition = ProviderCondition::kOk;
    edit.record.last_error.reset();
    if (!edit.token) return;
    edit.token->access_token.reset();
    if (!edit.token->refresh_token) edit.token.reset();
}

}  // namespace

void add_provider(WriteSession& session, const ProviderRecord& record,
                  const std::optional<TokenRecord>& token) {
    if (session.db.query("SELECT 1 FROM provider WHERE name = ?", record.name).next()) {
        throw Refusal(conflict(
            "provider_exists",
            "add provider '" + record.name + "': the name is taken; edit it or choose another"));
    }
    save_provider(session.db, session.ring, record);
    if (token) save_token(session.db, session.ring, record.id, *token);
    session.catalogue_changed();
}

ProviderRecord edit_provider(WriteSession& session, std::string_view name,
                             const std::function<core::Result<>(Store::ProviderEdit&)>& change) {
    const ProviderRecord before = existing(session, name);
    Store::ProviderEdit edit{.record = before.clone(),
                             .token = find_token(session.db, session.ring, before.id)};
    if (auto changed = change(edit); !changed) throw Refusal(changed.error());
    edit.record.id = before.id;
    edit.record.name = before.name;
    edit.record.created_at = before.created_at;
    edit.record.updated_at = session.clock.stored_now();
    if (edit.drop_token) drop_access_token(edit);
    save_provider(session.db, session.ring, edit.record);
    if (edit.token) {
        save_token(session.db, session.ring, before.id, *edit.token);
    } else {
        drop_token(session.db, before.id);
    }
    session.catalogue_changed();
    return std::move(edit.record);
}

void delete_provider(WriteSession& session, std::string_view name) {
    const ProviderRecord record = existing(session, name);
    try {
        session.db.run("DELETE FROM provider WHERE id = ?", record.id);
    } catch (const Failure& failure) {
        if (!failure.foreign_key()) throw;
        throw in_use(session, record.id, name);
    }
    session.catalogue_changed();
}

void save_token_outcome(WriteSession& session, const TokenOutcome& outcome) {
    check_fence(session.db, outcome.fence);
    session.db.run(
        "UPDATE provider SET condition = ?2, last_error = ?3, token_requests = token_requests + ?4,"
        " refresh_started = CASE WHEN ?5 THEN refresh_started END WHERE id = ?1",
        outcome.fence.provider, outcome.condition, to_json(outcome.last_error), outcome.requests,
        outcome.keeps_refresh_note);
    if (outcome.secret_in_use) {
        session.db.run("UPDATE provider SET secret_in_use = ?2 WHERE id = ?1",
                       outcome.fence.provider, *outcome.secret_in_use);
    }
    if (outcome.token) save_token(session.db, session.ring, outcome.fence.provider, *outcome.token);
}

bool note_refresh_started(WriteSession& session, const TokenFence& fence,
                          const std::string& fingerprint) {
    check_fence(session.db, fence);
    const std::int64_t noted = session.db.run(
        "UPDATE provider SET refresh_started = ?2 WHERE id = ?1 AND refresh_started IS NOT ?2",
        fence.provider, fingerprint);
    return noted == 0;
}

void save_metadata(WriteSession& session, const core::ProviderId& id, std::int64_t config_version,
                   const boost::json::object& metadata) {
    const std::int64_t saved =
        session.db.run("UPDATE provider SET metadata = ?3 WHERE id = ?1 AND config_version = ?2",
                       id, config_version, to_json(metadata));
    if (saved == 0) {
        throw Refusal(conflict("stale_token_write",
                               "save an issuer's metadata: the provider was changed meanwhile"));
    }
}

bool replace_refresh_token(WriteSession& session, const core::ProviderId& id,
                           const core::Secret& presented, const core::Secret& successor) {
    auto token = find_token(session.db, session.ring, id);
    if (!token || !token->refresh_token || !token->refresh_token->equals(presented)) return false;
    token->refresh_token = successor.clone();
    save_token(session.db, session.ring, id, *token);
    session.db.run("UPDATE provider SET refresh_started = NULL WHERE id = ?", id);
    return true;
}

std::int64_t revoke_token(WriteSession& session, const core::ProviderId& id,
                          const std::vector<PendingRevocation>& pending) {
    const auto changed = session.db.run(
        "UPDATE provider SET condition = ?2, invalidation_epoch = invalidation_epoch + 1,"
        " refresh_started = NULL WHERE id = ?1",
        id, ProviderCondition::kRevoked);
    if (changed == 0) throw Refusal(no_such_provider(id.text()));
    drop_token(session.db, id);
    for (const PendingRevocation& one : pending) add_revocation(session.db, session.ring, one);
    auto row = session.db.query("SELECT invalidation_epoch FROM provider WHERE id = ?", id);
    return row.next() ? row.take<std::int64_t>() : 0;
}

void queue_revocation(WriteSession& session, const PendingRevocation& pending) {
    try {
        add_revocation(session.db, session.ring, pending);
    } catch (const Failure& failure) {
        if (!failure.foreign_key()) throw;
        throw Refusal(no_such_provider(pending.provider.text()));
    }
}

void finish_revocation(WriteSession& session, std::int64_t id,
                       const std::optional<core::StoredTime>& next_try_at) {
    if (next_try_at) {
        session.db.run("UPDATE pending_revocation SET next_try_at = ?2 WHERE id = ?1", id,
                       *next_try_at);
    } else {
        session.db.run("DELETE FROM pending_revocation WHERE id = ?", id);
    }
}

}  // namespace herald::storage::sqlite
