#include <netdb.h>

#include <boost/asio/ip/address.hpp>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <unordered_map>

#include "core/await.h"
#include "http/beast/beast_transport.h"
#include "http/beast/transport_error.h"
#include "http/numeric_host.h"
#include "http/socket_address.h"

namespace herald::http {
namespace {

using Addresses = std::vector<boost::asio::ip::address>;
using Done = core::Done<Addresses>;

/// Names waiting for a thread, and answers kept.
constexpr std::size_t kMaxWaiting = 1024;
constexpr std::size_t kMaxKept = 1024;

// The cause alone: whoever asked says for whom.
core::Error lookup_error(std::string_view cause) {
    return transport_error("dns", {.phase = Phase::kResolve}, std::string(cause));
}

core::Result<Addresses> ask_system(const std::string& host) {
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    const int problem = ::getaddrinfo(host.c_str(), nullptr, &hints, &found);
    if (problem != 0) return lookup_error(::gai_strerror(problem));
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, &::freeaddrinfo);
    Addresses addresses;
    for (const addrinfo* entry = found; entry != nullptr; entry = entry->ai_next) {
        if (const auto address = to_address(*entry->ai_addr)) addresses.push_back(*address);
    }
    if (addresses.empty()) return lookup_error("it has no address");
    return addresses;
}

// Those who ask for a name that is being looked up wait for the same answer.
class ThreadedResolver final : public Resolver {
public:
    ThreadedResolver(core::Clock& clock, std::size_t threads, std::chrono::seconds keep)
        : clock_(clock), keep_(keep) {
        for (std::size_t i = 0; i < threads; ++i) {
            threads_.emplace_back([this](const std::stop_token& stop) { work(stop); });
        }
    }

    ThreadedResolver(const ThreadedResolver&) = delete;
    ThreadedResolver& operator=(const ThreadedResolver&) = delete;

    ~ThreadedResolver() override {
        for (auto& thread : threads_) thread.request_stop();
        threads_.clear();
        for (auto& [host, asking] : asking_)
            answer(asking, lookup_error("the resolver was stopped"));
    }

    boost::asio::awaitable<core::Result<Addresses>> resolve(std::string host) override {
        if (const auto literal = numeric_host(host)) co_return Addresses{*literal};
        auto start = [this, host = std::move(host)](Done done) { ask(host, std::move(done)); };
        auto result = co_await core::await_done<Addresses>(std::move(start));
        co_return result;
    }

private:
    struct Kept {
        Addresses addresses;
        core::SteadyTime until;
    };
    using Asking = std::vector<Done>;

    static void answer(const Asking& asking, const core::Result<Addresses>& result) {
        for (const auto& done : asking) done(result);
    }

    void ask(const std::string& host, Done done) {
        std::unique_lock lock(mutex_);
        const auto kept = kept_.find(host);
        if (kept != kept_.end() && clock_.steady_now() < kept->second.until) {
            core::Result<Addresses> result = kept->second.addresses;
            lock.unlock();
            return done(std::move(result));
        }
        const auto asking = asking_.find(host);
        if (asking != asking_.end()) {
            asking->second.push_back(std::move(done));
            return;
        }
        if (waiting_.size() >= kMaxWaiting) {
            lock.unlock();
            return done(lookup_error("too many names are waiting to be looked up"));
        }
        asking_[host].push_back(std::move(done));
        waiting_.push_back(host);
        lock.unlock();
        has_work_.notify_one();
    }

    void work(const std::stop_token& stop) {
        for (;;) {
            std::unique_lock lock(mutex_);
            if (!has_work_.wait(lock, stop, [this] { return !waiting_.empty(); })) return;
            if (stop.stop_requested()) return;
            const std::string host = std::move(waiting_.front());
            waiting_.pop_front();
            lock.unlock();
            const auto result = ask_system(host);
            answer(take_asking(host, result), result);
        }
    }

    Asking take_asking(const std::string& host, const core::Result<Addresses>& result) {
        const std::lock_guard lock(mutex_);
        if (result) keep(host, *result);
        Asking asking = std::move(asking_[host]);
        asking_.erase(host);
        return asking;
    }

    void keep(const std::string& host, const Addresses& addresses) {
        const auto now = clock_.steady_now();
        if (kept_.size() >= kMaxKept) {
            std::erase_if(kept_, [now](const auto& entry) { return entry.second.until <= now; });
        }
        if (kept_.size() < kMaxKept)
            kept_[host] = Kept{.addresses = addresses, .until = now + keep_};
    }

    core::Clock& clock_;
    const std::chrono::seconds keep_;

    std::mutex mutex_;
    std::condition_variable_any has_work_;
    std::deque<std::string> waiting_;                 // guarded by mutex_
    std::unordered_map<std::string, Asking> asking_;  // guarded by mutex_
    std::unordered_map<std::string, Kept> kept_;      // guarded by mutex_
    std::vector<std::jthread> threads_;               // last: they use all of the above
};

}  // namespace

std::unique_ptr<Resolver> make_threaded_resolver(core::Clock& clock, std::size_t threads,
                                                 std::chrono::seconds keep) {
    return std::make_unique<ThreadedResolver>(clock, threads, keep);
}

}  // namespace herald::http
