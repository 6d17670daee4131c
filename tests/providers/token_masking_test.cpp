// No credential of a request comes back out of what a server answers.
#include <array>
#include <boost/json/serialize.hpp>

#include "core/encoding.h"
#include "tests/providers/token_manager_fixture.h"

namespace herald::providers::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::string_view kClientSecret = "cl1ent/secret+of&ours=1";
constexpr std::string_view kRefreshToken = "refresh/token+zero&0123456789";

/// Says back in every place what it was sent, and what it was sent before.
class EchoingServerTest : public TokenManagerFixture {
protected:
    static storage::ProviderRecord with_secret() {
        storage::ProviderRecord record = sample_provider();
        record.client_secret = core::Secret(kClientSecret);
        record.revocation_endpoint = "https://login.example/revoke";
        return record;
    }

    static std::string headers_of(const http::Request& request) {
        std::string text;
        for (const auto& [name, value] : request.headers) text += name + ": " + value + "; ";
        return text;
    }
    // As a careless server would: the form and the headers in its words.
    static std::string echo_of(const http::Request& request) {
        return request.url.target + " " + headers_of(request) + request.body + " " +
               core::form_decode(request.body).value_or("");
    }

    [[nodiscard]] std::string everything_kept() {
        const auto record = store->provider("crm").value();
        std::string text =
            record.last_error ? record.last_error->code + " " + record.last_error->description : "";
        const auto token = store->token(record.id).value();
        if (!token) return text;
        for (const std::string& scope : token->scopes) text += " " + scope;
        return text + boost::json::serialize(token->attributes);
    }
    static std::string everything_told(const core::Error& error) {
        return error.code + error.message + boost::json::serialize(error.details);
    }
    static void expect_clean(const std::string& text) {
        for (const std::string_view secret : {kClientSecret, kRefreshToken}) {
            EXPECT_THAT(text, Not(HasSubstr(std::string(secret))));
            EXPECT_THAT(text, Not(HasSubstr(core::form_encode(secret))));
            EXPECT_THAT(text, Not(HasSubstr(core::base64_encode(secret))));
            EXPECT_THAT(text, Not(HasSubstr(std::string(secret.substr(0, 16)))));
        }
    }
};

std::string description(const std::string& text) {
    return R"({"error":"invalid_client","error_description":")" + core::escape_json(text) + "\"}";
}

TEST_F(EchoingServerTest, ARefusalShowsAndKeepsNoCredential) {
    const auto id = add(with_secret());
    start();
    const std::array<std::function<http::Response(const std::string&)>, 5> answers{
        [](const std::string& echo) { return respond(400, description(echo)); },
        [](const std::string& echo) {
            return respond(400, R"({"error":")" + core::escape_json(echo) + "\"}");
        },
        [](const std::string& echo) {
            return respond(500, "<html><body>cannot read <b>" + echo + "</b></body></html>");
        },
        [](const std::string& echo) {
            http::Headers headers;
            headers.set("Location",
                        "https://" + core::to_lower(echo.substr(0, 9)) + ".example/" + echo);
            return respond(302, "", headers);
        },
        [](const std::string& echo) {
            return respond(200, R"({"access_token":"t","token_type":")" +
                                    core::escape_json(echo.substr(echo.find("secret="))) + "\"}");
        }};
    for (const auto& make : answers) {
        for (const char* how : {"client_secret_post", "client_secret_basic"}) {
            edit(id, [&](auto& change) { change.record.client_authentication = how; });
            transport.answer_with([&](const http::Request& request) {
                return make(echo_of(request) + " secret=" + std::string(kClientSecret));
            });
            const auto answer = obtain(id);
            ASSERT_FALSE(**answer);
            expect_clean(everything_told((*answer)->error()));
            expect_clean(everything_kept());
        }
    }
}

// The text is masked before it is cut to what is kept of it.
TEST_F(EchoingServerTest, ADescriptionThatIsCutHasNoHalfOfACredential) {
    const auto id = add(with_secret());
    start();
    for (std::size_t before = 470; before < 505; ++before) {
        next_answer =
            respond(400, description(std::string(before, '.') + std::string(kClientSecret)));
        const auto answer = obtain(id);
        EXPECT_THAT((*answer)->error().message, Not(HasSubstr("cl1e")));
        EXPECT_THAT(everything_kept(), Not(HasSubstr("cl1e")));
    }
}

TEST_F(EchoingServerTest, ATokenComesWithoutCredentialsBesideIt) {
    const auto id = add(with_secret());
    start();
    transport.answer_with([&](const http::Request& request) {
        const std::string echo = core::escape_json(core::form_decode(request.body).value_or(""));
        return respond(200,
                       R"({"access_token":"the-access-token-0123456789","token_type":"Bearer",)"
                       R"("expires_in":60,"scope":"read the-access-token-0123456789 )" +
                           core::percent_encode(kClientSecret) + R"(","id":")" + echo +
                           R"(","instance":"the-access-token-0123456789"})");
    });
    ASSERT_TRUE((*obtain(id)));
    expect_clean(everything_kept());
    EXPECT_THAT(everything_kept(), Not(HasSubstr("the-access-token")));
    EXPECT_THAT(everything_kept(), HasSubstr("read"));
}

