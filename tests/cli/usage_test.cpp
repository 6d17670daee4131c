#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/cli/program_fixture.h"

// E-01, E-02, E-11, E-12 and their like: what the parser refuses, before anything is opened.
namespace herald::test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

struct BadUsage {
    const char* name;
    std::vector<std::string> arguments;
    std::string said;  ///< part of the line on stderr
};

class UsageTest : public testing::TestWithParam<BadUsage> {};

TEST_P(UsageTest, IsRefusedWithOneLineAndExitCode2) {
    ProgramFixture program;
    const auto result = program.run(GetParam().arguments);
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_THAT(result.out, IsEmpty());
    EXPECT_THAT(result.err, HasSubstr(GetParam().said));
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
    EXPECT_EQ(result.err.rfind("herald: ", 0), 0U) << result.err;
    EXPECT_THAT(program.requests(), IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(
    Table, UsageTest,
    testing::Values(
        BadUsage{"NoCommand", {}, "a command is missing"},
        BadUsage{"NoSubcommand", {"provider"}, "provider: a command is missing, one of add, edit"},
        BadUsage{"UnknownCommand",
                 {"provder", "list"},
                 "unknown command 'provder'; did you mean 'provider'?"},
        BadUsage{"UnknownCommandWithoutNearOne",
                 {"frobnicate"},
                 "unknown command 'frobnicate'; known are provider"},
        BadUsage{"UnknownSubcommand", {"token", "obtian", "crm"}, "did you mean 'obtain'?"},
        BadUsage{"UnknownOption",
                 {"provider", "list", "--jsn"},
                 "unknown option '--jsn'; did you mean '--json'?"},
        BadUsage{"UnknownOptionWithValue",
                 {"provider", "add", "crm", "--token-ur=hidden"},
                 "did you mean '--token-url'?"},
        BadUsage{"UnknownShortOption", {"stats", "-x"}, "unknown option '-x'"},
        BadUsage{"MissingName", {"provider", "show"}, "NAME"},
        BadUsage{"ArgumentTooMany", {"provider", "show", "crm", "more"}, "an argument too many"},
        BadUsage{"OptionWithoutValue", {"provider", "add", "crm", "--client-id"}, "--client-id"},
        BadUsage{"RepeatedOption",
                 {"provider", "add", "crm", "--client-id", "a", "--client-id", "b"},
                 "--client-id"},
        BadUsage{"EmptyName", {"provider", "show", ""}, "name: must not be empty"},
        BadUsage{"NothingToEdit", {"provider", "edit", "crm"}, "nothing to change"},
        BadUsage{"NothingToEditInNotification", {"notification", "edit", "n"}, "nothing to change"},
        BadUsage{"BadParameter",
                 {"provider", "add", "crm", "--param", "novalue"},
                 "--param: must have the form NAME=VALUE"},
        BadUsage{"BadHeader", {"notification", "add", "n", "--header", "novalue"}, "'Name: value'"},
        BadUsage{"SettingTwice",
                 {"provider", "add", "p", "--setting", "a=1", "--setting", "a=2"},
                 "'a' is given twice"},
        BadUsage{"BadTimeout", {"notification", "add", "n", "--timeout", "fast"}, "--timeout"},
        BadUsage{"BadRate",
                 {"notification", "add", "n", "--rate", "0/s"},
                 "--rate: must be 0.001 to 100000 callouts a second"},
        BadUsage{"RateNotANumber", {"notification", "add", "n", "--rate", "nan"}, "0.001 to 1"},
        BadUsage{"RateTooHigh", {"notification", "add", "n", "--rate", "1e9/s"}, "0.001 to 1"},
        BadUsage{"RateWithoutEnd", {"notification", "add", "n", "--rate", "inf"}, "0.001 to 1"},
        BadUsage{"BadRateUnit", {"notification", "add", "n", "--rate", "5/m"}, "--rate"},
        BadUsage{"BadMaxInFlight",
                 {"notification", "add", "n", "--max-in-flight", "many"},
                 "--max-in-flight: must be a number from 1 to 20000"},
        BadUsage{"BadSuccessField",
                 {"notification", "add", "n", "--success-field", "/ok"},
                 "/pointer=value"},
        BadUsage{"ProviderWithBasic",
                 {"notification", "add", "n", "--auth", "basic", "--provider", "p"},
                 "--auth oauth2 only"},
        BadUsage{"UsernameWithOauth",
                 {"notification", "add", "n", "--provider", "p", "--username", "u"},
                 "--auth basic only"},
        BadUsage{"BadData", {"event", "fire", "a.b", "--data", "{bad"}, "at byte 1"},
        BadUsage{"EmptyData", {"event", "fire", "a.b", "--data", ""}, "--data"},
        BadUsage{"DataFileMissing",
                 {"event", "fire", "a.b", "--data", "@/no/such/file"},
                 "cannot open '/no/such/file'"},
        BadUsage{"ImportFileMissing",
                 {"event", "import", "/no/such/file"},
                 "cannot open '/no/such/file'"},
        BadUsage{"ImportDirectory", {"event", "import", "/tmp"}, "is a directory"},
        BadUsage{"RetryNothing", {"callout", "retry"}, "--state dead"},
        BadUsage{
            "RetryBoth", {"callout", "retry", "cal_1", "--state", "dead"}, "does not go together"},
        BadUsage{"RetryOneWithFilter", {"callout", "retry", "cal_1", "--dry-run"}, "--state only"},
        BadUsage{"BadSince", {"callout", "list", "--since", "yesterday"}, "--since"},
        BadUsage{"BadWorkers", {"serve", "--workers", "0"}, "workers: must be a number"},
        BadUsage{"HelpOfUnknown", {"help", "provder"}, "did you mean 'provider'?"},
        BadUsage{"SecretFileMissing",
                 {"provider", "add", "p", "--client-secret-file", "/no/such"},
                 "cannot open '/no/such'"},
        BadUsage{"SecretFileIsDirectory",
                 {"provider", "add", "p", "--client-secret-file", "/tmp"},
                 "is a directory"}),
    [](const auto& row) { return std::string(row.param.name); });

class SecretArgumentTest : public testing::TestWithParam<const char*> {};

TEST_P(SecretArgumentTest, IsRefusedWithAdviceAndNeverShown) {
    for (const bool joined : {false, true}) {
        std::vector<std::string> arguments{"provider", "add", "crm"};
        if (joined) {
            arguments.push_back(std::string(GetParam()) + "=hunter2");
        } else {
            arguments.insert(arguments.end(), {GetParam(), "hunter2"});
        }
        for (const bool json : {false, true}) {
            if (json) arguments.emplace_back("--json");
            const auto result = ProgramFixture().run(arguments);
            EXPECT_EQ(result.exit_code, 2);
            EXPECT_THAT(result.err, HasSubstr("-file"));
            EXPECT_THAT(result.out + result.err, Not(HasSubstr("hunter2")));
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Table, SecretArgumentTest,
                         testing::Values("--client-secret", "--secret", "--refresh-token",
                                         "--private-key", "--password", "--auth-value", "--key-id",
                                         "--key-secret", "--signing-secret", "--token",
                                         "--access-token"));

TEST(UsageErrorTest, NeverShowsAnArgumentThatLostItsOption) {
    const auto result = ProgramFixture().run(
        {"provider", "add", "crm", "--client-secrt-file", "hunter2", "hunter3"});
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_THAT(result.err, HasSubstr("did you mean '--client-secret-file'?"));
    EXPECT_THAT(result.err, Not(HasSubstr("hunter")));
}

TEST(UsageErrorTest, IsADocumentWithJson) {
    const auto result = ProgramFixture().run({"--json", "provder"});
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_EQ(error_code(result.err), "invalid_argument") << result.err;
}

TEST(HelpTest, EveryCommandHasADescriptionAndItsHelpGoesToStandardOutput) {
    cli::CommandTree tree;
    cli::add_all_commands(tree);
    std::size_t seen = 0;
    for (const cli::Command* command : tree.root().commands()) {
        EXPECT_THAT(command->description(), testing::EndsWith(".")) << command->name();
        const auto help = ProgramFixture().run({command->name(), "--help"});
        EXPECT_EQ(help.exit_code, 0);
        EXPECT_THAT(help.out, HasSubstr(command->description()));
        EXPECT_THAT(help.err, IsEmpty());
        for (const cli::Command* inner : command->commands()) {
            ++seen;
            EXPECT_THAT(inner->description(), testing::EndsWith(".")) << inner->name();
            const auto described = ProgramFixture().run({"help", command->name(), inner->name()});
            EXPECT_EQ(described.exit_code, 0);
            EXPECT_THAT(described.out,
                        HasSubstr("Usage: herald " + command->name() + " " + inner->name()));
            EXPECT_THAT(described.out, HasSubstr("Example:"));
        }
    }
    EXPECT_GE(seen, 25U);
}

TEST(HelpTest, WithoutACommandListsThemAll) {
    const auto result = ProgramFixture().run({"help"});
    EXPECT_EQ(result.exit_code, 0);
    for (const char* command : {"provider", "token", "notification", "event", "callout", "stats",
                                "serve", "doctor", "demo"}) {
        EXPECT_THAT(result.out, HasSubstr(command));
    }
}

TEST(VersionTest, IsOneLine) {
    const auto result = ProgramFixture().run({"--version"});
    EXPECT_EQ(result.exit_code, 0);
    EXPECT_THAT(result.out, testing::MatchesRegex("herald [0-9.]+\n"));
}

TEST(HelpTest, NotificationsNameEverySettingOfTheirLane) {
    for (const char* verb : {"add", "edit"}) {
        const auto help = ProgramFixture().run({"notification", verb, "--help"});
        for (const char* option : {"--max-in-flight", "--rate", "--retry", "jitter=20%",
                                   "--breaker", "failures=50%", "--order-by", "data.account.id"}) {
            EXPECT_THAT(help.out, HasSubstr(option)) << verb;
        }
    }
}

TEST(CompletionTest, KnowsEveryCommandAndItsOptions) {
    const auto result = ProgramFixture().run({"completion", "bash"});
    EXPECT_EQ(result.exit_code, 0);
    EXPECT_THAT(result.out, HasSubstr("'provider add '*) words='"));
    EXPECT_THAT(result.out, HasSubstr("--client-secret-file"));
    EXPECT_THAT(result.out, testing::ContainsRegex("'notification edit '.*--breaker.*--order-by"));
    EXPECT_THAT(result.out, HasSubstr("complete -o default -F _herald herald"));
    EXPECT_LT(result.out.find("'provider add '*"), result.out.find("'provider '*"))
        << "the deeper pattern must come first";
}

}  // namespace
}  // namespace herald::test
