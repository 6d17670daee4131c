#include "cli/demo/token_endpoint.h"

#include <map>
#include <string_view>

#include "core/encoding.h"

namespace herald::cli {
namespace {

std::map<std::string, std::string> form_fields(std::string_view body) {
    std::map<std::string, std::string> fields;
    while (!body.empty()) {
        const auto end = std::min(body.find('&'), body.size());
        const auto pair = body.substr(0, end);
        const auto equals = std::min(pair.find('='), pair.size());
        const auto name = core::form_decode(pair.substr(0, equals));
        const auto value = core::form_decode(pair.substr(std::min(equals + 1, pair.size())));
        if (name && value) fields[*name] = *value;
        body.remove_prefix(std::min(end + 1, body.size()));
    }
    return fields;
}

}  // namespace

DemoTokenEndpoint::DemoTokenEndpoint(std::string client_id, core::Secret client_secret)
    : client_id_(std::move(client_id)),
      client_secret_(std::move(client_secret)),
      server_([this](const DemoRequest& request) { return answer(request); }) {}

bool DemoTokenEndpoint::accepts(const std::string& authorization) const {
    constexpr std::string_view kScheme = "Bearer ";
    if (authorization.rfind(kScheme, 0) != 0) return false;
    const std::scoped_lock lock(mutex_);
    return tokens_.contains(authorization.substr(kScheme.size()));
}

std::size_t DemoTokenEndpoint::valid_tokens() const {
    const std::scoped_lock lock(mutex_);
    return tokens_.size();
}

bool DemoTokenEndpoint::is_client(std::string_view id, std::string_view secret) const {
    return id == client_id_ && secret == client_secret_.reveal();
}

DemoResponse DemoTokenEndpoint::answer(const DemoRequest& request) {
    if (request.path == "/token" && request.method == "POST") return issue(request);
    if (request.path == "/revoke" && request.method == "POST") return revoke(request);
    if (request.path == "/me") {
        return accepts(request.authorization) ? DemoResponse{200, R"({"client":"demo-app"})"}
                                              : DemoResponse{401, R"({"error":"invalid_token"})"};
    }
    return {404, R"({"error":"not_found"})"};
}

DemoResponse DemoTokenEndpoint::issue(const DemoRequest& request) {
    auto fields = form_fields(request.body);
    if (!is_client(fields["client_id"], fields["client_secret"])) {
        return {401, R"({"error":"invalid_client"})"};
    }
    if (fields["grant_type"] != "client_credentials")
        return {400, R"({"error":"unsupported_grant_type"})"};
    const std::string token =
        "demo-" + std::to_string(random_.next()) + std::to_string(random_.next());
    const std::scoped_lock lock(mutex_);
    tokens_.insert(token);
    return {200, R"({"access_token":")" + token + R"(","token_type":"Bearer","expires_in":3600})"};
}

DemoResponse DemoTokenEndpoint::revoke(const DemoRequest& request) {
    auto fields = form_fields(request.body);
    if (!is_client(fields["client_id"], fields["client_secret"])) {
        return {401, R"({"error":"invalid_client"})"};
    }
    const std::scoped_lock lock(mutex_);
    tokens_.erase(fields["token"]);
    return {200, "{}"};
}

}  // namespace herald::cli
