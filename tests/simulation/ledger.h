#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/id.h"
#include "http/message.h"
#include "storage/records.h"
#include "tests/support/fake_clock.h"

namespace herald::simulation {

/// A notification as the operators last set it up: what its lane has to keep to.
struct LaneFacts {
    core::NotificationId id;
    std::string name;
    int window = 0;
    std::optional<double> rate = std::nullopt;
    bool ordered = false;

    int under_way = 0;
    /// `window`, or a former one that was larger: what had started by then may wait for its token.
    int allowed = 0;
    core::SteadyTime allowed_until = {};
    core::SteadyTime rate_from = {};  ///< from then on no attempt is older than the rate
    std::optional<core::SteadyTime> theoretical_arrival = std::nullopt;  ///< of the rate (GCRA)
};

/// What is known of one callout by those who saw it.
struct CalloutFacts {
    std::string lane;
    std::string key;  ///< by which it is ordered; empty: not
    bool acknowledged = false;
    bool over = false;      ///< the store said that it had ended
    bool by_hand = false;   ///< somebody retried it: it has left its order
    int taken = 0;          ///< how often a receiver did what it asks for
    bool answered = false;  ///< and the daemon that lives now knows
    bool refused = false;   ///< the last answer was a 401, after which it may be sent again at once
    int under_way = 0;
    int spent = 0;  ///< requests that a receiver answered, or did not answer
};

/// The facts of a run and the rules that hold between them, whatever the world does.
///
/// It sees what leaves the daemon and what comes back, and what the store says; a rule that is
/// broken becomes a complaint. The story is told line by line. Thread-safety: none.
class Ledger final {
public:
    explicit Ledger(const test::FakeClock& clock) : clock_(clock) {}

    // The story.

    void keep_story() { keeps_story_ = true; }
    /// What happened, in a few words.
    void tell(const std::string& line);
    void complain(const std::string& rule, const std::string& what);
    [[nodiscard]] const std::vector<std::string>& complaints() const { return complaints_; }
    [[nodiscard]] const std::deque<std::string>& story() const { return story_; }

    // What operators do.

    LaneFacts& lane(const std::string& name) { return lanes_[name]; }
    [[nodiscard]] std::map<std::string, LaneFacts>& lanes() { return lanes_; }
    void configured(const storage::NotificationRecord& record);
    void deleted(const std::string& name) { lanes_.erase(name); }
    void accepted(core::CalloutId id, const std::string& lane, std::string key);
    void retried(core::CalloutId id);

    // What the network sees.

    void left(const http::Request& request);
    void known(const http::Request& request, const core::Result<http::Response>& answer);
    void took(const std::string& callout);

    // What the store says.

    /// Of a callout that the ledger knows; null where there is none.
    void found(core::CalloutId id, const storage::CalloutRecord* record);
    /// The same after a crash: what the store does not know to have ended may be sent again.
    void recovered(core::CalloutId id, const storage::CalloutRecord* record);
    /// The daemon is gone, with all it knew.
    void crashed();

    /// Callouts that have not ended as far as is known.
    [[nodiscard]] std::vector<core::CalloutId> open() const;
    [[nodiscard]] bool is_over(const std::string& callout) const;
    [[nodiscard]] std::size_t delivered() const { return delivered_; }
    [[nodiscard]] const std::unordered_map<std::string, CalloutFacts>& callouts() const {
        return callouts_;
    }
    /// Those before it of its key, of which each has to be over before it may leave.
    [[nodiscard]] std::vector<std::string> before(const std::string& callout) const;

private:
    void check_window(LaneFacts& lane);
    void check_rate(LaneFacts& lane);

    static constexpr std::size_t kLongestStory = 20'000;

    const test::FakeClock& clock_;
    bool keeps_story_ = false;
    std::deque<std::string> story_;
    std::vector<std::string> complaints_;
    std::map<std::string, LaneFacts> lanes_;
    std::unordered_map<std::string, CalloutFacts> callouts_;  // by the text of the id
    std::map<std::pair<std::string, std::string>, std::vector<std::string>> ordered_;
    std::set<std::string> open_;
    std::size_t delivered_ = 0;
};

/// The callout that a request is of; empty where it is of none.
[[nodiscard]] std::string callout_of(const http::Request& request);

}  // namespace herald::simulation
