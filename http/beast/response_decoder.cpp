#include "http/beast/response_decoder.h"

#include <algorithm>
#include <array>
#include <optional>

#include "core/encoding.h"
#include "http/field_text.h"

namespace herald::http {
namespace {

using Progress = ResponseDecoder::Progress;

constexpr std::string_view kVersion = "HTTP/1.";
/// Room made on the word of a Content-Length alone.
constexpr std::size_t kTrustedLength = 16 * 1024;

/// Kept even where other lines have used up the limits: what to do next stands in them.
constexpr std::array<std::string_view, 4> kTellingNames = {"retry-after", "www-authenticate",
                                                           "location", "dpop-nonce"};

// What a response within all limits may cost on the wire, with as much framing as body. Chunk
// extensions would else be a way to send for ever.
std::size_t most_bytes(const DecoderLimits& limits) {
    return (limits.interim_responses + 2) * limits.header_bytes + 2 * limits.body_bytes;
}

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

bool is_blank(char c) {
    return c == ' ' || c == '\t';
}

struct StatusLine {
    int minor_version = 1;
    int status = 0;
};

// `HTTP/1.1 200 OK`; some leave out the reason, and the space before it too.
std::optional<StatusLine> parse_status_line(std::string_view line) {
    constexpr std::size_t kDigits = kVersion.size() + 2;
    if (!line.starts_with(kVersion) || line.size() < kDigits + 3) return std::nullopt;
    const char minor = line[kVersion.size()];
    if ((minor != '0' && minor != '1') || line[kVersion.size() + 1] != ' ') return std::nullopt;
    StatusLine parsed{.minor_version = minor - '0'};
    for (const char c : line.substr(kDigits, 3)) {
        if (!is_digit(c)) return std::nullopt;
        parsed.status = parsed.status * 10 + (c - '0');
    }
    if (line.size() > kDigits + 3 && line[kDigits + 3] != ' ') return std::nullopt;
    return parsed;
}

std::optional<std::uint64_t> parse_chunk_size(std::string_view line) {
    std::uint64_t size = 0;
    std::size_t at = 0;
    for (; at < line.size(); ++at) {
        const char c = line[at];
        const char lower = static_cast<char>(c | 0x20);
        const bool is_letter = lower >= 'a' && lower <= 'f';
        if (!is_digit(c) && !is_letter) break;
        if (size > (UINT64_MAX >> 4U)) return std::nullopt;
        size = size * 16 + static_cast<unsigned>(is_digit(c) ? c - '0' : lower - 'a' + 10);
    }
    if (at == 0) return std::nullopt;
    while (at < line.size() && is_blank(line[at])) ++at;
    if (at < line.size() && line[at] != ';') return std::nullopt;
    return size;
}

}  // namespace

ResponseDecoder::ResponseDecoder(DecoderLimits limits, bool answers_head)
    : limits_(limits), answers_head_(answers_head), lines_(limits.header_line_bytes) {}

ResponseDecoder::Step ResponseDecoder::feed(std::string_view data) {
    std::string_view rest = data;
    auto progress = Progress::kNeedMore;
    while (progress == Progress::kNeedMore && !rest.empty()) {
        const std::size_t before = rest.size();
        progress = step(rest);
        taken_ += before - rest.size();
        if (progress != Progress::kNeedMore || taken_ <= most_bytes(limits_)) continue;
        const bool has_status = part_ != Part::kStatusLine && response_.status >= 200;
        progress = has_status ? cut() : malformed("it sends a head without end");
    }
    return {.progress = progress, .consumed = data.size() - rest.size()};
}

Progress ResponseDecoder::step(std::string_view& data) {
    const bool is_in_body =
        part_ == Part::kSized || part_ == Part::kUntilEnd || part_ == Part::kChunk;
    return is_in_body ? step_body(data) : step_line(data);
}

Progress ResponseDecoder::step_line(std::string_view& data) {
    const auto line = lines_.take(data);
    if (!line) return on_unfinished_line();
    switch (part_) {
        case Part::kStatusLine:
            return on_status_line(*line);
        case Part::kFields:
            return on_head_line(*line);
        case Part::kChunkSize:
            return on_chunk_size(*line);
        case Part::kTrailers:
            return on_trailer(*line);
        case Part::kChunkEnd:
            part_ = Part::kChunkSize;
            return line->text.empty() && line->ends_with_crlf ? Progress::kNeedMore : cut();
        case Part::kSized:
        case Part::kUntilEnd:
        case Part::kChunk:
            break;
    }
    return Progress::kNeedMore;
}

// A server of another protocol may never complete a line, and a chunk header has no right to be
// long.
Progress ResponseDecoder::on_unfinished_line() {
    if (part_ == Part::kStatusLine) {
        const auto begun = lines_.begun().substr(0, kVersion.size());
        return kVersion.starts_with(begun) ? Progress::kNeedMore
                                           : malformed("it does not begin with HTTP/1.");
    }
    return part_ != Part::kFields && lines_.is_too_long() ? cut() : Progress::kNeedMore;
}

Progress ResponseDecoder::on_status_line(const Line& line) {
    if (!line.text.starts_with(kVersion)) return malformed("it does not begin with HTTP/1.");
    const auto parsed = parse_status_line(line.text);
    if (!parsed) return malformed("its status line is none of HTTP/1.1 or 1.0");
    if (parsed->status < 100 || parsed->status > 599)
        return malformed("the status is not between 100 and 599");
    if (parsed->status == 101) return malformed("it switches protocols, which nobody asked for");
    if (!line.ends_with_crlf || !line.is_whole) framing_.note_strange();
    response_.status = parsed->status;
    minor_version_ = parsed->minor_version;
    part_ = Part::kFields;
    return Progress::kNeedMore;
}

Progress ResponseDecoder::on_head_line(const Line& line) {
    if (!line.ends_with_crlf) framing_.note_strange();
    if (line.text.empty()) return end_head();
    if (is_blank(line.text.front())) {
        on_folded(line);
    } else {
        on_field(line);
    }
    return Progress::kNeedMore;
}

void ResponseDecoder::on_field(const Line& line) {
    is_last_kept_ = false;
    const auto colon = line.text.find(':');
    const auto name = line.text.substr(0, colon);
    const bool is_field = colon != std::string_view::npos && is_token(name);
    const auto value = is_field ? core::trim(line.text.substr(colon + 1)) : std::string_view();
    if (!is_field || !line.is_whole || !is_field_content(value)) {
        framing_.note_strange();
        if (BodyFraming::concerns(core::trim(name))) framing_.note_unreadable();
        return;
    }
    const bool is_about_body = framing_.note(name, value);
    if (response_.status < 200) return;
    // Nobody but a login keeps cookies, and nobody stores any (E-84).
    if (!limits_.keeps_cookies && core::equals_ignoring_case(name, "set-cookie")) return;
    const std::size_t size = name.size() + value.size();
    if (!is_kept(name, size)) return framing_.note_strange();
    response_.headers.add(std::string(name), std::string(value));
    kept_bytes_ += size;
    is_last_kept_ = !is_about_body;
}

// Obsolete, but a line that goes on in the next one is read as one (RFC 9112 section 5.2).
void ResponseDecoder::on_folded(const Line& line) {
    framing_.note_strange();
    const auto more = core::trim(line.text);
    const bool fits = line.is_whole && kept_bytes_ + more.size() < limits_.header_bytes;
    if (!is_last_kept_ || !fits || !is_field_content(more)) {
        // Whatever it continues may have been about the body.
        if (!is_last_kept_) framing_.note_unreadable();
        return;
    }
    response_.headers.extend_last(more);
    kept_bytes_ += more.size() + 1;
}

bool ResponseDecoder::is_kept(std::string_view name, std::size_t size) const {
    const auto fits = [&](std::size_t shares) {
        return response_.headers.size() < shares * limits_.header_fields &&
               kept_bytes_ + size <= shares * limits_.header_bytes;
    };
    const auto tells = [name](std::string_view telling) {
        return core::equals_ignoring_case(name, telling);
    };
    return fits(1) || (fits(2) && std::ranges::any_of(kTellingNames, tells));
}

Progress ResponseDecoder::end_head() {
    if (response_.status >= 200) return begin_body();
    if (++interim_seen_ > limits_.interim_responses)
        return malformed("it sends 1xx responses without end");
    static_cast<void>(framing_.body(response_.status, answers_head_));
    const bool is_odd = !framing_.keeps_connection(1);
    framing_ = {};
    if (is_odd) framing_.note_strange();
    part_ = Part::kStatusLine;
    return Progress::kNeedMore;
}

Progress ResponseDecoder::begin_body() {
    const auto body = framing_.body(response_.status, answers_head_);
    switch (body.kind) {
        case BodyFraming::Kind::kNothing:
            return complete();
        case BodyFraming::Kind::kUnclear:
            return cut();
        case BodyFraming::Kind::kChunked:
            part_ = Part::kChunkSize;
            return Progress::kNeedMore;
        case BodyFraming::Kind::kUntilEnd:
            part_ = Part::kUntilEnd;
            return Progress::kNeedMore;
        case BodyFraming::Kind::kSized:
            break;
    }
    const auto most = std::min(kTrustedLength, limits_.body_bytes);
    response_.body.reserve(std::min<std::uint64_t>(body.length, most));
    remaining_ = body.length;
    part_ = Part::kSized;
    return remaining_ == 0 ? complete() : Progress::kNeedMore;
}

Progress ResponseDecoder::step_body(std::string_view& data) {
    const bool has_end = part_ != Part::kUntilEnd;
    const auto piece =
        has_end ? data.substr(0, std::min<std::uint64_t>(remaining_, data.size())) : data;
    data.remove_prefix(piece.size());
    remaining_ -= has_end ? piece.size() : 0;
    if (!keep(piece)) return cut();
    if (!has_end || remaining_ > 0) return Progress::kNeedMore;
    if (part_ == Part::kSized) return complete();
    part_ = Part::kChunkEnd;
    return Progress::kNeedMore;
}

Progress ResponseDecoder::on_chunk_size(const Line& line) {
    const auto size = parse_chunk_size(line.text);
    if (!size || !line.is_whole || !line.ends_with_crlf) return cut();
    remaining_ = *size;
    part_ = remaining_ == 0 ? Part::kTrailers : Part::kChunk;
    return Progress::kNeedMore;
}

// Nobody reads them.
Progress ResponseDecoder::on_trailer(const Line& line) {
    const bool is_field = line.text.empty() || is_token(line.text.substr(0, line.text.find(':')));
    if (!is_field || !line.ends_with_crlf) framing_.note_strange();
    if (!line.is_whole) return cut();
    return line.text.empty() ? complete() : Progress::kNeedMore;
}

// False where there is more of it than may be kept.
bool ResponseDecoder::keep(std::string_view bytes) {
    const std::size_t room = limits_.body_bytes - response_.body.size();
    const std::size_t taken = std::min(room, bytes.size());
    make_room(response_.body.size() + taken);
    response_.body.append(bytes.substr(0, taken));
    return bytes.size() <= room;
}

// A string asked for less than twice what it has takes twice, so the step to the limit is made from
// half of it at most: then a body never takes more memory than its limit.
void ResponseDecoder::make_room(std::size_t needed) {
    if (needed <= response_.body.capacity()) return;
    const std::size_t doubled = 2 * needed;
    const bool is_last_step = doubled > limits_.body_bytes / 2;
    response_.body.reserve(is_last_step ? limits_.body_bytes : doubled);
}

Progress ResponseDecoder::end(bool is_clean) {
    if (part_ == Part::kStatusLine || response_.status < 200) return Progress::kNeedMore;
    if (part_ == Part::kUntilEnd && is_clean) return complete();
    return cut();
}

Progress ResponseDecoder::complete() {
    is_reusable_ = framing_.keeps_connection(minor_version_);
    return Progress::kDone;
}

Progress ResponseDecoder::cut() {
    response_.body_truncated = true;
    return Progress::kDone;
}

Progress ResponseDecoder::malformed(std::string_view problem) {
    problem_ = problem;
    return Progress::kMalformed;
}

}  // namespace herald::http
