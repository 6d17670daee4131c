// Every profile of builtin.cpp, by the endpoints and rules that a user meets.
#include <boost/json/parse.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "providers/explain.h"
#include "providers/grant.h"
#include "providers/host_limits.h"
#include "providers/kind.h"
#include "providers/provider_rules.h"
#include "tests/providers/sample_provider.h"

namespace herald::providers {
namespace {

using storage::ProviderRecord;
using ::testing::HasSubstr;
using ::testing::Not;

ProviderRecord of_kind(std::string_view name, std::string_view settings) {
    const Kind* kind = find_kind(name);
    ProviderRecord provider = test::sample_provider();
    provider.kind = name;
    provider.grant_type = kind->grant_type;
    provider.client_authentication = kind->client_authentication;
    provider.token_endpoint.clear();
    provider.settings = boost::json::parse(settings).as_object();
    if (name == "zuora") provider.client_id = "0f9c2d1e-6b1a-4f7e-9a53-2f1d7c0e8b46";
    if (name == "entra") provider.scopes = {"https://graph.microsoft.com/.default"};
    if (name == "auth0") provider.audience = "https://api.example";
    return provider;
}

struct KindRow {
    const char* kind;
    const char* settings;
    const char* token_endpoint;
};

TEST(KindsTest, EndpointsFollowTheSettings) {
    const std::vector<KindRow> rows = {
        {"zuora", R"({"data_center":"us1"})", "https://rest.na.zuora.com/oauth/token"},
        {"zuora", R"({"data_center":"us1","environment":"api-sandbox"})",
         "https://rest.sandbox.na.zuora.com/oauth/token"},
        {"zuora", R"({"data_center":"us1","environment":"central-sandbox"})",
         "https://rest.test.zuora.com/oauth/token"},
        {"zuora", R"({"data_center":"us2","environment":"production"})",
         "https://rest.zuora.com/oauth/token"},
        {"zuora", R"({"data_center":"us2","environment":"api-sandbox"})",
         "https://rest.apisandbox.zuora.com/oauth/token"},
        {"zuora", R"({"data_center":"us2","environment":"performance-test"})",
         "https://rest.pt1.zuora.com/oauth/token"},
        {"zuora", R"({"data_center":"eu","environment":"production"})",
         "https://rest.eu.zuora.com/oauth/token"},
        {"zuora", R"({"data_center":"eu","environment":"api-sandbox"})",
         "https://rest.sandbox.eu.zuora.com/oauth/token"},
        {"zuora", R"({"data_center":"eu","environment":"central-sandbox"})",
         "https://rest.test.eu.zuora.com/oauth/token"},
        {"zuora", R"({"data_center":"ap","environment":"production"})",
         "https://rest.ap.zuora.com/oauth/token"},
        {"zuora", R"({"data_center":"ap","environment":"central-sandbox"})",
         "https://rest.test.ap.zuora.com/oauth/token"},
        {"zuora", R"({"data_center":"us2","environment":"production-copy",
            "base_url":"https://rest.copy.example/"})",
         "https://rest.copy.example/oauth/token"},
        {"salesforce", R"({"org_id":"00D260000001G7lEAE","user_id":"00526000004wk0wAAA"})",
         "https://login.salesforce.com/services/oauth2/token"},
        {"salesforce",
         R"({"org_id":"00D260000001G7lEAE","user_id":"00526000004wk0wAAA","sandbox":true})",
         "https://test.salesforce.com/services/oauth2/token"},
        {"salesforce",
         R"({"org_id":"00D260000001G7lEAE","user_id":"00526000004wk0wAAA","sandbox":true,
             "my_domain":"acme--dev.sandbox.my.salesforce.com"})",
         "https://acme--dev.sandbox.my.salesforce.com/services/oauth2/token"},
        {"entra", R"({"tenant":"contoso.onmicrosoft.com"})",
         "https://login.microsoftonline.com/contoso.onmicrosoft.com/oauth2/v2.0/token"},
        {"google", "{}", "https://oauth2.googleapis.com/token"},
        {"okta", R"({"domain":"dev-1.okta.com"})",
         "https://dev-1.okta.com/oauth2/default/v1/token"},
        {"auth0", R"({"domain":"acme.eu.auth0.com"})", "https://acme.eu.auth0.com/oauth/token"},
        {"keycloak", R"({"base_url":"https://sso.example/","realm":"shop"})",
         "https://sso.example/realms/shop/protocol/openid-connect/token"},
        {"github-app", R"({"installation":"42"})",
         "https://api.github.com/app/installations/42/access_tokens"},
        {"servicenow", R"({"instance":"acme"})", "https://acme.service-now.com/oauth_token.do"},
        {"docusign", R"({"subject":"guid","sandbox":true})",
         "https://account-d.docusign.com/oauth/token"},
        {"netsuite", R"({"account":"123456_SB1","jwt_key_id":"k"})",
         "https://123456-sb1.suitetalk.api.netsuite.com/services/rest/auth/oauth2/v1/token"},
        {"paypal", R"({"sandbox":true})", "https://api-m.sandbox.paypal.com/v1/oauth2/token"},
    };
    for (const KindRow& row : rows) {
        SCOPED_TRACE(std::string(row.kind) + " " + row.settings);
        ProviderRecord provider = of_kind(row.kind, row.settings);
        if (find_kind(row.kind)->grant_type == "jwt_bearer" ||
            provider.client_authentication.find("jwt") != std::string::npos) {
            provider.private_key = core::Secret(test::sample_key());
            provider.settings["jwt_algorithm"] = "ES256";
        }
        EXPECT_EQ(test::settings_of(provider).endpoints.token, row.token_endpoint);
        const auto valid = validate(provider, false, test::loopback_allowed());
        EXPECT_TRUE(valid) << valid.error().message;
    }
}

