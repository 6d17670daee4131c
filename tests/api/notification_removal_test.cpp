// `DELETE ...?cancel_pending=true` while receivers do not answer, on virtual time.
#include <future>
#include <vector>

#include "api/handler_threads.h"
#include "api/router.h"
#include "tests/support/dispatcher_fixture.h"

namespace herald::test {
namespace {

constexpr std::chrono::seconds kLongEnough{30};

class NotificationRemovalTest : public DispatcherFixture {
protected:
    using Answer = std::future<api::ApiResponse>;

    ~NotificationRemovalTest() override {
        if (threads_) threads_->stop();
    }

    /// So many lanes, each with a request that its receiver does not answer.
    void given_lanes_in_flight(std::size_t count) {
        start();
        receivers.hold();
        for (std::size_t i = 0; i < count; ++i) add(notification("n" + std::to_string(i)));
        fire_one();
        ASSERT_EQ(receivers.requests.size(), count);
        router_ = std::make_unique<api::Router>(api::Services{.store = *store,
                                                              .tokens = *manager,
                                                              .intake = *intake,
                                                              .scheduler = scheduler.get(),
                                                              .egress = egress_,
                                                              .clock = clock,
                                                              .random = random,
                                                              .make_transport = {},
                                                              .database = {},
                                                              .key_file = {}});
        threads_ = std::make_unique<api::HandlerThreads>(io->get_executor());
    }
    Answer ask(const std::string& method, const std::string& path, const std::string& body = {}) {
        const auto answer = std::make_shared<std::promise<api::ApiResponse>>();
        api::ApiRequest request;
        request.method = method;
        request.path = path;
        if (method == "DELETE") request.query["cancel_pending"] = "true";
        request.body = body;
        router_->handle(std::move(request), *threads_, [answer](api::ApiResponse response) {
            answer->set_value(std::move(response));
        });
        return answer->get_future();
    }
    std::vector<Answer> remove_all(std::size_t count) {
        std::vector<Answer> removals;
        for (std::size_t i = 0; i < count; ++i)
            removals.push_back(ask("DELETE", "/v1/notifications/n" + std::to_string(i)));
        return removals;
    }
    static bool is_there(const Answer& answer, std::chrono::milliseconds within = kLongEnough) {
        return answer.wait_for(within) == std::future_status::ready;
    }
    /// Lets the lanes go on until it is there.
    api::ApiResponse answer_of(Answer& answer) {
        const auto deadline = std::chrono::steady_clock::now() + kLongEnough;
        do {
            settle();
        } while (!is_there(answer, 1ms) && std::chrono::steady_clock::now() < deadline);
        if (is_there(answer, 0ms)) return answer.get();
        ADD_FAILURE() << "no answer";
        return {};
    }

    const http::EgressPolicy egress_;
    std::unique_ptr<api::Router> router_;
    std::unique_ptr<api::HandlerThreads> threads_;
};

TEST_F(NotificationRemovalTest, ItHoldsNoThreadWhileReceiversDoNotAnswer) {
    given_lanes_in_flight(20);
    auto removals = remove_all(20);
    auto backup = ask("POST", "/v1/backup",
                      R"({"path":")" + (directory.path() / "copy.db").string() + R"("})");
    EXPECT_TRUE(is_there(backup)) << "it waits behind receivers";
    for (const Answer& removal : removals) EXPECT_FALSE(is_there(removal, 0ms));
    receivers.release();
    for (Answer& removal : removals) EXPECT_EQ(answer_of(removal).status, 200);
    EXPECT_EQ(answer_of(backup).status, 200);
    EXPECT_TRUE(store->notifications().value().empty());
    EXPECT_EQ(received.size(), 20U) << "what was in flight has ended, not been cut off";
}

TEST_F(NotificationRemovalTest, AStopEndsTheWait) {
    given_lanes_in_flight(1);
    auto removals = remove_all(1);
    scheduler->stop(0ms);
    const api::ApiResponse answer = answer_of(removals.front());
    EXPECT_EQ(answer.status, 409) << answer.body;
    EXPECT_THAT(answer.body, testing::HasSubstr("notification_in_use"));
}

}  // namespace
}  // namespace herald::test
