#pragma once

#include <boost/json/serialize.hpp>
#include <set>
#include <string>
#include <vector>

#include "core/log.h"
#include "tests/support/dispatcher_fixture.h"

namespace herald::test {

/// Keeps what is logged from `level` on.
class KeptLog final : public core::LogSink {
public:
    KeptLog() { core::install_log_sink(this); }
    ~KeptLog() override { core::install_log_sink(nullptr); }
    KeptLog(const KeptLog&) = delete;
    KeptLog& operator=(const KeptLog&) = delete;

    [[nodiscard]] bool enabled(core::LogLevel) const override { return true; }
    void write(core::LogLevel level, std::string_view event,
               const boost::json::object& fields) override {
        everything.append(boost::json::serialize(fields)).append("\n");
        if (level == core::LogLevel::kWarning) warnings.emplace_back(event);
    }

    std::string everything;
    std::vector<std::string> warnings;
};

/// A receiver with a login at /login and a signature resource at /sign; both answer well until told
/// otherwise.
class CalloutAuthFixture : public DispatcherFixture {
protected:
    static storage::KeyPair key_pair() {
        return {.id = core::Secret("id@example.com"), .secret = core::Secret("key s3cret:+/")};
    }
    storage::NotificationRecord with_session(std::chrono::seconds session_timeout = 900s) {
        auto record = notification();
        record.auth = storage::SessionCookieAuth{.key = key_pair(),
                                                 .login_url = "https://receiver.example/login?x=1",
                                                 .session_timeout = session_timeout};
        return record;
    }
    storage::NotificationRecord with_single_use() {
        auto record = notification();
        record.auth = storage::SingleUseTokenAuth{
            .key = key_pair(),
            .signature_url = "https://receiver.example/sign",
            .body_template = R"({"uri":"{{ data.n }}","type":"{{ type }}"})"};
        return record;
    }
    static http::Headers cookies(std::vector<std::string> lines) {
        http::Headers headers;
        for (std::string& line : lines) headers.add("Set-Cookie", std::move(line));
        return headers;
    }

    core::Result<http::Response> receive(const http::Request& request) override {
        const std::string& target = request.url.target;
        if (target.starts_with("/login")) return log_in(request);
        if (target.starts_with("/sign")) return sign(request);
        return DispatcherFixture::receive(request);
    }
    core::Result<http::Response> log_in(const http::Request& request) {
        logins.push_back(request);
        if (auth_answer) return *auth_answer;
        const std::string value = "cookie-" + std::to_string(logins.size());
        return respond(200, "{}", cookies({"ZSession=" + value + "; Path=/; Secure; HttpOnly"}));
    }
    core::Result<http::Response> sign(const http::Request& request) {
        signings.push_back(request);
        if (auth_answer) return *auth_answer;
        const std::string number = std::to_string(signings.size());
        return respond(
            200, R"({"token":"token+/-)" + number + R"(","signature":"sign+/=)" + number + R"("})");
    }

    /// The values of `header` in the callouts that arrived.
    std::vector<std::string> sent(std::string_view header) const {
        std::vector<std::string> values;
        for (const http::Request& request : received)
            values.emplace_back(request.headers.get(header).value_or("(none)"));
        return values;
    }
    void expect_untouched(core::CalloutId id, std::chrono::milliseconds due_in) {
        const auto record = callout(id);
        EXPECT_EQ(record.state, storage::CalloutState::kPending);
        EXPECT_EQ(record.reason, "auth_unavailable:invoices");
        EXPECT_EQ(record.attempts, 0);
        EXPECT_EQ(record.failures, 0);
        EXPECT_TRUE(attempts(id).empty());
        EXPECT_EQ(record.due_at, clock.stored_now() + due_in);
    }

    std::vector<http::Request> logins;
    std::vector<http::Request> signings;
    std::optional<core::Result<http::Response>> auth_answer;  ///< of both resources
};

}  // namespace herald::test