TEST(KindsTest, EveryKindHasASummaryAndDefaultsThatAreKnown) {
    for (const Kind* kind : all_kinds()) {
        EXPECT_FALSE(kind->summary.empty()) << kind->name;
        EXPECT_NE(find_grant(kind->grant_type), nullptr) << kind->name;
        EXPECT_NE(find_client_authentication(kind->client_authentication), nullptr) << kind->name;
    }
}

struct RefusedRow {
    const char* kind;
    const char* settings;
    const char* says;
};

TEST(KindsTest, WhatIsMissingOrDoesNotExistIsNamed) {
    const std::vector<RefusedRow> rows = {
        {"zuora", R"({"data_center":"mars"})", "us1: production, api-sandbox, central-sandbox"},
        {"zuora", R"({"data_center":"ap","environment":"api-sandbox"})",
         "ap: production, central-sandbox"},
        {"zuora", "{}", "--data-center"},
        {"zuora", R"({"data_center":"us2","environment":"production-copy"})", "--base-url"},
        {"entra", "{}", "--tenant"},
        {"entra", R"({"tenant":"../x"})", "letters, digits"},
        {"keycloak", R"({"realm":"r"})", "--base-url"},
        {"okta", "{}", "--domain"},
        {"salesforce", R"({"org_id":"00D260000001G7lEAE"})", "--user-id"},
        {"salesforce",
         R"({"org_id":"00D260000001G7lEAE","user_id":"00526000004wk0wAAA","my_domain":"evil.example"})",
         "no My Domain host"},
        {"generic", R"({"tenant":"x"})", "is not a setting"},
    };
    for (const RefusedRow& row : rows) {
        SCOPED_TRACE(std::string(row.kind) + " " + row.settings);
        const auto valid =
            validate(of_kind(row.kind, row.settings), false, test::loopback_allowed());
        ASSERT_FALSE(valid);
        EXPECT_THAT(valid.error().message, HasSubstr(row.says));
    }
}

// O-93.
TEST(KindsTest, ReceiversSayInTheirOwnWayThatTheTokenIsNotValid) {
    const auto zuora = find_kind("zuora")->refuses_token;
    const auto answer = [](int status, std::string body) {
        return http::Response{.status = status, .headers = {}, .body = std::move(body)};
    };
    EXPECT_TRUE(zuora(answer(200, R"({"success":false,"reasons":[{"code":90000011}]})")));
    EXPECT_FALSE(zuora(answer(200, R"({"success":false,"reasons":[{"code":50000040}]})")));
    EXPECT_FALSE(zuora(answer(200, R"({"success":true,"reasons":[{"code":90000011}]})")));
    EXPECT_FALSE(zuora(answer(200, "\"success\" is no JSON")));
    const auto salesforce = find_kind("salesforce")->refuses_token;
    EXPECT_TRUE(salesforce(answer(403, "Bad_OAuth_Token")));
    EXPECT_TRUE(salesforce(answer(400, R"({"exceptionCode":"InvalidSessionId"})")));
    EXPECT_FALSE(salesforce(answer(403, R"([{"errorCode":"REQUEST_LIMIT_EXCEEDED"}])")));
    EXPECT_FALSE(salesforce(answer(400, R"([{"errorCode":"MALFORMED_QUERY"}])")));
}

