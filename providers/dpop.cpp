#include "providers/dpop.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/pem.h>

#include <boost/json/serialize.hpp>
#include <chrono>
#include <stdexcept>

#include "providers/openssl_key.h"

namespace herald::providers {
namespace {

constexpr std::string_view kAlgorithm = "ES256";
constexpr int kCoordinateSize = 32;

using NumberPtr = OpensslPtr<BIGNUM, BN_free>;

core::Error unusable(std::string_view cause) {
    core::Error error{.kind = core::ErrorKind::kStorage,
                      .code = "storage_error",
                      .message = "read the stored DPoP key: "};
    error.message.append(cause).append("; obtain a new token");
    return error;
}

core::Result<std::string> coordinate(const EVP_PKEY* key, const char* name) {
    BIGNUM* number = nullptr;
    const bool is_there = EVP_PKEY_get_bn_param(key, name, &number) == 1;
    const NumberPtr owner(number);
    std::string bytes(kCoordinateSize, '\0');
    if (!is_there || BN_bn2binpad(number, reinterpret_cast<unsigned char*>(bytes.data()),
                                  kCoordinateSize) != kCoordinateSize) {
        return unusable("it has no public point");
    }
    return base64url_encode(bytes);
}

// The required members in alphabetical order, as a thumbprint wants them (RFC 7638 section 3.2).
boost::json::object public_jwk(const std::string& x, const std::string& y) {
    return {{"crv", "P-256"}, {"kty", "EC"}, {"x", x}, {"y", y}};
}

}  // namespace

DpopKey::DpopKey(core::Secret pem, SigningKey key, std::string x, std::string y)
    : pem_(std::move(pem)),
      key_(std::move(key)),
      x_(std::move(x)),
      y_(std::move(y)),
      thumbprint_(sha256_base64url(boost::json::serialize(public_jwk(x_, y_)))) {}

DpopKey DpopKey::generate() {
    const OpensslErrors errors;
    const KeyPtr key(EVP_EC_gen("P-256"));
    const BioPtr bio(BIO_new(BIO_s_mem()));
    if (!key || !bio ||
        PEM_write_bio_PKCS8PrivateKey(bio.get(), key.get(), nullptr, nullptr, 0, nullptr,
                                      nullptr) != 1) {
        throw std::runtime_error("OpenSSL makes no P-256 key: " + OpensslErrors::reason());
    }
    char* text = nullptr;  // the bio's, which wipes it
    const long size = BIO_get_mem_data(bio.get(), &text);
    return parse(core::Secret({text, static_cast<std::size_t>(size)})).value();
}

core::Result<DpopKey> DpopKey::parse(const core::Secret& pem) {
    const OpensslErrors errors;
    auto signing_key = SigningKey::parse(pem);
    if (!signing_key) return unusable(signing_key.error().message);
    if (const auto fits = signing_key->check(kAlgorithm); !fits) {
        return unusable(fits.error().message);
    }
    const auto key = read_private_key(pem);
    if (!key) return unusable(key.error().message);
    auto x = coordinate(key->get(), OSSL_PKEY_PARAM_EC_PUB_X);
    if (!x) return x.error();
    auto y = coordinate(key->get(), OSSL_PKEY_PARAM_EC_PUB_Y);
    if (!y) return y.error();
    return DpopKey(pem.clone(), std::move(*signing_key), std::move(*x), std::move(*y));
}

core::Result<std::string> DpopKey::proof(const ProofInput& input) const {
    const std::string& target = input.url.target;
    const auto seconds = std::chrono::floor<std::chrono::seconds>(input.now);
    boost::json::object claims{{"jti", random_jti()},
                               {"htm", input.method},
                               {"htu", input.url.origin() + target.substr(0, target.find('?'))},
                               {"iat", seconds.time_since_epoch().count()}};
    if (!input.access_token.empty()) claims["ath"] = sha256_base64url(input.access_token);
    if (!input.nonce.empty()) claims["nonce"] = input.nonce;
    const boost::json::object header{{"typ", "dpop+jwt"}, {"jwk", public_jwk(x_, y_)}};
    const auto token = signed_jwt(key_, kAlgorithm, header, claims);
    if (!token) return token.error();
    return std::string(token->reveal());
}

}  // namespace herald::providers
