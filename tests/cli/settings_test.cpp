#include "cli/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "cli/history_settings.h"
#include "tests/support/temp_directory.h"

namespace herald::cli {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

Environment environment(std::map<std::string, std::string> values) {
    return [values = std::move(values)](std::string_view name) -> std::optional<std::string> {
        const auto found = values.find(std::string(name));
        if (found == values.end()) return std::nullopt;
        return found->second;
    };
}

TEST(SettingsTest, HaveDefaults) {
    const auto settings = load_settings({}, environment({}));
    ASSERT_TRUE(settings);
    EXPECT_EQ(settings->database, "./herald.db");
    EXPECT_EQ(settings->key_file, "./herald.db.key");
    EXPECT_EQ(settings->socket(), "./herald.db.sock");
    EXPECT_EQ(settings->log, core::LogLevel::kInformation);
    EXPECT_EQ(settings->egress_allow, "");
    EXPECT_FALSE(settings->workers);
    EXPECT_FALSE(settings->listen);
    EXPECT_EQ(settings->history.max_age, std::chrono::days(30));
    EXPECT_EQ(settings->history.max_bytes, 10'000'000'000);
}

TEST(SettingsTest, BoundTheHistoryByAgeAndSize) {
    const auto both = load_settings(
        {{"history_max_size", "500MB"}},
        environment({{"HERALD_HISTORY_MAX_AGE", "12h"}, {"HERALD_HISTORY_MAX_SIZE", "2TB"}}));
    ASSERT_TRUE(both);
    EXPECT_EQ(both->history.max_age, std::chrono::hours(12));
    EXPECT_EQ(both->history.max_bytes, 500'000'000);
    EXPECT_EQ(describe(both->history),
              "unfinished events and what is younger than 12h, up to 500MB");
    const auto neither = load_settings(
        {}, environment({{"HERALD_HISTORY_MAX_AGE", "none"}, {"HERALD_HISTORY_MAX_SIZE", "none"}}));
    ASSERT_TRUE(neither);
    EXPECT_EQ(neither->history, dispatcher::HistoryLimits{});
    EXPECT_EQ(describe(neither->history), "every event for ever");
    for (const auto& [age, size] : {std::pair("1m", "10MB"), std::pair("36500d", "10TB")}) {
        const auto at_the_ends =
            load_settings({{"history_max_age", age}, {"history_max_size", size}}, environment({}));
        ASSERT_TRUE(at_the_ends) << at_the_ends.error().message;
    }
}

TEST(SettingsTest, SayWhichHistoryBoundsAreAllowed) {
    const auto age = load_settings({{"history_max_age", "30"}}, environment({}));
    EXPECT_THAT(age.error().message, HasSubstr("from 1m to 36500d"));
    const auto size = load_settings({{"history_max_size", "9MB"}}, environment({}));
    EXPECT_THAT(size.error().message, HasSubstr("from 10MB to 10TB"));
}

TEST(SettingsTest, FlagsWinOverEnvironmentOverFileOverDefaults) {
    const test::TempDirectory folder;
    const auto file = folder.file("herald.conf").string();
    std::ofstream(file) << "db = file.db\nlog = error\nworkers = 3\negress_allow = 10.0.0.0/8\n";

    const auto from_file = load_settings({}, environment({{"HERALD_CONFIG", file}}));
    ASSERT_TRUE(from_file);
    EXPECT_EQ(from_file->database, "file.db");
    EXPECT_EQ(from_file->key_file, "file.db.key");
    EXPECT_EQ(from_file->workers, 3U);
    EXPECT_EQ(from_file->log, core::LogLevel::kError);

    const auto environment_wins = load_settings({}, environment({{"HERALD_CONFIG", file},
                                                                 {"HERALD_DB", "env.db"},
                                                                 {"HERALD_LOG", "debug"},
                                                                 {"HERALD_EGRESS_ALLOW", ""}}));
    ASSERT_TRUE(environment_wins);
    EXPECT_EQ(environment_wins->database, "env.db");
    EXPECT_EQ(environment_wins->log, core::LogLevel::kDebug);
    EXPECT_EQ(environment_wins->egress_allow, "") << "an empty list is a statement";

    const auto flags_win = load_settings(
        {{"db", "flag.db"}}, environment({{"HERALD_CONFIG", file}, {"HERALD_DB", "env.db"}}));
    ASSERT_TRUE(flags_win);
    EXPECT_EQ(flags_win->database, "flag.db");
}

TEST(SettingsTest, AnEmptyVariableIsNotSet) {
    const auto settings = load_settings(
        {}, environment({{"HERALD_DB", ""}, {"HERALD_LOG", ""}, {"HERALD_CONFIG", ""}}));
    ASSERT_TRUE(settings);
    EXPECT_EQ(settings->database, "./herald.db");
}

TEST(SettingsTest, AnEmptyFileMeansDefaultsAndAWarning) {
    const test::TempDirectory folder;
    const auto file = folder.file("empty").string();
    std::ofstream(file).flush();
    const auto settings = load_settings({}, environment({{"HERALD_CONFIG", file}}));
    ASSERT_TRUE(settings);
    EXPECT_THAT(settings->warnings, testing::ElementsAre(HasSubstr("is empty")));
}

TEST(SettingsTest, AFileThatOthersCanWriteIsNotBelieved) {
    const test::TempDirectory folder;
    const auto file = folder.file("herald.conf");
    std::ofstream(file) << "egress_allow = 0.0.0.0/0\n";
    std::filesystem::permissions(file, std::filesystem::perms::others_write,
                                 std::filesystem::perm_options::add);
    const auto settings = load_settings({}, environment({{"HERALD_CONFIG", file.string()}}));
    ASSERT_FALSE(settings);
    EXPECT_EQ(settings.error().code, "not_trusted");
    EXPECT_THAT(settings.error().message, HasSubstr("chmod go-w"));
}

TEST(SettingsTest, AFileThatCannotBeReadIsAnError) {
    const auto missing = load_settings({}, environment({{"HERALD_CONFIG", "/no/such/file"}}));
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().code, "invalid_argument");
    EXPECT_FALSE(load_settings({}, environment({{"HERALD_CONFIG", "/tmp"}})));
}

struct BadSetting {
    const char* key;
    const char* value;
};

class BadSettingTest : public testing::TestWithParam<BadSetting> {};

TEST_P(BadSettingTest, IsRefused) {
    const auto settings = load_settings({{GetParam().key, GetParam().value}}, environment({}));
    ASSERT_FALSE(settings);
    EXPECT_EQ(settings.error().code, "invalid_argument");
}

INSTANTIATE_TEST_SUITE_P(
    Table, BadSettingTest,
    testing::Values(
        BadSetting{"log", "loud"}, BadSetting{"workers", "0"}, BadSetting{"workers", "-1"},
        BadSetting{"workers", "257"}, BadSetting{"workers", "2x"},
        BadSetting{"history_max_age", "59s"}, BadSetting{"history_max_age", "0"},
        BadSetting{"history_max_age", "-1h"}, BadSetting{"history_max_age", "36501d"},
        BadSetting{"history_max_age", "None"}, BadSetting{"history_max_size", "10"},
        BadSetting{"history_max_size", "9MB"}, BadSetting{"history_max_size", "11TB"},
        BadSetting{"history_max_size", "10 GB"}, BadSetting{"history_max_size", "-10GB"},
        BadSetting{"history_max_size", "1.5GB"}, BadSetting{"history_max_size", "4294967296MB"},
        BadSetting{"history_max_size", "GB"}, BadSetting{"egress_allow", "10.0.0.0/99"}));

TEST(ConfigurationTest, AcceptsCommentsBlankLinesAMarkAndCrlf) {
    const auto values =
        parse_configuration("\xEF\xBB\xBF# comment\r\n\r\n db = a b.db \r\nlog=debug", "file");
    ASSERT_TRUE(values);
    EXPECT_EQ(*values, (SettingValues{{"db", "a b.db"}, {"log", "debug"}}));
}

TEST(ConfigurationTest, RefusesUnknownAndRepeatedKeysNamingTheLine) {
    const auto unknown = parse_configuration("db = x\nbd = y\n", "file");
    ASSERT_FALSE(unknown);
    EXPECT_THAT(unknown.error().message, HasSubstr("file line 2: unknown key 'bd'"));
    const auto repeated = parse_configuration("db = x\n\ndb = x\n", "file");
    ASSERT_FALSE(repeated);
    EXPECT_THAT(repeated.error().message, HasSubstr("line 3"));
    EXPECT_FALSE(parse_configuration("just words", "file"));
    const auto empty = parse_configuration("", "file");
    ASSERT_TRUE(empty);
    EXPECT_THAT(*empty, IsEmpty());
}

}  // namespace
}  // namespace herald::cli
