#include "cli/log_sink.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>

#include <array>
#include <boost/json/parse.hpp>
#include <sstream>
#include <utility>

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

// A pipe whose reading end the test holds.
class Pipe {
public:
    Pipe() {
        if (::pipe(ends_.data()) != 0) throw std::runtime_error("pipe");
    }
    ~Pipe() {
        close_writing();
        ::close(ends_[0]);
    }
    Pipe(const Pipe&) = delete;
    Pipe& operator=(const Pipe&) = delete;

    [[nodiscard]] int writing_end() const { return ends_[1]; }
    void close_writing() {
        if (ends_[1] >= 0) ::close(std::exchange(ends_[1], -1));
    }
    // Until `word` has been read, or the writing end is closed.
    std::string read_until(const std::string& word) {
        std::string all;
        std::array<char, 65536> bytes{};
        while (all.find(word) == std::string::npos) {
            const auto count = ::read(ends_[0], bytes.data(), bytes.size());
            if (count <= 0) break;
            all.append(bytes.data(), static_cast<std::size_t>(count));
        }
        return all;
    }

private:
    std::array<int, 2> ends_{-1, -1};
};

TEST(LogSinkTest, WritesWhatItsLevelLetsThrough) {
    Pipe pipe;
    const core::SystemClock clock;
    {
        PocoLogSink sink(pipe.writing_end(), LogForm::kReadable, LogLevel::kWarning, clock);
        core::install_log_sink(&sink);
        core::log(LogLevel::kInformation, "quiet");
        core::log(LogLevel::kError, "loud");
        sink.set_level(LogLevel::kDebug);
        core::log(LogLevel::kDebug, "detail");
        core::install_log_sink(nullptr);
    }
    pipe.close_writing();
    const std::string text = pipe.read_until("never written");
    EXPECT_THAT(text, testing::Not(testing::HasSubstr("quiet")));
    EXPECT_THAT(text, testing::HasSubstr("error loud\n"));
    EXPECT_THAT(text, testing::HasSubstr("debug detail\n"));
}

TEST(LogSinkTest, ALogThatNobodyReadsKeepsNobodyAndSaysLaterWhatWasLost) {
    Pipe pipe;
    const core::SystemClock clock;
    PocoLogSink sink(pipe.writing_end(), LogForm::kJsonLines, LogLevel::kInformation, clock);
    const std::string filling(1000, 'x');
    constexpr int kLines = 5000;  // more than the pipe and the buffer hold together
    for (int i = 0; i < kLines; ++i)
        sink.write(LogLevel::kInformation, "line", {{"number", i}, {"text", filling}});
    std::string text = pipe.read_until("log_lines_dropped");
    if (!text.ends_with('\n')) text += pipe.read_until("\n");
    std::istringstream lines(text);
    int kept = 0;
    std::int64_t dropped = 0;
    for (std::string line; std::getline(lines, line);) {
        const auto value = boost::json::parse(line);
        if (value.at("event") == "log_lines_dropped") {
            dropped = value.at("count").as_int64();
        } else {
            EXPECT_EQ(value.at("number"), kept++) << "those kept are the first, in order";
        }
    }
    EXPECT_GT(dropped, 0);
    EXPECT_EQ(kept + dropped, kLines);
    sink.write(LogLevel::kInformation, "flows_again", {});
    EXPECT_THAT(pipe.read_until("flows_again"), testing::HasSubstr("flows_again"));
}

TEST(LogSinkTest, EndsThoughNobodyReads) {
    Pipe pipe;
    const core::SystemClock clock;
    PocoLogSink sink(pipe.writing_end(), LogForm::kJsonLines, LogLevel::kInformation, clock);
    for (int i = 0; i < 5000; ++i)
        sink.write(LogLevel::kInformation, "line", {{"text", std::string(1000, 'x')}});
    sink.flush(std::chrono::milliseconds(10));  // and the destructor, behind it
}

}  // namespace
}  // namespace herald::cli
