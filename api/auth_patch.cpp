#include "api/auth_patch.h"

#include "api/member_reader.h"
#include "api/notification_patch.h"
#include "core/json.h"

namespace herald::api {
namespace {

namespace json = boost::json;
using core::invalid_argument;
using core::Result;
using storage::Authentication;

Result<> read_none(MemberReader& in, Authentication& into) {
    into = storage::NoAuth{};
    return in.finish();
}

Result<> read_basic(MemberReader& in, Authentication& into) {
    storage::BasicAuth auth;
    std::optional<core::Secret> password;
    if (const auto* before = std::get_if<storage::BasicAuth>(&into)) {
        auth.username = before->username;
        password = before->password.clone();
    }
    in.text("username", auth.username);
    in.secret("password", password);
    if (auto done = in.finish(); !done) return done;
    if (!password)
        return invalid_argument("auth.password", "is required; give it with --password-file");
    auth.password = std::move(*password);
    into = std::move(auth);
    return {};
}

Result<> read_header(MemberReader& in, Authentication& into) {
    storage::HeaderAuth auth;
    std::optional<core::Secret> secret_value;
    if (const auto* before = std::get_if<storage::HeaderAuth>(&into)) {
        auth.name = before->name;
        secret_value = before->value.clone();
    }
    in.text("name", auth.name);
    in.secret("value", secret_value);
    if (auto done = in.finish(); !done) return done;
    if (!secret_value)
        return invalid_argument("auth.value", "is required; give it with --auth-value-file");
    auth.value = std::move(*secret_value);
    into = std::move(auth);
    return {};
}

Result<> read_oauth(MemberReader& in, const std::optional<core::ProviderId>& provider,
                    Authentication& into) {
    storage::OauthAuth auth;
    if (const auto* before = std::get_if<storage::OauthAuth>(&into)) auth = *before;
    in.text("provider", auth.provider_name);
    in.optional_text("entity", auth.entity);
    if (auto done = in.finish(); !done) return done;
    if (auth.provider_name.empty())
        return invalid_argument("auth.provider", "is required; give it with --provider");
    if (provider) auth.provider = *provider;
    into = std::move(auth);
    return {};
}

// A key pair as a request gives it; secrets that it does not give stay.
class KeyPairReader final {
public:
    KeyPairReader(MemberReader& in, storage::KeyPair& key) : key_(key) {
        if (!key.id.empty()) id_ = std::move(key.id);
        if (!key.secret.empty()) secret_ = std::move(key.secret);
        in.text("id_header", key.id_header);
        in.text("secret_header", key.secret_header);
        in.secret("key_id", id_);
        in.secret("key_secret", secret_);
    }
    /// Once everything else was read without trouble.
    [[nodiscard]] Result<> finish() {
        if (!id_) return invalid_argument("auth.key_id", "is required; give it with --key-id-file");
        if (!secret_) {
            return invalid_argument("auth.key_secret",
                                    "is required; give it with --key-secret-file");
        }
        key_.id = std::move(*id_);
        key_.secret = std::move(*secret_);
        return {};
    }

private:
    storage::KeyPair& key_;
    std::optional<core::Secret> id_;
    std::optional<core::Secret> secret_;
};

// Takes what is there of the same kind with it: after trouble the record is of no use any more.
template <class Auth, class Read>
Result<> read_with_key_pair(MemberReader& in, Authentication& into, const Read& read) {
    Auth auth;
    if (auto* before = std::get_if<Auth>(&into)) auth = std::move(*before);
    KeyPairReader key(in, auth.key);
    read(auth);
    if (auto done = in.finish(); !done) return done;
    if (auto done = key.finish(); !done) return done;
    into = std::move(auth);
    return {};
}

Result<> read_key_pair(MemberReader& in, Authentication& into) {
    return read_with_key_pair<storage::KeyPairAuth>(in, into, [&](storage::KeyPairAuth& auth) {
        in.optional_text("entity_id", auth.entity_id);
        in.optional_text("entity_name", auth.entity_name);
    });
}

Result<> read_session(MemberReader& in, Authentication& into) {
    return read_with_key_pair<storage::SessionCookieAuth>(
        in, into, [&](storage::SessionCookieAuth& auth) {
            std::int64_t timeout_s = auth.session_timeout.count();
            in.text("login_url", auth.login_url);
            in.whole("session_timeout_s", timeout_s);
            auth.session_timeout = std::chrono::seconds(timeout_s);
        });
}

Result<> read_single_use(MemberReader& in, Authentication& into) {
    return read_with_key_pair<storage::SingleUseTokenAuth>(
        in, into, [&](storage::SingleUseTokenAuth& auth) {
            in.text("signature_url", auth.signature_url);
            in.text("method", auth.method);
            in.optional_text("body_template", auth.body_template);
            in.text("token_pointer", auth.token_pointer);
            in.text("signature_pointer", auth.signature_pointer);
            in.text("token_header", auth.token_header);
            in.text("signature_header", auth.signature_header);
        });
}

}  // namespace

Result<> patch_auth(const json::value& value, const std::optional<core::ProviderId>& provider,
                    Authentication& into) {
    if (!value.is_object()) return invalid_argument("auth", "an object is expected");
    MemberReader in(value.get_object(), "auth.");
    std::string kind;
    in.text("kind", kind);
    if (kind == "none") return read_none(in, into);
    if (kind == "basic") return read_basic(in, into);
    if (kind == "header") return read_header(in, into);
    if (kind == "oauth2") return read_oauth(in, provider, into);
    if (kind == "key_pair") return read_key_pair(in, into);
    if (kind == "session_cookie") return read_session(in, into);
    if (kind == "single_use_token") return read_single_use(in, into);
    return invalid_argument("auth.kind",
                            "one of none, basic, header, oauth2, key_pair, session_cookie, "
                            "single_use_token");
}

Result<std::optional<std::string>> wanted_provider(const json::object& request) {
    const json::value* auth = request.if_contains("auth");
    if (auth == nullptr || !auth->is_object()) return std::optional<std::string>();
    if (core::string_member(auth->get_object(), "kind") != "oauth2")
        return std::optional<std::string>();
    return core::string_member(auth->get_object(), "provider");
}

}  // namespace herald::api
