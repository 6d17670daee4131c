#include "http/beast/exchange.h"

#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>

#include "http/beast/dialer.h"
#include "http/beast/request_progress.h"
#include "http/beast/request_text.h"
#include "http/beast/response_decoder.h"

namespace herald::http {
namespace {

namespace asio = boost::asio;

// What waits for a response holds this much; a thousand slow receivers hold a thousand of them.
constexpr std::size_t kReadAtOnce = 1024;
constexpr std::size_t kReadBodyAtOnce = 16 * 1024;

DecoderLimits limits_for(const BeastTransportOptions& options, const Request& request) {
    DecoderLimits limits;
    limits.header_bytes = options.max_header_bytes;
    limits.header_fields = options.max_header_fields;
    limits.interim_responses = options.max_interim_responses;
    limits.body_bytes = request.max_response_body;
    limits.keeps_cookies = request.keeps_cookies;
    return limits;
}

class Exchange final {
public:
    Exchange(TransportParts& parts, Request& request)
        : parts_(parts),
          request_(request),
          progress_(*parts.deadlines, request),
          decoder_(limits_for(parts.options, request), request.method == "HEAD") {}

    asio::awaitable<core::Result<Response>> run() {
        auto text = request_text(request_);
        if (!text) co_return text.error();
        // The text is all that is needed of these, and a slow response is long in coming.
        release(request_.body);
        request_.headers = {};
        const auto now = parts_.clock.steady_now();
        if (now >= request_.deadline) co_return progress_.out_of_time();

        const std::string key = ConnectionPool::key_of(request_);
        const bool in_the_clear = request_.carries_credentials && !request_.url.is_https();
        connection_ = parts_.pool.take(key, in_the_clear, now);
        if (connection_) {
            auto response = co_await converse(*text);
            if (response || !ended_unanswered_) co_return response;
            // The server closed a kept connection while we wrote (RFC 9112 section 9.3.1). On a
            // fresh one the same end would be an answer of sorts, and stands.
            connection_.reset();
            ended_unanswered_ = false;
        }
        auto dialed = co_await dial(key);
        if (!dialed) co_return dialed.error();
        is_fresh_ = true;
        auto response = co_await converse(*text);
        co_return response;
    }

private:
    asio::awaitable<core::Result<>> dial(const std::string& key) {
        Dialer dialer(parts_, request_, progress_);
        auto dialed = co_await dialer.dial(key);
        if (!dialed) co_return dialed.error();
        connection_ = std::move(*dialed);
        // It cannot be the answer to what has not been asked yet.
        if (connection_->look() != Connection::Seen::kBytes) co_return core::Result<>();
        progress_.begin(Phase::kRead);
        co_return progress_.failure(failure::kMalformed, "it answered before it was asked");
    }

    // The text is kept as long as it may have to be sent again.
    asio::awaitable<core::Result<Response>> converse(std::string& text) {
        progress_.awaits(connection_.get());
        const auto unsent = co_await write(text);
        if (is_fresh_) release(text);
        // A receiver may answer and close before it has read everything; the answer counts.
        auto response = co_await read();
        progress_.awaits(static_cast<Connection*>(nullptr));
        if (unsent && !response) co_return *unsent;
        if (!unsent) keep_connection();
        co_return response;
    }

    asio::awaitable<std::optional<core::Error>> write(std::string_view text) {
        progress_.begin(Phase::kWrite);
        while (!text.empty()) {
            boost::system::error_code ec = asio::error::would_block;
            std::size_t written = 0;
            const auto bytes = asio::buffer(text);
            if (!connection_->has_tls()) written = connection_->write_now(bytes, ec);
            if (ec == asio::error::would_block) {
                ec = {};
                if (connection_->has_tls()) progress_.mark_sent();
                written = co_await connection_->write_some(bytes, ec);
            }
            if (written > 0) progress_.mark_sent();
            if (ec) co_return progress_.failure(failure::kHttp, ec);
            text.remove_prefix(written);
        }
        co_return std::nullopt;
    }

    asio::awaitable<core::Result<Response>> read() {
        using Progress = ResponseDecoder::Progress;
        if (progress_.is_interrupted()) co_return progress_.failure(failure::kHttp, "");
        progress_.begin(Phase::kRead);
        auto& buffer = connection_->buffer();
        std::size_t room = kReadAtOnce;
        for (;;) {
            boost::system::error_code ec;
            const auto space = buffer.prepare(room);
            const std::size_t count = co_await connection_->read_some(space, ec);
            buffer.commit(count);
            auto progress = ec ? decoder_.end(ec == asio::error::eof) : feed(buffer);
            if (progress == Progress::kDone) co_return decoder_.take();
            if (progress == Progress::kMalformed) {
                co_return progress_.failure(failure::kMalformed, decoder_.problem());
            }
            ended_unanswered_ = ec && !progress_.is_interrupted() && !decoder_.has_begun();
            if (ec) co_return progress_.failure(failure::kHttp, describe(ec));
            room = kReadBodyAtOnce;
        }
    }

    ResponseDecoder::Progress feed(boost::beast::flat_buffer& buffer) {
        const auto data = buffer.cdata();
        const auto step = decoder_.feed({static_cast<const char*>(data.data()), data.size()});
        buffer.consume(step.consumed);
        return step.progress;
    }

    /// Assigning an empty text would keep the memory.
    static void release(std::string& text) { std::string().swap(text); }

    static std::string describe(const boost::system::error_code& ec) {
        if (ec == asio::error::eof || ec == asio::ssl::error::stream_truncated) {
            return "the connection was closed before a response came";
        }
        return ec.message();
    }

    // What was read ahead makes it unfit too: nobody asked for that (E-80). The pool looks again
    // when it is used.
    void keep_connection() {
        const bool is_fit = decoder_.is_reusable() && connection_->buffer().size() == 0;
        if (!is_fit || progress_.is_interrupted()) return;
        if (!parts_.descriptors.may_stay_idle(connection_->socket())) return;
        parts_.pool.give_back(std::move(connection_), parts_.clock.steady_now());
    }

    TransportParts& parts_;
    Request& request_;
    std::unique_ptr<Connection> connection_;
    RequestProgress progress_;
    ResponseDecoder decoder_;
    bool is_fresh_ = false;  ///< the connection was made for this request
    bool ended_unanswered_ = false;
};

// Outlives the exchange, and so its connection.
class Departure final {
public:
    explicit Departure(TransportParts& parts) : parts_(parts) {}
    Departure(const Departure&) = delete;
    Departure& operator=(const Departure&) = delete;
    ~Departure() { parts_.descriptors.freed(); }

private:
    TransportParts& parts_;
};

core::Error cancelled(std::string_view why) {
    return core::Error{
        .kind = core::ErrorKind::kCancelled,
        .code = "http",
        .message = std::string("the request was given up by its owner: ").append(why)};
}

}  // namespace

asio::awaitable<core::Result<Response>> exchange(std::shared_ptr<TransportParts> parts,
                                                 Request request) {
    const Departure departure(*parts);
    if (parts->deadlines->is_shut_down()) co_return cancelled("the transport was shut down");
    try {
        Exchange running(*parts, request);
        auto response = co_await running.run();
        co_return response;
    } catch (const boost::system::system_error& thrown) {
        // Asio throws this into a coroutine whose cancellation was asked for.
        co_return cancelled(thrown.what());
    }
}

}  // namespace herald::http
