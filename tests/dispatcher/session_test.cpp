// Callouts with a session cookie: one login for many, the sliding expiry, the 401, failing logins.
#include <algorithm>

#include "dispatcher/session.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "tests/dispatcher/callout_auth_fixture.h"

namespace herald::dispatcher {
namespace {

using namespace std::chrono_literals;
using herald::test::respond;
using storage::CalloutState;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

using SessionTest = herald::test::CalloutAuthFixture;

http::Headers set_cookie(std::vector<std::string> lines) {
    http::Headers headers;
    for (std::string& line : lines) headers.add("Set-Cookie", std::move(line));
    return headers;
}

TEST_F(SessionTest, TheLoginShowsTheKeyPairAndTheCalloutOnlyTheCookie) {
    start();
    add(with_session());
    (void)fire();
    ASSERT_EQ(logins.size(), 1U);
    const http::Request& login = logins[0];
    EXPECT_EQ(login.method, "POST");
    EXPECT_EQ(login.url.text(), "https://receiver.example/login?x=1");
    EXPECT_EQ(login.body, "");
    EXPECT_EQ(login.headers.get("apiAccessKeyId"), "id@example.com");
    EXPECT_EQ(login.headers.get("apiSecretAccessKey"), "key s3cret:+/");
    EXPECT_EQ(login.headers.get("Accept"), "application/json");
    EXPECT_THAT(std::string(login.headers.get("User-Agent").value_or("")), HasSubstr("herald/"));
    EXPECT_TRUE(login.carries_credentials);
    EXPECT_EQ(login.max_response_body, 64U * 1024);
    EXPECT_TRUE(login.keeps_cookies);
    EXPECT_EQ(login.deadline, clock.steady_now() + 30s);
    ASSERT_EQ(received.size(), 1U);
    EXPECT_EQ(received[0].headers.get("Cookie"), "ZSession=cookie-1");
    EXPECT_EQ(received[0].headers.get("apiAccessKeyId"), std::nullopt);
    EXPECT_TRUE(received[0].carries_credentials);
    EXPECT_FALSE(received[0].keeps_cookies);
}

TEST_F(SessionTest, AHundredCalloutsOnAColdSessionCauseOneLogin) {
    start();
    auto record = with_session();
    record.max_in_flight = 100;
    add(std::move(record));
    receivers.hold();
    for (int i = 0; i < 100; ++i) (void)fire();
    EXPECT_EQ(receivers.requests.size(), 1U);
    receivers.release();
    settle();
    EXPECT_EQ(logins.size(), 1U);
    ASSERT_EQ(received.size(), 100U);
    EXPECT_THAT(sent("Cookie"), Each("ZSession=cookie-1"));
}

TEST_F(SessionTest, EachSuccessSlidesTheExpiry) {
    start();
    add(with_session(60s));
    for (int i = 0; i < 5; ++i) {
        (void)fire();
        advance(59s);
    }
    EXPECT_EQ(logins.size(), 1U);
    advance(1s);
    (void)fire();
    EXPECT_EQ(logins.size(), 2U);
    EXPECT_EQ(sent("Cookie").back(), "ZSession=cookie-2");
}

// A source alone, for what no lane brings about at will.
class SessionAloneTest : public herald::test::CalloutAuthFixture {
protected:
    Credentials log_in(std::optional<std::int64_t> refused = std::nullopt) {
        std::optional<core::Result<Credentials>> outcome;
        boost::asio::io_context context;
        boost::asio::co_spawn(context, session.obtain(nullptr, refused, clock.steady_now() + 30s),
                              [&](const std::exception_ptr&, core::Result<Credentials> result) {
                                  outcome.emplace(std::move(result));
                              });
        context.run();
        return std::move(outcome->value());
    }
    Session session{compile(with_session(60s)).value(), receivers, clock};
};

TEST_F(SessionAloneTest, ASuccessOfAnOlderCookieDoesNotSlideTheNewOnesExpiry) {
    const Credentials older = log_in();
    const Credentials newer = log_in(older.cookie->generation);
    EXPECT_GT(newer.cookie->generation, older.cookie->generation);
    clock.advance(30s);
    session.accepted(older, clock.steady_now());
    clock.advance(30s - 1ms);
    EXPECT_TRUE(session.at_hand(clock.steady_now()));
    clock.advance(1ms);
    EXPECT_FALSE(session.at_hand(clock.steady_now()));
}

TEST_F(SessionAloneTest, TheExpirySlidesFromWhenTheCalloutLeftAndNeverBack) {
    const Credentials shown = log_in();
    const auto logged_in_at = clock.steady_now();
    clock.advance(40s);
    session.accepted(shown, logged_in_at + 20s);
    session.accepted(shown, logged_in_at + 10s);
    EXPECT_TRUE(session.at_hand(logged_in_at + 80s - 1ms));
    EXPECT_FALSE(session.at_hand(logged_in_at + 80s));
}

TEST_F(SessionAloneTest, ARefusalOfAnOlderCookieKeepsTheNewOne) {
    const Credentials older = log_in();
    const Credentials newer = log_in(older.cookie->generation);
    const Credentials again = log_in(older.cookie->generation);
    EXPECT_EQ(again.cookie, newer.cookie);
    EXPECT_EQ(logins.size(), 2U);
}

TEST_F(SessionTest, AFailedCalloutDoesNotSlideIt) {
    start();
    add(with_session(60s));
    (void)fire();
    advance(59s);
    answers = {respond(403)};
    (void)fire();
    advance(1s);
    (void)fire();
    EXPECT_EQ(logins.size(), 2U);
}

TEST_F(SessionTest, A401GetsOneNewLoginAndOneResendWithinTheSameAttempt) {
    start();
    add(with_session());
    answers = {respond(401)};
    const core::CalloutId id = fire_one();
    EXPECT_EQ(callout(id).state, CalloutState::kDelivered);
    EXPECT_EQ(callout(id).attempts, 1);
    const auto history = attempts(id);
    ASSERT_EQ(history.size(), 2U);
    EXPECT_EQ(history[0].number, 1);
    EXPECT_EQ(history[1].number, 1);
    EXPECT_FALSE(history[0].resend);
    EXPECT_TRUE(history[1].resend);
    EXPECT_THAT(sent("Cookie"), ElementsAre("ZSession=cookie-1", "ZSession=cookie-2"));
    EXPECT_EQ(received[0].headers.get("webhook-id"), received[1].headers.get("webhook-id"));
}

/// The login behind a 401 takes its time.
class SlowSessionTest : public SessionTest {
protected:
    core::Result<http::Response> receive(const http::Request& request) override {
        if (request.url.target.starts_with("/login") && logins.size() == 1)
            clock.advance(second_login_takes);
        return SessionTest::receive(request);
    }
    core::CalloutId fire_refused_once(std::chrono::milliseconds left) {
        start();
        auto record = with_session();
        second_login_takes = record.timeout - left;
        add(std::move(record));
        answers = {respond(401)};
        return fire_one();
    }

