#include "cli/doctor_checks.h"

#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "cli/commands/answers.h"
#include "cli/history_settings.h"
#include "core/time_text.h"
#include "storage/key_ring.h"

namespace herald::cli {
namespace {

constexpr unsigned kGroupAndOthers = S_IRWXG | S_IRWXO;

std::string octal(unsigned mode) {
    std::string text = "0";
    for (const unsigned shift : {6U, 3U, 0U})
        text.push_back(static_cast<char>('0' + ((mode >> shift) & 7U)));
    return text;
}

/// Empty where the file may be missing and is.
std::vector<Check> check_private_file(const std::string& name, const std::filesystem::path& path,
                                      bool must_exist) {
    struct stat status{};
    if (::stat(path.c_str(), &status) != 0) {
        if (errno == ENOENT && !must_exist) return {};
        return {{name, false, path.string() + ": " + std::strerror(errno)}};
    }
    if (!S_ISREG(status.st_mode) && !S_ISSOCK(status.st_mode))
        return {{name, false, path.string() + ": no regular file"}};
    const unsigned mode = status.st_mode & 07777U;
    const bool is_private = (mode & kGroupAndOthers) == 0;
    return {{name, is_private,
             path.string() + " has mode " + octal(mode) + (is_private ? "" : "; chmod 600 it")}};
}

Check check_folder(const std::filesystem::path& database) {
    const auto parent = database.parent_path();
    const std::filesystem::path folder = parent.empty() ? std::filesystem::path(".") : parent;
    struct stat status{};
    if (::stat(folder.c_str(), &status) != 0)
        return {"folder", false, folder.string() + ": " + std::strerror(errno)};
    const unsigned mode = status.st_mode & 07777U;
    const bool sticky = (mode & S_ISVTX) != 0;
    const bool good = sticky || (mode & (S_IWGRP | S_IWOTH)) == 0;
    return {"folder", good,
            folder.string() + " has mode " + octal(mode) +
                (good ? "" : "; others can replace files in it: chmod 700 it")};
}

}  // namespace

std::vector<Check> check_files(const Settings& settings) {
    struct File {
        const char* name;
        const char* suffix;
        bool must_exist;
    };
    constexpr std::array kFiles{File{"database file", "", true},
                                File{"write-ahead log", "-wal", false},
                                File{"shared memory", "-shm", false},
                                File{"lock file", ".lock", false}, File{"socket", ".sock", false}};
    std::vector<Check> checks{check_folder(settings.database)};
    for (const auto& file : kFiles) {
        const std::filesystem::path path = settings.database.string() + file.suffix;
        for (auto& check : check_private_file(file.name, path, file.must_exist))
            checks.push_back(std::move(check));
    }
    return checks;
}

Check check_key_ring(const Settings& settings) {
    const auto ring = storage::KeyRing::load(settings.key_file);
    if (!ring) return {"key ring", false, ring.error().message};
    return {"key ring", true,
            settings.key_file.string() + " holds " + std::to_string(ring->ids().size()) +
                " key(s), the newest is " + std::to_string(ring->newest())};
}

std::vector<Check> check_secrets(std::string_view what, const boost::json::array& records) {
    std::vector<Check> checks;
    for (const auto& record : records) {
        std::string columns;
        for (const auto& column : array_at(record, "unreadable_secrets"))
            columns.append(columns.empty() ? "" : ", ").append(text_of(column));
        if (columns.empty()) continue;
        const std::string name = text_at(record, "name");
        checks.push_back({std::string(what) + " " + name, false,
                          columns +
                              " does not open with this key ring: damaged, or restored from "
                              "elsewhere; give it again with 'herald " +
                              std::string(what) + " edit " + name + "'"});
    }
    if (checks.empty())
        checks.push_back({std::string(what) + " secrets", true,
                          "all of " + std::to_string(records.size()) + " can be used"});
    return checks;
}

Check check_clock(core::SystemTime now) {
    using namespace std::chrono;
    const bool sane = now >= core::SystemTime(sys_days(year(2020) / January / 1));
    return {"clock", sane,
            core::format_time(now) + (sane ? "" : "; set it, tokens and schedules depend on it")};
}

Check check_egress(const Settings& settings) {
    const auto policy = http::EgressPolicy::parse(settings.egress_allow);
    if (!policy) return {"egress", false, policy.error().message};
    const bool narrow = policy->text().empty();
    return {"egress", true,
            narrow ? "the public internet only" : "the public internet and " + policy->text()};
}

Check check_history(const Settings& settings) {
    return {"history", true, "a daemon keeps " + describe(settings.history)};
}

}  // namespace herald::cli
