#include "tests/simulation/authorization_servers.h"

#include <array>

namespace herald::simulation {
namespace {

using test::SeededRandom;
using Answer = Issue::Answer;

Issue works(SeededRandom& random) {
    return {.after = up_to(random, 200)};
}

Issue gives_short_ones(SeededRandom& random) {
    return {.after = up_to(random, 200), .lives_for_s = 2 + static_cast<int>(random.below(60))};
}

Issue tells_no_lifetime(SeededRandom& random) {
    return {.after = up_to(random, 200), .lives_for_s = std::nullopt};
}

Issue is_slow(SeededRandom& random) {
    return {.after = up_to(random, 40'000)};
}

Issue fails_now_and_then(SeededRandom& random) {
    return {.after = up_to(random, 200),
            .answer = random.below(2) == 0 ? Answer::kUnavailable : Answer::kToken};
}

Issue never_answers(SeededRandom& /*random*/) {
    return {.after = std::chrono::hours(1), .answer = Answer::kNoAnswer};
}

Issue loses_its_answer(SeededRandom& random) {
    return {.after = up_to(random, 200),
            .answer = random.below(2) == 0 ? Answer::kTokenAndSilence : Answer::kToken};
}

Issue refuses(SeededRandom& random) {
    return {.after = up_to(random, 200), .answer = Answer::kRefused};
}

Issue talks_nonsense(SeededRandom& random) {
    return {.after = up_to(random, 200), .answer = Answer::kGarbage};
}

constexpr std::array kBehaviours{
    AuthorizationBehaviour{"works", works},
    AuthorizationBehaviour{"gives short ones", gives_short_ones},
    AuthorizationBehaviour{"tells no lifetime", tells_no_lifetime},
    AuthorizationBehaviour{"is slow", is_slow},
    AuthorizationBehaviour{"fails now and then", fails_now_and_then},
    AuthorizationBehaviour{"never answers", never_answers},
    AuthorizationBehaviour{"loses its answer", loses_its_answer},
    AuthorizationBehaviour{"refuses", refuses},
    AuthorizationBehaviour{"talks nonsense", talks_nonsense},
};

http::Headers as_json() {
    http::Headers headers;
    headers.add("Content-Type", "application/json");
    return headers;
}

/// Of a form of names and values without anything to decode.
std::string field_of(const std::string& form, const std::string& name) {
    const std::string all = "&" + form;
    const std::size_t at = all.find("&" + name + "=");
    if (at == std::string::npos) return {};
    const std::size_t begin = at + name.size() + 2;
    return all.substr(begin, all.find('&', begin) - begin);
}

}  // namespace

AuthorizationServers::AuthorizationServers(Network& network, test::FakeClock& clock,
                                           SeededRandom& random, Ledger& ledger)
    : network_(network), clock_(clock), random_(random), ledger_(ledger) {}

void AuthorizationServers::add(const Client& client) {
    const std::string host = client.host();
    servers_.emplace(
        host, Server{.client = client, .behaviour = kBehaviours.data(), .refresh_tokens = {}});
    secrets_[client.secret()] = host;
    network_.serve(host,
                   [this, host](const http::Request& request) { return answer(host, request); });
}

std::string AuthorizationServers::refresh_token_for(const Client& client) {
    const std::string token = client.first_refresh_token(++issued_);
    servers_.at(client.host()).refresh_tokens.insert(token);
    secrets_[token] = client.host();
    return token;
}

void AuthorizationServers::change_one() {
    if (servers_.empty()) return;
    const auto chosen =
        std::next(servers_.begin(), static_cast<std::ptrdiff_t>(random_.below(servers_.size())));
    chosen->second.behaviour = &kBehaviours.at(random_.below(kBehaviours.size()));
    ledger_.tell("   " + chosen->first + " " + chosen->second.behaviour->name);
}

void AuthorizationServers::heal() {
    for (auto& [host, server] : servers_) server.behaviour = kBehaviours.data();
    ledger_.tell("   every authorization server works");
}

void AuthorizationServers::left(const http::Request& request) {
    const auto server = servers_.find(request.url.host);
    if (server != servers_.end() && request.url.target == "/token") {
        const std::string& provider = server->second.client.provider;
        ledger_.tell("-> token request to " + request.url.host);
        if (++under_way_[provider] > 1)
            ledger_.complain("single flight", provider + " has two token requests under way");
    }
    std::string all = request.url.target + "\n" + request.body + "\n";
    for (const auto& [name, value] : request.headers) all.append(value).append("\n");
    for (const auto& [secret, host] : secrets_) {
        const std::size_t at = all.find(secret);
        if (at == std::string::npos || host == request.url.host) continue;
        // One secret may begin as another does.
        const std::size_t end = at + secret.size();
        if (end < all.size() &&
            (std::isalnum(static_cast<unsigned char>(all[end])) != 0 || all[end] == '-'))
            continue;
        ledger_.complain("secret", secret + " of " + host + " goes to " + request.url.host);
    }
    const auto bearer = request.headers.get("Authorization");
    if (!bearer || !bearer->starts_with("Bearer ")) return;
    const auto token = tokens_.find(std::string(bearer->substr(7)));
    if (token == tokens_.end())
        ledger_.complain("token", "one that nobody issued goes to " + request.url.host);
    else if (token->second.ends_at && clock_.steady_now() >= *token->second.ends_at)
        ledger_.complain("token", token->first + " is sent after its end");
    else if (token->second.revoked_at && clock_.steady_now() > *token->second.revoked_at)
        ledger_.complain("token", token->first + " is sent after it was revoked");
}

void AuthorizationServers::known(const http::Request& request,
                                 const core::Result<http::Response>& answer) {
    const auto server = servers_.find(request.url.host);
    if (server == servers_.end() || request.url.target != "/token") return;
    --under_way_[server->second.client.provider];
    ledger_.tell("<- token request to " + request.url.host + " " +
                 (answer ? std::to_string(answer->status) : answer.error().code));
}

void AuthorizationServers::revoked(const std::string& provider) {
    for (auto& [text, token] : tokens_) {
        if (token.provider == provider && !token.revoked_at) token.revoked_at = clock_.steady_now();
    }
}

bool AuthorizationServers::lets_in(const http::Request& request) const {
    const auto bearer = request.headers.get("Authorization");
    if (!bearer) return true;
    const auto token = tokens_.find(std::string(bearer->substr(bearer->find(' ') + 1)));
    if (token == tokens_.end()) return false;
    return !token->second.ends_at || clock_.steady_now() < *token->second.ends_at;
}

Reply AuthorizationServers::answer(const std::string& host, const http::Request& request) {
    Server& server = servers_.at(host);
    if (request.url.target != "/token")
        return {.after = up_to(random_, 100), .answer = respond(200)};  // a revocation
    return issue(server, request);
}

Reply AuthorizationServers::issue(Server& server, const http::Request& request) {
    const Issue how = server.behaviour->issue(random_);
    Reply reply{.after = how.after, .took_it = false};
    if (how.answer == Answer::kNoAnswer) return reply;
    if (how.answer == Answer::kUnavailable) {
        reply.answer = respond(503);
        return reply;
    }
    if (how.answer == Answer::kGarbage) {
        reply.answer = respond(200, "<html>", as_json());
        return reply;
    }
    const bool known = field_of(request.body, "client_secret") == server.client.secret();
    if (how.answer == Answer::kRefused || !known) {
        reply.answer = respond(401, R"({"error":"invalid_client"})", as_json());
        return reply;
    }
    const std::string presented = field_of(request.body, "refresh_token");
    if (server.client.rotates && server.refresh_tokens.erase(presented) == 0) {
        reply.answer = respond(400, R"({"error":"invalid_grant"})", as_json());
        return reply;
    }
    return give_token(server, how, presented);
}

Reply AuthorizationServers::give_token(Server& server, const Issue& how,
                                       const std::string& presented) {
    const std::string number = std::to_string(++issued_);
    const std::string token = "token-" + server.client.provider + "-" + number;
    std::optional<core::SteadyTime> ends_at;
    if (how.lives_for_s)
        ends_at = clock_.steady_now() + how.after + std::chrono::seconds(*how.lives_for_s);
    tokens_[token] = {.provider = server.client.provider, .ends_at = ends_at};
    std::string body = R"({"access_token":")" + token + R"(","token_type":"Bearer")";
    if (how.lives_for_s) body += R"(,"expires_in":)" + std::to_string(*how.lives_for_s);
    if (!presented.empty()) {
        const std::string next = "refresh-" + server.client.provider + "-next-" + number;
        server.refresh_tokens.insert(next);
        secrets_[next] = server.client.host();
        body += R"(,"refresh_token":")" + next + "\"";
    }
    Reply reply{.after = how.after, .answer = respond(200, body + "}", as_json())};
    if (how.answer == Answer::kTokenAndSilence) reply.answer = failure("http", true);
    return reply;
}

}  // namespace herald::simulation
