#include "dispatcher/authorizer.h"

#include "core/encoding.h"
#include "core/json.h"
#include "dispatcher/key_pair.h"

namespace herald::dispatcher {
namespace {

constexpr std::string_view kMask = "********";

std::string basic_credentials(const storage::BasicAuth& basic) {
    return core::base64_encode(basic.username + ":" + std::string(basic.password.reveal()));
}

void replace_all(std::string& text, std::string_view what) {
    if (what.empty()) return;
    for (std::size_t at = text.find(what); at != std::string::npos;
         at = text.find(what, at + kMask.size())) {
        text.replace(at, what.size(), kMask);
    }
}

void mask_one(std::string& text, std::string_view credential) {
    // No spelling is shorter than the credential itself.
    if (text.size() < credential.size()) return;
    replace_all(text, credential);
    std::string json = core::escape_json(credential);
    replace_all(text, json);
    for (std::size_t at = json.find('/'); at != std::string::npos; at = json.find('/', at + 2))
        json.insert(at, "\\");
    replace_all(text, json);  // many encoders escape the slash as well
    replace_all(text, core::percent_encode(credential));
    replace_all(text, core::form_encode(credential));
    replace_all(text, core::base64_encode(credential));
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

// Takes what a notification itself holds out of a text.
struct Masker {
    std::string& text;

    void operator()(const storage::NoAuth&) const {}
    void operator()(const storage::BasicAuth& basic) const {
        mask_one(text, basic.password.reveal());
        mask_one(text, basic_credentials(basic));
    }
    void operator()(const storage::HeaderAuth& header) const {
        mask_one(text, header.value.reveal());
    }
    void operator()(const storage::OauthAuth&) const {}
    void operator()(const storage::KeyPairAuth& pair) const { mask(pair.key); }
    void operator()(const storage::SessionCookieAuth& session) const { mask(session.key); }
    void operator()(const storage::SingleUseTokenAuth& single) const { mask(single.key); }

    void mask(const storage::KeyPair& key) const {
        mask_one(text, key.secret.reveal());
        mask_one(text, key.id.reveal());
    }
};

void mask_fetched(std::string& text, const Credentials& credentials) {
    if (credentials.token) mask_one(text, credentials.token->value.reveal());
    if (credentials.cookie) {
        mask_one(text, credentials.cookie->header.reveal());
        for (const core::Secret& echo : credentials.cookie->echoes) mask_one(text, echo.reveal());
    }
    if (credentials.single_use) {
        mask_one(text, credentials.single_use->signature.reveal());
        mask_one(text, credentials.single_use->token.reveal());
    }
}

}  // namespace

core::Result<> authorize(http::Request& request, const storage::Authentication& auth,
                         const Credentials& credentials, const providers::ShowInput& input) {
    return std::visit(Authorizer{request, credentials, input}, auth);
}

std::string mask_credentials(std::string_view text, const storage::NotificationRecord& notification,
                             const Credentials& credentials) {
    std::string masked(text);
    if (masked.empty()) return masked;
    mask_fetched(masked, credentials);
    std::visit(Masker{masked}, notification.auth);
    for (const auto& [name, value] : notification.headers) {
        if (!core::equals_ignoring_case(name, "Authorization")) continue;
        mask_one(masked, value);
        mask_one(
            masked,
            core::trim(std::string_view(value).substr(std::min(value.find(' '), value.size()))));
    }
    return masked;
}

}  // namespace herald::dispatcher
