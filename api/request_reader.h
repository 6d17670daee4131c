#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "api/request_head.h"
#include "core/error.h"

namespace herald::api {

/// Makes requests of one connection's bytes as they arrive, whatever pieces they come in. No I/O.
///
/// Errors: `malformed_request` with details.status 413 or 431 where it is not 400. After an error
/// what follows cannot be told apart from the broken request: the connection has to end.
class RequestReader final {
public:
    struct Limits {
        std::size_t body = std::size_t{1024} * 1024;
        std::size_t ndjson_body = std::size_t{64} * 1024 * 1024;
    };
    enum class Progress {
        kNothing,        ///< not a byte of a request so far
        kInHead,         ///< more is needed
        kInBody,         ///< more is needed
        kWantsContinue,  ///< the client waits for `100 Continue`; told once, then kInBody
        kComplete,       ///< take it with `head` and `body`, then `next`
    };

    explicit RequestReader(Limits limits) : limits_(limits) {}

    /// Adds what has arrived. No bytes: looks at what is there already.
    [[nodiscard]] core::Result<Progress> take(std::string_view bytes);

    // Of a complete request.
    [[nodiscard]] RequestHead& head() { return head_; }
    [[nodiscard]] std::string& body() { return body_; }
    /// Forgets the request; what the client sent behind it stays.
    void next();
    /// Whether the request is, or begins as, a HEAD: what answers it has no body. Until the next
    /// `take`, so also after `next` and for one that cannot be read.
    [[nodiscard]] bool wants_head_only() const { return wants_head_only_; }

    /// Bytes of memory that it holds.
    [[nodiscard]] std::size_t held() const { return buffer_.capacity() + body_.capacity(); }

private:
    enum class Part { kHead, kWholeBody, kChunkSize, kChunk, kTrailers, kEnd };

    [[nodiscard]] Progress progress();
    // Each returns whether it got on; false: more bytes are needed.
    core::Result<bool> step();
    core::Result<bool> read_head();
    core::Result<bool> begin_body();
    core::Result<bool> read_whole_body();
    core::Result<bool> read_chunk_size();
    core::Result<bool> read_chunk();
    core::Result<bool> read_trailer();
    core::Result<std::optional<std::string_view>> line();
    /// As much of the body, or of its chunk, as is there; whether that was all of it.
    bool take_body();
    /// What has arrived and was not read yet; valid until the next `take`.
    [[nodiscard]] std::string_view rest() const { return std::string_view(buffer_).substr(read_); }
    std::string_view cut(std::size_t size);

    Limits limits_;
    Part part_ = Part::kHead;
    std::string buffer_;        ///< arrived
    std::size_t read_ = 0;      ///< of the buffer; dropped once a `take`, not once a line
    std::size_t searched_ = 0;  ///< of the rest, for the end of the head
    RequestHead head_;
    std::string body_;
    std::size_t limit_ = 0;  ///< of this body
    std::size_t left_ = 0;   ///< of this body or chunk
    std::size_t trailers_ = 0;
    bool continue_wanted_ = false;
    bool wants_head_only_ = false;
};

/// An error with the HTTP status it is answered with, where that is not its code's.
[[nodiscard]] core::Error with_status(core::Error error, int status);
/// That status, 400 where none was given.
[[nodiscard]] int reader_status(const core::Error& error);

}  // namespace herald::api
