#include "api/asio/connection.h"

#include <boost/asio/use_awaitable.hpp>

#include "api/problem.h"
#include "core/await.h"
#include "core/encoding.h"

namespace herald::api {
namespace {

namespace asio = boost::asio;
using core::Result;
using Progress = RequestReader::Progress;

constexpr std::size_t kMaxDrained = std::size_t{16} * 1024 * 1024;
constexpr std::chrono::milliseconds kDrainPatience{1000};
// The least that a client has to take of an answer, once its patience is over.
constexpr std::size_t kBytesPerMillisecond = 64;

std::string_view reason_phrase(int status) {
    switch (status) {
        case 200:
            return "OK";
        case 201:
            return "Created";
        case 202:
            return "Accepted";
        default:
            return status < 400 ? "OK" : "Error";
    }
}

bool is_health_path(std::string_view path) {
    return path == "/livez" || path == "/readyz" || path == "/metrics";
}

std::string head_text(const ApiResponse& response, bool keep_alive) {
    std::string text = "HTTP/1.1 " + std::to_string(response.status) + " ";
    text.append(reason_phrase(response.status))
        .append("\r\nContent-Type: ")
        .append(response.content_type);
    text.append("\r\nContent-Length: ").append(std::to_string(response.body.size()));
    text.append("\r\nCache-Control: no-store\r\n");
    for (const auto& [name, value] : response.headers)
        text.append(name).append(": ").append(value).append("\r\n");
    if (!keep_alive) text.append("Connection: close\r\n");
    text.append("\r\n");
    return text;
}

ApiResponse not_over_tcp() {
    return problem(
        {.kind = core::ErrorKind::kNotFound,
         .code = "not_found",
         .message = "over TCP only /livez, /readyz and /metrics are served; use the Unix socket"});
}

}  // namespace

Connection::Connection(std::unique_ptr<Stream> stream, Peer peer, Listener& listener)
    : stream_(std::move(stream)),
      peer_(std::move(peer)),
      listener_(listener),
      reader_(listener.bodies) {}

Connection::~Connection() {
    hold(0);
    listener_.table.remove(*this);
}

asio::awaitable<void> Connection::serve() {
    const auto self = shared_from_this();
    bool more = true;
    while (more) {
        auto serving = serve_one();
        more = co_await std::move(serving);
        // The server may have begun to stop while the answer was on its way.
        more = more && !over_ && !listener_.stopping;
        listener_.table.waits_for_client(*this);
    }
}

asio::awaitable<bool> Connection::serve_one() {
    auto receiving = receive();
    const Result<bool> received = co_await std::move(receiving);
    if (!received) {
        auto refusing = refuse(received.error());
        co_await std::move(refusing);
        co_return false;
    }
    if (!*received) co_return false;
    const bool wants_more = reader_.head().keep_alive;
    listener_.table.is_served(*this);
    deadline_.reset();  // what the handler waits for has deadlines of its own
    auto answering = answer();
    ApiResponse response = co_await std::move(answering);
    reader_.next();
    const bool keep_alive = wants_more && !listener_.stopping;
    auto sending = send(std::move(response), keep_alive);
    const bool sent = co_await std::move(sending);
    hold(reader_.held());
    co_return sent&& keep_alive;
}

asio::awaitable<Result<bool>> Connection::receive() {
    auto progress = reader_.take({});
    expect_within(listener_.idle_patience);
    if (progress && *progress != Progress::kNothing) expect_within(listener_.patience);
    std::string bytes;
    while (progress && *progress != Progress::kComplete) {
        const Progress before = *progress;
        bytes.clear();
        bool going = true;
        if (before == Progress::kWantsContinue) {
            auto writing = stream_->write("HTTP/1.1 100 Continue\r\n\r\n");
            going = co_await std::move(writing);
        } else {
            auto reading = stream_->read(&bytes);
            going = co_await std::move(reading);
        }
        if (over_) co_return false;
        if (!going) co_return why_no_more(before);
        progress = reader_.take(bytes);
        hold(reader_.held());
        if (!listener_.table.has_room() && reader_.held() > ConnectionTable::kFreeBytes) {
            co_return overloaded("requests take all the memory that there is for them");
        }
        if (progress && *progress != before) expect_within(listener_.patience);
    }
    if (!progress) co_return progress.error();
    co_return true;
}

// false: there is nobody to tell.
Result<bool> Connection::why_no_more(Progress progress) const {
    if (progress == Progress::kNothing) return false;
    if (late_) return with_status(malformed_request("the request did not arrive in time"), 408);
    if (progress == Progress::kInHead) return false;
    return malformed_request("the connection ended inside the request");
}

asio::awaitable<ApiResponse> Connection::answer() {
    ApiRequest request = take_request();
    if (listener_.health_only && !is_health_path(request.path)) co_return not_over_tcp();
    auto start = [&listener = listener_,
                  request = std::move(request)](core::Done<ApiResponse> done) mutable {
        listener.router.handle(std::move(request), listener.threads, std::move(done));
    };
    auto waiting = core::await_done<ApiResponse>(std::move(start));
    Result<ApiResponse> response = co_await std::move(waiting);
    co_return std::move(*response);
}

ApiRequest Connection::take_request() {
    RequestHead& head = reader_.head();
    ApiRequest request;
    request.method = std::move(head.method);
    request.path = std::move(head.path);
    if (request.method == "HEAD" && is_health_path(request.path)) request.method = "GET";
    request.query = std::move(head.query);
    request.headers = std::move(head.headers);
    request.headers["herald-actor"] = peer_.actor;
    request.body = std::move(reader_.body());
    return request;
}

asio::awaitable<bool> Connection::send(ApiResponse response, bool keep_alive) {
    const std::string text = text_of(std::move(response), keep_alive);
    hold(reader_.held() + text.capacity());
    late_ = false;
    expect_within(listener_.patience +
                  std::chrono::milliseconds(text.size() / kBytesPerMillisecond));
    auto writing = stream_->write(text);
    const bool written = co_await std::move(writing);
    co_return written && !over_;
}

// From here on the only copy of the answer, for as long as the client takes it. Its body goes when
// this returns.
std::string Connection::text_of(ApiResponse response, bool keep_alive) {
    hold(reader_.held());
    const bool has_body = !reader_.wants_head_only();
    const bool is_large = has_body && response.body.size() > ConnectionTable::kFreeBytes;
    if (is_large && !listener_.table.has_room())
        response = problem(overloaded("answers take all the memory that there is for them"));
    std::string text = head_text(response, keep_alive);
    if (!has_body) return text;
    text.reserve(text.size() + response.body.size());
    text.append(response.body);
    return text;
}

// What follows on this connection cannot be told apart from the broken request: it ends here.
asio::awaitable<void> Connection::refuse(core::Error error) {
    const int status =
        error.code == "malformed_request" ? reader_status(error) : http_status(error);
    error.details.erase("status");
    auto sending = send(problem_with_status(status, error), false);
    const bool sent = co_await std::move(sending);
    if (!sent) co_return;
    auto draining = drain();
    co_await std::move(draining);
}

// Reads what the client still sends, so that it reads our answer before it meets a closed
// connection.
asio::awaitable<void> Connection::drain() {
    stream_->end_writing();
    expect_within(std::min(listener_.patience, kDrainPatience));
    std::string bytes;
    std::size_t drained = 0;
    bool more = !listener_.stopping;
    while (more && drained < kMaxDrained) {
        bytes.clear();
        auto reading = stream_->read(&bytes);
        more = co_await std::move(reading);
        more = more && !over_ && !late_;
        drained += bytes.size();
    }
}

asio::awaitable<void> Connection::turn_away() {
    const auto self = shared_from_this();
    const ApiResponse response =
        problem(overloaded("too many connections are open, and all of them are being served"));
    const std::string text = head_text(response, false) + response.body;
    auto writing = stream_->write(text);
    co_await std::move(writing);
}

void Connection::end() {
    over_ = true;
    stream_->cancel();
}

void Connection::look(core::SteadyTime now) {
    if (!deadline_ || now < *deadline_) return;
    late_ = true;
    stream_->cancel();
}

void Connection::expect_within(std::chrono::milliseconds patience) {
    late_ = false;
    deadline_ = listener_.clock.steady_now() + patience;
}

void Connection::hold(std::size_t bytes) {
    listener_.table.hold(held_, bytes);
    held_ = bytes;
}

}  // namespace herald::api
