#include "core/outside_text.h"

#include <algorithm>

#include "core/encoding.h"

namespace herald::core {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
constexpr std::size_t kLongestSequence = 4;

// Length of the UTF-8 sequence that `text` begins with; 0 where there is none.
std::size_t sequence_at(std::string_view text) {
    for (std::size_t length = 1; length <= std::min(kLongestSequence, text.size()); ++length) {
        if (is_valid_utf8(text.substr(0, length))) return length;
    }
    return 0;
}

}  // namespace

std::string outside_text(std::string_view bytes) {
    if (bytes.starts_with(kByteOrderMark)) bytes.remove_prefix(kByteOrderMark.size());
    bytes = trim(bytes);
    if (is_valid_utf8(bytes)) return std::string(bytes);
    std::string out;
    while (!bytes.empty()) {
        const std::size_t length = sequence_at(bytes);
        if (length > 0) {
            out.append(bytes.substr(0, length));
        } else {
            const auto byte = static_cast<unsigned char>(bytes.front());
            out.push_back(static_cast<char>(0xC0 | byte >> 6));
            out.push_back(static_cast<char>(0x80 | (byte & 0x3F)));
        }
        bytes.remove_prefix(std::max(length, std::size_t{1}));
    }
    return out;
}

}  // namespace herald::core
