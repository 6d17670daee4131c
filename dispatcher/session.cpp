#include "dispatcher/session.h"

#include <algorithm>

#include "core/encoding.h"
#include "dispatcher/key_pair.h"
#include "http/field_text.h"

namespace herald::dispatcher {
namespace {

namespace asio = boost::asio;
using core::Result;

constexpr std::size_t kMaxCookies = 64;
constexpr std::size_t kMaxCookieHeader = 16UL * 1024;
/// Alone a shorter value tells nobody anything, and hiding it would tear words apart.
constexpr std::size_t kShortestEcho = 4;

core::Error malformed(std::string message) {
    return {
        .kind = core::ErrorKind::kPermanent, .code = "malformed", .message = std::move(message)};
}

bool same_session(const storage::SessionCookieAuth& a, const storage::SessionCookieAuth& b) {
    return a.login_url == b.login_url && a.session_timeout == b.session_timeout &&
           same_key_pair(a.key, b.key);
}

Result<std::pair<std::string, std::string>> read_cookie(std::string_view line) {
    const std::string_view pair = line.substr(0, line.find(';'));
    const std::size_t equals = pair.find('=');
    if (equals == std::string_view::npos)
        return malformed("a Set-Cookie of the answer has no NAME=VALUE");
    const std::string name(core::trim(pair.substr(0, equals)));
    std::string value(core::trim(pair.substr(equals + 1)));
    if (!http::is_token(name)) return malformed("a Set-Cookie of the answer has no valid name");
    if (!http::validate_header("Cookie", value, "cookie"))
        return malformed("the value of cookie " + name + " may not stand in a header");
    return std::pair(name, std::move(value));
}

}  // namespace

Result<SessionCookie> read_cookies(const http::Headers& headers) {
    storage::Fields cookies;
    for (const std::string_view line : headers.all("Set-Cookie")) {
        auto cookie = read_cookie(line);
        if (!cookie) return cookie.error();
        std::erase_if(cookies, [&](const auto& before) { return before.first == cookie->first; });
        cookies.push_back(std::move(*cookie));
    }
    if (cookies.empty()) return malformed("the answer sets no cookie; check the key pair");
    SessionCookie out;
    std::string text;
    for (auto& [name, value] : cookies) {
        text.append(text.empty() ? "" : "; ").append(name).append("=").append(value);
        out.masking.add(value.size() < kShortestEcho ? name + "=" + value : value);
        core::wipe(value);
    }
    if (cookies.size() > kMaxCookies || text.size() > kMaxCookieHeader)
        return malformed("the answer sets more than 64 cookies or 16 KiB of them");
    out.masking.add(text);
    out.header = core::Secret::take(std::move(text));
    return out;
}

Session::Session(CompiledNotificationPtr notification, http::Transport& transport,
                 core::Clock& clock)
    : notification_(std::move(notification)),
      auth_(std::get<storage::SessionCookieAuth>(notification_->record.auth)),
      transport_(transport),
      clock_(clock),
      outage_(notification_->record.name) {}

std::optional<Credentials> Session::at_hand(core::SteadyTime now) const {
    if (!usable(now)) return std::nullopt;
    return Credentials{.cookie = cookie_};
}

asio::awaitable<Result<Credentials>> Session::obtain(storage::EventPtr /*event*/,
                                                     std::optional<std::int64_t> refused,
                                                     core::SteadyTime deadline) {
    if (refused && cookie_ && cookie_->generation == *refused) cookie_.reset();
    while (true) {
        const core::SteadyTime now = clock_.steady_now();
        if (std::optional<Credentials> found = at_hand(now)) co_return std::move(*found);
        if (outage_.until(now)) co_return outage_.error();
        if (!logging_in_) break;
        if (now >= deadline)
            co_return credential_failure(errand(), "timeout", "no answer in time to a login");
        co_await waiting_.wait(clock_, deadline);
    }
    logging_in_ = true;
    Result<Credentials> outcome = co_await log_in(deadline);
    logging_in_ = false;
    waiting_.wake_all();
    co_return outcome;
}

asio::awaitable<Result<Credentials>> Session::log_in(core::SteadyTime deadline) {
    const core::SteadyTime asked_at = clock_.steady_now();
    const int moment = outage_.moment();
    http::Request request =
        credential_request("POST", notification_->credentials->url, auth_.key, deadline);
    request.keeps_cookies = true;
    const Result<http::Response> answer = co_await transport_.send(std::move(request));
    const Result<> adopted = adopt(answer, asked_at);
    if (!adopted) {
        outage_.failed(adopted.error(), moment, clock_.steady_now());
        co_return adopted.error();
    }
    outage_.worked(moment);
    Credentials brought{.cookie = cookie_};
    co_return std::move(brought);
}

Result<> Session::adopt(const Result<http::Response>& answer, core::SteadyTime asked_at) {
    if (auto good = check_answer(errand(), answer, clock_.system_now()); !good) return good;
    auto cookies = read_cookies(answer->headers);
    if (!cookies)
        return credential_failure(errand(), cookies.error().code, cookies.error().message);
    cookies->generation = ++generation_;
    cookie_ = std::make_shared<const SessionCookie>(std::move(*cookies));
    expires_at_ = asked_at + auth_.session_timeout;
    return {};
}

CredentialErrand Session::errand() const {
    return {.what = "log in",
            .url = notification_->credentials->url,
            .notification = notification_->record.name,
            .masking = notification_->masking};
}

void Session::accepted(const Credentials& shown, core::SteadyTime sent_at) {
    if (shown.cookie == nullptr || shown.cookie != cookie_) return;
    expires_at_ = std::max(expires_at_, sent_at + auth_.session_timeout);
}

std::optional<core::SteadyTime> Session::blocked_until(core::SteadyTime now) const {
    return usable(now) ? std::nullopt : outage_.until(now);
}

bool Session::serves(const storage::Authentication& auth) const {
    const auto* session = std::get_if<storage::SessionCookieAuth>(&auth);
    return session != nullptr && same_session(*session, auth_);
}

}  // namespace herald::dispatcher
