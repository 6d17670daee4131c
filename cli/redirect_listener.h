#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/clock.h"
#include "core/error.h"

namespace herald::cli {

/// The query of the redirect that ends an authorization request (RFC 6749 section 4.1.2).
using RedirectQuery = std::vector<std::pair<std::string, std::string>>;

/// What came back for our request, and the browser that waits to hear what came of it.
class Redirect final {
public:
    /// `connection`: negative where it was pasted.
    Redirect(RedirectQuery answer, int connection)
        : query(std::move(answer)), connection_(connection) {}
    Redirect(Redirect&& other) noexcept
        : query(std::move(other.query)), connection_(std::exchange(other.connection_, -1)) {}
    Redirect& operator=(Redirect&&) = delete;
    ~Redirect();

    /// Shows the person this text; once.
    void tell(std::string_view text);

    RedirectQuery query;

private:
    int connection_;
};

/// Waits on 127.0.0.1 and [::1] for the browser to come back with a code (RFC 8252 section 7.3).
///
/// Listens from `open` to destruction, on one port, to any number of connections side by side: who
/// is slow holds nobody up. For a command that waits, never inside the daemon.
class RedirectListener final {
public:
    /// `port` 0: one that the system picks. An error says that the port is taken and what to do.
    [[nodiscard]] static core::Result<RedirectListener> open(std::uint16_t port);
    RedirectListener(RedirectListener&& other) noexcept;
    RedirectListener& operator=(RedirectListener&&) = delete;
    ~RedirectListener();

    [[nodiscard]] std::string redirect_uri() const;

    struct Terminal {
        int input = -1;                          ///< where a person may paste; negative: nowhere
        std::function<void()> on_wrong = [] {};  ///< what was pasted is no answer to our request
    };
    /// The first redirect that carries `state`, or a line with it that a person pastes. Whoever
    /// brings another state is answered 400 and nothing else happens. Errors: `setup_failed` once
    /// `patience` is over, whatever came meanwhile.
    [[nodiscard]] core::Result<Redirect> wait(core::Clock& clock, const std::string& state,
                                              std::chrono::milliseconds patience,
                                              const Terminal& terminal) const;

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

/// Whether it answers the request that had this state, compared in constant time.
[[nodiscard]] bool answers(const RedirectQuery& query, const std::string& state);

}  // namespace herald::cli
