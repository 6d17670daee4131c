#include "dispatcher/catalogue.h"

#include <algorithm>
#include <variant>

#include "core/log.h"
#include "dispatcher/event_pattern.h"

namespace herald::dispatcher {
namespace {

bool fits(const storage::NotificationRecord& record, std::string_view event_type) {
    return record.enabled &&
           std::any_of(record.events.begin(), record.events.end(),
                       [&](const std::string& pattern) { return matches(pattern, event_type); });
}

std::optional<std::string> provider_name(const storage::NotificationRecord& record) {
    const auto* oauth = std::get_if<storage::OauthAuth>(&record.auth);
    if (oauth == nullptr) return std::nullopt;
    return oauth->provider_name;
}

// Stored by an older release with other rules, perhaps: it must not keep the others from running.
void report_skipped(std::string_view name, const core::Error& error) {
    core::log(core::LogLevel::kWarning, "notification_skipped",
              {{"notification", name}, {"code", error.code}, {"error", error.message}});
}

void add_entry(Catalogue& catalogue, storage::NotificationRecord record) {
    const std::string name = record.name;
    auto provider = provider_name(record);
    auto compiled = compile(std::move(record));
    if (!compiled) return report_skipped(name, compiled.error());
    catalogue.entries.push_back(
        {.notification = std::move(*compiled), .provider_name = std::move(provider)});
}

}  // namespace

std::vector<const Catalogue::Entry*> Catalogue::match(std::string_view event_type) const {
    std::vector<const Entry*> found;
    for (const Entry& entry : entries) {
        if (fits(entry.notification->record, event_type)) found.push_back(&entry);
    }
    return found;
}

core::Result<CataloguePtr> load_catalogue(storage::ConfigurationStore& store) {
    auto catalogue = std::make_shared<Catalogue>();
    // Before the notifications: a change in between leaves us with too old a version, which
    // append_event notices.
    catalogue->version = store.catalogue_version();
    auto records = store.notifications();
    if (!records) return records.error();
    std::sort(records->begin(), records->end(),
              [](const auto& a, const auto& b) { return a.name < b.name; });
    for (storage::NotificationRecord& record : *records) add_entry(*catalogue, std::move(record));
    return CataloguePtr(std::move(catalogue));
}

}  // namespace herald::dispatcher
