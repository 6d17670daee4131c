#pragma once

#include <boost/json/object.hpp>
#include <chrono>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/records.h"

/// Lists and objects as JSON text. Reading text that does not fit throws Refusal (`storage_error`).
namespace herald::storage::sqlite {

[[nodiscard]] std::string to_json(const std::vector<std::string>& texts);
[[nodiscard]] std::string to_json(const Fields& fields);
[[nodiscard]] std::string to_json(const std::vector<std::chrono::seconds>& durations);
[[nodiscard]] std::string to_json(const boost::json::object& object);
[[nodiscard]] std::optional<std::string> to_json(const std::optional<ProviderError>& error);
[[nodiscard]] std::string to_json(const BreakerSettings& breaker);
/// Holds the secrets themselves: only ever kept sealed.
[[nodiscard]] std::string to_json(const std::vector<ClientSecret>& secrets);

/// Several lists in one text, of the same use; empty where all of them are.
[[nodiscard]] std::optional<core::Secret> secret_fields_text(
    std::initializer_list<const SecretFields*> lists);
/// As many lists as there are places for.
void read_secret_fields(const std::optional<core::Secret>& text,
                        std::initializer_list<SecretFields*> lists);

[[nodiscard]] std::vector<std::string> texts_from(std::string_view json);
[[nodiscard]] Fields fields_from(std::string_view json);
[[nodiscard]] std::vector<std::chrono::seconds> durations_from(std::string_view json);
[[nodiscard]] boost::json::object object_from(std::string_view json);
/// What it does not say is as in a new record.
[[nodiscard]] BreakerSettings breaker_from(std::string_view json);
[[nodiscard]] std::vector<core::Secret> secrets_from(std::string_view json);
[[nodiscard]] std::vector<ClientSecret> client_secrets_from(std::string_view json);
[[nodiscard]] std::optional<ProviderError> provider_error_from(
    const std::optional<std::string>& json);

}  // namespace herald::storage::sqlite
