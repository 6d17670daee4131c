// The signing half of composer.h (Standard Webhooks).
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>

#include "core/encoding.h"
#include "dispatcher/composer.h"

namespace herald::dispatcher {
namespace {

constexpr std::string_view kSecretPrefix = "whsec_";
constexpr std::size_t kShortestKey = 24;
constexpr std::size_t kLongestKey = 64;

std::string hmac_sha256(std::string_view key, std::string_view message) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned int length = 0;
    HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
         reinterpret_cast<const unsigned char*>(message.data()), message.size(), digest.data(),
         &length);
    return {reinterpret_cast<const char*>(digest.data()), length};
}

}  // namespace

std::string sign(const core::Secret& key, std::string_view id, std::string_view timestamp,
                 std::string_view body) {
    std::string message;
    message.reserve(id.size() + timestamp.size() + body.size() + 2);
    message.append(id).append(".").append(timestamp).append(".").append(body);
    return "v1," + core::base64_encode(hmac_sha256(key.reveal(), message));
}

core::Result<core::Secret> decode_signing_secret(const core::Secret& text) {
    const core::Error refused = core::invalid_argument(
        "signing_secret", "a signing secret is whsec_ and the base64 of 24 to 64 bytes");
    std::string_view encoded = text.reveal();
    if (!encoded.starts_with(kSecretPrefix)) return refused;
    encoded.remove_prefix(kSecretPrefix.size());
    auto decoded = core::base64_decode(encoded);
    if (!decoded) return refused;
    core::Secret key = core::Secret::take(std::move(*decoded));
    const std::size_t size = key.reveal().size();
    if (size < kShortestKey || size > kLongestKey) return refused;
    return key;
}

}  // namespace herald::dispatcher
