#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "core/clock.h"
#include "core/random.h"
#include "dispatcher/intake.h"
#include "dispatcher/scheduler.h"
#include "http/egress_policy.h"
#include "http/transport.h"
#include "providers/token_manager.h"
#include "storage/store.h"

namespace herald::api {

/// Everything an admin operation may need; all borrowed from the composition root, which outlives
/// the router.
struct Services {
    storage::Store& store;
    providers::TokenManager& tokens;
    dispatcher::Intake& intake;
    dispatcher::Scheduler* scheduler = nullptr;  ///< null without a daemon: nothing is dispatched
    const http::EgressPolicy& egress;
    core::Clock& clock;
    core::Random& random;
    /// A transport for one callout sent by `notification test`, on the executor given.
    std::function<std::unique_ptr<http::Transport>(boost::asio::any_io_executor)> make_transport;
    std::filesystem::path database;
    std::filesystem::path key_file;
    /// The daemon ends what is in flight and takes nothing new. On any thread.
    std::function<bool()> is_stopping = [] { return false; };
    /// Events removed from the history since start; nothing is without a daemon.
    std::function<std::int64_t()> events_pruned = [] { return std::int64_t{0}; };
};

}  // namespace herald::api
