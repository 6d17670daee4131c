#pragma once

#include <boost/json/object.hpp>
#include <memory>
#include <string>

#include "core/error.h"
#include "providers/settings.h"
#include "storage/records.h"
#include "storage/token_store.h"

namespace herald::providers {

class Configuration;
using ConfigurationPtr = std::shared_ptr<const Configuration>;

/// One provider as it was configured at one time, and the settings and endpoints that follow from
/// exactly that.
///
/// Immutable. A request is made of one of these from beginning to end, so the secret of one
/// configuration never meets the endpoints of another, however long a server takes. What an issuer
/// told (the metadata) counts only together with that issuer: see `resolve_endpoints`.
///
/// The record's `condition`, `last_error` and `invalidation_epoch` are those of the moment it was
/// read; what they are now, the slot knows.
class Configuration final {
public:
    /// Errors: what ProviderSettings::of refuses.
    [[nodiscard]] static core::Result<ConfigurationPtr> of(storage::ProviderRecord record);
    /// One that no request can be made of: it has no endpoints.
    [[nodiscard]] static ConfigurationPtr unusable(storage::ProviderRecord record);

    /// The same with what `issuer` told. Errors: `discovery_failed` where it is not the issuer of
    /// this configuration.
    [[nodiscard]] core::Result<ConfigurationPtr> with_metadata(const std::string& issuer,
                                                               boost::json::object metadata) const;
    /// The same, with another of its secrets to be tried first.
    [[nodiscard]] ConfigurationPtr with_secret_in_use(int number) const;

    [[nodiscard]] const storage::ProviderRecord& record() const { return record_; }
    [[nodiscard]] const ProviderSettings& settings() const { return settings_; }
    /// Origin of the token endpoint, by which limits are counted; of the issuer where that is not
    /// known yet.
    [[nodiscard]] const std::string& host() const { return host_; }
    /// Whether the issuer has to be asked before a token can be.
    [[nodiscard]] bool needs_discovery() const {
        return settings_.endpoints.token.empty() && record_.issuer.has_value();
    }

private:
    Configuration(storage::ProviderRecord record, ProviderSettings settings);

    const storage::ProviderRecord record_;
    const ProviderSettings settings_;
    const std::string host_;
};

}  // namespace herald::providers
