// What becomes of tokens while the database is locked or its disk full, and where the process ends
// between two steps.
#include <fstream>

#include "tests/providers/token_manager_fixture.h"

namespace herald::providers::test {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class StoreFailureTest : public TokenManagerFixture {
protected:
    storage::ProviderRecord refreshing() {
        storage::ProviderRecord provider = sample_provider();
        provider.grant_type = "refresh_token";
        provider.revocation_endpoint = "https://login.example/revoke";
        return provider;
    }
    core::ProviderId add_refreshing(storage::ProviderRecord provider) {
        storage::TokenRecord token;
        token.refresh_token = core::Secret("refresh-0");
        return add(std::move(provider), std::move(token));
    }
    // Rotates, and tells no lifetime where it is to be introspected.
    core::Result<http::Response> answer(const http::Request& request) override {
        if (request.url.target == "/introspect") return respond(200, R"({"active":false})");
        if (request.url.target == "/revoke" || next_answer)
            return TokenManagerFixture::answer(request);
        const std::string number = std::to_string(++issued);
        if (hold_what_follows) transport.hold();
        return respond(200, R"({"access_token":"token-)" + number +
                                (tells_lifetime ? R"(","expires_in":3600,)" : "\",") +
                                R"("refresh_token":"refresh-)" + number + "\"}");
    }
    std::string stored_refresh_token() {
        const auto token = store->token(store->provider("crm")->id).value();
        return token && token->refresh_token ? std::string(token->refresh_token->reveal())
                                             : "(none)";
    }
    std::string last_refresh_request() {
        std::string body;
        for (const http::Request& request : transport.requests) {
            if (request.body.find("refresh_token=") != std::string::npos) body = request.body;
        }
        return body;
    }
    std::vector<std::string> revoked_tokens() {
        std::vector<std::string> tokens;
        for (const http::Request& request : transport.requests) {
            if (request.url.target == "/revoke")
                tokens.push_back(request.body.substr(0, request.body.find('&')));
        }
        return tokens;
    }
    bool tells_lifetime = true;
    bool hold_what_follows = false;
};

TEST_F(StoreFailureTest, ARotatedRefreshTokenThatIsNeverSavedIsPresentedNext) {
    const auto id = add_refreshing(refreshing());
    start();
    fail_next("save_token_outcome", 60);
    const auto unsaved = obtain(id);
    for (int second = 0; second < 60; ++second) advance(1s);
    ASSERT_TRUE(unsaved->has_value());
    EXPECT_FALSE(unsaved->value());
    EXPECT_EQ(stored_refresh_token(), "refresh-0");
    EXPECT_TRUE(obtain(id)->value());
    EXPECT_THAT(last_refresh_request(), HasSubstr("refresh_token=refresh-1"));
    EXPECT_EQ(stored_refresh_token(), "refresh-2");
}

TEST_F(StoreFailureTest, TheSameWhereAnEditHasOvertakenIt) {
    const auto id = add_refreshing(refreshing());
    start();
    transport.hold();
    const auto caller = ask(id, 5min);
    edit(id, [](auto& change) {
        change.record.scopes = {"other"};
        ++change.record.config_version;
        change.drop_token = true;
    });
    fail_next("replace_refresh_token", 60);
    transport.release();
    settle();
    for (int second = 0; second < 60; ++second) advance(1s);
    EXPECT_THAT(last_refresh_request(), HasSubstr("refresh_token=refresh-1"));
    EXPECT_EQ(caller->token(), "token-2");
    EXPECT_EQ(stored_refresh_token(), "refresh-2");
}

TEST_F(StoreFailureTest, ARefreshTokenIsDurableBeforeTheLifetimeIsAskedFor) {
    storage::ProviderRecord provider = refreshing();
    provider.settings["introspect_expiry"] = true;
    provider.settings["introspection_endpoint"] = "https://login.example/introspect";
    const auto id = add_refreshing(std::move(provider));
    tells_lifetime = false;
    hold_what_follows = true;
    start();
    obtain(id);
    ASSERT_THAT(transport.requests, SizeIs(2));
    EXPECT_EQ(transport.requests.back().url.target, "/introspect");
    EXPECT_EQ(stored_refresh_token(), "refresh-1");
    hold_what_follows = false;
    restart();  // as after a kill: nobody sees the answer
    transport.release();
    settle();
    EXPECT_TRUE(obtain(id)->value());
    EXPECT_THAT(last_refresh_request(), HasSubstr("refresh_token=refresh-1"));
}

