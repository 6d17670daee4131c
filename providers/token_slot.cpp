#include "providers/token_slot.h"

#include <algorithm>
#include <boost/json/serialize.hpp>

#include "core/json.h"
#include "core/log.h"
#include "providers/credentials.h"
#include "providers/grant.h"
#include "providers/request_masking.h"
#include "providers/token_response.h"
#include "providers/token_schedule.h"

namespace herald::providers {
namespace {

using std::chrono::milliseconds;
using storage::ProviderCondition;

constexpr int kAlikeUntilPermanent = 3;
constexpr std::chrono::seconds kForcedSpacing{30};
constexpr std::chrono::minutes kForcedWindow{10};
constexpr std::size_t kForcedPerWindow = 5;
constexpr std::chrono::seconds kGrantMoves{5};  // less is rounding

/// Access and refresh tokens of four generations.
constexpr std::size_t kSeenTokens = 8;

constexpr std::string_view kEntityPrefix = "entity.";

// What makes two refusals alike; the words between may hold a request's number.
std::string answer_of(const core::Error& error) {
    const auto* status = error.details.if_contains("status");
    return (status == nullptr ? "" : boost::json::serialize(*status)) + " " +
           core::string_member(error.details, "error").value_or("");
}

bool is_allowed_host(const std::string& host, const std::vector<std::string>& allowed) {
    return std::any_of(allowed.begin(), allowed.end(), [&](std::string_view pattern) {
        if (pattern.starts_with("*.")) return host.ends_with(pattern.substr(1));
        return host == pattern;
    });
}

// Where callouts with a relative URL go; nowhere but to hosts that the settings allow (O-62,
// O-146).
std::optional<http::Url> base_of(const storage::TokenRecord& record, const Placement& placement) {
    if (placement.base_attribute.empty()) return std::nullopt;
    const auto text = core::string_member(record.attributes, placement.base_attribute);
    if (!text) return std::nullopt;
    auto url = http::Url::parse(*text, placement.base_attribute);
    if (!url || !is_allowed_host(url->host, placement.base_hosts)) {
        core::log(core::LogLevel::kWarning, "base_url_refused",
                  {{"attribute", placement.base_attribute},
                   {"host", url ? url->host : std::string("no URL")}});
        return std::nullopt;
    }
    return std::move(*url);
}

std::vector<std::string> entities_of(const std::vector<std::string>& scopes) {
    std::vector<std::string> entities;
    for (const std::string& scope : scopes) {
        if (scope.starts_with(kEntityPrefix))
            entities.push_back(scope.substr(kEntityPrefix.size()));
    }
    return entities;
}

AccessTokenPtr make_access(const storage::TokenRecord& record, const TokenTimes& times,
                           std::shared_ptr<const TokenUse> use, std::shared_ptr<const DpopKey> dpop,
                           core::Masking masking) {
    auto access = std::make_shared<AccessToken>();
    const Placement& placement = use->placement;
    const std::string prefix = dpop && placement.prefix == "Bearer " ? "DPoP " : placement.prefix;
    access->value = record.access_token->clone();
    access->authorization = core::Secret::take(prefix + std::string(record.access_token->reveal()));
    access->entities = entities_of(record.scopes);
    access->base = base_of(record, placement);
    access->use = std::move(use);
    access->dpop = std::move(dpop);
    access->masking = std::move(masking);
    access->generation = record.generation;
    access->refresh_from = times.refresh_from;
    access->usable_until = times.usable_until;
    return access;
}

// A token is bound to its key: where the key is gone, so is the use of the token.
std::shared_ptr<const DpopKey> dpop_key_of(const std::optional<storage::TokenRecord>& stored,
                                           const std::shared_ptr<const DpopKey>& before) {
    if (stored && stored->dpop_key) {
        if (auto key = DpopKey::parse(*stored->dpop_key))
            return std::make_shared<const DpopKey>(std::move(*key));
    }
    if (before) return before;  // a flight may be bringing a token that is bound to it
    return std::make_shared<const DpopKey>(DpopKey::generate());
}

ConfigurationPtr configuration_of(storage::ProviderRecord record) {
    auto configuration = Configuration::of(record.clone());
    if (configuration) return std::move(*configuration);
    core::log(core::LogLevel::kError, "provider_not_usable",
              {{"provider", record.name}, {"error", configuration.error().message}});
    return Configuration::unusable(std::move(record));
}

}  // namespace

TokenSlot::TokenSlot(storage::ProviderRecord provider, std::shared_ptr<TokenCell> token_cell,
                     std::unique_ptr<core::Timer> wake)
    : configuration(Configuration::unusable(std::move(provider))),
      cell(std::move(token_cell)),
      timer(std::move(wake)) {}

void TokenSlot::adopt(storage::ProviderRecord provider, std::optional<storage::TokenRecord> stored,
                      core::Clock& clock, core::Random& random) {
    const storage::TokenFence before = fence();
    configuration = configuration_of(std::move(provider));
    renew_masking();
    condition = record().condition;
    last_error = record().last_error;
    invalidation_epoch = record().invalidation_epoch;
    const bool is_same = fence() == before;
    if (!is_same) pending_setup.reset();  // its code would be of another configuration
    use = use_needs_files(*configuration) ? nullptr : token_use_of(made_ready(*configuration, {}));
    dpop = settings().dpop ? dpop_key_of(stored, is_same ? dpop : nullptr) : nullptr;
    failures_ = alike_ = 0;
    last_answer_.clear();
    blocked_until_ = earliest = clock.steady_now();
    drop_token();
    // A permanent refusal is remembered across restarts, so that restarting is no way to hammer a
    // server.
    if (condition == ProviderCondition::kRejected && last_error) {
        const milliseconds longest = settings().rejected_retry_s;
        const auto left = last_error->at + longest - clock.stored_now();
        blocked_until_ += std::clamp<milliseconds>(left, milliseconds(0), longest);
    }
    if (!stored) return;
    stored->attributes = kept_attributes(stored->attributes, settings());
    remember(*stored);
    last_generation_ = std::max(last_generation_, stored->generation);
    if (settings().dpop != stored->dpop_key.has_value()) stored->access_token.reset();
    token = std::make_shared<const storage::TokenRecord>(std::move(*stored));
    plan_grant_refresh(false, clock, random);
    if (use) show_stored(use, clock, random);
}

AccessTokenPtr TokenSlot::stored_access(std::shared_ptr<const TokenUse> how, core::Clock& clock,
                                        core::Random& random) const {
    const core::StoredTime now = clock.stored_now();
    if (!token || !token->access_token || token->expires_at <= now) return nullptr;
    const auto age = std::max(now - token->obtained_at, milliseconds(0));
    const auto times = token_times(clock.steady_now() - age, token->expires_at - token->obtained_at,
                                   settings(), random);
    return make_access(*token, times, std::move(how), dpop, masking());
}

void TokenSlot::show_stored(std::shared_ptr<const TokenUse> how, core::Clock& clock,
                            core::Random& random) {
    use = std::move(how);
    access = stored_access(use, clock, random);
    if (access && record().enabled) cell->publish(access);
}

TokenRecordPtr TokenSlot::numbered(storage::TokenRecord brought, const Flight& landed) {
    brought.generation = ++last_generation_;
    remember(brought);
    if (landed.dpop) {
        brought.token_type = "DPoP";
        brought.dpop_key = landed.dpop->pem();
    }
    return std::make_shared<const storage::TokenRecord>(std::move(brought));
}

Obtained TokenSlot::put(TokenRecordPtr brought, const Flight& landed,
                        std::shared_ptr<const TokenUse> how, TokenLife life, core::Clock& clock,
                        core::Random& random) {
    // A session that has come near its own end is not made longer by asking more often.
    const auto end_before = token ? token->grant_ends_at : std::nullopt;
    const auto end_now = brought->grant_ends_at;
    const bool end_is_fixed = end_before && end_now && *end_now < *end_before + kGrantMoves;
    token = std::move(brought);
    plan_grant_refresh(end_is_fixed, clock, random);
    use = std::move(how);
    dpop = landed.dpop;
    AccessTokenPtr made;
    if (use)
        made = make_access(*token, token_times(life.requested_at, life.length, settings(), random),
                           use, dpop, masking());
    access = life.length.count() == 0 ? nullptr : made;
    cell->publish(record().enabled ? access : nullptr);
    return {.access = std::move(made), .record = token};
}

void TokenSlot::plan_grant_refresh(bool end_is_fixed, core::Clock& clock, core::Random& random) {
    grant_refresh_at_.reset();
    const bool refreshes = find_grant(record().grant_type)->uses_refresh_token;
    if (!refreshes || !token || !token->refresh_token || token->generation == 0) return;
    std::optional<milliseconds> lifetime;
    if (token->grant_ends_at) lifetime = *token->grant_ends_at - token->obtained_at;
    const auto age = std::max(clock.stored_now() - token->obtained_at, milliseconds(0));
    grant_refresh_at_ =
        grant_refresh_at(clock.steady_now() - age, lifetime, end_is_fixed, settings(), random);
}

void TokenSlot::follow_rotation(const core::Secret& presented, const core::Secret& successor) {
    if (!token || !token->refresh_token || !token->refresh_token->equals(presented)) return;
    storage::TokenRecord rotated = token->clone();
    rotated.refresh_token = successor.clone();
    remember(rotated);
    token = std::make_shared<const storage::TokenRecord>(std::move(rotated));
}

void TokenSlot::remember(const storage::TokenRecord& stored) {
    const auto note = [&](const std::optional<core::Secret>& one) {
        const bool known = one && std::any_of(seen_tokens_.begin(), seen_tokens_.end(),
                                              [&](const auto& seen) { return seen.equals(*one); });
        if (one && !known) seen_tokens_.push_back(one->clone());
    };
    note(stored.refresh_token);
    note(stored.access_token);
    while (seen_tokens_.size() > kSeenTokens) seen_tokens_.pop_front();
    renew_masking();
}

void TokenSlot::renew_masking() {
    masking_ = credentials_of(record(), settings());
    for (const core::Secret& seen : seen_tokens_) masking_.add(seen);
}

void TokenSlot::drop_token() {
    token.reset();
    access.reset();
    grant_refresh_at_.reset();
    cell->publish(nullptr);
}

std::optional<std::string> TokenSlot::automatic_block(core::SteadyTime now) const {
    if (gone) return "deleted";
    if (!record().enabled) return "disabled";
    if (condition == ProviderCondition::kRevoked && !settings().resume_after_revoke)
        return "revoked";
    if (condition == ProviderCondition::kNeedsSetup) return "needs_setup";
    if (now >= blocked_until_) return std::nullopt;
    if (condition == ProviderCondition::kRejected) return "rejected";
    return last_error ? last_error->error_class : "failing";
}

bool TokenSlot::is_asked_by_hand() const {
    return std::any_of(waiters.begin(), waiters.end(),
                       [](const Waiter& waiter) { return !waiter.deadline; });
}

bool TokenSlot::wants_flight(core::SteadyTime now) const {
    if (flight || gone || !record().enabled) return false;
    if (is_asked_by_hand()) return true;  // whatever speaks against it (O-98)
    if (automatic_block(now)) return false;
    if (now < earliest && !urgent) return false;
    if (!waiters.empty()) return true;
    if (grant_refresh_at_ && now >= *grant_refresh_at_) return true;
    if (!usable(now)) return wanted;
    return now >= access->refresh_from && (cell->used() || settings().keep_warm);
}

std::optional<core::SteadyTime> TokenSlot::next_look(core::SteadyTime now) const {
    std::optional<core::SteadyTime> next;
    const auto consider = [&](core::SteadyTime at) {
        if (at > now && (!next || at < *next)) next = at;
    };
    for (const Waiter& waiter : waiters) {
        if (waiter.deadline) consider(*waiter.deadline);
    }
    if (flight || gone) return next;
    const core::SteadyTime allowed = std::max(blocked_until_, earliest);
    if (!waiters.empty() || wanted) consider(allowed);
    if (access) consider(std::max(access->refresh_from, allowed));
    if (grant_refresh_at_) consider(std::max(*grant_refresh_at_, allowed));
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
        const std::string answer = answer_of(error);
        alike_ = answer == last_answer_ ? alike_ + 1 : 1;
        last_answer_ = answer;
        if (alike_ < kAlikeUntilPermanent) error.kind = core::ErrorKind::kTransient;
    }
    blocked_until_ = now + wait_after_failure(error, ++failures_, settings(), random);
    urgent = false;
    const bool dead_refresh_token =
        core::string_member(error.details, "error") == "invalid_grant" &&
        find_grant(record().grant_type)->uses_refresh_token;
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
    condition = ProviderCondition::kOk;
    last_error.reset();
}

