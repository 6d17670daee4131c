#include <filesystem>
#include <memory>

#include "cli/commands/all.h"
#include "cli/commands/answers.h"
#include "cli/request_body.h"
#include "storage/trusted_owner.h"

namespace herald::cli {
namespace {

core::Result<int> back_up(const std::string& file, Context& context) {
    if (file.empty()) return core::invalid_argument("FILE", "must not be empty");
    // The daemon has a working directory of its own.
    std::error_code failure;
    const auto path = std::filesystem::absolute(file, failure);
    if (failure)
        return core::invalid_argument("FILE",
                                      "cannot make '" + file + "' absolute: " + failure.message());
    if (auto trusted = storage::check_trusted_folder(path.parent_path()); !trusted)
        context.output().warning("the backup is not safe there: " + trusted.error().message);
    RequestBody body;
    body.add("path", boost::json::value(path.string()));
    auto answer = context.call(json_request("POST", "/v1/backup", body.text()));
    if (!answer) return answer.error();
    return print_object(context, *answer);
}

}  // namespace

void add_backup_command(CommandTree& tree) {
    auto file = std::make_shared<std::string>();
    tree.command(tree.root(), "backup",
                 "Write a consistent copy of the database, also while the daemon runs.",
                 "  herald backup /var/backups/herald.db\n"
                 "  The copy is read with the same key ring, which is not part of it: back that up "
                 "by itself.",
                 [file](Context& context) { return back_up(*file, context); })
        .add_option("FILE", *file, "where the copy goes; refused where something is there")
        .type_name("")
        .required();
}

}  // namespace herald::cli