// O-144.
TEST(KindsTest, ASalesforceTokenOfSomebodyElseIsRefused) {
    const boost::json::object settings{{"org_id", "00D260000001G7lEAE"},
                                       {"user_id", "00526000004wk0wAAA"}};
    const auto check = find_kind("salesforce")->check_token;
    const auto token = [](const char* id) { return boost::json::object{{"id", id}}; };
    EXPECT_TRUE(check(settings, token("https://login.salesforce.com/id/00D260000001G7lEAE/"
                                      "00526000004wk0wAAA")));
    EXPECT_TRUE(check(settings, token("https://login.salesforce.com/id/00D260000001G7l/"
                                      "00526000004wk0w")));
    const auto other = check(settings, token("https://login.salesforce.com/id/00D000000000001EAA/"
                                             "00526000004wk0wAAA"));
    ASSERT_FALSE(other);
    EXPECT_THAT(other.error().message, HasSubstr("00D260000001G7lEAE"));
}

TEST(KindsTest, SwitchingASalesforceEnvironmentAsksForItsIds) {
    const ProviderRecord before =
        of_kind("salesforce", R"({"org_id":"00D260000001G7lEAE","user_id":"00526000004wk0wAAA"})");
    ProviderRecord after = before.clone();
    after.settings["sandbox"] = true;
    EXPECT_THAT(check_change(before, after).error().message, HasSubstr("--org-id and --user-id"));
    after.settings["org_id"] = "00D000000000001EAA";
    after.settings["user_id"] = "005000000000001AAA";
    EXPECT_TRUE(check_change(before, after));
    EXPECT_TRUE(shapes_another_token(before, after));
}

TEST(KindsTest, ExplainShowsTheRequestAndNoSecret) {
    ProviderRecord provider = test::sample_provider();
    provider.client_authentication = "private_key_jwt";
    provider.private_key = core::Secret(test::sample_key());
    const auto explained =
        explain_token_request(provider, test::settings_of(provider), false,
                              core::SystemTime(std::chrono::seconds(1'800'000'000)));
    ASSERT_TRUE(explained) << explained.error().message;
    const boost::json::object& claims =
        explained->at("assertion").as_object().at("claims").as_object();
    EXPECT_EQ(claims.at("iss"), "client-1");
    EXPECT_EQ(claims.at("iat"), 1'799'999'990) << "ten seconds back (O-32)";
    EXPECT_THAT(std::string(explained->at("body").as_string()),
                HasSubstr("client_assertion=********"));
    provider.client_authentication = "client_secret_basic";
    const auto basic =
        explain_token_request(provider, test::settings_of(provider), false, core::SystemTime{});
    EXPECT_EQ(basic->at("headers").as_object().at("Authorization"), "Basic ********");
    EXPECT_THAT(boost::json::serialize(*basic), Not(HasSubstr("s3cret")));
}

// O-50, O-149.
TEST(HostLimitsTest, CountsAMinuteAndPausesForAll) {
    using namespace std::chrono_literals;
    HostLimits limits;
    const core::SteadyTime start{};
    EXPECT_LE(limits.allowed_at("h", 2, start), start);
    limits.note_request("h", start);
    limits.note_request("h", start + 10s);
    EXPECT_EQ(limits.allowed_at("h", 2, start + 20s), start + 60s);
    EXPECT_LE(limits.allowed_at("h", 3, start + 20s), start + 20s);
    EXPECT_LE(limits.allowed_at("other", 2, start + 20s), start + 20s);
    EXPECT_LE(limits.allowed_at("h", 2, start + 61s), start + 61s);
    limits.pause("h", start + 600s);
    EXPECT_EQ(limits.allowed_at("h", 100, start + 61s), start + 600s);
}

}  // namespace
}  // namespace herald::providers
