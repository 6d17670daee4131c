#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <fstream>
#include <iostream>
#include <sstream>

#include "tests/cli/program_fixture.h"

// `event fire`, with --wait, and `event import`.
namespace herald::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(EventFireTest, KeepsTheBytesOfTheData) {
    const std::string data = R"({"n":1e400,"big":12345678901234567890.10,"a" : [1,  2], "a":-0})";
    ProgramFixture program;
    EXPECT_EQ(program.run({"event", "fire", "a.b", "--data", data}).exit_code, 0);
    ASSERT_EQ(program.requests().size(), 1U);
    EXPECT_THAT(program.requests().front().body, HasSubstr("\"data\":" + data));
}

TEST(EventFireTest, ReadsDataFromAFileWithoutItsEdges) {
    TempDirectory folder;
    std::ofstream(folder.file("data.json")) << " {\"a\":1}\r\n";
    ProgramFixture program;
    EXPECT_EQ(
        program.run({"event", "fire", "a.b", "--data", "@" + folder.file("data.json").string()})
            .exit_code,
        0);
    EXPECT_THAT(program.requests().front().body, testing::EndsWith("\"data\":{\"a\":1}}"));
}

TEST(EventFireTest, WaitNeedsADaemonAndFiresNothingWithoutOne) {
    ProgramFixture program;
    const auto result = program.run({"event", "fire", "a.b", "--wait", "--json"});
    EXPECT_EQ(result.exit_code, 5);
    EXPECT_EQ(error_code(result.err), "daemon_not_running");
    EXPECT_THAT(program.requests(), IsEmpty());
}

constexpr const char* kFired =
    R"({"id":"evt_1","duplicate":false,"callouts":[{"id":"cal_1","notification":"n"}]})";
constexpr const char* kRetrying =
    R"({"items":[{"id":"cal_1","notification":"n","state":"pending","reason":null,)"
    R"("due_at":"2026-11-21T08:00:05.000Z","attempts":[{"number":1,"outcome":"failed","status":503,)"
    R"("error":null}]}],"next_cursor":null})";
constexpr const char* kDied =
    R"({"items":[{"id":"cal_1","notification":"n","state":"dead","reason":"gone",)"
    R"("due_at":null,"attempts":[{"number":1,"outcome":"failed","status":503,"error":null},)"
    R"({"number":2,"outcome":"failed","status":null,"error":"connect_refused"}]}],)"
    R"("next_cursor":null})";

TEST(EventFireTest, WaitAsksUntilEveryCalloutIsFinished) {
    ProgramFixture program;
    program.set_daemon(true);
    program.answer(202, kFired);
    program.answer(200, kRetrying);
    program.answer(200, kDied);
    const auto result = program.run({"event", "fire", "a.b", "--wait", "--json"});
    EXPECT_EQ(result.exit_code, 0);
    EXPECT_EQ(program.requests().size(), 3U);
    EXPECT_EQ(result.out,
              R"({"id":"evt_1","duplicate":false,"callouts":[{"id":"cal_1","notification":"n",)"
              R"("state":"dead","reason":"gone"}]})"
              "\n");
}

TEST(EventFireTest, WaitTellsTheIdFirstAndEachAttemptAsItEnds) {
    ProgramFixture program;
    program.set_daemon(true);
    program.answer(202, kFired);
    program.answer(200, kRetrying);
    program.answer(200, kRetrying);
    program.answer(200, kDied);
    const auto result = program.run({"event", "fire", "--wait", "a.b"});
    EXPECT_EQ(result.exit_code, 0);
    EXPECT_THAT(result.out, testing::StartsWith(
                                "evt_1\n"
                                "cal_1 n: attempt 1 failed 503, next at 2026-11-21T08:00:05.000Z\n"
                                "cal_1 n: attempt 2 failed connect_refused\n"));
    EXPECT_THAT(program.requests().front().body, HasSubstr(R"("type":"a.b")"));
}

