#include "dispatcher/authorizer.h"

#include <algorithm>

#include "core/encoding.h"
#include "core/text_rules.h"
#include "dispatcher/composer.h"
#include "dispatcher/key_pair.h"

namespace herald::dispatcher {
namespace {

std::string basic_credentials(const storage::BasicAuth& basic) {
    return core::base64_encode(basic.username + ":" + std::string(basic.password.reveal()));
}

// Puts an authentication into a request.
struct Authorizer {
    http::Request& request;
    const Credentials& credentials;
    providers::ShowInput input;

    core::Result<> operator()(const storage::NoAuth&) const { return {}; }
    core::Result<> operator()(const storage::BasicAuth& basic) const {
        return set("Authorization", "Basic " + basic_credentials(basic));
    }
    core::Result<> operator()(const storage::HeaderAuth& header) const {
        return set(header.name, std::string(header.value.reveal()));
    }
    core::Result<> operator()(const storage::OauthAuth& oauth) {
        if (oauth.entity) input.entity = *oauth.entity;
        return providers::show_token(request, *credentials.token, input);
    }
    core::Result<> operator()(const storage::KeyPairAuth& pair) const {
        authorize_with(request, pair);
        return {};
    }
    core::Result<> operator()(const storage::SessionCookieAuth&) const {
        return set("Cookie", std::string(credentials.cookie->header.reveal()));
    }
    core::Result<> operator()(const storage::SingleUseTokenAuth& single) const {
        static_cast<void>(
            set(single.token_header, std::string(credentials.single_use->token.reveal())));
        return set(single.signature_header,
                   std::string(credentials.single_use->signature.reveal()));
    }

    core::Result<> set(std::string_view name, std::string value) const {
        request.headers.set(name, std::move(value));
        request.carries_credentials = true;
        return {};
    }
};

storage::Fields query_of(std::string_view url) {
    storage::Fields fields;
    const auto question = url.find('?');
    if (question == std::string_view::npos) return fields;
    for (std::string_view rest = url.substr(question + 1); !rest.empty();) {
        const std::string_view pair = rest.substr(0, rest.find('&'));
        rest.remove_prefix(std::min(rest.size(), pair.size() + 1));
        const std::size_t equals = std::min(pair.find('='), pair.size());
        const std::string_view value = pair.substr(std::min(equals + 1, pair.size()));
        fields.emplace_back(pair.substr(0, equals), core::form_decode(value).value_or(""));
    }
    return fields;
}

/// Collects what an authentication itself holds.
struct Collector {
    core::Masking& masking;

    void operator()(const storage::NoAuth&) const {}
    void operator()(const storage::BasicAuth& basic) const {
        masking.add(basic.password);
        masking.add(basic_credentials(basic));
    }
    void operator()(const storage::HeaderAuth& header) const { add_value(header.value.reveal()); }
    void operator()(const storage::OauthAuth&) const {}
    void operator()(const storage::KeyPairAuth& pair) const { add(pair.key); }
    void operator()(const storage::SessionCookieAuth& session) const { add(session.key); }
    void operator()(const storage::SingleUseTokenAuth& single) const { add(single.key); }

    // A scheme before it may be left out by an echo.
    void add_value(std::string_view value) const {
        masking.add(value);
        masking.add(core::trim(value.substr(std::min(value.find(' '), value.size()))));
    }
    void add(const storage::KeyPair& key) const {
        masking.add(key.secret);
        masking.add(key.id);
    }
    void add_named(const storage::Fields& fields) const {
        for (const auto& [name, value] : fields) {
            if (core::names_a_credential(name)) add_value(value);
        }
    }
};

}  // namespace

core::Result<> authorize(http::Request& request, const storage::Authentication& auth,
                         const Credentials& credentials, const providers::ShowInput& input) {
    return std::visit(Authorizer{request, credentials, input}, auth);
}

core::Masking credentials_of(const storage::NotificationRecord& notification) {
    core::Masking masking;
    const Collector collect{masking};
    std::visit(collect, notification.auth);
    collect.add_named(notification.headers);
    collect.add_named(notification.parameters);
    collect.add_named(query_of(notification.url));
    for (const auto& [name, value] : notification.secret_headers) collect.add_value(value.reveal());
    for (const auto& [name, value] : notification.secret_parameters) masking.add(value);
    if (!notification.signing_secret) return masking;
    masking.add(*notification.signing_secret);
    if (const auto key = decode_signing_secret(*notification.signing_secret)) masking.add(*key);
    return masking;
}

void add_credentials(core::Masking& masking, const Credentials& credentials) {
    if (credentials.token) masking.add(credentials.token->masking);
    if (credentials.cookie) masking.add(credentials.cookie->masking);
    if (!credentials.single_use) return;
    masking.add(credentials.single_use->signature);
    masking.add(credentials.single_use->token);
}

}  // namespace herald::dispatcher
