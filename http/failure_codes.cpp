#include "http/failure_codes.h"

#include <algorithm>
#include <boost/system/errc.hpp>
#include <utility>

namespace herald::http::failure {
namespace {

using boost::system::errc::errc_t;
namespace errc = boost::system::errc;

constexpr std::array<std::pair<errc_t, std::string_view>, 11> kOwnFailures = {{
    {errc::too_many_files_open, kLocalLimit},
    {errc::too_many_files_open_in_system, kLocalLimit},
    {errc::no_buffer_space, kLocalLimit},
    {errc::not_enough_memory, kLocalLimit},
    {errc::address_not_available, kLocalLimit},           // no local port is free
    {errc::resource_unavailable_try_again, kLocalLimit},  // connect(2): the same, by other systems
    {errc::address_in_use, kLocalLimit},
    {errc::operation_not_permitted, kLocalLimit},  // connect(2): a local firewall rule
    {errc::permission_denied, kLocalLimit},
    {errc::network_down, kNetworkUnreachable},
    {errc::network_unreachable, kNetworkUnreachable},
}};

}  // namespace

std::optional<std::string_view> own_failure(const boost::system::error_code& ec) {
    const auto found = std::ranges::find_if(
        kOwnFailures, [&ec](const auto& row) { return ec == make_error_condition(row.first); });
    if (found == kOwnFailures.end()) return std::nullopt;
    return found->second;
}

}  // namespace herald::http::failure
