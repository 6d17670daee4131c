// How retry specifications are written and what they may say; how they are followed is in
// retry_policy.cpp.
#include <algorithm>
#include <chrono>

#include "core/encoding.h"
#include "dispatcher/retry_policy.h"
#include "dispatcher/specification.h"

namespace herald::dispatcher {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

constexpr std::size_t kMaxSteps = 100;
constexpr seconds kLongestStep = hours(24);
constexpr seconds kLongestAge = hours(90 * 24);
constexpr int kLargestJitter = 50;
constexpr std::string_view kRejectAll = "4xx";
constexpr std::string_view kRetryForm =
    "'default', 'none', or parts joined by ; such as "
    "schedule=5s,5m;max-age=24h;jitter=10%;reject-4xx";
constexpr std::string_view kJitterRule = "jitter is 0% to 50%, such as jitter=10%";

core::Error refused_retry(std::string rule) {
    return core::invalid_argument("retry", rule);
}

core::Result<seconds> read_seconds(std::string_view text) {
    const auto duration = parse_seconds(text);
    if (duration) return *duration;
    return refused_retry("'" + core::printable(text, 32) +
                         "' is no duration in whole seconds, such as 30s, 5m or 2h");
}

// Gathers the parts of a specification; what a part says twice is refused.
class Specification {
public:
    core::Result<> add(const SpecificationPart& part) {
        const auto& [text, name, value] = part;
        const bool has_value = !value.empty();
        if (text == "default") return set_schedule({});
        if (text == "none") return set_schedule(std::vector<seconds>{});
        if (text == "reject-4xx") return set_reject({std::string(kRejectAll)});
        if (name == "schedule" && has_value) return read_schedule(value);
        if (name == "max-age" && has_value) return read_max_age(value);
        if (name == "jitter") return read_jitter(value);
        if (name == "reject" && has_value) return set_reject(split_list(value, ','));
        return refused_retry("'" + core::printable(text, 64) + "' is not understood; write " +
                             std::string(kRetryForm));
    }

    [[nodiscard]] storage::RetrySettings take() { return std::move(settings_); }

private:
    core::Result<> read_schedule(std::string_view text) {
        std::vector<seconds> steps;
        for (const std::string& item : split_list(text, ',')) {
            const auto step = read_seconds(item);
            if (!step) return step.error();
            steps.push_back(*step);
        }
        return set_schedule(std::move(steps));
    }

    core::Result<> read_max_age(std::string_view text) {
        const auto age = read_seconds(text);
        if (!age) return age.error();
        if (settings_.max_age) return refused_retry("max-age is given twice");
        settings_.max_age = *age;
        return {};
    }

    core::Result<> read_jitter(std::string_view text) {
        const auto percent = parse_percent(text);
        if (!percent) return refused_retry(std::string(kJitterRule));
        if (has_jitter_) return refused_retry("jitter is given twice");
        has_jitter_ = true;
        settings_.jitter_percent = *percent;
        return {};
    }

    core::Result<> set_schedule(std::optional<std::vector<seconds>> steps) {
        if (has_schedule_)
            return refused_retry("only one of 'default', 'none' and schedule= may be given");
        has_schedule_ = true;
        if (steps) settings_.schedule = std::move(*steps);
        return {};
    }

    core::Result<> set_reject(std::vector<std::string> statuses) {
        if (!settings_.reject.empty()) return refused_retry("reject is given twice");
        settings_.reject = std::move(statuses);
        return {};
    }

    storage::RetrySettings settings_ = default_retry();
    bool has_schedule_ = false;
    bool has_jitter_ = false;
};

bool is_client_error(std::string_view status) {
    return status.size() == 3 && status[0] == '4' &&
           std::all_of(status.begin(), status.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

storage::RetrySettings default_retry() {
    using std::chrono::minutes;
    return {.schedule = {seconds(5), minutes(5), minutes(30), hours(2), hours(5), hours(10),
                         hours(14), hours(20), hours(24)},
            .max_age = std::nullopt,
            .reject = {}};
}

core::Result<storage::RetrySettings> parse_retry(std::string_view text) {
    Specification specification;
    for (const SpecificationPart& part : split_specification(text)) {
        if (auto added = specification.add(part); !added) return added.error();
    }
    storage::RetrySettings settings = specification.take();
    if (auto valid = validate_retry(settings); !valid) return valid.error();
    return settings;
}

core::Result<> validate_retry(const storage::RetrySettings& settings) {
    const auto step_fits = [](seconds step) { return step >= seconds(1) && step <= kLongestStep; };
    if (settings.schedule.size() > kMaxSteps)
        return refused_retry("a schedule has at most 100 steps");
    if (!std::all_of(settings.schedule.begin(), settings.schedule.end(), step_fits)) {
        return refused_retry("each step of a schedule is 1s to 24h");
    }
    if (settings.max_age && (*settings.max_age < seconds(1) || *settings.max_age > kLongestAge)) {
        return refused_retry("max-age is 1s to 2160h (90 days)");
    }
    if (settings.jitter_percent < 0 || settings.jitter_percent > kLargestJitter) {
        return refused_retry(std::string(kJitterRule));
    }
    for (const std::string& status : settings.reject) {
        if (status == kRejectAll || is_client_error(status)) continue;
        return refused_retry(
            "reject takes 4xx or statuses from 400 to 499, such as reject=400,422");
    }
    return {};
}

}  // namespace herald::dispatcher
