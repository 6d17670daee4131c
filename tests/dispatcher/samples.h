#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/time_text.h"
#include "storage/records.h"
#include "tests/support/seeded_random.h"

namespace herald::dispatcher::test {

using herald::test::SeededRandom;

inline core::SystemTime at(std::string_view text) {
    return core::parse_time(text).value();
}

inline core::StoredTime stored_at(std::string_view text) {
    return core::StoredTime(at(text).time_since_epoch());
}

inline storage::EventRecord sample_event(
    std::string data = R"({"account":{"id":"A-7"},"total":10.50})") {
    SeededRandom random(1);
    const core::SystemTime time = at("2026-03-01T12:00:00.250Z");
    return {.id = core::EventId::generate(core::StoredTime(time.time_since_epoch()), random),
            .type = "invoice.posted",
            .data = std::move(data),
            .key = std::nullopt,
            .occurred_at = time,
            .received_at = core::StoredTime(time.time_since_epoch())};
}

inline core::CalloutId sample_callout() {
    SeededRandom random(2);
    return core::CalloutId::generate(stored_at("2026-03-01T12:00:00.300Z"), random);
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
