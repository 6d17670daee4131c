#include "http/dns/ares_resolver.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdlib>
#include <filesystem>

#include "tests/support/fake_clock.h"
#include "tests/support/name_server.h"
#include "tests/support/test_certificates.h"

namespace herald::http {
namespace {

using namespace std::chrono_literals;
using test::NameServer;
using Code = NameServer::Code;

/// The resolver on virtual time, with a name server in the test's hands.
class AresResolverTest : public ::testing::Test {
protected:
    using Told = std::shared_ptr<std::optional<Resolver::Answer>>;

    AresResolverTest() { options_.names.name_servers = server_.address(); }

    Resolver& resolver() {
        if (!resolver_) resolver_ = make_ares_resolver(context_.get_executor(), clock_, options_);
        return *resolver_;
    }
    std::pair<Told, std::unique_ptr<Resolver::Question>> ask(const std::string& host) {
        auto told = std::make_shared<std::optional<Resolver::Answer>>();
        auto question =
            resolver().ask(host, [told](const Resolver::Answer& answer) { told->emplace(answer); });
        return {told, std::move(question)};
    }
    void run_until(const std::function<bool()>& condition) {
        const auto guard = boost::asio::make_work_guard(context_);
        context_.restart();
        for (int idle = 0; !condition();) {
            ASSERT_LT(idle, 2000) << "what the test waits for did not happen";
            if (context_.run_one_for(5ms) == 0) ++idle;
        }
    }
    void poll() {
        context_.restart();
        context_.poll();
    }
    Resolver::Answer finish(const Told& told) {
        run_until([&told] { return told->has_value(); });
        return told->value_or(core::Error{.code = "test_gave_up", .message = {}});
    }
    Resolver::Answer resolve(const std::string& host) {
        const auto [told, question] = ask(host);
        return finish(told);
    }
    static std::vector<std::string> texts(const Resolver::Answer& answer) {
        std::vector<std::string> all;
        if (!answer) return {answer.error().code + ": " + answer.error().message};
        for (const auto& address : **answer) all.push_back(address.to_string());
        return all;
    }
    static void expect_ours(const Resolver::Answer& answer) {
        ASSERT_FALSE(answer.has_value());
        EXPECT_EQ(answer.error().code, "resolver_unavailable") << answer.error().message;
        EXPECT_EQ(answer.error().kind, core::ErrorKind::kTransient);
        EXPECT_TRUE(answer.error().details.at("local").as_bool());
    }
    static void expect_of_the_name(const Resolver::Answer& answer) {
        ASSERT_FALSE(answer.has_value());
        EXPECT_EQ(answer.error().code, "dns") << answer.error().message;
        EXPECT_EQ(answer.error().kind, core::ErrorKind::kTransient);
        EXPECT_FALSE(answer.error().details.contains("local"));
    }

