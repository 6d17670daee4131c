#include "http/beast/dialer.h"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <optional>

#include "core/encoding.h"
#include "http/numeric_host.h"
#include "http/special_addresses.h"

namespace herald::http {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

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

asio::awaitable<core::Result<std::unique_ptr<Connection>>> Dialer::dial(std::string key) {
    auto found = at_hand();
    if (!found) found = co_await look_up();
    if (!*found) co_return found->error();
    const AddressesPtr addresses = std::move(**found);
    const auto checked = check(*addresses);
    if (!checked) co_return checked.error();

    auto connection = std::make_unique<Connection>(parts_.executor);
    connection->key = std::move(key);
    connection->reaches_loopback_only = std::ranges::all_of(*addresses, is_loopback);
    progress_.awaits(connection.get());
    const tcp first = tcp::endpoint(addresses->front(), 0).protocol();
    auto connected = co_await admit(*connection, first);
    if (connected) connected = co_await connect(*connection, addresses);
    if (connected && request_.url.is_https()) connected = co_await secure(*connection);
    progress_.awaits(static_cast<Connection*>(nullptr));
    if (!connected) co_return connected.error();
    co_return std::move(connection);
}

std::optional<Resolver::Answer> Dialer::at_hand() const {
    if (const auto literal = numeric_host(request_.url.host))
        return std::make_shared<const Addresses>(Addresses{*literal});
    const Resolver::Answer* known = parts_.resolver.known(request_.url.host);
    if (known == nullptr) return std::nullopt;
    return *known ? *known : Resolver::Answer(progress_.unresolved(known->error()));
}

asio::awaitable<Resolver::Answer> Dialer::look_up() {
    progress_.begin(Phase::kResolve, parts_.clock.steady_now() + parts_.options.resolve_timeout);
    const auto wake = parts_.clock.make_timer(parts_.executor);
    wake->expires_at(core::SteadyTime::max());
    progress_.awaits(wake.get());
    std::optional<Resolver::Answer> answer;
    const auto question =
        parts_.resolver.ask(request_.url.host, [&answer, &wake](const Resolver::Answer& told) {
            answer = told;
            wake->cancel();
        });
    while (!answer && !progress_.is_interrupted()) co_await wake->wait();
    progress_.awaits(static_cast<core::Timer*>(nullptr));

    if (!answer)
        co_return progress_.own_failure(failure::kResolverUnavailable, "no answer came in time");
    if (progress_.is_shut_down()) co_return progress_.failure(failure::kDns, "");
    if (!*answer) co_return progress_.unresolved(answer->error());
    co_return *answer;
}

core::Result<> Dialer::check(const Addresses& addresses) const {
    for (const auto& address : addresses) {
        if (auto checked = check(address); !checked) return checked;
    }
    return {};
}

core::Result<> Dialer::check(const asio::ip::address& address) const {
    const tcp::endpoint endpoint(address, request_.url.port);
    if (parts_.policy.is_own_listener(endpoint)) return own_listener(endpoint);
    if (!parts_.policy.allows(address)) return blocked_address(address, request_.url.host);
    const bool is_in_the_clear = request_.carries_credentials && !request_.url.is_https();
    if (is_in_the_clear && !is_loopback(address)) return credentials_in_the_clear(request_.url);
    return {};
}

// Waits while descriptors are short; other troubles with the socket are left to the connect, which
// has other addresses.
asio::awaitable<core::Result<>> Dialer::admit(Connection& connection, tcp protocol) {
    progress_.begin(Phase::kConnect);
    DescriptorGate& gate = parts_.descriptors;
    if (!gate.is_crowded() && !is_shortage(gate.open(connection.socket(), protocol))) {
        co_return core::Result<>();
    }
    const auto wake = parts_.clock.make_timer(parts_.executor);
    const DescriptorGate::Place place(gate, *wake);
    progress_.awaits(wake.get());
    for (;;) {
        if (place.is_first()) {
            parts_.pool.drop_idle();
            if (!is_shortage(gate.open(connection.socket(), protocol))) break;
        }
        // Descriptors of others become free unseen, so the first in line looks from time to time.
        const auto again = parts_.clock.steady_now() + kLookAgain;
        wake->expires_at(place.is_first() ? again : core::SteadyTime::max());
        co_await wake->wait();
        if (progress_.is_interrupted()) break;
    }
    progress_.awaits(static_cast<core::Timer*>(nullptr));
    if (progress_.is_interrupted()) co_return shortage("no file descriptor was free");
    co_return core::Result<>();
}

core::Error Dialer::shortage(std::string_view cause) const {
    std::string text(cause);
    text.append("; this process may have ")
        .append(std::to_string(parts_.descriptors.limit()))
        .append(" open, raise it with ulimit -n or LimitNOFILE");
    return progress_.own_failure(failure::kLocalLimit, text);
}

core::Error Dialer::broken(const boost::system::error_code& ec) const {
    const bool is_short = is_shortage(ec) && !progress_.is_interrupted();
    return is_short ? shortage(ec.message()) : progress_.failure(failure::kConnect, ec);
}

// In order. Each address gets an equal share of the time left, so a dead first one does not use up
// all of it.
asio::awaitable<core::Result<>> Dialer::connect(Connection& connection, AddressesPtr addresses) {
    const auto begun = parts_.clock.steady_now();
    const auto end = std::min(begun + request_.connect_timeout, progress_.deadline());
    boost::system::error_code ec;
    std::optional<core::Error> problem;
    bool is_theirs = false;
    auto now = begun;
    for (std::size_t i = 0; i < addresses->size() && now < end; ++i) {
        const auto share = (end - now) / static_cast<std::ptrdiff_t>(addresses->size() - i);
        progress_.begin(Phase::kConnect, now + share);
        const tcp::endpoint endpoint((*addresses)[i], request_.url.port);
        if (i > 0) connection.close();
        ec = {};
        co_await connection.socket().async_connect(endpoint,
                                                   asio::redirect_error(asio::use_awaitable, ec));
        if (!ec && !progress_.is_interrupted()) {
            connection.socket().set_option(tcp::no_delay(true), ec);
            connection.socket().non_blocking(true, ec);
            co_return core::Result<>();
        }
        // What one address came to says more than that another cannot be reached from here.
        const bool is_ours = !progress_.is_interrupted() && failure::own_failure(ec);
        if (!is_ours || !is_theirs) problem = broken(ec);
        is_theirs = is_theirs || !is_ours;
        if (progress_.is_shut_down()) break;
        now = parts_.clock.steady_now();
    }
    co_return problem ? *problem : progress_.out_of_time();
}

asio::awaitable<core::Result<>> Dialer::secure(Connection& connection) {
    progress_.begin(Phase::kTls, parts_.clock.steady_now() + parts_.options.tls_timeout);
    auto context = parts_.tls.get(request_.tls);
    if (!context) co_return context.error();
    auto& tls = connection.start_tls(std::move(*context));
    if (!expect_host(tls.native_handle(), request_.url.host)) {
        co_return progress_.failure(failure::kTls, "no certificate can be for that host name");
    }
    parts_.tls.sessions().attach(tls.native_handle(), connection.key);
    boost::system::error_code ec;
    co_await tls.async_handshake(asio::ssl::stream_base::client,
                                 asio::redirect_error(asio::use_awaitable, ec));
    if (!ec && !progress_.is_interrupted()) co_return core::Result<>();
    parts_.tls.sessions().forget(connection.key);
    auto error = progress_.failure(failure::kTls, handshake_problem(tls.native_handle(), ec));
    co_return error;
}

}  // namespace herald::http
