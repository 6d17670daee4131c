#include "providers/dpop.h"

#include <gtest/gtest.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>

#include <set>

#include "providers/dpop_nonces.h"
#include "tests/providers/jws_reading.h"

namespace herald::providers {
namespace {

using namespace std::chrono_literals;

const core::SystemTime kNow{1'562'262'616'789ms};

http::Url url(std::string_view text) {
    return http::Url::parse(text, "url").value();
}

test::Jws proof_of(const DpopKey& key, const DpopKey::ProofInput& input) {
    return test::read_jws(key.proof(input).value());
}

std::string text_of(const boost::json::object& object, const char* member) {
    return std::string(object.at(member).as_string());
}

std::set<std::string> names_of(const boost::json::object& object) {
    std::set<std::string> names;
    for (const auto& member : object) names.emplace(member.key());
    return names;
}

test::Key public_key(const boost::json::object& jwk) {
    const std::string point = "\x04" + test::base64url_decode(text_of(jwk, "x")) +
                              test::base64url_decode(text_of(jwk, "y"));
    EXPECT_EQ(point.size(), 65U);
    const std::unique_ptr<OSSL_PARAM_BLD, decltype(&OSSL_PARAM_BLD_free)> builder(
        OSSL_PARAM_BLD_new(), &OSSL_PARAM_BLD_free);
    OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0);
    OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                     point.size());
    const std::unique_ptr<OSSL_PARAM, decltype(&OSSL_PARAM_free)> parameters(
        OSSL_PARAM_BLD_to_param(builder.get()), &OSSL_PARAM_free);
    const std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)> context(
        EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr), &EVP_PKEY_CTX_free);
    EVP_PKEY* key = nullptr;
    EVP_PKEY_fromdata_init(context.get());
    EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, parameters.get());
    return test::own(key);
}

// The key of RFC 7515 appendix A.3, PKCS#8.
constexpr std::string_view kRfc7515Key =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgjpsQnnGQmL+YBIff\n"
    "H1136cspYG6+0iY7X1fCE9+E9LKhRANCAAR/zc4ncPbEXUGDy+5v20t7WAczNXvp\n"
    "7xO6z248e9FURcfxRM0bvZt+hyzf7bnuufSzaV1uqQskrYpGIyiFiOWt\n"
    "-----END PRIVATE KEY-----\n";

TEST(DpopKeyTest, AProofVerifiesWithTheKeyInItsHeader) {
    const DpopKey key = DpopKey::generate();
    const auto token_url = url("https://server.example.com/token");
    const test::Jws jws = proof_of(key, {.method = "POST", .url = token_url, .now = kNow});
    EXPECT_TRUE(jws.header_text.starts_with(R"({"alg":"ES256",)")) << jws.header_text;
    EXPECT_EQ(names_of(jws.header), (std::set<std::string>{"alg", "typ", "jwk"}));
    EXPECT_EQ(text_of(jws.header, "typ"), "dpop+jwt");
    const auto& jwk = jws.header.at("jwk").as_object();
    EXPECT_EQ(names_of(jwk), (std::set<std::string>{"kty", "crv", "x", "y"})) << "no private part";
    EXPECT_EQ(text_of(jwk, "kty"), "EC");
    EXPECT_EQ(text_of(jwk, "crv"), "P-256");
    EXPECT_EQ(jws.signature.size(), 64U);
    EXPECT_TRUE(test::verifies(public_key(jwk), "ES256", jws.signing_input, jws.signature));
}

