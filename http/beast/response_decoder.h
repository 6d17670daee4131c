#pragma once

#include <boost/system/error_code.hpp>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "http/message.h"

namespace herald::http {

struct DecoderLimits {
    std::size_t header_bytes = 32 * 1024;
    std::size_t header_line_bytes = 8 * 1024;
    std::size_t header_fields = 100;
    std::size_t interim_responses = 8;
    std::size_t body_bytes = 256 * 1024;
    bool keeps_cookies = false;
};

/// Bytes in, one final response out; interim ones (1xx) are passed over. No I/O.
///
/// Once the header block is complete the status stands, whatever becomes of the body: then
/// `body_truncated` tells.
class ResponseDecoder final {
public:
    enum class Progress { kNeedMore, kDone, kMalformed };

    ResponseDecoder(DecoderLimits limits, bool answers_head);
    ~ResponseDecoder();
    ResponseDecoder(const ResponseDecoder&) = delete;
    ResponseDecoder& operator=(const ResponseDecoder&) = delete;

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

    /// The message ended where its framing said, and nobody announced a close.
    [[nodiscard]] bool is_reusable() const { return is_reusable_; }
    /// Why it is malformed.
    [[nodiscard]] const std::string& problem() const { return problem_; }
    /// REQUIRES: kDone. At most once.
    [[nodiscard]] Response take();

private:
    class Parser;

    [[nodiscard]] bool is_worth_parsing(std::string_view data) const;
    [[nodiscard]] bool is_plausible_start(std::string_view data) const;
    [[nodiscard]] Progress after_error(const boost::system::error_code& ec);
    [[nodiscard]] std::optional<Progress> after_message();
    Progress malformed(std::string_view problem);
    Progress cut();

    const DecoderLimits limits_;
    const bool answers_head_;
    std::unique_ptr<Parser> parser_;
    std::size_t interim_seen_ = 0;
    std::size_t taken_ = 0;  ///< of all bytes given
    bool is_reusable_ = false;
    std::string problem_;
};

}  // namespace herald::http
