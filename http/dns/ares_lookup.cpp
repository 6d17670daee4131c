#include "http/dns/ares_lookup.h"

#include <ares.h>

#include <algorithm>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>

#include "http/beast/transport_error.h"
#include "http/socket_address.h"

namespace herald::http {
namespace {

namespace asio = boost::asio;
using std::chrono::milliseconds;

/// Each name server is asked twice, the second time for twice as long: three times this in all.
constexpr milliseconds kFirstTries{1'500};
constexpr int kTries = 2;
/// More than any name needs; an answer of 64 KB holds thousands.
constexpr std::size_t kMostAddresses = 256;

bool init_library() {
    static const int status = ares_library_init(ARES_LIB_INIT_ALL);
    return status == ARES_SUCCESS;
}

int count_servers(ares_channel channel) {
    ares_addr_port_node* servers = nullptr;
    if (ares_get_servers_ports(channel, &servers) != ARES_SUCCESS) return 1;
    int count = 0;
    for (const auto* server = servers; server != nullptr; server = server->next) ++count;
    ares_free_data(servers);
    return std::max(count, 1);
}

core::Error no_address(std::string_view cause) {
    return transport_error(failure::kDns, {.phase = Phase::kResolve}, std::string(cause));
}

core::Error unavailable(std::string_view cause) {
    std::string message("the name servers of /etc/resolv.conf gave no answer: ");
    return local_failure(failure::kResolverUnavailable, Phase::kResolve,
                         std::move(message.append(cause)));
}

// What a name server says about the name is about the name; that none says anything is about us.
core::Error to_error(int status) {
    switch (status) {
        case ARES_ENOTFOUND:
            return no_address("there is no such name");
        case ARES_ENODATA:
            return no_address("the name has no address");
        case ARES_ESERVFAIL:
            return no_address("the name servers of its zone do not answer as they should");
        case ARES_EBADNAME:
            return no_address("it is no name that can be looked up");
        default:
            return unavailable(ares_strerror(status));
    }
}

}  // namespace

// A socket of c-ares, who opens and closes it.
struct AresLookup::Watched {
    explicit Watched(const asio::any_io_executor& executor) : descriptor(executor) {}

