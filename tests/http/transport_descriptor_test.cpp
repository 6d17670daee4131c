#include <fcntl.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

#include "tests/http/transport_deadline_fixture.h"

namespace herald::http {
namespace {

using namespace std::chrono_literals;

/// What the transport leaves to the rest of the process under so low a limit.
constexpr int kSpare = 8;

/// A receiver that takes a descriptor only while it answers: its connections wait in the kernel.
class PatientReceiver final {
public:
    PatientReceiver() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        void* const raw = &address;
        ::bind(listener_, static_cast<sockaddr*>(raw), size);
        ::listen(listener_, 64);
        ::getsockname(listener_, static_cast<sockaddr*>(raw), &size);
        port_ = ntohs(address.sin_port);
    }
    ~PatientReceiver() { ::close(listener_); }
    PatientReceiver(const PatientReceiver&) = delete;
    PatientReceiver& operator=(const PatientReceiver&) = delete;

    [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
    /// Answers the connection that waits longest.
    void answer_next() const {
        static const std::string text = answer("ok");
        std::array<char, 4096> request{};
        const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        ASSERT_GE(socket, 0) << "nobody has connected";
        EXPECT_GT(::recv(socket, request.data(), request.size(), MSG_DONTWAIT), 0);
        EXPECT_GT(::send(socket, text.data(), text.size(), MSG_NOSIGNAL), 0);
        ::close(socket);
    }

private:
    const int listener_;
    std::uint16_t port_ = 0;
};

// too few descriptors are no failure of the receiver's.
class TransportDescriptorTest : public TransportDeadlineTest {
protected:
    TransportDescriptorTest() { ::getrlimit(RLIMIT_NOFILE, &before_); }
    ~TransportDescriptorTest() override {
        ::setrlimit(RLIMIT_NOFILE, &before_);
        for (const int filler : fillers_) ::close(filler);
    }

    // The lowest number that is free, so all below are taken.
    static int next_descriptor() {
        const int next = ::dup(STDERR_FILENO);
        ::close(next);
        return next;
    }
    // Behind so many free numbers; some in between may be inherited from whoever runs the test.
    static int number_behind(int free_ones) {
        int number = 0;
        for (int found = 0; found < free_ones; ++number) {
            if (::fcntl(number, F_GETFD) < 0) ++found;
        }
        return number;
    }
    // The transport reads the limit when it is made.
    void given_room_for(int sockets) {
        boost::asio::ip::tcp::socket(context_, boost::asio::ip::tcp::v4());  // the loop's own
        ceiling_ = number_behind(sockets);
        auto limit = before_;
        limit.rlim_cur = static_cast<rlim_t>(ceiling_ + kSpare);
        ASSERT_LT(limit.rlim_cur, 72U) << "more descriptors are open than the test reckons with";
        ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
        static_cast<void>(transport());
    }
    void take_all_room() {
        while (next_descriptor() < ceiling_) fillers_.push_back(::dup(STDERR_FILENO));
    }
    void free_one() {
        ::close(fillers_.back());
        fillers_.pop_back();
    }
    void start_some(int count) {
        for (int i = 0; i < count; ++i) outcomes_.push_back(start(get(receiver_.url())));
    }
    [[nodiscard]] std::ptrdiff_t ended() {
        poll();
        return std::count_if(outcomes_.begin(), outcomes_.end(),
                             [](const auto& outcome) { return outcome->has_value(); });
    }
    void expect_short_of_descriptors(const core::Result<Response>& result) {
        expect_error(result, "local_limit", "connect", false);
        EXPECT_EQ(result.error().kind, core::ErrorKind::kTransient);
        EXPECT_TRUE(result.error().details.at("local").as_bool());
        EXPECT_NE(result.error().message.find("descriptor"), std::string::npos);
    }

    PatientReceiver receiver_;
    std::vector<std::shared_ptr<Outcome>> outcomes_;
    std::vector<int> fillers_;
    rlimit before_{};
    int ceiling_ = 0;
};

TEST_F(TransportDescriptorTest, RequestsWaitForThemInOrder) {
    given_room_for(3);
    const auto others = open_descriptors();
    start_some(12);
    for (int answered = 0; answered < 12; ++answered) {
        ASSERT_EQ(ended(), answered);
        EXPECT_EQ(open_descriptors(), others + std::min(3, 12 - answered));
        receiver_.answer_next();
        ASSERT_TRUE(finish(outcomes_.at(static_cast<std::size_t>(answered))).has_value());
    }
    expect_free();
}

TEST_F(TransportDescriptorTest, WaitingEndsAtTheDeadlineAndSaysWhatToDo) {
    given_room_for(2);
    take_all_room();
    start_some(2);
    const auto first = expect_end_at(outcomes_[0], kDeadline);
    expect_short_of_descriptors(first);
    EXPECT_NE(first.error().message.find("ulimit"), std::string::npos);
    expect_short_of_descriptors(finish(outcomes_[1]));
    ::setrlimit(RLIMIT_NOFILE, &before_);
    for (int i = 0; i < 2; ++i) free_one();
    outcomes_.clear();
    start_some(1);
    poll();
    receiver_.answer_next();
    EXPECT_TRUE(finish(outcomes_[0]).has_value());
}

TEST_F(TransportDescriptorTest, OneThatSomebodyElseFreesIsFound) {
    given_room_for(2);
    take_all_room();
    start_some(1);
    poll();
    free_one();
    EXPECT_EQ(ended(), 0);
    clock_.advance(100ms);
    poll();
    receiver_.answer_next();
    EXPECT_TRUE(finish(outcomes_[0]).has_value());
}

TEST_F(TransportDescriptorTest, IdleConnectionsMakeRoom) {
    given_room_for(next_descriptor() + 32);  // idle ones may have half of all
    test::LoopbackServer other(test::LoopbackServer::always(answer("kept")));
    ASSERT_TRUE(send_get(other.url()).has_value());
    ASSERT_TRUE(send_get(other.url()).has_value());
    ASSERT_EQ(other.connections(), 1U) << "it is kept while there is room";
    take_all_room();
    start_some(1);
    poll();
    EXPECT_TRUE(other.wait_for_ended(1)) << "the idle connection was closed";
    receiver_.answer_next();
    EXPECT_TRUE(finish(outcomes_[0]).has_value());
}

TEST_F(TransportDescriptorTest, ATransportMayGoWhileRequestsWait) {
    given_room_for(1);
    take_all_room();
    start_some(3);
    poll();
    transport_.reset();
    for (const auto& outcome : outcomes_) {
        const auto result = finish(outcome);
        ASSERT_FALSE(result.has_value());
        EXPECT_EQ(result.error().kind, core::ErrorKind::kCancelled);
    }
}

TEST_F(TransportDescriptorTest, TheContextMayGoWhileRequestsWait) {
    given_room_for(1);
    take_all_room();
    auto context = std::make_unique<boost::asio::io_context>();
    auto transport = make_beast_transport(context->get_executor(), policy_, resolver_, clock_);
    int finished = 0;
    for (int i = 0; i < 3; ++i) {
        boost::asio::co_spawn(*context, transport->send(get(receiver_.url())),
                              [&finished](const std::exception_ptr&, const auto&) { ++finished; });
    }
    context->poll();
    transport.reset();
    context.reset();
    EXPECT_EQ(finished, 0);
}

}  // namespace
}  // namespace herald::http
