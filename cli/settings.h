#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/log.h"
#include "dispatcher/byte_budget.h"
#include "dispatcher/history_pruner.h"
#include "http/egress_policy.h"

namespace herald::cli {

/// What the program runs with, whoever said it.
struct Settings {
    std::filesystem::path database;  ///< as storage::resolved_database has it
    std::filesystem::path key_file;
    std::string egress_allow;
    core::LogLevel log = core::LogLevel::kInformation;
    std::optional<std::string> listen;   ///< ADDR:PORT of health and metrics
    std::optional<std::size_t> workers;  ///< empty: one a core
    /// Of callouts in memory, in bytes.
    std::size_t callout_memory = dispatcher::ByteBudget::kDefault;
    dispatcher::HistoryLimits history;
    /// Things worth telling that are no errors.
    std::vector<std::string> warnings;

    [[nodiscard]] std::filesystem::path socket() const { return database.string() + ".sock"; }
};

/// Settings by name: db, key_file, egress_allow, log, listen, workers, callout_memory,
/// history_max_age, history_max_size.
using SettingValues = std::map<std::string, std::string>;

/// Reads an environment variable; empty optional where it is not set.
using Environment = std::function<std::optional<std::string>(std::string_view name)>;
[[nodiscard]] Environment process_environment();

/// `key = value` lines; blank lines and lines that begin with `#` are skipped, a byte order mark
/// and CRLF accepted. Unknown and repeated keys are errors naming the line.
[[nodiscard]] core::Result<SettingValues> parse_configuration(std::string_view text,
                                                              std::string_view file);

/// `flags` over environment over the file that HERALD_CONFIG names over defaults. Every value is
/// checked.
[[nodiscard]] core::Result<Settings> load_settings(const SettingValues& flags,
                                                   const Environment& environment);

[[nodiscard]] core::Result<core::LogLevel> parse_log_level(std::string_view text);

}  // namespace herald::cli
