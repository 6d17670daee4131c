#include "dispatcher/credential_request.h"

#include <algorithm>
#include <boost/asio/this_coro.hpp>

#include "core/backoff.h"
#include "core/encoding.h"
#include "core/log.h"
#include "dispatcher/key_pair.h"
#include "herald_version.h"
#include "http/retry_after.h"

namespace herald::dispatcher {
namespace {

using std::chrono::seconds;

constexpr core::Backoff kAfterFailure{.first = seconds(1), .longest = seconds(60)};
constexpr std::chrono::milliseconds kLongestRetryAfter = std::chrono::minutes(15);
constexpr std::size_t kMaxWhy = 512;

std::string without_query(const http::Url& url) {
    return url.origin() + url.target.substr(0, url.target.find('?'));
}

std::string_view advice(int status) {
    if (status == 401 || status == 403) return "; check the key pair";
    if (status >= 300 && status <= 399) return "; redirects are not followed, give the last URL";
    return "";
}

}  // namespace

http::Request credential_request(std::string method, const http::Url& url,
                                 const storage::KeyPair& key, core::SteadyTime deadline) {
    http::Request request;
    request.method = std::move(method);
    request.url = url;
    request.headers.add("User-Agent", "herald/" HERALD_VERSION);
    request.headers.add("Accept", "application/json");
    request.headers.add("Accept-Encoding", "identity");
    show_key_pair(request, key);
    request.deadline = deadline;
    request.max_response_body = kMaxCredentialAnswer;
    return request;
}

core::Error credential_failure(const CredentialErrand& errand, std::string_view error_class,
                               std::string_view why) {
    core::Error error{
        .kind = core::ErrorKind::kTransient, .code = "auth_unavailable", .message = {}};
    error.message.append(errand.what).append(" for notification '").append(errand.notification);
    error.message.append("' at ").append(without_query(errand.url)).append(": ");
    error.message.append(errand.masking.shown(why, kMaxWhy));
    error.details["class"] = error_class;
    error.details["notification"] = errand.notification;
    return error;
}

core::Result<> check_answer(const CredentialErrand& errand,
                            const core::Result<http::Response>& answer, core::SystemTime now) {
    if (!answer) return credential_failure(errand, answer.error().code, answer.error().message);
    const int status = answer->status;
    if (status >= 200 && status <= 299) return {};
    const bool is_redirect = status >= 300 && status <= 399;
    std::string why = "it answered " + std::to_string(status);
    why.append(advice(status));
    core::Error error = credential_failure(errand, is_redirect ? "redirect" : "http", why);
    error.details["status"] = status;
    error.retry_after = http::retry_after(*answer, now);
    return error;
}

std::optional<core::SteadyTime> CredentialOutage::until(core::SteadyTime now) const {
    if (!is_on() || now >= until_) return std::nullopt;
    return until_;
}

void CredentialOutage::failed(const core::Error& error, int moment, core::SteadyTime now) {
    if (moment != moment_) return;
    ++moment_;
    ++failures_;
    until_ = now + core::not_before(kAfterFailure.after(failures_), error.retry_after,
                                    kLongestRetryAfter);
    error_ = error;
    if (failures_ > 1) return;
    core::log(core::LogLevel::kWarning, "callout_auth_unavailable",
              {{"notification", notification_}, {"error", error.message}});
}

void CredentialOutage::worked(int moment) {
    if (moment != moment_ || !is_on()) return;
    failures_ = 0;
    error_.reset();
    core::log(core::LogLevel::kInformation, "callout_auth_works_again",
              {{"notification", notification_}});
}

boost::asio::awaitable<void> WaitingRoom::wait(core::Clock& clock, core::SteadyTime until) {
    const auto executor = co_await boost::asio::this_coro::executor;
    const std::shared_ptr<core::Timer> timer = clock.make_timer(executor);
    timer->expires_at(until);
    timers_.push_back(timer);
    co_await timer->wait();
}

void WaitingRoom::wake_all() {
    for (const auto& waiting : std::exchange(timers_, {})) {
        if (const auto timer = waiting.lock()) timer->cancel();
    }
}

}  // namespace herald::dispatcher
