#include "storage/sqlite/time_line.h"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace herald::storage::sqlite {
namespace {

namespace json = boost::json;
using std::chrono::milliseconds;

// Unreadable is like not there: the line goes on by the wall clock.
std::optional<core::KeptTime> kept_in(Connection& db) {
    auto row = db.query("SELECT value FROM meta WHERE key = 'time_line'");
    if (!row.next()) return std::nullopt;
    boost::system::error_code ec;
    const json::value value = json::parse(row.take<std::string_view>(), ec);
    if (ec || !value.is_object()) return std::nullopt;
    const json::object& members = value.get_object();
    const auto number = [&](const char* name) -> std::optional<std::int64_t> {
        const json::value* found = members.if_contains(name);
        if (found == nullptr || !found->is_int64()) return std::nullopt;
        return found->get_int64();
    };
    const json::value* boot = members.if_contains("boot");
    const auto since_boot = number("since_boot_ms");
    const auto wall_ahead = number("wall_ahead_ms");
    const auto at = number("at_ms");
    if (boot == nullptr || !boot->is_string() || !since_boot || !wall_ahead || !at)
        return std::nullopt;
    return core::KeptTime{.boot = std::string(boot->get_string()),
                          .since_boot = milliseconds(*since_boot),
                          .wall_ahead = milliseconds(*wall_ahead),
                          .at = core::StoredTime(milliseconds(*at))};
}

}  // namespace

void continue_time_line(Connection& db, core::Clock& clock) {
    const auto kept = kept_in(db);
    clock.continue_line(kept);
    const core::KeptTime now = clock.to_keep();
    const bool same = kept && kept->boot == now.boot && kept->since_boot == now.since_boot &&
                      kept->wall_ahead == now.wall_ahead;
    if (!same) keep_time(db, now);
}

void keep_time(Connection& db, const core::KeptTime& time) {
    const json::object members{{"boot", time.boot},
                               {"since_boot_ms", time.since_boot.count()},
                               {"wall_ahead_ms", time.wall_ahead.count()},
                               {"at_ms", time.at.time_since_epoch().count()}};
    db.run("INSERT OR REPLACE INTO meta (key, value) VALUES ('time_line', ?)",
           Blob{json::serialize(members)});
}

}  // namespace herald::storage::sqlite
