#include "api/handler_threads.h"

#include <future>
#include <vector>

#include "api/router.h"
#include "tests/api/api_fixture.h"

namespace herald::test {
namespace {

constexpr std::chrono::seconds kLongEnough{30};

// The router on the threads of a server that nobody connects to.
class HandlerThreadsTest : public ApiFixture {
protected:
    std::future<api::ApiResponse> ask(const std::string& path) {
        const auto answer = std::make_shared<std::promise<api::ApiResponse>>();
        api::ApiRequest request;
        request.method = "GET";
        request.path = path;
        router_->handle(std::move(request), threads_, [answer](api::ApiResponse response) {
            answer->set_value(std::move(response));
        });
        return answer->get_future();
    }
    static bool is_there(const std::future<api::ApiResponse>& answer,
                         std::chrono::seconds within = kLongEnough) {
        return answer.wait_for(within) == std::future_status::ready;
    }

    boost::asio::io_context loop_;
    api::HandlerThreads threads_{loop_.get_executor()};
};

// Whoever reaches the port may ask for them, as often as he likes.
TEST_F(HandlerThreadsTest, MetricsHoldUpNoOtherReadAndAreRefusedBeyondAFew) {
    std::promise<void> release;
    events_pruned_ = [released = release.get_future().share()] {
        released.wait();
        return std::int64_t{0};
    };
    std::vector<std::future<api::ApiResponse>> metrics;
    for (int i = 0; i < 16; ++i) metrics.push_back(ask("/metrics"));
    auto refused = ask("/metrics");
    ASSERT_TRUE(is_there(refused, std::chrono::seconds(0)));
    EXPECT_EQ(refused.get().status, 503);
    auto read = ask("/v1/notifications");
    EXPECT_TRUE(is_there(read)) << "it waits behind metrics";
    release.set_value();
    for (auto& each : metrics) EXPECT_EQ(each.get().status, 200);
    EXPECT_EQ(read.get().status, 200);
    EXPECT_EQ(ask("/metrics").get().status, 200) << "there is room again";
}

}  // namespace
}  // namespace herald::test
