#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/error.h"

namespace herald::cli {

/// The query of the redirect that ends an authorization request (RFC 6749 section 4.1.2).
using RedirectQuery = std::vector<std::pair<std::string, std::string>>;

/// Waits on 127.0.0.1 and [::1] for the browser to come back with a code (RFC 8252 section 7.3).
///
/// Listens from `open` to destruction, on one port; one request at a time. For a command that
/// waits, never inside the daemon.
class RedirectListener final {
public:
    /// `port` 0: one that the system picks. An error says that the port is taken and what to do.
    [[nodiscard]] static core::Result<RedirectListener> open(std::uint16_t port);
    RedirectListener(RedirectListener&& other) noexcept;
    RedirectListener& operator=(RedirectListener&&) = delete;
    ~RedirectListener();

    [[nodiscard]] std::string redirect_uri() const;
    /// The first redirect to come, answered with a page for the person, or what a person pastes as
    /// a line into `terminal` (negative: nowhere). Errors: `setup_failed` after `patience`.
    [[nodiscard]] core::Result<RedirectQuery> wait(std::chrono::milliseconds patience,
                                                   int terminal) const;

private:
    RedirectListener() = default;

    int v4_ = -1;
    int v6_ = -1;  ///< -1 where the machine has no IPv6
    std::uint16_t port_ = 0;
};

/// The query of a URL that a person copied from the browser's address bar, or of its part from `?`.
[[nodiscard]] RedirectQuery redirect_query(const std::string& pasted);

/// Empty where there is none.
[[nodiscard]] std::string query_value(const RedirectQuery& query, const std::string& name);

}  // namespace herald::cli
