#include <memory>

#include "cli/commands/all.h"
#include "cli/commands/answers.h"
#include "cli/commands/provider_flags.h"
#include "cli/exit_code.h"

namespace herald::cli {
namespace {

constexpr std::string_view kCollection = "/v1/providers";

struct Named {
    std::string name;
    ProviderFlags flags;
    bool revoke = false;
};

void add_name(CLI::App& app, Named& named) {
    app.add_option("NAME", named.name, "the provider's name")->type_name("")->required();
}

core::Result<int> add_provider(const Named& named, Context& context) {
    RequestBody body;
    body.add("name", boost::json::value(named.name));
    if (auto written = write_provider(named.flags, context, body); !written) return written.error();
    auto answer = context.call(json_request("POST", std::string(kCollection), body.text()),
                               DatabaseUse::kMayCreate);
    if (!answer) return answer.error();
    return print_object(context, *answer);
}

core::Result<int> change_provider(const Named& named, const std::string& method,
                                  std::string_view action, Context& context) {
    RequestBody body;
    if (auto written = write_provider(named.flags, context, body); !written) return written.error();
    if (method == "PATCH" && body.empty())
        return core::invalid_argument("options", "nothing to change was given");
    auto path = item_path(kCollection, named.name, action);
    if (!path) return path.error();
    auto answer = context.call(json_request(method, std::move(*path), body.text()));
    if (!answer) return answer.error();
    return print_object(context, *answer);
}

core::Result<int> delete_provider(const Named& named, Context& context) {
    auto path = item_path(kCollection, named.name);
    if (!path) return path.error();
    auto request = json_request("DELETE", std::move(*path));
    if (named.revoke) request.query["revoke"] = "true";
    auto answer = context.call(std::move(request));
    if (!answer) return answer.error();
    return print_object(context, *answer);
}

core::Result<int> list_providers(Context& context) {
    auto answer = context.call(json_request("GET", std::string(kCollection)));
    if (!answer) return answer.error();
    return print_list(context, *answer,
                      {{"NAME", "name"},
                       {"KIND", "kind"},
                       {"GRANT", "grant_type"},
                       {"STATE", "state"},
                       {"TOKEN EXPIRES", "token.expires_at"},
                       {"USED BY", "used_by"}},
                      "no providers; 'herald provider add' makes one");
}

void add_writing_commands(CommandTree& tree, CLI::App& group) {
    auto named = std::make_shared<Named>();
    CLI::App& add =
        tree.command(group, "add", "Add a provider; nothing is sent to it.",
                     "  herald provider add crm --client-id app1 --client-secret-file ./secret \\\n"
                     "      --token-url https://login.example.com/oauth/token --scope 'read write'",
                     [named](Context& context) { return add_provider(*named, context); });
    add_name(add, *named);
    named->flags.add_credentials(add);
    named->flags.add_configuration(add);

    auto edited = std::make_shared<Named>();
    CLI::App& edit = tree.command(
        group, "edit", "Change what is given and keep the rest, the secret included.",
        "  herald provider edit crm --scope read --test-url https://api.example.com/me",
        [edited](Context& context) { return change_provider(*edited, "PATCH", {}, context); });
    add_name(edit, *edited);
    edited->flags.add_credentials(edit);
    edited->flags.add_configuration(edit);

    auto reset = std::make_shared<Named>();
    CLI::App& resetting = tree.command(
        group, "reset", "Change credentials and drop the token; what is not given stays.",
        "  herald provider reset crm --client-secret-file ./new-secret",
        [reset](Context& context) { return change_provider(*reset, "POST", "reset", context); });
    add_name(resetting, *reset);
    reset->flags.add_credentials(resetting);
}

void add_simple(CommandTree& tree, CLI::App& group, const std::string& name,
                const std::string& description, const std::string& method,
                const std::string& action) {
    auto named = std::make_shared<Named>();
    CLI::App& app =
        tree.command(group, name, description, "  herald provider " + name + " crm",
                     [named, method, action](Context& context) {
                         return call_and_print(context, method, kCollection, named->name, action);
                     });
    add_name(app, *named);
}

}  // namespace

void add_provider_commands(CommandTree& tree) {
    CLI::App& group =
        tree.group("provider", "Manage OAuth 2.0 providers: where access tokens come from.");
    add_writing_commands(tree, group);
    tree.command(group, "list", "List all providers.", "  herald provider list", list_providers);
    add_simple(tree, group, "show", "Show one provider, without its secrets.", "GET", "");
    add_simple(tree, group, "enable", "Let a provider obtain tokens again.", "POST", "enable");
    add_simple(tree, group, "disable", "Stop a provider; callouts that need it are parked.", "POST",
               "disable");
    auto deleted = std::make_shared<Named>();
    CLI::App& removal =
        tree.command(group, "delete", "Delete a provider that nothing uses.",
                     "  herald provider delete crm --revoke",
                     [deleted](Context& context) { return delete_provider(*deleted, context); });
    add_name(removal, *deleted);
    removal.add_flag("--revoke", deleted->revoke,
                     "revoke its token first; where that fails nothing is deleted");
}

}  // namespace herald::cli
