// developer.zuora.com, "Introduction" (data centres and environments), "Create an OAuth token"
// (client id of 36 characters, secret of at most 42, credentials in the body, track id, rate
// limits), "Zuora-Entity-Ids". A client made on one host is unknown on the others.
#include <algorithm>
#include <array>

#include "providers/kinds/kinds.h"
#include "providers/token_body.h"

namespace herald::providers {
namespace {

struct Environment {
    std::string_view data_center, environment, base_url;
};

constexpr std::array kEnvironments{
    Environment{"us1", "production", "https://rest.na.zuora.com"},
    Environment{"us1", "api-sandbox", "https://rest.sandbox.na.zuora.com"},
    Environment{"us1", "central-sandbox", "https://rest.test.zuora.com"},
    Environment{"us2", "production", "https://rest.zuora.com"},
    Environment{"us2", "api-sandbox", "https://rest.apisandbox.zuora.com"},
    Environment{"us2", "central-sandbox", "https://rest.test.zuora.com"},
    Environment{"us2", "performance-test", "https://rest.pt1.zuora.com"},
    Environment{"us2", "production-copy", ""},  // assigned to each tenant by Zuora
    Environment{"eu", "production", "https://rest.eu.zuora.com"},
    Environment{"eu", "api-sandbox", "https://rest.sandbox.eu.zuora.com"},
    Environment{"eu", "central-sandbox", "https://rest.test.eu.zuora.com"},
    Environment{"ap", "production", "https://rest.ap.zuora.com"},
    Environment{"ap", "central-sandbox", "https://rest.test.ap.zuora.com"},
};

constexpr std::array kOwn{
    KindSetting{.name = "data_center", .help = "us1, us2, eu or ap"},
    KindSetting{.name = "environment",
                .help = "production, api-sandbox, central-sandbox, performance-test or "
                        "production-copy",
                .fallback = "production"}};

core::Error unknown_environment(std::string_view data_center, std::string_view environment) {
    std::string rule = data_center.empty()
                           ? "is required; give --data-center and --environment, or --base-url;"
                           : "'" + std::string(data_center) + "' has no environment '" +
                                 std::string(environment) + "';";
    rule += " there are";
    std::string_view before;
    for (const Environment& known : kEnvironments) {
        if (known.data_center != before) {
            rule.append(before.empty() ? " " : "; ").append(known.data_center).append(":");
        }
        rule.append(before == known.data_center ? ", " : " ").append(known.environment);
        before = known.data_center;
    }
    return core::invalid_argument("settings.data_center", rule);
}

core::Result<std::string> base_of(const boost::json::object& settings) {
    const std::string data_center = setting_text(settings, "data_center");
    std::string environment = setting_text(settings, "environment");
    if (environment.empty()) environment = "production";
    const auto* found =
        std::find_if(kEnvironments.begin(), kEnvironments.end(), [&](const Environment& known) {
            return known.data_center == data_center && known.environment == environment;
        });
    if (found == kEnvironments.end()) return unknown_environment(data_center, environment);
    if (!found->base_url.empty()) return std::string(found->base_url);
    return core::invalid_argument("settings.base_url",
                                  "a production copy has a host of its own that Zuora tells you; "
                                  "give it with --base-url");
}

core::Result<> check(const storage::ProviderRecord& record, const boost::json::object& settings) {
    if (setting_text(settings, "base_url").empty()) {
        if (auto base = base_of(settings); !base) return base.error();
    }
    if (record.grant_type == "client_credentials" &&
        record.client_authentication != "client_secret_post") {
        return core::invalid_argument(
            "client_authentication",
            "Zuora takes credentials in the body only: client_secret_post");
    }
    if (record.client_id.size() != 36) {
        return core::invalid_argument("client_id",
                                      "a Zuora client id has 36 characters, this one has " +
                                          std::to_string(record.client_id.size()));
    }
    if (record.client_secret && record.client_secret->reveal().size() > 42)
        return core::invalid_argument("client_secret", "a Zuora secret has at most 42 characters");
    return {};
}

// Said, so that lists show it.
core::Result<> normalize(storage::ProviderRecord& record) {
    if (!setting_text(record.settings, "data_center").empty() &&
        setting_text(record.settings, "environment").empty())
        record.settings["environment"] = "production";
    return {};
}

// HTTP 200 and a code of eight digits that begins with 9: "this resource is protected".
bool is_authentication_code(const boost::json::value& code) {
    boost::json::error_code ec;
    std::int64_t number = 0;
    if (code.is_number()) number = code.to_number<std::int64_t>(ec);
    if (code.is_string() && code.get_string().size() == 8) {
        return std::all_of(code.get_string().begin(), code.get_string().end(),
                           [](char c) { return c >= '0' && c <= '9'; }) &&
               code.get_string().front() == '9';
    }
    return !ec && number >= 90'000'000 && number <= 99'999'999;
}

bool refuses_token(const http::Response& response) {
    if (response.status != 200 || response.body_truncated ||
        response.body.find("\"success\"") == std::string::npos)
        return false;
    const auto body = parse_token_body(response);
    if (!body) return false;
    const auto* success = body->if_contains("success");
    if (success == nullptr || *success != false) return false;
    const auto* reasons = body->if_contains("reasons");
    if (reasons == nullptr || !reasons->is_array()) return false;
    return std::any_of(reasons->get_array().begin(), reasons->get_array().end(),
                       [](const boost::json::value& reason) {
                           const auto* object = reason.if_object();
                           const auto* code =
                               object == nullptr ? nullptr : object->if_contains("code");
                           return code != nullptr && is_authentication_code(*code);
                       });
}

}  // namespace

// A token is used to its end, as Zuora asks; its lifetime is an hour less a second. 100 token
// requests a minute are allowed from one address, failed ones included.
const Kind kZuora{
    .name = "zuora",
    .summary = "Zuora tenant: --data-center and --environment, or --base-url",
    .token_endpoint = "{base_url}/oauth/token",
    .settings = R"({"track_header":"Zuora-Track-Id","entity_header":"Zuora-Entity-Ids",
                    "refresh_lead_s":60,"expiry_margin_s":10,"token_requests_per_minute":100})",
    .own_settings = kOwn,
    .base_of = base_of,
    .check = check,
    .normalize = normalize,
    .refuses_token = refuses_token};

}  // namespace herald::providers
