#include "tests/support/fake_clock.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <map>
#include <mutex>

namespace herald::test {

namespace asio = boost::asio;

namespace {

// What a timer's waits hang on. Touched on the timer's executor only.
struct Alarm : std::enable_shared_from_this<Alarm> {
    explicit Alarm(const asio::any_io_executor& executor)
        : timer(executor, asio::steady_timer::time_point::max()) {}

    void wake(bool is_expired) {
        *has_expired = is_expired;
        has_expired = std::make_shared<bool>(false);
        timer.cancel();
    }

    asio::steady_timer timer;
    std::shared_ptr<bool> has_expired =
        std::make_shared<bool>(false);  // of the waits that began since the last wake
    core::SteadyTime at{};
};

}  // namespace

struct FakeClock::State {
    mutable std::mutex mutex;
    core::SteadyTime steady = core::SteadyTime(std::chrono::hours(1));  // guarded by mutex
    core::SystemTime system;                                            // guarded by mutex
    std::string boot = "boot";                                          // guarded by mutex
    std::multimap<core::SteadyTime, std::weak_ptr<Alarm>> waiting;      // guarded by mutex

    [[nodiscard]] bool is_past(core::SteadyTime at) const {
        const std::lock_guard lock(mutex);
        return at <= steady;
    }
    void add(const std::shared_ptr<Alarm>& alarm) {
        const std::lock_guard lock(mutex);
        waiting.emplace(alarm->at, alarm);
    }
    void remove(const std::shared_ptr<Alarm>& alarm) {
        const std::lock_guard lock(mutex);
        const auto [first, last] = waiting.equal_range(alarm->at);
        const auto found = std::find_if(
            first, last, [&](const auto& entry) { return entry.second.lock() == alarm; });
        if (found != last) waiting.erase(found);
    }
};

class FakeClock::FakeTimer final : public core::Timer {
public:
    FakeTimer(std::shared_ptr<State> state, const asio::any_io_executor& executor)
        : state_(std::move(state)), alarm_(std::make_shared<Alarm>(executor)) {}
    FakeTimer(const FakeTimer&) = delete;
    FakeTimer& operator=(const FakeTimer&) = delete;
    ~FakeTimer() override { cancel(); }

    void expires_at(core::SteadyTime at) override {
        cancel();
        alarm_->at = at;
    }

    void cancel() override {
        state_->remove(alarm_);
        alarm_->wake(false);
    }

    asio::awaitable<void> wait() override {
        const auto alarm = begin();
        boost::system::error_code ignored;
        co_await alarm->timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }

    void on_expiry(std::function<void(bool)> fired) override {
        const auto alarm = begin();
        const auto has_expired = alarm->has_expired;
        alarm->timer.async_wait([fired = std::move(fired), has_expired](boost::system::error_code) {
            fired(*has_expired);
        });
    }

private:
    std::shared_ptr<Alarm> begin() {
        state_->remove(alarm_);
        if (state_->is_past(alarm_->at)) {
            post_expiry(alarm_, alarm_->at);
        } else {
            state_->add(alarm_);
        }
        return alarm_;
    }

    friend class FakeClock;
    // `at` tells an expiry that was overtaken by another `expires_at`.
    static void post_expiry(const std::shared_ptr<Alarm>& alarm, core::SteadyTime at) {
        asio::post(alarm->timer.get_executor(), [alarm, at] {
            if (alarm->at == at) alarm->wake(true);
        });
    }

    std::shared_ptr<State> state_;
    std::shared_ptr<Alarm> alarm_;
};

FakeClock::FakeClock(core::SystemTime start) : state_(std::make_shared<State>()) {
    state_->system = start;
}

FakeClock::~FakeClock() = default;

core::SystemTime FakeClock::system_now() const {
    const std::lock_guard lock(state_->mutex);
    return state_->system;
}

core::SteadyTime FakeClock::steady_now() const {
    const std::lock_guard lock(state_->mutex);
    return state_->steady;
}

std::unique_ptr<core::Timer> FakeClock::make_timer(asio::any_io_executor executor) {
    return std::make_unique<FakeTimer>(state_, executor);
}

void FakeClock::advance(std::chrono::steady_clock::duration by) {
    const std::lock_guard lock(state_->mutex);
    state_->steady += by;
    state_->system += std::chrono::duration_cast<std::chrono::milliseconds>(by);
    const auto end = state_->waiting.upper_bound(state_->steady);
    for (auto entry = state_->waiting.begin(); entry != end; entry = state_->waiting.erase(entry)) {
        if (const auto alarm = entry->second.lock()) FakeTimer::post_expiry(alarm, entry->first);
    }
}

void FakeClock::set_system_time(core::SystemTime at) {
    const std::lock_guard lock(state_->mutex);
    state_->system = at;
}

std::string FakeClock::boot() const {
    const std::lock_guard lock(state_->mutex);
    return state_->boot;
}

void FakeClock::set_boot(std::string boot) {
    const std::lock_guard lock(state_->mutex);
    state_->boot = std::move(boot);
}

void FakeClock::forget_timers() {
    const std::lock_guard lock(state_->mutex);
    state_->waiting.clear();
}

std::optional<core::SteadyTime> FakeClock::next_expiry() const {
    const std::lock_guard lock(state_->mutex);
    if (state_->waiting.empty()) return std::nullopt;
    return state_->waiting.begin()->first;
}

}  // namespace herald::test
