#include <gtest/gtest.h>

#include <barrier>
#include <latch>
#include <mutex>
#include <set>
#include <thread>

#include "storage/sqlite/connection.h"
#include "tests/storage/store_fixture.h"

namespace herald::storage {
namespace {

class ConcurrencyTest : public StoreFixture {
protected:
    void SetUp() override { open(); }

    [[nodiscard]] std::string ask_file(const std::string& sql) {
        store_->close();
        sqlite::Connection db(path(), sqlite::Connection::Access::kReadOnly);
        return db.single(sql);
    }
};

TEST_F(ConcurrencyTest, OneKeySentByManyThreadsAtOnceIsOneEvent) {
    constexpr int kThreads = 64;
    constexpr int kKeys = 40;
    std::barrier start(kThreads);
    std::array<std::set<core::EventId>, kKeys> answers;
    std::array<int, kKeys> stored{};
    std::mutex mutex;
    {
        std::vector<std::jthread> threads;
        for (int t = 0; t < kThreads; ++t) {
            threads.emplace_back([&, t] {
                for (std::size_t key = 0; key < kKeys; ++key) {
                    start.arrive_and_wait();
                    const bool other_body = t == 0 && key % 2 == 1;
                    const auto event =
                        sample_event(other_body ? "[]" : "{}", "key-" + std::to_string(key));
                    const auto result = append(*store_, sample_new_event(*store_, event));
                    const std::scoped_lock lock(mutex);
                    ASSERT_TRUE(result);
                    if (result->status == AppendStatus::kStored) ++stored[key];
                    if (!other_body && result->status != AppendStatus::kKeyConflict) {
                        answers[key].insert(result->event);
                    }
                }
            });
        }
    }
    for (std::size_t key = 0; key < kKeys; ++key) {
        EXPECT_EQ(stored[key], 1);
        EXPECT_LE(answers[key].size(), 1U);
    }
    EXPECT_EQ(store_->counts()->events, kKeys);
}

// Each acknowledgement looks at how much is stored by then: what shares a commit sees the same.
TEST_F(ConcurrencyTest, ManyAppendsShareFewCommits) {
    const auto notification = given_notification(sample_notification("n"));
    constexpr int kEvents = 5000;
    std::latch all_wait{1};
    std::latch acknowledged{kEvents};
    std::set<std::int64_t> seen;  // by the writer's thread alone
    for (int i = 0; i < kEvents; ++i) {
        store_->append_event(
            sample_new_event(*store_, sample_event(), {sample_callout(notification)}),
            [&](const core::Result<AppendResult>& result) {
                EXPECT_TRUE(result && result->status == AppendStatus::kStored);
                all_wait.wait();
                seen.insert(store_->counts().value().events);
                acknowledged.count_down();
            });
    }
    all_wait.count_down();
    acknowledged.wait();
    EXPECT_LE(seen.size(), 12U) << "512 a commit, and those before the first acknowledgement";
    EXPECT_EQ(store_->counts()->events, kEvents);
    EXPECT_EQ(ask_file("SELECT count(*) FROM callout"), "5000");
}

/// What the three actors of the next test count, so that it cannot pass by doing nothing.
struct Outcomes {
    std::atomic<int> deleted = 0;
    std::atomic<int> refused = 0;
    std::atomic<int> referred = 0;
    std::atomic<int> appended = 0;
    std::atomic<int> stale = 0;
};

void delete_and_add_again(Store& store, Outcomes& outcomes) {
    for (int i = 0; i < 1000; ++i) {
        if (store.delete_provider("p")) {
            ++outcomes.deleted;
            EXPECT_TRUE(store.add_provider(sample_provider("p"), std::nullopt));
        } else {
            ++outcomes.refused;
        }
    }
}

void refer_and_let_go(Store& store, Outcomes& outcomes, const std::stop_token& stop,
                      const std::string& name) {
    for (int i = 0; !stop.stop_requested(); ++i) {
        const auto provider = store.provider("p");
        if (!provider) continue;
        if (i % 2 == 0) {
            if (store.add_notification(sample_notification(name, *provider))) ++outcomes.referred;
        } else {
            if (!store.add_notification(sample_notification(name))) continue;
            const auto edited =
                store.edit_notification(name, [&](NotificationRecord& record) -> core::Result<> {
                    record.auth = OauthAuth{.provider = provider->id, .provider_name = {}};
                    return {};
                });
            if (edited) ++outcomes.referred;
        }
        static_cast<void>(store.delete_notification(name, true));
    }
}

void append_and_cancel(Store& store, Outcomes& outcomes, const std::stop_token& stop) {
    while (!stop.stop_requested()) {
        const std::int64_t version = store.catalogue_version();
        std::vector<NewCallout> callouts;
        for (const NotificationRecord& notification : store.notifications().value()) {
            callouts.push_back(sample_callout(notification));
        }
        const auto result = append(
            store, {.event = sample_event(), .callouts = callouts, .catalogue_version = version});
        if (!result) ADD_FAILURE() << result.error().message;
        if (result->status == AppendStatus::kStaleCatalogue) {
            ++outcomes.stale;
            continue;
        }
        ++outcomes.appended;
        for (const NewCallout& callout : callouts)
            static_cast<void>(store.cancel_callout(callout.id));
    }
}

TEST_F(ConcurrencyTest, NoInterleavingLeavesAReferenceToADeletedProvider) {
    given_provider("p");
    Outcomes outcomes;
    {
        std::jthread referring(
            [&](const std::stop_token& stop) { refer_and_let_go(*store_, outcomes, stop, "a"); });
        std::jthread referring_too(
            [&](const std::stop_token& stop) { refer_and_let_go(*store_, outcomes, stop, "b"); });
        std::jthread appending(
            [&](const std::stop_token& stop) { append_and_cancel(*store_, outcomes, stop); });
        delete_and_add_again(*store_, outcomes);
    }
    EXPECT_GT(outcomes.deleted, 0);
    EXPECT_GT(outcomes.refused, 0);
    EXPECT_GT(outcomes.referred, 0);
    EXPECT_GT(outcomes.appended, 0);
    RecordProperty("stale", outcomes.stale);
    EXPECT_EQ(ask_file("SELECT count(*) FROM pragma_foreign_key_check"), "0");
    EXPECT_EQ(
        ask_file("SELECT count(*) FROM callout c"
                 " LEFT JOIN notification n ON n.id = c.notification_id"
                 " LEFT JOIN provider p ON p.id = coalesce(c.former_provider_id, n.provider_id)"
                 " WHERE c.state < 2 AND c.provider_name IS NOT NULL AND p.id IS NULL"),
        "0");
}

}  // namespace
}  // namespace herald::storage
