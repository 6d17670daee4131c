#include <openssl/ssl.h>

#include "http/beast/tls_sessions.h"
#include "tests/http/transport_fixture.h"
#include "tests/support/test_certificates.h"

namespace herald::http {
namespace {

using test::LoopbackServer;
using test::LoopbackSession;
using test::ServerTls;
using test::TemporaryFile;
using test::TestCertificate;

/// One server under two names; it says whether the handshake was short and who the client is.
class TransportTlsSessionTest : public TransportFixture {
protected:
    TransportTlsSessionTest() {
        for (const char* host : {"one.example", "two.example", "wrong.example"})
            resolver_.answer(host, {"127.0.0.1"});
    }

    [[nodiscard]] ServerTls server_tls() const {
        return {.chain = certificate_.certificate_pem(), .key = certificate_.key_pem()};
    }
    enum class Connections { kKept, kClosed };
    LoopbackServer& serve(const ServerTls& tls, Connections connections) {
        const std::string lines =
            connections == Connections::kClosed ? "Connection: close\r\n" : "";
        server_ = std::make_unique<LoopbackServer>(
            [lines](LoopbackSession& session) {
                const std::string who = session.client_name();
                const std::string how = session.is_resumed() ? "resumed" : "new";
                while (!session.read_request().empty())
                    session.send(answer(who + " " + how, "200 OK", lines));
            },
            tls);
        return *server_;
    }
    [[nodiscard]] Request request_to(const std::string& host) const {
        auto request = get("https://" + host + ":" + std::to_string(server_->port()) + "/");
        trust(request, authority_file_.path());
        return request;
    }
    std::string ask(Request request) {
        const auto response = send(std::move(request));
        return response ? response->body : response.error().code;
    }
    [[nodiscard]] TlsIdentity identity(const std::string& name) const {
        const TestCertificate certificate({.common_name = name}, &authority_);
        TlsIdentity identity{.certificate = certificate.certificate_pem(),
                             .private_key = std::make_shared<core::Secret>(certificate.key_pem())};
        trust(identity, authority_file_.path());
        return identity;
    }
    [[nodiscard]] Request request_as(const TlsIdentity& identity) const {
        auto request = request_to("one.example");
        request.tls = identity;
        return request;
    }
    [[nodiscard]] ServerTls demanding_tls() const {
        auto tls = server_tls();
        tls.client_authority = authority_.certificate_pem();
        return tls;
    }

    TestCertificate authority_{{.common_name = "Test Authority", .is_authority = true}};
    TemporaryFile authority_file_{authority_.certificate_pem()};
    TestCertificate certificate_{{.names = {"DNS:one.example", "DNS:two.example"}}, &authority_};
    std::unique_ptr<LoopbackServer> server_;
};

TEST_F(TransportTlsSessionTest, AConnectionThatIsMadeAgainResumes) {
    for (const int version : {0, TLS1_2_VERSION}) {
        auto tls = server_tls();
        tls.max_version = version;
        serve(tls, Connections::kClosed);
        EXPECT_EQ(ask(request_to("one.example")), " new");
        for (int i = 0; i < 3; ++i) EXPECT_EQ(ask(request_to("one.example")), " resumed");
        EXPECT_EQ(server_->connections(), 4U);
    }
}

TEST_F(TransportTlsSessionTest, NotUnderAnotherName) {
    serve(server_tls(), Connections::kClosed);
    EXPECT_EQ(ask(request_to("one.example")), " new");
    EXPECT_EQ(ask(request_to("two.example")), " new");
    EXPECT_EQ(ask(request_to("wrong.example")), "tls") << "the name is verified";
    EXPECT_EQ(ask(request_to("one.example")), " resumed");
}

TEST_F(TransportTlsSessionTest, NotForOneWhoTrustsOthers) {
    serve(server_tls(), Connections::kClosed);
    EXPECT_EQ(ask(request_to("one.example")), " new");
    const TestCertificate stranger({.common_name = "Stranger", .is_authority = true});
    const TemporaryFile strangers(stranger.certificate_pem());
    auto request = request_to("one.example");
    trust(request, strangers.path());
    EXPECT_EQ(ask(std::move(request)), "tls");
    const TemporaryFile copy(authority_.certificate_pem());
    request = request_to("one.example");
    trust(request, copy.path());
    EXPECT_EQ(ask(std::move(request)), " new");
}

TEST_F(TransportTlsSessionTest, NotForAnotherClientCertificate) {
    serve(demanding_tls(), Connections::kClosed);
    const auto first = identity("first");
    const auto second = identity("second");
    EXPECT_EQ(ask(request_as(first)), "first new");
    EXPECT_EQ(ask(request_as(second)), "second new");
    EXPECT_EQ(ask(request_as(first)), "first resumed");
    EXPECT_EQ(ask(request_as(second)), "second resumed");
}

// Two providers at one server: each is known by its own certificate.
TEST_F(TransportTlsSessionTest, ClientCertificatesDoNotShareConnections) {
    serve(demanding_tls(), Connections::kKept);
    const auto first = identity("first");
    const auto second = identity("second");
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(ask(request_as(first)), "first new");
        EXPECT_EQ(ask(request_as(second)), "second new");
    }
    EXPECT_EQ(server_->connections(), 2U) << "each of them is kept";
}

TEST_F(TransportTlsSessionTest, WhoShowsNoneIsNotTakenForOneWhoDoes) {
    serve(demanding_tls(), Connections::kKept);
    EXPECT_EQ(ask(request_as(identity("first"))), "first new");
    const auto result = send(request_to("one.example"));
    EXPECT_FALSE(result.has_value());
}

TEST_F(TransportTlsSessionTest, CaFilesDoNotShareConnections) {
    serve(server_tls(), Connections::kKept);
    const TemporaryFile copy(authority_.certificate_pem());
    for (int i = 0; i < 2; ++i) {
        EXPECT_EQ(ask(request_to("one.example")), " new");
        auto request = request_to("one.example");
        trust(request, copy.path());
        EXPECT_EQ(ask(std::move(request)), " new");
    }
    EXPECT_EQ(server_->connections(), 2U);
}

TEST(TlsSessionsTest, KeepsTheLatestOfSoManyKeys) {
    TlsSessions sessions(2);
    for (const char* key : {"a", "b", "a", "c"}) sessions.remember(key, SSL_SESSION_new());
    EXPECT_EQ(sessions.size(), 2U);
    EXPECT_TRUE(sessions.knows("a"));
    EXPECT_FALSE(sessions.knows("b")) << "a was heard of later";
    EXPECT_TRUE(sessions.knows("c"));
    sessions.forget("c");
    EXPECT_FALSE(sessions.knows("c"));
}

}  // namespace
}  // namespace herald::http
