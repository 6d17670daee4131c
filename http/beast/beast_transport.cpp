#include "http/beast/beast_transport.h"

#include "http/beast/exchange.h"
#include "http/beast/transport_parts.h"
#include "http/dns/ares_resolver.h"

namespace herald::http {
namespace {

class BeastTransport final : public Transport {
public:
    explicit BeastTransport(std::shared_ptr<TransportParts> parts) : parts_(std::move(parts)) {}
    BeastTransport(const BeastTransport&) = delete;
    BeastTransport& operator=(const BeastTransport&) = delete;

    // Requests in flight keep the parts until they have ended.
    ~BeastTransport() override { close(); }

    boost::asio::awaitable<core::Result<Response>> send(Request request) override {
        return exchange(parts_, std::move(request));
    }

    void shut_down() override { close(); }

private:
    void close() {
        parts_->deadlines->shut_down();
        parts_->pool.close();
    }

    std::shared_ptr<TransportParts> parts_;
};

}  // namespace

std::unique_ptr<Transport> make_beast_transport(boost::asio::any_io_executor executor,
                                                const EgressPolicy& policy, Resolver& resolver,
                                                core::Clock& clock, BeastTransportOptions options) {
    return std::make_unique<BeastTransport>(std::make_shared<TransportParts>(
        std::move(executor), policy, resolver, nullptr, clock, options));
}

std::unique_ptr<Transport> make_beast_transport(boost::asio::any_io_executor executor,
                                                const EgressPolicy& policy, core::Clock& clock,
                                                BeastTransportOptions options) {
    auto own = make_ares_resolver(executor, clock);
    Resolver& resolver = *own;
    return std::make_unique<BeastTransport>(std::make_shared<TransportParts>(
        std::move(executor), policy, resolver, std::move(own), clock, options));
}

}  // namespace herald::http
