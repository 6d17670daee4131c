// oauth.md 4.1: what servers do, and the token or error that comes of it; one row each.
#include <boost/json/parse.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/encoding.h"
#include "providers/kind.h"
#include "providers/provider_rules.h"
#include "providers/show_token.h"
#include "providers/token_request.h"
#include "providers/token_response.h"
#include "tests/providers/sample_provider.h"

namespace herald::providers {
namespace {

using namespace std::chrono_literals;
using storage::ProviderRecord;
using ::testing::HasSubstr;

const core::SystemTime kNow{std::chrono::milliseconds(1'800'000'000'000)};

ProviderRecord provider_with(std::string_view settings) {
    ProviderRecord provider = test::sample_provider();
    provider.settings = boost::json::parse(settings).as_object();
    return provider;
}

struct AnswerRow {
    const char* what;
    const char* settings;
    const char* body;
    const char* token;  ///< null: refused
    std::chrono::milliseconds lifetime;
};

TEST(QuirksTest, AnswersAreUnderstoodAsTheSettingsSay) {
    const std::vector<AnswerRow> rows = {
        {"nested token", R"({"access_token_pointer":"/data/token"})",
         R"({"data":{"token":"t"},"expires_in":60})", "t", 60s},
        {"other member", R"({"access_token_pointer":"/jwt"})", R"({"jwt":"t","expires_in":"60"})",
         "t", 60s},
        {"the whole body, a JSON string", R"({"access_token_pointer":""})", R"("t")", "t", 300s},
        {"the whole body, bare", R"({"access_token_pointer":""})", "raw.token", "raw.token", 300s},
        {"milliseconds", R"({"expiry_unit":"ms"})", R"({"access_token":"t","expires_in":60000})",
         "t", 60s},
        {"a moment under another name", R"({"expiry_pointer":"/valid_until"})",
         R"({"access_token":"t","valid_until":"2027-01-15T08:01:00Z"})", "t", 60s},
        {"a moment in epoch milliseconds", R"({"expiry_pointer":"/until"})",
         R"({"access_token":"t","until":1800000060000})", "t", 60s},
        {"a lifetime under another name", R"({"expiry_pointer":"/ttl"})",
         R"({"access_token":"t","ttl":60})", "t", 60s},
        {"days, hours, minutes", R"({"expiry_pointer":"/estimated","max_lifetime_s":31536000})",
         R"({"access_token":"t","estimated":"177:05:38"})", "t", ((177h * 24) + 5h + 38min)},
        {"expires_at goes first", R"({"expires_at_first":true})",
         R"({"access_token":"t","expires_in":10,"expires_at":1800000060})", "t", 60s},
        {"another token type", R"({"token_types":["N_A"]})",
         R"({"access_token":"t","token_type":"N_A","expires_in":60})", "t", 60s},
        {"an unknown token type", "{}", R"({"access_token":"t","token_type":"mac"})", nullptr, 0s},
        {"an error of its own", R"({"error_pointer":"/fault"})",
         R"({"access_token":"t","fault":{"code":7}})", nullptr, 0s},
        {"Slack's ok", "{}", R"({"ok":false,"error":"invalid_auth"})", nullptr, 0s},
        {"Zuora's success", "{}", R"({"success":false,"access_token":"t"})", nullptr, 0s},
        {"DPoP asked for, Bearer given", R"({"dpop":true})",
         R"({"access_token":"t","token_type":"Bearer"})", nullptr, 0s},
        {"DPoP asked for and given", R"({"dpop":true})",
         R"({"access_token":"t","token_type":"DPoP","expires_in":60})", "t", 60s},
    };
    for (const AnswerRow& row : rows) {
        SCOPED_TRACE(row.what);
        const ProviderRecord provider = provider_with(row.settings);
        const http::Response response{.status = 200, .headers = {}, .body = row.body};
        const auto token =
            parse_token_response(response, {}, provider, test::settings_of(provider), kNow);
        ASSERT_EQ(token.has_value(), row.token != nullptr);
        if (!token) continue;
        EXPECT_EQ(token->access_token.reveal(), row.token);
        EXPECT_EQ(token->lifetime, row.lifetime);
    }
}

struct RequestRow {
    const char* what;
    const char* settings;
    const char* method;
    const char* target;
    const char* content_type;
    const char* body;
};

TEST(QuirksTest, RequestsAreWrittenAsTheSettingsSay) {
    const std::vector<RequestRow> rows = {
        {"JSON", R"({"token_encoding":"json"})", "POST", "/oauth/token", "application/json",
         R"({"grant_type":"client_credentials","scope":"read write","client_id":"client-1",)"
         R"("client_secret":"s3cret"})"},
        {"GET", R"({"token_method":"GET"})", "GET",
         "/oauth/token?grant_type=client_credentials&scope=read+write&client_id=client-1"
         "&client_secret=s3cret",
         "(none)", ""},
        {"renamed fields", R"({"client_id_field":"appid","client_secret_field":"appsecret"})",
         "POST", "/oauth/token", "application/x-www-form-urlencoded",
         "grant_type=client_credentials&scope=read+write&appid=client-1&appsecret=s3cret"},
        {"no grant type", R"({"send_grant_type":false})", "POST", "/oauth/token",
         "application/x-www-form-urlencoded",
         "scope=read+write&client_id=client-1&client_secret=s3cret"},
        {"a charset", R"({"token_content_type":"application/x-www-form-urlencoded;charset=UTF-8"})",
         "POST", "/oauth/token", "application/x-www-form-urlencoded;charset=UTF-8",
         "grant_type=client_credentials&scope=read+write&client_id=client-1&client_secret=s3cret"},
    };
    for (const RequestRow& row : rows) {
        SCOPED_TRACE(row.what);
        const ProviderRecord provider = provider_with(row.settings);
        const ProviderSettings settings = test::settings_of(provider);
        const auto request =
            token_request({.provider = provider, .settings = settings, .now = kNow}, {});
        ASSERT_TRUE(request);
        EXPECT_EQ(request->method, row.method);
        EXPECT_EQ(request->url.target, row.target);
        EXPECT_EQ(request->headers.get("Content-Type").value_or("(none)"), row.content_type);
        EXPECT_EQ(request->body, row.body);
    }
}

TEST(QuirksTest, MoreHeadersGoToTheTokenEndpointAndAnotherUrlIsForRefreshing) {
    ProviderRecord provider = provider_with(
        R"({"token_headers":{"X-Api-Key":"k"},"refresh_endpoint":"https://login.example/refresh",
            "refresh_parameters":{"mode":"x"},"refresh_scope":true,"callout_headers":{"X-App":"1"}})");
    provider.grant_type = "refresh_token";
    const core::Secret refresh("r");
    const ProviderSettings settings = test::settings_of(provider);
    const auto request = token_request(
        {.provider = provider, .settings = settings, .now = kNow, .refresh_token = &refresh}, {});
    ASSERT_TRUE(request);
    EXPECT_EQ(request->url.target, "/refresh");
    EXPECT_EQ(request->headers.get("X-Api-Key"), "k");
    EXPECT_FALSE(request->headers.get("X-App")) << "callout headers stay with callouts (O-24)";
    EXPECT_THAT(request->body, HasSubstr("refresh_token=r&scope=read+write&mode=x&"));
}

struct RevocationRow {
    const char* what;
    const char* settings;
    const char* endpoint;
    const char* method;
    const char* target;
    const char* authorization;
    const char* body;
};

// O-137: Google, GitHub, Slack, and the standard.
TEST(QuirksTest, RevocationFollowsItsTemplate) {
    const std::vector<RevocationRow> rows = {
        {"without client authentication", R"({"revoke_auth":"none"})", "https://x.example/revoke",
         "POST", "/revoke", "(none)", "token=t%2B&token_type_hint=access_token"},
        {"DELETE with the token in the URL", R"({"revoke_method":"DELETE","revoke_auth":"basic"})",
         "https://x.example/tokens/{token}", "DELETE", "/tokens/t%2B", "Basic Y2xpZW50LTE6czNjcmV0",
         ""},
        {"as bearer", R"({"revoke_auth":"bearer"})", "https://x.example/auth.revoke", "POST",
         "/auth.revoke", "Bearer t+", ""},
        {"another parameter, JSON", R"({"revoke_parameter":"access","revoke_encoding":"json",
           "revoke_auth":"none"})",
         "https://x.example/r", "POST", "/r", "(none)", R"({"access":"t+"})"},
    };
    for (const RevocationRow& row : rows) {
        SCOPED_TRACE(row.what);
        ProviderRecord provider = provider_with(row.settings);
        provider.revocation_endpoint = row.endpoint;
        const ProviderSettings settings = test::settings_of(provider);
        const auto request =
            revocation_request({.provider = provider, .settings = settings, .now = kNow},
                               core::Secret("t+"), "access_token", {});
        ASSERT_TRUE(request);
        EXPECT_EQ(request->method, row.method);
        EXPECT_EQ(request->url.target, row.target);
        EXPECT_EQ(request->headers.get("Authorization").value_or("(none)"), row.authorization);
        EXPECT_EQ(request->body, row.body);
    }
}

