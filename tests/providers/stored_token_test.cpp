// Stored tokens whose use needs a file (docs/tokens.md).
#include <fstream>

#include "tests/providers/token_manager_fixture.h"

namespace herald::providers::test {
namespace {

using ::testing::Contains;
using ::testing::Not;
using ::testing::Pair;

class StoredTokenTest : public TokenManagerFixture {
protected:
    // Its callouts show a certificate, and trust the authority that a file holds.
    static storage::ProviderRecord with_key(const char* key) {
        storage::ProviderRecord provider = sample_provider();
        set_key(provider, key);
        return provider;
    }
    storage::ProviderRecord bound() {
        storage::ProviderRecord provider = with_key("old");
        provider.settings["certificate_bound"] = true;
        provider.settings["ca_file"] = ca;
        provider.test_endpoint = "https://api.example/me";
        return provider;
    }
    core::ProviderId add_with_stored_token() {
        storage::TokenRecord token;
        token.access_token = core::Secret("stored");
        token.generation = 5;
        token.obtained_at = clock.stored_now();
        token.expires_at = clock.stored_now() + 1h;
        return add(bound(), std::move(token));
    }
    static void set_key(storage::ProviderRecord& provider, const char* key) {
        provider.secret_callout_headers.clear();
        provider.secret_callout_headers.emplace_back("X-Key", core::Secret(key));
    }
    // Shapes no token.
    void change_key(core::ProviderId id) {
        edit(id, [](auto& change) { set_key(change.record, "new"); });
    }
    void mount() { std::ofstream(ca) << "authority"; }
    AccessTokenPtr published(core::ProviderId id) {
        return manager->reader(id).read(clock.steady_now());
    }
    static storage::Fields headers_of(const AccessTokenPtr& token) {
        return token ? token->use->placement.headers : storage::Fields();
    }
    static storage::Fields headers_of(const Caller& caller) {
        return caller.answer && *caller.answer ? headers_of(**caller.answer) : storage::Fields();
    }

