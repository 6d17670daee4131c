#include "cli/commands/notification_flags.h"

#include <charconv>

#include "cli/commands/name_value.h"
#include "cli/commands/option_values.h"
#include "core/time_text.h"

namespace herald::cli {
namespace json = boost::json;

namespace {

constexpr const char* kRequest = "Request";
constexpr const char* kAuthentication = "Authentication";
constexpr const char* kDelivery = "Delivery";
constexpr double kLowestRate = 0.001;
constexpr double kHighestRate = 100'000;

core::Result<> write_pairs(const TextsOption& option, std::string_view key, char separator,
                           std::string_view flag, Context& context, RequestBody& body) {
    if (!option.given()) return {};
    auto pairs = pairs_of(option.values, separator, flag);
    if (!pairs) return pairs.error();
    const std::string sealing = "--secret-" + std::string(flag.substr(2));
    for (const std::string& warning :
         warnings_of(*pairs, separator == ':' ? "header" : "parameter", sealing))
        context.output().warning(warning);
    body.add(key, *pairs);
    return {};
}

core::Result<> write_template(const NotificationFlags& flags, Context& context, RequestBody& body) {
    if (!flags.body_template.given()) return {};
    if (flags.body_template.value.empty()) {
        body.add("body_template", nullptr);
        return {};
    }
    auto text = read_template(context, flags.body_template.value, "--body-template");
    if (!text) return text.error();
    body.add("body_template", json::value(*text));
    return {};
}

core::Result<> write_request(const NotificationFlags& flags, Context& context, RequestBody& body) {
    if (flags.events.given()) body.add("events", json::value_from(flags.events.values));
    write_text(flags.url, "url", body);
    for (const std::string& warning :
         warnings_of(query_pairs_of(flags.url.value), "query field", "--secret-param"))
        context.output().warning(warning);
    write_text(flags.method, "method", body);
    write_text(flags.content_type, "content_type", body);
    auto done = write_pairs(flags.headers, "headers", ':', "--header", context, body);
    if (!done) return done;
    write_text(flags.header_encoding, "header_encoding", body);
    done = write_pairs(flags.parameters, "parameters", '=', "--param", context, body);
    if (!done) return done;
    done = write_secret_fields(flags.secret_headers, "secret_headers", "--secret-header", context,
                               body);
    if (!done) return done;
    done = write_secret_fields(flags.secret_parameters, "secret_parameters", "--secret-param",
                               context, body);
    if (!done) return done;
    return write_template(flags, context, body);
}

core::Result<> write_timeout(const TextOption& option, RequestBody& body) {
    if (!option.given()) return {};
    auto timeout = core::parse_duration(option.value);
    if (!timeout) return core::invalid_argument("--timeout", timeout.error().message);
    body.add("timeout_ms", json::value(timeout->count()));
    return {};
}

core::Result<> write_max_in_flight(const TextOption& option, RequestBody& body) {
    if (!option.given()) return {};
    std::int64_t number = 0;
    const auto& text = option.value;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (failure != std::errc{} || end != text.data() + text.size()) {
        return core::invalid_argument("--max-in-flight", "must be a number from 1 to 20000");
    }
    body.add("max_in_flight", json::value(number));
    return {};
}

core::Result<> write_rate(const TextOption& option, RequestBody& body) {
    if (!option.given()) return {};
    if (option.value.empty() || option.value == "none") {
        body.add("rate_per_s", nullptr);
        return {};
    }
    auto rate = parse_rate(option.value);
    if (!rate) return rate.error();
    body.add("rate_per_s", json::value(*rate));
    return {};
}

void write_order(const TextOption& option, RequestBody& body) {
    if (!option.given()) return;
    const bool cleared = option.value.empty() || option.value == "none";
    body.add("order_by", cleared ? json::value(nullptr) : json::value(option.value));
}

core::Result<> write_success(const TextOption& option, RequestBody& body) {
    if (!option.given()) return {};
    if (option.value.empty()) {
        body.add("success", nullptr);
        return {};
    }
    const auto at = option.value.find('=');
    if (at == std::string::npos)
        return core::invalid_argument("--success-field", "must have the form /pointer=value");
    json::object success;
    success["pointer"] = option.value.substr(0, at);
    success["value"] = option.value.substr(at + 1);
    body.add("success", success);
    return {};
}

core::Result<> write_delivery(const NotificationFlags& flags, Context& context, RequestBody& body) {
    write_text(flags.retry, "retry", body);
    write_text(flags.breaker, "breaker", body);
    write_order(flags.order_by, body);
    if (flags.disabled) body.add("enabled", json::value(false));
    if (auto ok = write_timeout(flags.timeout, body); !ok) return ok;
    if (auto ok = write_max_in_flight(flags.max_in_flight, body); !ok) return ok;
    if (auto ok = write_rate(flags.rate, body); !ok) return ok;
    if (auto ok = write_success(flags.success_field, body); !ok) return ok;
    if (flags.no_signing_secret && flags.signing_secret_file.given()) {
        return core::invalid_argument("--no-signing-secret", "contradicts --signing-secret-file");
    }
    if (flags.no_signing_secret) body.add("signing_secret", nullptr);
    return write_secret(flags.signing_secret_file, "signing_secret", "--signing-secret-file",
                        context, body);
}

void add_request_options(Command& app, NotificationFlags& flags) {
    flags.events.option =
        app.add_option("--event", flags.events.values,
                       "event type, prefix.* or *; several may follow, or repeat it")
            .type_name("PATTERN")
            .group(kRequest);
    add_text(app, "--url", flags.url, "the receiver; merge fields in path and query only", "URL")
        .group(kRequest);
    add_text(app, "--method", flags.method, "POST (default), PUT, PATCH, GET, DELETE", "METHOD")
        .group(kRequest);
    add_texts(app, "--header", flags.headers, "another header; repeatable", "'NAME: VALUE'")
        .group(kRequest);
    add_text(app, "--header-encoding", flags.header_encoding,
             "of what is not ASCII in a header: ascii (default: an error), utf-8 or percent", "HOW")
        .group(kRequest);
    add_texts(app, "--param", flags.parameters, "a query parameter; repeatable", "NAME=VALUE")
        .group(kRequest);
    add_texts(app, "--secret-header", flags.secret_headers,
              "another header, sealed; @- reads standard input; NAME= takes it away; repeatable",
              "NAME=@FILE")
        .group(kRequest);
    add_texts(app, "--secret-param", flags.secret_parameters,
              "a query parameter, sealed; repeatable", "NAME=@FILE")
        .group(kRequest);
    add_text(app, "--body-template", flags.body_template,
             "body with merge fields such as {{ data.id }}; '' for the default body", "FILE")
        .group(kRequest);
    add_text(app, "--content-type", flags.content_type, "of the body (application/json)", "TYPE")
        .group(kRequest);
}

void add_authentication_options(Command& app, NotificationFlags& flags) {
    flags.auth.add_to(app, kAuthentication);
    add_text(app, "--signing-secret-file", flags.signing_secret_file,
             "signs callouts (Standard Webhooks): whsec_ and base64", "FILE")
        .group(kAuthentication);
    app.add_flag("--no-signing-secret", flags.no_signing_secret, "sign no more")
        .group(kAuthentication);
}

}  // namespace

void NotificationFlags::add_to(Command& app) {
    add_request_options(app, *this);
    add_authentication_options(app, *this);
    add_text(app, "--timeout", timeout, "of one attempt: 500ms, 30s (default), 5m", "DURATION")
        .group(kDelivery);
    add_text(app, "--retry", retry,
             "default, none, or schedule=5s,5m,30m;max-age=24h;jitter=20%;reject=4xx", "SPEC")
        .group(kDelivery);
    add_text(app, "--max-in-flight", max_in_flight, "requests at a time, 1 to 20000 (64)", "N")
        .group(kDelivery);
    add_text(app, "--rate", rate, "callouts a second, such as 50/s; none for no limit", "N/s")
        .group(kDelivery);
    add_text(app, "--breaker", breaker,
             "when to spare a receiver that fails: default, off, or "
             "failures=50%;min=20;window=30s;open=5s;max-open=5m",
             "SPEC")
        .group(kDelivery);
    add_text(app, "--order-by", order_by,
             "one after another where this field of the event is the same: data.account.id; none "
             "for no order",
             "PATH")
        .group(kDelivery);
    add_text(app, "--success-field", success_field,
             "delivered only where the answer has this; '' takes it away", "POINTER=VALUE")
        .group(kDelivery);
    app.add_flag("--disabled", disabled, "cause no callouts").group(kDelivery);
}

core::Result<> write_notification(const NotificationFlags& flags, Context& context,
                                  RequestBody& body) {
    if (auto ok = write_request(flags, context, body); !ok) return ok;
    if (auto ok = write_delivery(flags, context, body); !ok) return ok;
    return write_auth(flags.auth, context, body);
}

core::Result<double> parse_rate(std::string_view text) {
    double rate = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), rate);
    const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
    // Written so that NaN fails.
    const bool in_range = rate >= kLowestRate && rate <= kHighestRate;
    if (failure != std::errc{} || (!unit.empty() && unit != "/s") || !in_range) {
        return core::invalid_argument(
            "--rate", "must be 0.001 to 100000 callouts a second, such as 50/s or 0.5/s");
    }
    return rate;
}

}  // namespace herald::cli