TEST(EventFireTest, WaitLooksAtEveryPageAndAgainFromTheFirstUnfinishedOne) {
    const std::string delivered =
        R"({"items":[{"id":"cal_9","notification":"m","state":"delivered","reason":null,)"
        R"("due_at":null,"attempts":[]}],"next_cursor":"cal_9"})";
    const std::string nothing_here = R"({"items":[],"next_cursor":"cal_5"})";
    ProgramFixture program;
    program.set_daemon(true);
    program.answer(202, kFired);
    program.answer(200, delivered);
    program.answer(200, nothing_here);
    program.answer(200, kRetrying);
    program.answer(200, kDied);
    const auto result = program.run({"event", "fire", "a.b", "--wait", "--json"});
    EXPECT_EQ(result.exit_code, 0) << result.err;
    std::vector<std::string> cursors;
    for (const auto& request : program.requests()) {
        const auto cursor = request.query.find("cursor");
        cursors.push_back(cursor == request.query.end() ? "" : cursor->second);
    }
    EXPECT_THAT(cursors, ElementsAre("", "", "cal_9", "cal_5", "cal_5"));
    EXPECT_THAT(result.out, HasSubstr(R"("callouts":[{"id":"cal_9","notification":"m",)"
                                      R"("state":"delivered","reason":null},)"
                                      R"({"id":"cal_1","notification":"n",)"
                                      R"("state":"dead","reason":"gone"}]})"));
}

TEST(EventFireTest, WaitEndsAfterItsTime) {
    ProgramFixture program;
    program.set_daemon(true);
    program.answer(202, kFired);
    for (int i = 0; i < 50; ++i) program.answer(200, kRetrying);
    const auto result = program.run({"event", "fire", "a.b", "--wait", "20ms", "--json"});
    EXPECT_EQ(result.exit_code, 1);
    EXPECT_THAT(result.err, HasSubstr(R"("code":"not_finished")"));
    EXPECT_THAT(result.err, HasSubstr(R"("id":"evt_1")"));
    EXPECT_EQ(ProgramFixture().run({"event", "fire", "a.b", "--wait", "soon"}).exit_code, 2);
    EXPECT_EQ(ProgramFixture().run({"event", "fire", "--wait"}).exit_code, 2);
}

TEST(EventImportTest, NumbersRejectedLinesByTheWholeFile) {
    TempDirectory folder;
    {
        std::ofstream file(folder.file("events"));
        for (int i = 0; i < 700; ++i) file << "{\"type\":\"a.b\",\"data\":1}\n\n";
    }
    ProgramFixture program;
    program.answer(202, R"({"accepted":499,"duplicates":0,"rejected":[{"line":3,"error":"bad"}]})");
    program.answer(202,
                   R"({"accepted":198,"duplicates":1,"rejected":[{"line":1,"error":"worse"}]})");
    const auto result = program.run({"event", "import", folder.file("events").string(), "--json"});
    EXPECT_EQ(result.exit_code, 1);
    ASSERT_EQ(program.requests().size(), 2U);
    EXPECT_EQ(program.requests().front().headers.at("content-type"), "application/x-ndjson");
    EXPECT_EQ(
        result.out,
        R"({"accepted":697,"duplicates":1,"rejected":[{"line":5,"error":"bad"},{"line":1001,"error":"worse"}]})"
        "\n");
}

TEST(EventImportTest, SaysWhereItWasInterrupted) {
    TempDirectory folder;
    {
        std::ofstream file(folder.file("events"));
        for (int i = 0; i < 600; ++i) file << "{\"type\":\"a.b\"}\n";
    }
    ProgramFixture program;
    program.answer(202, R"({"accepted":500,"duplicates":0,"rejected":[]})");
    program.answer(507, R"({"code":"storage_full","detail":"the disk is full","details":{}})");
    const auto result = program.run({"event", "import", folder.file("events").string(), "--json"});
    EXPECT_EQ(result.exit_code, 5);
    EXPECT_EQ(error_code(result.err), "storage_full");
    EXPECT_THAT(result.err, HasSubstr(R"("line":501)"));
    EXPECT_THAT(result.out, IsEmpty());
}

TEST(EventImportTest, GoesOnWithALine) {
    TempDirectory folder;
    std::ofstream(folder.file("events"))
        << "{\"type\":\"a.a\"}\n\n{\"type\":\"a.b\"}\n{\"type\":\"a.c\"}\n";
    ProgramFixture program;
    program.answer(202, R"({"accepted":1,"duplicates":0,"rejected":[{"line":2,"error":"bad"}]})");
    const auto result =
        program.run({"event", "import", folder.file("events").string(), "--resume", "3", "--json"});
    EXPECT_EQ(program.requests().front().body, "{\"type\":\"a.b\"}\n{\"type\":\"a.c\"}\n");
    EXPECT_THAT(result.out, HasSubstr(R"("rejected":[{"line":4,"error":"bad"}])"));
    EXPECT_EQ(ProgramFixture().run({"event", "import", "x", "--resume", "0"}).exit_code, 2);
}

