#include "providers/dpop_nonces.h"

#include "core/json.h"
#include "http/retry_after.h"
#include "providers/token_body.h"

namespace herald::providers {
namespace {

constexpr std::size_t kMaxNonce = 1024;
constexpr std::size_t kMaxOrigins = 1024;

}  // namespace

bool DpopNonces::note(const std::string& origin, const http::Response& response) {
    const auto nonce = response.headers.get("DPoP-Nonce");
    if (!nonce || nonce->empty() || nonce->size() > kMaxNonce) return false;
    if (nonces_.size() >= kMaxOrigins && !nonces_.contains(origin)) nonces_.clear();
    std::string& known = nonces_[origin];
    if (known == *nonce) return false;
    known = *nonce;
    return true;
}

bool wants_nonce(const http::Response& response) {
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

}  // namespace herald::providers