    std::chrono::milliseconds second_login_takes{0};
};

TEST_F(SlowSessionTest, NothingIsResentOnceTheAttemptsTimeIsUp) {
    const core::CalloutId id = fire_refused_once(0ms);
    EXPECT_EQ(logins.size(), 2U);
    EXPECT_EQ(received.size(), 1U);
    EXPECT_EQ(callout(id).state, CalloutState::kPending);
    EXPECT_EQ(callout(id).attempts, 1);
}

TEST_F(SlowSessionTest, AMomentBeforeItIs) {
    const core::CalloutId id = fire_refused_once(1ms);
    ASSERT_EQ(received.size(), 2U);
    EXPECT_EQ(received[1].deadline, clock.steady_now() + 1ms);
    EXPECT_EQ(callout(id).state, CalloutState::kDelivered);
}

TEST_F(SessionTest, ASecond401IsAFailedAttemptAndNoLoop) {
    start();
    add(with_session());
    answers = {respond(401), respond(401)};
    const core::CalloutId id = fire_one();
    EXPECT_EQ(logins.size(), 2U);
    EXPECT_EQ(received.size(), 2U);
    EXPECT_EQ(callout(id).state, CalloutState::kPending);
    EXPECT_EQ(callout(id).attempts, 1);
}

// The 401 of a cookie that a newer one has replaced causes no login.
TEST_F(SessionTest, AHundredRefusalsOfOneCookieAreOneMoreLogin) {
    start();
    auto record = with_session();
    record.max_in_flight = 100;
    add(std::move(record));
    (void)fire();
    receivers.hold();
    for (int i = 0; i < 100; ++i) (void)fire();
    for (int i = 0; i < 100; ++i) answers.emplace_back(respond(401));
    receivers.answer_with([this](const http::Request& request) -> core::Result<http::Response> {
        // Whatever the order: it is the first cookie that is refused.
        if (request.headers.get("Cookie") == "ZSession=cookie-1") {
            received.push_back(request);
            return respond(401);
        }
        answers.clear();
        return receive(request);
    });
    receivers.release();
    settle();
    EXPECT_EQ(logins.size(), 2U);
    EXPECT_EQ(received.size(), 201U);
    EXPECT_EQ(store->counts().value().notifications.at(0).delivered, 101);
}

TEST_F(SessionTest, AFailedLoginSpendsNothingAndIsTriedAgainWithDoublingPauses) {
    start();
    add(with_session());
    auth_answer = respond(503);
    const core::CalloutId id = fire_one();
    std::size_t count = 1;
    for (const auto pause : {1s, 2s, 4s, 8s, 16s, 32s, 60s, 60s}) {
        EXPECT_EQ(logins.size(), count);
        expect_untouched(id, pause);
        advance(pause - 1ms);
        EXPECT_EQ(logins.size(), count) << "not before " << pause.count();
        advance(1ms);
        ++count;
    }
    EXPECT_EQ(received.size(), 0U);
    auth_answer.reset();
    advance(60s);
    EXPECT_EQ(callout(id).state, CalloutState::kDelivered);
    EXPECT_EQ(callout(id).attempts, 1);
}

TEST_F(SessionTest, AFailureIsSharedByAllWhoWaitAndThenOneProbeGoes) {
    start();
    auto record = with_session();
    record.max_in_flight = 100;
    add(std::move(record));
    auth_answer = respond(500);
    receivers.hold();
    std::vector<core::CalloutId> ids;
    for (int i = 0; i < 100; ++i) ids.push_back(fire_one());
    receivers.release();
    settle();
    EXPECT_EQ(logins.size(), 1U);
    for (const core::CalloutId id : ids) expect_untouched(id, 1s);
    EXPECT_EQ(scheduler->lanes().at(0).held_by, "auth_unavailable:invoices");
    (void)fire();
    EXPECT_EQ(logins.size(), 1U) << "nothing is asked before the back-off ends";
    advance(1s);
    EXPECT_EQ(logins.size(), 2U) << "one probe";
    auth_answer.reset();
    advance(2s);
    EXPECT_EQ(logins.size(), 3U);
    EXPECT_EQ(received.size(), 101U);
    EXPECT_EQ(scheduler->lanes().at(0).held_by, std::nullopt);
}

TEST_F(SessionTest, RetryAfterOfTheLoginIsKept) {
    start();
    add(with_session());
    http::Headers headers;
    headers.add("Retry-After", "90");
    auth_answer = respond(429, "", headers);
    expect_untouched(fire_one(), 90s);
    advance(89s);
    EXPECT_EQ(logins.size(), 1U);
    advance(1s);
    EXPECT_EQ(logins.size(), 2U);
}

TEST_F(SessionTest, WhoWaitsLeavesAtItsOwnDeadline) {
    start();
    auto record = with_session();
    record.timeout = 5s;
    add(std::move(record));
    receivers.hold();
    const core::CalloutId leads = fire_one();
    advance(3s);
    const core::CalloutId follows = fire_one();
    advance(4s);
    EXPECT_EQ(callout(follows).state, CalloutState::kClaimed);
    advance(1s);
    expect_untouched(follows, 1s);
    EXPECT_EQ(callout(leads).state, CalloutState::kClaimed);
    receivers.release();
    advance(1s);
    EXPECT_EQ(callout(follows).state, CalloutState::kDelivered);
    EXPECT_EQ(logins.size(), 1U);
}

TEST_F(SessionTest, ALoginThatFailsAfterA401LeavesTheAttemptAsItIs) {
    start();
    add(with_session());
    (void)fire();
    auth_answer = respond(500);
    answers = {respond(401)};
    const core::CalloutId id = fire_one();
    EXPECT_EQ(callout(id).attempts, 1);
    EXPECT_EQ(attempts(id).size(), 1U);
    EXPECT_EQ(callout(id).reason, "retry");
    EXPECT_EQ(logins.size(), 2U);
    (void)fire();
    EXPECT_EQ(logins.size(), 2U) << "held back while the login fails";
    EXPECT_EQ(received.size(), 2U);
    EXPECT_EQ(scheduler->lanes().at(0).held_by, "auth_unavailable:invoices");
}

TEST_F(SessionTest, AnEditOfTheKeyPairLogsInAgainAndAnotherEditDoesNot) {
    start();
    add(with_session());
    (void)fire();
    edit("invoices", [](auto& record) { record.timeout = 10s; });
    (void)fire();
    EXPECT_EQ(logins.size(), 1U);
    edit("invoices", [](auto& record) {
        std::get<storage::SessionCookieAuth>(record.auth).key.secret = core::Secret("other");
    });
    (void)fire();
    ASSERT_EQ(logins.size(), 2U);
    EXPECT_EQ(logins[1].headers.get("apiSecretAccessKey"), "other");
}

TEST_F(SessionTest, AnEditOfTheKeyPairEndsTheBackOff) {
    start();
    add(with_session());
    auth_answer = respond(401);
    for (int i = 0; i < 3; ++i) advance(10s);
    const core::CalloutId id = fire_one();
    advance(1s);
    auth_answer.reset();
    edit("invoices", [](auto& record) {
        std::get<storage::SessionCookieAuth>(record.auth).key.secret = core::Secret("right");
    });
    EXPECT_EQ(callout(id).state, CalloutState::kPending) << "due when it was told to be";
    const core::CalloutId fresh = fire_one();
    EXPECT_EQ(callout(fresh).state, CalloutState::kDelivered);
    advance(2s);
    EXPECT_EQ(callout(id).state, CalloutState::kDelivered);
}

TEST_F(SessionTest, ALoginWithoutAnswerIsAFailureToo) {
    start();
    add(with_session());
    auth_answer = herald::test::transport_failure("connect", false);
    expect_untouched(fire_one(), 1s);
}

TEST_F(SessionTest, TheLogTellsOnceThatItFailsAndNeverASecret) {
    herald::test::KeptLog log;
    start();
    add(with_session());
    auth_answer = respond(401, "id@example.com key s3cret:+/");
    (void)fire();
    advance(1s);
    advance(2s);
    EXPECT_EQ(logins.size(), 3U);
    EXPECT_THAT(log.warnings, ElementsAre("callout_auth_unavailable", "lane_held"));
    EXPECT_THAT(log.everything, HasSubstr("log in for notification 'invoices' at "
                                          "https://receiver.example/login: it answered 401"));
    auth_answer.reset();
    advance(4s);
    auth_answer = respond(401);
    answers = {respond(401)};
    (void)fire();
    EXPECT_EQ(std::ranges::count(log.warnings, "callout_auth_unavailable"), 2)
        << "it worked in between";
    for (const char* secret : {"s3cret", "id@example.com", "cookie-"})
        EXPECT_THAT(log.everything, Not(HasSubstr(secret)));
}

TEST_F(SessionTest, HistoryShowsNeitherCookieNorKeyPair) {
    start();
    add(with_session());
    answers = {respond(500, R"({"a":"ZSession=cookie-1","b":"cookie-1","c":"id@example.com",)"
                            R"("d":"key s3cret:+\/","e":"key%20s3cret%3A%2B%2F"})")};
    const core::CalloutId id = fire_one();
    EXPECT_EQ(attempts(id)[0].response_excerpt, R"({"a":"********","b":"********","c":"********",)"
                                                R"("d":"********","e":"********"})");
}

TEST_F(SessionTest, ADeletedNotificationTakesItsSessionWithIt) {
    start();
    const auto record = with_session();
    add(record.clone());
    (void)fire();
    ASSERT_TRUE(store->delete_notification(record.name, false));
    adopt(record.id);
    add(record.clone());
    (void)fire();
    EXPECT_EQ(logins.size(), 2U);
}

struct CookieCase {
    std::vector<std::string> lines;
    std::string header;  ///< empty: refused
};

TEST(ReadCookiesTest, KeepsThePairsOfAllLinesAndDropsTheAttributes) {
    const std::vector<CookieCase> cases = {
        {{"a=1"}, "a=1"},
        {{"a=1; Path=/; Secure", "b=\"x y\";HttpOnly"}, "a=1; b=\"x y\""},
        {{" a = 1 ;x"}, "a=1"},
        {{"a=1", "b=2", "a=3"}, "b=2; a=3"},
        {{"a=b=c=="}, "a=b=c=="},
        {{"a="}, "a="},
        {{}, ""},
        {{"s3cret"}, ""},
        {{"=s3cret"}, ""},
        {{"s3cret b=1"}, ""},
        {{"a=s3cret\x01"}, ""},
        {{"a=s3cret\xC3\xA4"}, ""},
        {{"a=s3cret\r\nX: y"}, ""},
        {{"a=s3cret", "broken"}, ""},
        {{"a=s3cret" + std::string(17'000, 'x')}, ""},
    };
    for (const CookieCase& row : cases) {
        const auto read = read_cookies(set_cookie(row.lines));
        EXPECT_EQ(read ? std::string(read->header.reveal()) : "", row.header);
        if (!read) {
            EXPECT_EQ(read.error().message.find("s3cret"), std::string::npos)
                << read.error().message;
        }
    }
}

TEST(ReadCookiesTest, AShortValueIsNoEchoOnItsOwn) {
    const auto read = read_cookies(set_cookie({"lang=en", "session=secret-value"}));
    ASSERT_TRUE(read);
    EXPECT_EQ(read->masking.masked("en lang=en secret-value"), "en ******** ********");
}

}  // namespace
}  // namespace herald::dispatcher
