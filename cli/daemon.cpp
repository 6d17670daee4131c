#include "cli/daemon.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <thread>

#include "api/router.h"
#include "api/server.h"
#include "cli/daemon_signals.h"
#include "cli/exit_code.h"
#include "cli/lock_wait.h"
#include "cli/log_sink.h"
#include "cli/runtime.h"
#include "core/log.h"
#include "dispatcher/history_pruner.h"
#include "dispatcher/intake.h"
#include "dispatcher/refused_destinations.h"
#include "dispatcher/scheduler.h"
#include "dispatcher/wall_watch.h"
#include "herald_version.h"
#include "storage/beside_database.h"

namespace herald::cli {
namespace {

using core::LogLevel;

/// How long the log may take to be written when the process ends at once.
constexpr std::chrono::milliseconds kLastWords{1000};

/// The sink is installed exactly as long as it lives.
class InstalledLog final {
public:
    InstalledLog(LogForm form, LogLevel level, const core::Clock& clock)
        : sink_(STDERR_FILENO, form, level, clock) {
        core::install_log_sink(&sink_);
    }
    InstalledLog(const InstalledLog&) = delete;
    InstalledLog& operator=(const InstalledLog&) = delete;
    ~InstalledLog() { core::install_log_sink(nullptr); }
    PocoLogSink& sink() { return sink_; }

private:
    PocoLogSink sink_;
};

// A restart with another HERALD_EGRESS_ALLOW is easily forgotten; the callouts wait meanwhile.
void warn_of_refused(const std::vector<dispatcher::RefusedDestination>& refused) {
    constexpr std::size_t kMostLines = 20;
    for (std::size_t i = 0; i < std::min(kMostLines, refused.size()); ++i) {
        core::log(LogLevel::kWarning, "destination_refused",
                  {{refused[i].owner, refused[i].name}, {"error", refused[i].message}});
    }
    if (refused.size() > kMostLines)
        core::log(LogLevel::kWarning, "destinations_refused", {{"count", refused.size()}});
}

[[noreturn]] void end_after_io_error(const core::Error& error, PocoLogSink& sink) {
    core::log(LogLevel::kError, "storage_failed",
              {{"code", error.code}, {"message", error.message}, {"exit", kExitUnusable}});
    sink.flush(kLastWords);
    std::_Exit(kExitUnusable);
}

/// A change that only a new start can adopt is told, never half adopted.
void adopt_settings(const Settings& before, const Settings& now, PocoLogSink& sink) {
    sink.set_level(now.log);
    boost::json::array later;
    if (now.database != before.database) later.emplace_back("db");
    if (now.key_file != before.key_file) later.emplace_back("key_file");
    if (now.egress_allow != before.egress_allow) later.emplace_back("egress_allow");
    if (now.listen != before.listen) later.emplace_back("listen");
    if (now.workers != before.workers) later.emplace_back("workers");
    if (now.callout_memory != before.callout_memory) later.emplace_back("callout_memory");
    if (now.history != before.history) later.emplace_back("history");
    core::log(LogLevel::kInformation, "configuration_read", {});
    if (!later.empty())
        core::log(LogLevel::kWarning, "configuration_needs_restart", {{"settings", later}});
}

void read_settings_again(Context& context, PocoLogSink& sink) {
    const auto now = load_settings(context.flags(), context.io().environment);
    if (now) {
        adopt_settings(context.settings(), *now, sink);
    } else {
        core::log(LogLevel::kError, "configuration_rejected",
                  {{"message", now.error().message}, {"kept", "the settings in force"}});
    }
}

dispatcher::SchedulerOptions scheduler_options(const Settings& settings, Runtime& runtime,
                                               std::function<void(const core::Error&)> on_bug) {
    dispatcher::SchedulerOptions options;
    options.workers =
        settings.workers.value_or(std::max<std::size_t>(1, std::thread::hardware_concurrency()));
    options.most_bytes = settings.callout_memory;
    options.on_bug = std::move(on_bug);
    options.make_transport = [&runtime](boost::asio::any_io_executor executor) {
        return runtime.make_transport(std::move(executor));
    };
    return options;
}

api::ServerOptions server_options(const Settings& settings) {
    api::ServerOptions options;
    options.socket = settings.socket();
    options.listen = settings.listen;
    return options;
}

/// The running parts, in the order in which they need each other.
class Daemon final {
public:
    Daemon(const Settings& settings, std::unique_ptr<Runtime> runtime,
           std::function<void(const core::Error&)> on_bug)
        : settings_(settings),
          runtime_(std::move(runtime)),
          scheduler_(runtime_->store(), runtime_->tokens(), runtime_->clock(), runtime_->random(),
                     scheduler_options(settings, *runtime_, std::move(on_bug))),
          intake_(runtime_->store(), runtime_->store(), runtime_->clock(), runtime_->random(),
                  &scheduler_),
          pruner_(runtime_->store(), runtime_->clock(), runtime_->token_executor(),
                  settings.history),
          wall_watch_(runtime_->store(), runtime_->clock(), runtime_->token_executor()),
          router_(services()),
          server_(router_, server_options(settings)) {}
    Daemon(const Daemon&) = delete;
    Daemon& operator=(const Daemon&) = delete;
    ~Daemon() { stop(); }

