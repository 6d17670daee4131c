#include <benchmark/benchmark.h>

#include <filesystem>

#include "core/clock.h"
#include "storage/key_ring.h"

namespace {

using namespace herald;

class SealingBench : public benchmark::Fixture {
public:
    void SetUp(benchmark::State&) override {
        std::string name = std::filesystem::temp_directory_path() / "herald-bench-XXXXXX";
        if (::mkdtemp(name.data()) == nullptr) std::abort();
        directory = name;
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

}  // namespace
