#include "providers/token_request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/encoding.h"
#include "tests/providers/sample_provider.h"

namespace herald::providers {
namespace {

using storage::ProviderRecord;
using test::sample_provider;

http::Request request_of(const ProviderRecord& provider,
                         const core::Secret* refresh_token = nullptr) {
    const ProviderSettings settings = test::settings_of(provider);
    return token_request({.provider = provider,
                          .settings = settings,
                          .now = {},
                          .refresh_token = refresh_token},
                         {})
        .value();
}

ProviderRecord with_setting(std::string_view key, boost::json::value value) {
    ProviderRecord provider = sample_provider();
    provider.settings[key] = std::move(value);
    return provider;
}

std::string header(const http::Request& request, std::string_view name) {
    return std::string(request.headers.get(name).value_or("(none)"));
}

TEST(TokenRequestTest, ClientCredentialsInTheBody) {
    const http::Request request = request_of(sample_provider());
    EXPECT_EQ(request.method, "POST");
    EXPECT_EQ(request.url.text(), "https://login.example/oauth/token");
    EXPECT_EQ(
        request.body,
        "grant_type=client_credentials&scope=read+write&client_id=client-1&client_secret=s3cret");
    EXPECT_EQ(header(request, "Content-Type"), "application/x-www-form-urlencoded");
    EXPECT_EQ(header(request, "Accept"), "application/json");
    EXPECT_EQ(header(request, "Authorization"), "(none)");
    EXPECT_TRUE(request.carries_credentials);
}

// O-26, with the values of RFC 6749 section 2.3.1 at their worst.
TEST(TokenRequestTest, BasicFormEncodesIdAndSecretFirst) {
    ProviderRecord provider = sample_provider();
    provider.client_authentication = "client_secret_basic";
    provider.client_id = "an:identifier";
    provider.client_secret = core::Secret("some secure & non-standard secret+/=%");
    const http::Request request = request_of(provider);
    EXPECT_EQ(
        header(request, "Authorization"),
        "Basic " + core::base64_encode(
                       "an%3Aidentifier:some%20secure%20%26%20non-standard%20secret%2B%2F%3D%25"))
        << "a space as %20, which servers read that decode no form";
    EXPECT_EQ(request.body.find("client_"), request.body.find("client_credentials"))
        << "one method per request";
}

TEST(TokenRequestTest, RawBasicForServersThatDoNotDecode) {
    ProviderRecord provider = sample_provider();
    provider.client_authentication = "client_secret_basic";
    provider.client_secret = core::Secret("a+b");
    provider.settings["raw_basic"] = true;
    EXPECT_EQ(header(request_of(provider), "Authorization"),
              "Basic " + core::base64_encode("client-1:a+b"));
}

TEST(TokenRequestTest, APublicClientSendsItsIdAlone) {
    ProviderRecord provider = sample_provider();
    provider.client_authentication = "none";
    EXPECT_EQ(request_of(provider).body,
              "grant_type=client_credentials&scope=read+write&client_id=client-1");
}

TEST(TokenRequestTest, AnEmptyScopeIsLeftOut) {
    ProviderRecord provider = sample_provider();
    provider.scopes.clear();
    EXPECT_THAT(request_of(provider).body, ::testing::Not(::testing::HasSubstr("scope")));
}

TEST(TokenRequestTest, ScopeSeparatorsAreEncodedExactlyOnce) {
    EXPECT_THAT(request_of(with_setting("scope_separator", ",")).body,
                ::testing::HasSubstr("&scope=read%2Cwrite&"));
    EXPECT_THAT(request_of(with_setting("scope_separator", "+")).body,
                ::testing::HasSubstr("&scope=read%2Bwrite&"));
    EXPECT_THAT(request_of(with_setting("raw_scope", "https://x/a,b c")).body,
                ::testing::HasSubstr("&scope=https%3A%2F%2Fx%2Fa%2Cb+c&"));
}

TEST(TokenRequestTest, AudienceResourcesAndParametersKeepTheirOrder) {
    ProviderRecord provider = sample_provider();
    provider.audience = "https://api.example";
    provider.resources = {"urn:a", "urn:b"};
    provider.parameters = {{"account_id", "7"}, {"empty", ""}, {"account_id", "8"}};
    EXPECT_THAT(
        request_of(provider).body,
        ::testing::HasSubstr("&audience=https%3A%2F%2Fapi.example&resource=urn%3Aa&resource=urn%3Ab"
                             "&account_id=7&account_id=8&client_id="));
}

TEST(TokenRequestTest, TheGrantTypeParameterReplacesOurs) {
    ProviderRecord provider = sample_provider();
    provider.parameters = {{"grant_type", "account_credentials"}};
    EXPECT_THAT(request_of(provider).body,
                ::testing::StartsWith("grant_type=account_credentials&scope="));
}

TEST(TokenRequestTest, TheEndpointKeepsItsQuery) {
    ProviderRecord provider = sample_provider();
    provider.token_endpoint = "https://login.example/token?tenant=a%20b";
    EXPECT_EQ(request_of(provider).url.target, "/token?tenant=a%20b");
}

TEST(TokenRequestTest, RefreshSendsTheTokenAndNoScope) {
    ProviderRecord provider = sample_provider();
    provider.grant_type = "refresh_token";
    const core::Secret refresh("r/1");
    EXPECT_EQ(
        request_of(provider, &refresh).body,
        "grant_type=refresh_token&refresh_token=r%2F1&client_id=client-1&client_secret=s3cret");
}

TEST(TokenRequestTest, RefreshWithoutATokenNamesTheRemedy) {
    ProviderRecord provider = sample_provider();
    provider.grant_type = "refresh_token";
    const ProviderSettings settings = test::settings_of(provider);
    const auto request = token_request({.provider = provider, .settings = settings, .now = {}}, {});
    ASSERT_FALSE(request);
    EXPECT_EQ(request.error().code, "no_token");
    EXPECT_THAT(request.error().message, ::testing::HasSubstr("--refresh-token-file"));
}

TEST(RevocationRequestTest, NamesTheTokenAndItsKind) {
    ProviderRecord provider = sample_provider();
    provider.revocation_endpoint = "https://login.example/revoke";
    const ProviderSettings settings = test::settings_of(provider);
    const auto request = revocation_request({.provider = provider, .settings = settings, .now = {}},
                                            core::Secret("00Dxx!AQ.x"), "access_token", {});
    ASSERT_TRUE(request);
    EXPECT_EQ(
        request->body,
        "token=00Dxx%21AQ.x&token_type_hint=access_token&client_id=client-1&client_secret=s3cret");
}

}  // namespace
}  // namespace herald::providers
