#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <optional>
#include <string>
#include <vector>

#include "core/clock.h"
#include "providers/token_manager.h"
#include "storage/records.h"

/// Records as the JSON of the contract. Pure, but for where `clock` puts stored times on the wall.
/// No view holds a secret: "set" or null stands for one (O-11).
namespace herald::api {

/// An object where the names are unique, else an array of [name, value] pairs: order and repetition
/// are kept.
[[nodiscard]] boost::json::value fields_json(const storage::Fields& fields);

/// Their names, with "set" for each value.
[[nodiscard]] boost::json::object secret_fields_json(const storage::SecretFields& fields);

/// Contract section 3. `token` may be null; one that has expired shows as null.
[[nodiscard]] boost::json::object provider_json(const storage::ProviderRecord& record,
                                                const storage::TokenRecord* token,
                                                const std::vector<std::string>& used_by,
                                                const core::Clock& clock);

/// What an import takes, without secrets; `secrets` names those that have to be given again.
[[nodiscard]] boost::json::object provider_export_json(const storage::ProviderRecord& record,
                                                       bool has_refresh_token);

/// The `token` object with `provider` and `state`; its members are null where there is no usable
/// token.
[[nodiscard]] boost::json::object token_json(const storage::ProviderRecord& record,
                                             const storage::TokenRecord* token,
                                             const core::Clock& clock);
[[nodiscard]] boost::json::object token_test_json(const std::string& provider,
                                                  const providers::TokenTestResult& result);

/// Contract section 4.
[[nodiscard]] boost::json::object notification_json(const storage::NotificationRecord& record,
                                                    const core::Clock& clock);

/// Contract section 5.
[[nodiscard]] boost::json::object callout_json(const storage::CalloutRecord& record,
                                               const std::vector<storage::AttemptRecord>& attempts,
                                               const core::Clock& clock);
[[nodiscard]] boost::json::object attempt_json(const storage::AttemptRecord& attempt,
                                               const core::Clock& clock);

/// Text, not a value: `data` stands in it byte for byte as it came in.
[[nodiscard]] std::string event_json(const storage::EventRecord& event,
                                     const boost::json::array& callouts,
                                     const boost::json::array& unmatched, const core::Clock& clock);

}  // namespace herald::api
