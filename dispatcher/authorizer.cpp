#include "dispatcher/authorizer.h"

#include "core/encoding.h"
#include "core/json.h"

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

template <class... Cases>
struct Overloaded : Cases... {
    using Cases::operator()...;
};
template <class... Cases>
Overloaded(Cases...) -> Overloaded<Cases...>;

}  // namespace

void authorize(http::Request& request, const storage::Authentication& auth,
               const providers::AccessToken* token) {
    std::visit(Overloaded{
                   [](const storage::NoAuth&) {},
                   [&](const storage::BasicAuth& basic) {
                       request.headers.set("Authorization", "Basic " + basic_credentials(basic));
                       request.carries_credentials = true;
                   },
                   [&](const storage::HeaderAuth& header) {
                       request.headers.set(header.name, std::string(header.value.reveal()));
                       request.carries_credentials = true;
                   },
                   [&](const storage::OauthAuth&) {
                       request.headers.set("Authorization",
                                           std::string(token->authorization.reveal()));
                       request.carries_credentials = true;
                   },
               },
               auth);
}

std::string mask_credentials(std::string_view text, const storage::NotificationRecord& notification,
                             const providers::AccessToken* token) {
    std::string masked(text);
    if (masked.empty()) return masked;
    if (token != nullptr) mask_one(masked, token->value.reveal());
    if (const auto* basic = std::get_if<storage::BasicAuth>(&notification.auth)) {
        mask_one(masked, basic->password.reveal());
        mask_one(masked, basic_credentials(*basic));
    }
    if (const auto* header = std::get_if<storage::HeaderAuth>(&notification.auth))
        mask_one(masked, header->value.reveal());
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
