#include "providers/token_request.h"

#include "core/encoding.h"
#include "herald_version.h"

namespace herald::providers {
namespace {

using core::Result;

constexpr std::size_t kMaxTokenResponse = 1024 * 1024;  // O-46
constexpr std::size_t kMaxTestResponse = 64 * 1024;     // O-129

Result<http::Request> request_to(std::string_view endpoint, std::string_view field,
                                 const ProviderSettings& settings, core::SteadyTime now) {
    auto url = http::Url::parse(endpoint, field);
    if (!url) return url.error();
    http::Request request;
    request.url = std::move(*url);
    request.headers.set("Accept", "application/json");
    request.headers.set("Accept-Encoding", "identity");
    request.headers.set("User-Agent", "herald/" HERALD_VERSION);
    request.carries_credentials = true;
    request.deadline = now + settings.request_timeout_ms;
    request.tls.ca_file = settings.ca_file;
    request.max_response_body = kMaxTokenResponse;
    return request;
}

Result<http::Request> form_request(std::string_view endpoint, std::string_view field,
                                   const storage::ProviderRecord& provider,
                                   const ProviderSettings& settings, TokenForm form,
                                   core::SteadyTime now) {
    find_client_authentication(provider.client_authentication)->apply(provider, settings, form);
    auto request = request_to(endpoint, field, settings, now);
    if (!request) return request.error();
    request->method = "POST";
    for (const auto& [name, value] : form.headers) request->headers.set(name, value);
    request->headers.set("Content-Type", "application/x-www-form-urlencoded");
    request->body = core::form_body(form.fields);
    return request;
}

}  // namespace

std::string scope_parameter(const storage::ProviderRecord& provider,
                            const ProviderSettings& settings) {
    if (settings.raw_scope) return *settings.raw_scope;
    std::string joined;
    for (const std::string& scope : provider.scopes) {
        if (!joined.empty()) joined += settings.scope_separator;
        joined += scope;
    }
    return joined;
}

Result<http::Request> token_request(const GrantInput& input, core::SteadyTime now) {
    TokenForm form;
    if (auto added = find_grant(input.provider.grant_type)->add_fields(input, form); !added)
        return added.error();
    if (input.provider.audience) form.fields.emplace_back("audience", *input.provider.audience);
    for (const std::string& resource : input.provider.resources)
        form.fields.emplace_back("resource", resource);
    for (const auto& [name, value] : input.provider.parameters) {
        if (value.empty())
            continue;  // RFC 6749 section 3.2: sent without a value counts as left out
        if (name == "grant_type") {
            form.fields.front().second = value;
        } else {
            form.fields.emplace_back(name, value);
        }
    }
    return form_request(input.provider.token_endpoint, "token_endpoint", input.provider,
                        input.settings, std::move(form), now);
}

Result<http::Request> revocation_request(const storage::ProviderRecord& provider,
                                         const ProviderSettings& settings,
                                         const core::Secret& token, std::string_view type_hint,
                                         core::SteadyTime now) {
    TokenForm form;
    form.fields.emplace_back("token", token.reveal());
    form.fields.emplace_back("token_type_hint", type_hint);
    return form_request(*provider.revocation_endpoint, "revocation_endpoint", provider, settings,
                        std::move(form), now);
}

Result<http::Request> test_request(const storage::ProviderRecord& provider,
                                   const ProviderSettings& settings,
                                   const core::Secret& authorization, core::SteadyTime now) {
    auto request = request_to(*provider.test_endpoint, "test_endpoint", settings, now);
    if (!request) return request.error();
    request->method = settings.test_method;
    request->headers.set("Authorization", std::string(authorization.reveal()));
    request->max_response_body = kMaxTestResponse;
    return request;
}

}  // namespace herald::providers
