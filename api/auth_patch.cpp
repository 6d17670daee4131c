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
    if (auto done = in.finish(); !done) return done;
    if (auth.provider_name.empty())
        return invalid_argument("auth.provider", "is required; give it with --provider");
    if (provider) auth.provider = *provider;
    into = std::move(auth);
    return {};
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
    return invalid_argument("auth.kind", "one of none, basic, header, oauth2");
}

Result<std::optional<std::string>> wanted_provider(const json::object& request) {
    const json::value* auth = request.if_contains("auth");
    if (auth == nullptr || !auth->is_object()) return std::optional<std::string>();
    if (core::string_member(auth->get_object(), "kind") != "oauth2")
        return std::optional<std::string>();
    return core::string_member(auth->get_object(), "provider");
}

}  // namespace herald::api
