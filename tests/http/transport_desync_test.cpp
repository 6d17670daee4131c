#include <condition_variable>
#include <map>
#include <mutex>
#include <set>

#include "tests/http/transport_fixture.h"

namespace herald::http {
namespace {

using test::LoopbackServer;
using test::LoopbackSession;

/// What a hostile receiver makes of one request.
struct Disorder {
    const char* name;
    bool is_answered;        ///< the status is known in the end
    std::string at_once;     ///< MINE stands for the event's own answer, EVENT for its number
    std::string afterwards;  ///< when the answer has been read, before the next request
    bool closes = false;
    bool is_harmless = false;  ///< the connection may serve another request
};

std::string answer_for(std::string_view event, std::string_view status = "200 OK") {
    return answer(event, status, "For: " + std::string(event) + "\r\n");
}

const std::string kStolen = answer_for("stolen");
const std::string kInterim = "HTTP/1.1 100 Continue\r\n\r\n";

std::string times(int count, const std::string& text) {
    std::string all;
    for (int i = 0; i < count; ++i) all += text;
    return all;
}

std::string head_of(const std::string& lines, std::string_view status = "200 OK") {
    return "HTTP/1.1 " + std::string(status) + "\r\nFor: EVENT\r\n" + lines + "\r\n";
}

Disorder harmless(const char* name, std::string at_once) {
    return {.name = name,
            .is_answered = true,
            .at_once = std::move(at_once),
            .afterwards = "",
            .is_harmless = true};
}

// S-07, one of each kind.
const std::vector<Disorder>& disorders() {
    static const std::vector<Disorder> all = {
        harmless("none", "MINE"),
        harmless("103 first", "HTTP/1.1 103 Early Hints\r\nFor: stolen\r\n\r\nMINE"),
        harmless("eight times 100", times(8, kInterim) + "MINE"),
        harmless("0xFF in a value", head_of("X: a\xFFz\r\nContent-Length: 0\r\n")),
        harmless("204", head_of("", "204 No Content")),
        {"a hundred times 100", false, times(100, kInterim) + "MINE", kStolen},
        {"100 after the answer", true, "MINE", kInterim},
        {"two answers in one segment", true, "MINE" + kStolen, ""},
        {"two answers in two segments", true, "MINE", kStolen},
        {"half an answer before its request", true, "MINE", kStolen.substr(0, 20)},
        {"one byte before the answer's request", true, "MINE", "H"},
        {"a long body", true, head_of("Content-Length: 3\r\n") + "EVENT", "xyz"},
        {"a long body like an answer", true, head_of("Content-Length: 0\r\n") + kStolen, ""},
        {"a short body", true, head_of("Content-Length: 999\r\n") + "EVENT", "", true},
        {"a body after 204", true, head_of("", "204 No Content") + kStolen, ""},
        {"a late body after 204", true, head_of("Content-Length: 9\r\n", "204 No Content"),
         kStolen},
        {"a body promised with 204", true, head_of("Content-Length: 9\r\n", "204 No Content"), ""},
        {"chunks promised with 304", true,
         head_of("Transfer-Encoding: chunked\r\n", "304 Not Modified"), ""},
        {"a body after 304", true, head_of("Content-Length: 9\r\n", "304 Not Modified"), kStolen},
        {"chunks after 304", true,
         head_of("Transfer-Encoding: chunked\r\n", "304 Not Modified") + "0\r\n\r\n" + kStolen, ""},
        {"0xFF in a name", true, head_of("X\xFF: a\r\nContent-Length: 0\r\n"), kStolen},
        {"0xFF behind the answer", true, "MINE\xFF", ""},
        {"bytes after a close-delimited body", true, head_of("") + "EVENT" + kStolen, "", true},
        {"bytes after an announced close", true,
         head_of("Connection: close\r\nContent-Length: 5\r\n") + "EVENT" + kStolen, kStolen},
        {"an answer behind the last chunk", true,
         head_of("Transfer-Encoding: chunked\r\n") + "5\r\nEVENT\r\n0\r\n\r\n" + kStolen, ""},
        {"an answer inside a trailer", true,
         head_of("Transfer-Encoding: chunked\r\n") + "0\r\nX: " + kStolen, ""},
        {"a length and chunks", true,
         head_of("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n") + "0\r\n\r\n" + kStolen,
         ""},
        {"two lengths", true, head_of("Content-Length: 0\r\nContent-Length: 9\r\n") + kStolen, ""},
        {"HTTP/1.0", true, "HTTP/1.0 200 OK\r\nFor: EVENT\r\nContent-Length: 0\r\n\r\n", kStolen},
        {"no answer", false, "", "", true},
    };
    return all;
}

std::string filled_in(std::string text, const std::string& event) {
    const std::map<std::string, std::string> values = {{"MINE", answer_for(event)},
                                                       {"EVENT", event}};
    for (const auto& [name, value] : values) {
        for (auto at = text.find(name); at != std::string::npos; at = text.find(name, at)) {
            text.replace(at, name.size(), value);
        }
    }
    return text;
}

/// Receiver and test by turns: all answers of a round, then all that comes after them.
class Rounds final {
public:
    void wait_for(int round) {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return read_ >= round || is_over_; });
    }
    /// An event may come twice: once more where its kept connection ended unanswered.
    void done(int event) {
        const std::lock_guard lock(mutex_);
        done_.insert(event);
        changed_.notify_all();
    }
    /// False where the receiver never gets there.
    bool has_read(int round, std::size_t requests) {
        std::unique_lock lock(mutex_);
        read_ = round;
        changed_.notify_all();
        return changed_.wait_for(lock, std::chrono::seconds(10),
                                 [&] { return done_.size() >= requests; });
    }
    void misuse(const char* disorder) {
        const std::lock_guard lock(mutex_);
        misused_.append(disorder).append("; ");
    }
    std::string misused() {
        const std::lock_guard lock(mutex_);
        return misused_;
    }
    void end() {
        const std::lock_guard lock(mutex_);
        is_over_ = true;
        changed_.notify_all();
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    int read_ = 0;
    std::set<int> done_;
    bool is_over_ = false;
    std::string misused_;
};

class TransportDesyncTest : public TransportFixture {
protected:
    static constexpr int kAtOnce = 8;
    static constexpr int kRounds = 130;
    static constexpr int kFirstEvent = 10'000;  // all of five digits

