#include "tests/support/fake_resolver.h"

#include <algorithm>

namespace herald::test {

namespace asio = boost::asio;

void FakeResolver::answer(const std::string& host, std::initializer_list<const char*> addresses) {
    http::Addresses parsed;
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

const FakeResolver::Answer* FakeResolver::known(std::string_view /*host*/) {
    return nullptr;
}

std::unique_ptr<FakeResolver::Question> FakeResolver::ask(std::string_view host, Done done) {
    auto& name = names_[std::string(host)];
    ++name.lookups;
    if (name.is_stalled) return nullptr;
    const auto at = std::min(name.next++, name.answers.size() - 1);
    if (name.answers.empty() || name.answers[at].empty()) {
        done(core::Error{.kind = core::ErrorKind::kTransient,
                         .code = "dns",
                         .message = "there is no such name"});
    } else {
        done(std::make_shared<const http::Addresses>(name.answers[at]));
    }
    return nullptr;
}

}  // namespace herald::test
