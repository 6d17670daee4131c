#include "api/poco/connection.h"

#include <Poco/Exception.h>
#include <sys/socket.h>

#include "api/problem.h"
#include "core/encoding.h"
#include "core/log.h"

namespace herald::api {
namespace {

using core::Result;

constexpr std::size_t kMaxBody = 1024 * 1024;
constexpr std::size_t kMaxNdjsonBody = 64 * 1024 * 1024;

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

bool is_ndjson(const RequestHead& head) {
    const auto found = head.headers.find("content-type");
    return found != head.headers.end() &&
           core::to_lower(found->second).starts_with("application/x-ndjson");
}

bool is_health_path(std::string_view path) {
    return path == "/livez" || path == "/readyz" || path == "/metrics";
}

// Who speaks on a Unix socket, as the kernel knows it.
std::string peer_name(const Poco::Net::StreamSocket& socket) {
    ucred peer{};
    socklen_t size = sizeof peer;
    const int known = ::getsockopt(socket.impl()->sockfd(), SOL_SOCKET, SO_PEERCRED, &peer, &size);
    if (known != 0 || peer.pid == 0) return "tcp";
    return "uid " + std::to_string(peer.uid) + " pid " + std::to_string(peer.pid);
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
    return text.append("\r\n");
}

ApiResponse not_over_tcp() {
    return problem(
        {.kind = core::ErrorKind::kNotFound,
         .code = "not_found",
         .message = "over TCP only /livez, /readyz and /metrics are served; use the Unix socket"});
}

}  // namespace

Connection::Connection(const Poco::Net::StreamSocket& socket, Listener& listener)
    : Poco::Net::TCPServerConnection(socket),
      listener_(listener),
      reader_(socket, listener.clock,
              {.stopping = [&listener] { return listener.stopping.load(); },
               .crowded = [&listener] { return listener.crowded(); }}),
      actor_(peer_name(socket)) {}

void Connection::run() {
    try {
        socket().setSendTimeout(Poco::Timespan(
            std::chrono::duration_cast<std::chrono::microseconds>(listener_.patience).count()));
        while (serve_one()) {
        }
    } catch (const std::exception& exception) {
        core::log(core::LogLevel::kWarning, "connection_failed",
                  {{"what", core::printable(exception.what(), 256)}});
    }
}

core::SteadyTime Connection::deadline() const {
    return listener_.clock.steady_now() + listener_.patience;
}

bool Connection::serve_one() {
    if (!reader_.wait_for_request(deadline())) return false;
    const auto text = reader_.read_head(deadline());
    if (!text) return refuse(text.error());
    if (text->empty()) return false;
    auto head = parse_request_head(*text);
    if (!head) return refuse(head.error());
    auto body = read_body(*head);
    if (!body) return refuse(body.error());
    const bool keep_alive = head->keep_alive && !listener_.stopping.load();
    const ApiResponse response = answer(std::move(*head), std::move(*body));
    return send(response, keep_alive) && keep_alive;
}

// What follows on this connection cannot be told apart from the broken request: it ends here.
bool Connection::refuse(const core::Error& error) {
    core::Error told = error;
    told.details.erase("status");
    if (send(problem_with_status(reader_status(error), told), false)) {
        socket().shutdownSend();
        reader_.drain(listener_.clock.steady_now() +
                      std::min(listener_.patience, std::chrono::milliseconds(1000)));
    }
    return false;
}

Result<std::string> Connection::read_body(const RequestHead& head) {
    const std::size_t limit = is_ndjson(head) && !listener_.health_only ? kMaxNdjsonBody : kMaxBody;
    if (head.content_length.value_or(0) > limit) return body_too_large(limit);
    if (head.expects_continue && !send_text("HTTP/1.1 100 Continue\r\n\r\n")) {
        return malformed_request("the connection ended");
    }
    if (head.chunked) return reader_.read_chunked(limit, deadline());
    return reader_.read_body(static_cast<std::size_t>(head.content_length.value_or(0)), deadline());
}

ApiResponse Connection::answer(RequestHead head, std::string body) const {
    if (listener_.health_only && !is_health_path(head.path)) return not_over_tcp();
    ApiRequest request;
    request.method = std::move(head.method);
    request.path = std::move(head.path);
    request.query = std::move(head.query);
    request.headers = std::move(head.headers);
    request.headers["herald-actor"] = actor_;
    request.body = std::move(body);
    return listener_.router.handle(request);
}

bool Connection::send(const ApiResponse& response, bool keep_alive) {
    return send_text(head_text(response, keep_alive) + response.body);
}

bool Connection::send_text(const std::string& text) {
    try {
        std::size_t sent = 0;
        while (sent < text.size()) {
            const auto left =
                static_cast<int>(std::min<std::size_t>(text.size() - sent, 1024 * 1024));
            const int count = socket().sendBytes(text.data() + sent, left, MSG_NOSIGNAL);
            if (count <= 0) return false;
            sent += static_cast<std::size_t>(count);
        }
        return true;
    } catch (const Poco::Exception&) {
        return false;
    }
}

}  // namespace herald::api
