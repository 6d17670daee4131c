#include "tests/api/api_fixture.h"

#include <boost/json/parse.hpp>
#include <cstdlib>

#include "core/await.h"
#include "core/encoding.h"
#include "storage/key_ring.h"
#include "storage/sqlite/sqlite_store.h"

namespace herald::test {
namespace {

namespace json = boost::json;

std::filesystem::path new_directory() {
    std::string path = (std::filesystem::temp_directory_path() / "herald-api-XXXXXX").string();
    if (::mkdtemp(path.data()) == nullptr) throw std::runtime_error("mkdtemp");
    return path;
}

http::EgressPolicy loopback_allowed() {
    auto policy = http::EgressPolicy::parse("127.0.0.0/8");
    return policy.value();
}

}  // namespace

json::value Answer::at(std::string_view path) const {
    json::value current = json;
    while (!path.empty()) {
        const std::string step(path.substr(0, path.find('.')));
        path.remove_prefix(std::min(path.size(), step.size() + 1));
        json::value next;
        if (current.is_object() && current.get_object().contains(step))
            next = current.get_object().at(step);
        if (current.is_array() && std::stoul(step) < current.get_array().size())
            next = current.get_array()[std::stoul(step)];
        current = std::move(next);
    }
    return current;
}

std::string Answer::text_at(std::string_view path) const {
    const json::value value = at(path);
    return value.is_string() ? std::string(value.get_string()) : json::serialize(value);
}

ApiFixture::ApiFixture(bool writer_thread)
    : directory_(new_directory()),
      egress_(loopback_allowed()),
      keep_running_(boost::asio::make_work_guard(token_context_)) {
    const auto key_file = directory_ / "herald.db.key";
    auto ring = storage::KeyRing::create(key_file);
    store_ = storage::open_sqlite_store(
                 {.path = directory_ / "herald.db", .writer_thread = writer_thread},
                 std::move(ring.value()), clock_)
                 .value();
    tokens_ = std::make_unique<providers::TokenManager>(
        *store_, *store_, provider_transport_, clock_, random_, token_context_.get_executor());
    intake_ = std::make_unique<dispatcher::Intake>(*store_, *store_, clock_, random_, nullptr);
    router_ = std::make_unique<api::Router>(api::Services{
        .store = *store_,
        .tokens = *tokens_,
        .intake = *intake_,
        .egress = egress_,
        .clock = clock_,
        .random = random_,
        .make_transport = [this](boost::asio::any_io_executor) -> std::unique_ptr<http::Transport> {
            return std::make_unique<FunctionTransport>(receiver_, received_);
        },
        .database = directory_ / "herald.db",
        .key_file = key_file,
        .is_stopping = [this] { return is_stopping_; },
        .events_pruned = [this] { return events_pruned_(); }});
    token_thread_ = std::thread([this] { token_context_.run(); });
    tokens_->start().value();
}

ApiFixture::~ApiFixture() {
    tokens_->stop();
    keep_running_.reset();
    token_context_.stop();
    token_thread_.join();
    store_->close();
    std::filesystem::remove_all(directory_);
}

Answer ApiFixture::call(const std::string& method, const std::string& target,
                        const std::string& body, std::map<std::string, std::string> headers) {
    api::ApiRequest request;
    request.method = method;
    request.path = target.substr(0, target.find('?'));
    request.headers = std::move(headers);
    request.body = body;
    std::string query =
        target.find('?') == std::string::npos ? "" : target.substr(target.find('?') + 1);
    while (!query.empty()) {
        const std::string pair = query.substr(0, query.find('&'));
        query.erase(0, pair.size() + 1);
        const std::size_t equals = pair.find('=');
        request.query[pair.substr(0, equals)] = core::form_decode(pair.substr(equals + 1)).value();
    }
    const api::ApiResponse response = router_->handle(request);
    boost::system::error_code not_json;
    return {.status = response.status,
            .text = response.body,
            .json = json::parse(response.body, not_json),
            .headers = response.headers};
}

Answer ApiFixture::must(const std::string& method, const std::string& target,
                        const std::string& body) {
    Answer answer = call(method, target, body);
    EXPECT_EQ(answer.status / 100, 2) << method << " " << target << " " << answer.text;
    return answer;
}

void ApiFixture::given_provider(const std::string& name) {
    must("POST", "/v1/providers",
         R"({"name":")" + name + R"(","client_id":"abc","client_secret":")" + kSecret +
             R"(","token_endpoint":"http://127.0.0.1:1/token",)"
             R"("revocation_endpoint":"http://127.0.0.1:1/revoke",)"
             R"("test_endpoint":"http://127.0.0.1:1/me","scopes":["read","write"]})");
}

void ApiFixture::given_notification(const std::string& name, const std::string& event,
                                    const std::string& auth) {
    must("POST", "/v1/notifications",
         R"({"name":")" + name + R"(","events":[")" + event +
             R"("],"url":"http://127.0.0.1:2/hook","auth":)" + auth + "}");
}

std::string ApiFixture::given_callout(const std::string& type) {
    return must("POST", "/v1/events", R"({"type":")" + type + R"(","data":{}})")
        .text_at("callouts.0.id");
}

void ApiFixture::settle(const std::string& notification, storage::CalloutState state,
                        const std::string& reason) {
    const auto id = store_->notification(notification).value().id;
    const auto claim = core::wait_done<storage::Claim>([&](core::Done<storage::Claim> done) {
        store_->claim_due(id, clock_.stored_now(), {.first_tries = 4096, .retries = 4096},
                          std::move(done));
    });
    if (state == storage::CalloutState::kInFlight) {
        for (const storage::ClaimedCallout& claimed : claim.value().callouts)
            static_cast<void>(store_->start_sending(claimed.id, id));
        return;
    }
    std::vector<storage::CalloutUpdate> updates;
    for (const storage::ClaimedCallout& claimed : claim.value().callouts) {
        storage::CalloutUpdate update;
        update.id = claimed.id;
        update.state = state;
        if (!reason.empty()) update.reason = reason;
        update.attempts = 1;
        update.failures = 1;
        updates.push_back(std::move(update));
    }
    core::wait_done<bool>([&](core::Done<bool> done) {
        store_->update_callouts(updates, std::move(done));
    }).value();
}

http::Response token_response(const std::string& token) {
    return respond_json(200, R"({"access_token":")" + token +
                                 R"(","token_type":"Bearer","expires_in":3600,"scope":"read"})");
}

}  // namespace herald::test
