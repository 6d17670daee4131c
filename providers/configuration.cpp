#include "providers/configuration.h"

#include "http/url.h"

namespace herald::providers {
namespace {

using core::Result;

std::string origin_of(const std::string& endpoint) {
    const auto url = http::Url::parse(endpoint, "token_endpoint");
    return url ? url->origin() : std::string();
}

}  // namespace

Configuration::Configuration(storage::ProviderRecord record, ProviderSettings settings)
    : record_(std::move(record)),
      settings_(std::move(settings)),
      host_(origin_of(settings_.endpoints.token)) {}

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
