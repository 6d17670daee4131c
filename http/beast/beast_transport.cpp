#include "http/beast/beast_transport.h"

#include "http/beast/engine.h"
#include "http/beast/exchange.h"

namespace herald::http {
namespace {

class BeastTransport final : public Transport {
public:
    explicit BeastTransport(std::shared_ptr<Engine> engine) : engine_(std::move(engine)) {}
    BeastTransport(const BeastTransport&) = delete;
    BeastTransport& operator=(const BeastTransport&) = delete;

    // Requests in flight end soon, with kCancelled; they keep the engine until then.
    ~BeastTransport() override {
        engine_->deadlines->shut_down();
        engine_->pool.close();
    }

    boost::asio::awaitable<core::Result<Response>> send(Request request) override {
        return exchange(engine_, std::move(request));
    }

private:
    std::shared_ptr<Engine> engine_;
};

}  // namespace

std::unique_ptr<Transport> make_beast_transport(boost::asio::any_io_executor executor,
                                                const EgressPolicy& policy, Resolver& resolver,
                                                core::Clock& clock, BeastTransportOptions options) {
    return std::make_unique<BeastTransport>(
        std::make_shared<Engine>(std::move(executor), policy, resolver, clock, options));
}

}  // namespace herald::http
