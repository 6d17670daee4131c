// Cuts the power of a run of the store at many points and looks at what is left on the disk. See
// scripts/simulate --help.
#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "storage/sqlite/sqlite_store.h"
#include "tests/simulation/ram_disk.h"
#include "tests/storage/store_samples.h"
#include "tests/support/fake_clock.h"
#include "tests/support/seeded_random.h"
#include "tests/support/temp_directory.h"

namespace herald::simulation {
namespace {

using storage::CalloutState;
using test::SeededRandom;

constexpr std::size_t kNever = SIZE_MAX;
constexpr std::size_t kLookedAt = 150;  // of the events before a cut

/// What was promised, and after how many steps of the disk.
struct Promised {
    core::CalloutId callout;
    CalloutState state = CalloutState::kPending;  ///< from `over` on
    std::size_t over = kNever;
};
struct PromisedEvent {
    core::EventId id;
    std::string data;
    std::size_t acknowledged = kNever;
    std::size_t may_go = kNever;  ///< pruning begins that takes it
    std::vector<Promised> callouts;
};

/// Where the database and its key lie.
struct Place {
    test::TempDirectory folder;
    std::filesystem::path database = folder.file("herald.db");
    std::filesystem::path key = folder.file("herald.db.key");

    Place() { storage::KeyRing::create(key).value(); }

    [[nodiscard]] core::Result<std::unique_ptr<storage::Store>> open(
        core::Clock& clock, std::function<void(std::function<void()>)> defer = {}) const {
        storage::SqliteStoreOptions options;
        options.path = database;
        options.writer_thread = false;
        options.defer = std::move(defer);
        return storage::open_sqlite_store(std::move(options), storage::KeyRing::load(key).value(),
                                          clock);
    }
};

/// A store at work for some thousand operations, whose disk is recorded.
class Run final {
public:
    Run(const Place& place, std::uint64_t seed, int operations) : random_(seed) {
        disk_.emplace();
        disk_->record(&log);
        store_ = place.open(clock_, [this](auto commit) { commit_ = std::move(commit); }).value();
        store_->take_lease("power loss", storage::kNow).value();
        for (int i = 0; i < 3; ++i) add_configuration(i);
        while (operations-- > 0) {
            one_operation();
            if (random_.below(3) == 0) commit();
        }
        commit_all();
        disk_->record(nullptr);
        store_.reset();
        disk_.reset();
    }

    std::vector<LoggedStep> log;
    std::vector<PromisedEvent> events;

private:
    void commit() {
        if (const auto run = std::exchange(commit_, nullptr)) run();
    }

    /// What comes of a claim is written too.
    void commit_all() {
        while (commit_) commit();
    }

    template <class Id>
    Id new_id() {
        return Id::generate(storage::kNow, random_);
    }

    void add_configuration(int number) {
        auto provider = storage::sample_provider("provider-" + std::to_string(number));
        provider.id = new_id<core::ProviderId>();
        store_->add_provider(provider.clone(), {}).value();
        auto notification =
            storage::sample_notification("lane-" + std::to_string(number), provider);
        notification.id = new_id<core::NotificationId>();
        store_->add_notification(notification.clone()).value();
        lanes_.push_back(std::move(notification));
    }

    void one_operation() {
        const std::size_t chance = random_.below(100);
        if (chance < 60) return append();
        if (chance < 92) return deliver_some();
        if (chance < 96) return edit();
        prune();
    }

    void append() {
        PromisedEvent& event = events.emplace_back();
        event.id = new_id<core::EventId>();
        event.data =
            "\"" + std::string(random_.below(10) == 0 ? 9000 : random_.below(400), 'x') + "\"";
        storage::EventRecord record{.id = event.id,
                                    .type = "invoice.posted",
                                    .data = event.data,
                                    .occurred_at = storage::kToldAt,
                                    .received_at = storage::kNow};
        std::vector<storage::NewCallout> callouts;
        for (std::size_t i = 0; i <= random_.below(2); ++i) {
            storage::NewCallout callout = storage::sample_callout(lanes_[random_.below(3)]);
            callout.id = new_id<core::CalloutId>();
            event.callouts.push_back({.callout = callout.id});
            callouts.push_back(std::move(callout));
        }
        const auto shared = std::make_shared<const storage::EventRecord>(std::move(record));
        store_->append_event(storage::sample_new_event(*store_, shared, std::move(callouts)),
                             [this, number = events.size() - 1](const auto& stored) {
                                 if (stored.value().status != storage::AppendStatus::kStored)
                                     std::abort();  // nothing of it was known or stale
                                 events[number].acknowledged = log.size();
                             });
    }

    void deliver_some() {
        const core::NotificationId lane = lanes_[random_.below(3)].id;
        store_->claim_due(lane, storage::kNow + std::chrono::hours(1),
                          {.first_tries = 1 + random_.below(20), .retries = 5},
                          [this, lane](core::Result<storage::Claim> claimed) {
                              for (const auto& callout : claimed.value().callouts)
                                  end(callout, lane);
                          });
    }

    void end(const storage::ClaimedCallout& callout, core::NotificationId lane) {
        auto outcome = std::make_shared<storage::CalloutOutcome>();
        outcome->attempts = {storage::sample_attempt(callout.id, callout.attempts + 1)};
        outcome->update = {.id = callout.id,
                           .notification = lane,
                           .state = CalloutState::kDelivered,
                           .attempts = callout.attempts + 1};
        const std::size_t fate = random_.below(10);
        if (fate == 0) outcome->update.state = CalloutState::kDead;
        if (fate == 1) {
            outcome->update.state = CalloutState::kPending;
            outcome->update.due_at = storage::kNow;
        }
        store_->record_attempt(outcome, [this, outcome](const auto& written) {
            written.value();
            if (outcome->update.state == CalloutState::kPending) return;
            Promised& promised = promise(outcome->update.id);
            promised.state = outcome->update.state;
            promised.over = log.size();
        });
    }

