#include <openssl/ssl.h>

#include "tests/http/transport_fixture.h"
#include "tests/support/test_certificates.h"

namespace herald::http {
namespace {

using test::CertificateSpec;
using test::LoopbackServer;
using test::LoopbackSession;
using test::ServerTls;
using test::TemporaryFile;
using test::TestCertificate;

// S-10. All of it on 127.0.0.1, where a client that trusts loopback would be blind (P9).
class TransportTlsTest : public TransportFixture {
protected:
    [[nodiscard]] TestCertificate issue(CertificateSpec spec) const {
        return TestCertificate(spec, &authority_);
    }
    [[nodiscard]] static ServerTls tls_of(const TestCertificate& certificate) {
        return {.chain = certificate.certificate_pem(), .key = certificate.key_pem()};
    }
    [[nodiscard]] Request trusting_get(const std::string& url) const {
        auto request = get(url);
        trust(request, authority_file_.path());
        return request;
    }
    // Connects to the server under `host`.
    core::Result<Response> ask(const ServerTls& tls, const std::string& host = "127.0.0.1") {
        resolver_.answer(host, {"127.0.0.1"});
        LoopbackServer server(LoopbackServer::always(answer("ok")), tls);
        return send(trusting_get("https://" + host + ":" + std::to_string(server.port()) + "/"));
    }
    void expect_refused(const core::Result<Response>& result, std::string_view reason) {
        expect_error(result, "tls", "tls", false);
        if (result.has_value()) return;
        EXPECT_EQ(result.error().kind, core::ErrorKind::kTransient);
        EXPECT_NE(result.error().message.find(reason), std::string::npos) << result.error().message;
    }