TEST(DpopKeyTest, ATokenRequestIsProvedByMethodUrlAndTime) {
    const DpopKey key = DpopKey::generate();
    const auto token_url = url("https://server.example.com/token");
    const test::Jws jws = proof_of(key, {.method = "POST", .url = token_url, .now = kNow});
    EXPECT_EQ(names_of(jws.claims), (std::set<std::string>{"jti", "htm", "htu", "iat"}));
    EXPECT_EQ(text_of(jws.claims, "htm"), "POST");
    EXPECT_EQ(text_of(jws.claims, "htu"), "https://server.example.com/token");
    EXPECT_EQ(jws.claims.at("iat").as_int64(), 1'562'262'616);
    EXPECT_EQ(text_of(jws.claims, "jti").size(), 32U);
}

// RFC 9449 section 7.1: the token and its `ath`.
TEST(DpopKeyTest, AResourceRequestIsBoundToItsAccessTokenAndNonce) {
    const DpopKey key = DpopKey::generate();
    const auto resource = url("https://resource.example.org/protectedresource");
    const test::Jws jws =
        proof_of(key, {.method = "GET",
                       .url = resource,
                       .now = kNow,
                       .nonce = "eyJ7S_zG.eyJH0-Z.HX4w-7v",
                       .access_token = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"});
    EXPECT_EQ(text_of(jws.claims, "ath"), "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo");
    EXPECT_EQ(text_of(jws.claims, "nonce"), "eyJ7S_zG.eyJH0-Z.HX4w-7v");
    EXPECT_EQ(text_of(jws.claims, "htm"), "GET");
}

TEST(DpopKeyTest, HtuIsTheUrlWithoutQueryAndDefaultPort) {
    const DpopKey key = DpopKey::generate();
    const std::vector<std::pair<std::string, std::string>> rows = {
        {"https://api.example.com/v1/x?a=1&b=?", "https://api.example.com/v1/x"},
        {"https://API.example.com:443/v1", "https://api.example.com/v1"},
        {"https://api.example.com:8443/v1", "https://api.example.com:8443/v1"},
        {"http://api.example.com:80/", "http://api.example.com/"},
        {"https://api.example.com?q=1", "https://api.example.com/"},
        {"https://[::1]:8443/a%20b", "https://[::1]:8443/a%20b"},
    };
    for (const auto& [given, expected] : rows) {
        const auto target = url(given);
        const test::Jws jws = proof_of(key, {.method = "GET", .url = target, .now = kNow});
        EXPECT_EQ(text_of(jws.claims, "htu"), expected);
    }
}

TEST(DpopKeyTest, EveryProofHasItsOwnJti) {
    const DpopKey key = DpopKey::generate();
    const auto target = url("https://server.example.com/token");
    std::set<std::string> seen;
    for (int i = 0; i < 100; ++i) {
        const test::Jws jws = proof_of(key, {.method = "POST", .url = target, .now = kNow});
        EXPECT_TRUE(seen.insert(text_of(jws.claims, "jti")).second);
    }
}

TEST(DpopKeyTest, TheThumbprintIsThatOfRfc7638) {
    const DpopKey key = DpopKey::parse(core::Secret(kRfc7515Key)).value();
    const auto target = url("https://server.example.com/token");
    const test::Jws jws = proof_of(key, {.method = "POST", .url = target, .now = kNow});
    const auto& jwk = jws.header.at("jwk").as_object();
    EXPECT_EQ(text_of(jwk, "x"), "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU");
    EXPECT_EQ(text_of(jwk, "y"), "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0");
    const std::string canonical =
        R"({"crv":"P-256","kty":"EC","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",)"
        R"("y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"})";
    EXPECT_EQ(key.thumbprint(), base64url_encode(test::digest("SHA256", canonical)));
    EXPECT_EQ(key.thumbprint(), "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U");
}

// 60 keys: one in 128 has a coordinate that begins with a zero byte, and it stays 32 bytes long.
TEST(DpopKeyTest, AKeySurvivesBeingStored) {
    std::set<std::string> thumbprints;
    for (int i = 0; i < 60; ++i) {
        const DpopKey key = DpopKey::generate();
        const DpopKey restored = DpopKey::parse(key.pem()).value();
        EXPECT_EQ(restored.thumbprint(), key.thumbprint());
        EXPECT_TRUE(restored.pem().equals(key.pem()));
        EXPECT_TRUE(thumbprints.insert(key.thumbprint()).second);
        EXPECT_EQ(key.thumbprint().size(), 43U);
        const auto target = url("https://server.example.com/token");
        const test::Jws jws = proof_of(restored, {.method = "POST", .url = target, .now = kNow});
        const auto own = public_key(jws.header.at("jwk").as_object());
        EXPECT_TRUE(test::verifies(own, "ES256", jws.signing_input, jws.signature));
    }
}

TEST(DpopKeyTest, AnotherKeyThanItsOwnIsAStorageError) {
    const std::string ed25519 =
        "-----BEGIN PRIVATE KEY-----\n"
        "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n"
        "-----END PRIVATE KEY-----\n";
    for (const std::string& pem :
         {std::string(), std::string("words"), ed25519, std::string(kRfc7515Key.substr(0, 100))}) {
        const auto key = DpopKey::parse(core::Secret(pem));
        ASSERT_FALSE(key);
        EXPECT_EQ(key.error().kind, core::ErrorKind::kStorage);
        EXPECT_EQ(key.error().code, "storage_error");
        EXPECT_EQ(key.error().message.find("MC4C"), std::string::npos);
    }
}

http::Response refusal_with(const std::string& nonce) {
    http::Response response;
    response.status = 401;
    response.headers.add("WWW-Authenticate", "DPoP error=\"use_dpop_nonce\"");
    if (!nonce.empty()) response.headers.add("DPoP-Nonce", nonce);
    return response;
}

// O-140: what others learned meanwhile makes a refused nonce stale, not refused.
TEST(DpopNoncesTest, ARefusalIsComparedWithTheNonceThatWasSent) {
    DpopNonces nonces;
    const core::SteadyTime now{};
    EXPECT_EQ(nonces.note("a", "", refusal_with("n1"), now), NonceVerdict::kStale);
    EXPECT_EQ(nonces.note("a", "", refusal_with("n1"), now), NonceVerdict::kStale);
    EXPECT_EQ(nonces.note("a", "", refusal_with(""), now), NonceVerdict::kStale);
    EXPECT_EQ(nonces.note("a", "n1", refusal_with("n1"), now), NonceVerdict::kRefused);
    EXPECT_EQ(nonces.note("a", "n1", refusal_with(""), now), NonceVerdict::kRefused);
    EXPECT_EQ(nonces.note("b", "", refusal_with(""), now), NonceVerdict::kRefused);
    EXPECT_EQ(nonces.note("a", "n1", http::Response{}, now), NonceVerdict::kTaken);
    EXPECT_EQ(nonces.at("a"), "n1");
    EXPECT_EQ(nonces.at("b"), "");
}

TEST(DpopNoncesTest, WhatIsNoNonceIsNotKept) {
    DpopNonces nonces;
    for (const std::string& text :
         {std::string("a b"), std::string("caf\xC3\xA9"), std::string(1025, 'n')}) {
        EXPECT_EQ(nonces.note("a", "", refusal_with(text), {}), NonceVerdict::kRefused);
        EXPECT_EQ(nonces.at("a"), "");
    }
}

TEST(DpopNoncesTest, ANonceIsDoubtfulOnlyWhereTheyChangeAndSomeTimeHasPassed) {
    DpopNonces nonces;
    const core::SteadyTime start{};
    using std::chrono::seconds;
    (void)nonces.note("a", "", refusal_with("n1"), start);
    EXPECT_FALSE(nonces.is_doubtful("a", start + seconds(60))) << "none was ever refused";
    (void)nonces.note("a", "n1", refusal_with("n2"), start);
    EXPECT_FALSE(nonces.is_doubtful("a", start));
    EXPECT_TRUE(nonces.is_doubtful("a", start + seconds(1)));
    (void)nonces.note("a", "n2", http::Response{}, start + seconds(5));
    EXPECT_FALSE(nonces.is_doubtful("a", start + seconds(5))) << "it was taken";
}

}  // namespace
}  // namespace herald::providers
