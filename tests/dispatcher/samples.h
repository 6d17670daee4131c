#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/random.h"
#include "core/time_text.h"
#include "storage/records.h"

namespace herald::dispatcher::test {

/// SplitMix64: the same numbers for the same seed, on every machine.
class SeededRandom final : public core::Random {
public:
    explicit SeededRandom(std::uint64_t seed) : state_(seed) {}
    [[nodiscard]] std::uint64_t next() override {
        std::uint64_t z = (state_ += 0x9E3779B97F4A7C15U);
        z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
        z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
        return z ^ (z >> 31U);
    }
    [[nodiscard]] std::size_t below(std::size_t bound) {
        return static_cast<std::size_t>(next() % bound);
    }

private:
    std::uint64_t state_;
};

inline core::SystemTime at(std::string_view text) {
    return core::parse_time(text).value();
}

inline storage::EventRecord sample_event(
    std::string data = R"({"account":{"id":"A-7"},"total":10.50})") {
    SeededRandom random(1);
    const core::SystemTime time = at("2026-03-01T12:00:00.250Z");
    return {.id = core::EventId::generate(time, random),
            .type = "invoice.posted",
            .data = std::move(data),
            .key = std::nullopt,
            .occurred_at = time,
            .received_at = time};
}

inline core::CalloutId sample_callout() {
    SeededRandom random(2);
    return core::CalloutId::generate(at("2026-03-01T12:00:00.300Z"), random);
}

inline storage::NotificationRecord sample_notification() {
    storage::NotificationRecord record;
    record.name = "invoice-posted";
    record.events = {"invoice.*"};
    record.url = "https://receiver.example/hook";
    record.retry.schedule = {std::chrono::seconds(5), std::chrono::minutes(5)};
    return record;
}

}  // namespace herald::dispatcher::test
