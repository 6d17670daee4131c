#include "providers/token_response.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

#include "core/encoding.h"
#include "core/json.h"
#include "tests/providers/sample_provider.h"

namespace herald::providers {
namespace {

using namespace std::chrono_literals;
using core::ErrorKind;
using ::testing::HasSubstr;

const core::SystemTime kNow{std::chrono::milliseconds(1'800'000'000'000)};

core::Result<TokenResponse> parse(int status, std::string body, http::Headers headers = {},
                                  const ProviderSettings& settings = {}) {
    const http::Response response{
        .status = status, .headers = std::move(headers), .body = std::move(body)};
    ProviderSettings known = settings;
    known.endpoints.token = test::sample_provider().token_endpoint;
    return parse_token_response(response, {}, test::sample_provider(), known, kNow);
}

std::string with(std::string_view member) {
    return R"({"access_token":"tok","token_type":"Bearer",)" + std::string(member) + "}";
}

struct LifetimeRow {
    const char* member;
    std::chrono::milliseconds lifetime;
};

// E-21 to E-27, O-54 to O-58.
TEST(TokenResponseTest, LifetimeIsUnderstoodInEveryForm) {
    const std::vector<LifetimeRow> rows = {
        {R"("expires_in":3599)", 3599s},
        {R"("expires_in":"3600")", 3600s},
        {R"("expires_in":"3599.0")", 3599s},
        {R"("expires_in":3600.9)", 3600s},
        {R"("expires_in":0)", 0s},
        {R"("expires_in":-1)", 0s},
        {R"("expires_in":1e308)", 24h},
        {R"("expires_in":9223372036854775808)", 24h},
        {R"("expires_in":"1e999")", 24h},
        {R"("expires_in":"NaN")", 300s},
        {R"("expires_in":null)", 300s},
        {R"("expires_in":true)", 300s},
        {R"("expires_in":[])", 300s},
        {R"("expires_in":"soon")", 300s},
        {R"("scope":"read write")", 300s},
        {R"("expires_at":1800000060)", 60s},
        {R"("expires_on":"1800000060")", 60s},
        {R"("expires_at":1800000060000)", 60s},
        {R"("expires_at":"2027-01-15T08:01:00Z")", 60s},
        {R"("expires_in":10,"expires_at":1800000060)", 10s},
    };
    for (const LifetimeRow& row : rows) {
        const auto token = parse(200, with(row.member));
        ASSERT_TRUE(token) << row.member << ": " << token.error().message;
        EXPECT_EQ(token->lifetime, row.lifetime) << row.member;
    }
}

TEST(TokenResponseTest, AJwtTellsItsOwnExpiry) {
    std::string payload = core::base64_encode(R"({"exp":1800000090,"sub":"x"})");
    payload.erase(payload.find_last_not_of('=') + 1);
    const auto token = parse(
        200, R"({"access_token":"eyJhbGciOiJub25lIn0.)" + payload + R"(.","token_type":"Bearer"})");
    ASSERT_TRUE(token);
    EXPECT_EQ(token->lifetime, 90s);
}

struct RefusedRow {
    const char* what;
    int status;
    std::string body;
    ErrorKind kind;
    const char* code;
    const char* message;
};

TEST(TokenResponseTest, RefusesWhatIsNoToken) {
    const std::vector<RefusedRow> rows = {
        {"no token", 200, R"({"token_type":"Bearer"})", ErrorKind::kPermanent,
         "malformed_token_response", "no access_token"},
        {"empty", 200, R"({"access_token":"","token_type":"Bearer"})", ErrorKind::kPermanent,
         "malformed_token_response", "empty"},
        {"blank", 200, R"({"access_token":"  "})", ErrorKind::kPermanent,
         "malformed_token_response", "empty"},
        {"null text", 200, R"({"access_token":"null"})", ErrorKind::kPermanent,
         "malformed_token_response", "empty"},
        {"number", 200, R"({"access_token":7})", ErrorKind::kPermanent, "malformed_token_response",
         "not a string"},
        {"header injection", 200, R"({"access_token":"a\r\nX: 1"})", ErrorKind::kPermanent,
         "malformed_token_response", "control"},
        {"NUL", 200, R"({"access_token":"a\u0000b"})", ErrorKind::kPermanent,
         "malformed_token_response", "control"},
        {"too large", 200, R"({"access_token":")" + std::string(70'000, 'a') + R"("})",
         ErrorKind::kPermanent, "malformed_token_response", "token too large (70000 bytes"},
        {"mac", 200, R"({"access_token":"t","token_type":"mac"})", ErrorKind::kPermanent,
         "malformed_token_response", "'mac'"},
        {"type injection", 200, R"({"access_token":"t","token_type":"Bearer\r\nX: 1"})",
         ErrorKind::kPermanent, "malformed_token_response", "not Bearer"},
        {"HTML", 200, "<html><body>Log in first</body></html>", ErrorKind::kTransient,
         "malformed_token_response", "unexpected HTML: Log in first"},
        {"trailing bytes", 200, R"({"access_token":"t"} x)", ErrorKind::kTransient,
         "malformed_token_response", "not valid JSON"},
        {"cut", 200, R"({"access_token":"t)", ErrorKind::kTransient, "malformed_token_response",
         "not valid JSON"},
        {"deep", 200, R"({"a":)" + std::string(1000, '[') + std::string(1000, ']') + "}",
         ErrorKind::kTransient, "malformed_token_response", "not valid JSON"},
        {"array", 200, "[]", ErrorKind::kTransient, "malformed_token_response",
         "not a JSON object"},
        {"UTF-16", 200, std::string("\xFF\xFE{\0}\0", 6), ErrorKind::kTransient,
         "malformed_token_response", "neither"},
        {"empty body", 200, "", ErrorKind::kTransient, "malformed_token_response", "empty"},
        {"error with 200", 200,
         R"({"error":"incorrect_client_credentials","error_description":"no"})",
         ErrorKind::kUnauthorized, "oauth_error", "incorrect_client_credentials: no"},
        {"ok false", 200, R"({"ok":false,"error":"invalid_client"})", ErrorKind::kUnauthorized,
         "oauth_error", "invalid_client"},
        {"success false", 200, R"({"success":false,"message":"no"})", ErrorKind::kPermanent,
         "oauth_error", "no"},
        {"invalid_client", 401, R"({"error":"invalid_client"})", ErrorKind::kUnauthorized,
         "oauth_error", "401 invalid_client"},
        {"invalid_scope", 400, R"({"error":"invalid_scope"})", ErrorKind::kUnauthorized,
         "oauth_error", "invalid_scope"},
        {"unknown 400", 400, R"({"error":"huh"})", ErrorKind::kPermanent, "oauth_error", "huh"},
        {"401 with a code of its own", 401, R"({"error":"no_such_client"})",
         ErrorKind::kUnauthorized, "oauth_error", "401 no_such_client"},
        {"503 with an OAuth code", 503, R"({"error":"invalid_client"})", ErrorKind::kTransient,
         "oauth_error", "503"},
        {"429", 429, "slow down", ErrorKind::kThrottled, "token_endpoint_unreachable", "429"},
        {"500", 500, "<h1>oops</h1>", ErrorKind::kTransient, "token_endpoint_unreachable", "500"},
        {"redirect", 307, "", ErrorKind::kPermanent, "token_endpoint_unreachable",
         "never followed"},
    };
    for (const RefusedRow& row : rows) {
        const auto token = parse(row.status, row.body);
        ASSERT_FALSE(token) << row.what;
        EXPECT_EQ(token.error().kind, row.kind) << row.what;
        EXPECT_EQ(token.error().code, row.code) << row.what;
        EXPECT_THAT(token.error().message, HasSubstr(row.message)) << row.what;
        EXPECT_EQ(token.error().message.find_first_of("\r\n"), std::string::npos) << row.what;
    }
}

// RFC 6749 appendix A.12.
TEST(TokenResponseTest, ATokenThatNoHeaderCanCarryIsNone) {
    for (const char* value : {"a\xC3\xA9", "a\xE9", "a\\u00e9", "a\x7F", "a b", "a\\r\\nX: 1"}) {
        const auto token = parse(200, "{\"access_token\":\"" + std::string(value) + "\"}");
        ASSERT_FALSE(token) << value;
        EXPECT_EQ(token.error().code, "malformed_token_response") << value;
        EXPECT_EQ(token.error().kind, ErrorKind::kPermanent) << value;
        EXPECT_THAT(token.error().message, HasSubstr("no header can carry")) << value;
    }
}

TEST(TokenResponseTest, ReadsWhatServersReallySend) {
    const std::vector<std::string> bodies = {
        R"({"access_token":"tok","token_type":"bearer"})",
        R"({"access_token":"tok","token_type":"BearerToken"})",
        R"({"access_token":"tok"})",
        "\xEF\xBB\xBF{\"access_token\":\"tok\"}",
        "access_token=tok&token_type=bearer&scope=read",
        R"({"access_token":"old","access_token":"tok"})",
        R"({"nested":{"a":[1,2,{"b":null}]},"access_token":"tok","x":null})",
        "{\"access_token\":\"tok\",\"owner\":\"Ren\xE9\"}",
        R"({"error":"","access_token":"tok"})",
        R"({"error":" ","access_token":"tok"})",
        R"({"error":null,"access_token":"tok"})",
        R"({"error":false,"access_token":"tok"})",
        R"({"error":0,"access_token":"tok"})",
        R"({"error":{},"access_token":"tok"})",
        R"({"error":[],"access_token":"tok"})",
        R"({"success":true,"ok":1,"access_token":"tok"})",
        "error=&access_token=tok",
    };
    for (const std::string& body : bodies) {
        for (const int status : {200, 201}) {
            const auto token = parse(status, body);
            ASSERT_TRUE(token) << body << ": " << token.error().message;
            EXPECT_EQ(token->access_token.reveal(), "tok") << body;
        }
    }
}

struct SaidRow {
    const char* what;
    int status;
    std::string body;
    std::string code;
    std::string description;
};

TEST(TokenResponseTest, SaysWhatTheServerSaysInWhateverShape) {
    const std::vector<SaidRow> rows = {
        {"RFC 6749", 400, R"({"error":"invalid_scope","error_description":"no such scope"})",
         "invalid_scope", "no such scope"},
        {"an object", 401, R"({"error":{"message":"Invalid client secret supplied","code":1}})",
         "1", "Invalid client secret supplied"},
        {"an object with a status text", 403,
         R"({"error":{"code":403,"message":"No access","status":"PERMISSION_DENIED"}})",
         "PERMISSION_DENIED", "No access"},
        {"problem details", 401,
         R"({"type":"https://x.example/bad-client","title":"Bad client","status":401,)"
         R"("detail":"client-1 is not known"})",
         "https://x.example/bad-client", "client-1 is not known"},
        {"problem details of no type", 401,
         R"({"type":"about:blank","title":"Unauthorized","status":401,"detail":"who?"})",
         "Unauthorized", "who?"},
        {"errors", 400, R"({"errors":[{"code":"E7","message":"Unknown client"},{"code":"E8"}]})",
         "E7", "Unknown client"},
        {"errors as texts", 400, R"({"errors":["Unknown client"]})", "unsuccessful",
         "Unknown client"},
        {"Zuora", 200,
         R"({"success":false,"reasons":[{"code":90000011,"message":"Wrong secret"}]})", "90000011",
         "Wrong secret"},
        {"a list", 400, R"([{"message":"Session expired","errorCode":"INVALID_SESSION_ID"}])",
         "INVALID_SESSION_ID", "Session expired"},
        {"error_message", 400, R"({"error_code":"bad","error_message":"Wrong secret"})", "bad",
         "Wrong secret"},
        {"Okta", 401, R"({"errorCode":"E0000004","errorSummary":"Authentication failed"})",
         "E0000004", "Authentication failed"},
        {"Apigee", 401,
         R"({"fault":{"faultstring":"Invalid key","detail":{"errorcode":"oauth.v2.Bad"}}})",
         "oauth.v2.Bad", "Invalid key"},
        {"ok", 200, R"({"ok":false,"error":"bad_client_secret"})", "bad_client_secret", ""},
        {"success as text", 200, R"({"success":"false","message":"no"})", "unsuccessful", "no"},
        {"a form", 400, "error=invalid_client&error_description=not+known", "invalid_client",
         "not known"},
        {"Latin-1", 401, "{\"error\":\"invalid_client\",\"error_description\":\"Cl\xE9\"}",
         "invalid_client", "Cl\xC3\xA9"},
        {"nothing", 400, R"({"x":1})", "unsuccessful", ""},
        {"text", 401, "Invalid client_id=abc, go away", "token_endpoint_unreachable",
         "Invalid client_id=abc, go away"},
        {"Latin-1 text", 400, "Cl\xE9 inconnue", "token_endpoint_unreachable",
         "Cl\xC3\xA9 inconnue"},
        {"a page", 502, "<html><h1>Bad gateway</h1></html>", "token_endpoint_unreachable",
         "Bad gateway"},
        {"an empty body", 500, "", "token_endpoint_unreachable", ""},
    };
    for (const SaidRow& row : rows) {
        const auto token = parse(row.status, row.body);
        ASSERT_FALSE(token) << row.what;
        const storage::ProviderError error =
            to_provider_error(token.error(), core::StoredTime(kNow.time_since_epoch()));
        EXPECT_EQ(error.code, row.code) << row.what;
        EXPECT_EQ(error.description, row.description) << row.what;
        EXPECT_THAT(token.error().message, HasSubstr(row.description)) << row.what;
    }
}

TEST(TokenResponseTest, AMemberThatStandsTwiceIsSaid) {
    using ::testing::ElementsAre;
    const auto twice = [](const std::string& body) { return parse(200, body)->warnings; };
    EXPECT_THAT(twice(R"({"access_token":"a","token_type":"bearer","expires_in":9,)"
                      R"("access_token":"b"})"),
                ElementsAre(HasSubstr("'access_token' stands more than once")));
    EXPECT_THAT(twice("access_token=a&token_type=bearer&expires_in=9&access_token=b"),
                ElementsAre(HasSubstr("'access_token' stands more than once")));
    EXPECT_THAT(twice(R"({"access_token":"a","token_type":"bearer","expires_in":9})"),
                ElementsAre());
}

TEST(TokenResponseTest, TheClientIsRefusedByAny401AndByTheCodesThatServersHaveForIt) {
    const auto refuses = [](int status, const std::string& code) {
        return refuses_client(parse(status, R"({"error":")" + code + R"("})").error());
    };
    for (const int status : {200, 400, 401}) {
        for (const char* code : {"invalid_client", "unauthorized_client",
                                 "incorrect_client_credentials", "invalid_client_secret"})
            EXPECT_TRUE(refuses(status, code)) << status << code;
    }
    EXPECT_TRUE(refuses(401, "huh"));
    EXPECT_TRUE(refuses_client(parse(401, "").error()));
    EXPECT_FALSE(refuses(400, "huh"));
    EXPECT_FALSE(refuses(400, "invalid_scope"));
    EXPECT_FALSE(refuses(401, "invalid_grant"));
    EXPECT_FALSE(refuses(401, "use_dpop_nonce"));
    EXPECT_FALSE(refuses_client(parse(500, "").error()));
}

TEST(TokenResponseTest, DecodesEscapesAndCarriesOddCharacters) {
    EXPECT_EQ(parse(200, R"({"access_token":"a\/b\u002Bc"})")->access_token.reveal(), "a/b+c");
    EXPECT_EQ(parse(200, R"({"access_token":"00Dxx!AQ.x"})")->access_token.reveal(), "00Dxx!AQ.x");
    const std::string largest(65'536, 'a');
    EXPECT_EQ(parse(200, R"({"access_token":")" + largest + R"("})")->access_token.reveal(),
              largest);
}

TEST(TokenResponseTest, ScopesInEveryForm) {
    using ::testing::ElementsAre;
    EXPECT_THAT(parse(200, with(R"("scope":"read write")"))->scopes, ElementsAre("read", "write"));
    EXPECT_THAT(parse(200, with(R"("scope":"read,write")"))->scopes, ElementsAre("read", "write"));
    EXPECT_THAT(parse(200, with(R"("scope":["read","write"])"))->scopes,
                ElementsAre("read", "write"));
    EXPECT_THAT(parse(200, with(R"("x":1)"))->scopes, ElementsAre("read", "write"))
        << "as asked for";
    const auto reduced = parse(200, with(R"("scope":"read","expires_in":60)"));
    EXPECT_THAT(reduced->scopes, ElementsAre("read"));
    EXPECT_THAT(reduced->warnings, ElementsAre(HasSubstr("scope_reduced: 'write'")));
}

storage::ProviderRecord provider_with(const char* settings) {
    storage::ProviderRecord record = test::sample_provider();
    record.settings = boost::json::parse(settings).as_object();
    return record;
}

std::string attributes_of(const char* settings, const char* body) {
    const storage::ProviderRecord provider = provider_with(settings);
    const http::Response response{.status = 200, .headers = {}, .body = body};
    const auto token =
        parse_token_response(response, {}, provider, test::settings_of(provider), kNow);
    return token ? boost::json::serialize(token->attributes) : token.error().message;
}

TEST(TokenResponseTest, KeepsTheAttributesThatWereAskedForAndNoOther) {
    constexpr const char* kBody =
        R"({"access_token":"tok","token_type":"Bearer","instance_url":"https://x.example",
            "id_token":"ey","refresh_token":"r","issued_at":"1","n":{"a":1},"jwt":"eyJ","more":2})";
    EXPECT_EQ(attributes_of("{}", kBody), "{}");
    EXPECT_EQ(attributes_of(R"({"kept_attributes":["issued_at","n","more"]})", kBody),
              R"({"issued_at":"1","more":2})");
    EXPECT_EQ(attributes_of(R"({"base_attribute":"instance_url"})", kBody),
              R"({"instance_url":"https://x.example"})");
    EXPECT_FALSE(parse(200, with(R"("refresh_token":"r")"))->refresh_token)
        << "client credentials have no use for one (O-67)";
}

// Whatever its name is, and even where that name is asked for.
TEST(TokenResponseTest, ATokenThatStandsElsewhereIsNoAttribute) {
    constexpr const char* kBody = R"({"jwt":"the-token-itself","expires_in":60,"more":"a"})";
    EXPECT_EQ(attributes_of(R"({"access_token_pointer":"/jwt"})", kBody), "{}");
    EXPECT_EQ(attributes_of(R"({"access_token_pointer":"/jwt","base_attribute":"jwt"})", kBody),
              R"({"jwt":"********"})");
}

TEST(TokenResponseTest, RetryAfterIsCappedAtAnHour) {
    http::Headers headers;
    headers.set("Retry-After", "99999");
    EXPECT_EQ(parse(503, "", headers).error().retry_after, 1h);
    http::Headers zuora;
    zuora.set("ratelimit-limit", "2250000, 50000;w=60");
    zuora.set("ratelimit-reset", "600");
    EXPECT_EQ(parse(429, "", zuora).error().retry_after, 600s);
    EXPECT_EQ(parse(502, "", zuora).error().retry_after, std::nullopt)
        << "a gateway's answer says nothing about a limit";
}

TEST(TokenResponseTest, ARedirectNamesTheHostOnly) {
    http::Headers headers;
    headers.set("Location", "https://evil.example/steal?secret=1");
    const auto token = parse(307, "", headers);
    EXPECT_THAT(token.error().message, HasSubstr("https://evil.example"));
    EXPECT_THAT(token.error().message, ::testing::Not(HasSubstr("steal")));
    EXPECT_EQ(
        to_provider_error(token.error(), core::StoredTime(kNow.time_since_epoch())).error_class,
        "redirect");
}

TEST(TokenResponseTest, ACutBodyIsNoAnswer) {
    const http::Response response{
        .status = 200, .headers = {}, .body = R"({"access_token":"t"})", .body_truncated = true};
    EXPECT_FALSE(parse_token_response(response, {}, test::sample_provider(), {}, kNow));
}

TEST(ProviderErrorTest, KeepsClassCodeAndStatus) {
    const auto failed =
        parse(401, R"({"error":"invalid_client","error_description":"bad\u0007 secret"})");
    const storage::ProviderError error =
        to_provider_error(failed.error(), core::StoredTime(kNow.time_since_epoch()));
    EXPECT_EQ(error.error_class, "oauth");
    EXPECT_EQ(error.code, "invalid_client");
    EXPECT_EQ(error.description, "bad\\x07 secret");
    EXPECT_EQ(error.status, 401);
}

TEST(TokenResponseTest, TheEndOfTheGrantIsTakenFromWhereServersTellIt) {
    const auto told = [](const std::string& members) {
        const auto token = parse_token_response(
            http::Response{.status = 200,
                           .headers = {},
                           .body = R"({"access_token":"t","expires_in":60)" + members + "}"},
            {}, test::sample_provider(), test::settings_of(test::sample_provider()),
            core::SystemTime{});
        return token.value().grant_lifetime;
    };
    using std::chrono::seconds;
    EXPECT_EQ(told(R"(,"refresh_expires_in":1800)"), seconds(1800));
    EXPECT_EQ(told(R"(,"refresh_token_expires_in":"15897600")"), seconds(15'897'600));
    EXPECT_EQ(told(R"(,"x_refresh_token_expires_in":8726400)"), seconds(8'726'400));
    for (const char* none : {"", R"(,"refresh_expires_in":0)", R"(,"refresh_expires_in":-1)",
                             R"(,"refresh_expires_in":"soon")", R"(,"refresh_expires_in":null)"})
        EXPECT_FALSE(told(none)) << none;
}

}  // namespace
}  // namespace herald::providers
