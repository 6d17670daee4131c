#pragma once

#include <Poco/Net/StreamSocket.h>

#include <functional>
#include <optional>
#include <string>

#include "core/clock.h"
#include "core/error.h"

namespace herald::api {

/// Reads one connection's bytes with a deadline over the whole of a part, not over each read: a
/// client that drips a byte now and then is cut off all the same (S-11).
///
/// Errors: `malformed_request` with details.status 408, 413 or 431 where it is not 400. Does not
/// throw.
class SocketReader final {
public:
    struct Pressure {
        /// Asked every 100 ms at least; true ends every wait as if the client had gone.
        std::function<bool()> stopping;
        /// Others wait for this thread: an idle client is given up, one inside a request after a
        /// silence of 1 s.
        std::function<bool()> crowded;
    };
    SocketReader(Poco::Net::StreamSocket socket, core::Clock& clock, Pressure pressure);

    /// Whether a byte is there before `deadline`; false also when the client has gone.
    [[nodiscard]] bool wait_for_request(core::SteadyTime deadline);
    /// Up to and with the empty line. An empty text: the client has gone.
    [[nodiscard]] core::Result<std::string> read_head(core::SteadyTime deadline);
    [[nodiscard]] core::Result<std::string> read_body(std::size_t size, core::SteadyTime deadline);
    /// RFC 9112 section 7.1; extensions are ignored, trailers are read and dropped.
    [[nodiscard]] core::Result<std::string> read_chunked(std::size_t limit,
                                                         core::SteadyTime deadline);
    /// Reads what the client still sends, so that it reads our answer before it meets a closed
    /// connection.
    void drain(core::SteadyTime deadline);

private:
    enum class Fill { kMore, kGone, kLate };
    Fill fill(core::SteadyTime deadline,
              std::chrono::milliseconds silence = std::chrono::milliseconds{1000});
    core::Result<> need(std::size_t size, core::SteadyTime deadline);
    core::Result<std::string> read_line(core::SteadyTime deadline);
    std::string cut(std::size_t size);

    Poco::Net::StreamSocket socket_;
    core::Clock& clock_;
    Pressure pressure_;
    std::string buffer_;
};

/// The status of an error of the reader.
[[nodiscard]] int reader_status(const core::Error& error);
[[nodiscard]] core::Error body_too_large(std::size_t limit);

}  // namespace herald::api
