#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <fstream>

#include "tests/cli/program_fixture.h"

// What each command asks of the API, and what it makes of the answer.
namespace herald::test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

struct Row {
    std::vector<std::string> arguments;
    std::string method;
    std::string path;
    std::map<std::string, std::string> query;
    std::string body;  ///< JSON, compared as such; empty: none
    std::string err = {};
};

class RequestTest : public testing::TestWithParam<Row> {};

TEST_P(RequestTest, IsSentAsTheContractSays) {
    ProgramFixture program;
    const auto result = program.run(GetParam().arguments);
    EXPECT_EQ(result.err, GetParam().err);
    ASSERT_EQ(program.requests().size(), 1U);
    const auto& request = program.requests().front();
    EXPECT_EQ(request.method, GetParam().method);
    EXPECT_EQ(request.path, GetParam().path);
    EXPECT_EQ(request.query, GetParam().query);
    if (GetParam().body.empty()) {
        EXPECT_EQ(request.body, "");
    } else {
        EXPECT_EQ(boost::json::parse(request.body), boost::json::parse(GetParam().body))
            << request.body;
    }
}

INSTANTIATE_TEST_SUITE_P(
    Table, RequestTest,
    testing::Values(
        Row{{"provider", "list"}, "GET", "/v1/providers", {}, ""},
        Row{{"--db", "x.db", "provider", "list", "--json"}, "GET", "/v1/providers", {}, ""},
        Row{{"provider", "show", "list"}, "GET", "/v1/providers/list", {}, ""},
        Row{{"provider", "show", "a b/c%"}, "GET", "/v1/providers/a%20b%2Fc%25", {}, ""},
        Row{{"provider", "add", "crm", "--client-id", "app", "--token-url",
             "https://t.example/token"},
            "POST",
            "/v1/providers",
            {},
            R"({"name":"crm","client_id":"app","token_endpoint":"https://t.example/token"})"},
        Row{{"provider",
             "add",
             "crm",
             "--kind",
             "generic",
             "--grant",
             "refresh_token",
             "--client-auth",
             "none",
             "--scope",
             "a b,c",
             "--scope",
             "d",
             "--param",
             "k=v=w",
             "--param",
             "k=",
             "--audience",
             "aud",
             "--resource",
             "https://r.example",
             "--setting",
             "keep_warm=true",
             "--setting",
             "max_lifetime_s=60",
             "--setting",
             "scope_separator=,",
             "--disabled",
             "--revoke-url",
             "https://t.example/revoke",
             "--test-url",
             "https://t.example/me"},
            "POST",
            "/v1/providers",
            {},
            R"({"name":"crm","kind":"generic","grant_type":"refresh_token","client_authentication":"none","scopes":"a b,c d",
                "parameters":[["k","v=w"],["k",""]],"audience":"aud","resources":["https://r.example"],
                "settings":{"keep_warm":true,"max_lifetime_s":60,"scope_separator":","},"enabled":false,
                "revocation_endpoint":"https://t.example/revoke","test_endpoint":"https://t.example/me"})"},
        Row{{"provider", "edit", "crm", "--revoke-url", "", "--scope", "", "--setting",
             "ca_file=null"},
            "PATCH",
            "/v1/providers/crm",
            {},
            R"({"revocation_endpoint":null,"scopes":"","settings":{"ca_file":null}})"},
        Row{{"provider", "reset", "crm"}, "POST", "/v1/providers/crm/reset", {}, "{}"},
        Row{{"provider", "reset", "crm", "--client-id", "b"},
            "POST",
            "/v1/providers/crm/reset",
            {},
            R"({"client_id":"b"})"},
        Row{{"provider", "enable", "crm"}, "POST", "/v1/providers/crm/enable", {}, ""},
        Row{{"provider", "disable", "crm"}, "POST", "/v1/providers/crm/disable", {}, ""},
        Row{{"provider", "delete", "crm"}, "DELETE", "/v1/providers/crm", {}, ""},
        Row{{"provider", "delete", "crm", "--revoke"},
            "DELETE",
            "/v1/providers/crm",
            {{"revoke", "true"}},
            ""},
        Row{{"token", "obtain", "crm"}, "POST", "/v1/providers/crm/token/obtain", {}, ""},
        Row{{"token", "refresh", "crm"}, "POST", "/v1/providers/crm/token/refresh", {}, ""},
        Row{{"token", "revoke", "crm"},
            "POST",
            "/v1/providers/crm/token/revoke",
            {},
            "",
            "herald: warning: callouts that need 'crm' wait until 'herald token obtain crm' "
            "(or 'token setup') gets a new token\n"},
        Row{{"token", "show", "crm"}, "GET", "/v1/providers/crm/token", {}, ""},
        Row{{"notification", "add", "n", "--event", "a.*", "b", "--event", "c", "--url",
             "https://r.example/h"},
            "POST",
            "/v1/notifications",
            {},
            R"({"name":"n","events":["a.*","b","c"],"url":"https://r.example/h"})"},
        Row{{"notification", "add", "--url", "u", "--event", "a", "b", "n"},
            "POST",
            "/v1/notifications",
            {},
            R"({"name":"n","events":["a","b"],"url":"u"})"},
        Row{{"notification",
             "add",
             "n",
             "--provider",
             "crm",
             "--method",
             "PUT",
             "--header",
             "X-A: b: c",
             "--param",
             "p=q",
             "--content-type",
             "text/plain",
             "--timeout",
             "1500ms",
             "--retry",
             "schedule=5s;max-age=24h",
             "--max-in-flight",
             "7",
             "--rate",
             "2.5/s",
             "--breaker",
             "failures=10%;min=3",
             "--order-by",
             "data.account.id",
             "--success-field",
             "/ok=a=b",
             "--disabled"},
            "POST",
            "/v1/notifications",
            {},
            R"({"name":"n","auth":{"kind":"oauth2","provider":"crm"},"method":"PUT","headers":[["X-A","b: c"]],
                "parameters":[["p","q"]],"content_type":"text/plain","timeout_ms":1500,"retry":"schedule=5s;max-age=24h",
                "max_in_flight":7,"rate_per_s":2.5,"breaker":"failures=10%;min=3","order_by":"data.account.id","success":{"pointer":"/ok","value":"a=b"},"enabled":false})"},
        Row{{"notification", "edit", "n", "--body-template", "", "--rate", "none", "--order-by",
             "none", "--success-field", "", "--auth", "none", "--no-signing-secret"},
            "PATCH",
            "/v1/notifications/n",
            {},
            R"({"body_template":null,"rate_per_s":null,"order_by":null,"success":null,"auth":{"kind":"none"},"signing_secret":null})"},
        Row{{"notification", "edit", "n", "--username", "u"},
            "PATCH",
            "/v1/notifications/n",
            {},
            R"({"auth":{"kind":"basic","username":"u"}})"},
        Row{{"notification", "pause", "n"}, "POST", "/v1/notifications/n/pause", {}, ""},
        Row{{"notification", "resume", "n"}, "POST", "/v1/notifications/n/resume", {}, ""},
        Row{{"notification", "delete", "n", "--cancel-pending"},
            "DELETE",
            "/v1/notifications/n",
            {{"cancel_pending", "true"}},
            ""},
        Row{{"notification", "preview", "n", "--data", "[1]", "--type", "a.b"},
            "POST",
            "/v1/notifications/n/preview",
            {},
            R"({"type":"a.b","data":[1]})"},
        Row{{"event", "fire", "a.b"}, "POST", "/v1/events", {}, R"({"type":"a.b"})"},
        Row{{"event", "fire", "a.b", "--key", "k", "--data", "{\"a\":1}"},
            "POST",
            "/v1/events",
            {},
            R"({"type":"a.b","key":"k","data":{"a":1}})"},
        Row{{"event", "show", "evt_1"}, "GET", "/v1/events/evt_1", {}, ""},
        Row{{"callout", "list", "--state", "dead", "--notification", "n", "--event", "evt_1",
             "--since", "2026-11-21T08:00:00Z", "--limit", "5", "--cursor", "cal_1"},
            "GET",
            "/v1/callouts",
            {{"state", "dead"},
             {"notification", "n"},
             {"event", "evt_1"},
             {"since", "2026-11-21T08:00:00Z"},
             {"limit", "5"},
             {"cursor", "cal_1"}},
            ""},
        Row{{"callout", "show", "cal_1"}, "GET", "/v1/callouts/cal_1", {}, ""},
        Row{{"callout", "retry", "cal_1"},
            "POST",
            "/v1/callouts/cal_1/retry",
            {},
            "",
            "herald: warning: no daemon runs on this database: nothing is sent until 'herald "
            "serve' "
            "does\n"},
        Row{{"callout", "retry", "--state", "dead", "--notification", "n", "--dry-run"},
            "POST",
            "/v1/callouts/retry",
            {},
            R"({"state":"dead","notification":"n","dry_run":true})"},
        Row{{"callout", "cancel", "cal_1"}, "POST", "/v1/callouts/cal_1/cancel", {}, ""},
        Row{{"stats"}, "GET", "/v1/stats", {}, ""}, Row{{"key", "show"}, "GET", "/v1/keys", {}, ""},
        Row{{"backup", "/tmp/copy.db"}, "POST", "/v1/backup", {}, R"({"path":"/tmp/copy.db"})"}));

