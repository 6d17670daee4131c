#pragma once

#include "cli/command_tree.h"
#include "cli/request_body.h"

namespace herald::cli {

/// The options of `notification add` and `notification edit` that say how callouts authenticate.
struct AuthFlags {
    TextOption auth;
    TextOption provider, entity;
    TextOption username, password_file;
    TextOption header, value_file;
    TextOption key_id_file, key_secret_file, key_id_header, key_secret_header;
    TextOption entity_id, entity_name;
    TextOption login_url, session_timeout;
    TextOption signature_url, signature_method, signature_body;
    TextOption token_pointer, signature_pointer, token_header, signature_header;

    /// `group` is their heading in the help.
    void add_to(Command& app, const std::string& group);
};

/// Writes the member `auth` where anything of it was given. Its kind is what --auth says, else what
/// the other options can only mean. Reads files and secrets.
[[nodiscard]] core::Result<> write_auth(const AuthFlags& flags, Context& context,
                                        RequestBody& body);

}  // namespace herald::cli
