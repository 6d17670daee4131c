#pragma once

#include <string>
#include <string_view>

#include "core/error.h"
#include "providers/token_slot.h"

namespace herald::providers {

/// `auth_unavailable`, details {class, provider}: what couriers are told; the callout is parked.
[[nodiscard]] core::Error unavailable(const TokenSlot& slot, const std::string& error_class);
/// `provider_disabled`, `no_token` and `endpoint_missing`: what people are told, with the command
/// that helps.
[[nodiscard]] core::Error disabled(const TokenSlot& slot);
[[nodiscard]] core::Error no_token(const TokenSlot& slot);
[[nodiscard]] core::Error endpoint_missing(const TokenSlot& slot, std::string_view field,
                                           std::string_view flag);

/// `setup_failed`: what the set-up began with is no more.
[[nodiscard]] core::Error overtaken_setup(const TokenSlot& slot);

}  // namespace herald::providers