TEST(AnswerTest, OnlyCommandsThatMayCreateADatabaseDo) {
    const std::vector<std::pair<std::vector<std::string>, cli::DatabaseUse>> kRows{
        {{"provider", "add", "p"}, cli::DatabaseUse::kMayCreate},
        {{"notification", "add", "n"}, cli::DatabaseUse::kMayCreate},
        {{"provider", "list"}, cli::DatabaseUse::kMustExist},
        {{"event", "fire", "a.b"}, cli::DatabaseUse::kMustExist},
        {{"stats"}, cli::DatabaseUse::kMustExist},
    };
    for (const auto& [arguments, use] : kRows) {
        ProgramFixture program;
        EXPECT_EQ(program.run(arguments).exit_code, 0);
        EXPECT_EQ(program.last_use(), use) << arguments.front() << " " << arguments.back();
    }
}

TEST(AnswerTest, AProblemBecomesOneLineAndItsExitCode) {
    ProgramFixture program;
    program.answer(
        409,
        R"({"code":"provider_in_use","detail":"delete provider 'crm': in use","details":{"notifications":["n"]}})");
    const auto result = program.run({"provider", "delete", "crm"});
    EXPECT_EQ(result.exit_code, 4);
    EXPECT_EQ(result.out, "");
    EXPECT_EQ(result.err, "herald: delete provider 'crm': in use\n");
}

