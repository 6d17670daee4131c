#include "cli/commands/token_setup.h"

#include <unistd.h>

#include <charconv>

#include "cli/commands/answers.h"
#include "cli/exit_code.h"
#include "cli/pause.h"
#include "cli/redirect_listener.h"
#include "cli/request_body.h"
#include "core/masking.h"

namespace herald::cli {
namespace {

namespace json = boost::json;
using core::Result;

constexpr std::chrono::minutes kPersonPatience{5};

// The address holds another state, or none: whatever it says may be a stranger's words.
core::Error not_ours() {
    return {.kind = core::ErrorKind::kPermanent,
            .code = "setup_failed",
            .message =
                "set up: the address is not the answer to this request (its state is "
                "another one); paste the whole address that the browser ends at; nothing "
                "changed"};
}

// REQUIRES: `query` answers our request.
core::Error not_authorized(const RedirectQuery& query) {
    core::Masking masking;
    for (const char* secret : {"state", "code"}) masking.add(query_value(query, secret));
    const std::string error = masking.shown(query_value(query, "error"), 200);
    std::string message = "set up: ";
    if (error.empty()) {
        message += "what came back holds neither a code nor an error";
    } else {
        message += "the authorization server says " + error;
        const std::string more = masking.shown(query_value(query, "error_description"), 500);
        if (!more.empty()) message += ": " + more;
    }
    return {.kind = core::ErrorKind::kPermanent,
            .code = "setup_failed",
            .message = message + "; nothing changed"};
}

Result<std::uint16_t> port_of(const std::string& text) {
    std::uint16_t port = 0;
    if (text.empty()) return port;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (failure == std::errc{} && end == text.data() + text.size()) return port;
    return core::invalid_argument("--redirect-port", "must be a number from 0 to 65535");
}

Result<json::value> begin(const std::string& name, const std::string& redirect_uri,
                          Context& context) {
    auto path = item_path(kProviders, name, "token/setup");
    if (!path) return path.error();
    RequestBody body;
    body.add("redirect_uri", json::value(redirect_uri));
    auto answer = context.call(json_request("POST", std::move(*path), body.text()));
    if (!answer) return answer.error();
    return parse_answer(*answer);
}

std::string state_of(const json::value& start) {
    return query_value(redirect_query(text_at(start, "authorization_url")), "state");
}

Result<int> finish(const std::string& name, const RedirectQuery& query, Context& context) {
    const std::string code = query_value(query, "code");
    if (code.empty()) return not_authorized(query);
    auto path = item_path(kProviders, name, "token/complete");
    if (!path) return path.error();
    RequestBody body;
    body.add_secret("code", core::Secret(code));
    body.add("state", json::value(query_value(query, "state")));
    const std::string issuer = query_value(query, "iss");
    if (!issuer.empty()) body.add("iss", json::value(issuer));
    auto answer = context.call(json_request("POST", std::move(*path), body.text()));
    if (!answer) return answer.error();
    return print_object(context, *answer);
}

void tell(Context& context, const std::string& text) {
    context.io().err << text << std::endl;
}

Result<int> wait_for_device(const std::string& name, const json::value& start, Context& context) {
    tell(context, "On any device open\n  " + text_at(start, "verification_uri") +
                      "\nand type the code\n  " + text_at(start, "user_code"));
    const std::string complete = text_at(start, "verification_uri_complete");
    if (!complete.empty()) tell(context, "or open\n  " + complete);
    auto wait = std::chrono::seconds(count_at(start, "interval_s"));
    for (;;) {
        context.let_go();
        pause(context.clock(), wait);
        auto path = item_path(kProviders, name, "token/complete");
        if (!path) return path.error();
        auto answer = context.call(json_request("POST", std::move(*path)));
        if (answer) return print_object(context, *answer);
        if (answer.error().code != "authorization_pending") return answer.error();
        wait = std::chrono::seconds(count_at(answer.error().details, "retry_after_s"));
    }
}

Result<int> with_pasted_answer(const SetupOptions& options, Context& context) {
    const std::string redirect_uri =
        options.redirect_uri.empty() ? "http://127.0.0.1/callback" : options.redirect_uri;
    auto start = begin(options.name, redirect_uri, context);
    if (!start) return start.error();
    if (text_at(*start, "authorization_url").empty())
        return wait_for_device(options.name, *start, context);
    tell(context, "Open this address in a browser:\n  " + text_at(*start, "authorization_url") +
                      "\nthen paste the address it leads you to, whole, and press Enter:");
    context.let_go();
    auto line = context.secrets().read("-", "the address");
    if (!line) return line.error();
    const RedirectQuery query = redirect_query(std::string(line->reveal()));
    if (!answers(query, state_of(*start))) return not_ours();
    return finish(options.name, query, context);
}

}  // namespace

Result<int> set_up_token(const SetupOptions& options, Context& context) {
    if (options.paste || !options.redirect_uri.empty()) return with_pasted_answer(options, context);
    const auto port = port_of(options.redirect_port);
    if (!port) return port.error();
    auto listener = RedirectListener::open(*port);
    if (!listener) return listener.error();
    auto start = begin(options.name, listener->redirect_uri(), context);
    if (!start) return start.error();
    if (text_at(*start, "authorization_url").empty())
        return wait_for_device(options.name, *start, context);
    tell(context, "Open this address in a browser:\n  " + text_at(*start, "authorization_url") +
                      "\nIt comes back to " + listener->redirect_uri() +
                      " on this machine. With a browser elsewhere, paste the address it ends at:");
    context.let_go();
    const int input = context.io().standard_input;
    auto redirect = listener->wait(
        context.clock(), state_of(*start), kPersonPatience,
        {.input = ::isatty(input) == 1 ? input : -1,
         .on_wrong = [&] { tell(context, "That is not the answer to this request; try again:"); }});
    if (!redirect) return redirect.error();
    auto finished = finish(options.name, redirect->query, context);
    const bool works = finished && *finished == kExitDone;
    redirect->tell(works ? "Herald is set up. You can close this window."
                         : "The set-up did not work. The command line says why.");
    return finished;
}

}  // namespace herald::cli
