#pragma once

#include <string>

#include "cli/context.h"

namespace herald::cli {

struct SetupOptions {
    std::string name;
    std::string redirect_port;
    std::string redirect_uri;  ///< registered elsewhere: its answer is pasted
    bool paste = false;
};

/// Takes a person through the set-up of a provider: a browser that comes back to this machine, an
/// address pasted from one, or a code typed on another device. Prints the token object.
[[nodiscard]] core::Result<int> set_up_token(const SetupOptions& options, Context& context);

}  // namespace herald::cli
