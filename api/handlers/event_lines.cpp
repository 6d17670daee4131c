#include "api/handlers/event_lines.h"

#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <map>
#include <mutex>

#include "api/json_text.h"
#include "api/member_reader.h"
#include "core/await.h"
#include "core/byte_order_mark.h"
#include "core/encoding.h"
#include "core/json.h"
#include "core/time_text.h"

namespace herald::api {
namespace {

namespace asio = boost::asio;
using core::Result;
using dispatcher::AcceptedEvent;
using dispatcher::EventInput;

constexpr std::size_t kMaxOutstanding = 1024;
// A sender whose lines are nearly all refused learns nothing from more of them.
constexpr std::size_t kMaxRejected = 1000;
// So long a thread may be kept from others.
constexpr std::size_t kBytesAtATime = std::size_t{256} * 1024;

bool ends_import(const core::Error& error) {
    return error.kind == core::ErrorKind::kStorage || error.code == "shutting_down";
}

// What became of each line. Shared with the completions, which run on the store's writer thread.
class LineLedger final {
public:
    // Calls back at once where there is room for one more, else when there is again.
    void when_room(core::Done<> go) { when(kMaxOutstanding - 1, std::move(go)); }
    void when_done(core::Done<> go) { when(0, std::move(go)); }

    // false: there is no room, or the import has ended.
    bool begin() {
        const std::scoped_lock lock(mutex_);
        if (outstanding_ >= kMaxOutstanding || is_over()) return false;
        ++outstanding_;
        return true;
    }
    bool has_ended() {
        const std::scoped_lock lock(mutex_);
        return is_over();
    }
    // No line from this one on was looked at.
    void stop_before(std::size_t line) {
        const std::scoped_lock lock(mutex_);
        looked_at_ = line - 1;
    }

    void end(std::size_t line, const Result<AcceptedEvent>& result) {
        core::Done<> go;
        {
            const std::scoped_lock lock(mutex_);
            --outstanding_;
            if (result) {
                ++(result->duplicate ? duplicates_ : accepted_);
            } else {
                note(line, result.error());
            }
            if (waiter_ && outstanding_ <= wanted_) go = std::exchange(waiter_, nullptr);
        }
        if (go) go({});
    }

    Result<boost::json::object> summary() {
        const std::scoped_lock lock(mutex_);
        boost::json::object counts{{"accepted", accepted_}, {"duplicates", duplicates_}};
        if (fatal_) {
            core::Error error = *fatal_;
            counts["line"] = fatal_line_;
            error.details = std::move(counts);
            return error;
        }
        boost::json::array rejected;
        for (const auto& [line, why] : rejected_) {
            rejected.push_back(boost::json::object{{"line", line}, {"error", shown(why)}});
        }
        counts["rejected"] = std::move(rejected);
        if (looked_at_) counts["stopped"] = stopped_after(*looked_at_);
        return counts;
    }

private:
    // REQUIRES: mutex_ is held.
    [[nodiscard]] boost::json::object stopped_after(std::size_t line) const {
        const std::string why = std::to_string(rejected_.size()) +
                                " lines are rejected; those after line " + std::to_string(line) +
                                " were not looked at: correct the input and send the rest again";
        return boost::json::object{{"line", line}, {"error", why}};
    }

    // A line met an error of the store, or too many are refused. REQUIRES: mutex_ is held.
    [[nodiscard]] bool is_over() const { return fatal_ || rejected_.size() >= kMaxRejected; }

    void when(std::size_t wanted, core::Done<> go) {
        {
            const std::scoped_lock lock(mutex_);
            // Half of them, where some have to end first: many lines go on at one waking.
            wanted_ = wanted / 2;
            if (outstanding_ > wanted) {
                waiter_ = std::move(go);
                return;
            }
        }
        go({});
    }

    void note(std::size_t line, const core::Error& error) {
        if (!ends_import(error)) {
            rejected_.emplace(line, error.message);
        } else if (!fatal_ || line < fatal_line_) {
            fatal_ = error;
            fatal_line_ = line;
        }
    }

    std::mutex mutex_;
    // guarded by mutex_
    std::size_t outstanding_ = 0;
    std::size_t wanted_ = 0;  // the waiter goes on when no more than that are outstanding
    core::Done<> waiter_;
    std::uint64_t accepted_ = 0;
    std::uint64_t duplicates_ = 0;
    std::map<std::size_t, std::string> rejected_;
    std::optional<core::Error> fatal_;
    std::size_t fatal_line_ = 0;
    std::optional<std::size_t> looked_at_;  // so many lines, where that was not all
};

std::string_view take_line(std::string_view& lines) {
    const std::size_t end = lines.find('\n');
    const std::string_view line = core::trim(lines.substr(0, end));
    lines.remove_prefix(end == std::string_view::npos ? lines.size() : end + 1);
    return line;
}

Result<> read_occurred_at(const boost::json::value& value, EventInput& input) {
    if (value.is_null()) return {};
    const auto at =
        value.is_string() ? core::parse_time(std::string_view(value.get_string())) : std::nullopt;
    if (!at)
        return core::invalid_argument("occurred_at",
                                      "an RFC 3339 time such as 2026-11-21T08:00:00Z");
    input.occurred_at = *at;
    return {};
}

}  // namespace

Result<EventInput> read_event(std::string_view text) {
    const auto object = core::parse_object(text);
    if (!object) return object.error();
    EventInput input;
    input.data = "null";
    MemberReader in(*object);
    in.text("type", input.type);
    in.other("data", [&](const boost::json::value&) -> Result<> {
        if (const auto data = core::raw_at(text, {"data"})) input.data = std::string(*data);
        return {};
    });
    in.optional_text("key", input.key);
    in.other("occurred_at",
             [&](const boost::json::value& value) { return read_occurred_at(value, input); });
    if (auto done = in.finish(); !done) return done.error();
    if (!in.has("type")) return core::invalid_argument("type", "is required");
    return input;
}

asio::awaitable<Result<boost::json::object>> submit_lines(dispatcher::Intake& intake,
                                                          std::string_view lines) {
    const auto ledger = std::make_shared<LineLedger>();
    const auto executor = co_await asio::this_coro::executor;
    lines = core::without_byte_order_mark(lines);
    std::size_t left_at_turn = lines.size();
    for (std::size_t number = 1; !lines.empty(); ++number) {
        if (left_at_turn - lines.size() >= kBytesAtATime) {
            left_at_turn = lines.size();
            auto yielding = asio::post(executor, asio::use_awaitable);
            co_await std::move(yielding);
        }
        const std::string_view line = take_line(lines);
        if (line.empty()) continue;
        bool has_room = ledger->begin();
        while (!has_room && !ledger->has_ended()) {
            auto waiting = core::await_done<void>(
                [ledger](core::Done<> go) { ledger->when_room(std::move(go)); });
            co_await std::move(waiting);
            has_room = ledger->begin();
        }
        if (!has_room) {
            ledger->stop_before(number);
            break;
        }
        auto input = read_event(line);
        if (!input) {
            ledger->end(number, input.error());
            continue;
        }
        intake.submit(std::move(*input), [ledger, number](const Result<AcceptedEvent>& result) {
            ledger->end(number, result);
        });
    }
    auto ending =
        core::await_done<void>([ledger](core::Done<> go) { ledger->when_done(std::move(go)); });
    co_await std::move(ending);
    co_return ledger->summary();
}

}  // namespace herald::api
