#include "providers/token_slot.h"

#include "core/json.h"
#include "core/log.h"
#include "providers/grant.h"
#include "providers/token_schedule.h"

namespace herald::providers {
namespace {

using std::chrono::milliseconds;
using storage::ProviderCondition;

constexpr int kAlikeUntilPermanent = 3;
constexpr std::chrono::seconds kForcedSpacing{30};
constexpr std::chrono::minutes kForcedWindow{10};
constexpr std::size_t kForcedPerWindow = 5;
constexpr std::chrono::seconds kBackwardsJump{60};  // O-81

std::shared_ptr<AccessToken> make_access(const storage::TokenRecord& record,
                                         const TokenTimes& times) {
    auto access = std::make_shared<AccessToken>();
    access->value = record.access_token->clone();
    access->authorization =
        core::Secret::take("Bearer " + std::string(record.access_token->reveal()));
    access->generation = record.generation;
    access->refresh_from = times.refresh_from;
    access->usable_until = times.usable_until;
    return access;
}

}  // namespace

TokenSlot::TokenSlot(storage::ProviderRecord provider, std::shared_ptr<TokenCell> token_cell,
                     std::unique_ptr<core::Timer> wake)
    : record(std::move(provider)), cell(std::move(token_cell)), timer(std::move(wake)) {}

void TokenSlot::adopt(storage::ProviderRecord provider, std::optional<storage::TokenRecord> stored,
                      core::Clock& clock, core::Random& random) {
    record = std::move(provider);
    if (auto parsed = ProviderSettings::parse(record.settings)) settings = std::move(*parsed);
    failures_ = alike_ = 0;
    last_answer_.clear();
    blocked_until_ = earliest = clock.steady_now();
    drop_token();
    const core::SystemTime now = clock.system_now();
    // A permanent refusal is remembered across restarts, so that restarting is no way to hammer a
    // server.
    if (record.condition == ProviderCondition::kRejected && record.last_error) {
        const auto left = record.last_error->at + settings.rejected_retry_s - now;
        blocked_until_ +=
            std::clamp<milliseconds>(left, milliseconds(0), settings.rejected_retry_s);
    }
    if (!stored) return;
    last_generation_ = std::max(last_generation_, stored->generation);
    const bool clock_went_back = stored->obtained_at > now + kBackwardsJump;
    if (stored->access_token && stored->expires_at > now && !clock_went_back) {
        const auto age = std::max(now - stored->obtained_at, milliseconds(0));
        const auto times = token_times(clock.steady_now() - age,
                                       stored->expires_at - stored->obtained_at, settings, random);
        access = make_access(*stored, times);
    }
    token = std::make_shared<const storage::TokenRecord>(std::move(*stored));
    if (record.enabled && access) cell->publish(access);
}

Obtained TokenSlot::install(storage::TokenRecord token_record, core::SteadyTime requested_at,
                            milliseconds lifetime, core::Random& random) {
    token_record.generation = ++last_generation_;
    Obtained obtained;
    obtained.access =
        make_access(token_record, token_times(requested_at, lifetime, settings, random));
    obtained.record = std::make_shared<const storage::TokenRecord>(std::move(token_record));
    return obtained;
}

void TokenSlot::drop_token() {
    token.reset();
    access.reset();
    cell->publish(nullptr);
}

std::optional<std::string> TokenSlot::automatic_block(core::SteadyTime now) const {
    if (gone) return "deleted";
    if (!record.enabled) return "disabled";
    if (record.condition == ProviderCondition::kRevoked && !settings.resume_after_revoke)
        return "revoked";
    if (record.condition == ProviderCondition::kNeedsSetup) return "needs_setup";
    if (now >= blocked_until_) return std::nullopt;
    if (record.condition == ProviderCondition::kRejected) return "rejected";
    return record.last_error ? record.last_error->error_class : "failing";
}

bool TokenSlot::wants_flight(core::SteadyTime now) const {
    if (flying || gone || !record.enabled) return false;
    const auto by_hand = [](const Waiter& waiter) { return !waiter.deadline; };
    if (std::any_of(waiters.begin(), waiters.end(), by_hand))
        return true;  // whatever speaks against it (O-98)
    if (automatic_block(now)) return false;
    if (now < earliest && !urgent) return false;
    if (!waiters.empty()) return true;
    if (!usable(now)) return wanted;
    return now >= access->refresh_from && (cell->used() || settings.keep_warm);
}

std::optional<core::SteadyTime> TokenSlot::next_look(core::SteadyTime now) const {
    std::optional<core::SteadyTime> next;
    const auto consider = [&](core::SteadyTime at) {
        if (at > now && (!next || at < *next)) next = at;
    };
    for (const Waiter& waiter : waiters) {
        if (waiter.deadline) consider(*waiter.deadline);
    }
    if (flying || gone) return next;
    const core::SteadyTime allowed = std::max(blocked_until_, earliest);
    if (!waiters.empty() || wanted) consider(allowed);
    if (access) consider(std::max(access->refresh_from, allowed));
    return next;
}

bool TokenSlot::allow_forced(core::SteadyTime now) {
    while (!forced_.empty() && forced_.front() <= now - kForcedWindow) forced_.pop_front();
    if (forced_.size() >= kForcedPerWindow) return false;
    if (!forced_.empty() && forced_.back() > now - kForcedSpacing) return false;
    forced_.push_back(now);
    return true;
}

ProviderCondition TokenSlot::note_failure(core::Error& error, core::SteadyTime now,
                                          core::Random& random) {
    const std::string error_class = core::string_member(error.details, "class").value_or("");
    const bool unknown_answer = error.kind == core::ErrorKind::kPermanent &&
                                (error_class == "oauth" || error_class == "http");
    if (unknown_answer) {
        alike_ = error.message == last_answer_ ? alike_ + 1 : 1;
        last_answer_ = error.message;
        if (alike_ < kAlikeUntilPermanent) error.kind = core::ErrorKind::kTransient;
    }
    blocked_until_ = now + wait_after_failure(error, ++failures_, settings, random);
    urgent = false;
    const bool dead_refresh_token =
        core::string_member(error.details, "error") == "invalid_grant" &&
        find_grant(record.grant_type)->needs_refresh_token;
    if (error.code == "no_token" ||
        (dead_refresh_token && error.kind == core::ErrorKind::kUnauthorized)) {
        return ProviderCondition::kNeedsSetup;
    }
    const bool refused =
        error.kind == core::ErrorKind::kUnauthorized || error.kind == core::ErrorKind::kPermanent;
    return refused ? ProviderCondition::kRejected : ProviderCondition::kFailing;
}

void TokenSlot::note_success() {
    failures_ = alike_ = 0;
    last_answer_.clear();
    urgent = false;
    wanted = false;
    blocked_until_ = {};
    record.condition = ProviderCondition::kOk;
    record.last_error.reset();
}

std::vector<Waiter> TokenSlot::take_expired(core::SteadyTime now) {
    const auto late = [&](const Waiter& waiter) {
        return waiter.deadline && *waiter.deadline <= now;
    };
    std::vector<Waiter> expired;
    if (std::none_of(waiters.begin(), waiters.end(), late)) return expired;
    std::vector<Waiter> kept;
    for (Waiter& waiter : waiters) (late(waiter) ? expired : kept).push_back(std::move(waiter));
    waiters = std::move(kept);
    return expired;
}

storage::TokenFence TokenSlot::fence() const {
    return {.provider = record.id,
            .config_version = record.config_version,
            .invalidation_epoch = record.invalidation_epoch};
}

}  // namespace herald::providers
