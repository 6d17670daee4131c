#include "dispatcher/circuit_breaker.h"

#include <algorithm>

#include "core/backoff.h"

namespace herald::dispatcher {
namespace {

constexpr double kJitter = 0.1;

}  // namespace

void CircuitBreaker::adopt(storage::BreakerSettings settings) {
    settings_ = settings;
    enter(State::kClosed);
}

void CircuitBreaker::advance(core::SteadyTime now) {
    if (state_ == State::kOpen && now >= probe_at_) enter(State::kHalfOpen);
}

void CircuitBreaker::probe_now(core::SteadyTime now) {
    if (state_ == State::kOpen) probe_at_ = now;
    advance(now);
}

CircuitBreaker::Ticket CircuitBreaker::start() {
    probing_ = state_ == State::kHalfOpen;
    return phase_;
}

void CircuitBreaker::ended(Ticket ticket, ReceiverHealth health, core::SteadyTime now) {
    if (!settings_.enabled || ticket != phase_) return;
    probing_ = false;
    if (health == ReceiverHealth::kUnknown) return;
    const bool failed = health == ReceiverHealth::kFails;
    if (state_ == State::kHalfOpen) return failed ? open(now) : enter(State::kClosed);
    count(failed, now);
    if (failed && too_many_failed(now)) open(now);
}

void CircuitBreaker::enter(State state) {
    state_ = state;
    ++phase_;
    probing_ = false;
    slices_.fill({});
}

void CircuitBreaker::open(core::SteadyTime now) {
    const bool again = state_ == State::kHalfOpen;
    openings_ = again ? openings_ + 1 : 1;
    const core::Backoff how{.first = settings_.open_for, .longest = settings_.open_for_at_most};
    probe_at_ = now + core::jittered(how.after(openings_), kJitter, *random_);
    enter(State::kOpen);
}

std::int64_t CircuitBreaker::slice_number(core::SteadyTime now) const {
    return now.time_since_epoch() / (std::chrono::nanoseconds(settings_.window) / kSlices);
}

void CircuitBreaker::count(bool failed, core::SteadyTime now) {
    const std::int64_t number = slice_number(now);
    Slice& slice = slices_[static_cast<std::size_t>(number % kSlices)];
    if (slice.number != number) slice = {.number = number};
    ++slice.ended;
    slice.failed += failed ? 1 : 0;
}

bool CircuitBreaker::too_many_failed(core::SteadyTime now) const {
    const std::int64_t newest = slice_number(now);
    int ended = 0;
    int failed = 0;
    for (const Slice& slice : slices_) {
        if (slice.number <= newest - kSlices) continue;
        ended += slice.ended;
        failed += slice.failed;
    }
    return ended >= settings_.min_attempts && failed * 100 >= ended * settings_.failure_percent;
}

std::string_view to_string(CircuitBreaker::State state) {
    switch (state) {
        case CircuitBreaker::State::kClosed:
            return "closed";
        case CircuitBreaker::State::kOpen:
            return "open";
        case CircuitBreaker::State::kHalfOpen:
            return "half_open";
    }
    return "";
}

}  // namespace herald::dispatcher