/// Every command that leaves callouts behind.
TEST(AnswerTest, WithoutADaemonItIsSaidThatNothingIsSentYet) {
    const std::string stored = R"({"id":"evt_1","callouts":[{"id":"cal_1","notification":"n"}]})";
    struct Order {
        std::vector<std::string> arguments;
        std::string answer;
    };
    const TempDirectory folder;
    const auto lines = folder.file("events").string();
    std::ofstream(lines) << "{\"type\":\"a.b\"}\n";
    const std::vector<Order> orders{{{"event", "fire", "a.b"}, stored},
                                    {{"event", "import", lines}, R"({"accepted":1})"},
                                    {{"callout", "retry", "cal_1"}, "{}"},
                                    {{"callout", "retry", "--state", "dead"}, R"({"retried":2})"}};
    for (const Order& order : orders) {
        for (const bool is_daemon : {false, true}) {
            ProgramFixture program;
            program.set_daemon(is_daemon);
            for (int i = 0; i < 3; ++i) program.answer(200, order.answer);
            const auto result = program.run(order.arguments);
            EXPECT_EQ(result.exit_code, 0) << result.err;
            EXPECT_EQ(result.err.find("herald serve") == std::string::npos, is_daemon)
                << order.arguments[0] << " " << order.arguments[1] << ": " << result.err;
        }
    }
}

TEST(AnswerTest, ARevokedTokenIsSaidToHoldCallouts) {
    ProgramFixture program;
    program.answer(200, R"({"remote":"done"})");
    const auto result = program.run({"token", "revoke", "crm"});
    EXPECT_EQ(result.exit_code, 0);
    EXPECT_THAT(result.err, testing::HasSubstr("wait until 'herald token obtain crm'"));
}

TEST(AnswerTest, AProblemKeepsItsDetailsWithJson) {
    ProgramFixture program;
    program.answer(
        409, R"({"code":"provider_in_use","detail":"in use","details":{"notifications":["n"]}})");
    const auto result = program.run({"provider", "delete", "crm", "--json"});
    EXPECT_EQ(
        result.err,
        R"({"error":{"code":"provider_in_use","message":"in use","details":{"notifications":["n"]}}})"
        "\n");
}

TEST(AnswerTest, JsonIsPassedThroughByteForByte) {
    ProgramFixture program;
    program.answer(200, R"({"id":"evt_1","data":{"n":12345678901234567890.10}})");
    EXPECT_EQ(program.run({"event", "show", "evt_1", "--json"}).out,
              R"({"id":"evt_1","data":{"n":12345678901234567890.10}})"
              "\n");
}

