#include "api/server.h"

#include <Poco/Exception.h>
#include <Poco/Net/ServerSocket.h>
#include <Poco/Net/SocketAddress.h>
#include <Poco/Net/TCPServer.h>
#include <Poco/ThreadPool.h>
#include <Poco/Timespan.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <filesystem>
#include <utility>

#include "api/poco/connection.h"

namespace herald::api {
namespace {

using core::Result;

constexpr int kBacklog = 256;
constexpr int kMaxQueued = 1024;
constexpr std::size_t kHealthThreads = 4;
// An idle thread of Poco's may miss the stop, and then it is noticed only after this.
const Poco::Timespan kThreadIdle(1, 0);

core::Error cannot_listen(const std::string& where, const std::string& why) {
    return {.kind = core::ErrorKind::kStorage,
            .code = "storage_error",
            .message = "listen on " + where + ": " + why};
}

class ConnectionFactory final : public Poco::Net::TCPServerConnectionFactory {
public:
    explicit ConnectionFactory(Listener& listener) : listener_(listener) {}
    Poco::Net::TCPServerConnection* createConnection(
        const Poco::Net::StreamSocket& socket) override {
        return std::make_unique<Connection>(socket, listener_).release();  // Poco deletes it
    }

private:
    Listener& listener_;
};

/// One listening socket with its threads.
class Port final {
public:
    Port(Listener&& listener, const Poco::Net::ServerSocket& socket, std::size_t threads)
        : listener_{listener.router, listener.clock, listener.patience, listener.health_only},
          socket_(socket),
          pool_(1, static_cast<int>(threads)) {
        Poco::AutoPtr<Poco::Net::TCPServerParams> params(new Poco::Net::TCPServerParams);
        params->setMaxThreads(static_cast<int>(threads));
        params->setMaxQueued(kMaxQueued);
        params->setThreadIdleTime(kThreadIdle);
        server_ = std::make_unique<Poco::Net::TCPServer>(new ConnectionFactory(listener_), pool_,
                                                         socket, params);
        // A connection stands in the queue for an instant even where threads are free.
        listener_.crowded = [server = server_.get(), threads] {
            return server->queuedConnections() > 0 &&
                   std::cmp_greater_equal(server->currentConnections(), threads);
        };
        server_->start();
    }
    ~Port() {
        listener_.stopping.store(true);
        // Poco looks only every 250 ms whether it should stop; a closed door wakes it at once.
        ::shutdown(socket_.impl()->sockfd(), SHUT_RDWR);
        server_->stop();
        pool_.joinAll();
    }
    Port(const Port&) = delete;
    Port& operator=(const Port&) = delete;

    [[nodiscard]] std::uint16_t number() const { return server_->port(); }

private:
    Listener listener_;
    Poco::Net::ServerSocket socket_;
    Poco::ThreadPool pool_;
    std::unique_ptr<Poco::Net::TCPServer> server_;
};

// The permissions are the authentication, so the file is never there with others, not even for a
// moment.
Poco::Net::ServerSocket listen_on_file(const std::filesystem::path& path) {
    std::filesystem::remove(path);
    const mode_t before = ::umask(0177);
    Poco::Net::ServerSocket socket;
    try {
        socket.bind(Poco::Net::SocketAddress(Poco::Net::SocketAddress::UNIX_LOCAL, path.string()),
                    false);
    } catch (...) {
        ::umask(before);
        throw;
    }
    ::umask(before);
    std::filesystem::permissions(
        path, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
    socket.listen(kBacklog);
    return socket;
}

// Only an address and a port: a name would be looked up, and a path would be a Unix socket.
Result<Poco::Net::SocketAddress> parse_listen(const std::string& text) {
    const auto malformed = [] {
        return core::invalid_argument("listen", "ADDR:PORT is expected, such as 127.0.0.1:8080");
    };
    if (text.starts_with('/') || text.find(':') == std::string::npos) return malformed();
    try {
        return Poco::Net::SocketAddress(text);
    } catch (const std::exception&) {
        return malformed();
    }
}

Poco::Net::ServerSocket listen_on_tcp(const Poco::Net::SocketAddress& address) {
    Poco::Net::ServerSocket socket;
    constexpr bool kReuseAddress = true;
    constexpr bool kSharePort =
        false;  // the shorter overload would let a second daemon listen beside us
    socket.bind(address, kReuseAddress, kSharePort);
    socket.listen(kBacklog);
    return socket;
}

}  // namespace

class Server::Impl {
public:
    Impl(const Router& router, ServerOptions options)
        : router_(router), options_(std::move(options)) {}
    ~Impl() { stop(); }

    Result<> start() {
        std::optional<Poco::Net::SocketAddress> address;
        if (options_.listen) {
            const auto parsed = parse_listen(*options_.listen);
            if (!parsed) return parsed.error();
            address = *parsed;
        }
        try {
            unix_port_ = std::make_unique<Port>(listener(false), listen_on_file(options_.socket),
                                                options_.threads);
        } catch (const std::exception& exception) {
            return cannot_listen(options_.socket.string(), reason(exception));
        }
        if (!address) return {};
        try {
            tcp_port_ =
                std::make_unique<Port>(listener(true), listen_on_tcp(*address), kHealthThreads);
        } catch (const std::exception& exception) {
            stop();
            return cannot_listen(*options_.listen, reason(exception));
        }
        return {};
    }

    void stop() {
        tcp_port_.reset();
        if (!unix_port_) return;
        unix_port_.reset();
        std::error_code ignored;
        std::filesystem::remove(options_.socket, ignored);
    }

    [[nodiscard]] std::uint16_t port() const {
        return tcp_port_ ? tcp_port_->number() : std::uint16_t{0};
    }

private:
    Listener listener(bool health_only) {
        return {router_, clock_, options_.patience, health_only};
    }

    static std::string reason(const std::exception& exception) {
        const auto* from_poco = dynamic_cast<const Poco::Exception*>(&exception);
        return from_poco == nullptr ? exception.what() : from_poco->displayText();
    }

    const Router& router_;
    ServerOptions options_;
    core::SystemClock clock_;
    std::unique_ptr<Port> unix_port_;
    std::unique_ptr<Port> tcp_port_;
};

Server::Server(const Router& router, ServerOptions options)
    : impl_(std::make_unique<Impl>(router, std::move(options))) {}
Server::~Server() = default;

Result<> Server::start() {
    return impl_->start();
}
void Server::stop() {
    impl_->stop();
}
std::uint16_t Server::port() const {
    return impl_->port();
}

}  // namespace herald::api
