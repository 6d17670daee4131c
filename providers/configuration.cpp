#include "providers/configuration.h"

#include "http/url.h"

namespace herald::providers {
namespace {

using core::Result;

std::string host_of(const storage::ProviderRecord& record, const ProviderSettings& settings) {
    const std::string& token = settings.endpoints.token;
    const auto url = http::Url::parse(token.empty() ? record.issuer.value_or("") : token, "host");
    return url ? url->origin() : std::string();
}

}  // namespace

Configuration::Configuration(storage::ProviderRecord record, ProviderSettings settings)
    : record_(std::move(record)),
      settings_(std::move(settings)),
      host_(host_of(record_, settings_)) {}

Result<ConfigurationPtr> Configuration::of(storage::ProviderRecord record) {
    auto settings = ProviderSettings::of(record);
    if (!settings) return settings.error();
    return ConfigurationPtr(new Configuration(std::move(record), std::move(*settings)));
}

ConfigurationPtr Configuration::unusable(storage::ProviderRecord record) {
    record.issuer.reset();
    return ConfigurationPtr(new Configuration(std::move(record), ProviderSettings()));
}

Result<ConfigurationPtr> Configuration::with_metadata(const std::string& issuer,
                                                      boost::json::object metadata) const {
    if (record_.issuer != issuer) {
        return core::Error{.kind = core::ErrorKind::kConflict,
                           .code = "discovery_failed",
                           .message = "provider '" + record_.name + "' was given another issuer " +
                                      "while " + issuer + " was asked"};
    }
    storage::ProviderRecord record = record_.clone();
    record.metadata = std::move(metadata);
    record.metadata["issuer"] = issuer;
    return of(std::move(record));
}

ConfigurationPtr Configuration::with_secret_in_use(int number) const {
    storage::ProviderRecord record = record_.clone();
    record.secret_in_use = number;
    return ConfigurationPtr(new Configuration(std::move(record), settings_));
}

}  // namespace herald::providers
