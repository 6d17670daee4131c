#pragma once

#include "cli/command_tree.h"
#include "cli/commands/notification_auth_flags.h"
#include "cli/request_body.h"

namespace herald::cli {

/// The options of `notification add` and `notification edit`.
struct NotificationFlags {
    TextsOption events, headers, parameters, secret_headers, secret_parameters;
    TextOption url, method, body_template, content_type;
    AuthFlags auth;
    TextOption header_encoding, signing_secret_file, timeout, retry, max_in_flight, rate, breaker,
        order_by, success_field;
    bool no_signing_secret = false;
    bool disabled = false;

    void add_to(Command& app);
};

/// Writes what was given, and nothing else, as members of the API's request. Reads files and
/// secrets.
[[nodiscard]] core::Result<> write_notification(const NotificationFlags& flags, Context& context,
                                                RequestBody& body);

/// `50/s` as callouts a second.
[[nodiscard]] core::Result<double> parse_rate(std::string_view text);

}  // namespace herald::cli