    ~TransportDesyncTest() override { rounds_.end(); }

    static const Disorder& disorder_of(int event) {
        // Neighbours on a connection differ from round to round.
        const auto number = static_cast<std::size_t>(event - kFirstEvent);
        return disorders()[number * 7 % disorders().size()];
    }

    void serve(LoopbackSession& session) {
        for (;;) {
            const std::string request = session.read_request();
            if (request.empty()) return;
            const std::string event = request.substr(request.find("\r\n\r\n") + 4);
            const int number = std::stoi(event);
            const Disorder& disorder = disorder_of(number);
            session.send(filled_in(disorder.at_once, event));
            if (disorder.closes) session.close();
            rounds_.wait_for((number - kFirstEvent) / kAtOnce + 1);
            session.send(disorder.afterwards);
            rounds_.done(number);
            if (disorder.is_harmless) continue;
            if (!session.read_request().empty()) rounds_.misuse(disorder.name);
            return;
        }
    }

    void expect_own(const core::Result<Response>& result, int event) {
        const Disorder& disorder = disorder_of(event);
        ASSERT_EQ(result.has_value(), disorder.is_answered) << disorder.name << ", event " << event;
        if (!result) return;
        EXPECT_EQ(result->headers.get("for"), std::to_string(event)) << disorder.name;
        if (result->body_truncated || result->body.empty()) return;
        EXPECT_TRUE(result->body.starts_with(std::to_string(event).substr(0, 3))) << disorder.name;
    }

    Rounds rounds_;
    std::unique_ptr<LoopbackServer> server_;
};

TEST_F(TransportDesyncTest, NoAnswerIsTakenForAnotherEvents) {
    server_ =
        std::make_unique<LoopbackServer>([this](LoopbackSession& session) { serve(session); });
    int event = kFirstEvent;
    for (int round = 1; round <= kRounds; ++round) {
        std::vector<std::shared_ptr<Outcome>> outcomes;
        for (int i = 0; i < kAtOnce; ++i) {
            outcomes.push_back(start(post(server_->url(), std::to_string(event + i))));
        }
        for (const auto& outcome : outcomes) {
            expect_own(finish(outcome), event++);
            if (HasFailure()) return;
        }
        ASSERT_TRUE(rounds_.has_read(round, static_cast<std::size_t>(round * kAtOnce)));
    }
    EXPECT_GE(event - kFirstEvent, 1000);
    // Had every connection been thrown away, nothing would have been shown.
    EXPECT_LT(server_->connections(), 1000U) << "connections are kept where that is safe";
    transport_.reset();
    ASSERT_TRUE(server_->wait_for_ended(server_->connections()));
    EXPECT_EQ(rounds_.misused(), "") << "a connection in disorder got another request";
}

}  // namespace
}  // namespace herald::http
