#include "storage/sqlite/open_database.h"

#include <gtest/gtest.h>

#include <fstream>

#include "storage/sqlite/database_file.h"
#include "storage/sqlite/hardening.h"
#include "storage/sqlite/schema.h"
#include "tests/storage/store_fixture.h"

namespace herald::storage {
namespace {

using sqlite::Connection;

class OpenDatabaseTest : public StoreFixture {
protected:
    [[nodiscard]] core::Error refused() {
        auto opened = try_open();
        EXPECT_FALSE(opened);
        return opened ? core::Error{} : opened.error();
    }

    [[nodiscard]] static std::string content(const std::filesystem::path& path) {
        std::ifstream file(path, std::ios::binary);
        return {std::istreambuf_iterator<char>(file), {}};
    }

    void run_on_file(const std::string& sql) const {
        Connection db(path(), Connection::Access::kReadWrite);
        static_cast<void>(db.single(sql));
    }
};

TEST_F(OpenDatabaseTest, MakesADatabaseOfTheNewestSchemaFromNothingAndFromAnEmptyFile) {
    EXPECT_FALSE(database_exists(path()));
    std::ofstream(path()).flush();
    EXPECT_FALSE(database_exists(path()));
    open();
    EXPECT_TRUE(database_exists(path()));
    store_.reset();
    Connection db(path(), Connection::Access::kReadOnly);
    EXPECT_EQ(sqlite::schema_of(db), sqlite::newest_schema());
    EXPECT_EQ(db.single("PRAGMA application_id"), std::to_string(sqlite::kApplicationId));
    EXPECT_EQ(db.single("SELECT group_concat(name) FROM pragma_table_list WHERE schema = 'main' "
                        "AND type = 'table' AND strict = 0"
                        " AND name NOT LIKE 'sqlite_%'"),
              "");
}

TEST_F(OpenDatabaseTest, RefusesANewerSchema) {
    open();
    store_.reset();
    run_on_file("INSERT INTO schema_version (number, applied_at) VALUES (999, 0) RETURNING number");
    const auto error = refused();
    EXPECT_EQ(error.code, "storage_error");
    EXPECT_NE(error.message.find("schema 999"), std::string::npos) << error.message;
}

TEST_F(OpenDatabaseTest, RefusesTheDatabaseOfAnotherProgramAndLeavesItAsItWas) {
    std::ofstream(path()).flush();
    run_on_file("CREATE TABLE other (x)");
    const std::string before = content(path());
    EXPECT_NE(refused().message.find("another program"), std::string::npos);
    EXPECT_EQ(content(path()), before);
}

TEST_F(OpenDatabaseTest, RefusesWhatIsNoDatabase) {
    std::ofstream(path()) << std::string(5000, 'x');
    EXPECT_NE(refused().message.find("no database of herald"), std::string::npos);
    EXPECT_EQ(content(path()), std::string(5000, 'x'));
}

TEST_F(OpenDatabaseTest, RefusesAFolderAndAMissingFolder) {
    std::filesystem::create_directory(path());
    EXPECT_NE(refused().message.find("it is a folder"), std::string::npos);
    core::SystemClock clock;
    const auto missing = open_sqlite_store({.path = "/nonexistent/herald.db"}, key_ring(), clock);
    EXPECT_EQ(missing.error().code, "storage_error");
    EXPECT_NE(missing.error().message.find("No such file"), std::string::npos);
}

TEST_F(OpenDatabaseTest, RefusesTheWrongKeyRingAndLeavesTheDatabaseAsItWas) {
    open();
    given_provider("crm");
    store_.reset();
    const std::string before = content(path());
    core::SystemClock clock;
    auto other = KeyRing::create(directory_.file("other.key")).value();
    const auto opened = open_sqlite_store({.path = path()}, std::move(other), clock);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, "key_mismatch");
    EXPECT_EQ(content(path()), before);
    open();
    EXPECT_TRUE(store_->provider("crm"));
}

TEST_F(OpenDatabaseTest, TellsWhenAnotherProgramHasItLocked) {
    open();
    store_.reset();
    Connection other(path(), Connection::Access::kReadWrite);
    static_cast<void>(other.single("PRAGMA locking_mode = EXCLUSIVE"));
    other.script("BEGIN EXCLUSIVE");
    EXPECT_EQ(refused().code, "database_locked");
}

TEST_F(OpenDatabaseTest, TakesAccessAwayFromOthersAtEveryStart) {
    open();
    store_.reset();
    std::filesystem::permissions(path(), std::filesystem::perms(0644));
    open();
    EXPECT_EQ(std::filesystem::status(path()).permissions(), std::filesystem::perms(0600));
}

TEST_F(OpenDatabaseTest, KnowsNetworkFileSystems) {
    for (const std::int64_t magic : {0x6969L, 0xFF534D42L, 0x01021997L, 0x65735546L}) {
        EXPECT_TRUE(sqlite::is_network_file_system(magic));
        EXPECT_TRUE(sqlite::is_network_file_system(static_cast<std::int32_t>(magic)));
    }
    for (const std::int64_t magic : {0xEF53L, 0x58465342L, 0x01021994L, 0x9123683EL}) {
        EXPECT_FALSE(sqlite::is_network_file_system(magic));
    }
}

TEST_F(OpenDatabaseTest, KnowsWhichLibrariesHaveTheWalResetBug) {
    for (const int bad : {3'040'001, 3'044'005, 3'045'001, 3'050'006, 3'051'002, 3'052'000}) {
        EXPECT_TRUE(sqlite::has_wal_reset_bug(bad)) << bad;
    }
    for (const int good : {3'044'006, 3'050'007, 3'051'003, 3'053'001}) {
        EXPECT_FALSE(sqlite::has_wal_reset_bug(good)) << good;
    }
}

TEST_F(OpenDatabaseTest, EveryConnectionIsDurableAndProtected) {
    open();
    store_.reset();
    Connection writer = sqlite::open_writer(path(), key_ring(), clock_);
    Connection reader = sqlite::open_reader(path());
    for (Connection* db : {&writer, &reader}) {
        EXPECT_EQ(db->single("PRAGMA journal_mode"), "wal");
        EXPECT_EQ(db->single("PRAGMA synchronous"), "2");
        EXPECT_EQ(db->single("PRAGMA foreign_keys"), "1");
        EXPECT_EQ(db->single("PRAGMA trusted_schema"), "0");
        EXPECT_EQ(db->single("PRAGMA cell_size_check"), "1");
        EXPECT_EQ(db->single("PRAGMA wal_autocheckpoint"), "0");
        EXPECT_THROW(static_cast<void>(db->single("ATTACH ':memory:' AS other")), sqlite::Failure);
    }
    for (const char* change :
         {"CREATE TABLE t (x)", "DROP TABLE event", "ALTER TABLE event ADD COLUMN x"}) {
        EXPECT_THROW(static_cast<void>(writer.single(change)), sqlite::Failure) << change;
    }
}

TEST_F(OpenDatabaseTest, TheReadingConnectionCannotWrite) {
    open();
    Connection reader = sqlite::open_reader(path());
    EXPECT_THROW(reader.run("INSERT INTO counter (name, value) VALUES ('x', 1)"), sqlite::Failure);
    EXPECT_THROW(reader.run("PRAGMA user_version = 3"), sqlite::Failure);
    static_cast<void>(reader.single("PRAGMA query_only = OFF"));
    EXPECT_THROW(reader.run("DELETE FROM counter"), sqlite::Failure);
}

TEST_F(OpenDatabaseTest, AMigrationThatFailsLeavesNothingBehind) {
    ASSERT_TRUE(sqlite::prepare_database_file(path()));
    const KeyRing ring = key_ring();
    Connection db(path(), Connection::Access::kReadWrite);
    sqlite::protect(db);
    static_cast<void>(db.single("PRAGMA max_page_count = 12"));  // runs out in the middle
    EXPECT_THROW(sqlite::migrate(db, ring, kToldAt, 0), sqlite::Failure);
    EXPECT_EQ(sqlite::schema_of(db), 0);
    static_cast<void>(db.single("PRAGMA max_page_count = 100000"));
    sqlite::migrate(db, ring, kToldAt, 0);
    EXPECT_EQ(sqlite::schema_of(db), sqlite::newest_schema());
}

}  // namespace
}  // namespace herald::storage