    boost::asio::io_context context_;
    test::FakeClock clock_;
    NameServer server_;
    AresResolverOptions options_;
    std::unique_ptr<Resolver> resolver_;
};

TEST_F(AresResolverTest, AsksTheNameServer) {
    server_.set("one.example", {.addresses = {"192.0.2.1"}});
    EXPECT_EQ(texts(resolve("one.example")), std::vector<std::string>{"192.0.2.1"});
}

// The egress policy looks at every one of them.
TEST_F(AresResolverTest, AllAddressesOfBothFamiliesAreTold) {
    server_.set("both.example", {.addresses = {"192.0.2.1", "192.0.2.2", "2001:db8::1"}});
    auto told = texts(resolve("both.example"));
    std::ranges::sort(told);
    EXPECT_EQ(told, (std::vector<std::string>{"192.0.2.1", "192.0.2.2", "2001:db8::1"}));
}

TEST_F(AresResolverTest, LocalhostNeedsNoNameServer) {
    const auto answer = resolve("localhost");
    ASSERT_TRUE(answer.has_value()) << answer.error().message;
    for (const auto& address : **answer) EXPECT_TRUE(address.is_loopback()) << address;
    EXPECT_EQ(server_.asked("localhost"), 0);
}

TEST_F(AresResolverTest, HostsFileGoesFirst) {
    const test::TemporaryFile hosts("192.0.2.7 hosted.example short\n");
    ::setenv("CARES_HOSTS", hosts.path().c_str(), 1);
    server_.set("hosted.example", {.addresses = {"192.0.2.1"}});
    options_.names.reads_hosts_from_environment = true;
    EXPECT_EQ(texts(resolve("hosted.example")), std::vector<std::string>{"192.0.2.7"});
    EXPECT_EQ(texts(resolve("short")), std::vector<std::string>{"192.0.2.7"});
    EXPECT_EQ(server_.asked("hosted.example"), 0);
    ::unsetenv("CARES_HOSTS");
}

TEST_F(AresResolverTest, SearchDomainsOfResolvConfAreTried) {
    const test::TemporaryFile conf("search corp.example other.example\noptions ndots:2\n");
    options_.names.resolv_conf = conf.path();
    server_.set("db.other.example", {.addresses = {"192.0.2.3"}});
    server_.set("a.b.corp.example", {.addresses = {"192.0.2.4"}});
    EXPECT_EQ(texts(resolve("db")), std::vector<std::string>{"192.0.2.3"});
    EXPECT_EQ(server_.asked("db.corp.example"), 1);
    EXPECT_EQ(texts(resolve("a.b")), std::vector<std::string>{"192.0.2.4"});
}

TEST_F(AresResolverTest, WhatAServerSaysOfTheNameIsAboutTheName) {
    server_.set("empty.example", {});
    server_.set("broken.example", {.code = Code::kServerFailure});
    for (const char* host : {"nowhere.example", "empty.example", "broken.example"}) {
        SCOPED_TRACE(host);
        expect_of_the_name(resolve(host));
    }
}

TEST_F(AresResolverTest, ThatNoServerAnswersIsNotAboutTheName) {
    server_.set("refused.example", {.code = Code::kRefused});
    expect_ours(resolve("refused.example"));
    resolver_.reset();
    {
        const NameServer gone;
        options_.names.name_servers = gone.address();
    }
    expect_ours(resolve("any.example"));
}

TEST_F(AresResolverTest, ALookupThatHangsEndsAtItsTimeAndIsOurs) {
    server_.set("silent.example", {.code = Code::kSilence});
    const auto [told, question] = ask("silent.example");
    run_until([this] { return server_.asked("silent.example") > 0; });
    clock_.advance(options_.names.patience - 1ms);
    poll();
    EXPECT_FALSE(told->has_value());
    clock_.advance(1ms);
    expect_ours(finish(told));
}

TEST_F(AresResolverTest, ManyThatHangCostOthersNothing) {
    std::vector<std::unique_ptr<Resolver::Question>> hanging;
    for (int i = 0; i < 50; ++i) {
        const auto host = "h" + std::to_string(i) + ".silent.example";
        server_.set(host, {.code = Code::kSilence});
        hanging.push_back(ask(host).second);
    }
    server_.set("one.example", {.addresses = {"192.0.2.1"}});
    EXPECT_EQ(texts(resolve("one.example")), std::vector<std::string>{"192.0.2.1"});
}

TEST_F(AresResolverTest, OneLookupServesAllWhoAskMeanwhile) {
    server_.set("one.example", {.addresses = {"192.0.2.1"}});
    std::vector<std::pair<Told, std::unique_ptr<Resolver::Question>>> asked;
    for (int i = 0; i < 100; ++i) asked.push_back(ask("one.example"));
    for (const auto& [told, question] : asked)
        EXPECT_EQ(texts(finish(told)), std::vector<std::string>{"192.0.2.1"});
    EXPECT_EQ(server_.asked("one.example"), 1);
}

TEST_F(AresResolverTest, WhoHasGoneIsNotTold) {
    server_.set("one.example", {.addresses = {"192.0.2.1"}});
    auto [gone, question] = ask("one.example");
    const auto [waiting, other] = ask("one.example");
    question.reset();
    EXPECT_TRUE(finish(waiting).has_value());
    EXPECT_FALSE(gone->has_value());
    EXPECT_NE(resolver().known("one.example"), nullptr);
}

TEST_F(AresResolverTest, AnAnswerIsRememberedAsLongAsTheNameServerAllows) {
    server_.set("one.example", {.addresses = {"192.0.2.1"}, .lifetime = 30});
    EXPECT_EQ(resolver().known("one.example"), nullptr);
    const auto answer = resolve("one.example");
    ASSERT_TRUE(answer.has_value());
    ASSERT_NE(resolver().known("one.example"), nullptr);
    EXPECT_EQ(**resolver().known("one.example"), *answer) << "shared, not copied";
    clock_.advance(29999ms);
    EXPECT_NE(resolver().known("one.example"), nullptr);
    clock_.advance(1ms);
    EXPECT_EQ(resolver().known("one.example"), nullptr);
}

TEST_F(AresResolverTest, ButNeitherForAMomentNorForEver) {
    server_.set("short.example", {.addresses = {"192.0.2.1"}, .lifetime = 0});
    server_.set("long.example", {.addresses = {"192.0.2.1"}, .lifetime = 1'000'000});
    ASSERT_TRUE(resolve("short.example").has_value());
    ASSERT_TRUE(resolve("long.example").has_value());
    clock_.advance(options_.shortest_memory - 1ms);
    EXPECT_NE(resolver().known("short.example"), nullptr);
    clock_.advance(1ms);
    EXPECT_EQ(resolver().known("short.example"), nullptr);
    clock_.advance(options_.longest_memory - options_.shortest_memory - 1ms);
    EXPECT_NE(resolver().known("long.example"), nullptr);
    clock_.advance(1ms);
    EXPECT_EQ(resolver().known("long.example"), nullptr);
}

TEST_F(AresResolverTest, AFailureIsRememberedForAShortTime) {
    expect_of_the_name(resolve("late.example"));
    server_.set("late.example", {.addresses = {"192.0.2.1"}});
    ASSERT_NE(resolver().known("late.example"), nullptr);
    expect_of_the_name(*resolver().known("late.example"));
    clock_.advance(options_.failure_memory);
    EXPECT_EQ(resolver().known("late.example"), nullptr);
    EXPECT_TRUE(resolve("late.example").has_value());
}

TEST_F(AresResolverTest, WhatIsRememberedIsBounded) {
    options_.most_remembered = 3;
    for (int i = 0; i < 5; ++i) {
        const auto host = "h" + std::to_string(i) + ".example";
        if (i % 2 == 0) server_.set(host, {.addresses = {"192.0.2.1"}});
        static_cast<void>(resolve(host));
    }
    for (int i = 5; i < 9; ++i) {
        const auto host = "h" + std::to_string(i) + ".example";
        server_.set(host, {.addresses = {"192.0.2.1"}});
        static_cast<void>(resolve(host));
    }
    int known = 0;
    for (int i = 0; i < 9; ++i) {
        const auto* answer = resolver().known("h" + std::to_string(i) + ".example");
        known += answer != nullptr && answer->has_value() ? 1 : 0;
    }
    EXPECT_EQ(known, 3);
}

TEST_F(AresResolverTest, SoIsWhatIsAskedAtATime) {
    options_.most_lookups = 2;
    server_.set("a.example", {.code = Code::kSilence});
    server_.set("b.example", {.code = Code::kSilence});
    const auto a = ask("a.example");
    const auto b = ask("b.example");
    const auto again = ask("a.example");
    EXPECT_FALSE(again.first->has_value()) << "it joins the one under way";
    const auto c = ask("c.example");
    ASSERT_TRUE(c.first->has_value());
    expect_ours(**c.first);
    clock_.advance(options_.names.patience);
    expect_ours(finish(a.first));
    expect_of_the_name(resolve("c.example"));
}

// Else three hundred names of one silent server would leave no lookup to anybody else.
TEST_F(AresResolverTest, NamesThatFailedLeaveHalfOfThemToOthers) {
    options_.most_lookups = 4;
    const std::array silent{"a.silent.example", "b.silent.example", "c.silent.example"};
    for (const char* host : silent) server_.set(host, {.code = Code::kServerFailure});
    for (const char* host : silent) expect_of_the_name(resolve(host));
    clock_.advance(options_.failure_memory);
    for (const char* host : silent) server_.set(host, {.code = Code::kSilence});
    const auto a = ask(silent[0]);
    const auto b = ask(silent[1]);
    EXPECT_FALSE(a.first->has_value());
    EXPECT_FALSE(b.first->has_value());
    const auto c = ask(silent[2]);
    ASSERT_TRUE(c.first->has_value());
    expect_ours(**c.first);
    server_.set("works.example", {.addresses = {"192.0.2.1"}});
    EXPECT_EQ(texts(resolve("works.example")), std::vector<std::string>{"192.0.2.1"});
}

TEST_F(AresResolverTest, ItsEndWaitsForNothing) {
    server_.set("silent.example", {.code = Code::kSilence});
    const auto [told, question] = ask("silent.example");
    run_until([this] { return server_.asked("silent.example") > 0; });
    resolver_.reset();
    context_.restart();
    context_.run();  // returns: nothing is under way any more
    EXPECT_FALSE(told->has_value());
}

TEST_F(AresResolverTest, LeavesNoDescriptorBehind) {
    const auto open = [] {
        const std::filesystem::directory_iterator own("/proc/self/fd");
        return std::distance(begin(own), end(own));
    };
    server_.set("one.example", {.addresses = {"192.0.2.1"}});
    static_cast<void>(resolve("warm.example"));
    const auto before = open();
    for (const char* host : {"one.example", "nowhere.example", "localhost"})
        static_cast<void>(resolve(host));
    EXPECT_EQ(open(), before);
}

TEST_F(AresResolverTest, ADoneMayAskAgain) {
    server_.set("one.example", {.addresses = {"192.0.2.1"}});
    auto told = std::make_shared<std::optional<Resolver::Answer>>();
    std::unique_ptr<Resolver::Question> second;
    const auto first = resolver().ask("nowhere.example", [&](const Resolver::Answer&) {
        second = resolver().ask("one.example",
                                [told](const Resolver::Answer& answer) { told->emplace(answer); });
    });
    EXPECT_TRUE(finish(told).has_value());
}

}  // namespace
}  // namespace herald::http
