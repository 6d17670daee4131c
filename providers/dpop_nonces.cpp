#include "providers/dpop_nonces.h"

#include "core/json.h"
#include "http/field_text.h"
#include "http/retry_after.h"
#include "providers/token_body.h"

namespace herald::providers {
namespace {

constexpr std::size_t kMaxNonce = 1024;
constexpr std::size_t kMaxOrigins = 1024;
constexpr std::chrono::seconds kSurelyGood{1};

// RFC 9449 section 8.1: visible ASCII.
bool is_nonce(std::string_view text) {
    return http::is_visible(text) && text.size() <= kMaxNonce;
}

// An OAuth error at an authorization server, a DPoP challenge at a receiver.
bool is_refused_for_nonce(const http::Response& response) {
    if (response.status == 400) {
        const auto body = parse_token_body(response);
        return body && core::string_member(*body, "error") == "use_dpop_nonce";
    }
    if (response.status != 401) return false;
    for (const http::Challenge& challenge : http::parse_challenges(response.headers)) {
        if (challenge.scheme == "dpop" && challenge.parameter("error") == "use_dpop_nonce")
            return true;
    }
    return false;
}

}  // namespace

std::string DpopNonces::at(const std::string& origin) const {
    const auto found = known_.find(origin);
    return found == known_.end() ? std::string() : found->second.nonce;
}

bool DpopNonces::is_doubtful(const std::string& origin, core::SteadyTime now) const {
    const auto found = known_.find(origin);
    if (found == known_.end()) return false;
    return found->second.changes && now - found->second.good_at >= kSurelyGood;
}

NonceVerdict DpopNonces::note(const std::string& origin, std::string_view sent,
                              const http::Response& response, core::SteadyTime now) {
    const auto brought = response.headers.get("DPoP-Nonce");
    const bool is_usable = brought && is_nonce(*brought);
    const bool is_refused = is_refused_for_nonce(response);
    if (!is_usable && !known_.contains(origin))
        return is_refused ? NonceVerdict::kRefused : NonceVerdict::kTaken;
    if (known_.size() >= kMaxOrigins && !known_.contains(origin)) known_.clear();
    Known& known = known_[origin];
    if (is_usable) known.nonce = *brought;
    if (is_usable || (!is_refused && known.nonce == sent)) known.good_at = now;
    if (!is_refused) return NonceVerdict::kTaken;
    if (!sent.empty()) known.changes = true;
    return known.nonce == sent ? NonceVerdict::kRefused : NonceVerdict::kStale;
}

}  // namespace herald::providers
