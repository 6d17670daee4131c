#pragma once

#include <gtest/gtest.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <memory>
#include <string>
#include <string_view>

#include "core/encoding.h"

namespace herald::test {

using Key = std::shared_ptr<EVP_PKEY>;

inline Key own(EVP_PKEY* key) {
    EXPECT_NE(key, nullptr);
    return {key, &EVP_PKEY_free};
}

inline const unsigned char* bytes_of(std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}

inline std::string base64url_decode(std::string_view text) {
    EXPECT_EQ(text.find_first_of("+/="), std::string_view::npos) << text;
    std::string padded(text);
    std::replace(padded.begin(), padded.end(), '-', '+');
    std::replace(padded.begin(), padded.end(), '_', '/');
    padded.append((4 - padded.size() % 4) % 4, '=');
    return core::base64_decode(padded).value_or("not base64url");
}

/// The digest of the bytes, raw.
inline std::string digest(const char* kind, std::string_view bytes) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> out{};
    std::size_t size = 0;
    EXPECT_EQ(EVP_Q_digest(nullptr, kind, nullptr, bytes.data(), bytes.size(), out.data(), &size),
              1);
    return {reinterpret_cast<const char*>(out.data()), size};
}

/// A compact JWS taken apart.
struct Jws {
    std::string header_text;
    boost::json::object header, claims;
    std::string signing_input, signature;
};

inline Jws read_jws(std::string_view text) {
    const auto first = text.find('.');
    const auto last = text.rfind('.');
    EXPECT_EQ(std::count(text.begin(), text.end(), '.'), 2) << text;
    Jws jws;
    jws.header_text = base64url_decode(text.substr(0, first));
    jws.header = boost::json::parse(jws.header_text).as_object();
    const auto payload = text.substr(first + 1, last - first - 1);
    jws.claims = boost::json::parse(base64url_decode(payload)).as_object();
    jws.signing_input = text.substr(0, last);
    jws.signature = base64url_decode(text.substr(last + 1));
    return jws;
}

/// R || S as the DER that OpenSSL verifies.
inline std::string to_der(std::string_view raw) {
    const std::unique_ptr<ECDSA_SIG, decltype(&ECDSA_SIG_free)> parts(ECDSA_SIG_new(),
                                                                      &ECDSA_SIG_free);
    const int half = static_cast<int>(raw.size() / 2);
    ECDSA_SIG_set0(parts.get(), BN_bin2bn(bytes_of(raw), half, nullptr),
                   BN_bin2bn(bytes_of(raw) + half, half, nullptr));
    unsigned char* out = nullptr;
    const int size = i2d_ECDSA_SIG(parts.get(), &out);
    std::string der(reinterpret_cast<const char*>(out), static_cast<std::size_t>(size));
    OPENSSL_free(out);
    return der;
}

/// Whether OpenSSL verifies the signature under one of RS, PS (salt as long as the digest), ES or
/// EdDSA.
inline bool verifies(const Key& key, std::string_view algorithm, std::string_view input,
                     std::string_view signature) {
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                          &EVP_MD_CTX_free);
    const std::string kind = "SHA" + std::string(algorithm.substr(2));
    EVP_PKEY_CTX* options = nullptr;
    if (EVP_DigestVerifyInit_ex(context.get(), &options,
                                algorithm == "EdDSA" ? nullptr : kind.c_str(), nullptr, nullptr,
                                key.get(), nullptr) != 1) {
        return false;
    }
    if (algorithm.starts_with("PS")) {
        EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING);
        EVP_PKEY_CTX_set_rsa_pss_saltlen(options, RSA_PSS_SALTLEN_DIGEST);
    }
    const std::string shown =
        algorithm.starts_with("ES") ? to_der(signature) : std::string(signature);
    return EVP_DigestVerify(context.get(), bytes_of(shown), shown.size(), bytes_of(input),
                            input.size()) == 1;
}

}  // namespace herald::test