    asio::posix::stream_descriptor descriptor;
    bool reads = false;
    bool writes = false;
    bool awaits_read = false;
    bool awaits_write = false;
};

struct AresLookup::Reply {
    int status = ARES_ETIMEOUT;
    std::unique_ptr<ares_addrinfo, decltype(&ares_freeaddrinfo)> found{nullptr, &ares_freeaddrinfo};
};

AresLookup::AresLookup(asio::any_io_executor executor, core::Clock& clock,
                       const NameServiceOptions& options, std::string host)
    : executor_(std::move(executor)),
      clock_(clock),
      options_(options),
      host_(std::move(host)),
      timer_(clock.make_timer(executor_)) {}

AresLookup::~AresLookup() {
    close();
}

void AresLookup::start(Done done) {
    done_ = std::move(done);
    give_up_at_ = clock_.steady_now() + options_.patience;
    ask(0);
    asio::post(executor_, [weak = weak_from_this()] {
        if (const auto self = weak.lock()) self->carry_on();
    });
}

int AresLookup::open(int flags, std::optional<int> timeout_ms) {
    if (!init_library()) return ARES_ENOTINITIALIZED;
    ares_options options{};
    options.flags = flags;
    options.tries = kTries;
    options.timeout = timeout_ms.value_or(static_cast<int>(kFirstTries.count()));
    options.sock_state_cb = &AresLookup::on_socket_state;
    options.sock_state_cb_data = this;
    int mask = ARES_OPT_FLAGS | ARES_OPT_TRIES | ARES_OPT_TIMEOUTMS | ARES_OPT_SOCK_STATE_CB;
    std::string resolv_conf = options_.resolv_conf;
    if (!resolv_conf.empty()) {
        options.resolvconf_path = resolv_conf.data();
        mask |= ARES_OPT_RESOLVCONF;
    }
    int status = ares_init_options(&channel_, &options, mask);
    if (status != ARES_SUCCESS) {
        channel_ = nullptr;
        return status;
    }
    if (!options_.name_servers.empty())
        status = ares_set_servers_ports_csv(channel_, options_.name_servers.c_str());
    const int servers = count_servers(channel_);
    if (status != ARES_SUCCESS || timeout_ms || servers == 1) return status;
    close();
    return open(flags, static_cast<int>(kFirstTries.count()) / servers);
}

void AresLookup::ask(int flags) {
    reply_.reset();
    if (const int status = open(flags, std::nullopt); status != ARES_SUCCESS) {
        reply_ = std::make_unique<Reply>();
        reply_->status = status;
        return;
    }
    ares_addrinfo_hints hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = options_.reads_hosts_from_environment ? ARES_AI_ENVHOSTS : 0;
    ares_getaddrinfo(channel_, host_.c_str(), nullptr, &hints, &AresLookup::on_reply, this);
}

void AresLookup::close() noexcept {
    is_closing_ = true;
    if (channel_ != nullptr) ares_destroy(channel_);
    channel_ = nullptr;
    is_closing_ = false;
    timer_->cancel();
}

void AresLookup::on_reply(void* self, int status, int /*timeouts*/, ares_addrinfo* found) noexcept {
    auto& lookup = *static_cast<AresLookup*>(self);
    auto reply = std::make_unique<Reply>();
    reply->status = status;
    reply->found.reset(found);
    if (!lookup.is_closing_) lookup.reply_ = std::move(reply);
}

void AresLookup::on_socket_state(void* self, int socket, int reads, int writes) noexcept {
    static_cast<AresLookup*>(self)->watch(socket, reads != 0, writes != 0);
}

void AresLookup::watch(int socket, bool reads, bool writes) noexcept {
    WatchedPtr& watched = sockets_[socket];
    if (!reads && !writes) {
        if (watched && watched->descriptor.is_open()) watched->descriptor.release();
        sockets_.erase(socket);
        return;
    }
    if (!watched) {
        watched = std::make_shared<Watched>(executor_);
        boost::system::error_code ec;
        watched->descriptor.assign(socket, ec);
        // Then nobody hears of the answer, and the lookup runs out of time.
        if (ec) return;
    }
    watched->reads = reads;
    watched->writes = writes;
}

void AresLookup::await_sockets() {
    for (const auto& [socket, watched] : sockets_) {
        if (watched->reads && !watched->awaits_read) await_socket(socket, watched, true);
        if (watched->writes && !watched->awaits_write) await_socket(socket, watched, false);
    }
}

void AresLookup::await_socket(int socket, const WatchedPtr& watched, bool is_read) {
    using Wait = asio::posix::descriptor_base;
    (is_read ? watched->awaits_read : watched->awaits_write) = true;
    watched->descriptor.async_wait(
        is_read ? Wait::wait_read : Wait::wait_write,
        [weak = weak_from_this(), watched, socket, is_read](const boost::system::error_code& ec) {
            (is_read ? watched->awaits_read : watched->awaits_write) = false;
            const auto self = weak.lock();
            if (ec || !self || self->channel_ == nullptr) return;
            const auto still = self->sockets_.find(socket);
            // The number may belong to another socket by now.
            if (still == self->sockets_.end() || still->second != watched) return;
            self->process(is_read ? socket : ARES_SOCKET_BAD, is_read ? ARES_SOCKET_BAD : socket);
        });
}

void AresLookup::arm_timer() {
    core::SteadyTime at = give_up_at_;
    timeval room{};
    if (const timeval* next = ares_timeout(channel_, nullptr, &room)) {
        const auto wait =
            std::chrono::seconds(next->tv_sec) + std::chrono::microseconds(next->tv_usec);
        at = std::min<core::SteadyTime>(at, clock_.steady_now() + wait + milliseconds(1));
    }
    timer_->expires_at(at);
    timer_->on_expiry([weak = weak_from_this()](bool fired) {
        const auto self = weak.lock();
        if (fired && self && self->channel_ != nullptr) self->on_timer();
    });
}

void AresLookup::on_timer() {
    if (clock_.steady_now() < give_up_at_) return process(ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    reply_ = std::make_unique<Reply>();
    finish();
}

void AresLookup::process(int readable, int writable) {
    ares_process_fd(channel_, readable, writable);
    carry_on();
}

void AresLookup::carry_on() {
    // c-ares 1.18 says "connection refused" where every server refused the question as well as
    // where none is there. Only the second time it passes on what a server says.
    if (reply_ && reply_->status == ARES_ECONNREFUSED && !asks_for_reason_) {
        asks_for_reason_ = true;
        close();
        ask(ARES_FLAG_NOCHECKRESP);
    }
    if (reply_) return finish();
    await_sockets();
    arm_timer();
}

void AresLookup::finish() {
    close();
    auto done = std::move(done_);
    done(answer());
}

core::Result<AresLookup::Found> AresLookup::answer() const {
    if (reply_->status != ARES_SUCCESS) return to_error(reply_->status);
    Found found{.addresses = {}, .lifetime = std::chrono::hours(1)};
    for (const auto* node = reply_->found->nodes; node != nullptr; node = node->ai_next) {
        if (const auto address = to_address(*node->ai_addr)) found.addresses.push_back(*address);
        found.lifetime = std::min(found.lifetime, std::chrono::seconds(node->ai_ttl));
    }
    if (found.addresses.empty()) return to_error(ARES_ENODATA);
    if (found.addresses.size() > kMostAddresses)
        return no_address("it has more than 256 addresses");
    return found;
}

}  // namespace herald::http
