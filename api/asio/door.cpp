#include "api/asio/door.h"

#include <sys/socket.h>
#include <sys/stat.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <charconv>

#include "core/encoding.h"
#include "core/log.h"
#include "storage/socket_name.h"

namespace herald::api {
namespace {

namespace asio = boost::asio;
using core::Result;

constexpr int kBacklog = 1024;
constexpr std::chrono::milliseconds kAfterRefusal{50};

core::Error cannot_listen(const std::string& where, const std::string& why) {
    return {.kind = core::ErrorKind::kStorage,
            .code = "storage_error",
            .message = "listen on " + where + ": " + why};
}

/// A door for clients of one protocol.
template <class Protocol>
class ProtocolDoor final : public Door {
public:
    using Acceptor = typename Protocol::acceptor;
    using PeerOf = Peer (*)(typename Protocol::socket&);

    ProtocolDoor(asio::io_context& loop, Listener listener, Acceptor acceptor, PeerOf peer_of)
        : Door(loop, std::move(listener)), acceptor_(std::move(acceptor)), peer_of_(peer_of) {}

protected:
    asio::awaitable<Result<Guest>> next() override {
        boost::system::error_code failure;
        auto accepting = acceptor_.async_accept(asio::redirect_error(asio::use_awaitable, failure));
        auto socket = co_await std::move(accepting);
        if (failure) co_return cannot_listen("the API's socket", failure.message());
        Peer peer = peer_of_(socket);
        co_return Guest{Socket(std::move(socket)), std::move(peer)};
    }

