#pragma once

#include <string_view>

#include "http/message.h"
#include "storage/records.h"

namespace herald::dispatcher {

/// Which of the receiver's entities a callout with a key pair speaks for; at most one of the two.
inline constexpr std::string_view kEntityIdHeader = "entityId";
inline constexpr std::string_view kEntityNameHeader = "entityName";

/// Puts both halves into their headers.
void show_key_pair(http::Request& request, const storage::KeyPair& key);
/// The authentication `key_pair`: the key pair and, where there is one, the entity.
void authorize_with(http::Request& request, const storage::KeyPairAuth& auth);
[[nodiscard]] bool same_key_pair(const storage::KeyPair& a, const storage::KeyPair& b);

}  // namespace herald::dispatcher
