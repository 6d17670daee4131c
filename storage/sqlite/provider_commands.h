#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/sqlite/write_session.h"
#include "storage/store.h"

/// Changes of providers and tokens, as Store describes them. Everything here may throw Failure and
/// Refusal.
namespace herald::storage::sqlite {

void add_provider(WriteSession& session, const ProviderRecord& record,
                  const std::optional<TokenRecord>& token);
[[nodiscard]] ProviderRecord edit_provider(
    WriteSession& session, std::string_view name,
    const std::function<core::Result<>(Store::ProviderEdit&)>& change);
void delete_provider(WriteSession& session, std::string_view name);

void save_token_outcome(WriteSession& session, const TokenOutcome& outcome);
/// Whether the note was there already.
[[nodiscard]] bool note_refresh_started(WriteSession& session, const TokenFence& fence,
                                        const std::string& fingerprint);
void save_metadata(WriteSession& session, const core::ProviderId& id, std::int64_t config_version,
                   const boost::json::object& metadata);
/// Whether `presented` was stored.
[[nodiscard]] bool replace_refresh_token(WriteSession& session, const core::ProviderId& id,
                                         const core::Secret& presented,
                                         const core::Secret& successor);
/// The new epoch.
[[nodiscard]] std::int64_t revoke_token(WriteSession& session, const core::ProviderId& id,
                                        const std::vector<PendingRevocation>& pending);
void queue_revocation(WriteSession& session, const PendingRevocation& pending);
void finish_revocation(WriteSession& session, std::int64_t id,
                       const std::optional<core::StoredTime>& next_try_at);

}  // namespace herald::storage::sqlite
