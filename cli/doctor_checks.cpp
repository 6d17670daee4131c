#include "cli/doctor_checks.h"

#include <openssl/x509.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "cli/commands/answers.h"
#include "cli/egress_check.h"
#include "cli/history_settings.h"
#include "core/time_text.h"
#include "storage/key_ring.h"
#include "storage/trusted_owner.h"

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
    const std::string found = path.string() + " belongs to " + storage::owner_text(status.st_uid) +
                              ", mode " + octal(mode);
    if (auto trusted = storage::check_trusted(status, "the " + name, path); !trusted)
        return {{name, false, trusted.error().message}};
    const bool is_private = (mode & kGroupAndOthers) == 0;
    return {{name, is_private, found + (is_private ? "" : "; chmod 600 it")}};
}

/// Names such as 4a6481c9.0, by which OpenSSL looks them up.
std::size_t certificates_in(const std::string& folder) {
    std::error_code failure;
    std::size_t found = 0;
    for (std::filesystem::directory_iterator each(folder, failure), end; !failure && each != end;
         each.increment(failure)) {
        const std::string name = each->path().filename().string();
        const bool hashed =
            name.size() == 10 && name[8] == '.' && name.find_first_not_of("0123456789abcdef") == 8;
        if (hashed && each->is_regular_file(failure)) ++found;
    }
    return found;
}

Check check_folder(const std::filesystem::path& database) {
    const auto parent = database.parent_path();
    const std::filesystem::path folder = parent.empty() ? std::filesystem::path(".") : parent;
    const auto trusted = storage::check_trusted_folder(folder);
    return {"folder", trusted.has_value(),
            trusted ? "only you and root can replace files in " + folder.string()
                    : trusted.error().message};
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

Check check_trust_store(const Environment& environment) {
    const auto place = [&](const char* variable, const char* by_default) {
        return environment(variable).value_or(by_default);
    };
    const std::string file = place(X509_get_default_cert_file_env(), X509_get_default_cert_file());
    const std::string folder = place(X509_get_default_cert_dir_env(), X509_get_default_cert_dir());
    struct stat status{};
    if (::stat(file.c_str(), &status) == 0 && status.st_size > 0)
        return {"trust store", true, "certificate authorities are in " + file};
    const auto authorities = certificates_in(folder);
    if (authorities > 0) {
        return {"trust store", true,
                folder + " holds " + std::to_string(authorities) + " certificate authorities"};
    }
    return {"trust store", false,
            "neither " + file + " nor " + folder +
                " holds a certificate authority, so no public server can be verified; install "
                "them: apt-get install ca-certificates"};
}

std::vector<Check> check_named_files(const boost::json::array& providers) {
    std::vector<Check> checks;
    for (const auto& provider : providers) {
        const auto* const settings = provider.as_object().if_contains("settings");
        if (settings == nullptr || !settings->is_object()) continue;
        for (const auto& [key, value] : settings->get_object()) {
            const std::string name(key);
            if ((!name.ends_with("_file") && !name.ends_with("_path")) || !value.is_string())
                continue;
            const std::filesystem::path path = std::string(value.get_string());
            const std::string label = text_at(provider, "name") + " " + name;
            struct stat status{};
            if (::stat(path.c_str(), &status) != 0) {
                checks.push_back({label, false, path.string() + ": " + std::strerror(errno)});
                continue;
            }
            const auto trusted = storage::check_trusted(status, "the file", path);
            checks.push_back(
                {label, trusted.has_value(), trusted ? path.string() : trusted.error().message});
        }
    }
    return checks;
}

Check check_clock(core::SystemTime now) {
    using namespace std::chrono;
    const bool sane = now >= core::SystemTime(sys_days(year(2020) / January / 1));
    return {"clock", sane,
            core::format_time(now) + (sane ? "" : "; set it, tokens and schedules depend on it")};
}

Check check_egress(const Settings& settings, const boost::json::array& providers,
                   const boost::json::array& notifications) {
    const auto policy = http::EgressPolicy::parse(settings.egress_allow);
    if (!policy) return {"egress", false, policy.error().message};
    std::vector<Destination> destinations;
    for (const auto& notification : notifications) {
        destinations.push_back(
            {"notification '" + text_at(notification, "name") + "'", text_at(notification, "url")});
    }
    for (const auto& provider : providers) {
        destinations.push_back(
            {"provider '" + text_at(provider, "name") + "'", text_at(provider, "token_endpoint")});
    }
    std::string refused;
    for (const auto& each : refused_destinations(*policy, destinations))
        refused.append(refused.empty() ? "" : ", ").append(each);
    const std::string allowed = policy->text().empty()
                                    ? "the public internet only"
                                    : "the public internet and " + policy->text();
    if (refused.empty()) return {"egress", true, allowed};
    return {"egress", false,
            allowed + "; not allowed: " + refused +
                ". Add their networks to HERALD_EGRESS_ALLOW and start the daemon anew"};
}

Check check_history(const Settings& settings) {
    return {"history", true, "a daemon keeps " + describe(settings.history)};
}

}  // namespace herald::cli
