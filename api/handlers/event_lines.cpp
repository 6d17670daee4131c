#include "api/handlers/event_lines.h"

#include <condition_variable>
#include <map>
#include <mutex>

#include "api/json_text.h"
#include "api/member_reader.h"
#include "core/encoding.h"
#include "core/json.h"
#include "core/time_text.h"

namespace herald::api {
namespace {

using core::Result;
using dispatcher::AcceptedEvent;
using dispatcher::EventInput;

constexpr std::size_t kMaxOutstanding = 1024;

bool ends_import(const core::Error& error) {
    return error.kind == core::ErrorKind::kStorage || error.code == "shutting_down";
}

// What became of each line. Shared with the completions, which run on the store's writer thread.
class LineLedger final {
public:
    // Waits for room; false: a line met an error that ends the import.
    bool begin() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return outstanding_ < kMaxOutstanding || fatal_; });
        if (fatal_) return false;
        ++outstanding_;
        return true;
    }

    void end(std::size_t line, const Result<AcceptedEvent>& result) {
        const std::scoped_lock lock(mutex_);
        --outstanding_;
        if (result) {
            ++(result->duplicate ? duplicates_ : accepted_);
        } else {
            note(line, result.error());
        }
        changed_.notify_all();
    }

    void reject(std::size_t line, const core::Error& error) {
        const std::scoped_lock lock(mutex_);
        note(line, error);
    }

    Result<boost::json::object> summary() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return outstanding_ == 0; });
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
        return counts;
    }

private:
    void note(std::size_t line, const core::Error& error) {
        if (!ends_import(error)) {
            rejected_.emplace(line, error.message);
        } else if (!fatal_ || line < fatal_line_) {
            fatal_ = error;
            fatal_line_ = line;
        }
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    // guarded by mutex_
    std::size_t outstanding_ = 0;
    std::uint64_t accepted_ = 0;
    std::uint64_t duplicates_ = 0;
    std::map<std::size_t, std::string> rejected_;
    std::optional<core::Error> fatal_;
    std::size_t fatal_line_ = 0;
};

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

Result<boost::json::object> submit_lines(dispatcher::Intake& intake, std::string_view lines) {
    // Shared: a completion may still hold it for a moment after the summary was taken.
    const auto ledger = std::make_shared<LineLedger>();
    for (std::size_t number = 1; !lines.empty(); ++number) {
        const std::size_t end = lines.find('\n');
        const std::string_view line = core::trim(lines.substr(0, end));
        lines.remove_prefix(end == std::string_view::npos ? lines.size() : end + 1);
        if (line.empty()) continue;
        auto input = read_event(line);
        if (!input) {
            ledger->reject(number, input.error());
            continue;
        }
        if (!ledger->begin()) break;
        intake.submit(std::move(*input), [ledger, number](const Result<AcceptedEvent>& result) {
            ledger->end(number, result);
        });
    }
    return ledger->summary();
}

}  // namespace herald::api
