#include "providers/jwt.h"

#include <openssl/rand.h>

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <stdexcept>

#include "core/encoding.h"
#include "providers/openssl_key.h"

namespace herald::providers {
namespace {

constexpr std::size_t kJtiBytes = 16;

std::string random_bytes(std::size_t count) {
    std::string bytes(count, '\0');
    if (RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(count)) != 1) {
        throw std::runtime_error("OpenSSL has no random bytes");
    }
    return bytes;
}

}  // namespace

core::Result<core::Secret> signed_jwt(const SigningKey& key, std::string_view algorithm,
                                      boost::json::object header,
                                      const boost::json::object& claims) {
    boost::json::object whole_header;
    whole_header["alg"] = algorithm;
    for (auto& [name, value] : header) whole_header.emplace(name, std::move(value));
    std::string token = base64url_encode(boost::json::serialize(whole_header));
    token.append(".").append(base64url_encode(boost::json::serialize(claims)));
    const auto signature = key.sign(algorithm, token);
    if (!signature) return signature.error();
    token.append(".").append(base64url_encode(*signature));
    return core::Secret::take(std::move(token));
}

std::string base64url_encode(std::string_view bytes) {
    std::string text = core::base64_encode(bytes);
    std::replace(text.begin(), text.end(), '+', '-');
    std::replace(text.begin(), text.end(), '/', '_');
    text.erase(std::min(text.find('='), text.size()));
    return text;
}

std::string random_jti() {
    return core::hex_encode(random_bytes(kJtiBytes));
}

std::string random_text(std::size_t bytes) {
    return base64url_encode(random_bytes(bytes));
}

std::string pkce_challenge(std::string_view verifier) {
    return sha256_base64url(verifier);
}

}  // namespace herald::providers
