#include "http/message.h"

#include <algorithm>
#include <array>

#include "core/encoding.h"
#include "http/field_text.h"

namespace herald::http {
namespace {

constexpr std::size_t kMaxName = 256;
/// A 64 KiB access token (oauth.md) and the scheme before it still fit.
constexpr std::size_t kMaxValue = 64 * 1024 + 64;

bool is_white(char c) {
    return c == ' ' || c == '\t';
}

// Looks at every byte instead of stopping at the first wrong one: there is none, and so the loop
// runs many bytes at a time.
bool is_field_value(std::string_view text) {
    unsigned wrong = 0;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        const bool visible = byte >= 0x20 && byte < 0x7F;
        wrong |= static_cast<unsigned>(!visible) & static_cast<unsigned>(byte != '\t');
    }
    return wrong == 0;
}

}  // namespace

void Headers::set(std::string_view name, std::string value) {
    const auto is_same = [name](const auto& line) {
        return core::equals_ignoring_case(line.first, name);
    };
    const auto first = std::ranges::find_if(lines_, is_same);
    if (first == lines_.end()) {
        add(std::string(name), std::move(value));
        return;
    }
    first->second = std::move(value);
    lines_.erase(std::remove_if(std::next(first), lines_.end(), is_same), lines_.end());
}

std::optional<std::string_view> Headers::get(std::string_view name) const {
    for (const auto& [key, value] : lines_) {
        if (core::equals_ignoring_case(key, name)) return value;
    }
    return std::nullopt;
}

std::vector<std::string_view> Headers::all(std::string_view name) const {
    std::vector<std::string_view> values;
    for (const auto& [key, value] : lines_) {
        if (core::equals_ignoring_case(key, name)) values.emplace_back(value);
    }
    return values;
}

core::Result<> validate_header(std::string_view name, std::string_view value,
                               std::string_view field) {
    if (!is_token(name) || name.size() > kMaxName) {
        return core::invalid_argument(
            field, "the header name must be letters, digits and !#$%&'*+-.^_`|~, at most 256");
    }
    if (value.size() > kMaxValue) {
        return core::invalid_argument(field, "the header value must not be longer than 64 KiB");
    }
    if (!is_field_value(value)) {
        return core::invalid_argument(
            field, "the header value must be visible ASCII, spaces and tabs; no line breaks");
    }
    if (!value.empty() && (is_white(value.front()) || is_white(value.back()))) {
        return core::invalid_argument(field,
                                      "the header value must not begin or end with white space");
    }
    return {};
}

bool is_reserved_header(std::string_view name) {
    static constexpr std::array<std::string_view, 9> kReserved = {
        "host", "content-length", "transfer-encoding", "connection", "keep-alive",
        "te",   "trailer",        "upgrade",           "expect"};
    static constexpr std::string_view kProxy = "proxy-";
    return core::equals_ignoring_case(name.substr(0, kProxy.size()), kProxy) ||
           std::ranges::any_of(kReserved, [name](std::string_view reserved) {
               return core::equals_ignoring_case(name, reserved);
           });
}

}  // namespace herald::http
