#pragma once

#include "cli/command_tree.h"
#include "cli/request_body.h"

namespace herald::cli {

/// The options of `provider add` and `provider edit`, and the credential ones of `provider reset`.
struct ProviderFlags {
    TextOption kind, grant, client_id, client_secret_file, client_authentication,
        refresh_token_file;
    TextOption token_url, revoke_url, test_url, audience;
    TextsOption scopes, parameters, resources, settings;
    bool disabled = false;

    void add_credentials(CLI::App& app);
    void add_configuration(CLI::App& app);
};

/// Writes what was given, and nothing else, as members of the API's request. Reads secrets.
[[nodiscard]] core::Result<> write_provider(const ProviderFlags& flags, Context& context,
                                            RequestBody& body);

}  // namespace herald::cli
