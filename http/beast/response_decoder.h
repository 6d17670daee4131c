#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "http/beast/body_framing.h"
#include "http/beast/line_reader.h"
#include "http/message.h"

namespace herald::http {

/// What is kept in memory; none of it decides what the answer was.
struct DecoderLimits {
    std::size_t header_bytes = 32 * 1024;
    std::size_t header_line_bytes = 8 * 1024;
    std::size_t header_fields = 100;
    std::size_t interim_responses = 8;
    std::size_t body_bytes = 256 * 1024;
    bool keeps_cookies = false;
};

/// Bytes in, one final response out (RFC 9112); interim ones (1xx) are passed over. No I/O.
///
/// Once the status line is complete the status stands, whatever follows: header lines beyond the
/// limits and lines that are none are dropped, and a head or body that is cut, contradicts itself
/// or has no end leaves `body_truncated`. In each of these cases the connection must not be used
/// again.
class ResponseDecoder final {
public:
    enum class Progress { kNeedMore, kDone, kMalformed };

    ResponseDecoder(DecoderLimits limits, bool answers_head);

    struct Step {
        Progress progress;
        std::size_t consumed;
    };
    /// Takes bytes off the front of `data`; what is not consumed must be given again with more
    /// behind it. REQUIRES: no step before was kDone or kMalformed.
    [[nodiscard]] Step feed(std::string_view data);
    /// No further byte comes. `is_clean`: the peer said so, it was not cut. kNeedMore: no status
    /// came.
    [[nodiscard]] Progress end(bool is_clean);

    /// A byte of an answer has come.
    [[nodiscard]] bool has_begun() const { return taken_ > 0; }
    /// The message ended where its framing said, nothing in it was odd, and nobody announced a
    /// close.
    [[nodiscard]] bool is_reusable() const { return is_reusable_; }
    /// Why it is malformed.
    [[nodiscard]] const std::string& problem() const { return problem_; }
    /// REQUIRES: kDone. At most once.
    [[nodiscard]] Response take() { return std::move(response_); }

private:
    enum class Part {
        kStatusLine,
        kFields,
        kSized,
        kUntilEnd,
        kChunkSize,
        kChunk,
        kChunkEnd,
        kTrailers
    };
    using Line = LineReader::Line;

    [[nodiscard]] Progress step(std::string_view& data);
    [[nodiscard]] Progress step_line(std::string_view& data);
    [[nodiscard]] Progress step_body(std::string_view& data);
    [[nodiscard]] Progress on_unfinished_line();
    [[nodiscard]] Progress on_status_line(const Line& line);
    [[nodiscard]] Progress on_head_line(const Line& line);
    [[nodiscard]] Progress on_chunk_size(const Line& line);
    [[nodiscard]] Progress on_trailer(const Line& line);
    void on_field(const Line& line);
    void on_folded(const Line& line);
    [[nodiscard]] bool is_kept(std::string_view name, std::size_t size) const;
    [[nodiscard]] Progress end_head();
    [[nodiscard]] Progress begin_body();
    [[nodiscard]] bool keep(std::string_view bytes);
    void make_room(std::size_t needed);
    [[nodiscard]] Progress complete();
    [[nodiscard]] Progress cut();
    [[nodiscard]] Progress malformed(std::string_view problem);

    const DecoderLimits limits_;
    const bool answers_head_;
    Part part_ = Part::kStatusLine;
    LineReader lines_;
    BodyFraming framing_;
    Response response_;
    int minor_version_ = 1;
    std::size_t interim_seen_ = 0;
    std::size_t kept_bytes_ = 0;   ///< of header lines
    bool is_last_kept_ = false;    ///< the last header line, which may be continued
    std::uint64_t remaining_ = 0;  ///< of a body or chunk
    std::size_t taken_ = 0;        ///< of all bytes given
    bool is_reusable_ = false;
    std::string problem_;
};

}  // namespace herald::http
