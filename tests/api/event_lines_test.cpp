// One import, however long and however bad.
#include "api/handlers/event_lines.h"

#include <gmock/gmock.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include "tests/api/api_fixture.h"

namespace herald::test {
namespace {

namespace asio = boost::asio;
using testing::HasSubstr;

std::string repeated(const std::string& line, std::size_t times) {
    std::string lines;
    for (std::size_t i = 0; i < times; ++i) lines += line;
    return lines;
}

class EventLinesTest : public ApiFixture {
protected:
    explicit EventLinesTest(bool writer_thread = false) : ApiFixture(writer_thread) {}

    Answer import(const std::string& lines) {
        return call("POST", "/v1/events", lines, {{"content-type", "application/x-ndjson"}});
    }
    [[nodiscard]] std::int64_t stored_events() {
        return must("GET", "/v1/stats").at("events").as_int64();
    }
    /// How often others were let to the thread while `lines` were read.
    std::size_t turns_of_others(std::string_view lines) {
        asio::io_context loop;
        bool over = false;
        std::size_t turns = 0;
        asio::co_spawn(loop, api::submit_lines(*intake_, lines),
                       [&](const std::exception_ptr&, const core::Result<boost::json::object>&) {
                           over = true;
                       });
        std::function<void()> others = [&] {
            ++turns;
            if (!over) asio::post(loop, others);
        };
        asio::post(loop, others);
        loop.run();
        return turns;
    }
};

constexpr const char* kGood = "{\"type\":\"a.b\"}\n";

TEST_F(EventLinesTest, AfterAThousandRejectedLinesTheRestIsNotLookedAt) {
    // What the reader refuses, and what the intake does.
    for (const char* bad : {"x\n", "{\"type\":\"a b\"}\n"}) {
        const std::int64_t before = stored_events();
        const Answer summary =
            import(kGood + std::string("\n") + repeated(bad, 1500) + repeated(kGood, 3));
        EXPECT_EQ(summary.status, 202);
        EXPECT_EQ(summary.at("accepted"), 1);
        EXPECT_EQ(summary.array_at("rejected").size(), 1000U);
        EXPECT_EQ(summary.at("rejected.0.line"), 3);
        EXPECT_EQ(summary.at("rejected.999.line"), 1002);
        EXPECT_EQ(summary.at("stopped.line"), 1002);
        EXPECT_THAT(summary.text_at("stopped.error"), HasSubstr("after line 1002"));
        EXPECT_EQ(stored_events(), before + 1);
    }
}

TEST_F(EventLinesTest, AThousandRejectedLinesWithNothingBehindThemAreAllThatThereIs) {
    const Answer summary = import(repeated(kGood, 2) + repeated("x\n", 1000) + "\n \n");
    EXPECT_EQ(summary.array_at("rejected").size(), 1000U);
    EXPECT_EQ(summary.json.as_object().size(), 3U) << "not a word of having stopped";
    EXPECT_EQ(import(repeated(kGood, 2) + repeated("x\n", 999) + kGood).at("accepted"), 3);
}

TEST_F(EventLinesTest, LinesThatAreNoEventsLetOthersToTheThreadToo) {
    constexpr std::size_t kMebibyte = std::size_t{1024} * 1024;
    EXPECT_GE(turns_of_others(std::string(4 * kMebibyte, '\n')), 15U) << "empty ones";
    const std::string large = std::string(64 * 1024 - 1, 'x') + "\n";
    EXPECT_GE(turns_of_others(repeated(large, 64)), 15U) << "bad ones";
}

class EventLinesOfManyTest : public EventLinesTest {
protected:
    EventLinesOfManyTest() : EventLinesTest(true) {}
};

TEST_F(EventLinesOfManyTest, EveryLineThatWasUnderWayIsToldOf) {
    // The same key with other data: refused only at the commit.
    std::string lines;
    for (int i = 0; i < 5000; ++i)
        lines += R"({"type":"a.b","key":"k","data":)" + std::to_string(i) + "}\n";
    const Answer summary = import(lines);
    const std::size_t rejected = summary.array_at("rejected").size();
    EXPECT_GE(rejected, 1000U);
    EXPECT_LT(rejected, 1000U + 1024U);
    EXPECT_EQ(summary.at("accepted"), 1);
    EXPECT_EQ(summary.at("stopped.line").as_int64(), static_cast<std::int64_t>(rejected) + 1);
}

}  // namespace
}  // namespace herald::test
