#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/system/error_code.hpp>
#include <list>

#include "core/clock.h"

namespace herald::http {

/// Where requests wait, first come first served, while file descriptors are short.
///
/// The rest of the process comes first: an outgoing socket whose number is near the limit goes
/// back at once. The kernel hands out the lowest free number, so a high one says how many are in
/// use, by whomever. Thread-safety: none; one per transport. Lifetime: outlives every Place.
class DescriptorGate final {
public:
    using Tcp = boost::asio::ip::tcp;

    /// A request's place in line; `wake` is cancelled when its turn may have come.
    class Place final {
    public:
        Place(DescriptorGate& gate, core::Timer& wake);
        /// The next in line may find one too.
        ~Place();
        Place(const Place&) = delete;
        Place& operator=(const Place&) = delete;
        [[nodiscard]] bool is_first() const;

    private:
        DescriptorGate& gate_;
        const std::list<core::Timer*>::iterator place_;
    };

    DescriptorGate();

    [[nodiscard]] bool is_crowded() const { return !line_.empty(); }
    /// Leaves the socket closed where `is_shortage` holds for the error.
    [[nodiscard]] boost::system::error_code open(Tcp::socket& socket, const Tcp& protocol) const;
    /// Idle connections leave some to other transports, who cannot close ours: half, at most 1024.
    [[nodiscard]] bool may_stay_idle(Tcp::socket& socket) const;
    /// A connection was closed.
    void freed();
    /// What the process may open in all.
    [[nodiscard]] int limit() const { return limit_; }

private:
    const int limit_;
    const int ceiling_;
    std::list<core::Timer*> line_;
};

/// A descriptor, or what the kernel needs for one, is not to be had now.
[[nodiscard]] bool is_shortage(const boost::system::error_code& ec);

}  // namespace herald::http
