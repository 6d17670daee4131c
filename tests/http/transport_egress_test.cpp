#include "tests/http/transport_fixture.h"

namespace herald::http {
namespace {

using test::LoopbackServer;

class TransportEgressTest : public TransportFixture {
protected:
    [[nodiscard]] std::string named(const std::string& host) const {
        return "http://" + host + ":" + std::to_string(server_.port()) + "/";
    }
    void expect_blocked(const core::Result<Response>& result) {
        ASSERT_FALSE(result.has_value()) << "status " << result->status;
        EXPECT_EQ(result.error().code, "blocked_address") << result.error().message;
        EXPECT_EQ(result.error().kind, core::ErrorKind::kPermanent);
        EXPECT_EQ(server_.connections(), connections_before_) << "a connection was made";
    }

    LoopbackServer server_{LoopbackServer::always(answer("ok"))};
    std::size_t connections_before_ = 0;
};

// S-01: in any spelling; the server is real and would answer.
TEST_F(TransportEgressTest, LiteralsAreRefusedUnlessListed) {
    allow("");
    for (const char* host :
         {"127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "0", "[::1]",
          "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]"}) {
        const auto result = send_get(named(host));
        expect_blocked(result);
        EXPECT_NE(result.error().message.find("HERALD_EGRESS_ALLOW"), std::string::npos) << host;
    }
}

TEST_F(TransportEgressTest, ListedLiteralsAreReachedInAnySpelling) {
    for (const char* host : {"127.0.0.1", "127.1", "2130706433", "0x7f000001"}) {
        EXPECT_TRUE(send_get(named(host)).has_value()) << host;
    }
}

TEST_F(TransportEgressTest, NamesWithPrivateAnswersOnlyAreRefused) {
    allow("");
    for (const char* host : {"localhost", "intern.example", "foo.localhost"}) {
        resolver_.answer(host, {"127.0.0.1"});
        expect_blocked(send_get(named(host)));
    }
}

// S-02, E-38: one bad address spoils the name, wherever it stands.
TEST_F(TransportEgressTest, MixedAnswersRefuseTheWholeName) {
    resolver_.answer("first.example", {"10.0.0.1", "127.0.0.1"});
    resolver_.answer("last.example", {"127.0.0.1", "10.0.0.1"});
    resolver_.answer("v6.example", {"127.0.0.1", "fd00:ec2::254"});
    resolver_.answer("mapped.example", {"127.0.0.1", "::ffff:169.254.169.254"});
    for (const char* host : {"first.example", "last.example", "v6.example", "mapped.example"}) {
        expect_blocked(send_get(named(host)));
    }
}

// S-02, E-39: the address that was checked is the address that is connected to; each new connection
// looks again.
TEST_F(TransportEgressTest, RebindingIsRefusedAtTheTryWhereItHappens) {
    resolver_.answer("rebound.example", {"127.0.0.1"});
    resolver_.answer("rebound.example", {"10.0.0.1"});
    resolver_.answer("rebound.example", {"169.254.169.254"});
    EXPECT_TRUE(send_get(named("rebound.example")).has_value());
    EXPECT_EQ(resolver_.lookups("rebound.example"), 1);
    EXPECT_TRUE(send_get(named("rebound.example")).has_value()) << "the kept connection";
    EXPECT_EQ(resolver_.lookups("rebound.example"), 1);

    clock_.advance(options_.idle_timeout);
    connections_before_ = server_.connections();
    expect_blocked(send_get(named("rebound.example")));
    expect_blocked(send_get(named("rebound.example")));
    EXPECT_EQ(resolver_.lookups("rebound.example"), 3);
}

TEST_F(TransportEgressTest, AThousandRebindingsMakeNoConnection) {
    allow("");
    for (int i = 0; i < 1000; ++i) {
        const std::string host = "h" + std::to_string(i) + ".example";
        if (i % 2 == 0) {
            resolver_.answer(host, {"8.8.8.8", "127.0.0.1"});
        } else {
            resolver_.answer(host, {"127.0.0.1"});
        }
        ASSERT_EQ(send_get(named(host)).error().code, "blocked_address");
    }
    EXPECT_EQ(server_.connections(), 0U);
}

TEST_F(TransportEgressTest, MetadataIsRefusedThoughItsNetworkIsListed) {
    allow("0.0.0.0/0,::/0");
    for (const char* host :
         {"169.254.169.254", "169.254.43518", "0xa9fea9fe", "169.254.170.2", "100.100.100.200",
          "168.63.129.16", "192.0.0.192", "[fd00:ec2::254]"}) {
        expect_blocked(send_get(named(host)));
    }
}

TEST_F(TransportEgressTest, OurOwnListenerIsRefusedThoughListed) {
    policy_.add_own_listener({boost::asio::ip::make_address("127.0.0.1"), server_.port()});
    const auto result = send_get(server_.url());
    expect_blocked(result);
    EXPECT_EQ(result.error().details.at("rule"), "self");
    LoopbackServer other(LoopbackServer::always(answer("ok")));
    EXPECT_TRUE(send_get(other.url()).has_value());
}

// O-8, O-95.
TEST_F(TransportEgressTest, CredentialsGoOverPlainHttpToLoopbackOnly) {
    allow("127.0.0.0/8,10.0.0.0/8");
    resolver_.answer("private.example", {"10.0.0.1"});
    resolver_.answer("public.example", {"8.8.8.8"});
    resolver_.answer("both.example", {"127.0.0.1", "10.0.0.1"});
    for (const char* host : {"private.example", "public.example", "both.example"}) {
        auto request = get(named(host));
        request.carries_credentials = true;
        const auto result = send(std::move(request));
        expect_blocked(result);
        EXPECT_EQ(result.error().details.at("rule"), "credentials_over_http") << host;
    }
    auto request = get(server_.url());
    request.carries_credentials = true;
    EXPECT_TRUE(send(std::move(request)).has_value());
}

// The connection of a request without credentials led to a loopback address by luck.
TEST_F(TransportEgressTest, CredentialsDoNotTravelOnAConnectionThatOthersMade) {
    allow("127.0.0.0/8,10.0.0.0/8");
    resolver_.answer("both.example", {"127.0.0.1", "10.0.0.1"});
    resolver_.answer("loopback.example", {"127.0.0.1"});
    for (const char* host : {"both.example", "loopback.example"})
        ASSERT_TRUE(send_get(named(host)).has_value()) << host;
    connections_before_ = server_.connections();
    auto request = get(named("both.example"));
    request.carries_credentials = true;
    expect_blocked(send(std::move(request)));
    request = get(named("loopback.example"));
    request.carries_credentials = true;
    EXPECT_TRUE(send(std::move(request)).has_value());
    EXPECT_EQ(server_.connections(), connections_before_) << "the kept one serves";
}

TEST_F(TransportEgressTest, CredentialsNeedTheLoopbackEntryToo) {
    allow("");
    auto request = get(server_.url());
    request.carries_credentials = true;
    expect_blocked(send(std::move(request)));
}

}  // namespace
}  // namespace herald::http
