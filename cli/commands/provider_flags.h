#pragma once

#include <map>
#include <string>

#include "cli/command_tree.h"
#include "cli/request_body.h"

namespace herald::cli {

/// The options of `provider add` and `provider edit`, and the credential ones of `provider reset`.
struct ProviderFlags {
    TextOption kind, grant, client_id, client_secret_file, client_authentication,
        refresh_token_file;
    TextOption private_key_file, certificate_file;
    TextsOption secret_parameters, secret_token_headers, secret_callout_headers;
    TextOption token_url, revoke_url, test_url, audience, issuer, base_url;
    TextsOption scopes, parameters, resources, settings;
    /// One for each setting that a kind has of its own.
    std::map<std::string, TextOption> kind_texts;
    std::map<std::string, bool> kind_flags;
    std::map<std::string, Option> kind_flag_options;
    bool disabled = false;

    void add_credentials(Command& app);
    void add_configuration(Command& app);
};

/// Writes what was given, and nothing else, as members of the API's request. Reads secrets.
[[nodiscard]] core::Result<> write_provider(const ProviderFlags& flags, Context& context,
                                            RequestBody& body);

}  // namespace herald::cli
