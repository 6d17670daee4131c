#pragma once

#include <boost/assert/source_location.hpp>
#include <boost/json/object.hpp>
#include <boost/system/result.hpp>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace herald::core {

/// What the caller must do about an error, not where it came from.
enum class ErrorKind {
    kTransient,        ///< try again later; the same request may succeed
    kThrottled,        ///< try again, not before `retry_after`
    kUnauthorized,     ///< the remote party refuses these credentials
    kPermanent,        ///< the same request will fail again
    kConflict,         ///< the state of something stored forbids it
    kNotFound,         ///< no such thing
    kInvalidArgument,  ///< the caller's input breaks a rule; nothing changed
    kCancelled,        ///< the operation was given up by its owner
    kStorage,          ///< the database cannot be used; the outcome may be unknown
};

/// Why an operation failed: for a program (`kind`, `code`, `details`) and for a person (`message`).
///
/// `code` is one of the stable codes of docs/errors.md, the same in the API and on the command
/// line. `message` is lower case, says what was tried, on what, why, and what to do; it never holds
/// a secret.
struct Error {
    ErrorKind kind = ErrorKind::kPermanent;
    std::string code;
    std::string message;
    boost::json::object details = {};
    std::optional<std::chrono::milliseconds> retry_after = std::nullopt;
};

template <class T = void>
using Result = boost::system::result<T, Error>;

/// `value()` on a failed Result is a programmer error: it throws std::logic_error with the message.
[[noreturn]] void throw_exception_from_error(const Error& error,
                                             const boost::source_location& location);

/// An `invalid_argument` error with details {field, rule}.
[[nodiscard]] Error invalid_argument(std::string_view field, std::string_view rule);

/// `not_found`: "no provider named 'crm'". `name` may come from outside: it is shown printable.
[[nodiscard]] Error not_found(std::string_view what, std::string_view name);

[[nodiscard]] std::string_view to_string(ErrorKind kind);

}  // namespace herald::core
