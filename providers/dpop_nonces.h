#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

#include "core/clock.h"
#include "http/message.h"

namespace herald::providers {

/// What an answer says about the nonce that its request's proof carried.
enum class NonceVerdict {
    kTaken,    ///< it was not refused for it
    kStale,    ///< refused, and another one is known by now: worth a new proof
    kRefused,  ///< refused, and there is no other; a new token would not help either
};

/// The DPoP nonce that each origin gave last (RFC 9449 sections 8 and 9): authorization servers and
/// receivers have their own, and every answer may bring another (O-140).
///
/// Thread-safety: none; the token thread has one for each of the two, and each worker one.
class DpopNonces final {
public:
    /// Empty where none is known.
    [[nodiscard]] std::string at(const std::string& origin) const;
    /// Whether the origin changes its nonce and was not heard of for a second: whoever has much to
    /// send learns the new one with one request ahead.
    [[nodiscard]] bool is_doubtful(const std::string& origin, core::SteadyTime now) const;
    /// Keeps what the answer brought. `sent` is what its own request carried, whatever others have
    /// learned meanwhile.
    [[nodiscard]] NonceVerdict note(const std::string& origin, std::string_view sent,
                                    const http::Response& response, core::SteadyTime now);

private:
    struct Known {
        std::string nonce;
        bool changes = false;        ///< one that it gave was refused later
        core::SteadyTime good_at{};  ///< when the server gave or took it last
    };
    std::unordered_map<std::string, Known> known_;
};

}  // namespace herald::providers
