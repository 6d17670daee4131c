#include "cli/redirect_listener.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "core/encoding.h"

namespace herald::cli {
namespace {

constexpr std::size_t kMaxHead = 16 * 1024;
constexpr int kReadPatienceMs = 5'000;
constexpr std::string_view kPath = "/callback";

core::Error failed(const std::string& why) {
    return {.kind = core::ErrorKind::kPermanent, .code = "setup_failed", .message = why};
}

template <class Address>
int listening(int family, const Address& address) {
    const int fd = ::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    const int on = 1;
    if (family == AF_INET6) ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    const auto* raw = reinterpret_cast<const sockaddr*>(&address);
    if (::bind(fd, raw, sizeof address) == 0 && ::listen(fd, 8) == 0) return fd;
    ::close(fd);
    return -1;
}

int listening_v4(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return listening(AF_INET, address);
}

int listening_v6(std::uint16_t port) {
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(port);
    address.sin6_addr = in6addr_loopback;
    return listening(AF_INET6, address);
}

bool is_readable(int fd, int patience_ms) {
    pollfd one{.fd = fd, .events = POLLIN, .revents = 0};
    return ::poll(&one, 1, patience_ms) > 0;
}

std::string read_head(int fd) {
    std::string head;
    std::array<char, 2048> buffer{};
    while (head.size() < kMaxHead && head.find("\r\n\r\n") == std::string::npos) {
        if (!is_readable(fd, kReadPatienceMs)) break;
        const ssize_t got = ::recv(fd, buffer.data(), buffer.size(), 0);
        if (got <= 0) break;
        head.append(buffer.data(), static_cast<std::size_t>(got));
    }
    return head;
}

void answer(int fd, std::string_view status, std::string_view text) {
    std::string page = "<!doctype html><meta charset=utf-8><title>Herald</title><p>";
    page.append(text).append("</p>\n");
    std::string response = "HTTP/1.1 ";
    response.append(status).append("\r\nContent-Type: text/html; charset=utf-8\r\n");
    response.append("Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\n");
    response.append("Content-Security-Policy: default-src 'none'\r\nConnection: close\r\n");
    response.append("Content-Length: ").append(std::to_string(page.size())).append("\r\n\r\n");
    response += page;
    static_cast<void>(::send(fd, response.data(), response.size(), MSG_NOSIGNAL));
}

// Empty optional where the request is none of ours: a favicon, a probe.
std::optional<RedirectQuery> serve_one(int listener) {
    const int fd = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) return std::nullopt;
    const std::string head = read_head(fd);
    const std::string target =
        head.starts_with("GET ") ? head.substr(4, head.find(' ', 4) - 4) : std::string();
    std::optional<RedirectQuery> query;
    if (target.substr(0, target.find('?')) == kPath) {
        query = redirect_query(target);
        answer(fd, "200 OK",
               query_value(*query, "code").empty()
                   ? "The authorization was not given. The command line says more."
                   : "Herald has the answer. You can close this window.");
    } else {
        answer(fd, "404 Not Found", "Nothing here.");
    }
    ::close(fd);
    return query;
}

// A line from the terminal; empty at its end.
std::string read_line(int fd) {
    std::string line;
    char c = 0;
    while (line.size() < kMaxHead && ::read(fd, &c, 1) == 1 && c != '\n') line.push_back(c);
    return line;
}

}  // namespace

core::Result<RedirectListener> RedirectListener::open(std::uint16_t port) {
    RedirectListener listener;
    listener.v4_ = listening_v4(port);
    if (listener.v4_ < 0) {
        return core::invalid_argument("--redirect-port",
                                      "port " + std::to_string(port) + " cannot be listened on (" +
                                          std::strerror(errno) +
                                          "); choose another, or leave it out to have one picked");
    }
    sockaddr_in bound{};
    socklen_t length = sizeof bound;
    ::getsockname(listener.v4_, reinterpret_cast<sockaddr*>(&bound), &length);
    listener.port_ = ntohs(bound.sin_port);
    // Browsers may go there when the name is localhost.
    listener.v6_ = listening_v6(listener.port_);
    return listener;
}

RedirectListener::RedirectListener(RedirectListener&& other) noexcept
    : v4_(std::exchange(other.v4_, -1)), v6_(std::exchange(other.v6_, -1)), port_(other.port_) {}

RedirectListener::~RedirectListener() {
    for (const int fd : {v4_, v6_}) {
        if (fd >= 0) ::close(fd);
    }
}

std::string RedirectListener::redirect_uri() const {
    return "http://127.0.0.1:" + std::to_string(port_) + std::string(kPath);
}

core::Result<RedirectQuery> RedirectListener::wait(std::chrono::milliseconds patience,
                                                   int terminal) const {
    std::array<pollfd, 3> watched{pollfd{.fd = v4_, .events = POLLIN, .revents = 0},
                                  pollfd{.fd = v6_, .events = POLLIN, .revents = 0},
                                  pollfd{.fd = terminal, .events = POLLIN, .revents = 0}};
    for (;;) {
        const int ready =
            ::poll(watched.data(), watched.size(), static_cast<int>(patience.count()));
        if (ready < 0 && errno == EINTR) continue;
        if (ready <= 0)
            return failed(
                "nobody came back from the authorization server in time; nothing changed");
        for (const pollfd& one : {watched[0], watched[1]}) {
            if ((one.revents & POLLIN) == 0) continue;
            if (auto query = serve_one(one.fd)) return std::move(*query);
        }
        if ((watched[2].revents & (POLLIN | POLLHUP)) != 0) {
            const std::string line = read_line(terminal);
            if (line.empty()) watched[2].fd = -1;
            if (!line.empty()) return redirect_query(line);
        }
    }
}

RedirectQuery redirect_query(const std::string& pasted) {
    std::string_view text = core::trim(pasted);
    text = text.substr(0, text.find('#'));
    const auto question = text.find('?');
    if (question != std::string_view::npos) text.remove_prefix(question + 1);
    RedirectQuery query;
    while (!text.empty()) {
        const auto pair = text.substr(0, text.find('&'));
        text.remove_prefix(std::min(text.size(), pair.size() + 1));
        const auto equals = std::min(pair.find('='), pair.size());
        const auto value = pair.substr(std::min(equals + 1, pair.size()));
        query.emplace_back(core::form_decode(pair.substr(0, equals)).value_or(""),
                           core::form_decode(value).value_or(""));
    }
    return query;
}

std::string query_value(const RedirectQuery& query, const std::string& name) {
    for (const auto& [key, value] : query) {
        if (key == name) return value;
    }
    return {};
}

}  // namespace herald::cli
