#include "storage/sqlite/tally.h"

namespace herald::storage::sqlite {
namespace {

constexpr Sql kAdd =
    "INSERT INTO tally (notification_id, state, count) VALUES (?, ?, ?)"
    " ON CONFLICT (notification_id, state) DO UPDATE SET count = count + excluded.count";
constexpr Sql kAddEvents =
    "INSERT INTO counter (name, value) VALUES ('events', ?)"
    " ON CONFLICT (name) DO UPDATE SET value = value + excluded.value";

}  // namespace

void Tally::created(const core::NotificationId& notification, CalloutState state) {
    ++changes_[notification][static_cast<std::size_t>(state)];
}

void Tally::moved(const core::NotificationId& notification, CalloutState from, CalloutState to,
                  std::int64_t count) {
    Changes& changes = changes_[notification];
    changes[static_cast<std::size_t>(from)] -= count;
    changes[static_cast<std::size_t>(to)] += count;
}

void Tally::removed(const core::NotificationId& notification, CalloutState state) {
    --changes_[notification][static_cast<std::size_t>(state)];
}

void Tally::write(Connection& db) {
    for (auto& [notification, changes] : changes_) {
        for (std::size_t state = 0; state < changes.size(); ++state) {
            if (changes[state] != 0) db.run(kAdd, notification, state, changes[state]);
        }
    }
    if (events_ != 0) db.run(kAddEvents, events_);
    forget();
}

void Tally::forget() {
    changes_.clear();
    events_ = 0;
}

void Tally::fold_deleted(Connection& db, const core::NotificationId& notification) {
    write(db);
    for (std::int64_t state = 0; state < 5; ++state) {
        db.run(
            "INSERT INTO tally (notification_id, state, count)"
            " SELECT ?1, ?2, count FROM tally WHERE notification_id = ?3 AND state = ?2"
            " ON CONFLICT (notification_id, state) DO UPDATE SET count = count + excluded.count",
            core::NotificationId(), state, notification);
    }
    db.run("DELETE FROM tally WHERE notification_id = ?", notification);
}

}  // namespace herald::storage::sqlite
