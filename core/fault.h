#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "core/error.h"

namespace herald::core {

/// Whose fault an error is: who has to change something before the same thing can go well. Decides
/// whether an attempt is spent, whether a breaker hears of it, and whether a callout dies.
enum class Fault : std::uint8_t {
    kReceiver,             ///< the server that was called, or the way to it
    kAuthorizationServer,  ///< it gives no token, or none that can be used
    kEvent,                ///< no request can be made of this event
    kConfiguration,  ///< of Herald: a person has to change a setting, a provider, a notification
    kOurselves,      ///< this machine or process is short of something, or has a bug
    kCaller,         ///< who asked for it over the API or the command line
};

struct CodeFault {
    std::string_view code;
    Fault fault;
};

/// Every error code with its one fault.
[[nodiscard]] std::span<const CodeFault> code_faults();

[[nodiscard]] bool is_error_code(std::string_view text);

/// A code that is not in the table is a bug, so our own fault.
[[nodiscard]] Fault fault_of(std::string_view code);
/// details.local, where it is true, says more than the code: the same trouble, met on this machine.
[[nodiscard]] Fault fault_of(const Error& error);

[[nodiscard]] std::string_view to_string(Fault fault);

}  // namespace herald::core