    void stop_listening() override {
        boost::system::error_code ignored;
        acceptor_.close(ignored);
    }

private:
    Acceptor acceptor_;
    PeerOf peer_of_;
};

// Who speaks on a Unix socket, as the kernel knows it.
Peer socket_peer(asio::local::stream_protocol::socket& socket) {
    ucred peer{};
    socklen_t size = sizeof peer;
    const int known = ::getsockopt(socket.native_handle(), SOL_SOCKET, SO_PEERCRED, &peer, &size);
    if (known != 0 || peer.pid == 0) return {.name = "unknown", .actor = "unknown"};
    const std::string user = "uid " + std::to_string(peer.uid);
    return {.name = user, .actor = user + " pid " + std::to_string(peer.pid)};
}

Peer tcp_peer(asio::ip::tcp::socket& socket) {
    boost::system::error_code unknown;
    const auto endpoint = socket.remote_endpoint(unknown);
    const std::string address = unknown ? "unknown" : endpoint.address().to_string();
    return {.name = address, .actor = "tcp " + address};
}

// The permissions are the authentication, so the file is never there with others, not even for a
// moment.
void bind_for_owner(asio::local::stream_protocol::acceptor& acceptor,
                    const std::filesystem::path& path, const storage::SocketName& name) {
    std::filesystem::remove(path);
    const mode_t before = ::umask(0177);
    boost::system::error_code failure;
    acceptor.bind(asio::local::stream_protocol::endpoint(name.text()), failure);
    ::umask(before);
    if (failure) throw boost::system::system_error(failure);
    std::filesystem::permissions(
        path, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

}  // namespace

Door::Door(asio::io_context& loop, Listener listener)
    : loop_(loop),
      listener_(std::move(listener)),
      watch_(listener_.clock.make_timer(loop.get_executor())) {}

void Door::begin() {
    ++inside_;
    asio::co_spawn(loop_, take_in(), [this](const std::exception_ptr&) { leave(); });
    watch();
}

void Door::close(std::function<void()> closed) {
    listener_.stopping = true;
    closed_ = std::move(closed);
    ++inside_;
    stop_listening();
    listener_.table.end_waiting();
    leave();
}

void Door::leave() {
    if (--inside_ > 0 || !closed_) return;
    watch_->cancel();
    std::exchange(closed_, nullptr)();
}

asio::awaitable<void> Door::take_in() {
    while (!listener_.stopping) {
        auto waiting = next();
        Result<Guest> guest = co_await std::move(waiting);
        if (listener_.stopping) break;
        if (guest) {
            welcome(std::move(*guest));
            continue;
        }
        // Mostly there are no descriptors left: somebody who is silent has one to spare.
        core::log(core::LogLevel::kWarning, "connection_failed",
                  {{"what", core::printable(guest.error().message, 256)}});
        listener_.table.make_room();
        auto moment = wait_a_moment();
        co_await std::move(moment);
    }
}

asio::awaitable<void> Door::wait_a_moment() {
    const auto timer = listener_.clock.make_timer(loop_.get_executor());
    timer->expires_at(listener_.clock.steady_now() + kAfterRefusal);
    auto moment = timer->wait();
    co_await std::move(moment);
}

void Door::welcome(Guest guest) {
    auto connection = std::make_shared<Connection>(make_socket_stream(std::move(guest.socket)),
                                                   std::move(guest.peer), listener_);
    const bool admitted = listener_.table.admit(*connection);
    ++inside_;
    asio::co_spawn(loop_, host(std::move(connection), admitted),
                   [this](const std::exception_ptr& thrown) {
                       if (thrown) {
                           core::log(core::LogLevel::kWarning, "connection_failed",
                                     {{"what", "it ended by an error inside herald"}});
                       }
                       leave();
                   });
}

asio::awaitable<void> Door::host(std::shared_ptr<Connection> connection, bool admitted) {
    auto serving = admitted ? connection->serve() : connection->turn_away();
    co_await std::move(serving);
}

// Every wait for a client ends at its time, give or take a few of these looks.
void Door::watch() {
    const auto often = std::clamp<std::chrono::milliseconds>(
        listener_.patience / 10, std::chrono::milliseconds(10), std::chrono::milliseconds(250));
    watch_->expires_at(listener_.clock.steady_now() + often);
    watch_->on_expiry([this](bool expired) {
        if (!expired) return;
        listener_.table.look(listener_.clock.steady_now());
        if (const std::size_t count = listener_.table.take_turned_away(); count > 0)
            core::log(core::LogLevel::kWarning, "connections_turned_away", {{"count", count}});
        watch();
    });
}

Result<std::unique_ptr<Door>> open_socket_door(asio::io_context& loop, Listener listener,
                                               const std::filesystem::path& path) {
    using Protocol = asio::local::stream_protocol;
    const auto name = storage::SocketName::of(path);
    if (!name) return cannot_listen(path.string(), name.error().message);
    try {
        Protocol::acceptor acceptor(loop, Protocol());
        bind_for_owner(acceptor, path, *name);
        acceptor.listen(kBacklog);
        return std::unique_ptr<Door>(std::make_unique<ProtocolDoor<Protocol>>(
            loop, std::move(listener), std::move(acceptor), socket_peer));
    } catch (const std::exception& exception) {
        return cannot_listen(path.string(), exception.what());
    }
}

Result<std::unique_ptr<Door>> open_tcp_door(asio::io_context& loop, Listener listener,
                                            const asio::ip::tcp::endpoint& endpoint,
                                            std::uint16_t& port) {
    using Protocol = asio::ip::tcp;
    try {
        Protocol::acceptor acceptor(loop, endpoint.protocol());
        acceptor.set_option(Protocol::acceptor::reuse_address(true));
        acceptor.bind(endpoint);
        acceptor.listen(kBacklog);
        port = acceptor.local_endpoint().port();
        return std::unique_ptr<Door>(std::make_unique<ProtocolDoor<Protocol>>(
            loop, std::move(listener), std::move(acceptor), tcp_peer));
    } catch (const std::exception& exception) {
        return cannot_listen(endpoint.address().to_string() + ":" + std::to_string(endpoint.port()),
                             exception.what());
    }
}

// Only an address and a port: a name would have to be looked up.
Result<asio::ip::tcp::endpoint> parse_listen(const std::string& text) {
    const core::Error malformed =
        core::invalid_argument("listen", "ADDR:PORT is expected, such as 127.0.0.1:8080");
    const std::size_t colon = text.rfind(':');
    if (colon == std::string::npos) return malformed;
    std::string host = text.substr(0, colon);
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    std::uint16_t port = 0;
    const char* const end_of_text = text.data() + text.size();
    const auto [end, ec] = std::from_chars(text.data() + colon + 1, end_of_text, port);
    boost::system::error_code failure;
    const auto address = asio::ip::make_address(host, failure);
    if (failure || ec != std::errc() || end != end_of_text) return malformed;
    return asio::ip::tcp::endpoint(address, port);
}

}  // namespace herald::api
