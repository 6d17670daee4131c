#include "http/beast/response_decoder.h"

#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>

#include "core/encoding.h"

namespace herald::http {
namespace {

namespace beast = boost::beast;
using beast::http::field;

// Beast asserts on shorter remainders of a final chunk; every valid one is at least `0 CR LF CR
// LF`.
constexpr std::size_t kShortestChunkEnd = 5;

/// Room made on the word of a Content-Length alone.
constexpr std::size_t kTrustedLength = 16 * 1024;

// What a response within all limits may cost on the wire, with as much framing as body. Chunk
// extensions would else be a way to send for ever.
std::size_t most_bytes(const DecoderLimits& limits) {
    return (limits.interim_responses + 2) * limits.header_bytes + 2 * limits.body_bytes;
}

bool is_framing_conflict(const beast::error_code& ec) {
    using beast::http::error;
    return ec == error::bad_content_length || ec == error::multiple_content_length ||
           ec == error::bad_transfer_encoding;
}

}  // namespace

// Beast finds the boundaries; what they hold goes straight into our Response, within our limits.
class ResponseDecoder::Parser final : public beast::http::basic_parser<false> {
public:
    Parser(const DecoderLimits& limits, bool answers_head) : limits_(limits) {
        header_limit(static_cast<std::uint32_t>(limits.header_bytes));
        body_limit(boost::none);
        eager(true);
        skip(answers_head);
    }

    Response response;
    /// Lengths that need not mean to the peer what they mean to us.
    bool has_strange_framing = false;
    const char* rule = nullptr;  ///< our own limit that was broken

private:
    void on_request_impl(beast::http::verb, beast::string_view, beast::string_view, int,
                         beast::error_code&) override {}

    void on_response_impl(int code, beast::string_view, int, beast::error_code& ec) override {
        if (code < 100 || code > 599) refuse(ec, "the status is not between 100 and 599");
        if (code == 101) refuse(ec, "it switches protocols, which nobody asked for");
        response.status = code;
    }

    void on_field_impl(field name, beast::string_view name_text, beast::string_view value,
                       beast::error_code& ec) override {
        if (++fields_ > limits_.header_fields) return refuse(ec, "it has too many header lines");
        if (name_text.size() + value.size() > limits_.header_line_bytes) {
            return refuse(ec, "a header line is too long");
        }
        if (is_in_trailer_) return;
        note_framing(name, value);
        // Nobody but a login keeps cookies, and nobody stores any (E-84).
        if (name == field::set_cookie && !limits_.keeps_cookies) return;
        response.headers.add(std::string(name_text), std::string(value));
    }

    void note_framing(field name, beast::string_view value) {
        if (name == field::transfer_encoding) {
            has_strange_framing = has_strange_framing || has_encoding_ || has_length_;
            has_encoding_ = true;
        }
        if (name == field::content_length) {
            has_strange_framing = has_strange_framing || has_encoding_;
            has_length_ = has_length_ || value != "0";
        }
    }

    void on_header_impl(beast::error_code& ec) override {
        is_in_trailer_ = true;
        // A sender that writes a length here may also write the body, and that would be the next
        // answer.
        const bool has_no_body =
            response.status == 204 || response.status == 304 || response.status < 200;
        if (has_no_body && (has_length_ || has_encoding_)) has_strange_framing = true;
        ec = {};
    }

    void on_body_init_impl(const boost::optional<std::uint64_t>& length,
                           beast::error_code& ec) override {
        const auto most = std::min(kTrustedLength, limits_.body_bytes);
        if (length) response.body.reserve(std::min<std::uint64_t>(*length, most));
        ec = {};
    }

    std::size_t on_body_impl(beast::string_view bytes, beast::error_code& ec) override {
        return append(bytes, ec);
    }
    void on_chunk_header_impl(std::uint64_t, beast::string_view, beast::error_code& ec) override {
        ec = {};
    }
    std::size_t on_chunk_body_impl(std::uint64_t, beast::string_view bytes,
                                   beast::error_code& ec) override {
        return append(bytes, ec);
    }
    void on_finish_impl(beast::error_code& ec) override { ec = {}; }

    std::size_t append(beast::string_view bytes, beast::error_code& ec) {
        const std::size_t room = limits_.body_bytes - response.body.size();
        const std::size_t taken = std::min(room, bytes.size());
        make_room(response.body.size() + taken);
        response.body.append(bytes.data(), taken);
        if (bytes.size() > room) ec = beast::http::error::body_limit;
        return bytes.size();
    }

