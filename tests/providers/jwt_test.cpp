#include "providers/jwt.h"

#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <set>
#include <thread>

#include "core/clock.h"
#include "tests/providers/jws_reading.h"
#include "tests/support/test_certificates.h"

namespace herald::providers {
namespace {

using test::Key;

template <class Write>
std::string to_pem(Write write) {
    const std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new(BIO_s_mem()), &BIO_free);
    EXPECT_EQ(write(bio.get()), 1);
    char* text = nullptr;
    const long size = BIO_get_mem_data(bio.get(), &text);
    return {text, static_cast<std::size_t>(size)};
}

std::string pkcs8(const Key& key, const EVP_CIPHER* cipher = nullptr) {
    return to_pem([&](BIO* bio) {
        return PEM_write_bio_PKCS8PrivateKey(bio, key.get(), cipher, cipher ? "secret" : nullptr,
                                             cipher ? 6 : 0, nullptr, nullptr);
    });
}

// PKCS#1 or SEC1.
std::string traditional(const Key& key, const EVP_CIPHER* cipher = nullptr) {
    std::string password = "secret";
    return to_pem([&](BIO* bio) {
        return PEM_write_bio_PrivateKey_traditional(
            bio, key.get(), cipher,
            cipher ? reinterpret_cast<unsigned char*>(password.data()) : nullptr, cipher ? 6 : 0,
            nullptr, nullptr);
    });
}

std::string public_pem(const Key& key) {
    return to_pem([&](BIO* bio) { return PEM_write_bio_PUBKEY(bio, key.get()); });
}

Key rsa() {
    static const Key key = test::own(EVP_RSA_gen(2048));
    return key;
}
Key ec(const char* curve) {
    return test::own(EVP_EC_gen(curve));
}
Key made(const char* type) {
    return test::own(EVP_PKEY_Q_keygen(nullptr, nullptr, type));
}

SigningKey parsed(const std::string& pem) {
    return SigningKey::parse(core::Secret(pem)).value();
}

// Every refusal is of the field, and shows no line of the key.
std::string refusal_of(const std::string& pem) {
    const auto key = SigningKey::parse(core::Secret(pem));
    if (!key.has_error()) return "not refused";
    EXPECT_EQ(key.error().kind, core::ErrorKind::kInvalidArgument);
    EXPECT_EQ(key.error().details.at("field").as_string(), "private_key");
    for (std::size_t at = 0; at + 16 <= pem.size(); at += 16) {
        const std::string part = pem.substr(at, 16);
        if (part.find("--") != std::string::npos) continue;
        EXPECT_EQ(key.error().message.find(part), std::string::npos) << key.error().message;
    }
    EXPECT_EQ(ERR_peek_error(), 0U) << "left for TLS to stumble over";
    return key.error().message;
}

struct AlgorithmRow {
    const char* name;
    Key key;
    std::size_t signature_size;
};

std::vector<AlgorithmRow> algorithm_rows() {
    return {{"RS256", rsa(), 256},         {"RS384", rsa(), 256},      {"RS512", rsa(), 256},
            {"PS256", rsa(), 256},         {"PS384", rsa(), 256},      {"PS512", rsa(), 256},
            {"ES256", ec("P-256"), 64},    {"ES384", ec("P-384"), 96}, {"ES512", ec("P-521"), 132},
            {"EdDSA", made("ED25519"), 64}};
}

TEST(SigningKeyTest, EveryAlgorithmMakesASignatureThatOpensslVerifies) {
    for (const AlgorithmRow& row : algorithm_rows()) {
        SCOPED_TRACE(row.name);
        const SigningKey key = parsed(pkcs8(row.key));
        ASSERT_TRUE(key.check(row.name));
        const std::string signature = key.sign(row.name, "to be signed").value();
        EXPECT_EQ(signature.size(), row.signature_size);
        EXPECT_TRUE(test::verifies(row.key, row.name, "to be signed", signature));
        EXPECT_FALSE(test::verifies(row.key, row.name, "to be signeD", signature));
        ERR_clear_error();
    }
}

// O-33: about every 128th signature of P-256 and every second of P-521 has a leading zero.
TEST(SigningKeyTest, NumbersOfAnEcSignatureKeepTheirLeadingZeros) {
    for (const auto& [name, curve, size] : {std::tuple{"ES256", "P-256", std::size_t{64}},
                                            std::tuple{"ES384", "P-384", std::size_t{96}},
                                            std::tuple{"ES512", "P-521", std::size_t{132}}}) {
        SCOPED_TRACE(name);
        const Key own = ec(curve);
        const SigningKey key = parsed(pkcs8(own));
        int leading_zeros = 0;
        for (int i = 0; i < 6000 && (i < 60 || leading_zeros == 0); ++i) {
            const std::string input = "message " + std::to_string(i);
            const std::string signature = key.sign(name, input).value();
            ASSERT_EQ(signature.size(), size);
            ASSERT_TRUE(test::verifies(own, name, input, signature)) << input;
            if (signature[0] == '\0' || signature[size / 2] == '\0') ++leading_zeros;
        }
        EXPECT_GT(leading_zeros, 0);
    }
}

TEST(SigningKeyTest, ReadsPkcs8Pkcs1AndSec1) {
    for (const auto& [pem, algorithm] :
         {std::pair{pkcs8(rsa()), "RS256"}, std::pair{traditional(rsa()), "RS256"},
          std::pair{pkcs8(ec("P-256")), "ES256"}, std::pair{traditional(ec("P-256")), "ES256"},
          std::pair{traditional(ec("P-384")), "ES384"},
          std::pair{traditional(ec("P-521")), "ES512"},
          std::pair{pkcs8(made("ED25519")), "EdDSA"}}) {
        EXPECT_EQ(parsed(pem).default_algorithm(), algorithm) << pem.substr(0, 40);
    }
    EXPECT_EQ(SigningKey::shared(core::Secret("secret")).default_algorithm(), "HS256");
}

// As `openssl ecparam -genkey` writes it, and as key and certificate come in one file.
TEST(SigningKeyTest, WhatStandsAroundTheKeyIsSkipped) {
    const std::string certificate = test::TestCertificate({}).certificate_pem();
    const std::string parameters =
        "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";
    const std::string pem = traditional(ec("P-256"));
    for (const std::string& text :
         {parameters + pem, certificate + pem, pem + certificate, "Bag Attributes\n" + pem,
          "\xEF\xBB\xBF" + pem, pem + "\n\ntrailing words, and -----BEGIN nothing\n"}) {
        EXPECT_TRUE(SigningKey::parse(core::Secret(text))) << refusal_of(text);
    }
    std::string with_cr;
    for (const char c : pem) with_cr.append(c == '\n' ? "\r\n" : std::string(1, c));
    EXPECT_TRUE(SigningKey::parse(core::Secret(with_cr)));
}

TEST(SigningKeyTest, AnEncryptedKeyIsRefusedWithTheCommandThatDecryptsIt) {
    for (const std::string& pem :
         {pkcs8(rsa(), EVP_aes_256_cbc()), traditional(rsa(), EVP_aes_128_cbc()),
          pkcs8(ec("P-256"), EVP_aes_256_cbc())}) {
        EXPECT_EQ(refusal_of(pem),
                  "private_key: is encrypted; decrypt it first: `openssl pkey -in KEY -out PLAIN`");
    }
}

TEST(SigningKeyTest, WhatIsNoPrivateKeyIsCalledByItsName) {
    const std::string pem = pkcs8(ec("P-256"));
    std::string on_one_line = pem;
    std::replace(on_one_line.begin(), on_one_line.end(), '\n', ' ');
    const std::string rsa_public =
        to_pem([](BIO* bio) { return PEM_write_bio_PUBKEY(bio, rsa().get()); });
    const std::vector<std::pair<std::string, std::string>> rows = {
        {public_pem(ec("P-256")), "is a public key"},
        {rsa_public, "is a public key"},
        {public_pem(made("ED25519")), "is a public key"},
        {test::TestCertificate({}).certificate_pem(), "is a certificate"},
        {"-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmUA\n"
         "-----END OPENSSH PRIVATE KEY-----\n",
         "ssh-keygen"},
        {"", "PEM form"},
        {"correct horse battery staple", "PEM form"},
        {R"({"kty":"EC","crv":"P-256","d":"jpsQnnGQmL-YBIffH1136cspYG6"})", "PEM form"},
        {pem.substr(0, pem.size() / 2), "cannot be read"},
        {std::string(pem).replace(60, 4, "!!!!"), "cannot be read"},
        {"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "cannot be read"},
        {on_one_line, "keep its line breaks"},
    };
    for (const auto& [text, words] : rows) {
        EXPECT_NE(refusal_of(text).find(words), std::string::npos)
            << words << ": " << refusal_of(text);
    }
}

TEST(SigningKeyTest, WeakAndStrangeKeysAreRefused) {
    EXPECT_EQ(refusal_of(pkcs8(test::own(EVP_RSA_gen(1024)))),
              "private_key: an RSA key must have at least 2048 bits, this one has 1024");
    for (const char* curve : {"secp256k1", "P-224", "brainpoolP256r1"}) {
        EXPECT_NE(refusal_of(pkcs8(ec(curve))).find("must be on P-256, P-384 or P-521, not on"),
                  std::string::npos)
            << curve;
    }
    for (const char* type : {"X25519", "ED448"}) {
        EXPECT_EQ(
            refusal_of(pkcs8(made(type))),
            std::string("private_key: must be RSA, P-256, P-384, P-521 or Ed25519, not ") + type);
    }
}

TEST(SigningKeyTest, AnAlgorithmOfAnotherKeyIsRefusedAndTheRightOnesAreNamed) {
    const auto accepted = [](const SigningKey& key) {
        std::string list;
        for (const char* name :
             {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512",
              "EdDSA", "HS256", "HS384", "HS512", "none", "", "rs256", "ES256K"}) {
            if (key.check(name)) list.append(list.empty() ? "" : ", ").append(name);
        }
        return list;
    };
    EXPECT_EQ(accepted(parsed(pkcs8(rsa()))), "RS256, RS384, RS512, PS256, PS384, PS512");
    EXPECT_EQ(accepted(parsed(pkcs8(ec("P-256")))), "ES256");
    EXPECT_EQ(accepted(parsed(pkcs8(ec("P-384")))), "ES384");
    EXPECT_EQ(accepted(parsed(pkcs8(ec("P-521")))), "ES512");
    EXPECT_EQ(accepted(parsed(pkcs8(made("ED25519")))), "EdDSA");
    EXPECT_EQ(accepted(SigningKey::shared(core::Secret("secret"))), "HS256, HS384, HS512");

    const auto wrong = parsed(pkcs8(ec("P-256"))).check("ES384");
    EXPECT_EQ(wrong.error().details.at("field").as_string(), "jwt_algorithm");
    EXPECT_EQ(wrong.error().message,
              "jwt_algorithm: 'ES384' does not go with a P-256 key; use ES256");
    EXPECT_FALSE(parsed(pkcs8(rsa())).sign("ES256", "input"));
}

// RFC 7515 appendix A.1.
TEST(SigningKeyTest, SignsTheHmacExampleOfRfc7515) {
    const auto key = SigningKey::shared(core::Secret(test::base64url_decode(
        "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow")));
    const auto signature =
        key.sign("HS256",
                 "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9."
                 "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19y"
                 "b290Ijp0cnVlfQ");
    EXPECT_EQ(base64url_encode(signature.value()), "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
}

// RFC 8037 appendix A.1 and A.4: Ed25519 has one signature for one input.
TEST(SigningKeyTest, SignsTheEd25519ExampleOfRfc8037) {
    const SigningKey key = parsed(
        "-----BEGIN PRIVATE KEY-----\n"
        "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n"
        "-----END PRIVATE KEY-----\n");
    const auto signature =
        key.sign("EdDSA", "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc");
    EXPECT_EQ(base64url_encode(signature.value()),
              "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0K"
              "Ag");
}

TEST(SigningKeyTest, HmacSizesFollowTheAlgorithm) {
    const SigningKey key = SigningKey::shared(core::Secret("secret"));
    EXPECT_EQ(key.sign("HS256", "input").value().size(), 32U);
    EXPECT_EQ(key.sign("HS384", "input").value().size(), 48U);
    EXPECT_EQ(key.sign("HS512", "input").value().size(), 64U);
    const auto empty = SigningKey::shared(core::Secret()).sign("HS256", "input");
    ASSERT_FALSE(empty);
    EXPECT_EQ(empty.error().details.at("field").as_string(), "client_secret");
}

TEST(SigningKeyTest, ThreadsMaySignWithOneKey) {
    const Key own = ec("P-256");
    const SigningKey key = parsed(pkcs8(own));
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&] {
            for (int n = 0; n < 50; ++n) {
                const std::string signature = key.sign("ES256", "input").value();
                EXPECT_TRUE(test::verifies(own, "ES256", "input", signature));
            }
        });
    }
}

