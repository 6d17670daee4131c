#include "cli/redirect_listener.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <future>
#include <memory>
#include <vector>

namespace herald::cli {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

std::uint16_t port_of(const RedirectListener& listener) {
    const std::string uri = listener.redirect_uri();
    return static_cast<std::uint16_t>(std::stoi(uri.substr(std::strlen("http://127.0.0.1:"))));
}

/// A browser's connection, or somebody else's.
class Client {
public:
    explicit Client(const RedirectListener& listener)
        : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port_of(listener));
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        EXPECT_EQ(::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    }
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;
    ~Client() { ::close(fd_); }

    void send(const std::string& text) const {
        EXPECT_EQ(::send(fd_, text.data(), text.size(), MSG_NOSIGNAL),
                  static_cast<ssize_t>(text.size()));
    }
    void get(const std::string& target) const {
        send("GET " + target + " HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
    }
    [[nodiscard]] std::string answer() const {
        std::string all;
        std::array<char, 1024> buffer{};
        for (ssize_t got = 1; got > 0;) {
            got = ::recv(fd_, buffer.data(), buffer.size(), 0);
            if (got > 0) all.append(buffer.data(), static_cast<std::size_t>(got));
        }
        return all;
    }

private:
    int fd_;
};

auto waiting(const RedirectListener& listener, std::chrono::milliseconds patience = 1min) {
    return std::async(std::launch::async, [&listener, patience] {
        core::SystemClock clock;
        return listener.wait(clock, "right", patience, {});
    });
}

TEST(RedirectListenerTest, AnotherStateIsRefusedAndTheWaitGoesOn) {
    const auto listener = RedirectListener::open(0).value();
    auto redirect = waiting(listener);
    for (const char* target :
         {"/callback?code=c&state=wrong", "/callback?code=c", "/callback",
          "/callback?error=access_denied&error_description=call+0900&state=wrong"}) {
        const Client stranger(listener);
        stranger.get(target);
        const std::string answer = stranger.answer();
        EXPECT_THAT(answer, StartsWith("HTTP/1.1 400 ")) << target;
        EXPECT_THAT(answer, Not(HasSubstr("0900")));
    }
    const Client favicon(listener);
    favicon.get("/favicon.ico");
    EXPECT_THAT(favicon.answer(), StartsWith("HTTP/1.1 404 "));
    const Client browser(listener);
    browser.get("/callback?code=c0de&state=right&iss=x");
    const auto came = redirect.get();
    ASSERT_TRUE(came) << came.error().message;
    EXPECT_EQ(query_value(came->query, "code"), "c0de");
}

TEST(RedirectListenerTest, TheBrowserHearsWhatCameOfItAndNothingBefore) {
    const auto listener = RedirectListener::open(0).value();
    auto redirect = waiting(listener);
    const Client browser(listener);
    browser.get("/callback?code=c0de&state=right");
    auto came = redirect.get();
    ASSERT_TRUE(came);
    came->tell("It works.");
    EXPECT_THAT(browser.answer(), HasSubstr("It works."));
}

TEST(RedirectListenerTest, WhoSendsSlowlyHoldsNobodyUp) {
    const auto listener = RedirectListener::open(0).value();
    auto redirect = waiting(listener);
    std::vector<std::unique_ptr<Client>> dripping;
    for (int i = 0; i < 80; ++i) {
        dripping.push_back(std::make_unique<Client>(listener));
        dripping.back()->send("GET /call");
    }
    core::SystemClock clock;
    const auto started = clock.steady_now();
    const Client browser(listener);
    browser.get("/callback?code=c0de&state=right");
    ASSERT_TRUE(redirect.get());
    EXPECT_LT(clock.steady_now() - started, 3s);
}

TEST(RedirectListenerTest, TheSamePortCanBeUsedRightAfter) {
    std::uint16_t port = 0;
    {
        const auto listener = RedirectListener::open(0).value();
        port = port_of(listener);
        auto redirect = waiting(listener);
        const Client browser(listener);
        browser.get("/callback?code=c0de&state=right");
        auto came = redirect.get();
        came->tell("Done.");  // we close first, so the port lingers
        EXPECT_THAT(browser.answer(), HasSubstr("Done."));
    }
    EXPECT_TRUE(RedirectListener::open(port));
}

TEST(RedirectListenerTest, StrayRequestsDoNotMakeTheWaitLonger) {
    const auto listener = RedirectListener::open(0).value();
    auto redirect = waiting(listener, 300ms);
    int strays = 0;
    while (redirect.wait_for(0ms) != std::future_status::ready && strays < 100'000) {
        const Client stranger(listener);
        stranger.get("/callback?code=c&state=wrong");
        if (redirect.wait_for(50ms) == std::future_status::ready) break;
        ++strays;
    }
    EXPECT_EQ(redirect.get().error().code, "setup_failed");
    EXPECT_GE(strays, 2);
}

TEST(RedirectListenerTest, APastedAddressHasToCarryTheStateToo) {
    const auto listener = RedirectListener::open(0).value();
    std::array<int, 2> pipe{};
    ASSERT_EQ(::pipe(pipe.data()), 0);
    const std::string typed =
        "http://127.0.0.1/callback?error=x&error_description=call+0900&state=wrong\n"
        "http://127.0.0.1/callback?code=c0de&state=right\n";
    ASSERT_EQ(::write(pipe[1], typed.data(), typed.size()), static_cast<ssize_t>(typed.size()));
    int wrong = 0;
    core::SystemClock clock;
    const auto came =
        listener.wait(clock, "right", 1min, {.input = pipe[0], .on_wrong = [&] { ++wrong; }});
    ASSERT_TRUE(came);
    EXPECT_EQ(query_value(came->query, "code"), "c0de");
    EXPECT_EQ(wrong, 1);
    ::close(pipe[0]);
    ::close(pipe[1]);
}

}  // namespace
}  // namespace herald::cli
