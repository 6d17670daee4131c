#include "storage/sqlite/auth_columns.h"

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <type_traits>

#include "core/json.h"
#include "storage/sqlite/json_columns.h"

namespace herald::storage::sqlite {
namespace {

namespace json = boost::json;

static_assert(std::is_same_v<std::variant_alternative_t<kOauthKind, Authentication>, OauthAuth>);

constexpr std::size_t kBasicKind = 1;
constexpr std::size_t kHeaderKind = 2;
constexpr std::size_t kKeyPairKind = 4;
constexpr std::size_t kSessionKind = 5;
constexpr std::size_t kSingleUseKind = 6;

std::optional<core::Secret> secret_of(const core::Secret& secret) {
    if (secret.reveal().empty()) return std::nullopt;
    return secret.clone();
}

std::optional<core::Secret> secret_of(const KeyPair& key) {
    if (key.id.reveal().empty() && key.secret.reveal().empty()) return std::nullopt;
    return core::Secret::take(json::serialize(json::array{key.id.reveal(), key.secret.reveal()}));
}

json::object options_of(const KeyPair& key) {
    return {{"id_header", key.id_header}, {"secret_header", key.secret_header}};
}

void put_option(json::object& options, std::string_view key,
                const std::optional<std::string>& text) {
    if (text) options[key] = *text;
}

struct ColumnsOf {
    AuthColumns& out;

    void operator()(const NoAuth&) const {}
    void operator()(const BasicAuth& basic) const {
        out.name = basic.username;
        out.has_secret = true;
        out.secret = secret_of(basic.password);
    }
    void operator()(const HeaderAuth& header) const {
        out.name = header.name;
        out.has_secret = true;
        out.secret = secret_of(header.value);
    }
    void operator()(const OauthAuth& oauth) const { out.name = oauth.entity; }
    void operator()(const KeyPairAuth& pair) const {
        json::object options = options_of(pair.key);
        put_option(options, "entity_id", pair.entity_id);
        put_option(options, "entity_name", pair.entity_name);
        finish(pair.key, options);
    }
    void operator()(const SessionCookieAuth& session) const {
        json::object options = options_of(session.key);
        options["login_url"] = session.login_url;
        options["session_timeout_s"] = session.session_timeout.count();
        finish(session.key, options);
    }
    void operator()(const SingleUseTokenAuth& single) const {
        json::object options = options_of(single.key);
        options["signature_url"] = single.signature_url;
        options["method"] = single.method;
        put_option(options, "body_template", single.body_template);
        options["token_pointer"] = single.token_pointer;
        options["signature_pointer"] = single.signature_pointer;
        options["token_header"] = single.token_header;
        options["signature_header"] = single.signature_header;
        finish(single.key, options);
    }

    void finish(const KeyPair& key, const json::object& options) const {
        out.has_secret = true;
        out.secret = secret_of(key);
        out.options = to_json(options);
    }
};

std::string text_at(const json::object& options, std::string_view key) {
    return core::string_member(options, key).value_or("");
}

KeyPair key_of(const json::object& options, const std::optional<core::Secret>& secret) {
    KeyPair key;
    key.id_header = text_at(options, "id_header");
    key.secret_header = text_at(options, "secret_header");
    if (!secret) return key;
    auto parts = secrets_from(secret->reveal());
    if (parts.size() != 2) return key;
    key.id = std::move(parts[0]);
    key.secret = std::move(parts[1]);
    return key;
}

}  // namespace

AuthColumns columns_of(const Authentication& auth) {
    AuthColumns columns{.kind = auth.index()};
    std::visit(ColumnsOf{columns}, auth);
    return columns;
}

Authentication authentication_of(AuthColumns columns) {
    const json::object options = object_from(columns.options);
    const std::string name = columns.name.value_or("");
    if (columns.kind == kBasicKind) {
        return BasicAuth{.username = name,
                         .password = std::move(columns.secret).value_or(core::Secret())};
    }
    if (columns.kind == kHeaderKind) {
        return HeaderAuth{.name = name,
                          .value = std::move(columns.secret).value_or(core::Secret())};
    }
    if (columns.kind == kKeyPairKind) {
        return KeyPairAuth{.key = key_of(options, columns.secret),
                           .entity_id = core::string_member(options, "entity_id"),
                           .entity_name = core::string_member(options, "entity_name")};
    }
    if (columns.kind == kSessionKind) {
        const json::value* timeout = options.if_contains("session_timeout_s");
        const bool told = timeout != nullptr && timeout->is_int64();
        return SessionCookieAuth{
            .key = key_of(options, columns.secret),
            .login_url = text_at(options, "login_url"),
            .session_timeout = std::chrono::seconds(told ? timeout->get_int64() : 900)};
    }
    if (columns.kind == kSingleUseKind) {
        return SingleUseTokenAuth{.key = key_of(options, columns.secret),
                                  .signature_url = text_at(options, "signature_url"),
                                  .method = text_at(options, "method"),
                                  .body_template = core::string_member(options, "body_template"),
                                  .token_pointer = text_at(options, "token_pointer"),
                                  .signature_pointer = text_at(options, "signature_pointer"),
                                  .token_header = text_at(options, "token_header"),
                                  .signature_header = text_at(options, "signature_header")};
    }
    return NoAuth{};
}

}  // namespace herald::storage::sqlite
