#pragma once

#include <gtest/gtest.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "api/router.h"
#include "core/random.h"
#include "tests/api/function_transport.h"
#include "tests/support/fake_clock.h"

namespace herald::test {

/// What the router answered.
struct Answer {
    int status = 0;
    std::string text;
    boost::json::value json;  ///< null where the text is no JSON
    std::map<std::string, std::string> headers;

    /// `at("token.generation")`, `at("items.0.id")`: null where there is no such member.
    [[nodiscard]] boost::json::value at(std::string_view path) const;
    [[nodiscard]] std::string text_at(std::string_view path) const;
    /// By value, so that a loop over it may begin at a temporary answer.
    [[nodiscard]] boost::json::array array_at(std::string_view path) const {
        return at(path).as_array();
    }
};

/// The admin interface over a real database in a directory of its own, with a token endpoint and a
/// receiver that are functions. No daemon: no scheduler.
class ApiFixture : public testing::Test {
protected:
    /// Without a writer thread every write is its own transaction, on the caller's thread.
    explicit ApiFixture(bool writer_thread = false);
    ~ApiFixture() override;

    Answer call(const std::string& method, const std::string& target, const std::string& body = {},
                std::map<std::string, std::string> headers = {});
    /// The same, failing the test unless the status is a 2xx.
    Answer must(const std::string& method, const std::string& target, const std::string& body = {});

    /// A provider with every endpoint, on loopback.
    void given_provider(const std::string& name = "crm");
    void given_notification(const std::string& name, const std::string& event,
                            const std::string& auth = R"({"kind":"none"})");
    /// The id of the callout that firing `type` causes first.
    std::string given_callout(const std::string& type = "invoice.posted");
    /// As the scheduler would: claims what is due of `notification` and leaves it in `state`.
    void settle(const std::string& notification, storage::CalloutState state,
                const std::string& reason);

    static constexpr const char* kSecret = "CANARY-client-secret";
    std::filesystem::path directory_;
    FakeClock clock_;
    core::SystemRandom random_;
    http::EgressPolicy egress_;
    std::unique_ptr<storage::Store> store_;
    boost::asio::io_context token_context_;
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> keep_running_;
    /// What the token, revocation and test endpoints answer, and what they were asked.
    Endpoint provider_ = [](const http::Request&) { return respond(200); };
    std::vector<http::Request> asked_;
    FunctionTransport provider_transport_{provider_, asked_};
    std::unique_ptr<providers::TokenManager> tokens_;
    std::unique_ptr<dispatcher::Intake> intake_;
    Endpoint receiver_ = [](const http::Request&) { return respond(200, "ok"); };
    std::vector<http::Request> received_;
    bool is_stopping_ = false;
    std::function<std::int64_t()> events_pruned_ = [] { return std::int64_t{0}; };
    std::unique_ptr<api::Router> router_;
    std::thread token_thread_;
};

/// The answer of a token endpoint.
[[nodiscard]] http::Response token_response(const std::string& token = "CANARY-access-token");

}  // namespace herald::test
