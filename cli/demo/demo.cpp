#include "cli/demo/demo.h"

#include <fstream>

#include "cli/commands/answers.h"
#include "cli/demo/receiver.h"
#include "cli/demo/stage.h"
#include "cli/demo/token_endpoint.h"
#include "cli/exit_code.h"
#include "cli/interrupt.h"

namespace herald::cli {
namespace {

using core::Result;

/// The story, a chapter a method; each ends with what must be true then.
class Demo final {
public:
    Demo(Context& context, const std::filesystem::path& folder, const std::string& secret)
        : stage_(context, folder), tokens_("demo-app", core::Secret(secret)), receiver_(tokens_) {}

    Result<> play();

private:
    Result<> add_provider();
    Result<> add_notification();
    Result<> refuse_without_token();
    Result<> deliver();
    Result<> deliver_at_second_try();
    Result<> refuse_deletion();
    Result<> revoke();
    Result<> clean_up();

    Stage stage_;
    DemoTokenEndpoint tokens_;
    DemoReceiver receiver_;
};

Result<> expect(bool fact, const std::string& what) {
    if (fact) return {};
    return step_failed("expected that " + what);
}

Result<> Demo::add_provider() {
    stage_.say(
        "A provider: where access tokens come from. Its secret is read from a file, never from an "
        "argument.");
    auto added =
        stage_.type({"provider", "add", "crm", "--client-id", "demo-app", "--client-secret-file",
                     stage_.file("client-secret").string(), "--token-url", tokens_.url("/token"),
                     "--revoke-url", tokens_.url("/revoke"), "--test-url", tokens_.url("/me"),
                     "--scope", "invoices:read invoices:write"});
    if (!added) return added.error();
    stage_.say("Obtain a token, and test that it is accepted.");
    auto obtained = stage_.type_json({"token", "obtain", "crm"});
    if (!obtained) return obtained.error();
    if (auto ok = expect(text_at(*obtained, "state") == "authorized", "the provider is authorized");
        !ok)
        return ok;
    auto tested = stage_.type({"token", "test", "crm"});
    if (!tested) return tested.error();
    return expect(tokens_.valid_tokens() == 1, "exactly one token was issued");
}

Result<> Demo::add_notification() {
    stage_.say("A notification: which events cause which callout.");
    auto added = stage_.type({"notification", "add", "invoice-posted", "--event", "invoice.*",
                              "--url", receiver_.url(), "--auth", "oauth2", "--provider", "crm",
                              "--retry", "schedule=1s,1s;max-age=1m"});
    if (!added) return added.error();
    return {};
}

Result<> Demo::refuse_without_token() {
    stage_.say("The receiver refuses callouts without a valid token.");
    auto added = stage_.type_json({"notification", "add", "without-token", "--event",
                                   "nothing.real", "--url", receiver_.url()});
    if (!added) return added.error();
    auto tested =
        stage_.type_json({"notification", "test", "without-token", "--data", "{}"}, kExitFailed);
    if (!tested) return tested.error();
    if (auto ok = expect(text_at(*tested, "status") == "401", "the receiver answered 401"); !ok)
        return ok;
    auto deleted = stage_.type({"notification", "delete", "without-token"});
    if (!deleted) return deleted.error();
    return expect(receiver_.refused() == 1, "the receiver refused one request");
}

Result<> Demo::deliver() {
    stage_.say("Fire an event and wait for its callout.");
    auto fired =
        stage_.type_json({"event", "fire", "invoice.posted", "--data",
                          R"({"number": 1, "amount": 10.50})", "--key", "invoice-1", "--wait"});
    if (!fired) return fired.error();
    const auto& callouts = array_at(*fired, "callouts");
    if (auto ok = expect(callouts.size() == 1 && text_at(callouts.front(), "state") == "delivered",
                         "the callout was delivered");
        !ok) {
        return ok;
    }
    return expect(receiver_.delivered() == 1, "the receiver has it");
}

Result<> Demo::deliver_at_second_try() {
    stage_.say(
        "This one meets a receiver that is busy (503) at first; the retry comes a second later.");
    auto fired = stage_.type_json(
        {"event", "fire", "invoice.slow", "--data", R"({"number": 2, "amount": 20.00})", "--wait"});
    if (!fired) return fired.error();
    const auto& callouts = array_at(*fired, "callouts");
    if (auto ok = expect(callouts.size() == 1, "it caused one callout"); !ok) return ok;
    const std::string id = text_at(callouts.front(), "id");
    auto shown = stage_.type({"callout", "show", id});
    if (!shown) return shown.error();
    auto callout = stage_.type_json({"callout", "show", id});
    if (!callout) return callout.error();
    const auto& attempts = array_at(*callout, "attempts");
    const bool twice = attempts.size() == 2 && text_at(attempts[0], "status") == "503" &&
                       text_at(attempts[1], "status") == "200";
    if (auto ok = expect(twice, "there were two attempts, 503 and 200"); !ok) return ok;
    auto stats = stage_.type({"stats"});
    if (!stats) return stats.error();
    return expect(receiver_.delivered() == 2, "the receiver has both events");
}

Result<> Demo::refuse_deletion() {
    stage_.say("A provider in use cannot be deleted.");
    auto refused = stage_.type({"provider", "delete", "crm"}, kExitConflict);
    if (!refused) return refused.error();
    return {};
}

Result<> Demo::revoke() {
    stage_.say("Revoke the token: dropped here and at its server.");
    auto revoked = stage_.type_json({"token", "revoke", "crm"});
    if (!revoked) return revoked.error();
    if (auto ok = expect(text_at(*revoked, "remote") == "done", "its server took the token back");
        !ok)
        return ok;
    if (auto ok = expect(tokens_.valid_tokens() == 0, "no token is valid any more"); !ok) return ok;
    auto shown = stage_.type_json({"token", "show", "crm"});
    if (!shown) return shown.error();
    return expect(text_at(*shown, "state") == "revoked", "the provider's state is revoked");
}

Result<> Demo::clean_up() {
    stage_.say("Clean up: the notification, then its provider, then the daemon.");
    auto notification = stage_.type({"notification", "delete", "invoice-posted"});
    if (!notification) return notification.error();
    auto provider = stage_.type({"provider", "delete", "crm"});
    if (!provider) return provider.error();
    return stage_.stop_daemon();
}

Result<> Demo::play() {
    stage_.open();
    if (auto ok = add_provider(); !ok) return ok;
    if (auto ok = add_notification(); !ok) return ok;
    if (auto ok = refuse_without_token(); !ok) return ok;
    stage_.say("The daemon dispatches; from now on the commands above and below speak to it.");
    if (auto ok = stage_.start_daemon(); !ok) return ok;
    if (auto ok = deliver(); !ok) return ok;
    if (auto ok = deliver_at_second_try(); !ok) return ok;
    if (auto ok = refuse_deletion(); !ok) return ok;
    if (auto ok = revoke(); !ok) return ok;
    return clean_up();
}

}  // namespace

namespace {

core::Result<int> play_in_temporary_folder(Context& context) {
    auto folder = TemporaryFolder::make();
    if (!folder) return folder.error();
    core::SystemRandom random;
    const std::string secret = "demo-secret-" + std::to_string(random.next());
    std::ofstream(folder->path() / "client-secret") << secret << '\n';
    Demo demo(context, folder->path(), secret);
    if (auto played = demo.play(); !played) return played.error();
    context.io().out << "\nEvery step did what it says.\n";
    return kExitDone;
}

}  // namespace

core::Result<int> run_demo(Context& context) {
    Interrupt interruption({SIGINT, SIGTERM, SIGHUP}, Interrupt::Second::kWaits);
    auto played = play_in_temporary_folder(context);
    if (Interrupt::requested()) {
        context.io().err << "\nherald: demo: interrupted; its daemon is stopped, its folder gone"
                         << std::endl;
    }
    interruption.pass_on();
    return played;
}

}  // namespace herald::cli
