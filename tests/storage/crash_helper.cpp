// A program to be killed: fires events and says on standard output which the store acknowledged.
//   storage_crash_helper DATABASE PREFIX COUNT WINDOW
// Each event causes one callout, delivered at once. Exit: 0 done, 5 not opened, 74 storage failed.

#include <unistd.h>

#include <cstdlib>
#include <semaphore>

#include "storage/database_lock.h"
#include "storage/sqlite/sqlite_store.h"
#include "tests/storage/store_samples.h"

namespace herald::storage {
namespace {

constexpr int kNotOpened = 5;
constexpr int kStorageFailed = 74;

void say(const std::string& line) {
    if (::write(STDOUT_FILENO, line.data(), line.size()) < 0) std::_Exit(1);
}

class Firing {
public:
    Firing(Store& store, NotificationRecord notification, std::ptrdiff_t window)
        : store_(store), notification_(std::move(notification)), window_(window), free_(window) {}

    void fire(const std::string& key) {
        free_.acquire();
        NewCallout callout = sample_callout(notification_);
        callout.claimed = true;
        store_.append_event(sample_new_event(store_, sample_event("{}", key), {callout}),
                            [this, key, id = callout.id](const core::Result<AppendResult>& result) {
                                if (!result) std::_Exit(kStorageFailed);
                                say("ack " + key + "\n");
                                const bool is_new = result->status == AppendStatus::kStored;
                                is_new ? deliver(id) : free_.release();
                            });
    }
    void wait_for_all() {
        for (std::ptrdiff_t i = 0; i < window_; ++i) free_.acquire();
    }

private:
    void deliver(core::CalloutId id) {
        CalloutUpdate update{.id = id,
                             .notification = notification_.id,
                             .state = CalloutState::kDelivered,
                             .attempts = 1};
        store_.record_attempt(sample_outcome(std::move(update)),
                              [this](const core::Result<bool>& result) {
                                  if (!result) std::_Exit(kStorageFailed);
                                  free_.release();
                              });
    }

    Store& store_;
    const NotificationRecord notification_;
    const std::ptrdiff_t window_;
    std::counting_semaphore<1024> free_;
};

int run(const std::filesystem::path& path, const std::string& prefix, long count,
        std::ptrdiff_t window) {
    const auto lock = DatabaseLock::acquire(path, DatabaseLock::Owner::kDaemon);
    auto ring = KeyRing::load(path.string() + ".key");
    if (!lock || !ring) return kNotOpened;
    core::SystemClock clock;
    SqliteStoreOptions options{.path = path};
    options.on_fatal = [](const core::Error& /*error*/) { std::_Exit(kStorageFailed); };
    auto store = open_sqlite_store(std::move(options), std::move(*ring), clock);
    if (!store) return kNotOpened;
    if (!(*store)->take_lease("test", kNow)) return kStorageFailed;
    if (!(*store)->notification("n") && !(*store)->add_notification(sample_notification("n"))) {
        return kStorageFailed;
    }
    auto notification = (*store)->notification("n");
    if (!notification) return kStorageFailed;
    Firing firing(**store, std::move(*notification), window);
    for (long i = 0; i < count; ++i) firing.fire(prefix + std::to_string(i));
    firing.wait_for_all();
    (*store)->close();
    return 0;
}

}  // namespace
}  // namespace herald::storage

int main(int argc, char** argv) {
    if (argc != 5) return 2;
    return herald::storage::run(argv[1], argv[2], std::atol(argv[3]), std::atol(argv[4]));
}
