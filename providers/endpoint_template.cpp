#include "providers/endpoint_template.h"

#include <algorithm>

#include "core/encoding.h"
#include "core/json.h"

namespace herald::providers {
namespace {

namespace json = boost::json;
using core::Result;

// A tenant, an account, a realm, a host: part of a path or a host name, never a way out of it.
bool may_stand_in_a_url(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) {
        const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        return letter || (c >= '0' && c <= '9') ||
               std::string_view("-._~:").find(c) != std::string_view::npos;
    });
}

Result<std::string> base_url_of(const Kind& kind, const json::object& settings);

Result<std::string> value_of(std::string_view name, const Kind& kind,
                             const json::object& settings) {
    if (name == "base_url") return base_url_of(kind, settings);
    std::string value = setting_text(settings, name);
    for (const KindSetting& own : kind.own_settings) {
        if (own.name == name && value.empty()) value = own.fallback;
    }
    if (value.empty() || !may_stand_in_a_url(value)) {
        return core::invalid_argument(
            "settings." + std::string(name),
            "becomes part of an endpoint: letters, digits and -._~: only");
    }
    return value;
}

Result<std::string> filled(std::string_view text, const Kind& kind, const json::object& settings) {
    std::string out;
    while (!text.empty()) {
        const auto open = text.find('{');
        out.append(text.substr(0, open));
        if (open == std::string_view::npos) break;
        const auto close = text.find('}', open);
        auto value = value_of(text.substr(open + 1, close - open - 1), kind, settings);
        if (!value) return value;
        out.append(*value);
        text.remove_prefix(close + 1);
    }
    return out;
}

Result<std::string> base_url_of(const Kind& kind, const json::object& settings) {
    std::string base = setting_text(settings, "base_url");
    if (base.empty() && kind.base_of != nullptr) {
        auto derived = kind.base_of(settings);
        if (!derived) return derived;
        base = std::move(*derived);
    }
    if (base.empty()) {
        auto own = filled(kind.base_url, kind, settings);
        if (!own) return own;
        base = std::move(*own);
    }
    while (base.ends_with('/')) base.pop_back();
    if (!base.empty()) return base;
    return core::invalid_argument(
        "settings.base_url",
        "is required for the kind " + std::string(kind.name) + "; give it with --base-url");
}

class Resolver {
public:
    Resolver(const storage::ProviderRecord& record, const Kind& kind, const json::object& settings)
        : record_(record), kind_(kind), settings_(settings) {}

    // What the record says stays; then what the issuer says, then what the kind does.
    Result<> resolve(std::string_view metadata_key, std::string_view kind_template,
                     std::optional<std::string>& endpoint) const {
        if (endpoint && !endpoint->empty()) return {};
        endpoint.reset();
        if (auto told = metadata(metadata_key)) {
            endpoint = std::move(told);
            return {};
        }
        if (kind_template.empty()) return {};
        auto own = filled(kind_template, kind_, settings_);
        if (!own) return own.error();
        endpoint = std::move(*own);
        return {};
    }

private:
    std::optional<std::string> metadata(std::string_view key) const {
        const json::object* told = metadata_of(record_);
        if (told == nullptr) return std::nullopt;
        const auto* aliases = told->if_contains("mtls_endpoint_aliases");
        if (aliases != nullptr && aliases->is_object() && authenticates_by_tls(record_)) {
            if (auto alias = core::string_member(aliases->get_object(), key)) return alias;
        }
        return core::string_member(*told, key);
    }

    const storage::ProviderRecord& record_;
    const Kind& kind_;
    const json::object& settings_;
};

}  // namespace

const json::object* metadata_of(const storage::ProviderRecord& record) {
    if (!record.issuer || core::string_member(record.metadata, "issuer") != *record.issuer)
        return nullptr;
    return &record.metadata;
}

bool authenticates_by_tls(const storage::ProviderRecord& record) {
    return record.client_authentication == "tls_client_auth" ||
           record.client_authentication == "self_signed_tls_client_auth";
}

Result<Endpoints> resolve_endpoints(const storage::ProviderRecord& record, const Kind& kind,
                                    const json::object& settings, Endpoints given) {
    const Resolver resolver(record, kind, settings);
    std::optional<std::string> token(record.token_endpoint);
    given.revocation = record.revocation_endpoint;
    given.test = record.test_endpoint;
    struct Step {
        std::string_view metadata_key, kind_template;
        std::optional<std::string>& endpoint;
    };
    for (const Step& step :
         {Step{"token_endpoint", kind.token_endpoint, token},
          Step{"revocation_endpoint", kind.revocation_endpoint, given.revocation},
          Step{"userinfo_endpoint", kind.test_endpoint, given.test},
          Step{"introspection_endpoint", kind.introspection_endpoint, given.introspection},
          Step{"authorization_endpoint", kind.authorization_endpoint, given.authorization},
          Step{"device_authorization_endpoint", kind.device_authorization_endpoint,
               given.device_authorization}}) {
        if (auto done = resolver.resolve(step.metadata_key, step.kind_template, step.endpoint);
            !done)
            return done.error();
    }
    given.token = token.value_or("");
    const json::object* told = metadata_of(record);
    const auto userinfo =
        told == nullptr ? std::nullopt : core::string_member(*told, "userinfo_endpoint");
    given.test_is_chosen =
        record.test_endpoint.has_value() || (!userinfo && !kind.test_endpoint.empty());
    given.test_is_userinfo =
        given.test && (given.test == userinfo || given.test->ends_with("/userinfo"));
    return given;
}

}  // namespace herald::providers
