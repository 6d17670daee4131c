#pragma once

#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "tests/simulation/ledger.h"
#include "tests/simulation/network.h"

namespace herald::simulation {

/// What an authorization server does with a token request that it understood.
struct Issue {
    Milliseconds after{5};
    enum class Answer { kToken, kTokenAndSilence, kNoAnswer, kUnavailable, kRefused, kGarbage };
    Answer answer = Answer::kToken;
    std::optional<int> lives_for_s = 3600;
};

/// One way for an authorization server to be. To add one, add a line to the table kBehaviours.
struct AuthorizationBehaviour {
    const char* name;
    Issue (*issue)(test::SeededRandom& random);
};

/// A client as one configuration of a provider has it: its own server, its own secret.
struct Client {
    std::string provider;
    int version = 0;
    bool rotates = false;  ///< by refresh tokens, each good once

    [[nodiscard]] std::string host() const {
        return "as" + std::to_string(version) + "." + provider + ".example";
    }
    [[nodiscard]] std::string secret() const {
        return "secret-" + provider + "-" + std::to_string(version);
    }
    [[nodiscard]] std::string first_refresh_token(int number) const {
        return "refresh-" + provider + "-" + std::to_string(version) + "-by-hand-" +
               std::to_string(number);
    }
};

/// The authorization servers of all configurations that any provider ever had, and the rules about
/// tokens: one request of a provider at a time, each secret only at its own server, no token sent
/// after its end.
class AuthorizationServers final {
public:
    AuthorizationServers(Network& network, test::FakeClock& clock, test::SeededRandom& random,
                         Ledger& ledger);

    /// Its server begins to serve.
    void add(const Client& client);
    /// A refresh token that a person gives to a provider of this configuration.
    std::string refresh_token_for(const Client& client);
    void change_one();
    void heal();

    /// Called for every request that leaves, to whomever: nobody but its own server sees a secret.
    void left(const http::Request& request);
    void known(const http::Request& request, const core::Result<http::Response>& answer);
    /// Every token that the provider was given up to now is not to be used any more.
    void revoked(const std::string& provider);
    /// The requests under way have no client any more.
    void crashed() { under_way_.clear(); }
    /// Whether a receiver accepts its credentials.
    [[nodiscard]] bool lets_in(const http::Request& request) const;

private:
    struct Token {
        std::string provider;
        std::optional<core::SteadyTime> ends_at;
        std::optional<core::SteadyTime> revoked_at = std::nullopt;
    };
    struct Server {
        Client client;
        const AuthorizationBehaviour* behaviour;
        std::set<std::string> refresh_tokens;  ///< good ones
    };

    Reply answer(const std::string& host, const http::Request& request);
    Reply issue(Server& server, const http::Request& request);
    Reply give_token(Server& server, const Issue& how, const std::string& refresh_token);

    Network& network_;
    test::FakeClock& clock_;
    test::SeededRandom& random_;
    Ledger& ledger_;
    std::map<std::string, Server> servers_;          // by host
    std::map<std::string, std::string> secrets_;     // each, with the host it belongs to
    std::unordered_map<std::string, Token> tokens_;  // all that were ever issued
    std::map<std::string, int> under_way_;           // token requests, by provider
    int issued_ = 0;
};

}  // namespace herald::simulation