TEST_F(EchoingServerTest, TokensOfEarlierGenerationsAreStillHidden) {
    const auto id = add(with_secret());
    start();
    obtain(id);
    obtain(id);
    obtain(id);
    next_answer = respond(400, description("still know token-1, token-2 and token-3"));
    const auto answer = obtain(id);
    EXPECT_THAT((*answer)->error().message,
                HasSubstr("still know ********, ******** and ********"));
}

TEST_F(EchoingServerTest, ARefusedRefreshTokenIsHidden) {
    storage::ProviderRecord record = with_secret();
    record.grant_type = "refresh_token";
    storage::TokenRecord first;
    first.refresh_token = core::Secret(kRefreshToken);
    const auto id = add(std::move(record), std::move(first));
    start();
    transport.answer_with(
        [&](const http::Request& request) { return respond(400, description(echo_of(request))); });
    const auto answer = obtain(id);
    expect_clean(everything_told((*answer)->error()));
    expect_clean(everything_kept());
}

TEST_F(EchoingServerTest, ARefusedRevocationIsHidden) {
    const auto id = add(with_secret());
    start();
    obtain(id);
    transport.answer_with([&](const http::Request& request) {
        return respond(400, description(echo_of(request) + " token-1"));
    });
    const auto answer = revoke(id);
    expect_clean(everything_told((*answer)->error()));
    EXPECT_THAT(everything_told((*answer)->error()), Not(HasSubstr("token-1")));
}

TEST_F(EchoingServerTest, ASignedAssertionIsHidden) {
    storage::ProviderRecord record = with_secret();
    record.client_authentication = "private_key_jwt";
    record.private_key = core::Secret(sample_key());
    const auto id = add(std::move(record));
    start();
    std::string sent;
    transport.answer_with([&](const http::Request& request) {
        sent = request.body.substr(request.body.find("client_assertion=") + 17);
        return respond(400, description("cannot verify " + sent));
    });
    const auto answer = obtain(id);
    ASSERT_GT(sent.size(), 100U);
    EXPECT_THAT((*answer)->error().message, HasSubstr("cannot verify ********"));
    EXPECT_THAT(everything_kept(), Not(HasSubstr(sent.substr(0, 40))));
}

TEST_F(EchoingServerTest, ARefusedDeviceRequestIsHidden) {
    storage::ProviderRecord record = with_secret();
    record.grant_type = "device_code";
    record.settings["device_authorization_endpoint"] = "https://login.example/device";
    const auto id = add(std::move(record));
    start();
    transport.answer_with(
        [&](const http::Request& request) { return respond(400, description(echo_of(request))); });
    const auto answer =
        by_hand<SetupStart>([&](auto done) { manager->begin_setup(id, "", std::move(done)); });
    ASSERT_FALSE(**answer);
    expect_clean(everything_told((*answer)->error()));
}

TEST_F(EchoingServerTest, ADiscoveryDocumentIsHidden) {
    storage::ProviderRecord record = with_secret();
    record.token_endpoint.clear();
    record.issuer = "https://login.example";
    const auto id = add(std::move(record));
    start();
    next_answer =
        respond(200, R"({"issuer":"https://other.example/)" + std::string(kClientSecret) + "\"}");
    auto answer = obtain(id);
    expect_clean(everything_told((*answer)->error()));
    next_answer = respond(
        200, R"({"issuer":"https://login.example","token_endpoint":"https://login.example/)" +
                 core::percent_encode(kClientSecret) + "\"}");
    answer = obtain(id);
    expect_clean(boost::json::serialize(store->provider("crm").value().metadata));
}

// What the standards name stays readable, and decides, whatever somebody chose as a secret.
TEST_F(EchoingServerTest, AStandardErrorCodeIsNeverMasked) {
    storage::ProviderRecord record = with_secret();
    record.client_secret = core::Secret("client");
    const auto id = add(std::move(record));
    start();
    next_answer = respond(400, R"({"error":"invalid_client"})");
    EXPECT_EQ(core::string_member((*obtain(id))->error().details, "error"), "invalid_client");
    EXPECT_EQ(state(), "rejected");
}

// A refresh token that came for a configuration that was no more is one that the server knows.
TEST_F(EchoingServerTest, ARefreshTokenThatOutlivedAnEditIsMaskedLater) {
    storage::ProviderRecord provider = with_secret();
    provider.grant_type = "refresh_token";
    storage::TokenRecord token;
    token.refresh_token = core::Secret("refresh-zero");
    const auto id = add(std::move(provider), std::move(token));
    start();
    transport.answer_with([this](const http::Request&) {
        if (++token_requests > 2)
            return respond(400, description("I had " + std::string(kRefreshToken)));
        const std::string successor(token_requests == 1 ? kRefreshToken : "refresh-two");
        return respond(200, R"({"access_token":"token","expires_in":60,"refresh_token":")" +
                                successor + "\"}");
    });
    transport.hold();
    ask(id);
    edit(id, [](auto& change) {
        ++change.record.config_version;
        change.drop_token = true;
    });
    transport.release();
    settle();
    ASSERT_EQ(token_requests, 2);
    obtain(id);
    EXPECT_THAT(transport.requests.back().body, HasSubstr("refresh-two"));
    EXPECT_THAT(everything_kept(), HasSubstr("I had ********"));
    expect_clean(everything_kept());
}

}  // namespace
}  // namespace herald::providers::test
