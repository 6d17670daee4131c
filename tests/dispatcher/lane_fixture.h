#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/await.h"
#include "tests/support/dispatcher_fixture.h"

namespace herald::test {

/// A receiver on virtual time: how it answers, and what it met.
struct Receiver {
    struct Arrival {
        core::SteadyTime at;
        std::string callout;
        int attempt = 0;
        int at_once = 0;           ///< on the wire with it, itself included
        std::size_t answered = 0;  ///< before it came
    };

    std::chrono::milliseconds takes{0};
    bool silent = false;  ///< accepts and never answers
    std::function<int(const http::Request&)> answer = [](const http::Request&) { return 200; };

    std::vector<Arrival> arrivals;
    std::size_t answered = 0;
    int running = 0;
    int running_retries = 0;
    int most_at_once = 0;
    int most_retries_at_once = 0;

    void always(int status) {
        answer = [status](const http::Request&) { return status; };
    }
    void forget() {
        arrivals.clear();
        answered = 0;
        most_at_once = running;
        most_retries_at_once = running_retries;
    }
};

/// Receivers by name: the path of the URL.
///
/// Thread-safety: none; one io_context at a time.
class SimulatedNetwork final {
public:
    explicit SimulatedNetwork(core::Clock& clock) : clock_(clock) {}

    [[nodiscard]] Receiver& operator[](const std::string& name) { return receivers_[name]; }

    boost::asio::awaitable<core::Result<http::Response>> send(http::Request request) {
        Receiver& receiver = receivers_[request.url.target.substr(1)];
        const Visit visit(receiver, request, clock_.steady_now());
        const core::SteadyTime now = clock_.steady_now();
        const bool times_out = receiver.silent || now + receiver.takes > request.deadline;
        const core::SteadyTime ends_at = times_out ? request.deadline : now + receiver.takes;
        if (ends_at > now) {
            const auto executor = co_await boost::asio::this_coro::executor;
            const auto timer = clock_.make_timer(executor);
            timer->expires_at(ends_at);
            co_await timer->wait();
        }
        ++receiver.answered;
        if (times_out) co_return transport_failure("timeout", true);
        co_return respond(receiver.answer(request), "answer");
    }

private:
    /// Ends also where the loop goes under a request, as in a crash.
    class Visit final {
    public:
        Visit(Receiver& receiver, const http::Request& request, core::SteadyTime now)
            : receiver_(receiver) {
            const std::string number(request.headers.get("Herald-Attempt").value_or("0"));
            attempt_ = std::stoi(number);
            ++receiver_.running;
            receiver_.running_retries += is_retry();
            receiver_.most_at_once = std::max(receiver_.most_at_once, receiver_.running);
            receiver_.most_retries_at_once =
                std::max(receiver_.most_retries_at_once, receiver_.running_retries);
            receiver_.arrivals.push_back(
                {.at = now,
                 .callout = std::string(request.headers.get("webhook-id").value_or("")),
                 .attempt = attempt_,
                 .at_once = receiver_.running,
                 .answered = receiver_.answered});
        }
        Visit(const Visit&) = delete;
        Visit& operator=(const Visit&) = delete;
        ~Visit() {
            --receiver_.running;
            receiver_.running_retries -= is_retry();
        }

    private:
        [[nodiscard]] int is_retry() const { return attempt_ > 1 ? 1 : 0; }
        Receiver& receiver_;
        int attempt_ = 0;
    };

    core::Clock& clock_;
    std::map<std::string, Receiver> receivers_;
};

/// The whole dispatcher on virtual time with receivers that take time of their own.
class LaneFixture : public DispatcherFixture {
protected:
    ~LaneFixture() override { close(); }  // what is on the wire looks at `network` to the end

    std::unique_ptr<http::Transport> make_transport() override {
        return std::make_unique<ToNetwork>(network);
    }

