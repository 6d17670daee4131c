#include "dispatcher/refused_destinations.h"

#include "providers/settings.h"

namespace herald::dispatcher {
namespace {

class Checker final {
public:
    explicit Checker(const http::EgressPolicy& egress) : egress_(egress) {}

    void check(const std::string& owner, const std::string& name, std::string_view field,
               const std::string& url) {
        const auto parsed = http::Url::parse(url, field);
        if (!parsed || parsed->host == http::kRelativeHost) return;
        const auto allowed = egress_.check_literal(parsed->host, field);
        if (!allowed)
            found.push_back({.owner = owner, .name = name, .message = allowed.error().message});
    }

    std::vector<RefusedDestination> found;

private:
    const http::EgressPolicy& egress_;
};

void check_notification(Checker& checker, const CompiledNotification& notification) {
    const std::string& name = notification.record.name;
    checker.check("notification", name, "url", notification.url.sample());
    if (notification.credentials)
        checker.check("notification", name, "auth", notification.credentials->url.text());
}

void check_provider(Checker& checker, const storage::ProviderRecord& record) {
    const auto settings = providers::ProviderSettings::of(record);
    if (!settings) return;
    const providers::Endpoints& endpoints = settings->endpoints;
    if (!endpoints.token.empty())
        checker.check("provider", record.name, "token_endpoint", endpoints.token);
    if (endpoints.revocation)
        checker.check("provider", record.name, "revocation_endpoint", *endpoints.revocation);
    if (record.issuer) checker.check("provider", record.name, "issuer", *record.issuer);
}

}  // namespace

std::vector<RefusedDestination> refused_destinations(
    const std::vector<CompiledNotificationPtr>& notifications,
    const std::vector<storage::ProviderRecord>& providers, const http::EgressPolicy& egress) {
    Checker checker(egress);
    for (const CompiledNotificationPtr& notification : notifications)
        check_notification(checker, *notification);
    for (const storage::ProviderRecord& provider : providers) check_provider(checker, provider);
    return std::move(checker.found);
}

}  // namespace herald::dispatcher
