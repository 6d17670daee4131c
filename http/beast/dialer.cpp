#include "http/beast/dialer.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <optional>

#include "core/encoding.h"
#include "http/numeric_host.h"

namespace herald::http {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

struct Lookup {
    std::unique_ptr<core::Timer> wake;
    std::optional<core::Result<std::vector<asio::ip::address>>> answer;
};

// Shares the lookup with the request that waits, because it goes on when the request has given up.
asio::awaitable<void> look_up(Resolver& resolver, std::string host,
                              std::shared_ptr<Lookup> lookup) {
    auto answer = co_await resolver.resolve(std::move(host));
    lookup->answer.emplace(std::move(answer));
    lookup->wake->cancel();
}

bool is_loopback(const asio::ip::address& address) {
    if (address.is_v4() || !address.to_v6().is_v4_mapped()) return address.is_loopback();
    return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6()).is_loopback();
}

/// How soon the first in line looks for a descriptor that somebody else has given back.
constexpr std::chrono::milliseconds kLookAgain{100};

core::Error own_listener(const tcp::endpoint& endpoint) {
    core::Error error{
        .kind = core::ErrorKind::kPermanent, .code = "blocked_address", .message = {}};
    error.message = "requests to " + endpoint.address().to_string() + " port " +
                    std::to_string(endpoint.port()) + " are refused: herald itself listens there";
    error.details["rule"] = "self";
    return error;
}

core::Error credentials_in_the_clear(const Url& url) {
    core::Error error{
        .kind = core::ErrorKind::kPermanent, .code = "blocked_address", .message = {}};
    error.message =
        "requests with credentials to " + url.origin() +
        " are refused: over plain http they go to loopback addresses only that are listed in "
        "HERALD_EGRESS_ALLOW; use https";
    error.details["rule"] = "credentials_over_http";
    return error;
}

}  // namespace

asio::awaitable<core::Result<std::unique_ptr<Connection>>> Dialer::dial() {
    auto addresses = co_await resolve();
    if (!addresses) co_return addresses.error();
    const auto checked = check(*addresses);
    if (!checked) co_return checked.error();

    auto connection = std::make_unique<Connection>(engine_.executor);
    connection->reaches_loopback_only = std::ranges::all_of(*addresses, is_loopback);
    attempt_.awaits(connection.get());
    const tcp first = tcp::endpoint(addresses->front(), 0).protocol();
    auto connected = co_await admit(*connection, first);
    if (connected) connected = co_await connect(*connection, std::move(*addresses));
    if (connected && request_.url.is_https()) connected = co_await secure(*connection);
    attempt_.awaits(static_cast<Connection*>(nullptr));
    if (!connected) co_return connected.error();
    co_return std::move(connection);
}

asio::awaitable<core::Result<Dialer::Addresses>> Dialer::resolve() {
    if (const auto literal = numeric_host(request_.url.host)) co_return Addresses{*literal};

    attempt_.enter(Phase::kResolve, engine_.clock.steady_now() + engine_.options.resolve_timeout);
    auto lookup = std::make_shared<Lookup>();
    lookup->wake = engine_.clock.make_timer(engine_.executor);
    lookup->wake->expires_at(core::SteadyTime::max());
    attempt_.awaits(lookup->wake.get());
    asio::co_spawn(engine_.executor, look_up(engine_.resolver, request_.url.host, lookup),
                   asio::detached);
    while (!lookup->answer && !attempt_.is_interrupted()) co_await lookup->wake->wait();
    attempt_.awaits(static_cast<core::Timer*>(nullptr));

    if (attempt_.is_interrupted()) co_return attempt_.failure("dns", "");
    auto& answer = *lookup->answer;
    if (!answer) co_return attempt_.failure("dns", answer.error().message);
    if (answer->empty()) co_return attempt_.failure("dns", "the name has no address");
    co_return std::move(*answer);
}

core::Result<> Dialer::check(const Addresses& addresses) const {
    for (const auto& address : addresses) {
        if (auto checked = check(address); !checked) return checked;
    }
    return {};
}

