#include "cli/settings.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>

#include "cli/history_settings.h"
#include "cli/named_file.h"
#include "core/byte_order_mark.h"
#include "core/encoding.h"
#include "storage/beside_database.h"
#include "storage/trusted_owner.h"

namespace herald::cli {
namespace {

constexpr std::array<std::string_view, 9> kKeys{"db",
                                                "key_file",
                                                "egress_allow",
                                                "log",
                                                "listen",
                                                "workers",
                                                "callout_memory",
                                                "history_max_age",
                                                "history_max_size"};
constexpr std::size_t kMaxConfigurationBytes = 64 * 1024;
constexpr std::size_t kMaxWorkers = 256;

core::Error configuration_error(std::string_view file, std::size_t line, const std::string& rule) {
    const std::string field = std::string(file) + " line " + std::to_string(line);
    return core::invalid_argument(field, rule);
}

std::string known_keys() {
    std::string out;
    for (const auto key : kKeys) out.append(out.empty() ? "" : ", ").append(key);
    return out;
}

core::Result<> parse_line(std::string_view line, std::string_view file, std::size_t number,
                          SettingValues& into) {
    if (line.empty() || line.front() == '#') return {};
    const auto equals = line.find('=');
    if (equals == std::string_view::npos)
        return configuration_error(file, number, "expected 'key = value'");
    const std::string key(core::trim(line.substr(0, equals)));
    if (std::find(kKeys.begin(), kKeys.end(), key) == kKeys.end()) {
        return configuration_error(file, number,
                                   "unknown key '" + key + "'; known are " + known_keys());
    }
    if (!into.emplace(key, core::trim(line.substr(equals + 1))).second) {
        return configuration_error(file, number,
                                   "'" + key + "' stands here twice; keep one of them");
    }
    return {};
}

/// It says whom we may talk to and which database is ours, so nobody else may have written it.
core::Result<std::string> read_configuration(const std::string& path) {
    constexpr std::string_view kOption = "HERALD_CONFIG";
    const auto file = open_named(path, kOption);
    if (!file) return file.error();
    if (S_ISREG(file->status.st_mode)) {
        auto trusted = storage::check_trusted(file->status, "the configuration file", path);
        if (!trusted) return trusted.error();
    }
    auto named = read_named(file->descriptor.get(), kMaxConfigurationBytes, kOption);
    if (!named) return named.error();
    return std::move(named->text);
}

core::Result<SettingValues> values_of_file(const Environment& environment,
                                           std::vector<std::string>& warnings) {
    const auto file = environment("HERALD_CONFIG");
    if (!file || file->empty()) return SettingValues{};
    auto text = read_configuration(*file);
    if (!text) return text.error();
    if (core::trim(*text).empty()) {
        warnings.push_back("the configuration file '" + *file + "' is empty: using the defaults");
    }
    return parse_configuration(*text, *file);
}

void overlay_environment(const Environment& environment, SettingValues& values) {
    constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kVariables{
        {{"HERALD_DB", "db"},
         {"HERALD_KEY_FILE", "key_file"},
         {"HERALD_LOG", "log"},
         {"HERALD_EGRESS_ALLOW", "egress_allow"},
         {"HERALD_HISTORY_MAX_AGE", "history_max_age"},
         {"HERALD_HISTORY_MAX_SIZE", "history_max_size"}}};
    for (const auto& [variable, key] : kVariables) {
        auto value = environment(variable);
        // An empty list of networks means something; an empty name or level does not.
        if (value && (!value->empty() || key == "egress_allow"))
            values[std::string(key)] = std::move(*value);
    }
}

core::Result<std::size_t> parse_workers(const std::string& text) {
    std::size_t workers = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), workers);
    if (failure != std::errc{} || end != text.data() + text.size() || workers == 0 ||
        workers > kMaxWorkers) {
        return core::invalid_argument("workers",
                                      "must be a number from 1 to " + std::to_string(kMaxWorkers));
    }
    return workers;
}

core::Result<std::size_t> parse_callout_memory(std::string_view text) {
    constexpr std::size_t kMegabyte = 1024UL * 1024;
    constexpr std::size_t kMost = 65'536;  // 64 GB
    constexpr std::string_view kUnit = "MB";
    std::size_t number = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
    const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
    if (failure != std::errc{} || unit != kUnit || number < 16 || number > kMost) {
        return core::invalid_argument("callout_memory",
                                      "must be a size from 16MB to 65536MB such as 256MB");
    }
    return number * kMegabyte;
}

core::Result<Settings> interpret(SettingValues values) {
    Settings settings;
    const auto take = [&values](const std::string& key) {
        const auto found = values.find(key);
        return found == values.end() ? std::string() : found->second;
    };
    settings.database =
        storage::resolved_database(take("db").empty() ? std::string("./herald.db") : take("db"));
    settings.key_file =
        take("key_file").empty() ? settings.database.string() + ".key" : take("key_file");
    settings.egress_allow = take("egress_allow");
    auto egress = http::EgressPolicy::parse(settings.egress_allow);
    if (!egress) return egress.error();
    if (!take("log").empty()) {
        auto level = parse_log_level(take("log"));
        if (!level) return level.error();
        settings.log = *level;
    }
    if (!take("listen").empty()) settings.listen = take("listen");
    if (!take("workers").empty()) {
        auto workers = parse_workers(take("workers"));
        if (!workers) return workers.error();
        settings.workers = *workers;
    }
    if (!take("callout_memory").empty()) {
        auto memory = parse_callout_memory(take("callout_memory"));
        if (!memory) return memory.error();
        settings.callout_memory = *memory;
    }
    auto history = parse_history_limits(take("history_max_age"), take("history_max_size"));
    if (!history) return history.error();
    settings.history = *history;
    return settings;
}

}  // namespace

Environment process_environment() {
    return [](std::string_view name) -> std::optional<std::string> {
        const char* const value = std::getenv(std::string(name).c_str());
        if (value == nullptr) return std::nullopt;
        return std::string(value);
    };
}

core::Result<SettingValues> parse_configuration(std::string_view text, std::string_view file) {
    SettingValues values;
    text = core::without_byte_order_mark(text);
    for (std::size_t number = 1; !text.empty(); ++number) {
        const auto end = std::min(text.find('\n'), text.size());
        auto parsed = parse_line(core::trim(text.substr(0, end)), file, number, values);
        if (!parsed) return parsed.error();
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return values;
}

core::Result<Settings> load_settings(const SettingValues& flags, const Environment& environment) {
    std::vector<std::string> warnings;
    auto values = values_of_file(environment, warnings);
    if (!values) return values.error();
    overlay_environment(environment, *values);
    for (const auto& [key, value] : flags) (*values)[key] = value;
    auto settings = interpret(std::move(*values));
    if (settings) settings->warnings = std::move(warnings);
    return settings;
}

core::Result<core::LogLevel> parse_log_level(std::string_view text) {
    if (text == "error") return core::LogLevel::kError;
    if (text == "warning") return core::LogLevel::kWarning;
    if (text == "information") return core::LogLevel::kInformation;
    if (text == "debug") return core::LogLevel::kDebug;
    return core::invalid_argument("log", "must be error, warning, information or debug");
}

}  // namespace herald::cli
