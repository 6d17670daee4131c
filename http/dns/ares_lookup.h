#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "core/clock.h"
#include "http/resolver.h"

struct ares_channeldata;
struct ares_addrinfo;

namespace herald::http {

struct NameServiceOptions {
    std::string resolv_conf = {};               ///< instead of /etc/resolv.conf
    std::string name_servers = {};              ///< instead of those named there: `ADDRESS:PORT,…`
    bool reads_hosts_from_environment = false;  ///< the file named by CARES_HOSTS, not /etc/hosts
    std::chrono::milliseconds patience{5'000};  ///< then a lookup has failed
};

/// One lookup of one name by c-ares, with sockets of its own, on the caller's event loop.
///
/// It reads /etc/hosts, /etc/resolv.conf and /etc/nsswitch.conf anew, so what changes there counts
/// from the next lookup on. Destroying it ends it at once; whatever it still waits for is given up.
/// Thread-safety: none, all of it happens on the executor's thread.
class AresLookup final : public std::enable_shared_from_this<AresLookup> {
public:
    struct Found {
        Addresses addresses;
        std::chrono::seconds lifetime;  ///< the shortest of the records
    };
    using Done = std::function<void(core::Result<Found>)>;

    AresLookup(boost::asio::any_io_executor executor, core::Clock& clock,
               const NameServiceOptions& options, std::string host);
    ~AresLookup();
    AresLookup(const AresLookup&) = delete;
    AresLookup& operator=(const AresLookup&) = delete;

    /// `done` is called once and later, never from here, unless this is destroyed before. Once.
    void start(Done done);

private:
    struct Watched;
    struct Reply;
    using WatchedPtr = std::shared_ptr<Watched>;  // shared with the wait that is under way

    static void on_socket_state(void* self, int socket, int reads, int writes) noexcept;
    static void on_reply(void* self, int status, int timeouts, ares_addrinfo* found) noexcept;

    [[nodiscard]] int open(int flags, std::optional<int> timeout_ms);
    void ask(int flags);
    void close() noexcept;
    void watch(int socket, bool reads, bool writes) noexcept;
    void await_sockets();
    void await_socket(int socket, const WatchedPtr& watched, bool is_read);
    void arm_timer();
    void on_timer();
    void process(int readable, int writable);
    void carry_on();
    void finish();
    [[nodiscard]] core::Result<Found> answer() const;

    const boost::asio::any_io_executor executor_;
    core::Clock& clock_;
    const NameServiceOptions options_;
    const std::string host_;
    Done done_;
    core::SteadyTime give_up_at_{};
    std::unique_ptr<core::Timer> timer_;
    ares_channeldata* channel_ = nullptr;
    std::map<int, WatchedPtr> sockets_;
    std::unique_ptr<Reply> reply_;  ///< null while it is awaited
    bool is_closing_ = false;
    bool asks_for_reason_ = false;
};

}  // namespace herald::http
