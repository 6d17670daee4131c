#include "core/await.h"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <thread>

namespace herald::core {
namespace {

namespace asio = boost::asio;

// Runs `await_done<T>(start)` as a coroutine of its own and keeps what came of it.
template <class T, class Start>
struct Awaiting {
    Awaiting(asio::io_context& context, Start start) {
        asio::co_spawn(context, run(this, std::move(start)), asio::detached);
    }
    static asio::awaitable<void> run(Awaiting* self, Start start) {
        auto result = co_await await_done<T>(std::move(start));
        self->resumed_on = std::this_thread::get_id();
        self->result.emplace(std::move(result));
    }

    std::optional<Result<T>> result;
    std::thread::id resumed_on;
};

template <class T, class Start>
std::unique_ptr<Awaiting<T, Start>> await_on(asio::io_context& context, Start start) {
    return std::make_unique<Awaiting<T, Start>>(context, std::move(start));
}

TEST(AwaitDoneTest, GivesTheResultOfACallThatCompletesAtOnce) {
    asio::io_context context;
    const auto waiting = await_on<int>(context, [](Done<int> done) { done(7); });
    context.run();
    ASSERT_TRUE(waiting->result.has_value());
    EXPECT_EQ(waiting->result->value(), 7);
}

TEST(AwaitDoneTest, KeepsTheContextRunningUntilTheCallCompletes) {
    asio::io_context context;
    Done<int> completion;
    const auto waiting =
        await_on<int>(context, [&](Done<int> done) { completion = std::move(done); });
    context.poll();
    EXPECT_FALSE(context.stopped());
    EXPECT_FALSE(waiting->result.has_value());

    completion(7);
    EXPECT_FALSE(waiting->result.has_value()) << "resumed inside the callee";
    completion = nullptr;
    context.poll();
    EXPECT_TRUE(context.stopped());
    ASSERT_TRUE(waiting->result.has_value());
    EXPECT_EQ(waiting->result->value(), 7);
}

TEST(AwaitDoneTest, ResumesOnItsOwnThreadWhenAnotherOneCompletes) {
    asio::io_context context;
    std::jthread other;
    const auto waiting = await_on<int>(context, [&](Done<int> done) {
        other = std::jthread([done = std::move(done)] { done(7); });
    });
    context.run();
    ASSERT_TRUE(waiting->result.has_value());
    EXPECT_EQ(waiting->result->value(), 7);
    EXPECT_EQ(waiting->resumed_on, std::this_thread::get_id());
}

TEST(AwaitDoneTest, PassesErrorsOn) {
    asio::io_context context;
    const auto waiting =
        await_on<void>(context, [](Done<> done) { done(not_found("event", "x")); });
    context.run();
    ASSERT_TRUE(waiting->result.has_value());
    EXPECT_EQ(waiting->result->error().code, "not_found");
}

TEST(AwaitDoneTest, MovesAResultThatCannotBeCopied) {
    asio::io_context context;
    using Owned = std::unique_ptr<int>;
    const auto waiting =
        await_on<Owned>(context, [](Done<Owned> done) { done(std::make_unique<int>(7)); });
    context.run();
    ASSERT_TRUE(waiting->result.has_value());
    EXPECT_EQ(*waiting->result->value(), 7);
}

TEST(AwaitDoneTest, CarriesManyCallsFromManyThreads) {
    constexpr int kCalls = 200;
    asio::io_context context;
    std::vector<std::jthread> others;
    int sum = 0;
    const auto call = [&](int number) -> asio::awaitable<void> {
        const auto start = [&others, number](Done<int> done) {
            others.emplace_back([done = std::move(done), number] { done(number); });
        };
        const auto result = co_await await_done<int>(start);
        sum += result.value();
    };
    for (int i = 1; i <= kCalls; ++i) asio::co_spawn(context, call(i), asio::detached);
    context.run();
    EXPECT_EQ(sum, kCalls * (kCalls + 1) / 2);
}

TEST(WaitCalledTest, GivesWhatTheCallbackWasCalledWith) {
    EXPECT_EQ(
        *wait_called<std::unique_ptr<int>>([](auto called) { called(std::make_unique<int>(7)); }),
        7);
    std::jthread other;
    bool was_called = false;
    wait_called<void>([&](auto called) {
        other = std::jthread([&was_called, called] {
            was_called = true;
            called();
        });
    });
    EXPECT_TRUE(was_called);
}

// The other thread may be inside it when the waiting one goes on.
TEST(WaitCalledTest, TheCallbackOutlivesTheWait) {
    std::function<void()> kept;
    wait_called<void>([&](const std::function<void()>& called) {
        kept = called;
        called();
    });
    EXPECT_THROW(kept(), std::future_error);
}

TEST(WaitDoneTest, GivesTheResultOfACallThatCompletesAtOnce) {
    EXPECT_EQ(wait_done<int>([](Done<int> done) { done(7); }).value(), 7);
    EXPECT_TRUE(wait_done<void>([](Done<> done) { done({}); }).has_value());
}

TEST(WaitDoneTest, WaitsForAnotherThread) {
    std::jthread other;
    const auto result = wait_done<std::unique_ptr<int>>([&](Done<std::unique_ptr<int>> done) {
        other = std::jthread([done = std::move(done)] { done(std::make_unique<int>(7)); });
    });
    EXPECT_EQ(*result.value(), 7);
}

TEST(WaitDoneTest, PassesErrorsOn) {
    const auto result = wait_done<int>([](Done<int> done) { done(not_found("event", "x")); });
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(result.error().code, "not_found");
}

}  // namespace
}  // namespace herald::core
