#include <gtest/gtest.h>

#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "http/beast/beast_transport.h"
#include "tests/support/fake_clock.h"

namespace herald::http {
namespace {

namespace asio = boost::asio;
using Addresses = std::vector<asio::ip::address>;

class ThreadedResolverTest : public ::testing::Test {
protected:
    core::Result<Addresses> resolve(const std::string& host) {
        std::optional<core::Result<Addresses>> answer;
        asio::co_spawn(context_, resolver_->resolve(host),
                       [&answer](const std::exception_ptr&, core::Result<Addresses> result) {
                           answer.emplace(std::move(result));
                       });
        context_.restart();
        context_.run();
        return *answer;
    }

    asio::io_context context_;
    test::FakeClock clock_;
    std::unique_ptr<Resolver> resolver_ = make_threaded_resolver(clock_, 2);
};

TEST_F(ThreadedResolverTest, LocalhostIsLoopback) {
    for (int i = 0; i < 3; ++i) {
        const auto addresses = resolve("localhost");
        ASSERT_TRUE(addresses.has_value()) << addresses.error().message;
        ASSERT_FALSE(addresses->empty());
        for (const auto& address : *addresses) EXPECT_TRUE(address.is_loopback()) << address;
    }
}

TEST_F(ThreadedResolverTest, ReadsLiteralsWithoutAsking) {
    EXPECT_EQ(*resolve("127.1"), Addresses{asio::ip::make_address("127.0.0.1")});
    EXPECT_EQ(*resolve("::1"), Addresses{asio::ip::make_address("::1")});
}

TEST_F(ThreadedResolverTest, NoSuchNameIsTransient) {
    // Reserved by RFC 6761, so this asks nobody who could know it.
    const auto addresses = resolve("herald-test.invalid");
    ASSERT_FALSE(addresses.has_value());
    EXPECT_EQ(addresses.error().code, "dns");
    EXPECT_EQ(addresses.error().kind, core::ErrorKind::kTransient);
}

TEST_F(ThreadedResolverTest, ManyAskAtTheSameTimeOnTheirOwnThreads) {
    std::atomic<int> answered = 0;
    std::array<asio::io_context, 4> contexts;
    std::vector<std::jthread> threads;
    for (asio::io_context& context : contexts) {
        threads.emplace_back([&] {
            const auto here = std::this_thread::get_id();
            for (int j = 0; j < 50; ++j) {
                asio::co_spawn(
                    context, resolver_->resolve("localhost"),
                    [&, here](const std::exception_ptr&, const core::Result<Addresses>& result) {
                        if (result.has_value() && std::this_thread::get_id() == here) ++answered;
                    });
            }
            context.run();
        });
    }
    threads.clear();
    resolver_.reset();  // its threads may still be on their way out of a context they answered to
    EXPECT_EQ(answered, 200);
}

TEST_F(ThreadedResolverTest, AnswersEverybodyWhenItIsDestroyed) {
    int answered = 0;
    for (int i = 0; i < 20; ++i) {
        asio::co_spawn(
            context_, resolver_->resolve("h" + std::to_string(i) + ".invalid"),
            [&answered](const std::exception_ptr&, const core::Result<Addresses>&) { ++answered; });
    }
    context_.poll();
    resolver_.reset();
    context_.run();
    EXPECT_EQ(answered, 20);
}

}  // namespace
}  // namespace herald::http
