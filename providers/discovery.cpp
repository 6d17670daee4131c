#include "providers/discovery.h"

#include <array>

#include "core/encoding.h"
#include "core/json.h"
#include "herald_version.h"
#include "providers/token_body.h"

namespace herald::providers {
namespace {

namespace asio = boost::asio;
namespace json = boost::json;
using core::Error;
using core::ErrorKind;
using core::Result;

constexpr std::size_t kMaxShown = 300;

constexpr std::array<std::string_view, 9> kUsed{"token_endpoint",
                                                "revocation_endpoint",
                                                "introspection_endpoint",
                                                "authorization_endpoint",
                                                "device_authorization_endpoint",
                                                "userinfo_endpoint",
                                                "mtls_endpoint_aliases",
                                                "code_challenge_methods_supported",
                                                "authorization_response_iss_parameter_supported"};

Error failed(ErrorKind kind, const std::string& issuer, const std::string& why) {
    Error error{.kind = kind,
                .code = "discovery_failed",
                .message = "ask issuer " + issuer + " for its endpoints: " + why};
    error.details["class"] = "discovery";
    error.details["error_description"] = error.message;
    return error;
}

Result<http::Request> request_for(const std::string& url, const ProviderSettings& settings,
                                  core::SteadyTime now) {
    auto parsed = http::Url::parse(url, "issuer");
    if (!parsed) return parsed.error();
    http::Request request;
    request.method = "GET";
    request.url = std::move(*parsed);
    request.headers.set("Accept", "application/json");
    request.headers.set("Accept-Encoding", "identity");
    request.headers.set("User-Agent", "herald/" HERALD_VERSION);
    // What it answers decides where secrets go, so it is as protected as they are.
    request.carries_credentials = true;
    request.deadline = now + settings.request_timeout_ms;
    request.tls = {.ca_file = settings.ca_file, .ca = settings.ca};
    return request;
}

json::value masked(const json::value& value, const core::Masking& masking) {
    if (value.is_string()) return json::value(masking.masked(value.get_string()));
    if (value.is_object()) {
        json::object out;
        for (const auto& member : value.get_object())
            out[member.key()] = masked(member.value(), masking);
        return out;
    }
    if (!value.is_array()) return value;
    json::array out;
    for (const json::value& one : value.get_array()) out.push_back(masked(one, masking));
    return out;
}

// Why a place has no document for us. `passes`: it may have one later.
struct Shortcoming {
    std::string why;
    bool passes = false;
    bool is_blocked = false;
};

boost::system::result<json::object, Shortcoming> read(const http::Response& response,
                                                      const core::Masking& masking,
                                                      const std::string& issuer) {
    const auto body = parse_token_body(response);
    if (response.status != 200 || !body) {
        return Shortcoming{
            .why = "it answered " + std::to_string(response.status) + " without a document",
            .passes = response.status == 200 || response.status == 429 || response.status >= 500};
    }
    const auto told = core::string_member(*body, "issuer");
    if (told != issuer) {
        return Shortcoming{.why = "the document is of issuer '" +
                                  masking.shown(told.value_or("(none)"), kMaxShown) +
                                  "'; give exactly that with --issuer if it is the right one"};
    }
    if (!core::string_member(*body, "token_endpoint"))
        return Shortcoming{.why = "the document names no token_endpoint"};
    json::object used;
    for (const std::string_view key : kUsed) {
        if (const json::value* value = body->if_contains(key)) used[key] = masked(*value, masking);
    }
    return used;
}

Shortcoming no_answer(const Error& error, const core::Masking& masking) {
    return {.why = masking.shown(error.message, kMaxShown),
            .passes = error.kind != ErrorKind::kPermanent,
            .is_blocked = error.code == "blocked_address"};
}

// What all places lack. It may pass where one of them does, and where none has anything at all.
class Shortcomings {
public:
    void add(const std::string& place, const Shortcoming& one, int status) {
        why_ += (why_.empty() ? "" : "; and ") + place + ": " + one.why;
        passes_ = passes_ || one.passes;
        is_blocked_ = is_blocked_ || one.is_blocked;
        is_found_ = is_found_ || status == 200;
    }
    [[nodiscard]] Error error(const std::string& issuer) const {
        const bool is_final = !passes_ && (is_found_ || is_blocked_);
        Error error =
            failed(is_final ? ErrorKind::kPermanent : ErrorKind::kTransient, issuer, why_);
        if (is_blocked_) error.code = "blocked_address";
        return error;
    }

private:
    std::string why_;
    bool passes_ = false;
    bool is_blocked_ = false;
    bool is_found_ = false;
};

}  // namespace

asio::awaitable<Result<json::object>> discover(std::string issuer, ProviderSettings settings,
                                               core::Masking masking, http::Transport& transport,
                                               core::Clock& clock) {
    const auto url = http::Url::parse(issuer, "issuer");
    if (!url) co_return url.error();
    std::string path = url->target == "/" ? "" : url->target;
    while (path.ends_with('/')) path.pop_back();
    const std::array places{url->origin() + "/.well-known/oauth-authorization-server" + path,
                            url->origin() + path + "/.well-known/openid-configuration"};
    Shortcomings shortcomings;
    for (const std::string& place : places) {
        auto request = request_for(place, settings, clock.steady_now());
        if (!request) co_return request.error();
        http::Request sendable = std::move(*request);
        const Result<http::Response> response = co_await transport.send(std::move(sendable));
        if (!response && response.error().kind == ErrorKind::kCancelled) co_return response.error();
        if (!response) {
            shortcomings.add(place, no_answer(response.error(), masking), 0);
            continue;
        }
        auto document = read(*response, masking, issuer);
        if (document) co_return std::move(*document);
        shortcomings.add(place, document.error(), response->status);
    }
    co_return shortcomings.error(issuer);
}

}  // namespace herald::providers