AccessToken token_for(const ProviderRecord& provider, std::vector<std::string> entities = {}) {
    AccessToken token;
    auto use = std::make_shared<TokenUse>();
    use->placement = test::settings_of(provider).placement;
    token.value = core::Secret("t+/");
    token.authorization = core::Secret(use->placement.prefix + "t+/");
    token.use = std::move(use);
    token.entities = std::move(entities);
    return token;
}

http::Request callout() {
    http::Request request;
    request.url = http::Url::parse("https://api.example/hook?a=1", "url").value();
    return request;
}

// O-23, O-24.
TEST(QuirksTest, TokensAreShownWhereTheReceiverLooks) {
    const auto shown = [](std::string_view settings) {
        http::Request request = callout();
        EXPECT_TRUE(show_token(request, token_for(provider_with(settings)), {.now = kNow}));
        return request;
    };
    EXPECT_EQ(shown("{}").headers.get("Authorization"), "Bearer t+/");
    EXPECT_EQ(shown(R"({"token_header":"x-shopify-access-token","token_prefix":""})")
                  .headers.get("X-Shopify-Access-Token"),
              "t+/");
    EXPECT_EQ(shown(R"({"token_prefix":"Ghost "})").headers.get("Authorization"), "Ghost t+/");
    const http::Request query = shown(R"({"token_query":"authToken"})");
    EXPECT_EQ(query.url.target, "/hook?a=1&authToken=t%2B%2F");
    EXPECT_FALSE(query.headers.get("Authorization"));
    EXPECT_EQ(shown(R"({"callout_headers":{"x-api-key":"k"}})").headers.get("X-Api-Key"), "k");
}

