// What every listed grant and client authentication must keep (docs/adding-a-provider.md).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/encoding.h"
#include "providers/grant.h"
#include "providers/provider_rules.h"
#include "providers/token_request.h"
#include "tests/providers/sample_provider.h"

namespace herald::providers {
namespace {

constexpr std::string_view kHardId = "an:identifier+ %&=\xC3\xA9";
constexpr std::string_view kHardSecret = "some secure & non-standard secret+/=%:\"\\";

std::optional<storage::Fields> read_form(std::string_view body) {
    storage::Fields fields;
    while (!body.empty()) {
        const std::string_view field = body.substr(0, body.find('&'));
        body.remove_prefix(std::min(body.size(), field.size() + 1));
        const auto equals = field.find('=');
        if (equals == std::string_view::npos) return std::nullopt;
        const auto name = core::form_decode(field.substr(0, equals));
        const auto value = core::form_decode(field.substr(equals + 1));
        if (!name || !value) return std::nullopt;
        fields.emplace_back(*name, *value);
    }
    return fields;
}

std::size_t count(const storage::Fields& fields, std::string_view name) {
    return static_cast<std::size_t>(std::count_if(
        fields.begin(), fields.end(), [&](const auto& field) { return field.first == name; }));
}

using Combination = std::tuple<std::string_view, std::string_view>;

class ProviderConformance : public ::testing::TestWithParam<Combination> {
protected:
    http::Request request() {
        storage::ProviderRecord provider = test::sample_provider();
        provider.grant_type = std::get<0>(GetParam());
        provider.client_authentication = std::get<1>(GetParam());
        provider.client_id = kHardId;
        provider.client_secret = core::Secret(kHardSecret);
        provider.token_endpoint = "https://login.example/token?tenant=1";
        provider.private_key = core::Secret(test::sample_key());
        const core::Secret refresh_token(kHardSecret);
        const ProviderSettings settings = test::settings_of(provider);
        return token_request({.provider = provider,
                              .settings = settings,
                              .now = core::SystemTime(std::chrono::hours(500'000)),
                              .refresh_token = &refresh_token},
                             {})
            .value();
    }
};

TEST_P(ProviderConformance, WritesAFormThatAStrictParserReadsBack) {
    const auto fields = read_form(request().body);
    ASSERT_TRUE(fields);
    EXPECT_EQ(count(*fields, "grant_type"), 1U);
    for (const auto& [name, value] : *fields) {
        EXPECT_FALSE(value.empty()) << name;
        if (name != "resource") {
            EXPECT_EQ(count(*fields, name), 1U) << name;
        }
    }
}

TEST_P(ProviderConformance, ShowsTheClientInExactlyOnePlace) {
    const http::Request sent = request();
    const auto fields = read_form(sent.body);
    const bool in_header = sent.headers.get("Authorization").has_value();
    EXPECT_EQ(count(*fields, "client_id"), in_header ? 0U : 1U);
    EXPECT_LE(count(*fields, "client_secret") + (in_header ? 1U : 0U), 1U);
    for (const auto& [name, value] : *fields) {
        if (name == "client_id") {
            EXPECT_EQ(value, kHardId);
        }
        if (name == "client_secret") {
            EXPECT_EQ(value, kHardSecret);
        }
    }
}

TEST_P(ProviderConformance, PutsNothingIntoTheUrlAndOnlyCleanHeaders) {
    const http::Request sent = request();
    EXPECT_EQ(sent.url.target, "/token?tenant=1");
    EXPECT_EQ(sent.method, "POST");
    EXPECT_TRUE(sent.carries_credentials);
    for (const auto& [name, value] : sent.headers)
        EXPECT_TRUE(http::validate_header(name, value, name)) << name;
}

INSTANTIATE_TEST_SUITE_P(
    Builtin, ProviderConformance,
    ::testing::Combine(::testing::ValuesIn(known_grant_types().begin(), known_grant_types().end()),
                       ::testing::ValuesIn(known_client_authentications().begin(),
                                           known_client_authentications().end())),
    [](const auto& combination) {
        return std::string(std::get<0>(combination.param)) + "_" +
               std::string(std::get<1>(combination.param));
    });

}  // namespace
}  // namespace herald::providers
