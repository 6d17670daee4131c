#include "cli/commands/provider_flags.h"

#include <algorithm>
#include <array>
#include <span>
#include <string_view>

#include "cli/commands/event_data.h"
#include "cli/commands/name_value.h"
#include "cli/commands/option_values.h"
#include "providers/kind.h"
#include "providers/provider_rules.h"

namespace herald::cli {
namespace json = boost::json;

namespace {

constexpr const char* kCredentials = "Credentials";
constexpr const char* kEndpoints = "Endpoints";
constexpr const char* kTokenRequest = "Token request";
constexpr const char* kOfOneKind = "Of one kind (herald provider kinds)";

/// What this build knows, as the help shows it.
std::string choices(std::span<const std::string_view> known, std::string_view by_default) {
    std::string out;
    for (const auto name : known) {
        out.append(out.empty() ? "" : ", ")
            .append(name)
            .append(name == by_default ? " (default)" : "");
    }
    return out;
}

std::string dashed(std::string name) {
    std::replace(name.begin(), name.end(), '_', '-');
    return name;
}

struct OwnSetting {
    std::string help;
    bool is_flag = false;
};

/// What the kinds have of their own, by name; one may serve several of them.
std::map<std::string, OwnSetting> own_settings() {
    std::map<std::string, OwnSetting> found;
    for (const providers::Kind* kind : providers::all_kinds()) {
        for (const providers::KindSetting& own : kind->own_settings) {
            OwnSetting& one = found[std::string(own.name)];
            one.is_flag = own.is_flag;
            one.help.append(one.help.empty() ? "" : "; ").append(kind->name).append(": ");
            one.help.append(own.help);
        }
    }
    return found;
}

void warn_of(const json::array& pairs, std::string_view what, std::string_view option,
             Context& context) {
    for (const std::string& warning : warnings_of(pairs, what, option))
        context.output().warning(warning);
}

// Settings that hold values by name.
void warn_of_settings(const json::object& settings, Context& context) {
    static constexpr std::array<std::pair<std::string_view, std::string_view>, 3> kWithValues{
        {{"token_headers", "--secret-token-header"},
         {"callout_headers", "--secret-header"},
         {"refresh_parameters", "--secret-param"}}};
    for (const auto& [key, option] : kWithValues) {
        const json::value* value = settings.if_contains(key);
        if (value == nullptr || !value->is_object()) continue;
        json::array pairs;
        for (const auto& [name, text] : value->get_object()) {
            if (text.is_string()) pairs.push_back(json::array{name, text});
        }
        warn_of(pairs, key, option, context);
    }
}

core::Result<> write_settings(const ProviderFlags& flags, Context& context, RequestBody& body) {
    json::object settings;
    if (flags.settings.given()) {
        auto given = settings_of(flags.settings.values, "--setting");
        if (!given) return given.error();
        settings = std::move(*given);
    }
    warn_of_settings(settings, context);
    const auto put = [&](const std::string& key, const TextOption& option) {
        if (!option.given()) return;
        settings[key] = option.value.empty() ? json::value(nullptr) : json::value(option.value);
    };
    put("base_url", flags.base_url);
    for (const auto& [key, option] : flags.kind_texts) put(key, option);
    for (const auto& [key, option] : flags.kind_flag_options) {
        if (option.given()) settings[key] = flags.kind_flags.at(key);
    }
    if (!settings.empty()) body.add("settings", settings);
    return {};
}

/// The empty text takes an optional value away.
void write_optional(const TextOption& option, std::string_view key, RequestBody& body) {
    if (!option.given()) return;
    body.add(key, option.value.empty() ? json::value(nullptr) : json::value(option.value));
}

core::Result<> write_lists(const ProviderFlags& flags, Context& context, RequestBody& body) {
    if (flags.scopes.given()) {
        std::string joined;
        for (const auto& scope : flags.scopes.values)
            joined.append(joined.empty() ? "" : " ").append(scope);
        body.add("scopes", json::value(joined));
    }
    if (flags.parameters.given()) {
        auto pairs = pairs_of(flags.parameters.values, '=', "--param");
        if (!pairs) return pairs.error();
        warn_of(*pairs, "parameter", "--secret-param", context);
        body.add("parameters", *pairs);
    }
    if (flags.resources.given()) body.add("resources", json::value_from(flags.resources.values));
    return write_settings(flags, context, body);
}

core::Result<> write_secret_fields(const ProviderFlags& flags, Context& context,
                                   RequestBody& body) {
    auto done = write_secret_fields(flags.secret_parameters, "secret_parameters", "--secret-param",
                                    context, body);
    if (!done) return done;
    done = write_secret_fields(flags.secret_token_headers, "secret_token_headers",
                               "--secret-token-header", context, body);
    if (!done) return done;
    return write_secret_fields(flags.secret_callout_headers, "secret_callout_headers",
                               "--secret-header", context, body);
}

core::Result<> write_certificate(const TextOption& option, Context& context, RequestBody& body) {
    if (!option.given()) return {};
    if (option.value.empty()) {
        body.add("certificate", nullptr);
        return {};
    }
    auto pem = read_text(context, option.value, "--certificate-file", kMaxSecretBytes);
    if (!pem) return pem.error();
    body.add("certificate", json::value(*pem));
    return {};
}

}  // namespace

void ProviderFlags::add_credentials(Command& app) {
    add_text(app, "--client-id", client_id, "the client registered at the authorization server",
             "ID")
        .group(kCredentials);
    add_text(app, "--client-secret-file", client_secret_file, "its secret; - reads standard input",
             "FILE")
        .group(kCredentials);
    add_text(app, "--client-auth", client_authentication,
             choices(providers::known_client_authentications(), "client_secret_post"), "METHOD")
        .group(kCredentials);
    add_text(app, "--private-key-file", private_key_file,
             "signs JWTs, or belongs to the certificate; PEM, or a Google key document", "FILE")
        .group(kCredentials);
    add_text(app, "--certificate-file", certificate_file,
             "certificate in PEM form: shown in TLS, or named in a JWT's header", "FILE")
        .group(kCredentials);
    add_text(app, "--refresh-token-file", refresh_token_file,
             "an initial refresh token; - reads standard input", "FILE")
        .group(kCredentials);
    add_texts(app, "--secret-param", secret_parameters,
              "a form field of the token request, sealed; @- reads standard input; repeatable",
              "NAME=@FILE")
        .group(kCredentials);
    add_texts(app, "--secret-token-header", secret_token_headers,
              "a header of the token request, sealed; repeatable", "NAME=@FILE")
        .group(kCredentials);
    add_texts(app, "--secret-header", secret_callout_headers,
              "a header of every callout, sealed; repeatable", "NAME=@FILE")
        .group(kCredentials);
}

void ProviderFlags::add_configuration(Command& app) {
    add_text(app, "--kind", kind, choices(providers::known_kinds(), "generic"), "KIND");
    add_text(app, "--grant", grant, choices(providers::known_grant_types(), "client_credentials"),
             "GRANT");
    app.add_flag("--disabled", disabled, "obtain nothing; callouts that need it are parked");
    add_text(app, "--token-url", token_url, "token endpoint", "URL").group(kEndpoints);
    add_text(app, "--issuer", issuer,
             "the server's name: endpoints not given are asked of it; '' takes it away", "URL")
        .group(kEndpoints);
    add_text(app, "--base-url", base_url, "where a kind's endpoints begin, instead of its own",
             "URL")
        .group(kEndpoints);
    add_text(app, "--revoke-url", revoke_url, "revocation endpoint (RFC 7009); '' takes it away",
             "URL")
        .group(kEndpoints);
    add_text(app, "--test-url", test_url, "what 'token test' asks with the token; '' takes it away",
             "URL")
        .group(kEndpoints);
    add_texts(app, "--scope", scopes, "scopes, separated by spaces or commas; repeatable", "SCOPES")
        .group(kTokenRequest);
    add_texts(app, "--param", parameters, "another form field of the token request; repeatable",
              "NAME=VALUE")
        .group(kTokenRequest);
    add_text(app, "--audience", audience, "audience of the token; '' takes it away", "AUDIENCE")
        .group(kTokenRequest);
    add_texts(app, "--resource", resources, "resource indicator (RFC 8707); repeatable", "URI")
        .group(kTokenRequest);
    add_texts(
        app, "--setting", settings,
        "a setting of this provider, number, true, false or text; null removes it; repeatable",
        "KEY=VALUE")
        .group(kTokenRequest);
    for (const auto& [name, own] : own_settings()) {
        if (own.is_flag) {
            kind_flag_options[name] = app.add_flag("--" + dashed(name) + ",!--no-" + dashed(name),
                                                   kind_flags[name], own.help)
                                          .group(kOfOneKind);
        } else {
            add_text(app, "--" + dashed(name), kind_texts[name], own.help, "TEXT")
                .group(kOfOneKind);
        }
    }
}

core::Result<> write_provider(const ProviderFlags& flags, Context& context, RequestBody& body) {
    write_text(flags.kind, "kind", body);
    write_text(flags.grant, "grant_type", body);
    write_text(flags.client_id, "client_id", body);
    write_text(flags.client_authentication, "client_authentication", body);
    write_text(flags.token_url, "token_endpoint", body);
    write_optional(flags.revoke_url, "revocation_endpoint", body);
    write_optional(flags.test_url, "test_endpoint", body);
    write_optional(flags.audience, "audience", body);
    write_optional(flags.issuer, "issuer", body);
    if (auto done = write_certificate(flags.certificate_file, context, body); !done) return done;
    if (flags.disabled) body.add("enabled", json::value(false));
    if (auto lists = write_lists(flags, context, body); !lists) return lists;
    if (auto sealed = write_secret_fields(flags, context, body); !sealed) return sealed;
    if (auto secret = write_secret(flags.client_secret_file, "client_secret",
                                   "--client-secret-file", context, body);
        !secret) {
        return secret;
    }
    if (auto key = write_secret(flags.private_key_file, "private_key", "--private-key-file",
                                context, body);
        !key) {
        return key;
    }
    return write_secret(flags.refresh_token_file, "refresh_token", "--refresh-token-file", context,
                        body);
}

}  // namespace herald::cli
