#include "tests/simulation/ledger.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "core/time_text.h"

namespace herald::simulation {
namespace {

// Two requests of one attempt are one permit; and a permit may be used when the lane wakes, which
// is up to a millisecond after it falls due.
constexpr double kSlackSeconds = 0.002;
// The longest timeout of a notification, twice: a request and its resend.
constexpr std::chrono::seconds kLongestAttempt{60};

/// `/<lane>?…` of the callout's URL.
std::string lane_of(const http::Request& request) {
    const std::string path = request.url.target.substr(1);
    return path.substr(0, path.find_first_of("?/"));
}

}  // namespace

std::string callout_of(const http::Request& request) {
    return std::string(request.headers.get("webhook-id").value_or(""));
}

void Ledger::tell(const std::string& line) {
    if (!keeps_story_) return;
    const auto since = clock_.steady_now() - core::SteadyTime(std::chrono::hours(1));
    const double seconds = std::chrono::duration<double>(since).count();
    std::array<char, 32> at{};
    std::snprintf(at.data(), at.size(), "%12.3f  ", seconds);
    story_.push_back(at.data() + line);
    if (story_.size() > kLongestStory) story_.pop_front();
}

void Ledger::complain(const std::string& rule, const std::string& what) {
    complaints_.push_back(rule + ": " + what);
    tell("!! " + complaints_.back());
}

void Ledger::configured(const storage::NotificationRecord& record) {
    LaneFacts& lane = lanes_[record.name];
    lane.id = record.id;
    lane.name = record.name;
    lane.window = record.max_in_flight;
    if (lane.window >= lane.allowed) {
        lane.allowed = lane.window;
    } else {
        lane.allowed_until = clock_.steady_now() + kLongestAttempt;
    }
    if (lane.rate != record.rate_per_s) {
        lane.theoretical_arrival.reset();
        lane.rate_from = clock_.steady_now() + kLongestAttempt;
    }
    lane.rate = record.rate_per_s;
    lane.ordered = record.order_by.has_value();
}

void Ledger::accepted(core::CalloutId id, const std::string& lane, std::string key) {
    const std::string text = id.text();
    CalloutFacts& facts = callouts_[text];
    facts.acknowledged = true;
    facts.lane = lane;
    open_.insert(text);
    if (key.empty() || facts.key == key) return;
    facts.key = std::move(key);
    ordered_[{lane, facts.key}].push_back(text);
}

void Ledger::retried(core::CalloutId id) {
    CalloutFacts& facts = callouts_[id.text()];
    facts.by_hand = true;
    facts.over = false;
    facts.answered = false;
    open_.insert(id.text());
}

void Ledger::check_window(LaneFacts& lane) {
    if (clock_.steady_now() > lane.allowed_until) lane.allowed = lane.window;
    if (++lane.under_way > lane.allowed)
        complain("window", lane.name + " has " + std::to_string(lane.under_way) +
                               " requests under way, and may have " + std::to_string(lane.allowed));
}

void Ledger::check_rate(LaneFacts& lane) {
    if (!lane.rate || clock_.steady_now() < lane.rate_from) return;
    const double interval = 1.0 / *lane.rate;
    const double burst = std::max(1.0, *lane.rate / 10.0);
    const core::SteadyTime now = clock_.steady_now();
    const auto span = [](double seconds) {
        return std::chrono::duration_cast<core::SteadyTime::duration>(
            std::chrono::duration<double>(seconds));
    };
    const core::SteadyTime earliest = std::max(lane.theoretical_arrival.value_or(now), now);
    lane.theoretical_arrival = earliest + span(interval);
    if (*lane.theoretical_arrival - now > span(burst * interval + kSlackSeconds)) {
        complain("rate",
                 lane.name + " sends more than " + std::to_string(*lane.rate) + " a second");
        lane.theoretical_arrival.reset();
    }
}

void Ledger::left(const http::Request& request) {
    const std::string id = callout_of(request);
    if (id.empty()) return;
    CalloutFacts& callout = callouts_[id];
    if (callout.lane.empty()) callout.lane = lane_of(request);  // never acknowledged, and stored
    tell("-> " + callout.lane + " " + id + " to " + request.url.host);
    if (callout.answered && !callout.by_hand)
        complain("twice", id + " is sent again after a receiver's 2xx");
    if (callout.over && !callout.by_hand) complain("ended", id + " is sent after its end");
    if (++callout.under_way > 1) complain("twice", id + " is sent while it is under way");
    const auto lane = lanes_.find(callout.lane);
    if (lane == lanes_.end()) return;
    check_window(lane->second);
    if (!callout.refused) check_rate(lane->second);
}

void Ledger::known(const http::Request& request, const core::Result<http::Response>& answer) {
    const std::string id = callout_of(request);
    if (id.empty()) return;
    CalloutFacts& callout = callouts_[id];
    --callout.under_way;
    const auto lane = lanes_.find(callout.lane);
    if (lane != lanes_.end()) {
        --lane->second.under_way;
    }
    callout.refused = answer && answer->status == 401;
    if (answer || !answer.error().details.contains("local")) ++callout.spent;
    callout.answered = answer && answer->status / 100 == 2;
    tell("<- " + callout.lane + " " + id + " " +
         (answer ? std::to_string(answer->status) : answer.error().code));
}

void Ledger::took(const std::string& callout) {
    if (++callouts_[callout].taken == 1) ++delivered_;
}

void Ledger::found(core::CalloutId id, const storage::CalloutRecord* record) {
    const std::string text = id.text();
    CalloutFacts& callout = callouts_[text];
    if (record == nullptr) {
        if (callout.acknowledged && !callout.over)
            complain("lost", text + " was acknowledged and is not in the database");
        open_.erase(text);
        return;
    }
    callout.over = record->state == storage::CalloutState::kDelivered ||
                   record->state == storage::CalloutState::kDead ||
                   record->state == storage::CalloutState::kCancelled;
    if (record->attempts > callout.spent + record->crashes)
        complain("attempts", text + " has spent " + std::to_string(record->attempts) + " on " +
                                 std::to_string(callout.spent) + " requests");
    if (record->state == storage::CalloutState::kDelivered && callout.taken == 0)
        complain("lost", text + " counts as delivered, and no receiver has taken it");
    if (callout.over) open_.erase(text);
}

void Ledger::recovered(core::CalloutId id, const storage::CalloutRecord* record) {
    found(id, record);
    CalloutFacts& callout = callouts_[id.text()];
    if (!callout.over) callout.answered = false;
}

void Ledger::crashed() {
    // What was claimed may count as sent: nobody knows.
    for (const std::string& id : open_) ++callouts_[id].spent;
    for (auto& [name, lane] : lanes_) {
        lane.under_way = 0;
        lane.allowed = lane.window;
        lane.theoretical_arrival.reset();
    }
    for (auto& [id, callout] : callouts_) {
        callout.under_way = 0;
        callout.refused = false;
    }
}

std::vector<core::CalloutId> Ledger::open() const {
    std::vector<core::CalloutId> ids;
    ids.reserve(open_.size());
    for (const std::string& text : open_) ids.push_back(*core::CalloutId::parse(text));
    return ids;
}

bool Ledger::is_over(const std::string& callout) const {
    const auto found = callouts_.find(callout);
    return found != callouts_.end() && (found->second.over || found->second.by_hand);
}

std::vector<std::string> Ledger::before(const std::string& callout) const {
    std::vector<std::string> earlier;
    const auto found = callouts_.find(callout);
    if (found == callouts_.end() || found->second.key.empty() || found->second.by_hand) return {};
    for (const std::string& other : ordered_.at({found->second.lane, found->second.key})) {
        if (other == callout) break;
        if (!is_over(other)) earlier.push_back(other);
    }
    return earlier;
}

}  // namespace herald::simulation
