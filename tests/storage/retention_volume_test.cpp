#include <gtest/gtest.h>

#include <array>
#include <map>

#include "storage/sqlite/connection.h"
#include "tests/storage/store_fixture.h"
#include "tests/support/seeded_random.h"

namespace herald::storage {
namespace {

using std::chrono::minutes;
using test::SeededRandom;

bool is_over(CalloutState state) {
    return state != CalloutState::kPending && state != CalloutState::kClaimed;
}

/// What the store should hold, beside what it holds.
class RetentionVolumeTest : public StoreFixture {
protected:
    struct ModelCallout {
        core::CalloutId id;
        std::size_t notification = 0;
        CalloutState state = CalloutState::kPending;
    };
    struct ModelEvent {
        core::EventId id;
        core::StoredTime received_at;
        std::vector<ModelCallout> callouts;

        [[nodiscard]] bool is_finished() const {
            return std::ranges::all_of(callouts, is_over, &ModelCallout::state);
        }
    };
    static constexpr std::size_t kNotifications = 5;

    void SetUp() override {
        open();
        for (std::size_t i = 0; i < kNotifications; ++i)
            notifications_.push_back(
                given_notification(sample_notification("n" + std::to_string(i))));
    }

    NewCallout random_callout(ModelCallout& model) {
        model.notification = random_.below(kNotifications);
        NewCallout callout = sample_callout(notifications_[model.notification]);
        model.id = callout.id;
        callout.claimed = random_.below(4) == 0;
        if (callout.claimed) model.state = CalloutState::kClaimed;
        if (!callout.claimed && random_.below(4) == 0)
            callout.order_key = "account-" + std::to_string(random_.below(50));
        return callout;
    }

    /// Events that come in one after another, with up to four callouts each.
    void load(std::size_t count, std::size_t data_size) {
        core::Result<AppendResult> last = AppendResult{};
        for (std::size_t i = 0; i < count; ++i) {
            now_ += std::chrono::milliseconds(random_.below(2000));
            EventRecord event = *sample_event(std::string(random_.below(data_size), 'x'));
            event.received_at = now_;
            ModelEvent model{.id = event.id, .received_at = now_, .callouts = {}};
            model.callouts.resize(random_.below(5));
            std::vector<NewCallout> callouts;
            for (ModelCallout& callout : model.callouts)
                callouts.push_back(random_callout(callout));
            NewEvent added = sample_new_event(
                *store_, std::make_shared<const EventRecord>(std::move(event)), callouts);
            // In the order in which they are submitted: waiting for the last is enough.
            if (i + 1 < count) {
                store_->append_event(added, [](const core::Result<AppendResult>& stored) {
                    EXPECT_TRUE(stored && stored->status == AppendStatus::kStored);
                });
            } else {
                last = append(*store_, added);
            }
            events_.push_back(std::move(model));
        }
        ASSERT_TRUE(last && last->status == AppendStatus::kStored);
    }

    /// Ends each unfinished callout with a chance of `percent`, with an attempt where it was in
    /// flight.
    void finish_some(std::size_t percent) {
        std::vector<CalloutUpdate> updates;
        for (ModelEvent& event : events_) {
            for (ModelCallout& callout : event.callouts) {
                if (is_over(callout.state) || random_.below(100) >= percent) continue;
                const bool left = callout.state == CalloutState::kClaimed;
                callout.state = std::array{CalloutState::kDelivered, CalloutState::kDead,
                                           CalloutState::kCancelled}[random_.below(3)];
                CalloutUpdate end{.id = callout.id,
                                  .notification = notifications_[callout.notification].id,
                                  .state = callout.state,
                                  .attempts = left ? 1 : 0};
                if (left) {
                    store_->record_attempt(
                        sample_outcome(std::move(end)),
                        [](const core::Result<bool>& done) { EXPECT_TRUE(done); });
                } else {
                    updates.push_back(std::move(end));
                }
            }
        }
        ASSERT_TRUE(update(*store_, std::move(updates)));
    }

    /// People ask again for some of what is dead or cancelled.
    void revive_some() {
        for (ModelEvent& event : events_) {
            for (ModelCallout& callout : event.callouts) {
                const bool can_be = callout.state == CalloutState::kDead ||
                                    callout.state == CalloutState::kCancelled;
                if (!can_be || random_.below(200) > 0) continue;
                ASSERT_TRUE(store_->retry_callout(callout.id, now_));
                callout.state = CalloutState::kPending;
            }
        }
    }

    /// Takes from the model what a walk has to remove. Returns how many.
    std::int64_t remove_from_model(core::StoredTime keep_since) {
        return static_cast<std::int64_t>(std::erase_if(events_, [&](const ModelEvent& event) {
            return event.is_finished() && event.received_at < keep_since;
        }));
    }

