#include "storage/provider_in_use.h"

#include <algorithm>
#include <boost/json/array.hpp>

namespace herald::storage {
namespace {

/// 'a', 'b' and 3 more
std::string listed(const std::vector<std::string>& names) {
    constexpr std::size_t kShown = 5;
    std::string text;
    for (std::size_t i = 0; i < std::min(names.size(), kShown); ++i)
        text.append(i == 0 ? "'" : ", '").append(names[i]).append("'");
    if (names.size() > kShown) text += " and " + std::to_string(names.size() - kShown) + " more";
    return text;
}

}  // namespace

core::Error provider_in_use(std::string_view provider,
                            const std::vector<std::string>& notifications,
                            std::int64_t unfinished_callouts) {
    core::Error error{.kind = core::ErrorKind::kConflict, .code = "provider_in_use", .message = {}};
    error.message = "cannot delete provider '" + std::string(provider) + "': ";
    const std::string callouts = std::to_string(unfinished_callouts) + " unfinished callout" +
                                 (unfinished_callouts == 1 ? "" : "s");
    if (notifications.empty()) {
        error.message += callouts + " still use" + (unfinished_callouts == 1 ? "s" : "") +
                         " it; wait until they are finished";
    } else {
        const bool one = notifications.size() == 1;
        error.message += (one ? "notification " : "notifications ") + listed(notifications) +
                         (one ? " uses it, with " : " use it, with ") + callouts +
                         "; first 'herald notification edit NAME --provider OTHER', or "
                         "'herald notification delete NAME'";
    }
    boost::json::array names;
    for (const std::string& name : notifications) names.emplace_back(name);
    error.details["notifications"] = std::move(names);
    error.details["unfinished_callouts"] = unfinished_callouts;
    return error;
}

}  // namespace herald::storage
