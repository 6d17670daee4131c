#include "http/beast/descriptor_gate.h"

#include <sys/resource.h>

#include <algorithm>
#include <boost/system/errc.hpp>
#include <limits>

namespace herald::http {
namespace {

/// Kept free for the API, the store and name lookups: an eighth, within these bounds.
constexpr int kFewestSpare = 8;
constexpr int kMostSpare = 64;
/// What idle connections leave to others: half, or this much where there is plenty.
constexpr int kMostFreeOfIdle = 1024;

int descriptor_limit() {
    constexpr rlim_t kMost = std::numeric_limits<int>::max();
    rlimit limit{};
    const bool is_known = ::getrlimit(RLIMIT_NOFILE, &limit) == 0;
    return static_cast<int>(is_known ? std::min(limit.rlim_cur, kMost) : kMost);
}

}  // namespace

DescriptorGate::Place::Place(DescriptorGate& gate, core::Timer& wake)
    : gate_(gate), place_(gate.line_.insert(gate.line_.end(), &wake)) {}

DescriptorGate::Place::~Place() {
    gate_.line_.erase(place_);
    gate_.freed();
}

bool DescriptorGate::Place::is_first() const {
    return place_ == gate_.line_.begin();
}

DescriptorGate::DescriptorGate()
    : limit_(descriptor_limit()),
      ceiling_(limit_ - std::clamp(limit_ / 8, kFewestSpare, kMostSpare)) {}

boost::system::error_code DescriptorGate::open(Tcp::socket& socket, const Tcp& protocol) const {
    boost::system::error_code ec;
    socket.open(protocol, ec);
    if (ec || socket.native_handle() < ceiling_) return ec;
    socket.close(ec);
    return make_error_code(boost::system::errc::too_many_files_open);
}

bool DescriptorGate::may_stay_idle(Tcp::socket& socket) const {
    const int free_of_idle = std::min(ceiling_ / 2, kMostFreeOfIdle);
    return !is_crowded() && socket.native_handle() < ceiling_ - free_of_idle;
}

void DescriptorGate::freed() {
    if (is_crowded()) line_.front()->cancel();
}

bool is_shortage(const boost::system::error_code& ec) {
    using namespace boost::system::errc;
    return ec == too_many_files_open || ec == too_many_files_open_in_system ||
           ec == no_buffer_space || ec == not_enough_memory;
}

}  // namespace herald::http
