#include "cli/redirect_listener.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <list>

#include "core/encoding.h"
#include "core/secret.h"

namespace herald::cli {
namespace {

constexpr std::size_t kMaxHead = 16 * 1024;
constexpr std::size_t kMaxVisitors = 64;
constexpr std::chrono::seconds kHeadPatience{5};
constexpr std::string_view kPath = "/callback";

core::Error failed(const std::string& why) {
    return {.kind = core::ErrorKind::kPermanent, .code = "setup_failed", .message = why};
}

template <class Address>
int listening(int family, const Address& address) {
    const int fd = ::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return -1;
    const int on = 1;
    // The connections of a set-up just over linger on the port for a minute.
    ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (family == AF_INET6) ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    const auto* raw = reinterpret_cast<const sockaddr*>(&address);
    if (::bind(fd, raw, sizeof address) == 0 && ::listen(fd, SOMAXCONN) == 0) return fd;
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

// One connection and what it has sent of its request so far.
struct Visitor {
    int fd = -1;
    core::SteadyTime until;
    std::string head = {};

    Visitor(int connection, core::SteadyTime end) : fd(connection), until(end) {}
    Visitor(const Visitor&) = delete;
    Visitor& operator=(const Visitor&) = delete;
    ~Visitor() {
        if (fd >= 0) ::close(fd);
    }

    [[nodiscard]] bool is_complete() const { return head.find("\r\n\r\n") != std::string::npos; }

    // False where no more will come.
    bool read_more() {
        std::array<char, 2048> buffer{};
        const ssize_t got = ::recv(fd, buffer.data(), buffer.size(), 0);
        if (got < 0) return errno == EAGAIN || errno == EINTR;
        head.append(buffer.data(), static_cast<std::size_t>(got));
        return got > 0 && head.size() <= kMaxHead;
    }
};

// Everybody who is connected to the listener.
class Visitors {
public:
    Visitors(std::array<int, 2> listeners, const std::string& state)
        : listeners_(listeners), state_(state) {}

    void add_to(std::vector<pollfd>& watched) const {
        for (const int listener : listeners_)
            watched.push_back({.fd = listener, .events = POLLIN, .revents = 0});
        for (const Visitor& one : visitors_)
            watched.push_back({.fd = one.fd, .events = POLLIN, .revents = 0});
    }

    // The one who came with our state, once there is one.
    std::optional<Redirect> serve(core::SteadyTime now) {
        for (const int listener : listeners_) take_in(listener, now);
        for (auto one = visitors_.begin(); one != visitors_.end();) {
            const bool stays = one->read_more() && one->until > now;
            if (one->is_complete()) {
                if (auto redirect = hear(*one)) return redirect;
            }
            one = stays && !one->is_complete() ? std::next(one) : visitors_.erase(one);
        }
        return std::nullopt;
    }

private:
    void take_in(int listener, core::SteadyTime now) {
        for (;;) {
            const int fd = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
            if (fd < 0) return;
            if (visitors_.size() == kMaxVisitors) visitors_.pop_front();
            visitors_.emplace_back(fd, now + kHeadPatience);
        }
    }

    std::optional<Redirect> hear(Visitor& visitor) {
        const std::string& head = visitor.head;
        const std::string target =
            head.starts_with("GET ") ? head.substr(4, head.find_first_of(" \r", 4) - 4) : "";
        if (target.substr(0, target.find('?')) != kPath) {
            answer(visitor.fd, "404 Not Found", "Nothing here.");
            return std::nullopt;
        }
        RedirectQuery query = redirect_query(target);
        if (!answers(query, state_)) {
            answer(visitor.fd, "400 Bad Request",
                   "This is not the answer that Herald waits for. It goes on waiting.");
            return std::nullopt;
        }
        return Redirect(std::move(query), std::exchange(visitor.fd, -1));
    }

    std::array<int, 2> listeners_;
    const std::string& state_;
    std::list<Visitor> visitors_;
};

// A line from the terminal; empty at its end.
std::string read_request_line(int fd) {
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

core::Result<Redirect> RedirectListener::wait(core::Clock& clock, const std::string& state,
                                              std::chrono::milliseconds patience,
                                              const Terminal& terminal) const {
    constexpr int kLookAgainMs = 250;  // at who has been slow for too long
    const core::SteadyTime deadline = clock.steady_now() + patience;
    Visitors visitors({v4_, v6_}, state);
    int input = terminal.input;
    while (clock.steady_now() < deadline) {
        std::vector<pollfd> watched{{.fd = input, .events = POLLIN, .revents = 0}};
        visitors.add_to(watched);
        if (::poll(watched.data(), watched.size(), kLookAgainMs) < 0 && errno != EINTR) break;
        if (auto redirect = visitors.serve(clock.steady_now())) return std::move(*redirect);
        if ((watched[0].revents & (POLLIN | POLLHUP)) == 0) continue;
        const std::string line = read_request_line(input);
        if (line.empty()) input = -1;
        RedirectQuery query = redirect_query(line);
        if (answers(query, state)) return Redirect(std::move(query), -1);
        if (!line.empty()) terminal.on_wrong();
    }
    return failed("nobody came back from the authorization server in time; nothing changed");
}

Redirect::~Redirect() {
    if (connection_ >= 0) tell("The set-up came to no end. The command line says more.");
}

void Redirect::tell(std::string_view text) {
    const int fd = std::exchange(connection_, -1);
    if (fd < 0) return;
    answer(fd, "200 OK", text);
    ::close(fd);
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

bool answers(const RedirectQuery& query, const std::string& state) {
    const std::string told = query_value(query, "state");
    return !state.empty() && core::Secret(told).equals(core::Secret(state));
}

}  // namespace herald::cli
