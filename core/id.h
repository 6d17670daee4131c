#pragma once

#include <array>
#include <compare>
#include <concepts>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "core/clock.h"
#include "core/error.h"
#include "core/random.h"

namespace herald::core {

/// 128 bits: 48 of milliseconds, 80 random. Written as a prefix and 26 characters (ULID).
///
/// Bytes and text sort by time; ids of the same millisecond have no particular order.
struct IdBytes {
    std::array<std::uint8_t, 16> bytes{};
    auto operator<=>(const IdBytes&) const = default;

    [[nodiscard]] static IdBytes generate(StoredTime now, Random& random);
    [[nodiscard]] static IdBytes from(std::span<const std::uint8_t, 16> raw);
    /// Errors: kNotFound, because what cannot be an id names nothing.
    [[nodiscard]] static Result<IdBytes> parse(std::string_view text, std::string_view prefix);
    [[nodiscard]] std::string format(std::string_view prefix) const;
};

/// An id that fits only its own kind: an EventId never passes for a CalloutId, nor compares to one.
template <class Tag>
struct Id : IdBytes {
    auto operator<=>(const Id&) const = default;
    bool operator==(const Id&) const = default;
    template <class Other>
        requires(!std::same_as<Other, Tag>)
    bool operator==(const Id<Other>&) const = delete;

    [[nodiscard]] static Id generate(StoredTime now, Random& random) {
        return Id{IdBytes::generate(now, random)};
    }
    [[nodiscard]] static Id from(std::span<const std::uint8_t, 16> raw) {
        return Id{IdBytes::from(raw)};
    }
    [[nodiscard]] static Result<Id> parse(std::string_view text) {
        auto parsed = IdBytes::parse(text, Tag::kPrefix);
        if (!parsed) return parsed.error();
        return Id{*parsed};
    }
    [[nodiscard]] std::string text() const { return format(Tag::kPrefix); }
};

struct ProviderTag {
    static constexpr std::string_view kPrefix = "prv_";
};
struct NotificationTag {
    static constexpr std::string_view kPrefix = "ntf_";
};
struct EventTag {
    static constexpr std::string_view kPrefix = "evt_";
};
struct CalloutTag {
    static constexpr std::string_view kPrefix = "cal_";
};

using ProviderId = Id<ProviderTag>;
using NotificationId = Id<NotificationTag>;
using EventId = Id<EventTag>;
using CalloutId = Id<CalloutTag>;

/// For unordered containers: the last eight bytes are random already.
struct IdHash {
    [[nodiscard]] std::size_t operator()(const IdBytes& id) const noexcept;
};

}  // namespace herald::core
