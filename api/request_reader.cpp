#include "api/request_reader.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "api/problem.h"
#include "core/encoding.h"

namespace herald::api {
namespace {

using core::Result;

constexpr std::size_t kMaxHead = 32 * 1024;
constexpr std::size_t kMaxChunkLine = 1024;
constexpr std::size_t kMaxTrailers = 64;

core::Error body_too_large(std::size_t limit) {
    return with_status(
        malformed_request("the body is larger than " + std::to_string(limit) + " bytes"), 413);
}

bool is_ndjson(const RequestHead& head) {
    const auto found = head.headers.find("content-type");
    return found != head.headers.end() &&
           core::to_lower(found->second).starts_with("application/x-ndjson");
}

}  // namespace

core::Error with_status(core::Error error, int status) {
    error.details["status"] = status;
    return error;
}

int reader_status(const core::Error& error) {
    const boost::json::value* status = error.details.if_contains("status");
    return status == nullptr ? 400 : static_cast<int>(status->as_int64());
}

Result<RequestReader::Progress> RequestReader::take(std::string_view bytes) {
    buffer_.append(bytes);
    Result<bool> got_on = true;
    while (got_on && *got_on && part_ != Part::kEnd && !continue_wanted_) got_on = step();
    buffer_.erase(0, std::exchange(read_, 0));
    if (!got_on) return got_on.error();
    return progress();
}

RequestReader::Progress RequestReader::progress() {
    if (std::exchange(continue_wanted_, false)) return Progress::kWantsContinue;
    if (part_ == Part::kEnd) return Progress::kComplete;
    if (part_ != Part::kHead) return Progress::kInBody;
    return buffer_.empty() ? Progress::kNothing : Progress::kInHead;
}

void RequestReader::next() {
    part_ = Part::kHead;
    searched_ = 0;
    head_ = {};
    // An idle connection holds nothing: assigning an empty text would keep the memory.
    std::string().swap(body_);
    if (buffer_.empty()) std::string().swap(buffer_);
}

Result<bool> RequestReader::step() {
    switch (part_) {
        case Part::kHead:
            return read_head();
        case Part::kWholeBody:
            return read_whole_body();
        case Part::kChunkSize:
            return read_chunk_size();
        case Part::kChunk:
            return read_chunk();
        case Part::kTrailers:
            return read_trailer();
        case Part::kEnd:
            return false;
    }
    return false;
}

Result<bool> RequestReader::read_head() {
    wants_head_only_ = rest().starts_with("HEAD ");
    // What was searched before may end with the beginning of what is looked for.
    const std::size_t from = searched_ < 3 ? 0 : searched_ - 3;
    const std::size_t end = rest().find("\r\n\r\n", from);
    if (end != std::string_view::npos && end + 4 <= kMaxHead) {
        auto head = parse_request_head(cut(end + 4));
        if (!head) return head.error();
        head_ = std::move(*head);
        return begin_body();
    }
    if (rest().size() > kMaxHead)
        return with_status(malformed_request("the header is larger than 32 KiB"), 431);
    // A header whose lines end with LF alone never shows the end above.
    if (rest().find("\n\n", from) != std::string_view::npos)
        return malformed_request("lines end with CR LF");
    searched_ = rest().size();
    return false;
}

Result<bool> RequestReader::begin_body() {
    limit_ = is_ndjson(head_) ? limits_.ndjson_body : limits_.body;
    const std::uint64_t length = head_.content_length.value_or(0);
    if (length > limit_) return body_too_large(limit_);
    left_ = static_cast<std::size_t>(length);
    trailers_ = 0;
    part_ = head_.chunked ? Part::kChunkSize : Part::kWholeBody;
    continue_wanted_ = head_.expects_continue;
    return true;
}

bool RequestReader::take_body() {
    const std::string_view there = cut(std::min(left_, rest().size()));
    body_.append(there);
    left_ -= there.size();
    return left_ == 0;
}

Result<bool> RequestReader::read_whole_body() {
    if (!take_body()) return false;
    part_ = Part::kEnd;
    return true;
}

Result<bool> RequestReader::read_chunk_size() {
    const auto text = line();
    if (!text) return text.error();
    if (!*text) return false;
    const char* const end_of_text = (*text)->data() + (*text)->size();
    std::uint64_t size = 0;
    const auto [end, ec] = std::from_chars((*text)->data(), end_of_text, size, 16);
    if (ec != std::errc() || (end != end_of_text && *end != ';'))
        return malformed_request("a chunk starts with its size in hex digits");
    if (size > limit_ - body_.size()) return body_too_large(limit_);
    left_ = static_cast<std::size_t>(size);
    part_ = size == 0 ? Part::kTrailers : Part::kChunk;
    return true;
}

Result<bool> RequestReader::read_chunk() {
    if (!take_body() || rest().size() < 2) return false;
    if (cut(2) != "\r\n") return malformed_request("a chunk ends with CR LF");
    part_ = Part::kChunkSize;
    return true;
}

Result<bool> RequestReader::read_trailer() {
    const auto text = line();
    if (!text) return text.error();
    if (!*text) return false;
    if ((*text)->empty()) part_ = Part::kEnd;
    if (++trailers_ > kMaxTrailers) return malformed_request("more than 64 trailer fields");
    return true;
}

// Empty optional: its end has not arrived.
Result<std::optional<std::string_view>> RequestReader::line() {
    const std::size_t end = rest().find("\r\n");
    if (end != std::string_view::npos && end <= kMaxChunkLine)
        return std::optional(cut(end + 2).substr(0, end));
    if (rest().size() > kMaxChunkLine)
        return malformed_request("a line inside the chunked body is too long");
    return std::optional<std::string_view>();
}

std::string_view RequestReader::cut(std::size_t size) {
    const std::string_view out = rest().substr(0, size);
    read_ += size;
    return out;
}

}  // namespace herald::api
