// The key half of jwt.h: which algorithms a key has, and the bytes of a signature (RFC 7518).
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/objects.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "core/encoding.h"
#include "providers/jwt.h"
#include "providers/openssl_key.h"

namespace herald::providers {
namespace {

constexpr int kShortestRsa = 2048;

enum class KeyType { kRsa, kP256, kP384, kP521, kEd25519, kShared };

struct Algorithm {
    std::string_view name;
    KeyType key;
    const char* digest;
    bool is_pss = false;
};

// The first of a key type is its default.
constexpr std::array<Algorithm, 13> kAlgorithms = {{
    {"RS256", KeyType::kRsa, "SHA256"},
    {"RS384", KeyType::kRsa, "SHA384"},
    {"RS512", KeyType::kRsa, "SHA512"},
    {"PS256", KeyType::kRsa, "SHA256", true},
    {"PS384", KeyType::kRsa, "SHA384", true},
    {"PS512", KeyType::kRsa, "SHA512", true},
    {"ES256", KeyType::kP256, "SHA256"},
    {"ES384", KeyType::kP384, "SHA384"},
    {"ES512", KeyType::kP521, "SHA512"},
    {"EdDSA", KeyType::kEd25519, nullptr},
    {"HS256", KeyType::kShared, "SHA256"},
    {"HS384", KeyType::kShared, "SHA384"},
    {"HS512", KeyType::kShared, "SHA512"},
}};

const Algorithm* find_algorithm(KeyType key, std::string_view name) {
    const auto at = std::find_if(
        kAlgorithms.begin(), kAlgorithms.end(),
        [&](const Algorithm& entry) { return entry.key == key && entry.name == name; });
    return at == kAlgorithms.end() ? nullptr : &*at;
}

std::string_view described(KeyType key) {
    switch (key) {
        case KeyType::kRsa:
            return "an RSA key";
        case KeyType::kP256:
            return "a P-256 key";
        case KeyType::kP384:
            return "a P-384 key";
        case KeyType::kP521:
            return "a P-521 key";
        case KeyType::kEd25519:
            return "an Ed25519 key";
        case KeyType::kShared:
            return "a client secret";
    }
    return "this key";
}

std::string algorithms_of(KeyType key) {
    std::string list;
    for (const Algorithm& entry : kAlgorithms) {
        if (entry.key == key) list.append(list.empty() ? "" : ", ").append(entry.name);
    }
    return list;
}

core::Error refused_key(std::string_view rule) {
    return core::invalid_argument("private_key", rule);
}

core::Result<KeyType> curve_of(const EVP_PKEY* key) {
    std::array<char, 80> name{};
    std::size_t size = 0;
    const bool is_named = EVP_PKEY_get_group_name(key, name.data(), name.size(), &size) == 1;
    const int curve = is_named ? OBJ_txt2nid(name.data()) : NID_undef;
    if (curve == NID_X9_62_prime256v1) return KeyType::kP256;
    if (curve == NID_secp384r1) return KeyType::kP384;
    if (curve == NID_secp521r1) return KeyType::kP521;
    return refused_key(std::string("must be on P-256, P-384 or P-521, not on ") +
                       (is_named ? name.data() : "an unnamed curve"));
}

core::Result<KeyType> type_of(const EVP_PKEY* key) {
    if (EVP_PKEY_is_a(key, "ED25519") == 1) return KeyType::kEd25519;
    if (EVP_PKEY_is_a(key, "EC") == 1) return curve_of(key);
    if (EVP_PKEY_is_a(key, "RSA") != 1) {
        const char* name = EVP_PKEY_get0_type_name(key);
        return refused_key(std::string("must be RSA, P-256, P-384, P-521 or Ed25519, not ") +
                           (name != nullptr ? name : "another type"));
    }
    const int bits = EVP_PKEY_get_bits(key);
    if (bits >= kShortestRsa) return KeyType::kRsa;
    return refused_key("an RSA key must have at least 2048 bits, this one has " +
                       std::to_string(bits));
}

std::optional<std::string> hmac(const Algorithm& algorithm, std::string_view key,
                                std::string_view input) {
    std::string signature(EVP_MAX_MD_SIZE, '\0');
    auto* out = reinterpret_cast<unsigned char*>(signature.data());
    std::size_t size = 0;
    if (EVP_Q_mac(nullptr, "HMAC", nullptr, algorithm.digest, nullptr, key.data(), key.size(),
                  reinterpret_cast<const unsigned char*>(input.data()), input.size(), out,
                  signature.size(), &size) == nullptr) {
        return std::nullopt;
    }
    signature.resize(size);
    return signature;
}

/// OpenSSL writes an ECDSA signature as DER, JWS as two numbers of the curve's size (O-33).
std::optional<std::string> without_der(const std::string& der, int field_bits) {
    const auto* at = reinterpret_cast<const unsigned char*>(der.data());
    const OpensslPtr<ECDSA_SIG, ECDSA_SIG_free> parts(
        d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())));
    if (!parts) return std::nullopt;
    const int size = (field_bits + 7) / 8;
    std::string raw(2 * static_cast<std::size_t>(size), '\0');
    auto* out = reinterpret_cast<unsigned char*>(raw.data());
    if (BN_bn2binpad(ECDSA_SIG_get0_r(parts.get()), out, size) != size ||
        BN_bn2binpad(ECDSA_SIG_get0_s(parts.get()), out + size, size) != size) {
        return std::nullopt;
    }
    return raw;
}