core::Result<> Dialer::check(const asio::ip::address& address) const {
    const tcp::endpoint endpoint(address, request_.url.port);
    if (engine_.policy.is_own_listener(endpoint)) return own_listener(endpoint);
    if (!engine_.policy.allows(address)) return blocked_address(address, request_.url.host);
    const bool is_in_the_clear = request_.carries_credentials && !request_.url.is_https();
    if (is_in_the_clear && !is_loopback(address)) return credentials_in_the_clear(request_.url);
    return {};
}

// Waits while descriptors are short; other troubles with the socket are left to the connect, which
// has other addresses.
asio::awaitable<core::Result<>> Dialer::admit(Connection& connection, tcp protocol) {
    attempt_.enter(Phase::kConnect);
    DescriptorGate& gate = engine_.descriptors;
    if (!gate.is_crowded() && !is_shortage(gate.open(connection.socket(), protocol))) {
        co_return core::Result<>();
    }
    const auto wake = engine_.clock.make_timer(engine_.executor);
    const DescriptorGate::Place place(gate, *wake);
    attempt_.awaits(wake.get());
    for (;;) {
        if (place.is_first()) {
            engine_.pool.drop_idle();
            if (!is_shortage(gate.open(connection.socket(), protocol))) break;
        }
        // Descriptors of others become free unseen, so the first in line looks from time to time.
        const auto again = engine_.clock.steady_now() + kLookAgain;
        wake->expires_at(place.is_first() ? again : core::SteadyTime::max());
        co_await wake->wait();
        if (attempt_.is_interrupted()) break;
    }
    attempt_.awaits(static_cast<core::Timer*>(nullptr));
    if (attempt_.is_interrupted()) co_return shortage("no file descriptor was free");
    co_return core::Result<>();
}

core::Error Dialer::shortage(std::string_view cause) const {
    if (attempt_.is_shut_down()) return attempt_.failure("connect", cause);
    std::string message("connecting to ");
    message.append(request_.url.origin()).append(" failed here: ").append(cause);
    message.append("; this process may have ")
        .append(std::to_string(engine_.descriptors.limit()))
        .append(" open, raise it with ulimit -n or LimitNOFILE");
    auto error = transport_error("connect", {.phase = Phase::kConnect}, std::move(message));
    error.details["local"] = true;
    return error;
}

// In order. Each address gets an equal share of the time left, so a dead first one does not use up
// all of it.
asio::awaitable<core::Result<>> Dialer::connect(Connection& connection, Addresses addresses) {
    const auto begun = engine_.clock.steady_now();
    const auto end = std::min(begun + request_.connect_timeout, attempt_.deadline());
    boost::system::error_code ec;
    auto now = begun;
    for (std::size_t i = 0; i < addresses.size() && now < end; ++i) {
        const auto share = (end - now) / static_cast<std::ptrdiff_t>(addresses.size() - i);
        attempt_.enter(Phase::kConnect, now + share);
        const tcp::endpoint endpoint(addresses[i], request_.url.port);
        if (i > 0) connection.close();
        ec = {};
        co_await connection.socket().async_connect(endpoint,
                                                   asio::redirect_error(asio::use_awaitable, ec));
        if (!ec && !attempt_.is_interrupted()) {
            connection.socket().set_option(tcp::no_delay(true), ec);
            connection.socket().non_blocking(true, ec);
            co_return core::Result<>();
        }
        if (attempt_.is_shut_down()) break;
        now = engine_.clock.steady_now();
    }
    if (!ec) co_return attempt_.out_of_time();
    if (is_shortage(ec)) co_return shortage(ec.message());
    co_return attempt_.failure("connect", ec.message());
}

asio::awaitable<core::Result<>> Dialer::secure(Connection& connection) {
    attempt_.enter(Phase::kTls, engine_.clock.steady_now() + engine_.options.tls_timeout);
    auto context = engine_.tls.get(request_.tls);
    if (!context) co_return context.error();
    auto& tls = connection.start_tls(std::move(*context));
    if (!expect_host(tls.native_handle(), request_.url.host)) {
        co_return attempt_.failure("tls", "no certificate can be for that host name");
    }
    boost::system::error_code ec;
    co_await tls.async_handshake(asio::ssl::stream_base::client,
                                 asio::redirect_error(asio::use_awaitable, ec));
    if (!ec && !attempt_.is_interrupted()) co_return core::Result<>();
    auto error = attempt_.failure("tls", handshake_problem(tls.native_handle(), ec));
    co_return error;
}

}  // namespace herald::http
