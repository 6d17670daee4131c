#include <gmock/gmock.h>
#include <sqlite3.h>

#include <array>

#include "storage/sqlite/callout_list.h"
#include "storage/sqlite/callout_rows.h"
#include "storage/sqlite/connection.h"
#include "storage/sqlite/event_rows.h"
#include "storage/sqlite/hot_statements.h"
#include "tests/storage/store_fixture.h"

namespace herald::storage {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class QueryPlanTest : public StoreFixture {
protected:
    void SetUp() override { open(); }

    [[nodiscard]] std::string plan_of(const char* sql) const {
        sqlite::Connection db(path(), sqlite::Connection::Access::kReadOnly);
        std::string plan;
        for (const std::string& line : db.column("EXPLAIN QUERY PLAN " + std::string(sql), 3)) {
            plan += line + "\n";
        }
        return plan;
    }
};

// `SCAN n` and `SCAN notification` walk the few notifications, which is meant.
const auto kNoScanNoSort = AllOf(Not(HasSubstr("SCAN callout")), Not(HasSubstr("SCAN c\n")),
                                 Not(HasSubstr("SCAN c ")), Not(HasSubstr("SCAN event")),
                                 Not(HasSubstr("SCAN attempt")), Not(HasSubstr("TEMP B-TREE")));

std::vector<sqlite::Sql> hot_statements() {
    using namespace sqlite;
    return {kFindKey,
            kFindEvent,
            kEventAt,
            kNextEvent,
            kDeleteEvent,
            kDeleteCallout,
            kDeleteAttempts,
            kInsertEvent,
            kInsertCallout,
            kDueCallouts,
            kNextDue,
            kTakeCallouts,
            kCalloutPlace,
            kEndCallout,
            kRequeueCallout,
            kOrderKeyActive,
            kNextOfOrderKey,
            kInsertAttempt,
            kClaimedCallouts,
            kUnfinishedOfProvider,
            Sql("DELETE FROM provider WHERE id = ?"),
            Sql("SELECT id FROM callout WHERE notification_id = ? AND state = 0 LIMIT ?"),
            Sql("SELECT seq FROM attempt WHERE callout_id = ? ORDER BY seq DESC LIMIT 1000")};
}

TEST_F(QueryPlanTest, NoHotStatementScansOrSorts) {
    for (const sqlite::Sql sql : hot_statements())
        EXPECT_THAT(plan_of(sql.text()), kNoScanNoSort) << sql.text();
}

// A claim would else parse and plan three statements each time.
TEST_F(QueryPlanTest, NoHotStatementIsPreparedAgainForOtherValues) {
    sqlite::Connection db(path(), sqlite::Connection::Access::kReadWrite);
    db.script("BEGIN");
    for (const sqlite::Sql sql : hot_statements()) {
        sqlite3_stmt* statement = nullptr;
        ASSERT_EQ(sqlite3_prepare_v3(db.handle(), sql.text(), -1, 0, &statement, nullptr),
                  SQLITE_OK);
        for (const int value : {0, 1, 2}) {
            for (int i = 1; i <= sqlite3_bind_parameter_count(statement); ++i)
                sqlite3_bind_int(statement, i, value);
            sqlite3_step(statement);
            sqlite3_reset(statement);
        }
        EXPECT_EQ(sqlite3_stmt_status(statement, SQLITE_STMTSTATUS_REPREPARE, 0), 0) << sql.text();
        sqlite3_finalize(statement);
    }
}

TEST_F(QueryPlanTest, ClaimsReadThePartialIndexInItsOrder) {
    EXPECT_THAT(plan_of(sqlite::kDueCallouts.text()),
                HasSubstr("INDEX callout_pending (notification_id=? AND queue=? AND due_at<?)"));
    EXPECT_THAT(
        plan_of(sqlite::kTakeCallouts.text()),
        HasSubstr("INDEX callout_pending (notification_id=? AND queue=? AND (due_at,id)<(?,?))"));
    EXPECT_THAT(plan_of(sqlite::kNextDue.text()),
                HasSubstr("INDEX callout_pending (notification_id=? AND queue=?)"));
    EXPECT_THAT(plan_of(sqlite::kOldestPending.text()),
                AllOf(HasSubstr("INDEX callout_pending (notification_id=? AND queue=?)"),
                      HasSubstr("SEARCH callout USING INDEX callout_retry")));
    EXPECT_THAT(plan_of(sqlite::kClaimedCallouts.text()), HasSubstr("INDEX callout_claimed"));
    EXPECT_THAT(plan_of(sqlite::kNextOfOrderKey.text()),
                HasSubstr("INDEX callout_order (notification_id=? AND order_key=? AND queue=?)"));
    EXPECT_THAT(plan_of(sqlite::kOrderKeyActive.text()),
                HasSubstr("INDEX callout_order (notification_id=? AND order_key=? AND queue<?)"));
    EXPECT_THAT(plan_of(sqlite::kFindKey.text()), HasSubstr("INDEX event_key (key=?)"));
}

/// Every statement that reading history, listing and counting run, whatever the filter.
std::vector<std::string> statements_of_all_readings(sqlite::Connection& db) {
    using namespace sqlite;
    const std::array<std::optional<std::string>, 2> names{std::nullopt, "n"};
    for (int state = -1; state <= static_cast<int>(CalloutState::kCancelled); ++state) {
        for (const auto& name : names) {
            CalloutFilter filter{.notification = name};
            if (state >= 0) filter.state = static_cast<CalloutState>(state);
            for (const bool of_event : {false, true}) {
                if (of_event) filter.event = core::EventId();
                Listing listing(filter);
                while (!listing.complete()) listing.read_some(db);
                static_cast<void>(dead_callouts(db, filter, 10));
            }
        }
    }
    static_cast<void>(read_counts(db));
    static_cast<void>(find_event(db, core::EventId()));
    static_cast<void>(callout_ids_of(db, core::EventId()));
    static_cast<void>(find_callout(db, core::CalloutId()));
    static_cast<void>(find_attempts(db, core::CalloutId()));
    return db.prepared_statements();
}

// By the statements that were run, so that one that is added is held against its plan too.
TEST_F(QueryPlanTest, NoReadingOfHistoryScansOrSorts) {
    given_callouts(given_notification(sample_notification("n")), 3);
    sqlite::Connection db(path(), sqlite::Connection::Access::kReadOnly);
    const auto statements = statements_of_all_readings(db);
    EXPECT_GT(statements.size(), 12U);
    for (const std::string& sql : statements) {
        EXPECT_THAT(plan_of(sql.c_str()), kNoScanNoSort) << sql;
        for (const std::string& line : db.column("EXPLAIN QUERY PLAN " + sql, 3)) {
            const bool scans = line.starts_with("SCAN");
            // What an operator configures is few, and `q` are the numbers of the queues.
            const bool of_few = line.starts_with("SCAN n") || line.starts_with("SCAN q") ||
                                line.starts_with("SCAN CONSTANT ROW") ||
                                line.starts_with("SCAN (subquery");
            EXPECT_TRUE(!scans || of_few) << line << "\n" << sql;
        }
    }
}

TEST_F(QueryPlanTest, TheForeignKeyCheckOfADeletedProviderUsesAnIndex) {
    // What SQLite runs for ON DELETE RESTRICT does not show in a query plan: count the rows it
    // steps over instead.
    const auto used = given_provider("used");
    const auto notification = given_notification(sample_notification("n", used));
    given_callouts(notification, 2000);
    given_provider("free");
    store_.reset();
    sqlite::Connection db(path(), sqlite::Connection::Access::kReadWrite);
    db.script("PRAGMA foreign_keys = ON");
    EXPECT_LT(db.steps_of("DELETE FROM provider WHERE name = 'free'"), 300);
}

}  // namespace
}  // namespace herald::storage
