#include "providers/token_request.h"

#include <boost/json/serialize.hpp>

#include "core/encoding.h"
#include "herald_version.h"
#include "providers/client_auth/client_secret_basic.h"
#include "providers/endpoint_template.h"
#include "providers/jwt.h"
#include "providers/show_token.h"

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
    request.tls = {.ca_file = settings.ca_file, .ca = settings.ca};
    request.max_response_body = kMaxTokenResponse;
    return request;
}

void add_query(http::Url& url, const storage::Fields& fields) {
    if (fields.empty()) return;
    url.target += url.target.find('?') == std::string::npos ? "?" : "&";
    url.target += core::form_body(fields);
}

std::string json_body(const storage::Fields& fields) {
    boost::json::object body;
    for (const auto& [name, value] : fields) body[name] = value;
    return boost::json::serialize(body);
}

void write_body(http::Request& request, BodyEncoding encoding, const storage::Fields& fields,
                const std::string& form_type) {
    switch (encoding) {
        case BodyEncoding::kForm:
            request.headers.set("Content-Type", form_type);
            request.body = core::form_body(fields);
            return;
        case BodyEncoding::kJson:
            request.headers.set("Content-Type", "application/json");
            request.body = json_body(fields);
            return;
        case BodyEncoding::kQuery:
            add_query(request.url, fields);
            return;
    }
}

// What is stored was damaged, or belongs to another key ring. Nothing is sent without it: the
// server's refusal would hide the cause.
core::Error does_not_open(const std::string& what, std::string_view remedy) {
    core::Error error{.kind = core::ErrorKind::kPermanent,
                      .code = "credential_unreadable",
                      .message = what +
                                 " does not open with the key ring: it is damaged, or "
                                 "restored from elsewhere; " +
                                 std::string(remedy)};
    error.details["class"] = "credential";
    error.details["error_description"] = error.message;
    return error;
}

Result<> authenticate(const GrantInput& input, TokenForm& form) {
    const storage::ProviderRecord& provider = input.provider;
    if (!provider.unreadable_secrets.empty()) {
        return does_not_open(
            "the " + provider.unreadable_secrets.front() + " of provider '" + provider.name + "'",
            "give it again with `herald provider edit " + provider.name + "`");
    }
    return find_client_authentication(input.provider.client_authentication)->apply(input, form);
}

// What is the same for all grants: audience, resource and the operator's own parameters.
void add_common_fields(const GrantInput& input, TokenForm& form) {
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
    for (const auto& [name, value] : input.provider.secret_parameters)
        form.fields.emplace_back(name, value.reveal());
    if (!input.settings.call.send_grant_type) form.fields.erase(form.fields.begin());
}

bool is_refresh(const GrantInput& input) {
    return input.refresh_token != nullptr && input.setup == nullptr;
}

std::string replaced(std::string text, std::string_view what, const std::string& with) {
    const auto at = text.find(what);
    if (at != std::string::npos) text.replace(at, what.size(), with);
    return text;
}

Result<> authenticate_revocation(const GrantInput& input, const core::Secret& token,
                                 TokenForm& form) {
    const std::string& how = input.settings.revocation.authentication;
    if (how == "client") return authenticate(input, form);
    if (how == "basic") return kClientSecretBasic.apply(input, form);
    if (how == "bearer") form.headers.set("Authorization", "Bearer " + std::string(token.reveal()));
    return {};
}

}  // namespace

http::TlsIdentity tls_identity(const storage::ProviderRecord& provider,
                               const ProviderSettings& settings) {
    http::TlsIdentity identity{.ca_file = settings.ca_file, .ca = settings.ca};
    const bool shows = authenticates_by_tls(provider) || settings.certificate_bound;
    if (!shows || !provider.certificate || !provider.private_key) return identity;
    identity.certificate = *provider.certificate;
    identity.private_key = std::make_shared<const core::Secret>(provider.private_key->clone());
    return identity;
}

std::string scope_parameter(const storage::ProviderRecord& provider,
                            const ProviderSettings& settings) {
    if (settings.call.raw_scope) return *settings.call.raw_scope;
    std::string joined;
    for (const std::string& scope : provider.scopes) {
        if (!joined.empty()) joined += settings.call.scope_separator;
        joined += scope;
    }
    return joined;
}

