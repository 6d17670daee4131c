#pragma once

#include <atomic>
#include <filesystem>
#include <future>
#include <semaphore>
#include <string>
#include <utility>

#include "tests/http/transport_fixture.h"

namespace herald::http {

/// Requests that end at an exact moment of virtual time, and what is left of them: nothing.
class TransportDeadlineTest : public TransportFixture {
protected:
    enum class Lookups { kNone, kStillRunning };

    void poll() {
        context_.restart();
        context_.poll();
    }

    /// Nothing ends a moment before `limit`, and everything does at it.
    core::Result<Response> expect_end_at(const std::shared_ptr<Outcome>& outcome,
                                         std::chrono::milliseconds limit) {
        using namespace std::chrono_literals;
        poll();
        clock_.advance(limit - 1ms);
        poll();
        EXPECT_FALSE(outcome->has_value()) << "ended too early";
        clock_.advance(1ms);
        return finish(outcome);
    }

    /// No wait, no operation and no connection is left over, and the next request works. A lookup
    /// cannot be called off and goes on by itself.
    void expect_free(Lookups lookups = Lookups::kNone) {
        poll();
        EXPECT_EQ(clock_.next_expiry(), std::nullopt) << "something still waits for its time";
        if (lookups == Lookups::kNone) {
            EXPECT_TRUE(context_.stopped()) << "something is still under way";
        }
        test::LoopbackServer healthy(test::LoopbackServer::always(answer("next")));
        const auto next = send_get(healthy.url());
        ASSERT_TRUE(next.has_value()) << next.error().message;
        EXPECT_EQ(next->body, "next");
    }

    [[nodiscard]] static std::ptrdiff_t open_descriptors() {
        const std::filesystem::directory_iterator own("/proc/self/fd");
        return std::distance(begin(own), end(own));
    }

    /// Sends `bytes` after the request and then nothing; true for `has_stalled_` once it has.
    test::LoopbackServer::Script stall_after(std::string bytes) {
        return [this, bytes = std::move(bytes)](test::LoopbackSession& session) {
            session.read_request();
            session.send(bytes);
            has_stalled_ = true;
            session.wait_for_close();
        };
    }
    std::shared_ptr<Outcome> start_until_stalled(Request request) {
        auto outcome = start(std::move(request));
        run_until([this] { return has_stalled_.load(); });
        return outcome;
    }

    std::atomic<bool> has_stalled_ = false;
    std::promise<void> is_over_;
};

/// Lets a script take one step at a time; open, it holds nobody back any more.
class Tap final {
public:
    void drop() { steps_.release(); }
    void open() {
        is_open_ = true;
        steps_.release();
    }
    /// False when there is nothing to wait for any more.
    bool wait() {
        if (!is_open_) steps_.acquire();
        return !is_open_;
    }

private:
    std::atomic<bool> is_open_ = false;
    std::counting_semaphore<> steps_{0};
};

}  // namespace herald::http
