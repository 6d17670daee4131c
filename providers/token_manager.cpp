#include "providers/token_manager.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <utility>

#include "core/await.h"
#include "providers/token_engine.h"

namespace herald::providers {

namespace asio = boost::asio;
using core::Done;
using core::Result;
using storage::TokenRecord;

TokenManager::TokenManager(storage::ConfigurationStore& configuration, storage::TokenStore& store,
                           http::Transport& transport, core::Clock& clock, core::Random& random,
                           asio::any_io_executor executor, FileReader::Runner runner)
    : engine_(std::make_shared<TokenEngine>(configuration, store, transport, clock, random,
                                            std::move(executor), std::move(runner))) {}

TokenManager::~TokenManager() = default;

Result<> TokenManager::start() {
    return engine_->load();
}

void TokenManager::keep_fresh() {
    asio::post(engine_->executor(), [engine = engine_] { engine->begin(); });
}

void TokenManager::stop() {
    core::wait_called<void>([this](auto stopped) {
        auto once = std::make_shared<bool>(false);
        asio::post(engine_->executor(), [engine = engine_, stopped, once] {
            engine->stop([stopped, once] {
                if (!std::exchange(*once, true)) stopped();
            });
        });
    });
}

TokenReader TokenManager::reader(core::ProviderId provider) {
    const SlotPtr slot = engine_->find(provider);
    return TokenReader(slot ? slot->cell : nullptr);
}

asio::awaitable<Result<AccessTokenPtr>> TokenManager::access_token(core::ProviderId provider,
                                                                   core::SteadyTime deadline) {
    auto start = [engine = engine_, provider, deadline](Done<Obtained> done) {
        engine->with_slot<Obtained>(
            provider, std::move(done),
            [deadline](TokenEngine& self, const SlotPtr& slot, const Done<Obtained>& answer) {
                self.get(slot, deadline, answer);
            });
    };
    Result<Obtained> obtained = co_await core::await_done<Obtained>(std::move(start));
    if (!obtained) co_return obtained.error();
    co_return std::move(obtained->access);
}

asio::awaitable<Result<AccessTokenPtr>> TokenManager::renewed_token(core::ProviderId provider,
                                                                    std::int64_t generation,
                                                                    core::SteadyTime deadline) {
    auto start = [engine = engine_, provider, generation, deadline](Done<Obtained> done) {
        engine->with_slot<Obtained>(provider, std::move(done),
                                    [generation, deadline](TokenEngine& self, const SlotPtr& slot,
                                                           const Done<Obtained>& answer) {
                                        self.renew(slot, generation, deadline, answer);
                                    });
    };
    Result<Obtained> obtained = co_await core::await_done<Obtained>(std::move(start));
    if (!obtained) co_return obtained.error();
    co_return std::move(obtained->access);
}

void TokenManager::on_recovery(std::function<void(core::ProviderId)> listener) {
    engine_->listen(std::move(listener));
}

void TokenManager::obtain(core::ProviderId provider, Done<storage::TokenRecord> done) {
    engine_->with_slot<storage::TokenRecord>(
        provider, std::move(done),
        [](TokenEngine& self, const SlotPtr& slot, const Done<storage::TokenRecord>& answer) {
            self.obtain_by_hand(slot, nullptr, answer);
        });
}

// Both run the provider's grant: with a refresh token where the grant has one, else anew.
void TokenManager::refresh(core::ProviderId provider, Done<storage::TokenRecord> done) {
    obtain(provider, std::move(done));
}

void TokenManager::test(core::ProviderId provider, Done<TokenTestResult> done) {
    engine_->with_slot<TokenTestResult>(
        provider, std::move(done),
        [](TokenEngine& self, const SlotPtr& slot, const Done<TokenTestResult>& answer) {
            asio::co_spawn(self.executor(), self.test(slot, answer), asio::detached);
        });
}

void TokenManager::revoke(core::ProviderId provider, Done<RemoteRevocation> done) {
    engine_->with_slot<RemoteRevocation>(
        provider, std::move(done),
        [](TokenEngine& self, const SlotPtr& slot, const Done<RemoteRevocation>& answer) {
            asio::co_spawn(self.executor(), self.revoke(slot, answer), asio::detached);
        });
}

void TokenManager::begin_setup(core::ProviderId provider, std::string redirect_uri,
                               Done<SetupStart> done) {
    engine_->with_slot<SetupStart>(
        provider, std::move(done),
        [redirect_uri = std::move(redirect_uri)](TokenEngine& self, const SlotPtr& slot,
                                                 const Done<SetupStart>& answer) {
            asio::co_spawn(self.executor(), self.begin_setup(slot, redirect_uri, answer),
                           asio::detached);
        });
}

void TokenManager::finish_setup(core::ProviderId provider, SetupAnswer answer,
                                Done<TokenRecord> done) {
    auto kept = std::make_shared<SetupAnswer>(std::move(answer));
    engine_->with_slot<TokenRecord>(
        provider, std::move(done),
        [kept](TokenEngine& self, const SlotPtr& slot, const Done<TokenRecord>& told) {
            self.finish_setup(slot, *kept, told);
        });
}

void TokenManager::look_at_device(core::ProviderId provider, Done<TokenRecord> done) {
    engine_->with_slot<TokenRecord>(
        provider, std::move(done),
        [](TokenEngine& self, const SlotPtr& slot, const Done<TokenRecord>& told) {
            self.look_at_device(slot, told);
        });
}

BegunSetups TokenManager::take_setups() {
    return core::wait_called<BegunSetups>([this](auto taken) {
        asio::post(engine_->executor(),
                   [engine = engine_, taken] { taken(engine->take_setups()); });
    });
}

void TokenManager::go_on_with(BegunSetups begun) {
    if (begun.empty()) return;
    core::wait_called<void>([&](auto done) {
        asio::post(engine_->executor(), [engine = engine_, &begun, done] {
            engine->go_on_with(std::move(begun));
            done();
        });
    });
}

void TokenManager::reload(core::ProviderId provider, Done<> done) {
    asio::post(engine_->executor(), [engine = engine_, provider, done = std::move(done)] {
        done(engine->reload(provider));
    });
}

ProviderMetrics TokenManager::metrics(core::ProviderId provider) const {
    const SlotPtr slot = engine_->find(provider);
    if (!slot) return {};
    const TokenSlot::Counters& counters = *slot->counters;
    return {.requests_ok = counters.ok.load(),
            .requests_failed = counters.failed.load(),
            .waits = counters.waits.load(),
            .forced_refreshes = counters.forced.load(),
            .request_time = std::chrono::milliseconds(counters.request_ms.load())};
}

}  // namespace herald::providers
