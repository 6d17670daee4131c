#include "core/visible_json.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <optional>

namespace herald::core {
namespace {

struct Unsafe {
    unsigned code_point = 0;
    std::size_t length = 0;
};

unsigned byte_at(std::string_view text, std::size_t index) {
    return static_cast<unsigned char>(text[index]);
}

bool reorders_or_breaks(unsigned code_point) {
    return (code_point >= 0x200E && code_point <= 0x200F) ||  // marks
           (code_point >= 0x2028 && code_point <= 0x202E) ||  // separators, embeddings, overrides
           (code_point >= 0x2066 && code_point <= 0x2069) ||  // isolates
           code_point == 0x061C || code_point == 0xFEFF;
}

/// The multi-byte character at the front, where it must not be shown as it is.
std::optional<Unsafe> unsafe_front(std::string_view text) {
    if (text.size() >= 2 && byte_at(text, 0) >= 0xC2 && byte_at(text, 0) < 0xE0) {
        const unsigned code_point = (byte_at(text, 0) & 0x1FU) << 6U | (byte_at(text, 1) & 0x3FU);
        if (code_point < 0xA0 || reorders_or_breaks(code_point)) return Unsafe{code_point, 2};
    }
    if (text.size() >= 3 && byte_at(text, 0) >= 0xE0 && byte_at(text, 0) < 0xF0) {
        const unsigned code_point = (byte_at(text, 0) & 0x0FU) << 12U |
                                    (byte_at(text, 1) & 0x3FU) << 6U | (byte_at(text, 2) & 0x3FU);
        if (reorders_or_breaks(code_point)) return Unsafe{code_point, 3};
    }
    return std::nullopt;
}

void append_escape(std::string& out, unsigned code_point) {
    std::array<char, 8> buffer{};
    const int length = std::snprintf(buffer.data(), buffer.size(), "\\u%04x", code_point);
    out.append(buffer.data(), static_cast<std::size_t>(length));
}

}  // namespace

std::string visible_json(std::string_view json) {
    const bool plain = std::none_of(json.begin(), json.end(),
                                    [](char c) { return static_cast<unsigned char>(c) >= 0x7F; });
    if (plain) return std::string(json);
    std::string out;
    out.reserve(json.size());
    while (!json.empty()) {
        if (const auto unsafe = unsafe_front(json)) {
            append_escape(out, unsafe->code_point);
            json.remove_prefix(unsafe->length);
        } else if (json.front() == '\x7f') {
            append_escape(out, 0x7F);
            json.remove_prefix(1);
        } else {
            out.push_back(json.front());
            json.remove_prefix(1);
        }
    }
    return out;
}

}  // namespace herald::core
