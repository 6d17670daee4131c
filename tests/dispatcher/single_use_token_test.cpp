// Callouts with a key pair, and with a token and a signature that are good once.
#include "dispatcher/single_use_token.h"

#include "tests/dispatcher/callout_auth_fixture.h"

namespace herald::dispatcher {
namespace {

using namespace std::chrono_literals;
using herald::test::respond;
using storage::CalloutState;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

using SingleUseTokenTest = herald::test::CalloutAuthFixture;
using KeyPairTest = herald::test::CalloutAuthFixture;

TEST_F(KeyPairTest, BothHeadersStandInEachCallout) {
    start();
    auto record = notification();
    record.auth = storage::KeyPairAuth{.key = key_pair()};
    add(std::move(record));
    (void)fire();
    ASSERT_EQ(received.size(), 1U);
    EXPECT_EQ(received[0].headers.get("apiAccessKeyId"), "id@example.com");
    EXPECT_EQ(received[0].headers.get("apiSecretAccessKey"), "key s3cret:+/");
    EXPECT_EQ(received[0].headers.get("entityId"), std::nullopt);
    EXPECT_EQ(received[0].headers.get("entityName"), std::nullopt);
    EXPECT_EQ(received[0].headers.get("Authorization"), std::nullopt);
    EXPECT_TRUE(received[0].carries_credentials);
}

TEST_F(KeyPairTest, NamesAndEntityAreAsConfigured) {
    start();
    auto record = notification();
    storage::KeyPairAuth auth{.key = key_pair(), .entity_id = "11e643f4a3ee8badb0610025904c756d"};
    auth.key.id_header = "X-Key";
    auth.key.secret_header = "X-Secret";
    record.auth = std::move(auth);
    add(std::move(record));
    (void)fire();
    EXPECT_EQ(received.at(0).headers.get("X-Key"), "id@example.com");
    EXPECT_EQ(received[0].headers.get("X-Secret"), "key s3cret:+/");
    EXPECT_EQ(received[0].headers.get("apiAccessKeyId"), std::nullopt);
    EXPECT_EQ(received[0].headers.get("entityId"), "11e643f4a3ee8badb0610025904c756d");
    edit("invoices", [](auto& change) {
        auto& pair = std::get<storage::KeyPairAuth>(change.auth);
        pair.entity_id.reset();
        pair.entity_name = "Global";
    });
    (void)fire();
    EXPECT_EQ(received.at(1).headers.get("entityId"), std::nullopt);
    EXPECT_EQ(received[1].headers.get("entityName"), "Global");
}

TEST_F(KeyPairTest, HistoryShowsNeitherHalfInAnySpelling) {
    start();
    auto record = notification();
    record.auth = storage::KeyPairAuth{.key = key_pair()};
    add(std::move(record));
    answers = {respond(401,
                       "id@example.com id%40example.com aWRAZXhhbXBsZS5jb20= key s3cret:+/ "
                       "key+s3cret%3A%2B%2F a2V5IHMzY3JldDorLw==")};
    const core::CalloutId id = fire_one();
    EXPECT_EQ(attempts(id)[0].response_excerpt,
              "******** ******** ******** ******** ******** ********");
    EXPECT_EQ(received.size(), 1U) << "a 401 of a fixed key pair is an ordinary failure";
}

TEST_F(SingleUseTokenTest, ARequestWithTheKeyPairBringsWhatTheCalloutShows) {
    start();
    add(with_single_use());
    (void)fire("invoice.posted", R"({"n":"a/\"b"})");
    ASSERT_EQ(signings.size(), 1U);
    const http::Request& asked = signings[0];
    EXPECT_EQ(asked.method, "POST");
    EXPECT_EQ(asked.url.text(), "https://receiver.example/sign");
    EXPECT_EQ(asked.body, R"({"uri":"a/\"b","type":"invoice.posted"})");
    EXPECT_EQ(asked.headers.get("Content-Type"), "application/json");
    EXPECT_EQ(asked.headers.get("Accept"), "application/json");
    EXPECT_EQ(asked.headers.get("apiAccessKeyId"), "id@example.com");
    EXPECT_EQ(asked.headers.get("apiSecretAccessKey"), "key s3cret:+/");
    EXPECT_TRUE(asked.carries_credentials);
    EXPECT_EQ(asked.max_response_body, 64U * 1024);
    EXPECT_EQ(asked.deadline, clock.steady_now() + 30s);
    ASSERT_EQ(received.size(), 1U);
    EXPECT_EQ(received[0].headers.get("token"), "token+/-1");
    EXPECT_EQ(received[0].headers.get("signature"), "sign+/=1");
    EXPECT_EQ(received[0].headers.get("apiAccessKeyId"), std::nullopt);
    EXPECT_TRUE(received[0].carries_credentials);
}

TEST_F(SingleUseTokenTest, PointersHeadersAndMethodAreAsConfigured) {
    start();
    auto record = with_single_use();
    auto& auth = std::get<storage::SingleUseTokenAuth>(record.auth);
    auth.method = "GET";
    auth.body_template.reset();
    auth.token_pointer = "/a/0";
    auth.signature_pointer = "/b~1c";
    auth.token_header = "X-Token";
    auth.signature_header = "X-Signature";
    add(std::move(record));
    auth_answer = respond(201, R"({"a":["one"],"b/c":"t\u0077o"})");
    (void)fire();
    EXPECT_EQ(signings.at(0).method, "GET");
    EXPECT_EQ(signings[0].body, "");
    EXPECT_EQ(signings[0].headers.get("Content-Type"), std::nullopt);
    EXPECT_EQ(received.at(0).headers.get("X-Token"), "one");
    EXPECT_EQ(received[0].headers.get("X-Signature"), "two");
}

