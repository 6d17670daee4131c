// developer.paypal.com/api/rest/authentication: Basic authentication, tokens of about nine hours;
// asking for one per payment runs into RATE_LIMIT_REACHED.
#include <array>

#include "providers/kinds/kinds.h"

namespace herald::providers {
namespace {

constexpr std::array kOwn{
    KindSetting{.name = "sandbox", .help = "the sandbox environment", .is_flag = true}};

core::Result<std::string> base_of(const boost::json::object& settings) {
    const bool sandbox = setting_flag(settings, "sandbox");
    return std::string(sandbox ? "https://api-m.sandbox.paypal.com" : "https://api-m.paypal.com");
}

}  // namespace

const Kind kPaypal{.name = "paypal",
                   .summary = "PayPal REST: optionally --sandbox",
                   .client_authentication = "client_secret_basic",
                   .token_endpoint = "{base_url}/v1/oauth2/token",
                   .own_settings = kOwn,
                   .base_of = base_of};

}  // namespace herald::providers
