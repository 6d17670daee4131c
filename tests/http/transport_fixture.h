#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <memory>
#include <optional>
#include <string>

#include "http/beast/beast_transport.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_resolver.h"
#include "tests/support/loopback_server.h"

namespace herald::http {

/// As whoever makes requests does: the transport opens no files.
inline void trust(TlsIdentity& identity, const std::string& path) {
    identity.ca_file = path;
    std::ifstream file(path);
    if (!file) return;
    std::ostringstream text;
    text << file.rdbuf();
    identity.ca = std::make_shared<const std::string>(text.str());
}
inline void trust(Request& request, const std::string& path) {
    trust(request.tls, path);
}

/// A transport on virtual time with loopback allowed, driven by the test's own thread.
class TransportFixture : public ::testing::Test {
protected:
    using Outcome = std::optional<core::Result<Response>>;

    /// How many rounds of 5 ms a test waits for something real before it fails.
    static constexpr int kPatience = 2000;
    static constexpr std::chrono::seconds kDeadline{30};

    void allow(std::string_view networks) { policy_ = *EgressPolicy::parse(networks); }

    Transport& transport() {
        if (!transport_) {
            transport_ =
                make_beast_transport(context_.get_executor(), policy_, resolver_, clock_, options_);
        }
        return *transport_;
    }

    [[nodiscard]] Request get(const std::string& url) const {
        Request request;
        request.method = "GET";
        request.url = *Url::parse(url, "url");
        request.deadline = clock_.steady_now() + kDeadline;
        return request;
    }
    [[nodiscard]] Request post(const std::string& url, std::string body) const {
        Request request = get(url);
        request.method = "POST";
        request.body = std::move(body);
        return request;
    }

    /// Begins a request; the result appears there while the context runs.
    std::shared_ptr<Outcome> start(Request request) {
        auto outcome = std::make_shared<Outcome>();
        boost::asio::co_spawn(
            context_, transport().send(std::move(request)),
            [outcome](const std::exception_ptr& thrown, core::Result<Response> result) {
                ASSERT_FALSE(thrown) << "no exception leaves the transport";
                outcome->emplace(std::move(result));
            });
        return outcome;
    }

    /// Runs what is ready until `condition` holds; fails the test where it never does.
    template <class Condition>
    void run_until(Condition condition) {
        const auto guard =
            boost::asio::make_work_guard(context_);  // rounds last, also with nothing to run
        int idle_rounds = 0;
        context_.restart();
        while (!condition()) {
            ASSERT_LT(idle_rounds, kPatience) << "what the test waits for did not happen";
            if (context_.run_one_for(std::chrono::milliseconds(5)) == 0) ++idle_rounds;
        }
    }

    core::Result<Response> finish(const std::shared_ptr<Outcome>& outcome) {
        run_until([&] { return outcome->has_value(); });
        if (!outcome->has_value()) return core::Error{.code = "test_gave_up", .message = {}};
        return **outcome;
    }
    core::Result<Response> send(Request request) { return finish(start(std::move(request))); }
    core::Result<Response> send_get(const std::string& url) { return send(get(url)); }

    boost::asio::io_context context_;
    test::FakeClock clock_;
    test::FakeResolver resolver_;
    EgressPolicy policy_ = *EgressPolicy::parse("127.0.0.0/8,::1");
    BeastTransportOptions options_;
    std::unique_ptr<Transport> transport_;
};

/// A whole response with that body.
inline std::string answer(std::string_view body, std::string_view status = "200 OK",
                          std::string_view more_headers = "") {
    std::string text = "HTTP/1.1 ";
    text.append(status).append("\r\n").append(more_headers);
    text.append("Content-Length: ")
        .append(std::to_string(body.size()))
        .append("\r\n\r\n")
        .append(body);
    return text;
}

inline void expect_error(const core::Result<Response>& result, std::string_view code,
                         std::string_view phase, bool sent) {
    ASSERT_FALSE(result.has_value()) << "status " << result->status;
    EXPECT_EQ(result.error().code, code) << result.error().message;
    EXPECT_EQ(result.error().details.at("phase").as_string(), phase) << result.error().message;
    EXPECT_EQ(result.error().details.at("sent").as_bool(), sent) << result.error().message;
}

}  // namespace herald::http