TEST_F(SingleUseTokenTest, NoTokenIsShownTwiceNeitherByRetriesNorByResends) {
    start();
    add(with_single_use());
    answers = {respond(500), respond(401), respond(200), respond(401), respond(401)};
    const core::CalloutId first = fire_one();
    advance(6s);
    const auto history = attempts(first);
    ASSERT_EQ(history.size(), 3U);
    EXPECT_EQ(history[1].number, 2);
    EXPECT_EQ(history[2].number, 2);
    EXPECT_TRUE(history[2].resend);
    EXPECT_EQ(callout(first).state, CalloutState::kDelivered);
    for (int i = 0; i < 20; ++i) (void)fire();
    const auto tokens = sent("token");
    const auto signatures = sent("signature");
    EXPECT_EQ(signings.size(), received.size());
    EXPECT_THAT(std::set<std::string>(tokens.begin(), tokens.end()), SizeIs(tokens.size()));
    EXPECT_THAT(std::set<std::string>(signatures.begin(), signatures.end()), SizeIs(tokens.size()));
    EXPECT_FALSE(std::set<std::string>(tokens.begin(), tokens.end()).contains("(none)"));
}

TEST_F(SingleUseTokenTest, AFailedRequestSpendsNothingAndThenOneProbeGoes) {
    start();
    auto record = with_single_use();
    record.max_in_flight = 50;
    add(std::move(record));
    auth_answer = respond(500);
    receivers.hold();
    std::vector<core::CalloutId> ids;
    for (int i = 0; i < 50; ++i) ids.push_back(fire_one());
    receivers.release();
    settle();
    EXPECT_EQ(signings.size(), 50U) << "side by side while nothing had failed";
    for (const core::CalloutId id : ids) expect_untouched(id, 1s);
    advance(1s);
    EXPECT_EQ(signings.size(), 51U) << "the other seven that may start share its failure";
    auth_answer.reset();
    advance(2s);
    advance(1s);
    EXPECT_EQ(received.size(), 50U);
    EXPECT_EQ(signings.size(), 51U + 50U);
}

TEST_F(SingleUseTokenTest, OthersWaitForTheProbe) {
    start();
    add(with_single_use());
    auth_answer = respond(500);
    (void)fire();
    auth_answer.reset();
    receivers.hold();
    advance(1s);
    const std::size_t asked = receivers.requests.size();
    for (int i = 0; i < 5; ++i) (void)fire();
    EXPECT_EQ(receivers.requests.size(), asked);
    receivers.release();
    settle();
    EXPECT_EQ(received.size(), 6U);
}

TEST_F(SingleUseTokenTest, HistoryShowsNeitherTokenNorSignature) {
    start();
    add(with_single_use());
    answers = {respond(500, "token+/-1 sign+/=1 id@example.com token%2B%2F-1 key s3cret:+/")};
    const core::CalloutId id = fire_one();
    EXPECT_EQ(attempts(id)[0].response_excerpt, "******** ******** ******** ******** ********");
}

TEST_F(SingleUseTokenTest, AnEventThatCannotBeWrittenIntoTheBodyEndsItsCallout) {
    start();
    add(with_single_use());
    const core::CalloutId id =
        fire("invoice.posted", R"({"n":")" + std::string(1'048'560, 'x') + R"("})")
            .value()
            .callouts.at(0)
            .id;
    EXPECT_EQ(callout(id).state, CalloutState::kDead);
    EXPECT_EQ(callout(id).reason, "template_error:data.n");
    EXPECT_TRUE(signings.empty());
    EXPECT_TRUE(received.empty());
}

struct AnswerCase {
    core::Result<http::Response> answer;
    const char* why;
};

TEST_F(SingleUseTokenTest, BadAnswersAreToldWithoutTheirSecrets) {
    http::Response cut = respond(200, R"({"token":")");
    cut.body_truncated = true;
    const std::vector<AnswerCase> cases = {
        {respond(401, "s3cret"), "it answered 401; check the key pair"},
        {respond(302), "it answered 302; redirects are not followed, give the last URL"},
        {respond(503), "it answered 503"},
        {cut, "the answer is longer than 64 KiB"},
        {respond(200, "<html>s3cret"), "the answer is no JSON"},
        {respond(200, ""), "the answer is no JSON"},
        {respond(200, R"({"signature":"s3cret"})"), "the answer has nothing at /token"},
        {respond(200, R"({"token":"s3cret"})"), "the answer has nothing at /signature"},
        {respond(200, R"({"token":7,"signature":"x"})"),
         "what the answer has at /token is no string"},
        {respond(200, R"({"token":"s3cret\r\nX: y","signature":"x"})"),
         "what the answer has at /token may not stand in a header"},
        {respond(200, R"({"token":"x","signature":"s3cret\u0000"})"),
         "what the answer has at /signature may not stand in a header"},
        {respond(200, R"({"token":"","signature":"x"})"),
         "what the answer has at /token may not stand in a header"},
        {herald::test::transport_failure("tls", false), "scripted failure"},
    };
    start();
    for (const AnswerCase& row : cases) {
        herald::test::KeptLog log;
        auto record = with_single_use();
        record.name = "n" + std::to_string(signings.size());
        add(std::move(record));
        auth_answer = row.answer;
        (void)fire();
        EXPECT_THAT(log.everything, HasSubstr(row.why));
        EXPECT_THAT(log.everything, Not(HasSubstr("s3cret")));
        EXPECT_TRUE(received.empty());
    }
}

}  // namespace
}  // namespace herald::dispatcher
