#include "core/secret.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <utility>

#include "core/encoding.h"

namespace herald::core {

Secret::Secret(std::string_view bytes)
    : bytes_(std::make_unique<char[]>(bytes.size())), size_(bytes.size()) {
    std::copy(bytes.begin(), bytes.end(), bytes_.get());
}

Secret Secret::take(std::string&& bytes) {
    Secret secret(bytes);
    core::wipe(bytes);
    bytes.clear();
    return secret;
}

Secret::Secret(Secret&& other) noexcept
    : bytes_(std::move(other.bytes_)), size_(std::exchange(other.size_, 0)) {}

Secret& Secret::operator=(Secret&& other) noexcept {
    if (this != &other) {
        wipe();
        bytes_ = std::move(other.bytes_);
        size_ = std::exchange(other.size_, 0);
    }
    return *this;
}

Secret::~Secret() {
    wipe();
}

void Secret::wipe() noexcept {
    if (bytes_) OPENSSL_cleanse(bytes_.get(), size_);
}

bool Secret::equals(const Secret& other) const noexcept {
    return size_ == other.size_ && CRYPTO_memcmp(bytes_.get(), other.bytes_.get(), size_) == 0;
}

std::string Secret::fingerprint() const {
    std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
    SHA256(reinterpret_cast<const unsigned char*>(bytes_.get()), size_, digest.data());
    return hex_encode(std::string_view(reinterpret_cast<const char*>(digest.data()), 4));
}

void wipe(std::string& text) noexcept {
    OPENSSL_cleanse(text.data(), text.size());
}

}  // namespace herald::core
