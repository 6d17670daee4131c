#include <benchmark/benchmark.h>

#include "providers/access_token.h"
#include "providers/token_response.h"

namespace {

using namespace herald;

const core::SteadyTime kNow{std::chrono::hours(1)};

std::shared_ptr<providers::TokenCell> published_cell() {
    auto token = std::make_shared<providers::AccessToken>();
    token->authorization = core::Secret("Bearer abcdefghijklmnopqrstuvwxyz");
    token->refresh_from = kNow + std::chrono::hours(1);
    token->usable_until = kNow + std::chrono::hours(2);
    auto cell = std::make_shared<providers::TokenCell>([] {});
    cell->publish(std::move(token));
    return cell;
}

// The hot path's read: goal 100 ns, no lock.
void BM_TokenRead(benchmark::State& state) {
    static const std::shared_ptr<providers::TokenCell> cell = published_cell();
    providers::TokenReader reader(cell);
    for (auto _ : state) benchmark::DoNotOptimize(reader.read(kNow).get());
}
BENCHMARK(BM_TokenRead)->Threads(1)->Threads(2);

void BM_ParseTokenResponse(benchmark::State& state) {
    storage::ProviderRecord provider;
    provider.token_endpoint = "https://login.example/token";
    const http::Response response{
        .status = 200,
        .headers = {},
        .body =
            R"({"access_token":"abcdefghijklmnopqrstuvwxyz","token_type":"Bearer","expires_in":3600,"scope":"read"})"};
    for (auto _ : state) {
        benchmark::DoNotOptimize(
            providers::parse_token_response(response, {}, provider, {}, core::SystemTime{}));
    }
}
BENCHMARK(BM_ParseTokenResponse);

}  // namespace
