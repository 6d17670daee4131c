#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "core/error.h"
#include "core/masking.h"
#include "http/message.h"
#include "storage/records.h"

/// What a login and a request for a single-use token share.
namespace herald::dispatcher {

/// Answers are cut there.
inline constexpr std::size_t kMaxCredentialAnswer = 64 * 1024;

/// Without a body. Shows the key pair.
[[nodiscard]] http::Request credential_request(std::string method, const http::Url& url,
                                               const storage::KeyPair& key,
                                               core::SteadyTime deadline);

/// What was tried, for errors.
struct CredentialErrand {
    std::string_view what;  ///< `log in`
    const http::Url& url;   ///< shown without its query
    const std::string& notification;
    const core::Masking& masking;  ///< hides what the resource may know
};

/// `auth_unavailable`, details {class, notification}. `why` may be the resource's words.
[[nodiscard]] core::Error credential_failure(const CredentialErrand& errand,
                                             std::string_view error_class, std::string_view why);
/// The failure of a request that got no 2xx, with details.status and `retry_after` where the answer
/// has them.
[[nodiscard]] core::Result<> check_answer(const CredentialErrand& errand,
                                          const core::Result<http::Response>& answer,
                                          core::SystemTime now);

/// Keeps a resource that failed from being asked again too soon: nothing for 1 s, doubling with
/// each failure in a row to 60 s, never before Retry-After (at most 15 min). Then one request, the
/// probe, decides.
///
/// Thread-safety: none. Tells the log when it begins and ends.
class CredentialOutage final {
public:
    explicit CredentialOutage(std::string notification) : notification_(std::move(notification)) {}

    /// What a request carries to its end: what began before the last failure tells nothing new.
    [[nodiscard]] int moment() const { return moment_; }
    [[nodiscard]] bool is_on() const { return failures_ > 0; }
    [[nodiscard]] std::optional<core::SteadyTime> until(core::SteadyTime now) const;
    /// Why it failed last. REQUIRES: is_on().
    [[nodiscard]] const core::Error& error() const { return *error_; }
    void failed(const core::Error& error, int moment, core::SteadyTime now);
    void worked(int moment);

private:
    const std::string notification_;
    int moment_ = 0;
    int failures_ = 0;  ///< in a row
    core::SteadyTime until_;
    std::optional<core::Error> error_;
};

/// Coroutines of one worker that wait for the same thing, each with a deadline of its own.
///
/// Lifetime: must outlive nobody; who waits keeps its own timer.
class WaitingRoom final {
public:
    /// Returns when woken or at `until`; the caller looks again at why it waits.
    [[nodiscard]] boost::asio::awaitable<void> wait(core::Clock& clock, core::SteadyTime until);
    void wake_all();

private:
    std::vector<std::weak_ptr<core::Timer>> timers_;
};

}  // namespace herald::dispatcher