// O-147.
TEST(QuirksTest, OfSeveralEntitiesTheCalloutNamesOne) {
    const std::string one = "11111111-2222-3333-4444-555555555555";
    const std::string other = "aaaaaaaa-2222-3333-4444-555555555555";
    const ProviderRecord hyphenated = provider_with(R"({"entity_header":"Zuora-Entity-Ids"})");
    const ProviderRecord legacy = provider_with(R"({"entity_header":"entityId"})");
    const auto show = [&](const ProviderRecord& provider, std::vector<std::string> entities,
                          std::optional<std::string_view> entity, http::Request& request) {
        return show_token(request, token_for(provider, std::move(entities)),
                          {.now = kNow, .entity = entity});
    };
    http::Request request = callout();
    EXPECT_TRUE(show(hyphenated, {one}, std::nullopt, request));
    EXPECT_FALSE(request.headers.get("Zuora-Entity-Ids")) << "one entity needs nothing";
    EXPECT_EQ(show(hyphenated, {one, other}, std::nullopt, request).error().code,
              "entity_required");
    EXPECT_EQ(show(hyphenated, {one}, other, request).error().code, "entity_unknown");
    EXPECT_TRUE(show(hyphenated, {one, other}, other, request));
    EXPECT_EQ(request.headers.get("Zuora-Entity-Ids"), other);
    EXPECT_TRUE(show(legacy, {one, other}, other, request));
    EXPECT_EQ(request.headers.get("entityId"), "aaaaaaaa222233334444555555555555");
}

TEST(QuirksTest, ARelativeUrlNeedsTheTokensBase) {
    AccessToken token = token_for(provider_with("{}"));
    http::Request request;
    request.url = http::Url::parse("https://relative.invalid/services/data", "url").value();
    EXPECT_EQ(show_token(request, token, {.now = kNow}).error().code, "base_url_missing");
    token.base = http::Url::parse("https://acme.my.salesforce.com:444/x/", "url").value();
    EXPECT_TRUE(show_token(request, token, {.now = kNow}));
    EXPECT_EQ(request.url.text(), "https://acme.my.salesforce.com:444/x/services/data");
}

// O-158.
TEST(QuirksTest, AClockThatIsOffIsSaid) {
    http::Headers headers;
    headers.add("Date", "Fri, 15 Jan 2027 07:50:00 GMT");
    const http::Response refused{
        .status = 400, .headers = headers, .body = R"({"error":"invalid_grant"})"};
    const auto error = answer_failure(refused, {}, "https://login.example/token", kNow);
    EXPECT_THAT(error.message,
                HasSubstr("600 s ahead of the server's Date, Fri, 15 Jan 2027 07:50:00 GMT"));
}

}  // namespace
}  // namespace herald::providers
