#include "tests/simulation/world.h"

#include <algorithm>
#include <filesystem>

#include "core/json.h"
#include "storage/sqlite/sqlite_store.h"
#include "tests/simulation/operators.h"
#include "tests/support/temp_directory.h"

namespace herald::simulation {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kAll = SIZE_MAX;
// The longest wait of all: a provider's back-off, behind a schedule.
constexpr auto kDrainPatience = 24h;

const std::filesystem::path& folder() {
    static const test::TempDirectory directory;
    static const std::filesystem::path path = directory.path();
    return path;
}

const std::filesystem::path& key_file() {
    static const std::filesystem::path file = [] {
        std::filesystem::path made = folder() / "herald.db.key";
        storage::KeyRing::create(made).value();
        return made;
    }();
    return file;
}

std::filesystem::path database() {
    return folder() / "herald.db";
}

std::filesystem::path marks() {
    return database().string() + ".sending";
}

/// Of an event of ours.
std::string account_of(const std::string& data) {
    return core::string_member(core::parse_object(data).value(), "account").value_or("");
}

}  // namespace

Plan Plan::of(std::uint64_t seed) {
    test::SeededRandom random(seed * 7919 + 1);
    Plan plan{.seed = seed};
    plan.receivers = 1 + static_cast<int>(random.below(4));
    plan.steps = 100 + static_cast<int>(random.below(500));
    if (random.below(3) == 0) plan.crashes = plan.power_losses = plan.stops = 0;
    if (random.below(3) == 0) plan.wall_jumps = plan.suspends = 0;
    if (random.below(3) == 0) plan.most_bytes = std::size_t{2} << 20;
    return plan;
}

World::World(const Plan& plan)
    : plan_(plan),
      random_(plan.seed),
      receivers_(network_, random_, ledger_, authorization_, plan.receivers) {
    network_.watch({.left = [this](const http::Request& request) { left(request); },
                    .known =
                        [this](const http::Request& request, const auto& answer) {
                            ledger_.known(request, answer);
                            authorization_.known(request, answer);
                        }});
    std::filesystem::remove(marks());
    clock_.set_boot("boot-1");
    static const RamDisk::Image fresh = [this] {
        boot();
        shut_down_daemon();
        return disk_.image();
    }();
    disk_.load(fresh);
    random_ = test::SeededRandom(plan.seed);  // whoever made the empty database has drawn from it
    boot();
}

World::~World() {
    disk_.cut();
    shut_down_daemon();
}

core::SteadyTime::duration World::elapsed() const {
    return clock_.steady_now() - core::SteadyTime(1h);
}

// What `herald serve` does at start.
void World::boot() {
    io_ = std::make_unique<boost::asio::io_context>();
    storage::SqliteStoreOptions options;
    options.path = database();
    options.writer_thread = false;
    options.defer = [this](std::function<void()> run) { commit_later(std::move(run)); };
    store_ = storage::open_sqlite_store(std::move(options),
                                        storage::KeyRing::load(key_file()).value(), clock_)
                 .value();
    token_transport_ = network_.make_transport(io_->get_executor());
    tokens_ = std::make_unique<providers::TokenManager>(*store_, *store_, *token_transport_, clock_,
                                                        random_, io_->get_executor());
    dispatcher::SchedulerOptions scheduling;
    scheduling.executor = io_->get_executor();
    scheduling.most_bytes = plan_.most_bytes;
    scheduling.make_transport = [this](boost::asio::any_io_executor executor) {
        return network_.make_transport(std::move(executor));
    };
    scheduling.on_bug = [this](const core::Error& error) {
        ledger_.complain("bug", error.message);
    };
    scheduler_ = std::make_unique<dispatcher::Scheduler>(*store_, *tokens_, clock_, random_,
                                                         std::move(scheduling));
    intake_ =
        std::make_unique<dispatcher::Intake>(*store_, *store_, clock_, random_, scheduler_.get());
    pruner_ = std::make_unique<dispatcher::HistoryPruner>(*store_, clock_, io_->get_executor(),
                                                          dispatcher::HistoryLimits{});
    wall_watch_ = std::make_unique<dispatcher::WallWatch>(*store_, clock_, io_->get_executor());
    store_->take_lease("simulation", clock_.stored_now()).value();
    tokens_->start().value();
    tokens_->keep_fresh();
    scheduler_->start(intake_->catalogue().value()).value();
    pruner_->start();
    wall_watch_->start();
}