    core::Result<> start();
    /// Idempotent.
    void stop();
    /// After a start that failed: a database that was made for it goes too.
    void abandon();
    void when_idle(std::function<void()> idle) { scheduler_.when_idle(std::move(idle)); }

private:
    api::Services services();
    core::Result<> start_dispatching();
    void tell_serving() const;

    const Settings& settings_;
    std::atomic<bool> stopping_{false};
    std::unique_ptr<Runtime> runtime_;
    dispatcher::Scheduler scheduler_;
    dispatcher::Intake intake_;
    dispatcher::HistoryPruner pruner_;
    dispatcher::WallWatch wall_watch_;
    api::Router router_;
    api::Server server_;
};

api::Services Daemon::services() {
    api::Services services = runtime_->services(intake_, &scheduler_);
    services.is_stopping = [this] { return stopping_.load(); };
    services.events_pruned = [this] { return pruner_.events_pruned(); };
    return services;
}

/// For people who look at the table `lease`.
std::string lease_owner() {
    std::array<char, 256> host{};
    if (::gethostname(host.data(), host.size() - 1) != 0) host.fill('\0');
    return std::string(host.data()) + ":" + std::to_string(::getpid());
}

void log_recovered(const storage::Recovered& recovered) {
    if (recovered.sent_again + recovered.given_back + recovered.crash_loops == 0) return;
    core::log(LogLevel::kWarning, "recovered_after_crash",
              {{"sent_again", recovered.sent_again},
               {"never_sent", recovered.given_back},
               {"dead_crash_loop", recovered.crash_loops},
               {"known_what_was_sent", recovered.exact}});
}

core::Result<> Daemon::start_dispatching() {
    const auto recovered =
        runtime_->store().take_lease(lease_owner(), runtime_->clock().stored_now());
    if (!recovered) return recovered.error();
    log_recovered(*recovered);
    if (auto started = runtime_->start_tokens(); !started) return started;
    runtime_->tokens().keep_fresh();
    auto catalogue = intake_.catalogue();
    if (!catalogue) return catalogue.error();
    const auto providers = runtime_->store().providers();
    if (providers) {
        warn_of_refused(
            dispatcher::refused_destinations((*catalogue)->all(), *providers, services().egress));
    }
    return scheduler_.start(std::move(*catalogue));
}

core::Result<> Daemon::start() {
    if (auto started = start_dispatching(); !started) return started;
    if (auto listening = server_.start(); !listening) return listening;
    auto given = storage::give_socket_to_owner_of(settings_.database, settings_.socket());
    if (!given) return given;
    pruner_.start();
    wall_watch_.start();
    tell_serving();
    return {};
}

void Daemon::tell_serving() const {
    boost::json::object fields;
    fields["version"] = HERALD_VERSION;
    fields["pid"] = ::getpid();
    fields["database"] = settings_.database.string();
    fields["socket"] = settings_.socket().string();
    if (settings_.listen) {
        fields["listen"] = *settings_.listen;
        fields["port"] = server_.port();
    }
    core::log(LogLevel::kInformation, "serving", fields);
}

void Daemon::stop() {
    constexpr std::chrono::seconds kPatience{30};
    stopping_ = true;
    intake_.close();
    pruner_.stop();
    wall_watch_.stop();
    scheduler_.stop(kPatience);
    // What the API's handlers may be waiting for: other people's servers.
    runtime_->stop_tokens();
    router_.stop_trials();
    server_.stop();
    runtime_->close();
}

void Daemon::abandon() {
    stop();
    runtime_->close_and_forget();
}

core::Result<std::unique_ptr<Runtime>> open_runtime(Context& context, PocoLogSink& sink) {
    auto lock = lock_for_daemon(context.settings(), context.clock());
    if (!lock) return lock.error();
    RuntimeOptions options;
    options.use = DatabaseUse::kMayCreate;
    options.writer_thread = true;
    options.on_fatal = [&sink](const core::Error& error) { end_after_io_error(error, sink); };
    return Runtime::open(context.settings(), std::move(options), std::move(*lock));
}

}  // namespace

core::Result<int> serve_until_stopped(Context& context, const DaemonOptions& options) {
    const LogForm form = context.io().err_is_terminal ? LogForm::kReadable : LogForm::kJsonLines;
    InstalledLog log(form, context.settings().log, context.clock());
    DaemonSignals signals([&] { read_settings_again(context, log.sink()); });
    auto runtime = open_runtime(context, log.sink());
    if (!runtime) return runtime.error();
    // An outcome that the store refuses can go nowhere: a new start goes on with what is stored.
    Daemon daemon(context.settings(), std::move(*runtime),
                  [&log](const core::Error& error) { end_after_io_error(error, log.sink()); });
    if (auto started = daemon.start(); !started) {
        daemon.abandon();
        return started.error();
    }
    if (options.drain) daemon.when_idle([&signals] { signals.request_stop("drained"); });
    const std::string why = signals.wait();
    core::log(LogLevel::kInformation, "stopping", {{"why", why}});
    daemon.stop();
    core::log(LogLevel::kInformation, "stopped", {});
    return kExitDone;
}

}  // namespace herald::cli