    // A string asked for less than twice what it has takes twice, so the step to the limit is made
    // from half of it at most: then a body never takes more memory than its limit.
    void make_room(std::size_t needed) {
        if (needed <= response.body.capacity()) return;
        const std::size_t doubled = 2 * needed;
        const bool is_last_step = doubled > limits_.body_bytes / 2;
        response.body.reserve(is_last_step ? limits_.body_bytes : doubled);
    }

    void refuse(beast::error_code& ec, const char* broken) {
        rule = broken;
        ec = beast::http::error::bad_status;
    }

    const DecoderLimits& limits_;
    std::size_t fields_ = 0;
    bool is_in_trailer_ = false;
    bool has_encoding_ = false;
    bool has_length_ = false;
};

ResponseDecoder::ResponseDecoder(DecoderLimits limits, bool answers_head)
    : limits_(limits),
      answers_head_(answers_head),
      parser_(std::make_unique<Parser>(limits_, answers_head)) {}

ResponseDecoder::~ResponseDecoder() = default;

ResponseDecoder::Step ResponseDecoder::feed(std::string_view data) {
    std::size_t consumed = 0;
    for (;;) {
        const auto rest = data.substr(consumed);
        if (!is_plausible_start(rest))
            return {malformed("it does not begin with HTTP/1."), consumed};
        if (!is_worth_parsing(rest)) break;
        beast::error_code ec;
        const std::size_t used = parser_->put({rest.data(), rest.size()}, ec);
        consumed += used;
        taken_ += used;
        if (ec == beast::http::error::need_more) break;
        if (ec) return {after_error(ec), consumed};
        if (parser_->is_done()) {
            if (const auto end = after_message()) return {*end, consumed};
        } else if (used == 0) {
            break;
        }
    }
    const bool is_too_much = taken_ > most_bytes(limits_);
    if (!is_too_much && data.size() - consumed < limits_.header_bytes) {
        return {Progress::kNeedMore, consumed};
    }
    // Neither a header block nor a chunk header may be this long, nor all of it.
    return {after_error(beast::http::error::header_limit), consumed};
}

// Beast says so only when the header block is complete; a server of another protocol never
// completes one.
bool ResponseDecoder::is_plausible_start(std::string_view data) const {
    static constexpr std::string_view kStart = "HTTP/1.";
    return parser_->response.status != 0 || data.starts_with(kStart.substr(0, data.size()));
}

bool ResponseDecoder::is_worth_parsing(std::string_view data) const {
    if (data.empty()) return false;
    const bool is_in_chunks = parser_->is_header_done() && parser_->chunked();
    return !is_in_chunks || data.size() >= kShortestChunkEnd;
}

ResponseDecoder::Progress ResponseDecoder::after_error(const boost::system::error_code& ec) {
    const bool has_status = parser_->response.status >= 200;
    if (has_status && (parser_->is_header_done() || is_framing_conflict(ec))) return cut();
    return malformed(parser_->rule != nullptr ? std::string(parser_->rule) : ec.message());
}

std::optional<ResponseDecoder::Progress> ResponseDecoder::after_message() {
    const bool is_interim = parser_->response.status < 200;
    if (!is_interim) {
        is_reusable_ = parser_->keep_alive() && !parser_->has_strange_framing;
        return Progress::kDone;
    }
    if (++interim_seen_ > limits_.interim_responses)
        return malformed("it sends 1xx responses without end");
    parser_ = std::make_unique<Parser>(limits_, answers_head_);
    return std::nullopt;
}

ResponseDecoder::Progress ResponseDecoder::end(bool is_clean) {
    if (!parser_->is_header_done()) return Progress::kNeedMore;
    const bool is_complete = is_clean && parser_->need_eof();
    if (!is_complete) return cut();
    return Progress::kDone;
}

ResponseDecoder::Progress ResponseDecoder::malformed(std::string_view problem) {
    problem_ = problem;
    return Progress::kMalformed;
}

ResponseDecoder::Progress ResponseDecoder::cut() {
    parser_->response.body_truncated = true;
    is_reusable_ = false;
    return Progress::kDone;
}

Response ResponseDecoder::take() {
    return std::move(parser_->response);
}

}  // namespace herald::http
