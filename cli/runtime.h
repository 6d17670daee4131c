#pragma once

#include <functional>
#include <memory>

#include "api/services.h"
#include "cli/io_thread.h"
#include "cli/settings.h"
#include "core/clock.h"
#include "core/random.h"
#include "http/egress_policy.h"
#include "http/transport.h"
#include "providers/token_manager.h"
#include "storage/database_lock.h"
#include "storage/store.h"

namespace herald::cli {

/// What a command does to a database that is not there.
enum class DatabaseUse { kMustExist, kMayCreate };

/// `storage_error` that says how to name or create one.
[[nodiscard]] core::Error missing_database(const std::filesystem::path& path);

struct RuntimeOptions {
    DatabaseUse use = DatabaseUse::kMustExist;
    bool writer_thread = false;
    /// See storage::SqliteStoreOptions.
    std::function<void(const core::Error&)> on_fatal = {};
};

/// The parts that a daemon and a command without one have in common, put together: the composition
/// root.
///
/// Owns the database from `open` to destruction. The token thread runs only after `start_tokens`.
/// Thread-safety: the parts have their own; the Runtime itself belongs to one thread.
class Runtime final {
public:
    /// Takes over the lock. A new key ring is created together with a new database and never
    /// otherwise.
    [[nodiscard]] static core::Result<std::unique_ptr<Runtime>> open(const Settings& settings,
                                                                     RuntimeOptions options,
                                                                     storage::DatabaseLock lock);
    Runtime(const Runtime&) = delete;
    Runtime& operator=(const Runtime&) = delete;
    ~Runtime();

    /// Idempotent.
    [[nodiscard]] core::Result<> start_tokens();
    /// Ends token traffic: whoever waits for a token or for an authorization server is told.
    /// Idempotent.
    void stop_tokens();
    /// The same, then finishes and closes the store. Idempotent.
    void close();
    /// Closes, and removes the database and the key ring where `open` made them, with the lock
    /// file: what should have been the first thing in it did not happen.
    void close_and_forget();

    [[nodiscard]] storage::Store& store() { return *store_; }
    [[nodiscard]] providers::TokenManager& tokens() { return *tokens_; }
    [[nodiscard]] core::Clock& clock() { return clock_; }
    [[nodiscard]] core::Random& random() { return random_; }
    /// The token thread's: for what takes microseconds. It runs after `start_tokens`.
    [[nodiscard]] boost::asio::any_io_executor token_executor() { return token_thread_.executor(); }
    [[nodiscard]] std::unique_ptr<http::Transport> make_transport(
        boost::asio::any_io_executor executor);
    /// For the router. `scheduler` may be null.
    [[nodiscard]] api::Services services(dispatcher::Intake& intake,
                                         dispatcher::Scheduler* scheduler);

private:
    Runtime(const Settings& settings, http::EgressPolicy egress, storage::DatabaseLock lock);

    Settings settings_;
    storage::DatabaseLock lock_;
    bool made_database_ = false;
    bool made_key_ring_ = false;
    core::SystemClock clock_;
    core::SystemRandom random_;
    http::EgressPolicy egress_;
    std::unique_ptr<storage::Store> store_;
    IoThread token_thread_;
    std::unique_ptr<http::Transport> token_transport_;
    std::unique_ptr<providers::TokenManager> tokens_;
    bool tokens_started_ = false;
};

}  // namespace herald::cli
