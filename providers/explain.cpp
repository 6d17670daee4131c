#include "providers/explain.h"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "core/encoding.h"
#include "core/masking.h"
#include "providers/credentials.h"
#include "providers/token_request.h"

namespace herald::providers {
namespace {

namespace json = boost::json;
using core::Result;

/// One part of a JWT, decoded; null where it is none.
json::value decoded(std::string_view part) {
    std::string text(part);
    for (char& c : text) c = c == '-' ? '+' : c == '_' ? '/' : c;
    text.append((4 - text.size() % 4) % 4, '=');
    const auto bytes = core::base64_decode(text);
    json::error_code ec;
    json::value value = bytes ? json::parse(*bytes, ec) : json::value(nullptr);
    return ec ? json::value(nullptr) : value;
}

json::value explained_assertion(std::string_view jwt) {
    const auto first = jwt.find('.');
    const auto last = jwt.rfind('.');
    if (first == std::string_view::npos || last == first) return nullptr;
    return json::object{{"header", decoded(jwt.substr(0, first))},
                        {"claims", decoded(jwt.substr(first + 1, last - first - 1))}};
}

storage::Fields fields_of_form(std::string_view text) {
    storage::Fields fields;
    while (!text.empty()) {
        const auto field = text.substr(0, text.find('&'));
        text.remove_prefix(std::min(text.size(), field.size() + 1));
        const auto equals = std::min(field.find('='), field.size());
        const auto value = field.substr(std::min(equals + 1, field.size()));
        fields.emplace_back(core::form_decode(field.substr(0, equals)).value_or(""),
                            core::form_decode(value).value_or(""));
    }
    return fields;
}

storage::Fields json_fields(const std::string& text) {
    storage::Fields fields;
    const json::value body = json::parse(text);
    for (const json::key_value_pair& member : body.as_object())
        fields.emplace_back(member.key(), member.value().as_string());
    return fields;
}

// Takes the signed assertion out of the fields; what it said goes into `out`.
void mask_assertion(storage::Fields& fields, json::object& out) {
    for (auto& [name, value] : fields) {
        if (name != "client_assertion" && name != "assertion") continue;
        out["assertion"] = explained_assertion(value);
        value = core::kMask;
    }
}

void mask_authorization(http::Headers& headers, json::object& out) {
    const auto value = headers.get("Authorization");
    if (!value) return;
    const std::string scheme(value->substr(0, value->find(' ')));
    if (scheme == "Bearer") out["assertion"] = explained_assertion(value->substr(7));
    headers.set("Authorization", scheme + " " + std::string(core::kMask));
}

storage::ProviderRecord without_secrets(const storage::ProviderRecord& record) {
    storage::ProviderRecord masked = record.clone();
    if (masked.client_authentication != "client_secret_jwt" || !masked.client_secret)
        masked.client_secret = core::Secret(core::kMask);
    for (storage::SecretFields* fields :
         {&masked.secret_parameters, &masked.secret_token_headers}) {
        for (auto& [name, value] : *fields) value = core::Secret(core::kMask);
    }
    return masked;
}

}  // namespace

Result<json::object> explain_token_request(const storage::ProviderRecord& record,
                                           const ProviderSettings& settings, bool has_refresh_token,
                                           core::SystemTime now) {
    storage::ProviderRecord loaded = record.clone();
    const auto files = load_credential_files(settings);
    if (!files) return files.error();
    put_in_place(*files, loaded);
    const storage::ProviderRecord masked = without_secrets(loaded);
    const core::Secret placeholder(core::kMask);
    const GrantInput input{.provider = masked,
                           .settings = settings,
                           .now = now,
                           .refresh_token = has_refresh_token ? &placeholder : nullptr};
    auto request = token_request(input, core::SteadyTime{});
    if (!request) return request.error();
    json::object out{{"method", request->method}, {"assertion", nullptr}};
    mask_authorization(request->headers, out);
    const bool in_query = request->body.empty();
    const auto question = request->url.target.find('?');
    const bool is_json = request->headers.get("Content-Type") == "application/json";
    storage::Fields fields;
    if (in_query && question != std::string::npos) {
        fields = fields_of_form(std::string_view(request->url.target).substr(question + 1));
        mask_assertion(fields, out);
        request->url.target.resize(question + 1);
        request->url.target += core::form_body(fields);
    } else if (!in_query) {
        fields = is_json ? json_fields(request->body) : fields_of_form(request->body);
        mask_assertion(fields, out);
    }
    json::object headers;
    for (const auto& [name, value] : request->headers) headers[name] = value;
    json::array shown;
    for (const auto& [name, value] : fields) shown.push_back(json::array{name, value});
    json::object body;
    for (const auto& [name, value] : fields) body[name] = value;
    out["url"] = request->url.text();
    out["headers"] = std::move(headers);
    out["fields"] = std::move(shown);
    out["body"] = in_query  ? std::string()
                  : is_json ? json::serialize(body)
                            : core::form_body(fields);
    return out;
}

}  // namespace herald::providers
