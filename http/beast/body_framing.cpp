#include "http/beast/body_framing.h"

#include <charconv>

#include "core/encoding.h"

namespace herald::http {
namespace {

constexpr std::string_view kLength = "content-length";
constexpr std::string_view kCoding = "transfer-encoding";
constexpr std::string_view kConnection = "connection";

// Digits alone: no sign, no list, nothing that overflows.
std::optional<std::uint64_t> parse_length(std::string_view text) {
    std::uint64_t length = 0;
    const char* const end = text.data() + text.size();
    if (text.empty() || text.front() < '0' || text.front() > '9') return std::nullopt;
    const auto [stop, problem] = std::from_chars(text.data(), end, length);
    if (problem != std::errc{} || stop != end) return std::nullopt;
    return length;
}

}  // namespace

bool BodyFraming::concerns(std::string_view name) {
    return core::equals_ignoring_case(name, kLength) || core::equals_ignoring_case(name, kCoding) ||
           core::equals_ignoring_case(name, kConnection);
}

bool BodyFraming::note(std::string_view name, std::string_view value) {
    if (core::equals_ignoring_case(name, kLength)) {
        note_length(value);
    } else if (core::equals_ignoring_case(name, kCoding)) {
        note_coding(value);
    } else if (core::equals_ignoring_case(name, kConnection)) {
        note_connection(value);
    } else {
        return false;
    }
    return true;
}

void BodyFraming::note_length(std::string_view value) {
    const auto length = parse_length(value);
    if (!length || (length_ && length_ != length) || is_chunked_) is_unclear_ = true;
    length_ = length;
}

// We ask for no coding, so `chunked` alone is all that may come.
void BodyFraming::note_coding(std::string_view value) {
    if (!core::equals_ignoring_case(value, "chunked") || is_chunked_ || length_) is_unclear_ = true;
    is_chunked_ = true;
}

void BodyFraming::note_connection(std::string_view value) {
    while (!value.empty()) {
        const auto comma = value.find(',');
        const auto option = core::trim(value.substr(0, comma));
        says_close_ = says_close_ || core::equals_ignoring_case(option, "close");
        says_keep_alive_ = says_keep_alive_ || core::equals_ignoring_case(option, "keep-alive");
        value = comma == std::string_view::npos ? std::string_view() : value.substr(comma + 1);
    }
}

BodyFraming::Body BodyFraming::body(int status, bool answers_head) {
    const bool never_has_one = status < 200 || status == 204 || status == 304;
    ends_by_itself_ = true;
    if (never_has_one) {
        // A sender that writes a length here may also write the body, and that would be the next
        // answer.
        is_strange_ = is_strange_ || is_unclear_ || is_chunked_ || length_.value_or(0) > 0;
        return {.kind = Kind::kNothing};
    }
    if (is_unclear_) return {.kind = Kind::kUnclear};
    if (answers_head) return {.kind = Kind::kNothing};
    if (is_chunked_) return {.kind = Kind::kChunked};
    if (length_) return {.kind = Kind::kSized, .length = *length_};
    ends_by_itself_ = false;
    return {.kind = Kind::kUntilEnd};
}

bool BodyFraming::keeps_connection(int minor_version) const {
    const bool is_agreed = minor_version >= 1 ? !says_close_ : says_keep_alive_ && !says_close_;
    return is_agreed && ends_by_itself_ && !is_strange_ && !is_unclear_;
}

}  // namespace herald::http
