#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/error.h"
#include "providers/access_token.h"
#include "providers/configuration.h"
#include "providers/file_reader.h"
#include "providers/settings.h"
#include "storage/records.h"

namespace herald::providers {

/// What a configuration keeps in files (O-38, O-44), read.
struct CredentialFiles {
    std::optional<core::Secret> client_secret = std::nullopt;
    std::optional<core::Secret> private_key = std::nullopt;
    std::optional<std::string> certificate = std::nullopt;
    std::shared_ptr<const std::string> ca = nullptr;
};

/// Reads them anew. A byte order mark is dropped, which the log says. Errors are the reader's.
[[nodiscard]] boost::asio::awaitable<core::Result<CredentialFiles>> read_credential_files(
    ConfigurationPtr configuration, FileReader& reader);

/// The same, blocking, for at most FileReader::kPatience a file: not for the token thread.
[[nodiscard]] core::Result<CredentialFiles> load_credential_files(const ProviderSettings& settings);
void put_in_place(const CredentialFiles& files, storage::ProviderRecord& record);

/// A configuration as requests are made of it: the credentials of its files in their places. With
/// several secrets, `choose_secret` puts the one to be shown in its.
struct ReadyConfiguration {
    storage::ProviderRecord record;
    ProviderSettings settings;
};
[[nodiscard]] ReadyConfiguration made_ready(const Configuration& configuration,
                                            const CredentialFiles& files);

/// What has to be known before a request to the authorization server: the endpoints, and the files.
struct Prepared {
    ConfigurationPtr configuration;
    CredentialFiles files = {};

    /// As a request of one try is made of it: the secret that worked last in its place.
    [[nodiscard]] ReadyConfiguration ready() const;
};
using PreparedPtr = std::shared_ptr<const Prepared>;

/// How its tokens are shown.
[[nodiscard]] std::shared_ptr<const TokenUse> token_use_of(const ReadyConfiguration& ready);
/// Whether that needs one of its files: receivers are shown a certificate that stands in one.
[[nodiscard]] bool use_needs_files(const Configuration& configuration);

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
