#include <memory>

#include "cli/commands/all.h"
#include "cli/commands/answers.h"
#include "cli/commands/token_setup.h"
#include "cli/exit_code.h"

namespace herald::cli {
namespace {

core::Result<int> test_token(const std::string& name, Context& context) {
    auto path = item_path(kProviders, name, "token/test");
    if (!path) return path.error();
    auto answer = context.call(json_request("POST", std::move(*path)));
    if (!answer) return answer.error();
    auto result = parse_answer(*answer);
    if (!result) return result.error();
    auto printed = print_object(context, *answer);
    if (!printed) return printed;
    return text_at(*result, "verdict") == "accepted" ? kExitDone : kExitFailed;
}

core::Result<int> revoke_token(const std::string& name, Context& context) {
    auto revoked = call_and_print(context, "POST", kProviders, name, "token/revoke");
    if (revoked) {
        context.output().warning("callouts that need '" + name +
                                 "' wait until 'herald token obtain " + name +
                                 "' (or 'token setup') gets a new token");
    }
    return revoked;
}

Command& add_named(CommandTree& tree, Command& group, const std::string& verb,
                   const std::string& description,
                   const std::function<core::Result<int>(const std::string&, Context&)>& run) {
    auto name = std::make_shared<std::string>();
    Command& app = tree.command(group, verb, description, "  herald token " + verb + " crm",
                                [name, run](Context& context) { return run(*name, context); });
    app.add_option("NAME", *name, "the provider's name").type_name("").required();
    return app;
}

auto sends(const std::string& method, const std::string& action) {
    return [method, action](const std::string& name, Context& context) {
        return call_and_print(context, method, kProviders, name, action);
    };
}

void add_setup(CommandTree& tree, Command& group) {
    auto options = std::make_shared<SetupOptions>();
    Command& app = tree.command(
        group, "setup", "Authorise once as a person, in a browser or on another device.",
        "  herald token setup crm\n"
        "  herald token setup crm --paste        # the browser is on another machine",
        [options](Context& context) { return set_up_token(*options, context); });
    app.add_option("NAME", options->name, "the provider's name").type_name("").required();
    app.add_option("--redirect-port", options->redirect_port,
                   "local port that the browser comes back to; one is picked where not given")
        .type_name("PORT");
    app.add_option("--redirect-uri", options->redirect_uri,
                   "a registered address elsewhere; what the browser ends at is pasted here")
        .type_name("URI");
    app.add_flag("--paste", options->paste, "listen nowhere; paste the address instead");
}

}  // namespace

void add_token_commands(CommandTree& tree) {
    Command& group =
        tree.group("token", "Obtain, test, show and revoke a provider's access token.");
    add_named(tree, group, "obtain", "Ask the token endpoint for a new access token.",
              sends("POST", "token/obtain"));
    add_named(tree, group, "refresh",
              "Replace the token, by its refresh token where the grant has one.",
              sends("POST", "token/refresh"));
    add_setup(tree, group);
    add_named(tree, group, "test", "Send the token to the test endpoint and judge the answer.",
              test_token);
    add_named(
        tree, group, "revoke",
        "Drop the token and revoke it at its server; callouts that need it wait from then on.",
        revoke_token);
    add_named(tree, group, "show", "Show what is known about the token, never the token.",
              sends("GET", "token"));
}

}  // namespace herald::cli
