#include "providers/request_masking.h"

#include <algorithm>
#include <array>
#include <boost/json/parse.hpp>

#include "core/encoding.h"
#include "core/text_rules.h"

namespace herald::providers {
namespace {

namespace json = boost::json;

constexpr std::array<std::string_view, 4> kPublicHeaders{"accept", "accept-encoding", "user-agent",
                                                         "content-type"};
// Of the protocol, and of what `provider show` shows.
constexpr std::array<std::string_view, 14> kPublicFields{"grant_type",
                                                         "client_id",
                                                         "scope",
                                                         "audience",
                                                         "resource",
                                                         "redirect_uri",
                                                         "token_type_hint",
                                                         "assertion_type",
                                                         "client_assertion_type",
                                                         "response_type",
                                                         "requested_token_type",
                                                         "requested_token_use",
                                                         "code_challenge",
                                                         "code_challenge_method"};

bool is_any_of(std::string_view name, const auto& names) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

bool is_in_the_clear(std::string_view name, const storage::Fields& fields) {
    return !core::names_a_credential(name) &&
           std::any_of(fields.begin(), fields.end(), [&](const auto& field) {
               return core::equals_ignoring_case(field.first, name);
           });
}

/// Puts the values of a request that are not public into a masking.
struct Collector {
    const storage::ProviderRecord& record;
    const ProviderSettings& settings;
    core::Masking masking = {};

    void header(std::string_view name, std::string_view value) {
        const bool is_public = is_any_of(core::to_lower(name), kPublicHeaders) ||
                               core::equals_ignoring_case(name, settings.call.track_header) ||
                               is_in_the_clear(name, settings.call.headers) ||
                               is_in_the_clear(name, settings.placement.headers);
        if (is_public) return;
        masking.add(value);
        // `Basic …`, `Bearer …`: an echo may leave out the scheme.
        if (const auto space = value.find(' '); space != std::string_view::npos)
            masking.add(core::trim(value.substr(space)));
    }
    void field(std::string_view name, std::string_view value) {
        const bool is_public = is_any_of(name, kPublicFields) ||
                               name == settings.call.client_id_field ||
                               is_in_the_clear(name, record.parameters) ||
                               is_in_the_clear(name, settings.call.refresh_parameters);
        if (!is_public) masking.add(value);
    }
    void form(std::string_view text) {
        while (!text.empty()) {
            const std::string_view pair = text.substr(0, text.find('&'));
            text.remove_prefix(std::min(text.size(), pair.size() + 1));
            const std::size_t equals = pair.find('=');
            if (equals == std::string_view::npos) continue;
            field(core::form_decode(pair.substr(0, equals)).value_or(""),
                  core::form_decode(pair.substr(equals + 1)).value_or(""));
        }
    }
    void json_body(const std::string& text) {
        json::error_code ec;
        const json::value body = json::parse(text, ec);
        if (ec || !body.is_object()) return;
        for (const auto& member : body.get_object()) {
            if (member.value().is_string()) field(member.key(), member.value().get_string());
        }
    }
};

void add_named(const storage::Fields& fields, core::Masking& masking) {
    for (const auto& [name, value] : fields) {
        if (core::names_a_credential(name)) masking.add(value);
    }
}

}  // namespace

core::Masking credentials_of(const storage::ProviderRecord& record,
                             const ProviderSettings& settings) {
    core::Masking masking;
    const auto add = [&](const core::Secret& secret) {
        masking.add(secret);
        const std::string basic =
            core::form_encode(record.client_id) + ":" + core::form_encode(secret.reveal());
        masking.add(core::base64_encode(basic));
        masking.add(core::base64_encode(record.client_id + ":" + std::string(secret.reveal())));
    };
    if (record.client_secret) add(*record.client_secret);
    for (const storage::ClientSecret& secret : record.further_secrets) add(secret.value);
    for (const storage::SecretFields* fields :
         {&record.secret_parameters, &record.secret_token_headers,
          &record.secret_callout_headers}) {
        for (const auto& [name, value] : *fields) masking.add(value);
    }
    add_named(record.parameters, masking);
    add_named(settings.call.headers, masking);
    add_named(settings.call.refresh_parameters, masking);
    add_named(settings.placement.headers, masking);
    return masking;
}

core::Masking credentials_of(const http::Request& request, const storage::ProviderRecord& record,
                             const ProviderSettings& settings) {
    Collector found{.record = record, .settings = settings};
    for (const auto& [name, value] : request.headers) found.header(name, value);
    const auto question = request.url.target.find('?');
    if (question != std::string::npos)
        found.form(std::string_view(request.url.target).substr(question + 1));
    if (request.body.starts_with('{')) {
        found.json_body(request.body);
    } else {
        found.form(request.body);
    }
    return std::move(found.masking);
}

core::Masking masking_of(core::Masking known, const http::Request& request,
                         const storage::ProviderRecord& record, const ProviderSettings& settings) {
    known.add(credentials_of(record, settings));
    known.add(credentials_of(request, record, settings));
    return known;
}

}  // namespace herald::providers
