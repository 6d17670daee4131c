#include "storage/database_lock.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>

#include "tests/support/temp_directory.h"

namespace herald::storage {
namespace {

class DatabaseLockTest : public ::testing::Test {
protected:
    test::TempDirectory directory_;
    std::filesystem::path database_ = directory_.file("herald.db");
};

TEST_F(DatabaseLockTest, NamesTheProcessThatOwnsTheDatabase) {
    const auto lock = DatabaseLock::acquire(database_, DatabaseLock::Owner::kDaemon);
    ASSERT_TRUE(lock);
    const auto second = DatabaseLock::acquire(database_, DatabaseLock::Owner::kCommand);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().kind, core::ErrorKind::kConflict);
    EXPECT_EQ(second.error().code, "already_running");
    EXPECT_EQ(second.error().details.at("pid"), ::getpid());
    EXPECT_EQ(second.error().details.at("owner"), "daemon");
    struct stat status{};
    ASSERT_EQ(::stat((database_.string() + ".lock").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

TEST_F(DatabaseLockTest, IsFreeAgainAfterDestructionAndAfterAMove) {
    {
        auto lock = DatabaseLock::acquire(database_, DatabaseLock::Owner::kCommand);
        ASSERT_TRUE(lock);
        const DatabaseLock moved = std::move(*lock);
        EXPECT_FALSE(DatabaseLock::acquire(database_, DatabaseLock::Owner::kDaemon));
    }
    EXPECT_TRUE(DatabaseLock::acquire(database_, DatabaseLock::Owner::kDaemon));
}

TEST_F(DatabaseLockTest, RefusesAFolderThatIsNotThere) {
    EXPECT_EQ(
        DatabaseLock::acquire("/nonexistent/herald.db", DatabaseLock::Owner::kDaemon).error().code,
        "storage_error");
}

/// Runs in the child: says whether it got the lock, then holds it until it is killed.
[[noreturn]] void hold_lock(const std::filesystem::path& database, int report) {
    const auto lock = DatabaseLock::acquire(database, DatabaseLock::Owner::kDaemon);
    const char word = lock ? 'y' : 'n';
    if (::write(report, &word, 1) != 1) ::_exit(1);
    for (;;) ::pause();
}

TEST_F(DatabaseLockTest, OfManySimultaneousStartsExactlyOneWinsAndItsDeathFreesTheLock) {
    for (int round = 0; round < 25; ++round) {
        std::array<int, 2> channel{};
        ASSERT_EQ(::pipe(channel.data()), 0);
        std::array<pid_t, 4> children{};
        for (pid_t& child : children) {
            child = ::fork();
            if (child == 0) hold_lock(database_, channel[1]);
        }
        int winners = 0;
        for (std::size_t i = 0; i < children.size(); ++i) {
            char word = '?';
            ASSERT_EQ(::read(channel[0], &word, 1), 1);
            winners += word == 'y' ? 1 : 0;
        }
        EXPECT_EQ(winners, 1);
        for (const pid_t child : children) {
            ::kill(child, SIGKILL);
            ::waitpid(child, nullptr, 0);
        }
        ::close(channel[0]);
        ::close(channel[1]);
    }
    EXPECT_TRUE(DatabaseLock::acquire(database_, DatabaseLock::Owner::kDaemon));
}

}  // namespace
}  // namespace herald::storage
