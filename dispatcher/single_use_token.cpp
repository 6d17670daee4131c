#include "dispatcher/single_use_token.h"

#include "core/json.h"
#include "core/outside_text.h"
#include "dispatcher/key_pair.h"

namespace herald::dispatcher {
namespace {

namespace asio = boost::asio;
using core::Result;
using storage::SingleUseTokenAuth;

core::Error malformed_answer(std::string message) {
    return {
        .kind = core::ErrorKind::kPermanent, .code = "malformed", .message = std::move(message)};
}

bool same(const SingleUseTokenAuth& a, const SingleUseTokenAuth& b) {
    return a.signature_url == b.signature_url && a.method == b.method &&
           a.body_template == b.body_template && a.token_pointer == b.token_pointer &&
           a.signature_pointer == b.signature_pointer && a.token_header == b.token_header &&
           a.signature_header == b.signature_header && same_key_pair(a.key, b.key);
}

Result<core::Secret> value_at(std::string_view body, const std::string& pointer,
                              const std::string& header) {
    const auto path = core::parse_json_pointer(pointer);
    const auto found = path ? core::raw_at(body, *path) : std::nullopt;
    if (!found) return malformed_answer("the answer has nothing at " + pointer);
    if (!found->starts_with('"'))
        return malformed_answer("what the answer has at " + pointer + " is no string");
    core::Secret value = core::Secret::take(core::decode_json_string(*found));
    if (value.empty() || !http::validate_header(header, value.reveal(), "value"))
        return malformed_answer("what the answer has at " + pointer + " may not stand in a header");
    return value;
}

}  // namespace

Result<SingleUseToken> read_single_use_token(const http::Response& answer,
                                             const SingleUseTokenAuth& auth) {
    if (answer.body_truncated) return malformed_answer("the answer is longer than 64 KiB");
    const std::string body = core::outside_text(answer.body);
    if (!core::validate_json(body)) return malformed_answer("the answer is no JSON");
    auto token = value_at(body, auth.token_pointer, auth.token_header);
    if (!token) return token.error();
    auto signature = value_at(body, auth.signature_pointer, auth.signature_header);
    if (!signature) return signature.error();
    return SingleUseToken{.token = std::move(*token), .signature = std::move(*signature)};
}

SingleUseTokens::SingleUseTokens(CompiledNotificationPtr notification, http::Transport& transport,
                                 core::Clock& clock)
    : notification_(std::move(notification)),
      auth_(std::get<SingleUseTokenAuth>(notification_->record.auth)),
      transport_(transport),
      clock_(clock),
      outage_(notification_->record.name) {}

std::optional<Credentials> SingleUseTokens::at_hand(core::SteadyTime /*now*/) const {
    return std::nullopt;
}

asio::awaitable<Result<Credentials>> SingleUseTokens::obtain(
    storage::EventPtr event, std::optional<std::int64_t> /*refused*/, core::SteadyTime deadline) {
    Result<http::Request> request = compose(*event, deadline);
    if (!request) co_return request.error();
    while (probing_) {
        if (clock_.steady_now() >= deadline)
            co_return credential_failure(errand(), "timeout", "no answer in time to the probe");
        co_await waiting_.wait(clock_, deadline);
    }
    if (outage_.until(clock_.steady_now())) co_return outage_.error();
    if (!outage_.is_on()) {
        Result<Credentials> outcome = co_await ask(std::move(*request));
        co_return outcome;
    }
    probing_ = true;
    Result<Credentials> outcome = co_await ask(std::move(*request));
    probing_ = false;
    waiting_.wake_all();
    co_return outcome;
}

Result<http::Request> SingleUseTokens::compose(const storage::EventRecord& event,
                                               core::SteadyTime deadline) const {
    const CredentialResource& resource = *notification_->credentials;
    http::Request request = credential_request(auth_.method, resource.url, auth_.key, deadline);
    if (!resource.body) return request;
    auto body = resource.body->render(event, nullptr);
    if (!body) return body.error();
    request.body = std::move(*body);
    request.headers.add("Content-Type", "application/json");
    return request;
}

asio::awaitable<Result<Credentials>> SingleUseTokens::ask(http::Request request) {
    const int moment = outage_.moment();
    const Result<http::Response> answer = co_await transport_.send(std::move(request));
    Result<Credentials> outcome = read(answer);
    if (outcome) {
        outage_.worked(moment);
    } else {
        outage_.failed(outcome.error(), moment, clock_.steady_now());
    }
    co_return outcome;
}

Result<Credentials> SingleUseTokens::read(const Result<http::Response>& answer) const {
    if (auto good = check_answer(errand(), answer, clock_.system_now()); !good) return good.error();
    auto token = read_single_use_token(*answer, auth_);
    if (!token) return credential_failure(errand(), token.error().code, token.error().message);
    return Credentials{.single_use = std::move(*token)};
}

CredentialErrand SingleUseTokens::errand() const {
    return {.what = "ask for a single-use token",
            .url = notification_->credentials->url,
            .notification = notification_->record.name,
            .masking = notification_->masking};
}

bool SingleUseTokens::serves(const storage::Authentication& auth) const {
    const auto* single = std::get_if<SingleUseTokenAuth>(&auth);
    return single != nullptr && same(*single, auth_);
}

}  // namespace herald::dispatcher
