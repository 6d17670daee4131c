#include "storage/beside_database.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <thread>

#include "storage/database_lock.h"
#include "tests/storage/store_fixture.h"

namespace herald::storage {
namespace {

class BesideDatabaseTest : public StoreFixture {
protected:
    [[nodiscard]] bool exists(const std::string& name) const {
        return std::filesystem::exists(directory_.file(name));
    }
    [[nodiscard]] static uid_t owner_of(const std::filesystem::path& file) {
        struct stat status{};
        EXPECT_EQ(::stat(file.c_str(), &status), 0) << file;
        return status.st_uid;
    }
};

TEST_F(BesideDatabaseTest, FollowsTheLastNameOnly) {
    const auto real = directory_.file("real.db");
    std::filesystem::create_symlink("real.db", directory_.file("near.db"));
    std::filesystem::create_symlink(directory_.file("near.db"), directory_.file("far.db"));
    std::filesystem::create_directory_symlink(directory_.path(), directory_.file("folder"));
    std::filesystem::create_symlink("circle.db", directory_.file("circle.db"));
    EXPECT_EQ(resolved_database(real), real);
    EXPECT_EQ(resolved_database(directory_.file("near.db")), real);
    EXPECT_EQ(resolved_database(directory_.file("far.db")), real) << "it need not exist yet";
    EXPECT_EQ(resolved_database("herald.db"), "herald.db");
    const auto through_folder = directory_.file("folder") / "x.db";
    EXPECT_EQ(resolved_database(through_folder), through_folder);
    EXPECT_EQ(resolved_database(directory_.file("circle.db")).filename(), "circle.db");
}

TEST_F(BesideDatabaseTest, ALinkAndTheFileItLeadsToHaveOneLock) {
    const auto link = directory_.file("link.db");
    std::filesystem::create_symlink(path(), link);
    const auto lock = DatabaseLock::acquire(path(), DatabaseLock::Owner::kDaemon);
    ASSERT_TRUE(lock);
    EXPECT_EQ(DatabaseLock::acquire(link, DatabaseLock::Owner::kCommand).error().code,
              "already_running");
    EXPECT_FALSE(exists("link.db.lock"));
}

TEST_F(BesideDatabaseTest, ADatabaseOpenedByALinkHasItsFilesBesideTheRealOne) {
    const auto link = directory_.file("link.db");
    std::filesystem::create_symlink(path(), link);
    auto opened = open_sqlite_store({.path = link}, key_ring(), clock_);
    ASSERT_TRUE(opened) << opened.error().message;
    for (const std::string suffix : {"", "-wal", "-shm", ".ballast"})
        EXPECT_TRUE(exists("herald.db" + suffix)) << suffix;
    for (const std::string suffix : {"-wal", "-shm", ".ballast"})
        EXPECT_FALSE(exists("link.db" + suffix)) << suffix;
}

TEST_F(BesideDatabaseTest, WhatRootMakesBelongsToTheOwnerOfTheDatabase) {
    if (::geteuid() != 0) GTEST_SKIP() << "only root can make a file that is another's";
    constexpr uid_t kService = 12345;
    open();
    store_.reset();
    ASSERT_EQ(::chown(path().c_str(), kService, kService), 0);
    ASSERT_EQ(::chown(key_path().c_str(), kService, kService), 0);
    std::filesystem::remove(path().string() + ".ballast");
    const auto lock = DatabaseLock::acquire(path(), DatabaseLock::Owner::kCommand);
    ASSERT_TRUE(lock);
    open();
    ASSERT_TRUE(key_ring().rotated(key_path()));
    ASSERT_TRUE(key_ring().pruned(key_path()));
    const auto restored_key = directory_.file("other.key");
    ASSERT_TRUE(KeyRing::create(restored_key, path()));
    for (const std::string suffix : {"-wal", "-shm", ".ballast", ".lock", ".key"})
        EXPECT_EQ(owner_of(path().string() + suffix), kService) << suffix;
    EXPECT_EQ(owner_of(restored_key), kService);
}

TEST_F(BesideDatabaseTest, ALockFileThatRootLeftIsGivenBackByTheNextRoot) {
    if (::geteuid() != 0) GTEST_SKIP() << "only root can give a file away";
    static_cast<void>(DatabaseLock::acquire(path(), DatabaseLock::Owner::kCommand));
    EXPECT_EQ(owner_of(path().string() + ".lock"), 0U);
    std::ofstream(path()).flush();
    ASSERT_EQ(::chown(path().c_str(), 12345, 12345), 0);
    static_cast<void>(DatabaseLock::acquire(path(), DatabaseLock::Owner::kCommand));
    EXPECT_EQ(owner_of(path().string() + ".lock"), 12345U);
}

TEST_F(BesideDatabaseTest, AFileWithASecondNameIsNotGivenAway) {
    if (::geteuid() != 0) GTEST_SKIP() << "only root can give a file away";
    std::ofstream(path()).flush();
    ASSERT_EQ(::chown(path().c_str(), 12345, 12345), 0);
    std::ofstream(directory_.file("of-root")).flush();
    std::filesystem::create_hard_link(directory_.file("of-root"), path().string() + ".lock");
    static_cast<void>(DatabaseLock::acquire(path(), DatabaseLock::Owner::kCommand));
    EXPECT_EQ(owner_of(directory_.file("of-root")), 0U);
}

TEST_F(BesideDatabaseTest, OfManyWhoTakeAndRemoveTheLockOneHasItAtATime) {
    std::atomic<int> owners{0};
    std::atomic<int> taken{0};
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < 4; ++i) {
            threads.emplace_back([&] {
                for (int round = 0; round < 2000; ++round) {
                    auto lock = DatabaseLock::acquire(path(), DatabaseLock::Owner::kCommand);
                    if (!lock) continue;
                    EXPECT_EQ(++owners, 1);
                    ++taken;
                    --owners;
                    lock->release_and_remove();
                }
            });
        }
    }
    EXPECT_GT(taken, 100);
    EXPECT_FALSE(exists("herald.db.lock"));
}

TEST_F(BesideDatabaseTest, ARemovedDatabaseLeavesNothing) {
    open();
    store_.reset();
    remove_database(path());
    std::filesystem::remove(key_path());
    EXPECT_TRUE(std::filesystem::is_empty(directory_.path()));
}

}  // namespace
}  // namespace herald::storage
