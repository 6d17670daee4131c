#include "providers/token_slot.h"

#include <algorithm>
#include <boost/json/serialize.hpp>

#include "core/json.h"
#include "core/log.h"
#include "providers/credentials.h"
#include "providers/endpoint_template.h"
#include "providers/grant.h"
#include "providers/kind.h"
#include "providers/token_request.h"
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

std::string prefix_of(const TokenSlot& slot) {
    return slot.dpop && slot.use->placement.prefix == "Bearer " ? "DPoP "
                                                                : slot.use->placement.prefix;
}

std::shared_ptr<AccessToken> make_access(const storage::TokenRecord& record,
                                         const TokenTimes& times, const TokenSlot& slot) {
    auto access = std::make_shared<AccessToken>();
    access->value = record.access_token->clone();
    access->authorization =
        core::Secret::take(prefix_of(slot) + std::string(record.access_token->reveal()));
    access->use = slot.use;
    access->entities = entities_of(record.scopes);
    access->base = base_of(record, slot.use->placement);
    access->dpop = slot.dpop;
    access->generation = record.generation;
    access->refresh_from = times.refresh_from;
    access->usable_until = times.usable_until;
    return access;
}

// A token is bound to its key: where the key is gone, so is the use of the token.
std::shared_ptr<const DpopKey> dpop_key_of(const std::optional<storage::TokenRecord>& stored) {
    if (stored && stored->dpop_key) {
        if (auto key = DpopKey::parse(*stored->dpop_key))
            return std::make_shared<const DpopKey>(std::move(*key));
    }
    return std::make_shared<const DpopKey>(DpopKey::generate());
}

}  // namespace

TokenSlot::TokenSlot(storage::ProviderRecord provider, std::shared_ptr<TokenCell> token_cell,
                     std::unique_ptr<core::Timer> wake)
    : record(std::move(provider)), cell(std::move(token_cell)), timer(std::move(wake)) {}

void TokenSlot::adopt(storage::ProviderRecord provider, std::optional<storage::TokenRecord> stored,
                      core::Clock& clock, core::Random& random) {
    record = std::move(provider);
    pending_setup.reset();
    setup.reset();
    if (auto derived = derive(); !derived) {
        core::log(core::LogLevel::kError, "provider_not_usable",
                  {{"provider", record.name}, {"error", derived.error().message}});
    }
    dpop = settings.dpop ? dpop_key_of(stored) : nullptr;
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
    if (settings.dpop != stored->dpop_key.has_value()) stored->access_token.reset();
    const bool clock_went_back = stored->obtained_at > now + kBackwardsJump;
    if (stored->access_token && stored->expires_at > now && !clock_went_back) {
        const auto age = std::max(now - stored->obtained_at, milliseconds(0));
        const auto times = token_times(clock.steady_now() - age,
                                       stored->expires_at - stored->obtained_at, settings, random);
        access = make_access(*stored, times, *this);
    }
    token = std::make_shared<const storage::TokenRecord>(std::move(*stored));
    if (record.enabled && access) cell->publish(access);
}

Obtained TokenSlot::install(storage::TokenRecord token_record, core::SteadyTime requested_at,
                            milliseconds lifetime, core::Random& random) {
    token_record.generation = ++last_generation_;
    if (dpop) {
        token_record.token_type = "DPoP";
        token_record.dpop_key = dpop->pem();
    }
    Obtained obtained;
    obtained.access =
        make_access(token_record, token_times(requested_at, lifetime, settings, random), *this);
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

bool TokenSlot::is_asked_by_hand() const {
    return std::any_of(waiters.begin(), waiters.end(),
                       [](const Waiter& waiter) { return !waiter.deadline; });
}

bool TokenSlot::wants_flight(core::SteadyTime now) const {
    if (flying || gone || !record.enabled) return false;
    if (is_asked_by_hand()) return true;  // whatever speaks against it (O-98)
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
        const std::string answer = answer_of(error);
        alike_ = answer == last_answer_ ? alike_ + 1 : 1;
        last_answer_ = answer;
        if (alike_ < kAlikeUntilPermanent) error.kind = core::ErrorKind::kTransient;
    }
    blocked_until_ = now + wait_after_failure(error, ++failures_, settings, random);
    urgent = false;
    const bool dead_refresh_token =
        core::string_member(error.details, "error") == "invalid_grant" &&
        find_grant(record.grant_type)->uses_refresh_token;
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

core::Result<storage::ProviderRecord> TokenSlot::ready_record() const {
    storage::ProviderRecord ready = record.clone();
    if (auto loaded = load_credentials(ready, settings); !loaded) return loaded.error();
    choose_secret(ready, ready.secret_in_use);
    return ready;
}

core::Result<> TokenSlot::derive() {
    auto parsed = ProviderSettings::of(record);
    if (!parsed) return parsed.error();
    settings = std::move(*parsed);
    host.clear();
    if (const auto url = http::Url::parse(settings.endpoints.token, "token_endpoint"))
        host = url->origin();
    auto shown = std::make_shared<TokenUse>();
    shown->placement = settings.placement;
    shown->track_header = settings.call.track_header;
    shown->refuses_token = find_kind(record.kind)->refuses_token;
    if (settings.certificate_bound || authenticates_by_tls(record)) {
        // Its receivers are of the same public key infrastructure: they are trusted by its CA.
        auto ready = ready_record();
        if (ready) shown->tls = tls_identity(*ready, settings);
    }
    use = std::move(shown);
    return {};
}

storage::TokenFence TokenSlot::fence() const {
    return {.provider = record.id,
            .config_version = record.config_version,
            .invalidation_epoch = record.invalidation_epoch};
}

}  // namespace herald::providers
