#include <benchmark/benchmark.h>

#include <filesystem>
#include <latch>

#include "core/clock.h"
#include "core/random.h"
#include "storage/key_ring.h"
#include "storage/sqlite/sqlite_store.h"

namespace {

using namespace herald;

std::filesystem::path make_directory() {
    std::string name = std::filesystem::temp_directory_path() / "herald-bench-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    return name;
}

class SealingBench : public benchmark::Fixture {
public:
    void SetUp(benchmark::State&) override {
        directory = make_directory();
        ring =
            std::make_unique<storage::KeyRing>(storage::KeyRing::create(directory / "key").value());
    }
    void TearDown(benchmark::State&) override { std::filesystem::remove_all(directory); }

    std::filesystem::path directory;
    std::unique_ptr<storage::KeyRing> ring;
    storage::SealedPlace place{
        .table = "token", .row = "0123456789abcdef", .column = "access_token"};
};

BENCHMARK_F(SealingBench, BM_Seal)(benchmark::State& state) {
    const std::string plain(512, 'x');
    for (auto _ : state) benchmark::DoNotOptimize(storage::seal(*ring, place, plain));
}

BENCHMARK_F(SealingBench, BM_Open)(benchmark::State& state) {
    const std::string sealed = storage::seal(*ring, place, std::string(512, 'x'));
    for (auto _ : state) benchmark::DoNotOptimize(storage::open_sealed(*ring, place, sealed));
}

// The store alone, durable, in batches of 256 as a busy daemon has them; times are per callout,
// the writer's thread included.
class StoreBench : public benchmark::Fixture {
public:
    static constexpr int kBatch = 256;

    void SetUp(benchmark::State&) override {
        directory = make_directory();
        store =
            storage::open_sqlite_store({.path = directory / "herald.db"},
                                       storage::KeyRing::create(directory / "key").value(), clock)
                .value();
        storage::NotificationRecord record;
        record.id = core::NotificationId::generate(clock.stored_now(), random);
        record.name = "bench";
        record.events = {"*"};
        record.url = "http://127.0.0.1/";
        notification = record.id;
        if (!store->add_notification(std::move(record))) std::abort();
    }
    void TearDown(benchmark::State&) override {
        store.reset();
        std::filesystem::remove_all(directory);
    }

    void append_batch() {
        std::latch stored(kBatch);
        for (int i = 0; i < kBatch; ++i) {
            const core::StoredTime now = clock.stored_now();
            auto event = std::make_shared<storage::EventRecord>();
            event->id = core::EventId::generate(now, random);
            event->type = "invoice.posted";
            event->data = data;
            event->received_at = now;
            storage::NewCallout callout;
            callout.id = core::CalloutId::generate(now, random);
            callout.notification = notification;
            callout.notification_name = "bench";
            store->append_event({.event = std::move(event),
                                 .callouts = {std::move(callout)},
                                 .catalogue_version = store->catalogue_version()},
                                [&stored](const auto& result) {
                                    if (!result) std::abort();
                                    stored.count_down();
                                });
        }
        stored.wait();
    }

    storage::Claim claim_batch() {
        std::latch claimed(1);
        storage::Claim claim;
        store->claim_due(notification, clock.stored_now(), {.first_tries = kBatch},
                         [&](core::Result<storage::Claim> result) {
                             claim = std::move(result).value();
                             claimed.count_down();
                         });
        claimed.wait();
        return claim;
    }

    void record_batch(const storage::Claim& claim) {
        std::latch recorded(static_cast<std::ptrdiff_t>(claim.callouts.size()));
        for (const storage::ClaimedCallout& callout : claim.callouts) {
            const auto outcome = std::make_shared<storage::CalloutOutcome>();
            storage::AttemptRecord& attempt = outcome->attempts.emplace_back();
            attempt.callout = callout.id;
            attempt.started_at = clock.stored_now();
            attempt.status = 200;
            attempt.outcome = storage::AttemptOutcome::kDelivered;
            outcome->update = {.id = callout.id, .notification = notification};
            outcome->update.state = storage::CalloutState::kDelivered;
            outcome->update.attempts = 1;
            store->record_attempt(outcome, [&recorded](const auto&) { recorded.count_down(); });
        }
        recorded.wait();
    }

    core::SystemClock clock;
    core::SystemRandom random;
    std::filesystem::path directory;
    std::unique_ptr<storage::Store> store;
    core::NotificationId notification;
    const std::string data = R"({"note":")" + std::string(370, 'x') + R"("})";
};

BENCHMARK_DEFINE_F(StoreBench, BM_Append)(benchmark::State& state) {
    while (state.KeepRunningBatch(kBatch)) append_batch();
}
BENCHMARK_REGISTER_F(StoreBench, BM_Append)->MeasureProcessCPUTime()->UseRealTime();

BENCHMARK_DEFINE_F(StoreBench, BM_Claim)(benchmark::State& state) {
    while (state.KeepRunningBatch(kBatch)) {
        state.PauseTiming();
        append_batch();
        state.ResumeTiming();
        benchmark::DoNotOptimize(claim_batch());
    }
}
BENCHMARK_REGISTER_F(StoreBench, BM_Claim)->MeasureProcessCPUTime()->UseRealTime();

BENCHMARK_DEFINE_F(StoreBench, BM_Record)(benchmark::State& state) {
    while (state.KeepRunningBatch(kBatch)) {
        state.PauseTiming();
        append_batch();
        const storage::Claim claim = claim_batch();
        state.ResumeTiming();
        record_batch(claim);
    }
}
BENCHMARK_REGISTER_F(StoreBench, BM_Record)->MeasureProcessCPUTime()->UseRealTime();

}  // namespace
