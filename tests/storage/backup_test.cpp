#include "storage/sqlite/backup.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <thread>

#include "storage/sqlite/connection.h"
#include "storage/sqlite/open_database.h"
#include "tests/storage/store_fixture.h"

namespace herald::storage {
namespace {

class BackupTest : public StoreFixture {
protected:
    void SetUp() override { open(); }

    [[nodiscard]] core::Result<std::unique_ptr<Store>> open_copy() {
        return open_sqlite_store({.path = copy_}, key_ring(), clock_);
    }

    [[nodiscard]] bool is_left(const std::string& start) const {
        return std::ranges::any_of(
            std::filesystem::directory_iterator(directory_.path()),
            [&](const auto& entry) { return entry.path().string().starts_with(start); });
    }
    [[nodiscard]] static pid_t a_dead_process() {
        const pid_t pid = ::fork();
        if (pid == 0) ::_exit(0);
        ::waitpid(pid, nullptr, 0);
        return pid;
    }

    std::filesystem::path copy_ = directory_.file("copy.db");
};

TEST_F(BackupTest, HoldsEveryEventThatWasAcknowledgedBeforeItWhileOthersGoOn) {
    const auto notification = given_notification(sample_notification("n", given_provider("crm")));
    std::vector<core::EventId> before;
    for (int i = 0; i < 12; ++i) {
        const auto event = sample_event(std::string(1 << 20, 'x'));
        ASSERT_TRUE(
            append(*store_, sample_new_event(*store_, event, {sample_callout(notification)})));
        before.push_back(event->id);
    }
    {
        std::jthread others([&](const std::stop_token& stop) {
            while (!stop.stop_requested()) given_callout(notification);
        });
        ASSERT_TRUE(store_->backup(copy_.string()));
    }
    struct stat status{};
    ASSERT_EQ(::stat(copy_.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0600U);
    EXPECT_FALSE(std::filesystem::exists(copy_.string() + "-wal"));

    const auto restored = open_copy();
    ASSERT_TRUE(restored);
    for (const auto& id : before) EXPECT_TRUE((*restored)->event(id));
    EXPECT_EQ((*restored)->provider("crm")->client_secret->reveal(), "client-secret-canary");
    (*restored)->close();
    sqlite::Connection db(copy_, sqlite::Connection::Access::kReadOnly);
    EXPECT_EQ(db.single("PRAGMA integrity_check"), "ok");
}

TEST_F(BackupTest, NeverReplacesAFile) {
    ASSERT_TRUE(store_->backup(copy_.string()));
    const auto again = store_->backup(copy_.string());
    EXPECT_EQ(again.error().kind, core::ErrorKind::kConflict);
    EXPECT_NE(again.error().message.find("there is a file of this name"), std::string::npos);
    EXPECT_EQ(store_->backup("/nonexistent/copy.db").error().code, "storage_error");
    EXPECT_FALSE(is_left(copy_.string() + ".unfinished"));
}

TEST_F(BackupTest, OneThatFailsAtTheEndLeavesNothing) {
    sqlite::Connection source = sqlite::open_reader(path());
    auto backup = std::make_unique<sqlite::Backup>(source, copy_);
    EXPECT_TRUE(is_left(copy_.string() + ".unfinished"));
    while (!backup->step()) {
    }
    std::ofstream(copy_) << "another program's";
    EXPECT_THROW(backup->finish(), sqlite::Refusal);
    backup.reset();
    EXPECT_FALSE(is_left(copy_.string() + ".unfinished"));
    EXPECT_EQ(std::filesystem::file_size(copy_), 17U);
}

TEST_F(BackupTest, SweepsWhatAKilledOneLeftAndNothingElse) {
    const auto left_by = [&](const std::string& rest) {
        const std::string name = copy_.string() + ".unfinished-" + rest;
        std::ofstream(name).flush();
        return name;
    };
    const std::string dead = std::to_string(a_dead_process());
    const std::vector<std::string> swept{left_by(dead), left_by(dead + "-wal"),
                                         left_by(dead + "-journal"),
                                         left_by(std::to_string(::getpid()))};
    const std::vector<std::string> kept{left_by(std::to_string(::getppid())), left_by(dead + "x"),
                                        left_by("x"), left_by("")};
    const auto of_another = directory_.file("other.db.unfinished-" + dead);
    std::ofstream(of_another).flush();
    // As a container that shares the folder: it writes, and here nobody has its pid.
    const std::string elsewhere = left_by(std::to_string(a_dead_process()));
    const FileDescriptor written(::open(elsewhere.c_str(), O_RDWR | O_CLOEXEC));
    ASSERT_EQ(::flock(written.get(), LOCK_EX), 0);

    ASSERT_TRUE(store_->backup(copy_.string()));
    for (const auto& name : swept) EXPECT_FALSE(std::filesystem::exists(name)) << name;
    for (const auto& name : kept) EXPECT_TRUE(std::filesystem::exists(name)) << name;
    EXPECT_TRUE(std::filesystem::exists(of_another));
    EXPECT_TRUE(std::filesystem::exists(elsewhere));
    EXPECT_TRUE(open_copy());
}

TEST_F(BackupTest, WithoutItsKeyRingItStaysLocked) {
    ASSERT_TRUE(store_->backup(copy_.string()));
    auto other = KeyRing::create(directory_.file("other.key")).value();
    EXPECT_EQ(open_sqlite_store({.path = copy_}, std::move(other), clock_).error().code,
              "key_mismatch");
    EXPECT_TRUE(open_copy());
}

}  // namespace
}  // namespace herald::storage
