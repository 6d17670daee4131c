#include "providers/provider_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "core/json.h"
#include "tests/providers/sample_provider.h"

namespace herald::providers {
namespace {

using storage::ProviderRecord;
using test::sample_provider;

// Wherever a setting names a header.
TEST(ProviderRulesTest, NoSettingNamesAHeaderOfOursOrOfTheConnection) {
    for (const char* name : {"Host", "Content-Length", "webhook-id", "webhook-timestamp",
                             "Herald-Attempt", "Accept-Encoding", "Content-Type", "a b"}) {
        for (const char* setting : {"token_header", "track_header", "entity_header"}) {
            ProviderRecord record = sample_provider();
            record.settings[setting] = name;
            EXPECT_FALSE(validate(record, false, {})) << setting << " " << name;
        }
        for (const char* setting : {"token_headers", "callout_headers"}) {
            ProviderRecord record = sample_provider();
            record.settings[setting] = {{name, "x"}};
            EXPECT_FALSE(validate(record, false, {})) << setting << " " << name;
        }
    }
}

TEST(ScopesTest, SpacesAndCommasSeparateCaseAndOrderStay) {
    EXPECT_THAT(parse_scopes(" read, ,write  Read,,read ").value(),
                ::testing::ElementsAre("read", "write", "Read"));
    EXPECT_THAT(parse_scopes("").value(), ::testing::IsEmpty());
}

TEST(ScopesTest, NamesTheTokenThatBreaksTheRule) {
    for (const std::string_view bad : {"a\"b", "a\\b", "a\tb", "caf\xC3\xA9"}) {
        const auto scopes = parse_scopes("ok " + std::string(bad));
        ASSERT_FALSE(scopes) << bad;
        EXPECT_EQ(core::string_member(scopes.error().details, "field"), "scope");
    }
}

struct RuleRow {
    const char* what;
    std::function<void(ProviderRecord&)> change;
    const char* field;
    const char* remedy;
};

void expect_each(const std::vector<RuleRow>& rows) {
    for (const RuleRow& row : rows) {
        ProviderRecord provider = sample_provider();
        row.change(provider);
        const auto verdict = validate(provider, false, test::loopback_allowed());
        ASSERT_FALSE(verdict) << row.what;
        EXPECT_EQ(verdict.error().code, "invalid_argument") << row.what;
        EXPECT_EQ(core::string_member(verdict.error().details, "field"), row.field) << row.what;
        EXPECT_THAT(verdict.error().message, ::testing::HasSubstr(row.remedy)) << row.what;
        EXPECT_THAT(verdict.error().message, ::testing::Not(::testing::HasSubstr("s3cret")))
            << row.what;
    }
}

TEST(ProviderRulesTest, EachBrokenRuleNamesFieldAndRemedy) {
    const std::vector<RuleRow> rows = {
        {"space in name", [](auto& p) { p.name = "a b"; }, "name", "A-Z"},
        {"long name", [](auto& p) { p.name = std::string(65, 'a'); }, "name", "64"},
        {"unknown kind", [](auto& p) { p.kind = "zuuora"; }, "kind", "generic"},
        {"unknown grant", [](auto& p) { p.grant_type = "password"; }, "grant_type",
         "client_credentials"},
        {"unknown client authentication", [](auto& p) { p.client_authentication = "magic"; },
         "client_authentication", "client_secret_basic"},
        {"no token endpoint", [](auto& p) { p.token_endpoint = ""; }, "token_endpoint",
         "--token-url"},
        {"plain http", [](auto& p) { p.token_endpoint = "http://login.example/t"; },
         "token_endpoint", "https"},
        {"fragment", [](auto& p) { p.token_endpoint = "https://a.example/t#x"; }, "token_endpoint",
         "fragment"},
        {"user information", [](auto& p) { p.token_endpoint = "https://u:p@a.example/t"; },
         "token_endpoint", "user"},
        {"metadata address", [](auto& p) { p.token_endpoint = "https://169.254.169.254/t"; },
         "token_endpoint", "HERALD_EGRESS_ALLOW"},
        {"private revocation", [](auto& p) { p.revocation_endpoint = "https://10.0.0.1/r"; },
         "revocation_endpoint", "HERALD_EGRESS_ALLOW"},
        {"plain test endpoint", [](auto& p) { p.test_endpoint = "http://a.example/"; },
         "test_endpoint", "https"},
        {"no client id", [](auto& p) { p.client_id = ""; }, "client_id", "--client-id"},
        {"no secret", [](auto& p) { p.client_secret.reset(); }, "client_secret",
         "--client-secret-file"},
        {"secret too long",
         [](auto& p) { p.client_secret = core::Secret(std::string(65537, 'x')); }, "client_secret",
         "65536"},
        {"no refresh token", [](auto& p) { p.grant_type = "refresh_token"; }, "refresh_token",
         "--refresh-token-file"},
        {"reserved parameter", [](auto& p) { p.parameters = {{"client_id", "x"}}; }, "parameters",
         "option"},
        {"relative resource", [](auto& p) { p.resources = {"api"}; }, "resource", "absolute"},
        {"resource fragment", [](auto& p) { p.resources = {"urn:a#b"}; }, "resource", "fragment"},
        {"unknown setting", [](auto& p) { p.settings["refresh_lead"] = 3; },
         "settings.refresh_lead", "known are"},
        {"setting out of range", [](auto& p) { p.settings["max_lifetime_s"] = 0; },
         "settings.max_lifetime_s", "from 1 to"},
        {"setting of another type", [](auto& p) { p.settings["raw_basic"] = "yes"; },
         "settings.raw_basic", "true or false"},
    };
    expect_each(rows);
}

TEST(ProviderRulesTest, HeadersSealedFieldsAndAttributesHaveTheirRules) {
    const std::vector<RuleRow> rows = {
        {"a header that carries the token is not ours",
         [](auto& p) { p.settings["token_header"] = "Host"; }, "settings.token_header",
         "the connection"},
        {"a callout's id stays its own",
         [](auto& p) { p.settings["callout_headers"] = {{"webhook-id", "fixed"}}; },
         "settings.callout_headers", "herald itself"},
        {"Authorization beside the token",
         [](auto& p) { p.settings["callout_headers"] = {{"authorization", "x"}}; },
         "settings.callout_headers", "one of the two"},
        {"a token header that is also one of the callout's",
         [](auto& p) {
             p.settings["token_header"] = "X-Token";
             p.settings["callout_headers"] = {{"x-token", "y"}};
         },
         "settings.callout_headers", "name of its own"},
        {"Authorization beside Basic",
         [](auto& p) {
             p.client_authentication = "client_secret_basic";
             p.settings["token_headers"] = {{"Authorization", "x"}};
         },
         "settings.token_headers", "one of the two"},
        {"a sealed header of ours",
         [](auto& p) { p.secret_callout_headers.emplace_back("Herald-X", core::Secret("s3cret")); },
         "secret_callout_headers", "herald itself"},
        {"a sealed header with a line break",
         [](auto& p) { p.secret_token_headers.emplace_back("X-A", core::Secret("s3cret\nb")); },
         "secret_token_headers", "visible"},
        {"a sealed parameter that is there in the clear",
         [](auto& p) {
             p.parameters = {{"a", "b"}};
             p.secret_parameters.emplace_back("a", core::Secret("s3cret"));
         },
         "secret_parameters", "in the clear"},
        {"a sealed parameter of the request",
         [](auto& p) { p.secret_parameters.emplace_back("code", core::Secret("s3cret")); },
         "secret_parameters", "option"},
        {"an attribute that would be a credential",
         [](auto& p) { p.settings["kept_attributes"] = {"id_token"}; }, "settings.kept_attributes",
         "credential"},
    };
    expect_each(rows);
}

TEST(ProviderRulesTest, AcceptsWhatIsRight) {
    EXPECT_TRUE(validate(sample_provider(), false, {}));
    ProviderRecord local = sample_provider();
    local.token_endpoint = "http://127.0.0.1:8080/token";
    EXPECT_TRUE(validate(local, false, test::loopback_allowed()));
    EXPECT_FALSE(validate(local, false, {})) << "loopback must be allowed first";
    ProviderRecord long_secret = sample_provider();
    long_secret.client_secret = core::Secret(std::string(16'000, '%') + ": + & = \" \xC3\xA9");
    EXPECT_TRUE(validate(long_secret, false, {}));
    ProviderRecord refresh = sample_provider();
    refresh.grant_type = "refresh_token";
    EXPECT_TRUE(validate(refresh, true, {}));
}

TEST(ProviderRulesTest, OnlyWhatShapesATokenDropsIt) {
    const ProviderRecord before = sample_provider();
    const auto changed = [&](auto change) {
        ProviderRecord after = sample_provider();
        change(after);
        return shapes_another_token(before, after);
    };
    EXPECT_FALSE(changed([](auto&) {}));
    EXPECT_FALSE(changed([](auto& p) { p.revocation_endpoint = "https://a.example/r"; }));
    EXPECT_FALSE(changed([](auto& p) { p.settings["refresh_lead_s"] = 5; }));
    EXPECT_TRUE(changed([](auto& p) { p.token_endpoint += "x"; }));
    EXPECT_TRUE(changed([](auto& p) { p.client_id += "x"; }));
    EXPECT_TRUE(changed([](auto& p) { p.client_secret = core::Secret("other"); }));
    EXPECT_TRUE(changed([](auto& p) { p.scopes = {"read"}; }));
    EXPECT_TRUE(changed([](auto& p) { p.audience = "a"; }));
    EXPECT_TRUE(changed([](auto& p) { p.resources = {"urn:a"}; }));
    EXPECT_TRUE(changed([](auto& p) { p.client_authentication = "client_secret_basic"; }));
    EXPECT_TRUE(changed([](auto& p) { p.settings["raw_scope"] = "x"; }));
}

TEST(ProviderStateTest, FollowsConditionTokenAndClock) {
    using storage::ProviderCondition;
    const core::StoredTime now{std::chrono::hours(500'000)};
    storage::TokenRecord token;
    token.access_token = core::Secret("t");
    token.expires_at = now + std::chrono::seconds(1);
    ProviderRecord provider = sample_provider();
    EXPECT_EQ(provider_state(provider, nullptr, now), "no_token");
    EXPECT_EQ(provider_state(provider, &token, now), "authorized");
    EXPECT_EQ(provider_state(provider, &token, token.expires_at), "no_token");
    provider.condition = ProviderCondition::kFailing;
    EXPECT_EQ(provider_state(provider, &token, now), "authorized") << "a usable token stays usable";
    EXPECT_EQ(provider_state(provider, nullptr, now), "failing");
    provider.condition = ProviderCondition::kRejected;
    EXPECT_EQ(provider_state(provider, nullptr, now), "rejected");
    provider.condition = ProviderCondition::kNeedsSetup;
    EXPECT_EQ(provider_state(provider, nullptr, now), "needs_setup");
    provider.condition = ProviderCondition::kRevoked;
    EXPECT_EQ(provider_state(provider, &token, now), "revoked");
    provider.enabled = false;
    EXPECT_EQ(provider_state(provider, &token, now), "disabled");
}

}  // namespace
}  // namespace herald::providers
