#include <gmock/gmock.h>

#include "storage/sqlite/callout_list.h"
#include "storage/sqlite/connection.h"
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

TEST_F(QueryPlanTest, NoHotStatementScansOrSorts) {
    using namespace sqlite;
    for (const Sql sql :
         {kFindKey,
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
          Sql("SELECT seq FROM attempt WHERE callout_id = ? ORDER BY seq DESC LIMIT 1000")}) {
        EXPECT_THAT(plan_of(sql.text()), kNoScanNoSort) << sql.text();
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
                HasSubstr("INDEX callout_pending (notification_id=? AND queue=?)"));
    EXPECT_THAT(plan_of(sqlite::kClaimedCallouts.text()), HasSubstr("INDEX callout_claimed"));
    EXPECT_THAT(plan_of(sqlite::kNextOfOrderKey.text()),
                HasSubstr("INDEX callout_order (notification_id=? AND order_key=? AND queue=?)"));
    EXPECT_THAT(plan_of(sqlite::kOrderKeyActive.text()),
                HasSubstr("INDEX callout_order (notification_id=? AND order_key=? AND queue<?)"));
    EXPECT_THAT(plan_of(sqlite::kFindKey.text()), HasSubstr("INDEX event_key (key=?)"));
}

TEST_F(QueryPlanTest, ListingsOfTheDeadReadTheirIndexInItsOrder) {
    EXPECT_THAT(
        plan_of("SELECT callout_id FROM undelivered WHERE state = ?4 AND callout_id >= ?1"
                " AND callout_id < ?2 ORDER BY callout_id DESC LIMIT ?3"),
        AllOf(HasSubstr("PRIMARY KEY (state=? AND callout_id>? AND callout_id<?)"), kNoScanNoSort));
    EXPECT_THAT(plan_of("SELECT callout_id FROM undelivered WHERE notification_name = ?5"
                        " AND state = ?4 AND callout_id >= ?1 AND callout_id < ?2"
                        " ORDER BY callout_id DESC LIMIT ?3"),
                AllOf(HasSubstr("INDEX undelivered_name (notification_name=? AND state=?"
                                " AND callout_id>? AND callout_id<?)"),
                      kNoScanNoSort));
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