Result<http::Request> client_request(std::string_view endpoint, std::string_view field,
                                     const GrantInput& input, TokenForm form,
                                     core::SteadyTime now) {
    if (auto done = authenticate(input, form); !done) return done.error();
    auto request = request_to(endpoint, field, input.settings, now);
    if (!request) return request.error();
    request->method = "POST";
    request->tls = tls_identity(input.provider, input.settings);
    for (const auto& [name, value] : form.headers) request->headers.set(name, value);
    write_body(*request, BodyEncoding::kForm, form.fields, "application/x-www-form-urlencoded");
    return request;
}

Result<http::Request> token_request(const GrantInput& input, core::SteadyTime now) {
    const TokenCall& call = input.settings.call;
    TokenForm form;
    if (auto added = find_grant(input.provider.grant_type)->add_fields(input, form); !added)
        return added.error();
    add_common_fields(input, form);
    if (auto done = authenticate(input, form); !done) return done.error();
    const Endpoints& endpoints = input.settings.endpoints;
    const std::string& endpoint =
        is_refresh(input) && endpoints.refresh ? *endpoints.refresh : endpoints.token;
    auto request = request_to(endpoint, "token_endpoint", input.settings, now);
    if (!request) return request.error();
    request->method = call.method;
    request->tls = tls_identity(input.provider, input.settings);
    for (const auto& [name, value] : call.headers) request->headers.set(name, value);
    for (const auto& [name, value] : input.provider.secret_token_headers)
        request->headers.set(name, std::string(value.reveal()));
    for (const auto& [name, value] : form.headers) request->headers.set(name, value);
    if (!call.track_header.empty()) request->headers.set(call.track_header, random_jti());
    write_body(*request, call.encoding, form.fields, call.content_type);
    return request;
}

Result<http::Request> revocation_request(const GrantInput& input, const core::Secret& token,
                                         std::string_view type_hint, core::SteadyTime now) {
    if (token.reveal().empty())
        return does_not_open("a token that was to be revoked", "it stays valid until it expires");
    const RevocationCall& call = input.settings.revocation;
    std::string endpoint = *input.settings.endpoints.revocation;
    const bool in_path = endpoint.find("{token}") != std::string::npos;
    endpoint = replaced(std::move(endpoint), "{token}", core::percent_encode(token.reveal()));
    TokenForm form;
    if (!in_path && call.authentication != "bearer") {
        form.fields.emplace_back(call.parameter, token.reveal());
        if (call.parameter == "token") form.fields.emplace_back("token_type_hint", type_hint);
    }
    if (auto done = authenticate_revocation(input, token, form); !done) return done.error();
    auto request = request_to(endpoint, "revocation_endpoint", input.settings, now);
    if (!request) return request.error();
    request->method = call.method;
    request->tls = tls_identity(input.provider, input.settings);
    for (const auto& [name, value] : form.headers) request->headers.set(name, value);
    const bool bodyless = form.fields.empty() || call.method == "GET";
    write_body(*request, bodyless ? BodyEncoding::kQuery : call.encoding, form.fields,
               "application/x-www-form-urlencoded");
    return request;
}

Result<http::Request> introspection_request(const GrantInput& input, const core::Secret& token,
                                            core::SteadyTime now) {
    TokenForm form;
    form.fields.emplace_back("token", token.reveal());
    form.fields.emplace_back("token_type_hint", "access_token");
    return client_request(*input.settings.endpoints.introspection, "introspection_endpoint", input,
                          std::move(form), now);
}

Result<http::Request> test_request(const ProviderSettings& settings, const AccessToken& token,
                                   const ShowInput& shown_as, core::SteadyTime now) {
    auto request = request_to(*settings.endpoints.test, "test_endpoint", settings, now);
    if (!request) return request.error();
    request->method = settings.test_method;
    if (auto shown = show_token(*request, token, shown_as); !shown) return shown.error();
    // It is one of the provider's own endpoints, so it is trusted as they are.
    request->tls.ca_file = settings.ca_file;
    request->tls.ca = settings.ca;
    request->max_response_body = kMaxTestResponse;
    return request;
}

}  // namespace herald::providers