    const std::string ca = directory.file("ca.pem").string();
};

TEST_F(StoredTokenTest, AMountThatComesLateWakesWhatIsParked) {
    const auto id = add_with_stored_token();
    start();
    EXPECT_EQ(ask(id)->error_class(), "credential");
    EXPECT_EQ(store->provider("crm")->condition, storage::ProviderCondition::kFailing);
    mount();
    recoveries = 0;
    advance(2s);
    EXPECT_EQ(recoveries, 1);
    ASSERT_NE(published(id), nullptr);
    EXPECT_EQ(published(id)->value.reveal(), "stored");
    EXPECT_EQ(store->provider("crm")->condition, storage::ProviderCondition::kOk);
    EXPECT_FALSE(store->provider("crm")->last_error);
    EXPECT_EQ(token_requests, 0);
}

TEST_F(StoredTokenTest, AFileThatIsReadTooLateForACalloutWakesIt) {
    const auto id = add_with_stored_token();
    mount();
    start();
    files_hang = true;
    const auto hasty = ask(id, 2s);
    advance(2s);
    EXPECT_EQ(hasty->error_class(), "timeout");
    unhang();
    EXPECT_EQ(recoveries, 1);
    EXPECT_EQ(token_requests, 0);
    EXPECT_EQ(manager->metrics(id).requests_failed, 0) << "nothing was asked";
}

TEST_F(StoredTokenTest, APersonsRequestThatFailsShowsTheStoredTokenAndWakesWhatIsParked) {
    const auto id = add_with_stored_token();
    start();
    ask(id);
    mount();
    recoveries = 0;
    next_answer = respond(503);
    const auto person = obtain(id);
    ASSERT_TRUE(person->has_value());
    EXPECT_FALSE(person->value());
    EXPECT_EQ(recoveries, 1);
    EXPECT_EQ(ask(id)->token(), "stored");
}

TEST_F(StoredTokenTest, ATestShowsItAndChangesNothing) {
    const auto id = add_with_stored_token();
    mount();
    start();
    const auto tested =
        by_hand<TokenTestResult>([&](auto done) { manager->test(id, std::move(done)); });
    EXPECT_EQ((*tested)->value().verdict, "accepted");
    EXPECT_EQ(transport.requests.back().headers.get("Authorization"), "Bearer stored");
    EXPECT_EQ(published(id), nullptr);
    EXPECT_EQ(ask(id)->token(), "stored");
}

TEST_F(StoredTokenTest, ATestIsOfOneConfiguration) {
    const auto id = add_with_stored_token();
    mount();
    start();
    files_hang = true;
    const auto tested =
        by_hand<TokenTestResult>([&](auto done) { manager->test(id, std::move(done)); });
    change_key(id);
    unhang();
    EXPECT_EQ((*tested)->value().verdict, "accepted");
    EXPECT_EQ(transport.requests.back().headers.get("X-Key"), "old") << "to the endpoint of then";
    EXPECT_THAT(headers_of(*ask(id)), Contains(Pair("X-Key", "new")));
}

TEST_F(StoredTokenTest, ARefusedTokenIsNotGivenBackAsTheRenewedOne) {
    const auto id = add_with_stored_token();
    mount();
    start();
    EXPECT_EQ(refuse(id, 5)->token(), "token-1");
    EXPECT_EQ(token_requests, 1);
}

TEST_F(StoredTokenTest, ARefusalThatComesWhileTheFileIsReadIsNotAnsweredWithTheRefusedToken) {
    const auto id = add_with_stored_token();
    mount();
    start();
    files_hang = true;
    const auto other = ask(id);
    const auto refused = refuse(id, 5);
    unhang();
    EXPECT_EQ(other->token(), "stored");
    EXPECT_EQ(refused->token(), "token-1");
}

TEST_F(StoredTokenTest, ItIsTheRenewedOneOfAnEarlierGeneration) {
    const auto id = add_with_stored_token();
    mount();
    start();
    EXPECT_EQ(refuse(id, 4)->token(), "stored");
    EXPECT_EQ(token_requests, 0);
}

// An edit of what shapes no token while something for it is under way.

TEST_F(StoredTokenTest, ATokenThatArrivesAfterAnEditIsShownAsEdited) {
    const auto id = add(with_key("old"));
    start();
    transport.hold();
    const auto caller = ask(id);
    change_key(id);
    transport.release();
    settle();
    EXPECT_EQ(caller->token(), "token-1");
    EXPECT_THAT(headers_of(*caller), Contains(Pair("X-Key", "new")));
    EXPECT_THAT(headers_of(published(id)), Contains(Pair("X-Key", "new")));
    EXPECT_EQ(token_requests, 1);
}

TEST_F(StoredTokenTest, ATokenThatArrivesAfterAnEditWaitsForItsFiles) {
    const auto id = add(bound());
    mount();
    start();
    transport.hold();
    const auto caller = ask(id);
    const auto person = obtain(id);
    change_key(id);
    files_hang = true;
    transport.release();
    settle();
    EXPECT_TRUE(person->has_value()) << "does not use it";
    EXPECT_TRUE(caller->waiting());
    EXPECT_EQ(published(id), nullptr);
    unhang();
    advance(1s);
    unhang();
    EXPECT_EQ(caller->token(), "token-1");
    EXPECT_THAT(headers_of(*caller), Contains(Pair("X-Key", "new")));
    EXPECT_EQ(token_requests, 1) << "and is not asked for again";
}

TEST_F(StoredTokenTest, AnEditWhileTheFileIsReadHasItReadAnew) {
    const auto id = add_with_stored_token();
    mount();
    start();
    files_hang = true;
    const auto caller = ask(id);
    change_key(id);
    unhang();
    advance(1s);
    EXPECT_EQ(caller->token(), "stored");
    EXPECT_THAT(headers_of(*caller), Contains(Pair("X-Key", "new")));
    EXPECT_THAT(headers_of(published(id)), Not(Contains(Pair("X-Key", "old"))));
    EXPECT_EQ(token_requests, 0);
}

}  // namespace
}  // namespace herald::providers::test
