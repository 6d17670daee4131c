#include "tests/support/fake_resolver.h"

#include <algorithm>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace herald::test {

namespace asio = boost::asio;

void FakeResolver::answer(const std::string& host, std::initializer_list<const char*> addresses) {
    Addresses parsed;
    for (const char* address : addresses) parsed.push_back(asio::ip::make_address(address));
    names_[host].answers.push_back(std::move(parsed));
}

void FakeResolver::stall(const std::string& host) {
    names_[host].is_stalled = true;
}

int FakeResolver::lookups(const std::string& host) const {
    const auto found = names_.find(host);
    return found == names_.end() ? 0 : found->second.lookups;
}

asio::awaitable<core::Result<std::vector<asio::ip::address>>> FakeResolver::resolve(
    std::string host) {
    auto& name = names_[host];
    ++name.lookups;
    if (name.is_stalled) {
        const auto executor = co_await asio::this_coro::executor;
        asio::steady_timer never(executor, asio::steady_timer::time_point::max());
        co_await never.async_wait(asio::use_awaitable);
    }
    if (!name.answers.empty()) {
        const auto at = std::min(name.next++, name.answers.size() - 1);
        if (!name.answers[at].empty()) co_return name.answers[at];
    }
    co_return core::Error{.kind = core::ErrorKind::kTransient,
                          .code = "dns",
                          .message = "looking up " + host + " failed: no such name"};
}

}  // namespace herald::test
