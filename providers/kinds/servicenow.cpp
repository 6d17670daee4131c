// docs.servicenow.com, "OAuth Inbound": one endpoint of the instance, credentials in the body.
#include <array>

#include "providers/kinds/kinds.h"

namespace herald::providers {
namespace {

constexpr std::array kOwn{
    KindSetting{.name = "instance",
                .help = "name of the instance, as acme in acme.service-now.com",
                .is_required = true}};

}  // namespace

const Kind kServicenow{.name = "servicenow",
                       .summary = "ServiceNow: --instance",
                       .base_url = "https://{instance}.service-now.com",
                       .token_endpoint = "{base_url}/oauth_token.do",
                       .authorization_endpoint = "{base_url}/oauth_auth.do",
                       .own_settings = kOwn};

}  // namespace herald::providers
