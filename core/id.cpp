#include "core/id.h"

#include <cstring>

#include "core/encoding.h"

namespace herald::core {
namespace {

constexpr std::string_view kAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
constexpr std::size_t kTextLength = 26;

Error malformed_id(std::string_view text, std::string_view prefix) {
    return {.kind = ErrorKind::kNotFound,
            .code = "not_found",
            .message = "no such id '" + printable(text, 64) + "': an id starts with " +
                       std::string(prefix) + " and has 26 characters after it"};
}

}  // namespace

IdBytes IdBytes::generate(StoredTime now, Random& random) {
    IdBytes id;
    const auto ms = static_cast<std::uint64_t>(now.time_since_epoch().count());
    for (std::size_t i = 0; i < 6; ++i) id.bytes[i] = static_cast<std::uint8_t>(ms >> (40 - 8 * i));
    const std::uint64_t high = random.next();
    const std::uint64_t low = random.next();
    std::memcpy(&id.bytes[6], &high, 2);
    std::memcpy(&id.bytes[8], &low, 8);
    return id;
}

IdBytes IdBytes::from(std::span<const std::uint8_t, 16> raw) {
    IdBytes id;
    std::memcpy(id.bytes.data(), raw.data(), raw.size());
    return id;
}

std::string IdBytes::format(std::string_view prefix) const {
    std::string text(prefix);
    text.resize(prefix.size() + kTextLength);
    char* out = text.data() + prefix.size();
    // 26 x 5 = 130 bits: the first character carries two leading zero bits.
    std::uint32_t window = 0;
    unsigned available = 2;
    for (const std::uint8_t byte : bytes) {
        window = (window << 8U) | byte;
        available += 8;
        while (available >= 5) {
            available -= 5;
            *out++ = kAlphabet[(window >> available) & 31U];
        }
    }
    return text;
}

Result<IdBytes> IdBytes::parse(std::string_view text, std::string_view prefix) {
    if (!text.starts_with(prefix) || text.size() != prefix.size() + kTextLength) {
        return malformed_id(text, prefix);
    }
    IdBytes id;
    std::uint32_t window = 0;
    unsigned available = 0;
    std::size_t filled = 0;
    bool first = true;
    for (const char c : text.substr(prefix.size())) {
        const auto value = kAlphabet.find(c);
        if (value == std::string_view::npos || (first && value > 7))
            return malformed_id(text, prefix);
        window = (window << 5U) | static_cast<std::uint32_t>(value);
        available += first ? 3 : 5;
        first = false;
        if (available >= 8) {
            available -= 8;
            id.bytes[filled++] = static_cast<std::uint8_t>(window >> available);
        }
    }
    return id;
}

std::size_t IdHash::operator()(const IdBytes& id) const noexcept {
    std::size_t hash = 0;
    std::memcpy(&hash, &id.bytes[8], sizeof hash);
    return hash;
}

}  // namespace herald::core
