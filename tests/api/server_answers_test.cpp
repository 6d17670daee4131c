// What goes back to a client: how much of it is held, and what a HEAD is answered.
#include <gmock/gmock.h>

#include "tests/api/server_fixture.h"

namespace herald::test {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using TcpSocket = asio::ip::tcp::socket;

// An answer that no socket takes as a whole while its client does not read.
class LargeAnswersTest : public ServerTest {
protected:
    void start_with(std::size_t max_buffered) {
        auto options = patient();
        options.max_buffered = max_buffered;
        start(std::move(options));
        const std::string data(kSize, 'x');
        const std::string fired =
            must("POST", "/v1/events", R"({"type":"a.b","data":")" + data + "\"}").text_at("id");
        ask_ = "GET /v1/events/" + fired + " HTTP/1.1\r\nHost: x\r\n\r\n";
    }
    void ask_without_reading(RawClient<LocalSocket>& client) const {
        client.send(ask_);
        client.wait_for_an_answer();
    }

    static constexpr std::size_t kSize = 900'000;
    std::string ask_;
};

TEST_F(LargeAnswersTest, NoMoreAreHeldForClientsThatDoNotReadThanThereIsMemoryFor) {
    // One of them is more than this, but nothing is held when it is asked for.
    start_with(100'000);
    auto silent = connect();
    ask_without_reading(silent);
    const std::string refused = connect().ask(ask_);
    EXPECT_THAT(refused, StartsWith("HTTP/1.1 503 "));
    EXPECT_THAT(refused, HasSubstr("overloaded"));
    EXPECT_THAT(refused, HasSubstr("Retry-After: 1"));
    EXPECT_THAT(connect().ask(kGet), StartsWith("HTTP/1.1 200 ")) << "what is small always fits";
    EXPECT_THAT(silent.read_answer(), StartsWith("HTTP/1.1 200 "));
    EXPECT_THAT(silent.ask(ask_), StartsWith("HTTP/1.1 200 ")) << "the room is there again";
}

TEST_F(LargeAnswersTest, EachIsHeldOnceAndRefusingOneKeepsItsConnection) {
    // Room for one and some, not for two: two copies of the first would leave none for the second.
    start_with(kSize + kSize / 2);
    auto first = connect();
    auto second = connect();
    auto third = connect();
    ask_without_reading(first);
    ask_without_reading(second);
    EXPECT_THAT(third.ask(ask_), StartsWith("HTTP/1.1 503 "));
    EXPECT_THAT(second.read_answer(), StartsWith("HTTP/1.1 200 "));
    EXPECT_THAT(first.read_answer(), StartsWith("HTTP/1.1 200 "));
    EXPECT_THAT(second.ask(kGet), StartsWith("HTTP/1.1 200 "));
    EXPECT_THAT(first.ask(kGet), StartsWith("HTTP/1.1 200 "));
    EXPECT_THAT(third.ask(ask_), StartsWith("HTTP/1.1 200 "));
}

// A HEAD, and behind it a GET on the same connection.
template <class Socket, class Endpoint>
std::string answers_to_head(const Endpoint& endpoint, const std::string& path) {
    RawClient<Socket> client(endpoint);
    client.send("HEAD " + path + " HTTP/1.1\r\nHost: x\r\n\r\n" +
                "GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    return client.read_to_the_end();
}

// What a client that knows HEAD takes for the answer behind it.
std::string behind_head(const std::string& answers) {
    return answers.substr(answers.find("\r\n\r\n") + 4);
}

TEST_F(ServerTest, AHeadIsAnsweredWithoutABodyWhateverItAsksFor) {
    start(std::chrono::hours(1), "127.0.0.1:0");
    const asio::ip::tcp::endpoint port(asio::ip::address_v4::loopback(), server_->port());
    for (const char* path :
         {"/livez", "/readyz", "/metrics", "/v1/providers", "/v1/events", "/v1/nothing", "/"}) {
        EXPECT_THAT(behind_head(answers_to_head<LocalSocket>(endpoint(), path)),
                    StartsWith("HTTP/1.1 200 "))
            << path;
        EXPECT_THAT(behind_head(answers_to_head<TcpSocket>(port, path)),
                    StartsWith("HTTP/1.1 200 "))
            << path;
    }
}

TEST_F(ServerTest, HealthAndMetricsAnswerAHeadAsTheyAnswerAGet) {
    start(std::chrono::hours(1), "127.0.0.1:0");
    const asio::ip::tcp::endpoint port(asio::ip::address_v4::loopback(), server_->port());
    for (const char* path : {"/livez", "/readyz", "/metrics"}) {
        const std::string answer = answers_to_head<TcpSocket>(port, path);
        EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 ")) << path;
        EXPECT_THAT(answer.substr(0, answer.find("\r\n\r\n")), Not(HasSubstr("Length: 0")));
    }
    EXPECT_THAT(answers_to_head<LocalSocket>(endpoint(), "/livez"),
                HasSubstr("Content-Length: 13\r\n"));
    EXPECT_THAT(answers_to_head<LocalSocket>(endpoint(), "/v1/providers"),
                StartsWith("HTTP/1.1 405 "));
    EXPECT_THAT(answers_to_head<TcpSocket>(port, "/v1/providers"), StartsWith("HTTP/1.1 404 "));
}

TEST_F(ServerTest, AHeadThatIsRefusedBeforeItIsReadHasNoBodyEither) {
    start();
    for (const char* rest : {"/livez HTTP/1.1\r\n\r\n", "/livez HTTP/1.1\nHost: x\n\n",
                             "/v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: 1048577\r\n\r\n"}) {
        auto client = connect();
        client.send(std::string("HEAD ") + rest);
        const std::string answer = client.read_to_the_end();
        EXPECT_THAT(answer, StartsWith("HTTP/1.1 4")) << rest;
        EXPECT_EQ(behind_head(answer), "") << rest;
    }
}

TEST_F(ServerTest, AfterAHeadAGetHasItsBodyAgain) {
    start();
    auto client = connect();
    client.send("HEAD /livez HTTP/1.1\r\nHost: x\r\n\r\n" + std::string(kGet) +
                "GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    const std::string answers = client.read_to_the_end();
    EXPECT_THAT(answers, HasSubstr("\r\n\r\n{\"live\":true}HTTP/1.1 200 "));
    EXPECT_THAT(answers, HasSubstr("\r\n\r\n{\"ready\":true}"));
}

}  // namespace
}  // namespace herald::test
