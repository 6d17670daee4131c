#include <gmock/gmock.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/json/serialize.hpp>
#include <csignal>
#include <cstdlib>
#include <fstream>

#include "storage/sqlite/database_file.h"
#include "storage/sqlite/hardening.h"
#include "storage/sqlite/schema.h"
#include "tests/storage/first_schema.h"
#include "tests/storage/store_fixture.h"

namespace herald::storage {
namespace {

using sqlite::Connection;
using std::chrono::minutes;
using ::testing::ElementsAre;

class MigrationTest : public StoreFixture {
protected:
    void given_first_schema() { rows_ = make_first_schema(path(), key_ring()); }

    void expect_configuration() const {
        const auto provider = store_->provider("crm");
        ASSERT_TRUE(provider) << provider.error().message;
        EXPECT_EQ(provider->id, rows_.provider);
        EXPECT_EQ(provider->client_secret->reveal(), "secret-1");
        EXPECT_EQ(provider->token_requests, 17);
        const auto token = store_->token(rows_.provider);
        ASSERT_TRUE(token && *token);
        EXPECT_EQ((*token)->access_token->reveal(), "access-1");
        EXPECT_EQ((*token)->refresh_token->reveal(), "refresh-1");
        EXPECT_EQ((*token)->generation, 9);
        const auto revocations = store_->pending_revocations();
        ASSERT_EQ(revocations->size(), 1U);
        EXPECT_EQ(revocations->at(0).token.reveal(), "old-access-1");
    }

    void expect_notification() const {
        const auto notification = store_->notification("posted");
        ASSERT_TRUE(notification) << notification.error().message;
        EXPECT_EQ(notification->id, rows_.notification);
        EXPECT_EQ(notification->provider(), rows_.provider);
        EXPECT_EQ(notification->signing_secret->reveal(), "whsec_1");
        EXPECT_EQ(notification->max_in_flight, 7);
        EXPECT_EQ(notification->rate_per_s, 2.5);
        EXPECT_EQ(notification->retry.max_age, std::chrono::hours(24));
        EXPECT_THAT(notification->retry.reject, ElementsAre("4xx"));
        // What schema 1 did not know.
        EXPECT_EQ(notification->retry.jitter_percent, 20);
        EXPECT_EQ(notification->breaker, BreakerSettings{});
        EXPECT_FALSE(notification->order_by);
    }

    void expect_events() const {
        const auto event = store_->event(rows_.unfinished_event);
        ASSERT_TRUE(event) << event.error().message;
        EXPECT_EQ(event->type, "invoice.posted");
        EXPECT_EQ(event->data, R"({"n":1.0000000000000000001})");
        EXPECT_EQ(event->key, "key-1");
        EXPECT_EQ(event->occurred_at, kToldAt);
        EXPECT_EQ(event->received_at, kNow + std::chrono::milliseconds(5));
        EXPECT_EQ(store_->event(rows_.finished_event)->data, std::string("\xff\0\xfe", 3));
        EXPECT_THAT(callouts_of(rows_.unfinished_event),
                    ElementsAre(rows_.first_try, rows_.retry, rows_.in_flight));
        EXPECT_THAT(callouts_of(rows_.finished_event),
                    ElementsAre(rows_.delivered, rows_.dead, rows_.cancelled));
        EXPECT_THAT(callouts_of(rows_.unheard_event), ElementsAre());
    }
    [[nodiscard]] std::vector<core::CalloutId> callouts_of(core::EventId event) const {
        std::vector<core::CalloutId> ids;
        for (const CalloutRecord& callout : store_->callouts_of(event).value()) {
            EXPECT_EQ(callout.event, event);
            ids.push_back(callout.id);
        }
        return ids;
    }

    void expect_callouts() const {
        const auto retry = store_->callout(rows_.retry);
        ASSERT_TRUE(retry) << retry.error().message;
        EXPECT_EQ(retry->state, CalloutState::kPending);
        EXPECT_EQ(retry->reason, "retry");
        EXPECT_EQ(retry->due_at, kNow + minutes(5));
        EXPECT_EQ(retry->attempts, 3);
        EXPECT_EQ(retry->failures, 2);
        EXPECT_EQ(retry->provider_name, "crm");
        EXPECT_EQ(store_->callout(rows_.first_try)->due_at, kNow);
        EXPECT_EQ(store_->callout(rows_.in_flight)->state, CalloutState::kInFlight);
        EXPECT_EQ(store_->callout(rows_.delivered)->state, CalloutState::kDelivered);
        EXPECT_EQ(store_->callout(rows_.cancelled)->state, CalloutState::kCancelled);
        const auto dead = store_->callout(rows_.dead);
        EXPECT_EQ(dead->state, CalloutState::kDead);
        EXPECT_EQ(dead->reason, "gone");
        EXPECT_EQ(dead->notification, rows_.deleted_notification);
        EXPECT_EQ(dead->notification_name, "former");
        EXPECT_EQ(dead->provider_name, "crm");
        const auto attempts = store_->attempts_of(rows_.dead);
        ASSERT_EQ(attempts->size(), 2U);
        EXPECT_EQ(attempts->at(1).number, 2);
        EXPECT_EQ(attempts->at(1).status, 410);
        EXPECT_EQ(attempts->at(1).outcome, AttemptOutcome::kGone);
        EXPECT_EQ(attempts->at(1).response_excerpt, "ok");
    }

