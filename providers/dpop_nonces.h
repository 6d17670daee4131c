#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

#include "http/message.h"

namespace herald::providers {

/// The DPoP nonce that each origin gave last (RFC 9449 sections 8 and 9): authorization servers and
/// receivers have their own, and every answer may bring another (O-140).
///
/// Thread-safety: none; the token thread has one and each worker.
class DpopNonces final {
public:
    /// Empty where none is known.
    [[nodiscard]] std::string at(const std::string& origin) const {
        const auto found = nonces_.find(origin);
        return found == nonces_.end() ? std::string() : found->second;
    }
    /// Whether the answer brought a nonce that was not the last one.
    bool note(const std::string& origin, const http::Response& response);

private:
    std::unordered_map<std::string, std::string> nonces_;
};

/// Whether the answer refuses a proof for its nonce: an OAuth error, or a DPoP challenge.
[[nodiscard]] bool wants_nonce(const http::Response& response);

}  // namespace herald::providers
