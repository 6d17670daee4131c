#pragma once

#include <boost/json/array.hpp>
#include <filesystem>
#include <string>
#include <vector>

#include "cli/settings.h"
#include "core/clock.h"

/// What `herald doctor` looks at, one function a concern. None of them changes anything.
namespace herald::cli {

struct Check {
    std::string name;
    bool ok = false;
    std::string detail;  ///< what was found, and what to do where it is not right
};

/// Owner, kind and mode of the database's files and their folder; by stat only: opening one of them
/// would drop SQLite's locks when it is closed.
[[nodiscard]] std::vector<Check> check_files(const Settings& settings);
/// Whether OpenSSL finds authorities to trust where this system keeps them.
[[nodiscard]] Check check_trust_store(const Environment& environment);
/// Owner, mode, form and number of keys of the key ring.
[[nodiscard]] Check check_key_ring(const Settings& settings);
/// A clock before 2020 breaks tokens and schedules (E-102).
[[nodiscard]] Check check_clock(core::SystemTime now);
/// Fails where one of `providers` or `notifications` (as the API lists them) names an address that
/// the settings refuse.
[[nodiscard]] Check check_egress(const Settings& settings, const boost::json::array& providers,
                                 const boost::json::array& notifications);
/// What a daemon started with these settings keeps.
[[nodiscard]] Check check_history(const Settings& settings);
/// One that failed for each of `records` (`what`: provider, notification), as the API lists them,
/// with a secret that does not open; one that is good where there is none.
[[nodiscard]] std::vector<Check> check_secrets(std::string_view what,
                                               const boost::json::array& records);
/// The files that providers name in their settings, such as a CA file: there, and nobody else can
/// write them.
[[nodiscard]] std::vector<Check> check_named_files(const boost::json::array& providers);
/// Looks up and connects to each endpoint of `providers` (as the API lists them) with a HEAD
/// request without credentials; any HTTP answer is good.
[[nodiscard]] std::vector<Check> check_endpoints(const Settings& settings,
                                                 const boost::json::array& providers,
                                                 core::Clock& clock);

}  // namespace herald::cli
