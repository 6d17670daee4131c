#pragma once

#include <functional>
#include <memory>
#include <ostream>
#include <string>

#include "cli/api_client.h"
#include "cli/output.h"
#include "cli/runtime.h"
#include "cli/secret_input.h"
#include "cli/settings.h"
#include "core/clock.h"

namespace herald::cli {

using ClientFactory =
    std::function<core::Result<std::unique_ptr<ApiClient>>(const Settings&, DatabaseUse)>;

/// What the program is given by its process, or by a test.
struct ProgramIo {
    std::ostream& out;
    std::ostream& err;
    bool out_is_terminal = false;
    bool err_is_terminal = false;
    Environment environment;
    ClientFactory connect;
    core::Clock& clock;
    int standard_input = 0;
};

/// What one command runs with. The way to the database opens on first use.
///
/// Thread-safety: none.
class Context final {
public:
    Context(ProgramIo& io, Output& output, Settings settings, SettingValues flags);

    [[nodiscard]] const Settings& settings() const { return settings_; }
    /// The settings that flags name, for a daemon that reads its configuration again.
    [[nodiscard]] const SettingValues& flags() const { return flags_; }
    [[nodiscard]] ProgramIo& io() { return io_; }
    [[nodiscard]] Output& output() { return output_; }
    [[nodiscard]] SecretInput& secrets() { return secrets_; }
    [[nodiscard]] core::Clock& clock() { return io_.clock; }

    /// Only the first caller's `use` counts.
    [[nodiscard]] core::Result<ApiClient*> client(DatabaseUse use = DatabaseUse::kMustExist);
    /// Lets go of a database that this process holds, until the next request: for the time in which
    /// a person does something. Set-ups that were begun go on.
    void let_go();
    /// Sends a request; an API problem becomes an error. The request's body is wiped. Returns the
    /// answer's body.
    [[nodiscard]] core::Result<std::string> call(api::ApiRequest request,
                                                 DatabaseUse use = DatabaseUse::kMustExist);

private:
    ProgramIo& io_;
    Output& output_;
    Settings settings_;
    SettingValues flags_;
    SecretInput secrets_;
    std::unique_ptr<ApiClient> client_;
    providers::BegunSetups begun_;
};

/// The error that an API answer of status 400 and above stands for.
[[nodiscard]] core::Error error_of(const api::ApiResponse& response);

}  // namespace herald::cli