TEST(SignedJwtTest, AlgComesFirstAndTypOnlyWhereGiven) {
    const Key own = ec("P-256");
    const SigningKey key = parsed(pkcs8(own));
    const boost::json::object claims{{"iss", "client"}, {"exp", 1'700'000'300}};
    const auto token = signed_jwt(key, "ES256", {{"kid", "key-1"}}, claims).value();
    const test::Jws jws = test::read_jws(token.reveal());
    EXPECT_EQ(jws.header_text, R"({"alg":"ES256","kid":"key-1"})");
    EXPECT_EQ(jws.claims, claims);
    EXPECT_TRUE(test::verifies(own, "ES256", jws.signing_input, jws.signature));

    const boost::json::object typed{{"typ", "JWT"}, {"x5t#S256", "print"}};
    const auto other = signed_jwt(key, "ES256", typed, claims).value();
    EXPECT_EQ(test::read_jws(other.reveal()).header_text,
              R"({"alg":"ES256","typ":"JWT","x5t#S256":"print"})");
}

TEST(SignedJwtTest, AnAlgorithmOfAnotherKeyGivesNoToken) {
    const auto token = signed_jwt(parsed(pkcs8(rsa())), "HS256", {}, {});
    ASSERT_FALSE(token);
    EXPECT_EQ(token.error().details.at("field").as_string(), "jwt_algorithm");
}

TEST(Base64UrlTest, HasNoPaddingAndTheUrlAlphabet) {
    EXPECT_EQ(base64url_encode(""), "");
    EXPECT_EQ(base64url_encode("f"), "Zg");
    EXPECT_EQ(base64url_encode("fo"), "Zm8");
    EXPECT_EQ(base64url_encode("foo"), "Zm9v");
    EXPECT_EQ(base64url_encode("\xFB\xFF\xFE"), "-__-");
    // RFC 7515 appendix C.
    EXPECT_EQ(base64url_encode("\x03\xEC\xFF\xE0\xC1"), "A-z_4ME");
}

TEST(RandomTextTest, IsOfItsSizeAndNeverTheSameTwice) {
    std::set<std::string> seen;
    for (int i = 0; i < 1000; ++i) {
        const std::string jti = random_jti();
        EXPECT_EQ(jti.size(), 32U);
        EXPECT_EQ(jti.find_first_not_of("0123456789abcdef"), std::string::npos) << jti;
        const std::string verifier = random_text(32);
        EXPECT_EQ(verifier.size(), 43U);
        EXPECT_TRUE(seen.insert(jti).second);
        EXPECT_TRUE(seen.insert(verifier).second);
    }
}

// RFC 7636 appendix B.
TEST(PkceTest, ChallengeIsTheExampleOfRfc7636) {
    EXPECT_EQ(pkce_challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
              "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
}

// The DER inside the PEM, as `openssl x509 -fingerprint` digests it.
std::string der_of(std::string pem) {
    pem.erase(0, pem.find('\n'));
    pem.erase(pem.find("-----END"));
    std::erase(pem, '\n');
    return core::base64_decode(pem).value();
}

TEST(CertificateFactsTest, ThumbprintsAreDigestsOfTheDer) {
    const std::string pem = test::TestCertificate({}).certificate_pem();
    const auto facts = certificate_facts(pem).value();
    EXPECT_EQ(facts.sha1_thumbprint, base64url_encode(test::digest("SHA1", der_of(pem))));
    EXPECT_EQ(facts.sha256_thumbprint, base64url_encode(test::digest("SHA256", der_of(pem))));
    EXPECT_EQ(certificate_facts("\xEF\xBB\xBF" + pem).value().sha256_thumbprint,
              facts.sha256_thumbprint);
    EXPECT_EQ(facts.sha1_thumbprint.size(), 27U);
    EXPECT_EQ(facts.sha256_thumbprint.size(), 43U);
}

TEST(CertificateFactsTest, NotAfterIsInSecondsOf1970) {
    using std::chrono::hours;
    const auto not_after = [](hours from_now) {
        const test::TestCertificate certificate({.valid_until = from_now});
        return certificate_facts(certificate.certificate_pem()).value().not_after;
    };
    const std::int64_t now = core::SystemClock().system_now().time_since_epoch().count() / 1000;
    EXPECT_NEAR(static_cast<double>(not_after(hours(24)) - now), 86'400.0, 30.0);
    EXPECT_NEAR(static_cast<double>(not_after(hours(-24)) - now), -86'400.0, 30.0);
}

TEST(CertificateFactsTest, TheFirstCertificateCounts) {
    const std::string first = test::TestCertificate({.common_name = "leaf"}).certificate_pem();
    const std::string second = test::TestCertificate({.common_name = "root"}).certificate_pem();
    const std::string key = pkcs8(ec("P-256"));
    EXPECT_EQ(certificate_facts(key + first + second).value().sha256_thumbprint,
              certificate_facts(first).value().sha256_thumbprint);
}

TEST(CertificateFactsTest, WhatIsNoCertificateIsRefused) {
    const std::string pem = test::TestCertificate({}).certificate_pem();
    for (const std::string& text :
         {std::string(), std::string("words"), pkcs8(ec("P-256")), pem.substr(0, pem.size() / 2)}) {
        const auto facts = certificate_facts(text);
        ASSERT_FALSE(facts);
        EXPECT_EQ(facts.error().details.at("field").as_string(), "certificate");
        EXPECT_EQ(ERR_peek_error(), 0U);
    }
}

TEST(CertificateKeyTest, AKeyBelongsToItsOwnCertificateOnly) {
    const test::TestCertificate one({});
    const test::TestCertificate other({});
    const test::TestCertificate with_rsa({.rsa_bits = 2048});
    EXPECT_TRUE(check_certificate_key(one.certificate_pem(), core::Secret(one.key_pem())));
    EXPECT_TRUE(
        check_certificate_key(with_rsa.certificate_pem(), core::Secret(with_rsa.key_pem())));
    for (const std::string& key : {other.key_pem(), with_rsa.key_pem()}) {
        const auto wrong = check_certificate_key(one.certificate_pem(), core::Secret(key));
        ASSERT_FALSE(wrong);
        EXPECT_EQ(wrong.error().details.at("field").as_string(), "certificate");
        EXPECT_EQ(ERR_peek_error(), 0U);
    }
    const auto no_key = check_certificate_key(one.certificate_pem(), core::Secret("words"));
    EXPECT_EQ(no_key.error().details.at("field").as_string(), "private_key");
}

}  // namespace
}  // namespace herald::providers
