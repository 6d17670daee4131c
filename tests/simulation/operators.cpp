#include "tests/simulation/operators.h"

#include <array>
#include <numeric>

#include "tests/simulation/world.h"

namespace herald::simulation {
namespace {

using namespace std::chrono_literals;
using storage::NotificationRecord;

constexpr std::size_t kMostNotifications = 6;
constexpr std::size_t kMostProviders = 3;

bool one_in(World& world, std::size_t count) {
    return world.random().below(count) == 0;
}

/// Null where there is none.
LaneFacts* any_lane(World& world) {
    auto& lanes = world.ledger().lanes();
    if (lanes.empty()) return nullptr;
    const auto offset = static_cast<std::ptrdiff_t>(world.random().below(lanes.size()));
    return &std::next(lanes.begin(), offset)->second;
}

ProviderFacts* any_provider(World& world) {
    auto& providers = world.providers();
    if (providers.empty()) return nullptr;
    const auto offset = static_cast<std::ptrdiff_t>(world.random().below(providers.size()));
    return &std::next(providers.begin(), offset)->second;
}

/// Nothing where nothing is open.
std::optional<core::CalloutId> any_open_callout(World& world) {
    const auto open = world.ledger().open();
    if (open.empty()) return std::nullopt;
    return open[world.random().below(open.size())];
}

// Events.

void fire_at(World& world, const LaneFacts& lane, bool is_large = false) {
    const std::string account = std::to_string(world.random().below(3));
    const std::string number = std::to_string(world.next_number());
    dispatcher::EventInput input{.type = lane.name + ".happened",
                                 .data = R"({"account":")" + account + R"(","n":)" + number + "}",
                                 .key = std::nullopt,
                                 .occurred_at = {}};
    if (is_large || one_in(world, 50))
        input.data.insert(1, R"("text":")" + std::string(100'000, 'x') + R"(",)");
    if (one_in(world, 5)) {
        input.key = "key-" + std::to_string(world.random().below(200));
        input.data = R"({"account":"0"})";
    }
    world.fire(std::move(input));
}

void fire(World& world) {
    if (const LaneFacts* lane = any_lane(world)) fire_at(world, *lane);
}

void fire_many(World& world) {
    const LaneFacts* const lane = any_lane(world);
    if (lane == nullptr) return;
    const LaneFacts target = *lane;
    const bool are_large = one_in(world, 6);
    for (std::size_t left = world.random().below(200); left > 0; --left)
        fire_at(world, target, are_large);
}

// Notifications.

storage::Authentication any_authentication(World& world) {
    const ProviderFacts* const provider = any_provider(world);
    if (provider == nullptr || one_in(world, 3)) return storage::NoAuth{};
    return storage::OauthAuth{.provider = provider->id, .provider_name = provider->name};
}

void shape(World& world, NotificationRecord& record) {
    auto& random = world.random();
    const int receiver =
        static_cast<int>(random.below(static_cast<std::size_t>(world.receivers().count())));
    record.url = "https://" + Receivers::host(receiver) + "/" + record.name;
    record.auth = any_authentication(world);
    record.max_in_flight = std::array{1, 2, 8, 64}.at(random.below(4));
    record.rate_per_s.reset();
    if (one_in(world, 4)) record.rate_per_s = std::array{0.5, 3.0, 50.0}.at(random.below(3));
    record.retry.schedule = {1s, 10s, 60s, 600s};
    if (one_in(world, 2)) record.retry.schedule.resize(1 + random.below(4));
    record.timeout = std::array{1'000ms, 10'000ms, 30'000ms}.at(random.below(3));
    record.breaker.enabled = !one_in(world, 4);
    record.breaker.min_attempts = 1 + static_cast<int>(random.below(20));
}

void add_notification(World& world) {
    if (world.ledger().lanes().size() >= kMostNotifications) return;
    NotificationRecord record;
    record.id = core::NotificationId::generate(world.clock().stored_now(), world.random());
    record.name = "n" + std::to_string(world.next_number());
    record.events = {record.name + ".*"};
    record.created_at = record.updated_at = world.clock().stored_now();
    shape(world, record);
    if (one_in(world, 3)) record.order_by = "data.account";
    const auto added = world.store().add_notification(record.clone());
    if (added) world.adopt(record);
}

/// What it was called is said by the caller.
void edit(World& world, const std::function<void(NotificationRecord&)>& change) {
    const LaneFacts* const lane = any_lane(world);
    if (lane == nullptr) return;
    const auto edited = world.store().edit_notification(
        lane->name, [&](NotificationRecord& record) -> core::Result<> {
            change(record);
            return {};
        });
    if (edited) world.adopt(*edited);
}

void edit_notification(World& world) {
    edit(world, [&](NotificationRecord& record) { shape(world, record); });
}

void pause_or_resume(World& world) {
    edit(world, [](NotificationRecord& record) { record.paused = !record.paused; });
}

void disable_or_enable(World& world) {
    edit(world, [](NotificationRecord& record) { record.enabled = !record.enabled; });
}

void delete_notification(World& world) {
    const LaneFacts* const lane = any_lane(world);
    if (lane == nullptr) return;
    const std::string name = lane->name;
    const core::NotificationId id = lane->id;
    const bool cancel_pending = one_in(world, 2);
    if (world.store().delete_notification(name, cancel_pending)) world.adopt_deletion(name, id);
}

void probe(World& world) {
    if (const LaneFacts* lane = any_lane(world)) world.scheduler().probe(lane->id);
}

// Providers.

storage::ProviderRecord record_of(World& world, const ProviderFacts& facts) {
    storage::ProviderRecord record;
    record.id = facts.id;
    record.name = facts.name;
    record.client_id = "client";
    record.client_secret = core::Secret(facts.client.secret());
    record.token_endpoint = "https://" + facts.client.host() + "/token";
    record.revocation_endpoint = "https://" + facts.client.host() + "/revoke";
    record.grant_type = facts.client.rotates ? "refresh_token" : "client_credentials";
    record.created_at = record.updated_at = world.clock().stored_now();
    return record;
}

std::optional<storage::TokenRecord> token_of(World& world, const Client& client) {
    if (!client.rotates) return std::nullopt;
    storage::TokenRecord token;
    token.refresh_token = core::Secret(world.authorization().refresh_token_for(client));
    return token;
}

void add_provider(World& world) {
    if (world.providers().size() >= kMostProviders) return;
    ProviderFacts facts;
    facts.name = "p" + std::to_string(world.next_number());
    facts.id = core::ProviderId::generate(world.clock().stored_now(), world.random());
    facts.client = {.provider = facts.name, .version = 1, .rotates = one_in(world, 2)};
    world.authorization().add(facts.client);
    const auto added =
        world.store().add_provider(record_of(world, facts), token_of(world, facts.client));
    if (!added) return;
    world.providers()[facts.name] = facts;
    world.adopt_provider(facts.id);
}

/// Another authorization server, with another secret.
void move_provider(World& world, ProviderFacts& facts) {
    Client next = facts.client;
    ++next.version;
    world.authorization().add(next);
    const auto token = token_of(world, next);
    const auto edited =
        world.store().edit_provider(facts.name, [&](auto& change) -> core::Result<> {
            change.record.client_secret = core::Secret(next.secret());
            change.record.token_endpoint = "https://" + next.host() + "/token";
            change.record.revocation_endpoint = "https://" + next.host() + "/revoke";
            change.record.condition = storage::ProviderCondition::kOk;
            ++change.record.config_version;
            change.drop_token = true;
            if (token) change.token = token->clone();
            return {};
        });
    if (!edited) return;
    facts.client = next;
    world.adopt_provider(facts.id);
}

void edit_provider(World& world) {
    if (ProviderFacts* facts = any_provider(world)) move_provider(world, *facts);
}

void delete_provider(World& world) {
    const ProviderFacts* const facts = any_provider(world);
    if (facts == nullptr || !world.store().delete_provider(facts->name)) return;
    const core::ProviderId id = facts->id;
    world.providers().erase(std::string(facts->name));
    world.adopt_provider(id);
}

void obtain_token(World& world) {
    if (const ProviderFacts* facts = any_provider(world))
        world.tokens().obtain(facts->id, [](const auto&) {});
}

void revoke_token(World& world) {
    const ProviderFacts* const facts = any_provider(world);
    if (facts == nullptr) return;
    world.tokens().revoke(facts->id, [&world, name = facts->name](const auto& revoked) {
        if (revoked) world.authorization().revoked(name);
    });
}

// Callouts.

void retry_callout(World& world) {
    const auto& all = world.ledger().callouts();
    if (all.empty()) return;
    const auto chosen = std::next(
        all.begin(),
        static_cast<std::ptrdiff_t>(world.random().below(std::min<std::size_t>(all.size(), 200))));
    const auto id = core::CalloutId::parse(chosen->first);
    const auto retried = world.store().retry_callout(*id, world.clock().stored_now());
    if (!retried) return;
    world.ledger().retried(*id);
    if (retried->notification) world.scheduler().wake(*retried->notification);
}

void cancel_callout(World& world) {
    const auto id = any_open_callout(world);
    if (!id) return;
    const auto cancelled = world.store().cancel_callout(*id);
    if (!cancelled) return;
    world.ledger().found(*id, &*cancelled);
    if (cancelled->notification) world.scheduler().wake(*cancelled->notification);
}

/// One thing that people and programs do to the daemon. To add one, add a line to the table.
struct OperatorBehaviour {
    const char* name;
    int weight;  ///< how often, compared with the others
    void (*act)(World& world);
};

constexpr std::array kBehaviours{
    OperatorBehaviour{"fire", 60, fire},
    OperatorBehaviour{"fire many", 4, fire_many},
    OperatorBehaviour{"add a notification", 5, add_notification},
    OperatorBehaviour{"edit a notification", 4, edit_notification},
    OperatorBehaviour{"pause or resume", 3, pause_or_resume},
    OperatorBehaviour{"disable or enable", 1, disable_or_enable},
    OperatorBehaviour{"delete a notification", 1, delete_notification},
    OperatorBehaviour{"probe", 1, probe},
    OperatorBehaviour{"add a provider", 4, add_provider},
    OperatorBehaviour{"edit a provider", 3, edit_provider},
    OperatorBehaviour{"delete a provider", 1, delete_provider},
    OperatorBehaviour{"obtain a token", 2, obtain_token},
    OperatorBehaviour{"revoke a token", 1, revoke_token},
    OperatorBehaviour{"retry a callout", 3, retry_callout},
    OperatorBehaviour{"cancel a callout", 2, cancel_callout},
};

}  // namespace

void act_as_operator(World& world) {
    const int sum = std::accumulate(kBehaviours.begin(), kBehaviours.end(), 0,
                                    [](int total, const auto& one) { return total + one.weight; });
    auto left = static_cast<int>(world.random().below(static_cast<std::size_t>(sum)));
    for (const OperatorBehaviour& behaviour : kBehaviours) {
        left -= behaviour.weight;
        if (left >= 0) continue;
        world.ledger().tell("** " + std::string(behaviour.name));
        return behaviour.act(world);
    }
}

void set_up_plainly(World& world) {
    add_provider(world);
    const ProviderFacts& provider = world.providers().begin()->second;
    for (int i = 0; i < 3; ++i) {
        NotificationRecord record;
        record.id = core::NotificationId::generate(world.clock().stored_now(), world.random());
        record.name = "n" + std::to_string(i);
        record.events = {record.name + ".*"};
        record.url = "https://" + Receivers::host(0) + "/" + record.name;
        record.auth = storage::OauthAuth{.provider = provider.id, .provider_name = provider.name};
        record.created_at = record.updated_at = world.clock().stored_now();
        if (world.store().add_notification(record.clone())) world.adopt(record);
    }
}

void fire_plainly(World& world, int events) {
    for (int i = 0; i < events; ++i)
        world.fire({.type = "n" + std::to_string(i % 3) + ".happened",
                    .data = R"({"account":"0"})",
                    .key = std::nullopt,
                    .occurred_at = {}});
}

void heal_configuration(World& world) {
    // All others heal by themselves.
    for (auto& [name, facts] : world.providers()) {
        const auto condition = world.store().provider(name)->condition;
        if (condition != storage::ProviderCondition::kOk &&
            condition != storage::ProviderCondition::kFailing)
            move_provider(world, facts);
    }
    for (const auto& [name, lane] : std::map(world.ledger().lanes())) {
        const auto edited =
            world.store().edit_notification(name, [](NotificationRecord& record) -> core::Result<> {
                record.enabled = true;
                record.paused = false;
                record.rate_per_s.reset();
                return {};
            });
        if (edited) world.adopt(*edited);
    }
}

}  // namespace herald::simulation
