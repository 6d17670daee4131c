// The signing half of composer.h (Standard Webhooks).
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <optional>

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

core::Error refused(std::string_view rule) {
    return core::invalid_argument("signing_secret", rule);
}

// `whsec_…`, and `v1,whsec_…` as some consoles show it; the libraries of the standard take the
// secret without its label too.
std::string_view without_label(std::string_view text) {
    if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
    text = core::trim(text);
    for (const std::string_view label : {std::string_view("v1,"), kSecretPrefix}) {
        if (core::equals_ignoring_case(text.substr(0, label.size()), label))
            text.remove_prefix(label.size());
    }
    return text;
}

bool is_hexadecimal(std::string_view text) {
    return text.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
}

// Both alphabets of RFC 4648, padded or not.
std::optional<std::string> decoded_base64(std::string_view text) {
    std::string digits(text.substr(0, text.find_last_not_of('=') + 1));
    for (char& c : digits) c = c == '-' ? '+' : c == '_' ? '/' : c;
    digits.append((4 - digits.size() % 4) % 4, '=');
    auto decoded = core::base64_decode(digits);
    core::wipe(digits);
    return decoded;
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
    const std::string_view encoded = without_label(text.reveal());
    if (encoded.size() == text.reveal().size() && is_hexadecimal(encoded)) {
        return refused(
            "hexadecimal digits may stand for bytes in hexadecimal or in base64; write whsec_ and "
            "the base64 of the bytes");
    }
    auto decoded = decoded_base64(encoded);
    if (!decoded)
        return refused("after whsec_ stands what is no base64; it is the base64 of 24 to 64 bytes");
    core::Secret key = core::Secret::take(std::move(*decoded));
    const std::size_t size = key.reveal().size();
    if (size < kShortestKey || size > kLongestKey) {
        return refused("it holds " + std::to_string(size) +
                       " bytes; a signing secret is whsec_ and the base64 of 24 to 64 bytes");
    }
    return key;
}

}  // namespace herald::dispatcher
