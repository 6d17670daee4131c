#include "cli/commands/notification_auth_flags.h"

#include <algorithm>
#include <array>
#include <chrono>

#include "cli/commands/option_values.h"
#include "core/time_text.h"

namespace herald::cli {
namespace {

namespace json = boost::json;
using core::invalid_argument;
using core::Result;

/// Authentications, as bits.
enum Kind : unsigned {
    kNoKind = 0,
    kBasic = 1,
    kHeader = 2,
    kOauth = 4,
    kKeyPair = 8,
    kSession = 16,
    kSingleUse = 32,
    kWithKeyPair = kKeyPair | kSession | kSingleUse,
};

struct KindName {
    Kind kind;
    std::string_view name;  ///< on the command line; in the API with underscores
};
constexpr std::array kKinds{
    KindName{kBasic, "basic"},
    KindName{kHeader, "header"},
    KindName{kOauth, "oauth2"},
    KindName{kKeyPair, "key-pair"},
    KindName{kSession, "session-cookie"},
    KindName{kSingleUse, "single-use-token"},
};

enum class Value {
    kText,
    kClearable,  ///< '' takes it away
    kSecretFile,
    kTemplateFile,
    kSeconds,
};

/// One option: whose it is, and the member of `auth` it writes.
struct AuthFlag {
    TextOption AuthFlags::* option;
    const char* flag;
    const char* member;
    unsigned kinds;
    Value value;
    const char* type;
    const char* help;
};

constexpr std::array kFlags{
    AuthFlag{&AuthFlags::provider, "--provider", "provider", kOauth, Value::kText, "NAME",
             "whose access token is sent (oauth2)"},
    AuthFlag{&AuthFlags::entity, "--entity", "entity", kOauth, Value::kClearable, "UUID",
             "which of the token's entities callouts speak for (oauth2); '' for none"},
    AuthFlag{&AuthFlags::username, "--username", "username", kBasic, Value::kText, "USER",
             "user name (basic)"},
    AuthFlag{&AuthFlags::password_file, "--password-file", "password", kBasic, Value::kSecretFile,
             "FILE", "password (basic); - reads standard input"},
    AuthFlag{&AuthFlags::header, "--auth-header", "name", kHeader, Value::kText, "NAME",
             "header name (header)"},
    AuthFlag{&AuthFlags::value_file, "--auth-value-file", "value", kHeader, Value::kSecretFile,
             "FILE", "header value (header); - reads standard input"},
    AuthFlag{&AuthFlags::key_id_file, "--key-id-file", "key_id", kWithKeyPair, Value::kSecretFile,
             "FILE", "access key id (key-pair, session-cookie, single-use-token)"},
    AuthFlag{&AuthFlags::key_secret_file, "--key-secret-file", "key_secret", kWithKeyPair,
             Value::kSecretFile, "FILE", "its secret; - reads standard input"},
    AuthFlag{&AuthFlags::key_id_header, "--key-id-header", "id_header", kWithKeyPair, Value::kText,
             "NAME", "header of the access key id (apiAccessKeyId)"},
    AuthFlag{&AuthFlags::key_secret_header, "--key-secret-header", "secret_header", kWithKeyPair,
             Value::kText, "NAME", "header of its secret (apiSecretAccessKey)"},
    AuthFlag{&AuthFlags::entity_id, "--entity-id", "entity_id", kKeyPair, Value::kClearable, "ID",
             "header entityId (key-pair); '' for none"},
    AuthFlag{&AuthFlags::entity_name, "--entity-name", "entity_name", kKeyPair, Value::kClearable,
             "NAME", "header entityName (key-pair); '' for none"},
    AuthFlag{&AuthFlags::login_url, "--login-url", "login_url", kSession, Value::kText, "URL",
             "a POST there with the key pair answers with the cookie (session-cookie)"},
    AuthFlag{&AuthFlags::session_timeout, "--session-timeout", "session_timeout_s", kSession,
             Value::kSeconds, "DURATION", "how long a cookie is good after its last use (15m)"},
    AuthFlag{&AuthFlags::signature_url, "--signature-url", "signature_url", kSingleUse,
             Value::kText, "URL", "is asked for token and signature (single-use-token)"},
    AuthFlag{&AuthFlags::signature_method, "--signature-method", "method", kSingleUse, Value::kText,
             "METHOD", "of that request: POST (default), PUT, GET"},
    AuthFlag{&AuthFlags::signature_body, "--signature-body", "body_template", kSingleUse,
             Value::kTemplateFile, "FILE", "its JSON, with merge fields; '' for none"},
    AuthFlag{&AuthFlags::token_pointer, "--token-pointer", "token_pointer", kSingleUse,
             Value::kText, "POINTER", "where its answer has the token (/token)"},
    AuthFlag{&AuthFlags::signature_pointer, "--signature-pointer", "signature_pointer", kSingleUse,
             Value::kText, "POINTER", "where it has the signature (/signature)"},
    AuthFlag{&AuthFlags::token_header, "--token-header", "token_header", kSingleUse, Value::kText,
             "NAME", "header of the token in the callout (token)"},
    AuthFlag{&AuthFlags::signature_header, "--signature-header", "signature_header", kSingleUse,
             Value::kText, "NAME", "header of the signature (signature)"},
};

std::string hyphenated(std::string text) {
    std::replace(text.begin(), text.end(), '_', '-');
    return text;
}

// Nothing for `none` and for words that the API will refuse.
unsigned kind_of(std::string_view name) {
    for (const KindName& each : kKinds) {
        if (each.name == name) return each.kind;
    }
    return kNoKind;
}

// `key-pair, session-cookie or single-use-token`.
std::string names_of(unsigned kinds) {
    std::string names;
    for (const KindName& each : kKinds) {
        if ((kinds & each.kind) == 0) continue;
        const bool last = (kinds & ~(2U * each.kind - 1)) == 0;
        if (!names.empty()) names.append(last ? " or " : ", ");
        names.append(each.name);
    }
    return names;
}

// The kind on the command line's own terms; empty where nothing was given.
Result<std::string> wanted_kind(const AuthFlags& flags) {
    if (flags.auth.given()) {
        const std::string kind = hyphenated(flags.auth.value);
        for (const AuthFlag& each : kFlags) {
            if (!(flags.*each.option).given() || (each.kinds & kind_of(kind)) != 0) continue;
            return invalid_argument(
                each.flag, "goes with --auth " + names_of(each.kinds) + " only, not with " + kind);
        }
        return kind;
    }
    unsigned possible = ~0U;
    const AuthFlag* first = nullptr;
    for (const AuthFlag& each : kFlags) {
        if (!(flags.*each.option).given()) continue;
        if ((possible & each.kinds) == 0) {
            return invalid_argument(each.flag, "goes with --auth " + names_of(each.kinds) +
                                                   " only, not with " + first->flag);
        }
        possible &= each.kinds;
        if (first == nullptr) first = &each;
    }
    if (first == nullptr) return std::string();
    if ((possible & (possible - 1)) == 0) return names_of(possible);
    return invalid_argument(first->flag,
                            "goes with several kinds; say which with --auth " + names_of(possible));
}

Result<> write_auth_secret(const AuthFlag& flag, const std::string& file, Context& context,
                           RequestBody& auth) {
    auto secret = context.secrets().read(file, flag.flag);
    if (!secret) return secret.error();
    auth.add_secret(flag.member, *secret);
    return {};
}

Result<> write_auth_template(const AuthFlag& flag, const std::string& file, Context& context,
                             RequestBody& auth) {
    auto text = read_template(context, file, flag.flag);
    if (!text) return text.error();
    auth.add(flag.member, json::value(*text));
    return {};
}

Result<> write_seconds(const AuthFlag& flag, const std::string& text, RequestBody& auth) {
    using std::chrono::seconds;
    const auto duration = core::parse_duration(text);
    if (!duration) return invalid_argument(flag.flag, duration.error().message);
    if (*duration % seconds(1) != seconds(0))
        return invalid_argument(flag.flag, "whole seconds are expected, such as 15m");
    auth.add(flag.member, json::value(std::chrono::duration_cast<seconds>(*duration).count()));
    return {};
}

Result<> write_flag(const AuthFlag& flag, const std::string& value, Context& context,
                    RequestBody& auth) {
    switch (flag.value) {
        case Value::kText:
            auth.add(flag.member, json::value(value));
            return {};
        case Value::kClearable:
            auth.add(flag.member, value.empty() ? json::value(nullptr) : json::value(value));
            return {};
        case Value::kSecretFile:
            return write_auth_secret(flag, value, context, auth);
        case Value::kTemplateFile:
            if (!value.empty()) return write_auth_template(flag, value, context, auth);
            auth.add(flag.member, nullptr);
            return {};
        case Value::kSeconds:
            return write_seconds(flag, value, auth);
    }
    return {};
}

}  // namespace

void AuthFlags::add_to(Command& app, const std::string& group) {
    add_text(app, "--auth", auth,
             "none (default), basic, header, oauth2, key-pair, session-cookie, single-use-token",
             "KIND")
        .group(group);
    for (const AuthFlag& each : kFlags)
        add_text(app, each.flag, this->*each.option, each.help, each.type).group(group);
}

Result<> write_auth(const AuthFlags& flags, Context& context, RequestBody& body) {
    auto kind = wanted_kind(flags);
    if (!kind) return kind.error();
    if (kind->empty()) return {};
    std::replace(kind->begin(), kind->end(), '-', '_');
    RequestBody auth;
    auth.add("kind", json::value(*kind));
    for (const AuthFlag& each : kFlags) {
        const TextOption& option = flags.*each.option;
        if (!option.given()) continue;
        if (auto written = write_flag(each, option.value, context, auth); !written) return written;
    }
    std::string text = auth.text();
    body.add_raw("auth", text);
    core::wipe(text);
    return {};
}

}  // namespace herald::cli
