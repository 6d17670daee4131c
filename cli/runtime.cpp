#include "cli/runtime.h"

#include <unistd.h>

#include "api/asio/door.h"
#include "http/beast/beast_transport.h"
#include "storage/beside_database.h"
#include "storage/key_ring.h"
#include "storage/sqlite/sqlite_store.h"

namespace herald::cli {
namespace {

bool is_there(const std::filesystem::path& path) {
    std::error_code ignored;
    return std::filesystem::exists(path, ignored);
}

core::Result<storage::KeyRing> key_ring_for(const Settings& settings, DatabaseUse use) {
    if (storage::database_exists(settings.database))
        return storage::KeyRing::load(settings.key_file);
    if (use == DatabaseUse::kMustExist) return missing_database(settings.database);
    // Left by a start that was killed before it made the database, or restored beforehand.
    if (is_there(settings.key_file)) return storage::KeyRing::load(settings.key_file);
    return storage::KeyRing::create(settings.key_file, settings.database);
}

/// S-04: what we listen on is no destination, whatever is allowed. A port that the system picks is
/// not known yet.
void refuse_own_listener(const std::optional<std::string>& listen, http::EgressPolicy& egress) {
    if (!listen) return;
    const auto endpoint = api::parse_listen(*listen);
    if (endpoint && endpoint->port() != 0) egress.add_own_listener(*endpoint);
}

}  // namespace

core::Error missing_database(const std::filesystem::path& path) {
    return {
        .kind = core::ErrorKind::kStorage,
        .code = "storage_error",
        .message = "no database at " + path.string() +
                   "; name one with --db or HERALD_DB, or create one with 'herald provider add', "
                   "'herald notification add' or 'herald serve'"};
}

Runtime::Runtime(const Settings& settings, http::EgressPolicy egress, storage::DatabaseLock lock)
    : settings_(settings), lock_(std::move(lock)), egress_(std::move(egress)) {}

core::Result<std::unique_ptr<Runtime>> Runtime::open(const Settings& settings,
                                                     RuntimeOptions options,
                                                     storage::DatabaseLock lock) {
    auto egress = http::EgressPolicy::parse(settings.egress_allow);
    if (!egress) return egress.error();
    refuse_own_listener(settings.listen, *egress);
    std::unique_ptr<Runtime> runtime(new Runtime(settings, std::move(*egress), std::move(lock)));
    runtime->made_database_ = !is_there(settings.database);
    runtime->made_key_ring_ = !is_there(settings.key_file);
    auto ring = key_ring_for(settings, options.use);
    if (!ring) return ring.error();
    storage::SqliteStoreOptions store_options;
    store_options.path = settings.database;
    store_options.writer_thread = options.writer_thread;
    store_options.on_fatal = std::move(options.on_fatal);
    auto store =
        storage::open_sqlite_store(std::move(store_options), std::move(*ring), runtime->clock_);
    if (!store) {
        runtime->close_and_forget();
        return store.error();
    }
    runtime->store_ = std::move(*store);
    runtime->token_transport_ = runtime->make_transport(runtime->token_thread_.executor());
    runtime->tokens_ = std::make_unique<providers::TokenManager>(
        *runtime->store_, *runtime->store_, *runtime->token_transport_, runtime->clock_,
        runtime->random_, runtime->token_thread_.executor());
    return runtime;
}

Runtime::~Runtime() {
    close();
}

core::Result<> Runtime::start_tokens() {
    if (tokens_started_) return {};
    token_thread_.start();
    auto started = tokens_->start();
    tokens_started_ = started.has_value();
    return started;
}

void Runtime::stop_tokens() {
    if (std::exchange(tokens_started_, false)) tokens_->stop();
    token_thread_.run_and_wait([this] {
        if (token_transport_) token_transport_->shut_down();
    });
}

void Runtime::close() {
    stop_tokens();
    token_thread_.stop();
    // Nothing resumes any more that might still send with it.
    token_transport_.reset();
    if (store_) store_->close();
}

void Runtime::close_and_forget() {
    close();
    tokens_.reset();
    store_.reset();  // SQLite removes the -wal by name when the last connection closes
    if (made_database_) storage::remove_database(settings_.database);
    if (made_key_ring_ && !storage::database_exists(settings_.database))
        ::unlink(settings_.key_file.c_str());
    if (!is_there(settings_.database)) lock_.release_and_remove();
}

std::unique_ptr<http::Transport> Runtime::make_transport(boost::asio::any_io_executor executor) {
    return http::make_beast_transport(std::move(executor), egress_, clock_);
}

api::Services Runtime::services(dispatcher::Intake& intake, dispatcher::Scheduler* scheduler) {
    return api::Services{
        .store = *store_,
        .tokens = *tokens_,
        .intake = intake,
        .scheduler = scheduler,
        .egress = egress_,
        .clock = clock_,
        .random = random_,
        .make_transport =
            [this](boost::asio::any_io_executor executor) {
                return make_transport(std::move(executor));
            },
        .database = settings_.database,
        .key_file = settings_.key_file,
    };
}

}  // namespace herald::cli
