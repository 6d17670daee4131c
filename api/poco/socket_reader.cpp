#include "api/poco/socket_reader.h"

#include <Poco/Exception.h>
#include <poll.h>

#include <array>
#include <charconv>

#include "api/problem.h"

namespace herald::api {
namespace {

using core::Result;

constexpr std::size_t kMaxHead = 32 * 1024;
constexpr std::size_t kMaxChunkLine = 1024;
constexpr std::chrono::milliseconds kSlice{100};
constexpr std::size_t kMaxDrained = 16 * 1024 * 1024;

core::Error with_status(core::Error error, int status) {
    error.details["status"] = status;
    return error;
}

core::Error too_slow() {
    return with_status(malformed_request("the request did not arrive in time"), 408);
}
core::Error cut_short() {
    return malformed_request("the connection ended inside the request");
}

// Poco's own poll opens a descriptor for each wait, which there may not be.
bool is_readable(const Poco::Net::StreamSocket& socket, core::SteadyTime::duration patience) {
    pollfd watched{.fd = socket.impl()->sockfd(), .events = POLLIN, .revents = 0};
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(patience);
    return ::poll(&watched, 1, static_cast<int>(wait.count())) > 0;
}

}  // namespace

int reader_status(const core::Error& error) {
    const boost::json::value* status = error.details.if_contains("status");
    return status == nullptr ? 400 : static_cast<int>(status->as_int64());
}

core::Error body_too_large(std::size_t limit) {
    return with_status(
        malformed_request("the body is larger than " + std::to_string(limit) + " bytes"), 413);
}

SocketReader::SocketReader(Poco::Net::StreamSocket socket, core::Clock& clock, Pressure pressure)
    : socket_(std::move(socket)), clock_(clock), pressure_(std::move(pressure)) {}

bool SocketReader::wait_for_request(core::SteadyTime deadline) {
    return !buffer_.empty() || fill(deadline, std::chrono::milliseconds{0}) == Fill::kMore;
}

Result<std::string> SocketReader::read_head(core::SteadyTime deadline) {
    while (true) {
        const std::size_t end = buffer_.find("\r\n\r\n");
        if (end != std::string::npos && end + 4 <= kMaxHead) return cut(end + 4);
        if (buffer_.size() > kMaxHead)
            return with_status(malformed_request("the header is larger than 32 KiB"), 431);
        // A header whose lines end with LF alone never shows the end above.
        if (buffer_.find("\n\n") != std::string::npos)
            return malformed_request("lines end with CR LF");
        const Fill filled = fill(deadline);
        if (filled == Fill::kGone) return std::string();
        if (filled == Fill::kLate) return too_slow();
    }
}

Result<std::string> SocketReader::read_body(std::size_t size, core::SteadyTime deadline) {
    if (auto there = need(size, deadline); !there) return there.error();
    return cut(size);
}

Result<std::string> SocketReader::read_chunked(std::size_t limit, core::SteadyTime deadline) {
    std::string body;
    while (true) {
        const auto line = read_line(deadline);
        if (!line) return line.error();
        std::uint64_t size = 0;
        const auto [end, ec] = std::from_chars(line->data(), line->data() + line->size(), size, 16);
        const bool ends_well = end == line->data() + line->size() || *end == ';';
        if (ec != std::errc() || !ends_well)
            return malformed_request("a chunk starts with its size in hex digits");
        if (size == 0) break;
        if (size > limit - body.size()) return body_too_large(limit);
        if (auto there = need(static_cast<std::size_t>(size) + 2, deadline); !there)
            return there.error();
        body += cut(static_cast<std::size_t>(size));
        if (cut(2) != "\r\n") return malformed_request("a chunk ends with CR LF");
    }
    for (std::size_t trailers = 0; trailers < 64; ++trailers) {
        const auto line = read_line(deadline);
        if (!line) return line.error();
        if (line->empty()) return body;
    }
    return malformed_request("more than 64 trailer fields");
}

void SocketReader::drain(core::SteadyTime deadline) {
    std::size_t drained = 0;
    do {
        drained += buffer_.size();
        buffer_.clear();
    } while (drained < kMaxDrained && fill(deadline) == Fill::kMore);
}

SocketReader::Fill SocketReader::fill(core::SteadyTime deadline,
                                      std::chrono::milliseconds silence) {
    try {
        const core::SteadyTime began = clock_.steady_now();
        while (true) {
            const core::SteadyTime now = clock_.steady_now();
            if (now >= deadline) return Fill::kLate;
            const auto slice = std::min<core::SteadyTime::duration>(deadline - now, kSlice);
            if (is_readable(socket_, slice)) break;
            if (pressure_.stopping()) return Fill::kGone;
            if (now - began >= silence && pressure_.crowded()) return Fill::kLate;
        }
        std::array<char, 16 * 1024> bytes{};
        const int count = socket_.receiveBytes(bytes.data(), static_cast<int>(bytes.size()));
        if (count <= 0) return Fill::kGone;
        buffer_.append(bytes.data(), static_cast<std::size_t>(count));
        return Fill::kMore;
    } catch (const Poco::Exception&) {
        return Fill::kGone;
    }
}

Result<> SocketReader::need(std::size_t size, core::SteadyTime deadline) {
    while (buffer_.size() < size) {
        const Fill filled = fill(deadline);
        if (filled == Fill::kGone) return cut_short();
        if (filled == Fill::kLate) return too_slow();
    }
    return {};
}

Result<std::string> SocketReader::read_line(core::SteadyTime deadline) {
    while (true) {
        const std::size_t end = buffer_.find("\r\n");
        if (end != std::string::npos && end <= kMaxChunkLine) {
            std::string line = cut(end);
            cut(2);
            return line;
        }
        if (buffer_.size() > kMaxChunkLine)
            return malformed_request("a line inside the chunked body is too long");
        if (auto there = need(buffer_.size() + 1, deadline); !there) return there.error();
    }
}

std::string SocketReader::cut(std::size_t size) {
    std::string out = buffer_.substr(0, size);
    buffer_.erase(0, size);
    return out;
}

}  // namespace herald::api
