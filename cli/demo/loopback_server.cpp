#include "cli/demo/loopback_server.h"

#include <Poco/Net/HTTPRequestHandler.h>
#include <Poco/Net/HTTPRequestHandlerFactory.h>
#include <Poco/Net/HTTPServer.h>
#include <Poco/Net/HTTPServerParams.h>
#include <Poco/Net/HTTPServerRequest.h>
#include <Poco/Net/HTTPServerResponse.h>
#include <Poco/Net/ServerSocket.h>
#include <Poco/Net/SocketAddress.h>
#include <Poco/StreamCopier.h>

namespace herald::cli {
namespace {

namespace net = Poco::Net;
using Handle = std::function<DemoResponse(const DemoRequest&)>;

class Handler final : public net::HTTPRequestHandler {
public:
    explicit Handler(const Handle& handle) : handle_(handle) {}

    void handleRequest(net::HTTPServerRequest& request,
                       net::HTTPServerResponse& response) override {
        DemoRequest received;
        received.method = request.getMethod();
        received.path = request.getURI();
        received.authorization = request.get("Authorization", "");
        Poco::StreamCopier::copyToString(request.stream(), received.body);
        const DemoResponse answer = handle_(received);
        response.setStatus(static_cast<net::HTTPResponse::HTTPStatus>(answer.status));
        response.setReason(net::HTTPResponse::getReasonForStatus(response.getStatus()));
        response.setContentType(answer.content_type);
        response.sendBuffer(answer.body.data(), answer.body.size());
    }

private:
    const Handle& handle_;
};

class Factory final : public net::HTTPRequestHandlerFactory {
public:
    explicit Factory(Handle handle) : handle_(std::move(handle)) {}

    net::HTTPRequestHandler* createRequestHandler(
        const net::HTTPServerRequest& /*request*/) override {
        return new Handler(handle_);  // Poco deletes it
    }

private:
    Handle handle_;
};

}  // namespace

class LoopbackServer::Impl {
public:
    explicit Impl(Handle handle)
        : socket_(net::SocketAddress("127.0.0.1", 0)),
          server_(new Factory(std::move(handle)), socket_, new net::HTTPServerParams) {
        server_.start();
    }
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;
    ~Impl() { server_.stopAll(true); }

    [[nodiscard]] std::uint16_t port() const { return socket_.address().port(); }

private:
    net::ServerSocket socket_;
    net::HTTPServer server_;
};

LoopbackServer::LoopbackServer(Handle handle) : impl_(std::make_unique<Impl>(std::move(handle))) {}
LoopbackServer::~LoopbackServer() = default;

std::string LoopbackServer::url(const std::string& path) const {
    return "http://127.0.0.1:" + std::to_string(impl_->port()) + path;
}

}  // namespace herald::cli