    void expect_store_is_as_the_model() const {
        const auto counts = store_->counts();
        ASSERT_TRUE(counts);
        EXPECT_EQ(counts->events, std::ssize(events_));
        std::map<core::NotificationId, std::array<std::int64_t, 5>> expected;
        std::size_t callouts = 0;
        for (const ModelEvent& event : events_) {
            ASSERT_TRUE(store_->event(event.id));
            const auto stored = store_->callouts_of(event.id);
            ASSERT_EQ(stored->size(), event.callouts.size());
            for (std::size_t i = 0; i < stored->size(); ++i) {
                const ModelCallout& callout = event.callouts[i];
                ASSERT_EQ((*stored)[i].state, callout.state);
                ++expected[notifications_[callout.notification].id]
                          [static_cast<std::size_t>(callout.state)];
                ++callouts;
            }
        }
        EXPECT_EQ(rows_of("event"), events_.size());
        EXPECT_EQ(rows_of("callout"), callouts);
        EXPECT_EQ(value_of("SELECT count(*) FROM callout c LEFT JOIN dead_or_cancelled u"
                           " ON u.callout_id = c.id AND u.state = c.state"
                           " WHERE (c.state > 2) <> (u.callout_id IS NOT NULL)"),
                  0);
        EXPECT_EQ(value_of("SELECT (SELECT count(*) FROM dead_or_cancelled)"
                           " - (SELECT count(*) FROM callout WHERE state > 2)"),
                  0);
        EXPECT_EQ(value_of("SELECT count(*) FROM attempt a WHERE NOT EXISTS"
                           " (SELECT 1 FROM callout c WHERE c.id = a.callout_id)"),
                  0);
        for (const NotificationCounts& of : counts->notifications) {
            const std::array found{of.pending, of.claimed, of.delivered, of.dead, of.cancelled};
            EXPECT_EQ(found, expected[of.id]) << of.name;
        }
    }

    [[nodiscard]] std::int64_t value_of(const std::string& sql) const {
        sqlite::Connection db(path(), sqlite::Connection::Access::kReadOnly);
        return std::stoll(db.single(sql));
    }
    [[nodiscard]] std::size_t rows_of(const std::string& table) const {
        return static_cast<std::size_t>(value_of("SELECT count(*) FROM " + table));
    }

    static constexpr std::uint64_t kSeed = 20261122;
    SeededRandom random_{kSeed};
    core::StoredTime now_ = kNow;
    std::vector<NotificationRecord> notifications_;
    std::vector<ModelEvent> events_;
};

// R-20, on 20,000 events with 40,000 callouts in random states, pruned eleven times between
// deliveries, retries and cancellations.
TEST_F(RetentionVolumeTest, ExactlyWhatIsFinishedAndTooOldGoes) {
    SCOPED_TRACE("seed " + std::to_string(kSeed));
    std::int64_t removed = 0;
    for (int round = 0; round < 10; ++round) {
        load(2000, 300);
        finish_some(round % 2 == 0 ? 60 : 20);
        revive_some();
        const auto keep_since = now_ - minutes(random_.below(200));
        const std::int64_t expected = remove_from_model(keep_since);
        ASSERT_EQ(prune_all(*store_, {.keep_since = keep_since}), expected);
        removed += expected;
    }
    EXPECT_GT(removed, 3000);
    expect_store_is_as_the_model();
    // However small the database has to be, what is unfinished stays.
    EXPECT_EQ(prune_all(*store_, {.max_bytes = 1}),
              remove_from_model(core::StoredTime(std::chrono::years(1000))));
    EXPECT_GT(events_.size(), 1000U);
    expect_store_is_as_the_model();
}

// a day of virtual time, an event every second and a half, three hours of history.
TEST_F(RetentionVolumeTest, TheFileStopsGrowingOnceTheHistoryIsFull) {
    std::vector<std::int64_t> pages;
    for (int half_hour = 0; half_hour < 48; ++half_hour) {
        const auto end = now_ + minutes(30);
        load(300, 2000);
        now_ = std::max(now_, end);
        finish_some(100);
        const auto keep_since = now_ - minutes(180);
        const std::int64_t expected = remove_from_model(keep_since);
        ASSERT_EQ(prune_all(*store_, {.keep_since = keep_since}), expected);
        pages.push_back(value_of("PRAGMA page_count"));
    }
    const auto full = pages.begin() + 12;
    const auto most_when_full = *std::max_element(full, full + 6);
    EXPECT_GT(most_when_full, pages.front() * 3);
    for (auto later = full + 6; later != pages.end(); ++later)
        EXPECT_LE(*later, most_when_full + most_when_full / 20);
    expect_store_is_as_the_model();
}

}  // namespace
}  // namespace herald::storage