    /// Goes from timer to timer for as long as told.
    void run(std::chrono::milliseconds length) {
        const core::SteadyTime end = clock.steady_now() + length;
        settle();
        for (auto next = clock.next_expiry(); next && *next < end; next = clock.next_expiry()) {
            const auto wait =
                std::chrono::ceil<std::chrono::milliseconds>(*next - clock.steady_now());
            advance(std::max(1ms, wait));
        }
        if (clock.steady_now() < end)
            advance(std::chrono::ceil<std::chrono::milliseconds>(end - clock.steady_now()));
    }

    /// A lane of its own: `name.*` goes to the receiver `name`. Failures are due again in an hour.
    storage::NotificationRecord lane(const std::string& name) {
        storage::NotificationRecord record = notification(name);
        record.events = {name + ".*"};
        record.retry.schedule = {1h, 1h, 1h};
        record.retry.jitter_percent = 0;
        return record;
    }
    core::NotificationId add_lane(storage::NotificationRecord record) {
        const core::NotificationId id = record.id;
        add(std::move(record));
        return id;
    }

    core::CalloutId fire_at(const std::string& name, std::string data = "1") {
        return fire(name + ".happened", std::move(data)).value().callouts.at(0).id;
    }

    /// Stored and due, as after an outage; with `failures`, they are late retries. One commit.
    std::vector<core::CalloutId> store_backlog(const std::string& name, int count,
                                               int failures = 0) {
        const auto record = store->notification(name).value();
        auto event = std::make_shared<storage::EventRecord>();
        event->id = core::EventId::generate(clock.stored_now(), random);
        event->type = name + ".happened";
        event->data = "1";
        event->received_at = clock.stored_now();
        event->occurred_at = clock.system_now();
        storage::NewEvent stored{.event = std::move(event),
                                 .callouts = {},
                                 .catalogue_version = store->catalogue_version()};
        std::vector<core::CalloutId> ids;
        for (int i = 0; i < count; ++i) {
            ids.push_back(core::CalloutId::generate(clock.stored_now(), random));
            stored.callouts.push_back(
                {.id = ids.back(), .notification = record.id, .notification_name = record.name});
        }
        const auto appended =
            core::wait_done<storage::AppendResult>([&](core::Done<storage::AppendResult> done) {
                store->append_event(std::move(stored), std::move(done));
            });
        EXPECT_TRUE(appended);
        if (failures > 0) make_retries(ids, record.id, failures);
        if (scheduler) scheduler->wake(record.id);
        settle();
        return ids;
    }

    dispatcher::LaneSnapshot snapshot(const std::string& name) {
        const core::NotificationId id = store->notification(name)->id;
        for (const auto& lane : scheduler->lanes()) {
            if (lane.id == id) return lane;
        }
        return {};
    }
    storage::NotificationCounts counts(const std::string& name) {
        const auto all = store->counts().value();
        for (const auto& one : all.notifications) {
            if (one.name == name) return one;
        }
        return {};
    }
    /// How many of `ids` are pending for `reason` and have no attempt.
    int untouched(const std::vector<core::CalloutId>& ids, std::string_view reason) {
        return static_cast<int>(std::ranges::count_if(ids, [&](const core::CalloutId& id) {
            const auto found = callout(id);
            return found.state == storage::CalloutState::kPending && found.reason == reason &&
                   found.attempts == 0;
        }));
    }

    SimulatedNetwork network{clock};

private:
    class ToNetwork final : public http::Transport {
    public:
        explicit ToNetwork(SimulatedNetwork& network) : network_(network) {}
        boost::asio::awaitable<core::Result<http::Response>> send(http::Request request) override {
            return network_.send(std::move(request));
        }
        void shut_down() override {}

    private:
        SimulatedNetwork& network_;
    };

    void make_retries(const std::vector<core::CalloutId>& ids, core::NotificationId notification,
                      int failures) {
        std::vector<storage::CalloutUpdate> updates;
        for (const core::CalloutId& id : ids) {
            updates.push_back({.id = id,
                               .notification = notification,
                               .reason = "retry",
                               .due_at = clock.stored_now(),
                               .attempts = failures,
                               .failures = failures});
        }
        EXPECT_TRUE(core::wait_done<bool>([&](core::Done<bool> done) {
            store->update_callouts(std::move(updates), std::move(done));
        }));
    }
};

}  // namespace herald::test