void World::shut_down_daemon() {
    intake_.reset();
    scheduler_.reset();
    pruner_.reset();
    wall_watch_.reset();
    tokens_.reset();
    token_transport_.reset();
    commit_timer_.reset();
    store_.reset();  // lanes wait in it, and have timers of the loop
    io_.reset();
    clock_.forget_timers();
}

void World::commit_later(std::function<void()> run) {
    // One batch waits at a time.
    commit_timer_ = clock_.make_timer(io_->get_executor());
    commit_timer_->expires_at(clock_.steady_now() + Milliseconds(random_.below(15)));
    commit_timer_->on_expiry([run = std::move(run)](bool fired) {
        if (fired) run();
    });
}

void World::crash(bool with_power) {
    ledger_.tell(with_power ? "## the machine loses power" : "## kill -9");
    const auto kept = folder() / "kept.sending";
    std::error_code none;
    std::filesystem::copy_file(marks(), kept, std::filesystem::copy_options::overwrite_existing,
                               none);
    disk_.cut();
    shut_down_daemon();
    disk_.revive(with_power ? &random_ : nullptr);
    std::filesystem::remove(marks());
    if (with_power) {
        clock_.set_boot("boot-" + std::to_string(++boots_));
        clock_.advance(Milliseconds(random_.below(600'000)));
    } else {
        std::filesystem::rename(kept, marks(), none);
    }
    come_back();
}

void World::stop() {
    ledger_.tell("## a stop");
    intake_->close();
    scheduler_->stop(0ms);
    run_ready(kAll);
    store_->close();
    shut_down_daemon();
    disk_.revive();
    come_back();
}

void World::come_back() {
    ledger_.crashed();
    authorization_.crashed();
    const auto open = ledger_.open();
    boot();
    for (const core::CalloutId id : open) {
        const auto record = store_->callout(id);
        ledger_.recovered(id, record ? &*record : nullptr);
    }
}

void World::fire(dispatcher::EventInput input) {
    const std::string type = input.type;
    const std::string account = account_of(input.data);
    const auto key = input.key;
    intake_->submit(std::move(input), [this, account, key](
                                          const core::Result<dispatcher::AcceptedEvent>& accepted) {
        if (!accepted) return;
        if (key) {
            const auto [known, is_new] = keys_.emplace(*key, accepted->id.text());
            if (known->second != accepted->id.text())
                ledger_.complain("key", *key + " made a second event");
        }
        for (const dispatcher::AcceptedCallout& callout : accepted->callouts) {
            const auto lane = ledger_.lanes().find(callout.notification);
            const bool ordered = lane != ledger_.lanes().end() && lane->second.ordered;
            if (!accepted->duplicate || !ledger_.is_over(callout.id.text()))
                ledger_.accepted(callout.id, callout.notification, ordered ? account : "");
        }
    });
}

void World::adopt(const storage::NotificationRecord& record) {
    ledger_.configured(record);
    static_cast<void>(intake_->catalogue().value());
    scheduler_->apply(record.id);
}

void World::adopt_deletion(const std::string& name, core::NotificationId id) {
    ledger_.deleted(name);
    static_cast<void>(intake_->catalogue().value());
    scheduler_->apply(id);
}

void World::adopt_provider(core::ProviderId id) {
    tokens_->reload(id, [](const core::Result<>&) {});
    static_cast<void>(intake_->catalogue().value());
}

void World::left(const http::Request& request) {
    authorization_.left(request);
    const std::string callout = callout_of(request);
    if (callout.empty()) return;
    for (const std::string& earlier : ledger_.before(callout)) {
        const auto id = *core::CalloutId::parse(earlier);
        const auto record = store_->callout(id);
        ledger_.found(id, record ? &*record : nullptr);
        if (!ledger_.is_over(earlier))
            ledger_.complain("order", callout + " leaves before " + earlier + " has ended");
    }
    ledger_.left(request);
}

void World::run_ready(std::size_t most) {
    for (std::size_t done = 0; done < most; ++done) {
        io_->restart();
        if (io_->poll_one() == 0) return;
    }
}

void World::pass_time(Milliseconds most) {
    const auto next = clock_.next_expiry();
    const core::SteadyTime now = clock_.steady_now();
    auto span = std::chrono::duration_cast<core::SteadyTime::duration>(most);
    if (next) span = std::min(span, std::max(*next - now, core::SteadyTime::duration(0)));
    clock_.advance(std::max<core::SteadyTime::duration>(span, 1us));
}

void World::accidents() {
    const auto happens = [this](int of_a_thousand) {
        return random_.below(1000) < static_cast<std::size_t>(of_a_thousand);
    };
    if (happens(plan_.crashes)) crash(false);
    if (happens(plan_.power_losses)) crash(true);
    if (happens(plan_.stops)) stop();
    if (happens(plan_.wall_jumps)) {
        const auto by = std::chrono::hours(static_cast<int>(random_.below(4000)) - 2000);
        ledger_.tell("## the wall clock jumps by " + std::to_string(by.count()) + " h");
        clock_.set_system_time(clock_.system_now() + by);
    }
    if (happens(plan_.suspends)) {
        ledger_.tell("## the machine sleeps");
        clock_.advance(std::chrono::minutes(random_.below(300)));
    }
}

void World::step() {
    for (std::size_t acts = random_.below(3); acts > 0; --acts) act_as_operator(*this);
    if (random_.below(15) == 0) receivers_.change_one();
    if (random_.below(15) == 0) authorization_.change_one();
    run_ready(random_.below(4) == 0 ? random_.below(30) : kAll);
    accidents();
    const Milliseconds length = random_.below(20) == 0 ? Milliseconds(random_.below(1'200'000))
                                                       : Milliseconds(random_.below(2'000));
    const core::SteadyTime end = clock_.steady_now() + length;
    while (clock_.steady_now() < end && !has_complaint()) {
        pass_time(std::chrono::ceil<Milliseconds>(end - clock_.steady_now()));
        run_ready(random_.below(8) == 0 ? random_.below(30) : kAll);
    }
    check();
}

void World::pass(core::SteadyTime::duration length) {
    const core::SteadyTime end = clock_.steady_now() + length;
    run_ready(kAll);
    while (clock_.steady_now() < end && !has_complaint()) {
        pass_time(std::chrono::ceil<Milliseconds>(end - clock_.steady_now()));
        run_ready(kAll);
    }
}

void World::check() {
    std::size_t bytes = 0;
    const auto lanes = scheduler_->lanes();
    for (const auto& lane : lanes) bytes += lane.bytes;
    // Each lane may hold a first one, however large.
    const std::size_t allowed = plan_.most_bytes + lanes.size() * dispatcher::LaneBytes::kLargest;
    if (bytes > allowed) ledger_.complain("memory", std::to_string(bytes) + " bytes of callouts");
}

void World::look_at_open() {
    for (const core::CalloutId id : ledger_.open()) {
        const auto record = store_->callout(id);
        ledger_.found(id, record ? &*record : nullptr);
    }
}

void World::heal() {
    receivers_.heal();
    authorization_.heal();
    run_ready(kAll);
    heal_configuration(*this);
}

// Everything that was acknowledged ends now, and soon: nobody sleeps while there is work.
void World::drain() {
    const core::SteadyTime end = clock_.steady_now() + kDrainPatience;
    while (clock_.steady_now() < end && !has_complaint()) {
        pass(10min);
        look_at_open();
        if (ledger_.open().empty()) return;
    }
    for (const core::CalloutId id : ledger_.open()) {
        const auto record = store_->callout(id);
        if (!record) continue;
        const auto lane =
            record->notification ? scheduler_->lane(*record->notification) : std::nullopt;
        ledger_.complain(
            "asleep", id.text() + " is still " + std::string(to_string(record->state)) + " (" +
                          record->reason.value_or("") + ") in lane " + record->notification_name +
                          ", held by '" + (lane ? lane->held_by.value_or("nothing") : "no lane") +
                          "'");
    }
}

void World::run() {
    for (int step_number = 0; step_number < plan_.steps && !has_complaint(); ++step_number) step();
    if (!has_complaint()) heal();
    if (!has_complaint()) drain();
}

}  // namespace herald::simulation
