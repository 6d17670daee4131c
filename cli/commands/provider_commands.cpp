#include <charconv>
#include <memory>

#include "cli/commands/all.h"
#include "cli/commands/answers.h"
#include "cli/commands/provider_flags.h"
#include "cli/commands/provider_transfer.h"
#include "cli/exit_code.h"

namespace herald::cli {
namespace {

struct ProviderOptions {
    std::string name;
    ProviderFlags flags;
    bool revoke = false;
};

void add_provider_name(Command& app, ProviderOptions& named) {
    app.add_option("NAME", named.name, "the provider's name").type_name("").required();
}

core::Result<int> add_provider(const ProviderOptions& named, Context& context) {
    RequestBody body;
    body.add("name", boost::json::value(named.name));
    if (auto written = write_provider(named.flags, context, body); !written) return written.error();
    auto answer = context.call(json_request("POST", std::string(kProviders), body.text()),
                               DatabaseUse::kMayCreate);
    if (!answer) return answer.error();
    return print_object(context, *answer);
}

core::Result<int> change_provider(const ProviderOptions& named, const std::string& method,
                                  std::string_view action, Context& context) {
    RequestBody body;
    if (auto written = write_provider(named.flags, context, body); !written) return written.error();
    if (method == "PATCH" && body.empty())
        return core::invalid_argument("options", "nothing to change was given");
    auto path = item_path(kProviders, named.name, action);
    if (!path) return path.error();
    auto answer = context.call(json_request(method, std::move(*path), body.text()));
    if (!answer) return answer.error();
    return print_object(context, *answer);
}

core::Result<int> delete_provider(const ProviderOptions& named, Context& context) {
    auto path = item_path(kProviders, named.name);
    if (!path) return path.error();
    auto request = json_request("DELETE", std::move(*path));
    if (named.revoke) request.query["revoke"] = "true";
    auto answer = context.call(std::move(request));
    if (!answer) return answer.error();
    return print_object(context, *answer);
}

core::Result<int> list_providers(Context& context) {
    auto answer = context.call(json_request("GET", std::string(kProviders)));
    if (!answer) return answer.error();
    return print_list(context, *answer,
                      {{"NAME", "name"},
                       {"KIND", "kind"},
                       {"DATA CENTRE", "settings.data_center"},
                       {"ENVIRONMENT", "settings.environment"},
                       {"GRANT", "grant_type"},
                       {"STATE", "state"},
                       {"TOKEN EXPIRES", "token.expires_at"},
                       {"USED BY", "used_by"}},
                      "no providers; 'herald provider add' makes one");
}

void add_provider_writing(CommandTree& tree, Command& group) {
    auto named = std::make_shared<ProviderOptions>();
    Command& add =
        tree.command(group, "add", "Add a provider; nothing is sent to it.",
                     "  herald provider add crm --client-id app1 --client-secret-file ./secret \\\n"
                     "      --token-url https://login.example.com/oauth/token --scope 'read write'",
                     [named](Context& context) { return add_provider(*named, context); });
    add_provider_name(add, *named);
    named->flags.add_credentials(add);
    named->flags.add_configuration(add);

    auto edited = std::make_shared<ProviderOptions>();
    Command& edit = tree.command(
        group, "edit", "Change what is given and keep the rest, the secret included.",
        "  herald provider edit crm --scope read --test-url https://api.example.com/me",
        [edited](Context& context) { return change_provider(*edited, "PATCH", {}, context); });
    add_provider_name(edit, *edited);
    edited->flags.add_credentials(edit);
    edited->flags.add_configuration(edit);

    auto reset = std::make_shared<ProviderOptions>();
    Command& resetting = tree.command(
        group, "reset", "Change credentials and drop the token; what is not given stays.",
        "  herald provider reset crm --client-secret-file ./new-secret",
        [reset](Context& context) { return change_provider(*reset, "POST", "reset", context); });
    add_provider_name(resetting, *reset);
    reset->flags.add_credentials(resetting);
}

void add_provider_action(CommandTree& tree, Command& group, const std::string& name,
                         const std::string& description, const std::string& method,
                         const std::string& action) {
    auto named = std::make_shared<ProviderOptions>();
    Command& app =
        tree.command(group, name, description, "  herald provider " + name + " crm",
                     [named, method, action](Context& context) {
                         return call_and_print(context, method, kProviders, named->name, action);
                     });
    add_provider_name(app, *named);
}

}  // namespace

namespace {

struct SecretOptions {
    std::string name, not_before, not_after, number;
    TextOption file;
};

core::Result<int> patch_secret(const SecretOptions& options, RequestBody& body, Context& context) {
    auto path = item_path(kProviders, options.name);
    if (!path) return path.error();
    auto answer = context.call(json_request("PATCH", std::move(*path), body.text()));
    if (!answer) return answer.error();
    return print_object(context, *answer);
}

core::Result<int> add_secret(const SecretOptions& options, Context& context) {
    auto secret = context.secrets().read(options.file.value, "--client-secret-file");
    if (!secret) return secret.error();
    RequestBody added;
    added.add_secret("value", *secret);
    if (!options.not_before.empty())
        added.add("not_before", boost::json::value(options.not_before));
    if (!options.not_after.empty()) added.add("not_after", boost::json::value(options.not_after));
    RequestBody body;
    std::string text = added.text();
    body.add_raw("add_secret", text);
    core::wipe(text);
    return patch_secret(options, body, context);
}

core::Result<int> drop_secret(const SecretOptions& options, Context& context) {
    std::int64_t number = 0;
    const std::string& text = options.number;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (failure != std::errc{} || end != text.data() + text.size())
        return core::invalid_argument("NUMBER", "is the number of a secret; 0 is the first one");
    RequestBody body;
    body.add("drop_secret", boost::json::value(number));
    return patch_secret(options, body, context);
}

void add_secret_commands(CommandTree& tree, Command& group) {
    auto added = std::make_shared<SecretOptions>();
    Command& add =
        tree.command(group, "add-secret",
                     "Add a further client secret: tried when the ones before it are refused.",
                     "  herald provider add-secret crm --client-secret-file ./next --not-before "
                     "2027-01-01T00:00:00Z",
                     [added](Context& context) { return add_secret(*added, context); });
    add.add_option("NAME", added->name, "the provider's name").type_name("").required();
    add_text(add, "--client-secret-file", added->file, "the secret; - reads standard input", "FILE")
        .required();
    add.add_option("--not-before", added->not_before, "not used before this time")
        .type_name("TIME");
    add.add_option("--not-after", added->not_after, "not used from this time on").type_name("TIME");
    auto dropped = std::make_shared<SecretOptions>();
    Command& drop =
        tree.command(group, "drop-secret", "Take a client secret away; 0 is the first one.",
                     "  herald provider drop-secret crm 0",
                     [dropped](Context& context) { return drop_secret(*dropped, context); });
    drop.add_option("NAME", dropped->name, "the provider's name").type_name("").required();
    drop.add_option("NUMBER", dropped->number, "which one").type_name("").required();
}

void add_transfer_commands(CommandTree& tree, Command& group) {
    tree.standalone(group, "kinds", "List the kinds of providers there are.",
                    "  herald provider kinds", list_kinds);
    tree.command(group, "export", "Print all providers as JSON, without secrets.",
                 "  herald provider export > providers.json", export_providers);
    auto source = std::make_shared<std::string>();
    Command& import =
        tree.command(group, "import", "Add the providers of an export.",
                     "  herald provider import providers.json",
                     [source](Context& context) { return import_providers(*source, context); });
    import.add_option("FILE", *source, "what `provider export` wrote; - reads standard input")
        .type_name("")
        .required();
}

}  // namespace

void add_provider_commands(CommandTree& tree) {
    Command& group =
        tree.group("provider", "Manage OAuth 2.0 providers: where access tokens come from.");
    add_provider_writing(tree, group);
    tree.command(group, "list", "List all providers.", "  herald provider list", list_providers);
    add_provider_action(tree, group, "show", "Show one provider, without its secrets.", "GET", "");
    add_provider_action(tree, group, "explain",
                        "Show the token request that would be sent, secrets masked.", "GET",
                        "explain");
    add_secret_commands(tree, group);
    add_transfer_commands(tree, group);
    add_provider_action(tree, group, "enable", "Let a provider obtain tokens again.", "POST",
                        "enable");
    add_provider_action(tree, group, "disable",
                        "Stop a provider; callouts that need it are parked.", "POST", "disable");
    auto deleted = std::make_shared<ProviderOptions>();
    Command& removal =
        tree.command(group, "delete", "Delete a provider that nothing uses.",
                     "  herald provider delete crm --revoke",
                     [deleted](Context& context) { return delete_provider(*deleted, context); });
    add_provider_name(removal, *deleted);
    removal.add_flag("--revoke", deleted->revoke,
                     "revoke its token first; where that fails nothing is deleted");
}

}  // namespace herald::cli