TEST_F(StoreFailureTest, NoLifetimeIsAskedForWhileTheStoreIsFailing) {
    storage::ProviderRecord provider = refreshing();
    provider.settings["introspect_expiry"] = true;
    provider.settings["introspection_endpoint"] = "https://login.example/introspect";
    const auto id = add_refreshing(std::move(provider));
    tells_lifetime = false;
    start();
    fail_next("replace_refresh_token", 1);
    EXPECT_TRUE(obtain(id)->value());
    EXPECT_THAT(transport.requests, SizeIs(1));
    EXPECT_EQ(stored_refresh_token(), "refresh-1");
}

// What the server has taken is still known where something else fails in between.
TEST_F(StoreFailureTest, ARotationCutOffByACrashIsNamedAlsoAfterAFileWasMissing) {
    storage::ProviderRecord provider = refreshing();
    provider.settings["client_secret_path"] = directory.file("secret").string();
    const auto id = add_refreshing(std::move(provider));
    std::ofstream(directory.file("secret")) << "s3cret";
    start();
    transport.hold();
    obtain(id);
    std::filesystem::remove(directory.file("secret"));
    restart();
    transport.release();
    settle();
    EXPECT_EQ((*obtain(id))->error().code, "credential_unreadable");
    std::ofstream(directory.file("secret")) << "s3cret";
    next_answer = respond(400, R"({"error":"invalid_grant"})");
    obtain(id);
    EXPECT_THAT(store->provider("crm")->last_error->description, HasSubstr("rotation lost"));
}

TEST_F(StoreFailureTest, ALateTokenIsRevokedOnceTheStoreTakesIt) {
    const auto id = add_refreshing(refreshing());
    start();
    transport.hold();
    ask(id);
    revoke(id);
    fail_next("queue_revocation", 3);
    transport.release();
    settle();
    EXPECT_THAT(revoked_tokens(), ElementsAre("token=refresh-0"));
    for (int second = 0; second < 3; ++second) advance(1s);
    EXPECT_THAT(revoked_tokens(),
                ElementsAre("token=refresh-0", "token=refresh-1", "token=token-1"));
    EXPECT_TRUE(store->pending_revocations()->empty());
}

TEST_F(StoreFailureTest, ARevocationGoesOnWhereItsNextTryWasNotNoted) {
    const auto id = add_refreshing(refreshing());
    start();
    revoke_answer = respond(503);
    fail_next("finish_revocation", 1);
    EXPECT_FALSE(**revoke(id));
    revoke_answer = respond(200);
    advance(31s);
    EXPECT_THAT(revoked_tokens(), SizeIs(2));
    EXPECT_TRUE(store->pending_revocations()->empty());
}

TEST_F(StoreFailureTest, ARevocationGoesOnWhereTheStoreCouldNotBeRead) {
    const auto id = add_refreshing(refreshing());
    start();
    revoke_answer = respond(503);
    revoke(id);
    revoke_answer = respond(200);
    fail_next("pending_revocations", 1);
    advance(31s);
    EXPECT_THAT(revoked_tokens(), SizeIs(1));
    advance(31s);
    EXPECT_THAT(revoked_tokens(), SizeIs(2));
    EXPECT_TRUE(store->pending_revocations()->empty());
}

TEST_F(StoreFailureTest, ARevokeThatCannotReadWhatItQueuedIsMadeGoodLater) {
    const auto id = add_refreshing(refreshing());
    start();
    fail_next("pending_revocations", 1);
    EXPECT_FALSE(**revoke(id));
    EXPECT_THAT(revoked_tokens(), SizeIs(0));
    advance(31s);
    EXPECT_THAT(revoked_tokens(), Contains("token=refresh-0"));
    EXPECT_TRUE(store->pending_revocations()->empty());
}

}  // namespace
}  // namespace herald::providers::test
