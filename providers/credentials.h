#pragma once

#include <vector>

#include "core/clock.h"
#include "core/error.h"
#include "providers/settings.h"
#include "storage/records.h"

namespace herald::providers {

/// Reads into the record what the settings say is kept in files (O-38). Blocks for a small read.
/// A byte order mark before it is dropped, which the log says. Errors are kTransient and name the
/// file: a mounted secret may be there again in a moment.
[[nodiscard]] core::Result<> load_credentials(storage::ProviderRecord& record,
                                              const ProviderSettings& settings);

/// Puts the secret that worked last in the place of client_secret.
void choose_secret(storage::ProviderRecord& record, int number);
/// Which secrets may be tried at `now`, the one in use first (O-37): numbers as secret_in_use has
/// them.
[[nodiscard]] std::vector<int> secrets_to_try(const storage::ProviderRecord& record,
                                              core::SystemTime now);

/// What a person should know ahead (O-39): a secret or certificate that ends within 30 days.
[[nodiscard]] std::vector<std::string> expiry_warnings(const storage::ProviderRecord& record,
                                                       const ProviderSettings& settings,
                                                       core::SystemTime now);

}  // namespace herald::providers