    Promised& promise(const core::CalloutId& id) {
        for (auto event = events.rbegin(); event != events.rend(); ++event) {
            for (Promised& callout : event->callouts) {
                if (callout.callout == id) return callout;
            }
        }
        std::abort();  // a callout that nobody made
    }

    void edit() {
        commit_all();  // what was matched by an older configuration would be refused
        store_
            ->edit_notification(lanes_[random_.below(3)].name,
                                [this](storage::NotificationRecord& record) -> core::Result<> {
                                    record.max_in_flight = 1 + static_cast<int>(random_.below(64));
                                    return {};
                                })
            .value();
    }

    void prune() {
        commit_all();
        for (PromisedEvent& event : events) {
            const bool is_over = std::ranges::all_of(
                event.callouts, [](const Promised& callout) { return callout.over != kNever; });
            if (is_over) event.may_go = std::min(event.may_go, log.size());
        }
        store_->prune_history({.keep_since = std::nullopt, .max_bytes = 256 * 1024}, prune_from_,
                              [this](core::Result<storage::Pruned> pruned) {
                                  prune_from_ = pruned.value().resume_after.value_or(0);
                              });
        commit_all();
    }

    SeededRandom random_;
    test::FakeClock clock_;
    std::optional<RamDisk> disk_;
    std::function<void()> commit_;
    std::unique_ptr<storage::Store> store_;
    std::vector<storage::NotificationRecord> lanes_;
    std::int64_t prune_from_ = 0;
};

/// What is on the disk after some of the steps.
class Replay final {
public:
    void take(const LoggedStep& step) { disk_[step.file].take(step.step); }
    [[nodiscard]] RamDisk::Image lose_power(core::Random& random) const {
        RamDisk::Image image;
        for (const auto& [path, file] : disk_) {
            if (!file.is_removed()) image[path] = file.after_power_loss(random);
        }
        return image;
    }

private:
    std::map<std::string, DiskFile> disk_;
};

/// What is missing or wrong in what is left; empty: nothing.
std::string broken_promise(const Place& place, const RamDisk::Image& image, const Run& run,
                           std::size_t cut, SeededRandom& random) {
    RamDisk disk;
    disk.load(image);
    test::FakeClock clock;
    const auto opened = place.open(clock);
    if (!opened) return "it does not open: " + opened.error().message;
    storage::Store& store = **opened;
    const auto problems = store.check();
    if (!problems) return "it cannot be checked: " + problems.error().message;
    if (!problems->empty()) return "it is damaged: " + problems->front();
    const auto known = std::ranges::partition_point(
        run.events, [cut](const PromisedEvent& event) { return event.acknowledged <= cut; });
    const auto count = static_cast<std::size_t>(known - run.events.begin());
    for (std::size_t i = 0; i < std::min(count, kLookedAt); ++i) {
        // The last ones are in most danger.
        const std::size_t back = i < kLookedAt / 2 ? i : random.below(count);
        const PromisedEvent& event = run.events[count - 1 - back];
        if (event.may_go <= cut) continue;
        const auto found = store.event(event.id);
        if (!found) return "an acknowledged event is gone: " + event.id.text();
        if (found->data != event.data) return "an event has changed: " + event.id.text();
        for (const Promised& callout : event.callouts) {
            if (callout.over > cut) continue;
            const auto record = store.callout(callout.callout);
            if (!record || record->state != callout.state)
                return "a recorded outcome is gone: " + callout.callout.text();
        }
    }
    return {};
}

struct Orders {
    std::uint64_t seed = 1;
    std::size_t points = 10'000;
    std::size_t only = kNever;
    int operations = 3'000;
};

int cut_at_many_points(const Orders& orders) {
    const Place place;
    const Run run(place, orders.seed, orders.operations);
    std::size_t failed = 0;
    std::size_t done = 0;
    Replay replay;
    for (std::size_t cut = 0; cut < run.log.size(); ++cut) {
        replay.take(run.log[cut]);
        // Spread over the whole run, as many as were asked for.
        const std::size_t before = cut * orders.points / run.log.size();
        const std::size_t after = (cut + 1) * orders.points / run.log.size();
        for (std::size_t point = before; point < after; ++point) {
            if (orders.only != kNever && point != orders.only) continue;
            SeededRandom random(orders.seed * 1'000'003 + point);
            const std::string broken =
                broken_promise(place, replay.lose_power(random), run, cut + 1, random);
            if (++done % 1000 == 0) std::cerr << "power loss: " << done << " points" << std::endl;
            if (broken.empty()) continue;
            ++failed;
            std::cout << "point " << point << ": " << broken
                      << "\n  replay: scripts/simulate --power-loss --seed " << orders.seed
                      << " --points " << orders.points << " --point " << point << std::endl;
        }
    }
    std::cout << done << " points of a run of " << orders.operations << " operations and "
              << run.log.size() << " writes, truncations and syncs: " << failed << " failed"
              << std::endl;
    return failed > 0 || done == 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

}  // namespace
}  // namespace herald::simulation

int main(int count, char** words) {
    herald::simulation::Orders orders;
    for (int i = 1; i + 1 < count; i += 2) {
        const std::string word = words[i];
        const auto number = std::strtoull(words[i + 1], nullptr, 10);
        if (word == "--seed") {
            orders.seed = number;
        } else if (word == "--points") {
            orders.points = number;
        } else if (word == "--point") {
            orders.only = number;
        } else {
            std::cerr << "power loss: unknown word " << word << "\n";
            return 2;
        }
    }
    return herald::simulation::cut_at_many_points(orders);
}
