#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

#include <memory>
#include <string>
#include <vector>

#include "core/json.h"
#include "providers/provider_rules.h"
#include "providers/token_manager.h"
#include "tests/providers/flaky_token_store.h"
#include "tests/providers/sample_provider.h"
#include "tests/support/fake_clock.h"
#include "tests/support/open_store.h"
#include "tests/support/scripted_transport.h"
#include "tests/support/seeded_random.h"
#include "tests/support/temp_directory.h"

namespace herald::providers::test {

using namespace std::chrono_literals;
using herald::test::respond;
using herald::test::transport_failure;

/// What one caller of the token manager was told.
struct Caller {
    std::optional<core::Result<AccessTokenPtr>> answer;
    [[nodiscard]] bool waiting() const { return !answer; }
    [[nodiscard]] std::string token() const {
        return answer && *answer ? std::string((**answer)->value.reveal()) : "(none)";
    }
    [[nodiscard]] std::string error() const {
        return answer && !*answer ? answer->error().code : "(none)";
    }
    [[nodiscard]] std::string error_class() const {
        if (!answer || *answer) return "(none)";
        return core::string_member(answer->error().details, "class").value_or("(none)");
    }
};

/// The token manager on a real store and virtual time, in one thread.
class TokenManagerFixture : public ::testing::Test {
protected:
    TokenManagerFixture() {
        open();
        transport.answer_with([this](const http::Request& request) { return answer(request); });
    }

    // Opens the database again, as a restart would.
    void open() {
        manager.reset();
        io = std::make_unique<boost::asio::io_context>();
        if (store) store->close();
        store.reset();
        store = herald::test::open_store(directory.path(), clock);
    }

    void start() {
        manager =
            std::make_unique<TokenManager>(*store, token_store, transport, clock, random,
                                           io->get_executor(), [this](std::function<void()> work) {
                                               if (!files_hang) return work();
                                               hanging.push_back(std::move(work));
                                           });
        manager->on_recovery([this](core::ProviderId) { ++recoveries; });
        ASSERT_TRUE(manager->start());
        manager->keep_fresh();
        settle();
    }

    void restart() {
        open();
        start();
    }

    core::ProviderId add(storage::ProviderRecord record,
                         std::optional<storage::TokenRecord> token = std::nullopt) {
        record.id = core::ProviderId::generate(clock.stored_now(), random);
        record.created_at = record.updated_at = clock.stored_now();
        const core::ProviderId id = record.id;
        const auto added = store->add_provider(std::move(record), std::move(token));
        EXPECT_TRUE(added) << added.error().message;
        return id;
    }

    // Reads of files return, also those that hang.
    void unhang() {
        files_hang = false;
        for (const auto& read : std::exchange(hanging, {})) read();
        settle();
    }
    // The next operations of this name fail, as with a locked database.
    void fail_next(std::string_view operation, int times) {
        token_store.fails = [operation = std::string(operation),
                             left = std::make_shared<int>(times)](std::string_view one) {
            return one == operation && (*left)-- > 0;
        };
    }

    // Runs everything that can run without time passing.
    void settle() {
        do {
            io->restart();
        } while (io->poll() > 0);
    }
    void advance(std::chrono::milliseconds by) {
        clock.advance(by);
        settle();
    }

    std::shared_ptr<Caller> ask(core::ProviderId id, std::chrono::milliseconds patience = 30s) {
        return call([this, id, deadline = clock.steady_now() + patience] {
            return manager->access_token(id, deadline);
        });
    }
    std::shared_ptr<Caller> refuse(core::ProviderId id, std::int64_t generation) {
        return call([this, id, generation, deadline = clock.steady_now() + 30s] {
            return manager->renewed_token(id, generation, deadline);
        });
    }
    template <class Start>
    std::shared_ptr<Caller> call(Start start_call) {
        auto caller = std::make_shared<Caller>();
        boost::asio::co_spawn(
            *io, start_call(),
            [caller](const std::exception_ptr&, core::Result<AccessTokenPtr> result) {
                caller->answer = std::move(result);
            });
        settle();
        return caller;
    }

    // One operation by hand; empty while it is under way.
    template <class T, class Operation>
    std::shared_ptr<std::optional<core::Result<T>>> by_hand(Operation operation) {
        auto result = std::make_shared<std::optional<core::Result<T>>>();
        operation([result](core::Result<T> outcome) { *result = std::move(outcome); });
        settle();
        return result;
    }
    auto obtain(core::ProviderId id) {
        return by_hand<storage::TokenRecord>(
            [&](auto done) { manager->obtain(id, std::move(done)); });
    }
    auto revoke(core::ProviderId id) {
        return by_hand<RemoteRevocation>([&](auto done) { manager->revoke(id, std::move(done)); });
    }
    auto reload(core::ProviderId id) {
        return by_hand<void>([&](auto done) { manager->reload(id, std::move(done)); });
    }

    // Changes the stored provider as the admin interface would, and tells the manager.
    void edit(core::ProviderId id, std::function<void(storage::Store::ProviderEdit&)> change) {
        const auto edited =
            store->edit_provider("crm", [&](storage::Store::ProviderEdit& edit) -> core::Result<> {
                change(edit);
                return {};
            });
        ASSERT_TRUE(edited) << edited.error().message;
        reload(id);
    }

    // The default server: token-1, token-2, … each for `lifetime` seconds.
    virtual core::Result<http::Response> answer(const http::Request& request) {
        if (request.url.target == "/revoke") return revoke_answer;
        ++token_requests;
        if (next_answer) return *next_answer;
        return respond(200, R"({"access_token":"token-)" + std::to_string(++issued) +
                                R"(","token_type":"Bearer","expires_in":)" +
                                std::to_string(lifetime) + "}");
    }

    [[nodiscard]] std::string state() {
        auto record = store->provider("crm").value();
        auto token = store->token(record.id).value();
        return std::string(provider_state(record, token ? &*token : nullptr, clock.stored_now()));
    }

    herald::test::TempDirectory directory;
    std::unique_ptr<boost::asio::io_context> io = std::make_unique<boost::asio::io_context>();
    herald::test::FakeClock clock;
    herald::test::SeededRandom random{7};
    herald::test::ScriptedTransport transport;
    std::unique_ptr<storage::Store> store;
    FlakyTokenStore token_store{store};  ///< what the manager is given of it
    std::unique_ptr<TokenManager> manager;
    int token_requests = 0;
    int issued = 0;
    int lifetime = 3600;
    int recoveries = 0;
    bool files_hang = false;  ///< reads of files do not return, as on a mount that is gone
    std::vector<std::function<void()>> hanging;
    std::optional<core::Result<http::Response>> next_answer;
    core::Result<http::Response> revoke_answer = respond(200);
};

}  // namespace herald::providers::test
