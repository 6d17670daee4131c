#pragma once

#include <boost/asio/io_context.hpp>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dispatcher/history_pruner.h"
#include "dispatcher/intake.h"
#include "dispatcher/scheduler.h"
#include "dispatcher/wall_watch.h"
#include "providers/token_manager.h"
#include "storage/store.h"
#include "tests/simulation/authorization_servers.h"
#include "tests/simulation/ledger.h"
#include "tests/simulation/network.h"
#include "tests/simulation/ram_disk.h"
#include "tests/simulation/receivers.h"

namespace herald::simulation {

/// What a seed decides before anything happens.
struct Plan {
    std::uint64_t seed = 1;
    int receivers = 3;
    int steps = 400;
    /// What happens at a step beside what time brings; of a thousand steps.
    int crashes = 4;
    int power_losses = 2;
    int stops = 2;
    int wall_jumps = 3;
    int suspends = 3;
    std::size_t most_bytes = dispatcher::ByteBudget::kDefault;

    [[nodiscard]] static Plan of(std::uint64_t seed);
};

/// A provider as its operators know it.
struct ProviderFacts {
    std::string name;
    core::ProviderId id;
    Client client;  ///< as it is configured now
};

/// The whole daemon on virtual time, the machine that it runs on, and everything around it.
///
/// One thread runs everything. The store is the real one on a disk in memory; what it commits is
/// committed a moment after it was asked to, so that a crash finds writes under way.
class World final {
public:
    explicit World(const Plan& plan);
    ~World();
    World(const World&) = delete;
    World& operator=(const World&) = delete;

    // For operators: what a person or a program does through the API.

    [[nodiscard]] storage::Store& store() { return *store_; }
    [[nodiscard]] providers::TokenManager& tokens() { return *tokens_; }
    [[nodiscard]] dispatcher::Scheduler& scheduler() { return *scheduler_; }
    [[nodiscard]] test::SeededRandom& random() { return random_; }
    [[nodiscard]] test::FakeClock& clock() { return clock_; }
    [[nodiscard]] Ledger& ledger() { return ledger_; }
    [[nodiscard]] Receivers& receivers() { return receivers_; }
    [[nodiscard]] AuthorizationServers& authorization() { return authorization_; }
    [[nodiscard]] std::map<std::string, ProviderFacts>& providers() { return providers_; }
    [[nodiscard]] int next_number() { return ++number_; }
    void fire(dispatcher::EventInput input);
    /// The notification's lane follows what is stored now.
    void adopt(const storage::NotificationRecord& record);
    void adopt_deletion(const std::string& name, core::NotificationId id);
    void adopt_provider(core::ProviderId id);

    // The run.

    /// Lets the seed do what it does, then heals the world and sees that everything ends. Stops at
    /// the first complaint.
    void run();
    /// Nothing but time happens.
    void pass(core::SteadyTime::duration length);
    [[nodiscard]] bool has_complaint() const { return !ledger_.complaints().empty(); }
    /// Virtual time since the beginning.
    [[nodiscard]] core::SteadyTime::duration elapsed() const;

private:
    void boot();
    void commit_later(std::function<void()> run);
    void come_back();
    void left(const http::Request& request);
    void shut_down_daemon();
    void crash(bool with_power);
    void stop();
    /// Runs what is ready, but no more than `most` handlers.
    void run_ready(std::size_t most);
    /// To the next moment at which something happens, or by `most`.
    void pass_time(Milliseconds most);
    void step();
    void accidents();
    void check();
    void heal();
    void drain();
    void look_at_open();

    const Plan plan_;
    test::SeededRandom random_;
    test::FakeClock clock_;
    Ledger ledger_{clock_};
    RamDisk disk_;
    Network network_{clock_, random_};
    AuthorizationServers authorization_{network_, clock_, random_, ledger_};
    Receivers receivers_;
    std::map<std::string, ProviderFacts> providers_;
    int number_ = 0;
    int boots_ = 1;  ///< runs of the machine

    std::unique_ptr<boost::asio::io_context> io_;
    std::unique_ptr<core::Timer> commit_timer_;
    std::unique_ptr<storage::Store> store_;
    std::unique_ptr<http::Transport> token_transport_;
    std::unique_ptr<providers::TokenManager> tokens_;
    std::unique_ptr<dispatcher::Scheduler> scheduler_;
    std::unique_ptr<dispatcher::Intake> intake_;
    std::unique_ptr<dispatcher::HistoryPruner> pruner_;
    std::unique_ptr<dispatcher::WallWatch> wall_watch_;
    std::map<std::string, std::string> keys_;  ///< each idempotency key, with its first event
};

}  // namespace herald::simulation
