#include <boost/json/serialize.hpp>

#include "cli/commands/all.h"
#include "cli/commands/answers.h"
#include "cli/key_rotation.h"

namespace herald::cli {
namespace {

core::Result<int> show_keys(Context& context) {
    auto answer = context.call(json_request("GET", "/v1/keys"));
    if (!answer) return answer.error();
    return print_object(context, *answer);
}

core::Result<int> rotate(Context& context) {
    const auto rotation = rotate_keys(context.settings(), context.clock());
    if (!rotation) return rotation.error();
    boost::json::object document;
    document["newest"] = rotation->newest;
    document["resealed"] = rotation->resealed;
    return print_object(context, boost::json::serialize(document));
}

}  // namespace

void add_key_commands(CommandTree& tree) {
    Command& group = tree.group("key", "Manage the master keys that seal secrets and tokens.");
    tree.command(group, "rotate", "Make a new master key and seal everything under it.",
                 "  herald key rotate\n  Needs the database for itself: stop the daemon first. May "
                 "be run again if interrupted.",
                 rotate);
    tree.command(group, "show", "Show the ids of the master keys, never the keys.",
                 "  herald key show", show_keys);
}

}  // namespace herald::cli
