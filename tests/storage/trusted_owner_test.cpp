#include "storage/trusted_owner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "storage/database_lock.h"
#include "storage/key_ring.h"
#include "tests/support/temp_directory.h"

// What is used because it stands at a path: who may have put it there.
namespace herald::storage {
namespace {

using testing::HasSubstr;

constexpr uid_t kStranger = 54321;

class TrustedOwnerTest : public testing::Test {
protected:
    struct stat status_of(uid_t owner, mode_t mode) {
        struct stat status{};
        status.st_uid = owner;
        status.st_mode = S_IFREG | mode;
        return status;
    }

    test::TempDirectory folder_;
    std::filesystem::path path_ = folder_.file("herald.db");
};

TEST_F(TrustedOwnerTest, IsWhoRunsUsOrRoot) {
    EXPECT_TRUE(check_trusted(status_of(::geteuid(), 0600), "the lock file", path_));
    EXPECT_TRUE(check_trusted(status_of(0, 0644), "the lock file", path_));
    // Where only root can put files, root trusts whomever it gave them to.
    std::filesystem::permissions(folder_.path(), std::filesystem::perms::others_write,
                                 std::filesystem::perm_options::add);
    const auto refused = check_trusted(status_of(kStranger, 0600), "the lock file", path_);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, "not_trusted");
    EXPECT_THAT(refused.error().message, HasSubstr("the lock file " + path_.string()));
    EXPECT_THAT(refused.error().message, HasSubstr("uid 54321"));
}

TEST_F(TrustedOwnerTest, WhatOthersCanWriteIsNotTrustedWhoeverOwnsIt) {
    for (const mode_t mode : {0660U, 0606U, 0622U, 0777U}) {
        const auto refused = check_trusted(status_of(::geteuid(), mode), "the socket", path_);
        ASSERT_FALSE(refused) << mode;
        EXPECT_THAT(refused.error().message, HasSubstr("chmod go-w"));
    }
}

TEST_F(TrustedOwnerTest, AFolderInWhichOthersCanReplaceFilesIsNot) {
    EXPECT_TRUE(check_trusted_folder(folder_.path()));
    EXPECT_TRUE(check_trusted_folder("/tmp")) << "sticky";
    std::filesystem::permissions(folder_.path(), std::filesystem::perms::group_write,
                                 std::filesystem::perm_options::add);
    EXPECT_FALSE(check_trusted_folder(folder_.path()));
}

class AsRootTest : public TrustedOwnerTest {
protected:
    void let_others_write() {
        std::filesystem::permissions(folder_.path(), std::filesystem::perms::others_write,
                                     std::filesystem::perm_options::add);
    }
    void SetUp() override {
        if (::geteuid() != 0) GTEST_SKIP() << "only root can give files away";
    }
    void give_away(const std::filesystem::path& path) {
        ASSERT_EQ(::chown(path.c_str(), kStranger, static_cast<gid_t>(-1)), 0);
    }
};

TEST_F(AsRootTest, RootMayAdministerTheDatabaseOfAService) {
    EXPECT_TRUE(is_trusted_owner(kStranger, path_)) << "only root can have put it there";
    give_away(folder_.path());
    EXPECT_TRUE(is_trusted_owner(kStranger, path_));
    let_others_write();
    EXPECT_FALSE(is_trusted_owner(kStranger, path_)) << "anybody could have put it there";
}

TEST_F(AsRootTest, ALockThatSomebodyElsePutThereIsNoLock) {
    let_others_write();
    const auto lock = path_.string() + ".lock";
    std::ofstream(lock) << "1 daemon\n";
    give_away(lock);
    const auto taken = DatabaseLock::acquire(path_, DatabaseLock::Owner::kCommand);
    ASSERT_FALSE(taken);
    EXPECT_EQ(taken.error().code, "not_trusted");
    EXPECT_THAT(taken.error().message, HasSubstr(lock));
}

TEST_F(AsRootTest, AKeyRingOfSomebodyElseOpensNothing) {
    let_others_write();
    const auto ring = folder_.file("herald.db.key");
    ASSERT_TRUE(KeyRing::create(ring));
    give_away(ring);
    const auto loaded = KeyRing::load(ring);
    ASSERT_FALSE(loaded);
    EXPECT_EQ(loaded.error().code, "not_trusted");
}

}  // namespace
}  // namespace herald::storage