TEST(AnswerTest, EventShowKeepsEveryDigitOfTheDataForPeopleToo) {
    ProgramFixture program;
    program.answer(
        200, R"({"id":"evt_1","data":{"n":12345678901234567890.10},"callouts":[],"unmatched":[]})");
    EXPECT_THAT(program.run({"event", "show", "evt_1"}).out, HasSubstr("12345678901234567890.10"));
}

TEST(AnswerTest, WhatARemotePartySaidCannotMoveTheCursor) {
    ProgramFixture program;
    program.answer(
        200,
        R"({"id":"cal_1","attempts":[{"number":1,"response_excerpt":"\u001b[2J\nfake line\u202e"}]})");
    const auto result = program.run({"callout", "show", "cal_1"});
    EXPECT_THAT(result.out, Not(HasSubstr("\x1b")));
    EXPECT_THAT(result.out, Not(HasSubstr("\nfake line")));
    EXPECT_THAT(result.out, Not(HasSubstr("\u202e")));
}

struct TokenTestRow {
    std::string verdict;
    int exit_code;
};

TEST(TokenTestCommandTest, SucceedsOnlyForAnAcceptedToken) {
    const std::vector<TokenTestRow> kRows{
        {"accepted", 0}, {"rejected", 1}, {"forbidden", 1}, {"inconclusive", 1}};
    for (const auto& row : kRows) {
        ProgramFixture program;
        program.answer(200, R"({"provider":"crm","ok":null,"verdict":")" + row.verdict +
                                R"(","status":200,"latency_ms":1})");
        EXPECT_EQ(program.run({"token", "test", "crm", "--json"}).exit_code, row.exit_code)
            << row.verdict;
    }
}

TEST(NotificationTestCommandTest, SucceedsOnlyForADeliveredAttempt) {
    for (const auto& [outcome, exit_code] :
         {std::pair<std::string, int>{"delivered", 0}, {"retry", 1}, {"rejected", 1}}) {
        ProgramFixture program;
        program.answer(200, R"({"number":1,"outcome":")" + outcome + R"("})");
        EXPECT_EQ(program.run({"notification", "test", "n", "--data", "{}"}).exit_code, exit_code)
            << outcome;
    }
}

TEST(SecretsInRequestsTest, AreReadFromFilesAndGoIntoTheBodyOnly) {
    TempDirectory folder;
    std::ofstream(folder.file("secret")) << "s\"3cret\n";
    std::ofstream(folder.file("refresh")) << "r3fresh";
    ProgramFixture program;
    const auto result =
        program.run({"provider", "add", "p", "--client-secret-file", folder.file("secret").string(),
                     "--refresh-token-file", folder.file("refresh").string()});
    EXPECT_EQ(result.exit_code, 0);
    EXPECT_EQ(
        boost::json::parse(program.requests().front().body),
        boost::json::parse(R"({"name":"p","client_secret":"s\"3cret","refresh_token":"r3fresh"})"));
    EXPECT_THAT(result.out + result.err, Not(HasSubstr("3cret")));
}

TEST(SecretsInRequestsTest, BelongToTheAuthenticationOfANotification) {
    TempDirectory folder;
    std::ofstream(folder.file("secret")) << "k3y";
    ProgramFixture program;
    program.run({"notification", "add", "n", "--auth-header", "X-Api-Key", "--auth-value-file",
                 folder.file("secret").string(), "--signing-secret-file",
                 folder.file("secret").string()});
    EXPECT_EQ(
        boost::json::parse(program.requests().front().body),
        boost::json::parse(
            R"({"name":"n","signing_secret":"k3y","auth":{"kind":"header","name":"X-Api-Key","value":"k3y"}})"));
}

TEST(SecretsInRequestsTest, AnyFieldOrHeaderMayBeOne) {
    TempDirectory folder;
    std::ofstream(folder.file("secret")) << "k3y\"\n";
    std::filesystem::permissions(folder.file("secret"), std::filesystem::perms::owner_all);
    const std::string secret = "@" + folder.file("secret").string();
    ProgramFixture program;
    auto result = program.run({"provider", "edit", "p", "--secret-param", "pin=" + secret,
                               "--secret-param", "old=", "--secret-token-header", "X-T=" + secret,
                               "--secret-header", "X-C=" + secret});
    EXPECT_EQ(result.err, "");
    EXPECT_EQ(boost::json::parse(program.requests().front().body),
              boost::json::parse(R"({"secret_parameters":{"pin":"k3y\"","old":null},
                                     "secret_token_headers":{"X-T":"k3y\""},
                                     "secret_callout_headers":{"X-C":"k3y\""}})"));
    ProgramFixture other;
    result = other.run({"notification", "edit", "n", "--secret-header", "X-C=" + secret,
                        "--secret-param", "sig=" + secret});
    EXPECT_EQ(boost::json::parse(other.requests().front().body),
              boost::json::parse(R"({"secret_headers":{"X-C":"k3y\""},
                                     "secret_parameters":{"sig":"k3y\""}})"));
}

