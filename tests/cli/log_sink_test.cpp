#include "cli/log_sink.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <sstream>

#include "core/clock.h"

// S-20: a line a log event, whatever comes from outside.
namespace herald::cli {
namespace {

using core::LogLevel;

constexpr core::SystemTime kNow{std::chrono::milliseconds(1'795'248'000'000)};

const std::vector<std::string>& hostile_texts() {
    static const std::vector<std::string> kTexts{"a\nb",
                                                 "a\r\nlevel=error",
                                                 "\x1b[2J",
                                                 "\u0085next",
                                                 "\u2028sep",
                                                 "\u202eevil",
                                                 std::string("nul\0", 4),
                                                 "\xff\xfe",
                                                 "\"},{\"x\":\"",
                                                 std::string(std::size_t{1024} * 1024, 'x'),
                                                 "\x7f"};
    return kTexts;
}

TEST(LogSinkTest, AJsonLineIsOneLineOfValidJsonWhateverItHolds) {
    for (const auto& text : hostile_texts()) {
        const auto line =
            format_log_line(LogForm::kJsonLines, kNow, LogLevel::kError, "met", {{"text", text}});
        boost::system::error_code failure;
        const auto value = boost::json::parse(line, failure);
        ASSERT_FALSE(failure) << line.substr(0, 200);
        EXPECT_EQ(value.at("event"), "met");
        EXPECT_EQ(value.at("level"), "error");
        EXPECT_LT(line.size(), 40'000U);
        for (const char c : line) EXPECT_GE(static_cast<unsigned char>(c), 0x20U);
        for (const char* const raw : {"\u0085", "\u2028", "\u202e", "\x7f"})
            EXPECT_EQ(line.find(raw), std::string::npos);
    }
}

TEST(LogSinkTest, AReadableLineIsOneLineWhateverItHolds) {
    for (const auto& text : hostile_texts()) {
        const auto line =
            format_log_line(LogForm::kReadable, kNow, LogLevel::kWarning, "met", {{"text", text}});
        for (const char c : line) EXPECT_GE(static_cast<unsigned char>(c), 0x20U);
        for (const char* const raw : {"\u0085", "\u2028", "\u202e", "\x7f"})
            EXPECT_EQ(line.find(raw), std::string::npos);
    }
    EXPECT_EQ(format_log_line(LogForm::kReadable, kNow, LogLevel::kInformation, "serving",
                              {{"port", 80}, {"name", "a b"}, {"x", "y"}}),
              "2026-11-21T08:00:00.000Z information serving port=80 name=\"a b\" x=y");
}

TEST(LogSinkTest, WritesWhatItsLevelLetsThrough) {
    std::ostringstream stream;
    const core::SystemClock clock;
    PocoLogSink sink(stream, LogForm::kReadable, LogLevel::kWarning, clock);
    core::install_log_sink(&sink);
    core::log(LogLevel::kInformation, "quiet");
    core::log(LogLevel::kError, "loud");
    sink.set_level(LogLevel::kDebug);
    core::log(LogLevel::kDebug, "detail");
    core::install_log_sink(nullptr);
    EXPECT_THAT(stream.str(), testing::Not(testing::HasSubstr("quiet")));
    EXPECT_THAT(stream.str(), testing::HasSubstr("error loud\n"));
    EXPECT_THAT(stream.str(), testing::HasSubstr("debug detail\n"));
}

}  // namespace
}  // namespace herald::cli