std::vector<Waiter> TokenSlot::take_if(const std::function<bool(const Waiter&)>& chosen) {
    std::vector<Waiter> taken;
    if (std::none_of(waiters.begin(), waiters.end(), chosen)) return taken;
    std::vector<Waiter> kept;
    for (Waiter& waiter : waiters) (chosen(waiter) ? taken : kept).push_back(std::move(waiter));
    waiters = std::move(kept);
    return taken;
}

std::vector<Waiter> TokenSlot::take_expired(core::SteadyTime now) {
    return take_if([now](const Waiter& one) { return one.deadline && *one.deadline <= now; });
}

std::vector<Waiter> TokenSlot::take_waiters_of(const Flight& failed) {
    return take_if([&](const Waiter& one) { return one.setup == failed.setup; });
}

std::vector<Waiter> TokenSlot::take_served_by(const Flight& landed, const Obtained& brought) {
    return take_if([&](const Waiter& one) {
        if (one.setup && one.setup != landed.setup) return false;
        return !one.deadline || brought.access;
    });
}

std::vector<Waiter> TokenSlot::take_served_by_stored() {
    return take_if(
        [&](const Waiter& one) { return one.deadline && one.refused < access->generation; });
}

std::vector<Waiter> TokenSlot::take_setups() {
    return take_if([](const Waiter& one) { return one.setup != nullptr; });
}

Flight TokenSlot::take_off() const {
    Flight next{
        .configuration = configuration, .fence = fence(), .dpop = dpop, .masking = masking()};
    const auto person = std::find_if(waiters.begin(), waiters.end(),
                                     [](const Waiter& one) { return one.setup != nullptr; });
    if (person != waiters.end()) {
        next.setup = person->setup;
        return next;
    }
    const bool refreshes = find_grant(record().grant_type)->uses_refresh_token;
    if (refreshes && token && token->refresh_token)
        next.refresh_token = std::make_shared<const core::Secret>(token->refresh_token->clone());
    return next;
}

bool TokenSlot::is_current(const Flight& one) const {
    return !gone && fence() == one.fence;
}

storage::TokenFence TokenSlot::fence() const {
    return {.provider = record().id,
            .config_version = record().config_version,
            .invalidation_epoch = invalidation_epoch};
}

}  // namespace herald::providers
