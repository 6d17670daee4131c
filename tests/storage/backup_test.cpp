#include <gtest/gtest.h>
#include <sys/stat.h>

#include <thread>

#include "storage/sqlite/connection.h"
#include "tests/storage/store_fixture.h"

namespace herald::storage {
namespace {

class BackupTest : public StoreFixture {
protected:
    void SetUp() override { open(); }

    [[nodiscard]] core::Result<std::unique_ptr<Store>> open_copy() {
        return open_sqlite_store({.path = copy_}, key_ring(), clock_);
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

TEST_F(BackupTest, NeverReplacesAFileAndLeavesNothingUnfinished) {
    ASSERT_TRUE(store_->backup(copy_.string()));
    const auto again = store_->backup(copy_.string());
    EXPECT_EQ(again.error().kind, core::ErrorKind::kConflict);
    EXPECT_NE(again.error().message.find("there is a file of this name"), std::string::npos);
    EXPECT_EQ(store_->backup("/nonexistent/copy.db").error().code, "storage_error");
    for (const auto& entry : std::filesystem::directory_iterator(directory_.path())) {
        EXPECT_EQ(entry.path().string().find("unfinished"), std::string::npos) << entry.path();
    }
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