TEST(EventImportTest, MakesKeysOfFileNameAndLineWhereThereAreNone) {
    TempDirectory folder;
    std::ofstream(folder.file("events.ndjson"))
        << "{\"type\":\"a.b\"}\n{\"key\":\"own\",\"type\":\"a.b\"}\nnone\n { }\n";
    ProgramFixture program;
    program.answer(202, R"({"accepted":4,"duplicates":0,"rejected":[]})");
    const std::string file = folder.file("events.ndjson").string();
    EXPECT_EQ(program.run({"event", "import", file, "--key-from", "line"}).exit_code, 0);
    EXPECT_EQ(program.requests().front().body,
              "{\"key\":\"events.ndjson:1\",\"type\":\"a.b\"}\n"
              "{\"key\":\"own\",\"type\":\"a.b\"}\nnone\n"
              "{\"key\":\"events.ndjson:4\" }\n");
    EXPECT_EQ(ProgramFixture().run({"event", "import", "-", "--key-from", "line"}).exit_code, 2);
    EXPECT_EQ(ProgramFixture().run({"event", "import", file, "--key-from", "x"}).exit_code, 2);
}

TEST(EventImportTest, SaysTheLineWhereCtrlCStoppedIt) {
    TempDirectory folder;
    {
        std::ofstream file(folder.file("events"));
        for (int i = 0; i < 1200; ++i) file << "{\"type\":\"a.b\"}\n";
    }
    ProgramFixture program;
    program.on_request([](std::size_t number) {
        if (number == 2) std::raise(SIGINT);
    });
    program.answer(202, R"({"accepted":500,"duplicates":0,"rejected":[]})");
    program.answer(202, R"({"accepted":499,"duplicates":1,"rejected":[]})");
    const auto result = program.run({"event", "import", folder.file("events").string(), "--json"});
    EXPECT_EQ(result.exit_code, 130);
    EXPECT_EQ(program.requests().size(), 2U);
    EXPECT_EQ(error_code(result.err), "interrupted");
    EXPECT_THAT(result.err, HasSubstr(R"("details":{"line":1001,"accepted":999,"duplicates":1})"));
    EXPECT_THAT(result.err, HasSubstr("--resume 1001"));
}

/// Standard input that a signal cuts off behind its text, as EINTR does.
class CutOffInput final : public std::stringbuf {
public:
    explicit CutOffInput(const std::string& text)
        : std::stringbuf(text, std::ios::in), before_(std::cin.rdbuf(this)) {}
    CutOffInput(const CutOffInput&) = delete;
    CutOffInput& operator=(const CutOffInput&) = delete;
    ~CutOffInput() override {
        std::cin.rdbuf(before_);
        std::cin.clear();
    }

protected:
    int_type underflow() override {
        const int_type next = std::stringbuf::underflow();
        if (next == traits_type::eof()) std::raise(SIGINT);
        return next;
    }

private:
    std::streambuf* before_;
};

TEST(EventImportTest, HalfALineThatCtrlCLeftIsNoLine) {
    std::string lines;
    for (int i = 0; i < 999; ++i) lines += "{\"type\":\"a.b\"}\n";
    for (const std::string half : {"{\"type\":", ""}) {
        const CutOffInput input(lines + half);
        ProgramFixture program;
        program.answer(202, R"({"accepted":500,"duplicates":0,"rejected":[]})");
        program.answer(202, R"({"accepted":499,"duplicates":0,"rejected":[]})");
        const auto result = program.run({"event", "import", "-", "--json"});
        EXPECT_EQ(result.exit_code, 130);
        EXPECT_EQ(program.requests().size(), 1U);
        EXPECT_THAT(result.err, HasSubstr(R"("details":{"line":501,"accepted":500,)"));
    }
}

TEST(EventImportTest, RejectsALineTooLongWithoutSendingIt) {
    TempDirectory folder;
    {
        std::ofstream file(folder.file("events"));
        file << std::string(std::size_t{3} * 1024 * 1024, 'x') << "\n{\"type\":\"a.b\"}";
    }
    ProgramFixture program;
    program.answer(202, R"({"accepted":1,"duplicates":0,"rejected":[]})");
    const auto result = program.run({"event", "import", folder.file("events").string(), "--json"});
    EXPECT_EQ(result.exit_code, 1);
    ASSERT_EQ(program.requests().size(), 1U);
    EXPECT_THAT(result.out, HasSubstr(R"("rejected":[{"line":1,)"));
}

}  // namespace
}  // namespace herald::test
