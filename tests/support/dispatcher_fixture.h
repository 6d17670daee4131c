#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <boost/asio/io_context.hpp>

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "dispatcher/intake.h"
#include "dispatcher/retry_policy.h"
#include "dispatcher/scheduler.h"
#include "http/egress_policy.h"
#include "providers/token_manager.h"
#include "tests/support/fake_clock.h"
#include "tests/support/open_store.h"
#include "tests/support/scripted_transport.h"
#include "tests/support/seeded_random.h"
#include "tests/support/temp_directory.h"

namespace herald::test {

using namespace std::chrono_literals;

/// The whole dispatcher in one thread on virtual time: real store, real token manager, real
/// scheduler; only the other side of the network is a script.
class DispatcherFixture : public ::testing::Test {
protected:
    DispatcherFixture() {
        receivers.answer_with([this](const http::Request& request) { return receive(request); });
        token_server.answer_with(
            [this](const http::Request& request) { return give_token(request); });
        open();
    }
    ~DispatcherFixture() override { close(); }

    void open() { store = open_store(directory.path(), clock); }

    // Forgets everything but the database, as kill -9 does.
    void close() {
        intake.reset();
        scheduler.reset();
        manager.reset();
        io = std::make_unique<boost::asio::io_context>();
        if (store) store->close();
        store.reset();
    }

    // What `herald serve` does at start.
    void start() {
        ASSERT_TRUE(store->take_lease("test", clock.stored_now()));
        manager = std::make_unique<providers::TokenManager>(*store, *store, token_server, clock,
                                                            random, io->get_executor());
        ASSERT_TRUE(manager->start());
        manager->keep_fresh();
        dispatcher::SchedulerOptions options;
        options.executor = io->get_executor();
        options.most_bytes = most_bytes;
        options.make_transport = [this](const boost::asio::any_io_executor&) {
            return make_transport();
        };
        scheduler = std::make_unique<dispatcher::Scheduler>(*store, *manager, clock, random,
                                                            std::move(options));
        intake =
            std::make_unique<dispatcher::Intake>(*store, *store, clock, random, scheduler.get());
        ASSERT_TRUE(scheduler->start(intake->catalogue().value()));
        settle();
    }
    void crash_and_restart() {
        close();
        open();
        start();
    }

    void settle() {
        do {
            io->restart();
        } while (io->poll() > 0);
    }
    void advance(std::chrono::milliseconds by) {
        clock.advance(by);
        settle();
    }

    storage::NotificationRecord notification(std::string name = "invoices") {
        storage::NotificationRecord record;
        record.id = core::NotificationId::generate(clock.stored_now(), random);
        record.name = std::move(name);
        record.events = {"invoice.*"};
        record.url = "https://receiver.example/" + record.name;
        record.retry = {.schedule = {5s, 300s}, .max_age = std::nullopt, .reject = {}};
        record.created_at = record.updated_at = clock.stored_now();
        return record;
    }
    void add(storage::NotificationRecord record) {
        const core::NotificationId id = record.id;
        const auto added = store->add_notification(std::move(record));
        ASSERT_TRUE(added) << added.error().message;
        adopt(id);
    }
    void edit(const std::string& name, std::function<void(storage::NotificationRecord&)> change) {
        const auto edited = store->edit_notification(
            name, [&](storage::NotificationRecord& record) -> core::Result<> {
                change(record);
                return {};
            });
        ASSERT_TRUE(edited) << edited.error().message;
        adopt(edited->id);
    }
    void adopt(core::NotificationId id) {
        if (!scheduler) return;
        ASSERT_TRUE(intake->catalogue());
        scheduler->apply(id);
        settle();
    }

    storage::Authentication add_provider() {
        storage::ProviderRecord record;
        record.id = core::ProviderId::generate(clock.stored_now(), random);
        record.name = "crm";
        record.client_id = "client-1";
        record.client_secret = core::Secret("s3cret");
        record.token_endpoint = "https://login.example/token";
        record.created_at = record.updated_at = clock.stored_now();
        provider = record.id;
        EXPECT_TRUE(store->add_provider(std::move(record), std::nullopt));
        if (manager) {
            manager->reload(provider, [](const core::Result<>&) {});
            settle();
        }
        return storage::OauthAuth{.provider = provider, .provider_name = "crm"};
    }

    core::Result<dispatcher::AcceptedEvent> fire(std::string type = "invoice.posted",
                                                 std::string data = R"({"n":1})",
                                                 std::optional<std::string> key = std::nullopt) {
        core::Result<dispatcher::AcceptedEvent> outcome =
            core::Error{.kind = {}, .code = "unanswered", .message = {}};
        intake->submit({.type = std::move(type),
                        .data = std::move(data),
                        .key = std::move(key),
                        .occurred_at = {}},
                       [&](core::Result<dispatcher::AcceptedEvent> accepted) {
                           outcome = std::move(accepted);
                       });
        settle();
        return outcome;
    }
    core::CalloutId fire_one() { return fire().value().callouts.at(0).id; }

    storage::CalloutRecord callout(core::CalloutId id) { return store->callout(id).value(); }
    std::vector<storage::AttemptRecord> attempts(core::CalloutId id) {
        return store->attempts_of(id).value();
    }

    virtual std::unique_ptr<http::Transport> make_transport() {
        return std::make_unique<Forwarding>(receivers);
    }
    // Answers in order, then 200 for ever.
    virtual core::Result<http::Response> receive(const http::Request& request) {
        received.push_back(request);
        if (answers.empty()) return respond(200, "ok");
        auto answer = std::move(answers.front());
        answers.pop_front();
        return answer;
    }
    virtual core::Result<http::Response> give_token(const http::Request&) {
        ++token_requests;
        if (token_answer) return *token_answer;
        return respond(200, R"({"access_token":"token-)" + std::to_string(token_requests) +
                                R"(","expires_in":3600})");
    }

    // A worker owns its transport; the script outlives them all.
    class Forwarding final : public http::Transport {
    public:
        explicit Forwarding(ScriptedTransport& script) : script_(script) {}
        boost::asio::awaitable<core::Result<http::Response>> send(http::Request request) override {
            return script_.send(std::move(request));
        }
        void shut_down() override {}

    private:
        ScriptedTransport& script_;
    };

    TempDirectory directory;
    std::unique_ptr<boost::asio::io_context> io = std::make_unique<boost::asio::io_context>();
    FakeClock clock;
    SeededRandom random{11};
    ScriptedTransport receivers;
    ScriptedTransport token_server;
    std::unique_ptr<storage::Store> store;
    std::unique_ptr<providers::TokenManager> manager;
    std::unique_ptr<dispatcher::Scheduler> scheduler;
    std::unique_ptr<dispatcher::Intake> intake;

    std::size_t most_bytes = dispatcher::ByteBudget::kDefault;
    core::ProviderId provider;
    std::vector<http::Request> received;
    std::deque<core::Result<http::Response>> answers;
    int token_requests = 0;
    std::optional<core::Result<http::Response>> token_answer;
};

}  // namespace herald::test
