#include <benchmark/benchmark.h>

#include "core/random.h"
#include "dispatcher/composer.h"
#include "dispatcher/retry_policy.h"
#include "dispatcher/verdict.h"

namespace {

using namespace herald;

storage::NotificationRecord notification() {
    storage::NotificationRecord record;
    record.name = "invoice-posted";
    record.events = {"invoice.*"};
    record.url = "https://receiver.example/hooks/invoice";
    record.retry = dispatcher::default_retry();
    return record;
}

storage::EventRecord event() {
    core::SystemRandom random;
    storage::EventRecord record;
    record.id = core::EventId::generate(core::StoredTime{std::chrono::hours(500'000)}, random);
    record.type = "invoice.posted";
    record.data = R"({"account":{"id":"A-1024","name":"Example"},"total":"1024.50","lines":[)";
    while (record.data.size() < 400) record.data += R"({"sku":"X-1","quantity":2},)";
    record.data.back() = ']';
    record.data += "}";
    return record;
}

void compose_with(benchmark::State& state, storage::NotificationRecord record) {
    const auto compiled = dispatcher::compile(std::move(record)).value();
    const storage::EventRecord happened = event();
    core::SystemRandom random;
    const auto id = core::CalloutId::generate(core::StoredTime{}, random);
    for (auto _ : state) {
        benchmark::DoNotOptimize(
            dispatcher::compose(*compiled, happened, id, 1, core::SystemTime{}, nullptr));
    }
}

void BM_ComposeDefaultBody(benchmark::State& state) {
    compose_with(state, notification());
}
BENCHMARK(BM_ComposeDefaultBody);

void BM_ComposeSigned(benchmark::State& state) {
    auto record = notification();
    record.signing_secret = core::Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    compose_with(state, std::move(record));
}
BENCHMARK(BM_ComposeSigned);

void BM_ComposeTemplate(benchmark::State& state) {
    auto record = notification();
    record.body_template =
        R"({"id":"{{ id }}","account":"{{ data.account.id }}","total":{{ data.total }}})";
    compose_with(state, std::move(record));
}
BENCHMARK(BM_ComposeTemplate);

void BM_VerdictAndDecision(benchmark::State& state) {
    const storage::NotificationRecord record = notification();
    const core::Result<http::Response> answer =
        http::Response{.status = 503, .headers = {}, .body = "busy"};
    core::SystemRandom random;
    for (auto _ : state) {
        const auto verdict = dispatcher::judge(answer, record, core::SystemTime{});
        benchmark::DoNotOptimize(dispatcher::decide(verdict, record.retry, {}, random));
    }
}
BENCHMARK(BM_VerdictAndDecision);

}  // namespace