TEST(SecretsInRequestsTest, AreNotTakenFromArguments) {
    for (const std::string given : {"X-C=k3y", "X-C", "=@file", "X-C=@"}) {
        ProgramFixture program;
        const auto result = program.run({"notification", "edit", "n", "--secret-header", given});
        EXPECT_EQ(result.exit_code, 2) << given;
        EXPECT_THAT(result.err, HasSubstr("NAME=@FILE"));
        EXPECT_THAT(program.requests(), IsEmpty());
    }
}

TEST(SecretsInRequestsTest, AValueInTheClearThatLooksLikeOneIsWarnedOf) {
    const std::vector<std::pair<std::vector<std::string>, std::string>> rows{
        {{"provider", "edit", "p", "--param", "api_key=k3y"}, "--secret-param api_key=@FILE"},
        {{"provider", "edit", "p", "--setting", R"(token_headers={"X-Api-Key":"k3y"})"},
         "--secret-token-header X-Api-Key=@FILE"},
        {{"provider", "edit", "p", "--setting", R"(callout_headers={"X-Token":"k3y"})"},
         "--secret-header X-Token=@FILE"},
        {{"notification", "edit", "n", "--header", "Authorization: Bearer k3y"},
         "--secret-header Authorization=@FILE"},
        {{"notification", "edit", "n", "--url", "https://a.example/x?a=1&api_key=k3y"},
         "--secret-param api_key=@FILE"},
        {{"notification", "edit", "n", "--param", "password=k3y"},
         "--secret-param password=@FILE"}};
    for (const auto& [arguments, remedy] : rows) {
        ProgramFixture program;
        const auto result = program.run(arguments);
        EXPECT_EQ(result.exit_code, 0);
        EXPECT_THAT(result.err, HasSubstr(remedy));
        EXPECT_THAT(result.err, Not(HasSubstr("k3y")));
    }
    ProgramFixture program;
    const auto silent = program.run({"notification", "edit", "n", "--header", "X-Source: crm",
                                     "--param", "token={{ data.token }}"});
    EXPECT_EQ(silent.err, "");
}

TEST(SecretsInRequestsTest, BelongToAKeyPairOfAnyKind) {
    TempDirectory folder;
    std::ofstream(folder.file("secret")) << "k3y";
    std::ofstream(folder.file("body")) << "{}";
    const std::string secret = folder.file("secret").string();
    const std::vector<std::pair<std::vector<std::string>, std::string>> rows = {
        {{"--auth", "key-pair", "--key-id-file", secret, "--entity-id", ""},
         R"({"kind":"key_pair","key_id":"k3y","entity_id":null})"},
        {{"--key-secret-file", secret, "--login-url", "https://a/", "--session-timeout", "15m"},
         R"({"kind":"session_cookie","key_secret":"k3y","login_url":"https://a/",
             "session_timeout_s":900})"},
        {{"--auth", "single_use_token", "--signature-body", folder.file("body").string(),
          "--signature-method", "PUT", "--token-header", "T"},
         R"({"kind":"single_use_token","body_template":"{}","method":"PUT","token_header":"T"})"},
        {{"--signature-body", "", "--signature-pointer", "/s"},
         R"({"kind":"single_use_token","body_template":null,"signature_pointer":"/s"})"},
        {{"--entity", "u"}, R"({"kind":"oauth2","entity":"u"})"},
    };
    for (const auto& [flags, expected] : rows) {
        ProgramFixture program;
        std::vector<std::string> arguments{"notification", "edit", "n"};
        arguments.insert(arguments.end(), flags.begin(), flags.end());
        const auto result = program.run(arguments);
        ASSERT_EQ(program.requests().size(), 1U) << result.err;
        EXPECT_EQ(boost::json::parse(program.requests().front().body),
                  boost::json::parse(R"({"auth":)" + expected + "}"));
    }
}

}  // namespace
}  // namespace herald::test