std::optional<std::string> sign_with(EVP_PKEY* key, const Algorithm& algorithm,
                                     std::string_view input) {
    const OpensslPtr<EVP_MD_CTX, EVP_MD_CTX_free> context(EVP_MD_CTX_new());
    EVP_PKEY_CTX* options = nullptr;  // the context's
    if (!context || EVP_DigestSignInit_ex(context.get(), &options, algorithm.digest, nullptr,
                                          nullptr, key, nullptr) != 1) {
        return std::nullopt;
    }
    if (algorithm.is_pss &&
        (EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING) != 1 ||
         EVP_PKEY_CTX_set_rsa_pss_saltlen(options, RSA_PSS_SALTLEN_DIGEST) != 1)) {
        return std::nullopt;
    }
    std::string signature(static_cast<std::size_t>(EVP_PKEY_get_size(key)), '\0');
    std::size_t size = signature.size();
    if (EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                       reinterpret_cast<const unsigned char*>(input.data()), input.size()) != 1) {
        return std::nullopt;
    }
    signature.resize(size);
    return signature;
}

}  // namespace

struct SigningKey::Material {
    KeyType type;
    KeyPtr key = nullptr;
    core::Secret secret = {};

    [[nodiscard]] std::optional<std::string> sign(const Algorithm& algorithm,
                                                  std::string_view input) const {
        if (type == KeyType::kShared) return hmac(algorithm, secret.reveal(), input);
        auto signature = sign_with(key.get(), algorithm, input);
        const bool is_der = signature && EVP_PKEY_is_a(key.get(), "EC") == 1;
        return is_der ? without_der(*signature, EVP_PKEY_get_bits(key.get())) : signature;
    }
};

SigningKey::SigningKey(std::unique_ptr<Material> material) : material_(std::move(material)) {}
SigningKey::SigningKey(SigningKey&&) noexcept = default;
SigningKey& SigningKey::operator=(SigningKey&&) noexcept = default;
SigningKey::~SigningKey() = default;

core::Result<SigningKey> SigningKey::parse(const core::Secret& pem) {
    const OpensslErrors errors;
    auto key = read_private_key(pem);
    if (!key) return key.error();
    const auto type = type_of(key->get());
    if (!type) return type.error();
    return SigningKey(std::make_unique<Material>(Material{.type = *type, .key = std::move(*key)}));
}

SigningKey SigningKey::shared(const core::Secret& secret) {
    return SigningKey(
        std::make_unique<Material>(Material{.type = KeyType::kShared, .secret = secret.clone()}));
}

std::string_view SigningKey::default_algorithm() const {
    return std::find_if(kAlgorithms.begin(), kAlgorithms.end(),
                        [this](const Algorithm& entry) { return entry.key == material_->type; })
        ->name;
}

core::Result<> SigningKey::check(std::string_view algorithm) const {
    if (find_algorithm(material_->type, algorithm) != nullptr) return {};
    std::string rule = "'" + core::printable(algorithm, 32) + "' does not go with ";
    rule.append(described(material_->type)).append("; use ");
    return core::invalid_argument("jwt_algorithm", rule.append(algorithms_of(material_->type)));
}

core::Result<std::string> SigningKey::sign(std::string_view algorithm,
                                           std::string_view input) const {
    const OpensslErrors errors;
    const Algorithm* entry = find_algorithm(material_->type, algorithm);
    if (entry == nullptr) return check(algorithm).error();
    const bool is_shared = material_->type == KeyType::kShared;
    if (is_shared && material_->secret.empty()) {
        // OpenSSL would: anyone could make that signature.
        return core::invalid_argument("client_secret", "must not be empty to sign with it");
    }
    auto signature = material_->sign(*entry, input);
    if (signature) return std::move(*signature);
    return core::invalid_argument(is_shared ? "client_secret" : "private_key",
                                  "OpenSSL does not sign with it: " + OpensslErrors::reason());
}

}  // namespace herald::providers