    void expect_counts() const {
        const auto counts = store_->counts();
        ASSERT_TRUE(counts);
        EXPECT_EQ(counts->events, 3);
        EXPECT_EQ(counts->oldest_pending_at,
                  std::min(store_->callout(rows_.retry)->created_at,
                           store_->callout(rows_.first_try)->created_at));
        ASSERT_EQ(counts->notifications.size(), 2U);
        EXPECT_EQ(counts->notifications[0].dead, 1) << "of deleted notifications";
        EXPECT_EQ(counts->notifications[1].pending, 2);
        EXPECT_EQ(counts->notifications[1].in_flight, 1);
        EXPECT_EQ(counts->notifications[1].delivered, 1);
        EXPECT_EQ(counts->notifications[1].cancelled, 1);
    }

    void expect_everything_is_there() const {
        expect_configuration();
        expect_notification();
        expect_events();
        expect_callouts();
        expect_counts();
    }

    FirstSchemaRows rows_;
};

TEST_F(MigrationTest, OpeningADatabaseOfTheFirstSchemaKeepsEverything) {
    given_first_schema();
    open();
    expect_everything_is_there();
    open();
    expect_everything_is_there();
}

TEST_F(MigrationTest, WhatWaitedGoesOnInItsQueue) {
    given_first_schema();
    open();
    const auto later = kNow + minutes(10);
    const auto retries =
        claim(*store_, rows_.notification, {.first_tries = 0, .retries = 9}, later);
    ASSERT_EQ(retries->callouts.size(), 1U);
    EXPECT_EQ(retries->callouts[0].id, rows_.retry);
    EXPECT_EQ(retries->callouts[0].attempts, 3);
    EXPECT_EQ(retries->callouts[0].failures, 2);
    EXPECT_EQ(retries->callouts[0].event->data, R"({"n":1.0000000000000000001})");
    EXPECT_EQ(retries->next_first_try_at, kNow);
    const auto first_tries = claim(*store_, rows_.notification, 9, later);
    ASSERT_EQ(first_tries->callouts.size(), 1U);
    EXPECT_EQ(first_tries->callouts[0].id, rows_.first_try);
    EXPECT_EQ(store_->take_lease("test", later)->sent_again, 3);
}

TEST_F(MigrationTest, WhatIsInUseStaysProtectedAndWhatIsKnownStaysKnown) {
    given_first_schema();
    open();
    EXPECT_EQ(store_->delete_provider("crm").error().code, "provider_in_use");
    EXPECT_EQ(store_->delete_notification("posted", false).error().code, "notification_in_use");
    const auto duplicate =
        append(*store_,
               sample_new_event(*store_, sample_event(R"({"n":1.0000000000000000001})", "key-1")));
    ASSERT_EQ(duplicate->status, AppendStatus::kDuplicate);
    EXPECT_EQ(duplicate->event, rows_.unfinished_event);
    EXPECT_EQ(duplicate->callouts.size(), 3U);
    EXPECT_EQ(listed(*store_, {.state = CalloutState::kDead}).at(0).id, rows_.dead);
    EXPECT_EQ(store_->retry_callout(rows_.cancelled, kNow)->state, CalloutState::kPending);
    EXPECT_EQ(prune_all(*store_, {.keep_since = kNow + minutes(1)}), 1) << "the unheard one";
    EXPECT_EQ(store_->event(rows_.unheard_event).error().code, "not_found");
}

// What an earlier version kept of a token's answer may have been the token itself.
TEST_F(MigrationTest, WhatAServerMayHaveEchoedIsNotCarriedOn) {
    given_first_schema();
    {
        Connection db(path(), Connection::Access::kReadWrite);
        sqlite::protect(db);
        sqlite::make_writer(db);
        sqlite::migrate(db, key_ring(), kToldAt, 1, 3);
        db.script(R"sql(
UPDATE provider SET last_error =
    '{"class":"oauth","code":"CANARY-code","description":"you sent CANARY","status":401,"at":1}';
UPDATE provider SET settings = '{"access_token_pointer":"/jwt","base_attribute":"api"}';
UPDATE token SET attributes =
    '{"jwt":"CANARY-token","other":"CANARY-more","n":1,"api":"https://x","track_id":"t-1"}';
)sql");
    }
    open();
    const auto token = store_->token(rows_.provider);
    ASSERT_TRUE(token && *token);
    EXPECT_EQ(boost::json::serialize((*token)->attributes),
              R"({"api":"https://x","track_id":"t-1"})");
    EXPECT_EQ(store_->provider("crm")->last_error->code, "unsuccessful");
    EXPECT_EQ(store_->provider("crm")->last_error->status, 401);
    store_.reset();
    std::ifstream file(path(), std::ios::binary);
    const std::string bytes(std::istreambuf_iterator<char>(file), {});
    EXPECT_EQ(bytes.find("CANARY"), std::string::npos) << "nor in what is free of the file";
}

/// Brings the database from schema `from` to the next in a process of its own.
class MigrationCrashTest : public MigrationTest, public ::testing::WithParamInterface<int> {
protected:
    static int kill_when_none_is_left(unsigned /*event*/, void* left, void* /*statement*/,
                                      void* /*text*/) {
        if ((*static_cast<int*>(left))-- == 0) std::raise(SIGKILL);
        return 0;
    }

    /// False where it was killed before the statement after the first `statements`.
    [[nodiscard]] bool migrates_within(int statements, const KeyRing& ring) const {
        const pid_t child = ::fork();
        if (child == 0) {
            Connection db(path(), Connection::Access::kReadWrite);
            sqlite::protect(db);
            sqlite::make_writer(db);
            sqlite3_trace_v2(db.handle(), SQLITE_TRACE_STMT, kill_when_none_is_left, &statements);
            sqlite::migrate(db, ring, kToldAt, GetParam(), GetParam() + 1);
            std::_Exit(EXIT_SUCCESS);
        }
        int status = 0;
        EXPECT_EQ(::waitpid(child, &status, 0), child);
        EXPECT_TRUE(!WIFEXITED(status) || WEXITSTATUS(status) == EXIT_SUCCESS);
        return WIFEXITED(status);
    }

    void given_database(const std::filesystem::path& original) const {
        for (const char* suffix : {"", "-wal", "-shm"})
            std::filesystem::remove(path().string() + suffix);
        std::filesystem::copy_file(original, path());
    }

    struct Found {
        std::int64_t schema = 0;
        std::vector<std::string> tables;
        std::string check;
        friend bool operator==(const Found&, const Found&) = default;
    };
    [[nodiscard]] Found found() const {
        Connection db(path(), Connection::Access::kReadWrite);
        return {.schema = sqlite::schema_of(db),
                .tables = db.column("SELECT type || name || coalesce(sql, '') FROM sqlite_schema"
                                    " ORDER BY type, name",
                                    0),
                .check = db.single("PRAGMA integrity_check")};
    }
};

// R-19: kill -9 before each statement of each migration; the next start completes it.
TEST_P(MigrationCrashTest, AKillAtAnyStatementLeavesTheSchemaBeforeAndTheNextStartCompletesIt) {
    const KeyRing ring = key_ring();
    if (GetParam() == 0) {
        ASSERT_TRUE(sqlite::prepare_database_file(path()));
    } else {
        given_first_schema();
        Connection db(path(), Connection::Access::kReadWrite);
        sqlite::protect(db);
        sqlite::make_writer(db);
        sqlite::migrate(db, ring, kToldAt, 1, GetParam());
        db.script("PRAGMA wal_checkpoint(TRUNCATE)");
    }
    const auto original = directory_.file("original.db");
    std::filesystem::copy_file(path(), original);
    const Found before = found();
    ASSERT_EQ(before.schema, GetParam());
    int killed = 0;
    int committed = 0;
    for (given_database(original); !migrates_within(killed, ring); given_database(original)) {
        SCOPED_TRACE("killed at statement " + std::to_string(killed));
        const Found left = found();
        if (left.schema != before.schema) {
            ++committed;
            ASSERT_EQ(left.schema, GetParam() + 1);
            ASSERT_EQ(left.check, "ok");
        } else {
            ASSERT_EQ(committed, 0);
            ASSERT_TRUE(left == before);
        }
        open(false);
        if (GetParam() > 0) expect_everything_is_there();
        store_.reset();
        ASSERT_EQ(found().schema, sqlite::newest_schema());
        ASSERT_EQ(found().check, "ok");
        ++killed;
    }
    EXPECT_GT(killed, 5);
    EXPECT_EQ(committed, 1) << "one statement follows the commit, and only tidies up";
    EXPECT_EQ(found().schema, GetParam() + 1);
}

INSTANTIATE_TEST_SUITE_P(From, MigrationCrashTest, ::testing::Values(0, 1, 2, 3));

}  // namespace
}  // namespace herald::storage