    TestCertificate authority_{
        CertificateSpec{.common_name = "Test Authority", .is_authority = true}};
    TemporaryFile authority_file_{authority_.certificate_pem()};
    const CertificateSpec good_{.names = {"IP:127.0.0.1", "DNS:good.example"}};
};

TEST_F(TransportTlsTest, AGoodCertificateIsAccepted) {
    const auto certificate = issue(good_);
    for (const char* host : {"127.0.0.1", "good.example"}) {
        const auto response = ask(tls_of(certificate), host);
        ASSERT_TRUE(response.has_value()) << response.error().message;
        EXPECT_EQ(response->body, "ok");
    }
}

TEST_F(TransportTlsTest, OneConnectionServesManyRequests) {
    LoopbackServer server(LoopbackServer::always(answer("ok")), tls_of(issue(good_)));
    for (int i = 0; i < 50; ++i) ASSERT_TRUE(send(trusting_get(server.url())).has_value());
    EXPECT_EQ(server.connections(), 1U);
}

TEST_F(TransportTlsTest, ALargeBodyArrivesWhole) {
    LoopbackServer server(
        [](LoopbackSession& session) {
            session.send(answer(std::to_string(session.read_request().size())));
        },
        tls_of(issue(good_)));
    auto request = trusting_get(server.url());
    request.method = "POST";
    request.body = std::string(1'000'000, 'x');
    const auto response = send(std::move(request));
    ASSERT_TRUE(response.has_value()) << response.error().message;
    EXPECT_GT(std::stoul(response->body), 1'000'000U);
}

TEST_F(TransportTlsTest, TheWrongHostIsRefusedOnLoopbackToo) {
    expect_refused(ask(tls_of(issue({.names = {"DNS:other.example"}}))), "IP address mismatch");
    expect_refused(ask(tls_of(issue({.names = {"IP:127.0.0.2"}}))), "IP address mismatch");
    expect_refused(ask(tls_of(issue(good_)), "evil.example"), "hostname mismatch");
    expect_refused(ask(tls_of(issue({.names = {"DNS:127.0.0.1"}}))), "IP address mismatch");
}

TEST_F(TransportTlsTest, ExpiredAndNotYetValid) {
    auto spec = good_;
    spec.valid_until = std::chrono::hours(-1);
    expect_refused(ask(tls_of(issue(spec))), "certificate has expired");
    spec.valid_from = std::chrono::hours(1);
    spec.valid_until = std::chrono::hours(2);
    expect_refused(ask(tls_of(issue(spec))), "not yet valid");
}

TEST_F(TransportTlsTest, SelfSigned) {
    expect_refused(ask(tls_of(TestCertificate(good_))), "self-signed certificate");
}

TEST_F(TransportTlsTest, AnUnknownAuthority) {
    const TestCertificate stranger(
        CertificateSpec{.common_name = "Stranger", .is_authority = true});
    expect_refused(ask(tls_of(TestCertificate(good_, &stranger))), "unable to get local issuer");
}

TEST_F(TransportTlsTest, TheCommonNameDoesNotCount) {
    expect_refused(ask(tls_of(issue({.common_name = "good.example"})), "good.example"),
                   "hostname mismatch");
    expect_refused(ask(tls_of(issue({.common_name = "127.0.0.1"}))), "IP address mismatch");
}

TEST_F(TransportTlsTest, Wildcards) {
    const auto wildcard = issue({.names = {"DNS:*.good.example"}});
    EXPECT_TRUE(ask(tls_of(wildcard), "one.good.example").has_value());
    expect_refused(ask(tls_of(wildcard), "two.one.good.example"), "hostname mismatch");
    expect_refused(ask(tls_of(wildcard), "good.example"), "hostname mismatch");
    expect_refused(ask(tls_of(issue({.names = {"DNS:w*.good.example"}})), "www.good.example"),
                   "hostname mismatch");
    expect_refused(ask(tls_of(issue({.names = {"DNS:.good.example"}})), "www.good.example"),
                   "hostname mismatch");
    expect_refused(ask(tls_of(issue({.names = {"DNS:*"}})), "good.example"), "hostname mismatch");
}

TEST_F(TransportTlsTest, AnIntermediateThatIsNoAuthority) {
    const auto middle = issue({.common_name = "Not an authority", .is_authority = false});
    const TestCertificate leaf(good_, &middle);
    auto tls = tls_of(leaf);
    tls.chain += middle.certificate_pem();
    expect_refused(ask(tls), "invalid CA certificate");
}

TEST_F(TransportTlsTest, AnIntermediateAuthority) {
    const auto middle = issue({.common_name = "Intermediate", .is_authority = true});
    const TestCertificate leaf(good_, &middle);
    auto tls = tls_of(leaf);
    tls.chain += middle.certificate_pem();
    EXPECT_TRUE(ask(tls).has_value());
}

TEST_F(TransportTlsTest, AWeakKey) {
    auto spec = good_;
    spec.rsa_bits = 1024;
    expect_refused(ask(tls_of(issue(spec))), "key too weak");
}

TEST_F(TransportTlsTest, OldProtocols) {
    for (const int version : {TLS1_VERSION, TLS1_1_VERSION}) {
        auto tls = tls_of(issue(good_));
        tls.max_version = version;
        expect_error(ask(tls), "tls", "tls", false);
    }
    auto tls = tls_of(issue(good_));
    tls.max_version = TLS1_2_VERSION;
    EXPECT_TRUE(ask(tls).has_value());
}

TEST_F(TransportTlsTest, NoTlsAtAll) {
    LoopbackServer server([](LoopbackSession& session) {
        session.read_some();
        session.send(answer("ok"));
    });
    expect_error(send(trusting_get("https://127.0.0.1:" + std::to_string(server.port()) + "/")),
                 "tls", "tls", false);
}

TEST_F(TransportTlsTest, AnAuthorityOfOneIdentityIsNoneOfAnother) {
    LoopbackServer server(LoopbackServer::always(answer("ok")), tls_of(issue(good_)));
    ASSERT_TRUE(send(trusting_get(server.url())).has_value());
    expect_refused(send_get(server.url()),
                   "unable to get local issuer");  // the system's authorities only
    const TestCertificate stranger(
        CertificateSpec{.common_name = "Stranger", .is_authority = true});
    const TemporaryFile file(stranger.certificate_pem());
    auto request = get(server.url());
    trust(request, file.path());
    expect_refused(send(std::move(request)), "unable to get local issuer");
}

TEST_F(TransportTlsTest, AnUnusableCaFileIsNamed) {
    LoopbackServer server(LoopbackServer::always(answer("ok")), tls_of(issue(good_)));
    const TemporaryFile garbage("no certificate");
    for (const std::string& path : {std::string("/nonexistent/ca.pem"), garbage.path()}) {
        auto request = get(server.url());
        trust(request, path);
        expect_refused(send(std::move(request)), path);
    }
}

TEST_F(TransportTlsTest, ABodyUntilCloseNeedsItsCloseNotify) {
    const auto script = [](LoopbackSession& session) {
        session.read_request();
        session.send("HTTP/1.1 200 OK\r\n\r\nbytes");
    };
    for (const bool is_orderly : {true, false}) {
        auto tls = tls_of(issue(good_));
        tls.sends_close_notify = is_orderly;
        LoopbackServer server(script, tls);
        const auto response = send(trusting_get(server.url()));
        ASSERT_TRUE(response.has_value()) << response.error().message;
        EXPECT_EQ(response->status, 200);
        EXPECT_EQ(response->body, "bytes");
        EXPECT_EQ(response->body_truncated, !is_orderly);
    }
}

// S-07 behind TLS: the second answer lies inside OpenSSL, not in the socket.
TEST_F(TransportTlsTest, ASecondAnswerIsNobodys) {
    LoopbackServer server(
        [](LoopbackSession& session) {
            session.read_request();
            if (session.number() == 0) {
                session.send_together({answer("mine"), answer("stolen")});
            } else {
                session.send(answer("next"));
            }
            session.wait_for_close();
        },
        tls_of(issue(good_)));
    EXPECT_EQ(send(trusting_get(server.url()))->body, "mine");
    EXPECT_EQ(send(trusting_get(server.url()))->body, "next");
}

TEST_F(TransportTlsTest, AStaleConnectionIsReplaced) {
    LoopbackServer server(
        [](LoopbackSession& session) {
            session.read_request();
            session.send(answer(std::to_string(session.number())));
        },
        tls_of(issue(good_)));
    for (std::size_t i = 0; i < 3; ++i) {
        const auto response = send(trusting_get(server.url()));
        ASSERT_TRUE(response.has_value()) << response.error().message;
        EXPECT_EQ(response->body, std::to_string(i));
        ASSERT_TRUE(server.wait_for_ended(i + 1));
    }
}

TEST_F(TransportTlsTest, HttpAndHttpsDoNotShareConnections) {
    LoopbackServer server(LoopbackServer::always(answer("ok")), tls_of(issue(good_)));
    ASSERT_TRUE(send(trusting_get(server.url())).has_value());
    EXPECT_FALSE(send_get("http://127.0.0.1:" + std::to_string(server.port()) + "/").has_value());
    EXPECT_EQ(server.connections(), 2U);
}

}  // namespace
}  // namespace herald::http
