#include <gmock/gmock.h>

#include "tests/api/api_fixture.h"

namespace herald::test {
namespace {

using ProviderHandlersTest = ApiFixture;

constexpr const char* kMembers =
    "id name kind enabled grant_type client_id client_secret further_secrets secret_in_use "
    "private_key certificate client_authentication token_endpoint revocation_endpoint "
    "test_endpoint endpoints issuer scopes parameters secret_parameters secret_token_headers "
    "secret_callout_headers audience resources settings state token "
    "refresh_token last_error unreadable_secrets warnings used_by token_requests created_at "
    "updated_at ";

TEST_F(ProviderHandlersTest, ShowsEveryMemberOfTheContractInOrder) {
    given_provider();
    const Answer shown = must("GET", "/v1/providers/crm");
    std::string members;
    for (const auto& member : shown.json.as_object()) members.append(member.key()).append(" ");
    EXPECT_EQ(members, kMembers);
    EXPECT_EQ(shown.text_at("kind"), "generic");
    EXPECT_EQ(shown.text_at("grant_type"), "client_credentials");
    EXPECT_EQ(shown.text_at("client_authentication"), "client_secret_post");
    EXPECT_EQ(shown.text_at("client_secret"), "set");
    EXPECT_EQ(shown.text_at("scopes"), R"(["read","write"])");
    EXPECT_EQ(shown.text_at("parameters"), "{}");
    EXPECT_EQ(shown.text_at("state"), "no_token");
    EXPECT_TRUE(shown.at("token").is_null());
    EXPECT_TRUE(shown.at("last_error").is_null());
    EXPECT_EQ(shown.text_at("created_at"), "2026-11-21T08:00:00.000Z");
}

TEST_F(ProviderHandlersTest, AddAnswers201AndTheNameIsTakenThen) {
    const std::string body = R"({"name":"crm","client_id":"a","client_secret":"s",)"
                             R"("token_endpoint":"https://a.example/t","scopes":"a b,c"})";
    const Answer added = call("POST", "/v1/providers", body);
    EXPECT_EQ(added.status, 201);
    EXPECT_EQ(added.text_at("scopes"), R"(["a","b","c"])");
    const Answer again = call("POST", "/v1/providers", body);
    EXPECT_EQ(again.status, 409);
    EXPECT_EQ(again.text_at("code"), "provider_exists");
    EXPECT_EQ(must("GET", "/v1/providers").json.as_array().size(), 1U);
}

TEST_F(ProviderHandlersTest, ParametersAreAnObjectUnlessANameRepeats) {
    given_provider();
    EXPECT_EQ(must("PATCH", "/v1/providers/crm", R"({"parameters":[["b","1"],["a","2"]]})")
                  .text_at("parameters"),
              R"({"b":"1","a":"2"})");
    EXPECT_EQ(must("PATCH", "/v1/providers/crm", R"({"parameters":[["a","1"],["a","2"]]})")
                  .text_at("parameters"),
              R"([["a","1"],["a","2"]])");
}

TEST_F(ProviderHandlersTest, SealedFieldsAreMergedByNameAndNeverShown) {
    given_provider();
    must("PATCH", "/v1/providers/crm",
         R"({"secret_parameters":{"a":"CANARY-1","b":"CANARY-2"},
             "secret_token_headers":{"X-T":"CANARY-3"},
             "secret_callout_headers":{"X-C":"CANARY-4"}})");
    const Answer edited =
        must("PATCH", "/v1/providers/crm", R"({"secret_parameters":{"a":null,"c":"CANARY-5"}})");
    EXPECT_EQ(edited.text_at("secret_parameters"), R"({"b":"set","c":"set"})");
    EXPECT_EQ(edited.text_at("secret_token_headers"), R"({"X-T":"set"})");
    const Answer refused =
        call("PATCH", "/v1/providers/crm", R"({"secret_parameters":{"b":"set"}})");
    EXPECT_EQ(refused.status, 422);
    const Answer explained = must("GET", "/v1/providers/crm/explain");
    EXPECT_EQ(explained.text_at("headers.X-T"), "********");
    EXPECT_THAT(explained.text, ::testing::HasSubstr(R"(["c","********"])"));
    const Answer exported = call("GET", "/v1/providers?export=true");
    EXPECT_THAT(exported.text, ::testing::HasSubstr(R"("secret_parameters/c")"));
    for (const Answer& answer : {edited, explained, exported, must("GET", "/v1/providers/crm")})
        EXPECT_THAT(answer.text, ::testing::Not(::testing::HasSubstr("CANARY")));
}

struct BadInput {
    const char* body;
    int status;
    const char* code;
    const char* field;  ///< null: none is named
};

TEST_F(ProviderHandlersTest, BadInputNamesTheFieldAndStoresNothing) {
    const std::vector<BadInput> rows = {
        {"", 400, "malformed_request", nullptr},
        {"[]", 400, "malformed_request", nullptr},
        {R"({"name":"a"} x)", 400, "malformed_request", nullptr},
        {R"({"name":"a","name":"b"})", 400, "malformed_request", nullptr},
        {"{\"name\":\"\xff\"}", 400, "malformed_request", nullptr},
        {R"({"name":"a","nonsense":1})", 422, "invalid_argument", "nonsense"},
        {R"({"name":"a","id":"prv_1"})", 422, "invalid_argument", "id"},
        {R"({"name":"a","state":"authorized"})", 422, "invalid_argument", "state"},
        {R"({"name":"a","token":null})", 422, "invalid_argument", "token"},
        {R"({"name":"a","client_id":5})", 422, "invalid_argument", "client_id"},
        {R"({"name":"a","client_id":null})", 422, "invalid_argument", "client_id"},
        {R"({"name":"a","client_secret":"set"})", 422, "invalid_argument", "client_secret"},
        {R"({"name":"a","client_secret":""})", 422, "invalid_argument", "client_secret"},
        {R"({"name":"a","client_secret":["x"]})", 422, "invalid_argument", "client_secret"},
        {R"({"name":"a","enabled":"yes"})", 422, "invalid_argument", "enabled"},
        {R"({"name":"a","scopes":5})", 422, "invalid_argument", "scopes"},
        {R"({"name":"a","scopes":[5]})", 422, "invalid_argument", "scopes"},
        {R"({"name":"a","parameters":{"a":1}})", 422, "invalid_argument", "parameters"},
        {R"({"name":"a","parameters":[["a"]]})", 422, "invalid_argument", "parameters"},
        {R"({"name":"a","resources":"x"})", 422, "invalid_argument", "resources"},
        {R"({"name":"a","settings":[]})", 422, "invalid_argument", "settings"},
        {R"({"name":"","client_id":"c","client_secret":"s",)"
         R"("token_endpoint":"https://a.example/t"})",
         422, "invalid_argument", "name"},
        {R"({"name":"a/b","client_id":"c","client_secret":"s",)"
         R"("token_endpoint":"https://a.example/t"})",
         422, "invalid_argument", "name"},
        {R"({"name":"a","client_id":"c","client_secret":"s"})", 422, "invalid_argument",
         "token_endpoint"},
        {R"({"name":"a","client_id":"c","client_secret":"s",)"
         R"("token_endpoint":"http://a.example/t"})",
         422, "invalid_argument", "token_endpoint"},
        {R"({"name":"a","client_id":"c","token_endpoint":"https://a.example/t"})", 422,
         "invalid_argument", "client_secret"},
    };
    for (const BadInput& row : rows) {
        const Answer answer = call("POST", "/v1/providers", row.body);
        EXPECT_EQ(answer.status, row.status) << row.body << " " << answer.text;
        EXPECT_EQ(answer.text_at("code"), row.code) << row.body;
        if (row.field != nullptr) {
            EXPECT_EQ(answer.text_at("details.field"), row.field) << row.body;
        }
    }
    EXPECT_TRUE(must("GET", "/v1/providers").json.as_array().empty());
}

TEST_F(ProviderHandlersTest, AnUnknownMemberListsTheKnownOnes) {
    const Answer answer = call("POST", "/v1/providers", R"({"token_url":"x"})");
    EXPECT_THAT(answer.text_at("details.rule"), testing::HasSubstr("token_endpoint"));
}

TEST_F(ProviderHandlersTest, EditKeepsWhatIsNotGiven) {
    given_provider();
    must("PATCH", "/v1/providers/crm",
         R"({"test_endpoint":null,"settings":{"keep_warm":true,"test_method":"HEAD"}})");
    const Answer edited =
        must("PATCH", "/v1/providers/crm", R"({"settings":{"test_method":null}})");
    EXPECT_EQ(edited.text_at("settings"), R"({"keep_warm":true})");
    EXPECT_TRUE(edited.at("test_endpoint").is_null());
    EXPECT_EQ(edited.text_at("client_secret"), "set");
    EXPECT_EQ(store_->provider("crm").value().client_secret->reveal(), kSecret);
    EXPECT_EQ(call("PATCH", "/v1/providers/crm", R"({"name":"other"})").text_at("details.field"),
              "name");
    EXPECT_EQ(call("PATCH", "/v1/providers/nobody", "{}").status, 404);
}

class WithToken : public ApiFixture {
protected:
    void SetUp() override {
        provider_ = [](const http::Request&) { return token_response(); };
        given_provider();
        must("POST", "/v1/providers/crm/token/obtain");
        version_ = store_->provider("crm").value().config_version;
    }
    std::int64_t version_ = 0;
};

TEST_F(WithToken, AChangeThatShapesAnotherTokenDropsTheTokenAndRaisesTheVersion) {
    EXPECT_EQ(must("GET", "/v1/providers/crm").text_at("state"), "authorized");
    const Answer edited = must("PATCH", "/v1/providers/crm", R"({"scopes":["read"]})");
    EXPECT_TRUE(edited.at("token").is_null());
    EXPECT_EQ(edited.text_at("state"), "no_token");
    EXPECT_GT(store_->provider("crm").value().config_version, version_);
}

TEST_F(WithToken, AChangeThatDoesNotKeepsTheToken) {
    const Answer edited =
        must("PATCH", "/v1/providers/crm", R"({"test_endpoint":"http://127.0.0.1:1/other"})");
    EXPECT_EQ(edited.text_at("state"), "authorized");
    EXPECT_EQ(store_->provider("crm").value().config_version, version_);
}

TEST_F(WithToken, ResetDropsTheTokenAndKeepsTheSecretThatIsNotGiven) {
    const Answer reset = must("POST", "/v1/providers/crm/reset");
    EXPECT_TRUE(reset.at("token").is_null());
    EXPECT_GT(store_->provider("crm").value().config_version, version_);
    EXPECT_EQ(store_->provider("crm").value().client_secret->reveal(), kSecret);
    must("POST", "/v1/providers/crm/reset", R"({"client_id":"other","client_secret":"new"})");
    EXPECT_EQ(store_->provider("crm").value().client_secret->reveal(), "new");
    EXPECT_EQ(
        call("POST", "/v1/providers/crm/reset", R"({"scopes":["x"]})").text_at("details.field"),
        "scopes");
}

TEST_F(WithToken, ResetKeepsTheRefreshTokenThatIsNotGiven) {
    must("POST", "/v1/providers",
         R"({"name":"user","grant_type":"refresh_token","client_id":"c","client_secret":"s",)"
         R"("refresh_token":"CANARY-refresh",)"
         R"("token_endpoint":"http://127.0.0.1:1/token"})");
    EXPECT_EQ(must("POST", "/v1/providers/user/reset", R"({"client_secret":"t"})")
                  .text_at("refresh_token"),
              "set");
    const auto id = store_->provider("user").value().id;
    EXPECT_EQ(store_->token(id).value()->refresh_token->reveal(), "CANARY-refresh");
}

TEST_F(WithToken, DisabledIsAStateAndKeepsTheToken) {
    EXPECT_EQ(must("POST", "/v1/providers/crm/disable").text_at("state"), "disabled");
    EXPECT_EQ(must("POST", "/v1/providers/crm/enable").text_at("state"), "authorized");
    EXPECT_EQ(call("POST", "/v1/providers/crm/enable", R"({"x":1})").status, 422);
}

TEST_F(WithToken, NoAnswerHoldsASecret) {
    given_notification("posted", "*", R"({"kind":"oauth2","provider":"crm"})");
    for (const char* path : {"/v1/providers", "/v1/providers/crm", "/v1/providers/crm/token",
                             "/v1/notifications", "/v1/stats", "/metrics"}) {
        EXPECT_EQ(must("GET", path).text.find("CANARY"), std::string::npos) << path;
    }
    EXPECT_EQ(must("POST", "/v1/providers/crm/token/refresh").text.find("CANARY"),
              std::string::npos);
    EXPECT_EQ(must("POST", "/v1/notifications/posted/preview").text.find("CANARY"),
              std::string::npos);
}

TEST_F(WithToken, AProviderInUseIsNotDeletedAndNotRevoked) {
    given_notification("posted", "*", R"({"kind":"oauth2","provider":"crm"})");
    EXPECT_EQ(must("GET", "/v1/providers/crm").text_at("used_by"), R"(["posted"])");
    const std::size_t requests = asked_.size();
    for (const char* path : {"/v1/providers/crm", "/v1/providers/crm?revoke=true"}) {
        const Answer refused = call("DELETE", path);
        EXPECT_EQ(refused.status, 409) << path;
        EXPECT_EQ(refused.text_at("code"), "provider_in_use") << path;
        EXPECT_EQ(refused.text_at("details.notifications"), R"(["posted"])") << path;
    }
    EXPECT_EQ(asked_.size(), requests);
    EXPECT_EQ(must("GET", "/v1/providers/crm").text_at("state"), "authorized");
}

TEST_F(WithToken, CalloutsOnTheWireBlockDeletionBeforeAnythingIsRevoked) {
    given_notification("posted", "*", R"({"kind":"oauth2","provider":"crm"})");
    given_callout();
    settle("posted", storage::CalloutState::kInFlight, "");
    must("PATCH", "/v1/notifications/posted", R"({"auth":{"kind":"none"}})");
    const Answer refused = call("DELETE", "/v1/providers/crm?revoke=true");
    EXPECT_EQ(refused.status, 409);
    EXPECT_EQ(refused.at("details.unfinished_callouts"), 1);
    EXPECT_EQ(must("GET", "/v1/providers/crm").text_at("state"), "authorized");
}

TEST_F(WithToken, DeleteWithRevokeRevokesFirst) {
    provider_ = [](const http::Request&) { return respond(200); };
    const Answer deleted = must("DELETE", "/v1/providers/crm?revoke=true");
    EXPECT_EQ(deleted.text, R"({"deleted":"crm"})");
    EXPECT_EQ(asked_.back().url.target, "/revoke");
    EXPECT_EQ(call("GET", "/v1/providers/crm").status, 404);
}

TEST_F(WithToken, WhereTheRevocationFailsNothingIsDeleted) {
    provider_ = [](const http::Request&) { return respond(503); };
    const Answer refused = call("DELETE", "/v1/providers/crm?revoke=true");
    EXPECT_EQ(refused.status, 502);
    EXPECT_EQ(refused.text_at("code"), "revocation_failed");
    EXPECT_EQ(call("GET", "/v1/providers/crm").status, 200);
    EXPECT_EQ(call("DELETE", "/v1/providers/crm?revoke=maybe").status, 422);
    EXPECT_EQ(call("DELETE", "/v1/providers/crm?force=true").status, 422);
}

TEST_F(ProviderHandlersTest, WithoutATokenDeleteWithRevokeJustDeletes) {
    given_provider();
    must("DELETE", "/v1/providers/crm?revoke=true");
    EXPECT_TRUE(asked_.empty());
    EXPECT_EQ(call("DELETE", "/v1/providers/crm").status, 404);
}

}  // namespace
}  // namespace herald::test
