#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <random>
#include <sstream>

#include "storage/sqlite/connection.h"
#include "tests/storage/store_fixture.h"

namespace herald::storage {
namespace {

/// A child process whose standard output is read here.
class Child {
public:
    explicit Child(const std::vector<std::string>& command) {
        std::array<int, 2> channel{};
        if (::pipe2(channel.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe");
        std::vector<char*> arguments;
        for (const std::string& word : command)
            arguments.push_back(const_cast<char*>(word.c_str()));
        arguments.push_back(nullptr);
        pid_ = ::fork();
        if (pid_ == 0) {
            ::dup2(channel[1], STDOUT_FILENO);
            ::execvp(arguments[0], arguments.data());
            std::_Exit(127);
        }
        ::close(channel[1]);
        output_ = channel[0];
    }
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;
    ~Child() {
        ::kill(pid_, SIGKILL);
        if (status_ < 0) ::waitpid(pid_, nullptr, 0);
        ::close(output_);
    }

    /// Reads until that many lines came, or the end.
    void read_lines(std::size_t count) {
        while (lines_ < count && read_some()) {
        }
    }
    void kill() const { ::kill(pid_, SIGKILL); }
    /// What it said, to the end; its exit status, or 128 and the signal.
    std::pair<std::vector<std::string>, int> finish() {
        while (read_some()) {
        }
        ::waitpid(pid_, &status_, 0);
        std::vector<std::string> keys;
        std::istringstream text(text_);
        for (std::string word, key; text >> word >> key;) keys.push_back(key);
        // A line cut by the kill was not said.
        if (!text_.empty() && text_.back() != '\n') keys.pop_back();
        return {keys, WIFEXITED(status_) ? WEXITSTATUS(status_) : 128 + WTERMSIG(status_)};
    }

private:
    bool read_some() {
        std::array<char, 4096> buffer{};
        const ssize_t size = ::read(output_, buffer.data(), buffer.size());
        if (size <= 0) return false;
        text_.append(buffer.data(), static_cast<std::size_t>(size));
        lines_ = static_cast<std::size_t>(std::ranges::count(text_, '\n'));
        return true;
    }

    pid_t pid_ = -1;
    int output_ = -1;
    int status_ = -1;
    std::string text_;
    std::size_t lines_ = 0;
};

class CrashTest : public StoreFixture {
protected:
    void SetUp() override { static_cast<void>(key_ring()); }

    [[nodiscard]] std::vector<std::string> helper(const std::string& prefix, long count,
                                                  long window) const {
        return {HERALD_CRASH_HELPER, path().string(), prefix, std::to_string(count),
                std::to_string(window)};
    }

    /// Under strace, writing what it sees to `trace`.
    [[nodiscard]] std::vector<std::string> traced(std::vector<std::string> options,
                                                  const std::vector<std::string>& command) const {
        std::vector<std::string> words{"strace", "-f", "-qq", "-o", trace_.string()};
        words.insert(words.end(), options.begin(), options.end());
        words.insert(words.end(), command.begin(), command.end());
        return words;
    }

    [[nodiscard]] static bool strace_works() {
        return Child({"strace", "-qq", "-o", "/dev/null", "-e", "trace=fdatasync", "true"})
                   .finish()
                   .second == 0;
    }

    /// The folder's does not matter: SQLite passes over it, and the store has synced it itself.
    [[nodiscard]] bool a_sync_failed_before_the_last_acknowledgement() const {
        std::ifstream trace(trace_);
        bool failed = false;
        bool failed_before_last = false;
        for (std::string line; std::getline(trace, line);) {
            const bool of_folder =
                line.find("<" + directory_.path().string() + ">") != std::string::npos;
            if (line.find("INJECTED") != std::string::npos && !of_folder) failed = true;
            if (line.find("\"ack ") != std::string::npos) failed_before_last = failed;
        }
        return failed_before_last;
    }

    void expect_sound_and_stored(const std::vector<std::string>& acknowledged) {
        open();
        for (const std::string& key : acknowledged) {
            const auto again = append(*store_, sample_new_event(*store_, sample_event("{}", key)));
            ASSERT_TRUE(again);
            EXPECT_EQ(again->status, AppendStatus::kDuplicate) << "lost: " << key;
        }
        store_.reset();
        sqlite::Connection db(path(), sqlite::Connection::Access::kReadOnly);
        EXPECT_EQ(db.single("PRAGMA integrity_check"), "ok");
        EXPECT_EQ(db.single("SELECT count(*) FROM pragma_foreign_key_check"), "0");
        EXPECT_EQ(db.single("SELECT coalesce(sum(count), 0) FROM tally"),
                  db.single("SELECT count(*) FROM callout"));
        EXPECT_EQ(db.single("SELECT coalesce(sum(count), 0) FROM tally WHERE state = 2"),
                  db.single("SELECT count(*) FROM callout WHERE state = 2"));
        EXPECT_EQ(db.single("SELECT coalesce(sum(value), 0) FROM counter"),
                  db.single("SELECT count(*) FROM event"));
        // No half event: each has its callout; no delivered callout without its attempt.
        EXPECT_EQ(
            db.single("SELECT count(*) FROM event WHERE length(callouts) = 16 AND callouts NOT IN"
                      " (SELECT id FROM callout)"),
            "0");
        EXPECT_EQ(db.single("SELECT count(*) FROM callout WHERE state = 2 AND id NOT IN"
                            " (SELECT callout_id FROM attempt)"),
                  "0");
    }

    std::filesystem::path trace_ = directory_.file("trace");
};

// R-01, the store's part.
TEST_F(CrashTest, WhatWasAcknowledgedSurvivesKills) {
    constexpr unsigned kSeed = 7;
    std::mt19937 random(kSeed);
    std::size_t acknowledged = 0;
    for (int round = 0; round < 60; ++round) {
        SCOPED_TRACE("seed " + std::to_string(kSeed) + " round " + std::to_string(round));
        Child child(helper("r" + std::to_string(round) + "-", 1'000'000, 64));
        child.read_lines(1 + random() % 400);
        child.kill();
        const auto [keys, status] = child.finish();
        EXPECT_EQ(status, 128 + SIGKILL);
        acknowledged += keys.size();
        expect_sound_and_stored(keys);
    }
    EXPECT_GT(acknowledged, 60U);
}

// Q1: with every acknowledgement a sync came first.
TEST_F(CrashTest, NoAcknowledgementLeavesBeforeItsSync) {
    if (!strace_works()) GTEST_SKIP() << "strace does not work here";
    const auto [keys, status] =
        Child(traced({"-e", "trace=fdatasync,write"}, helper("k", 30, 1))).finish();
    ASSERT_EQ(status, 0);
    ASSERT_EQ(keys.size(), 30U);
    bool synced = false;
    int acknowledgements = 0;
    std::ifstream trace(trace_);
    for (std::string line; std::getline(trace, line);) {
        const bool returned = line.find("= 0") != std::string::npos;
        if (line.find("fdatasync") != std::string::npos && returned) synced = true;
        if (line.find("\"ack ") == std::string::npos) continue;
        EXPECT_TRUE(synced) << line;
        synced = false;
        ++acknowledgements;
    }
    EXPECT_EQ(acknowledgements, 30);
}

// R-02, on the calls that change files; also R-19: the first of them are the migration's.
TEST_F(CrashTest, AKillAtAnySystemCallLosesNothingAcknowledged) {
    if (!strace_works()) GTEST_SKIP() << "strace does not work here";
    int points = 0;
    for (int call = 1;; ++call) {
        SCOPED_TRACE("killed at call " + std::to_string(call));
        for (const char* suffix : {"", "-wal", "-shm", ".ballast"}) {
            std::filesystem::remove(path().string() + suffix);
        }
        const std::string calls = "fdatasync,pwrite64,ftruncate,unlink";
        const auto [keys, status] =
            Child(traced({"-e", "trace=" + calls, "-e",
                          "inject=" + calls + ":signal=SIGKILL:when=" + std::to_string(call)},
                         helper("k", 4, 2)))
                .finish();
        expect_sound_and_stored(keys);
        if (status == 0) break;
        ASSERT_EQ(status, 128 + SIGKILL);
        ++points;
    }
    RecordProperty("kill_points", points);
    EXPECT_GT(points, 40);
}

// a failed sync acknowledges nothing, the process ends, and sending again gives exactly one
// event.
TEST_F(CrashTest, AFailedSyncIsNeverAcknowledged) {
    if (!strace_works()) GTEST_SKIP() << "strace does not work here";
    Child(helper("setup", 1, 1)).finish();
    int failed = 0;
    for (int call = 1; call <= 12; ++call) {
        for (const char* persistence : {"", "+"}) {
            const std::string prefix = "f" + std::to_string(call) + persistence + "-";
            SCOPED_TRACE(prefix);
            const auto [keys, status] =
                Child(traced(
                          {"-y", "-e", "trace=fdatasync,write", "-e",
                           "inject=fdatasync:error=EIO:when=" + std::to_string(call) + persistence},
                          helper(prefix, 8, 1)))
                    .finish();
            EXPECT_FALSE(a_sync_failed_before_the_last_acknowledgement());
            EXPECT_TRUE(status == 74 || status == 5 || status == 0) << status;
            EXPECT_EQ(keys.size() == 8, status == 0);
            failed += status == 0 ? 0 : 1;
            expect_sound_and_stored(keys);
            const auto [resent, resent_status] = Child(helper(prefix, 8, 4)).finish();
            EXPECT_EQ(resent_status, 0);
            EXPECT_EQ(resent.size(), 8U);
            sqlite::Connection db(path(), sqlite::Connection::Access::kReadOnly);
            EXPECT_EQ(db.single("SELECT count(*) FROM event WHERE key GLOB '" + prefix + "*'"),
                      "8");
        }
    }
    EXPECT_GE(failed, 20);
}

// Q5: a checkpoint whose sync failed is not tried again; the -wal that holds everything stays.
TEST_F(CrashTest, AFailedSyncWhileClosingKeepsTheWal) {
    if (!strace_works()) GTEST_SKIP() << "strace does not work here";
    Child(helper("setup", 1, 1)).finish();
    const auto [keys, status] =
        Child(traced({"-y", "-e", "trace=fdatasync,write", "-P", path().string(), "-e",
                      "inject=fdatasync:error=EIO:when=1+"},
                     helper("k", 5, 1)))
            .finish();
    EXPECT_EQ(status, 0);
    EXPECT_EQ(keys.size(), 5U);
    EXPECT_TRUE(std::filesystem::exists(path().string() + "-wal"));
    expect_sound_and_stored(keys);
}

}  // namespace
}  // namespace herald::storage
