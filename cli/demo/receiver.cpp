#include "cli/demo/receiver.h"

namespace herald::cli {

DemoReceiver::DemoReceiver(const DemoTokenEndpoint& tokens)
    : tokens_(tokens), server_([this](const DemoRequest& request) { return answer(request); }) {}

std::size_t DemoReceiver::delivered() const {
    const std::scoped_lock lock(mutex_);
    return delivered_;
}

std::size_t DemoReceiver::refused() const {
    const std::scoped_lock lock(mutex_);
    return refused_;
}

DemoResponse DemoReceiver::answer(const DemoRequest& request) {
    const bool accepted = tokens_.accepts(request.authorization);
    const std::scoped_lock lock(mutex_);
    if (!accepted) {
        ++refused_;
        return {401, "a valid access token is needed", "text/plain"};
    }
    if (!was_busy_ && request.body.find("\"invoice.slow\"") != std::string::npos) {
        was_busy_ = true;
        return {503, "busy, come back soon", "text/plain"};
    }
    ++delivered_;
    return {200, "thank you", "text/plain"};
}

}  // namespace herald::cli
