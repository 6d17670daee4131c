#include "dispatcher/catalogue.h"

#include <algorithm>
#include <mutex>

#include "core/log.h"

namespace herald::dispatcher {
namespace {

bool by_name(const CompiledNotificationPtr& a, const CompiledNotificationPtr& b) {
    return a->record.name < b->record.name;
}

// Stored by an older release with other rules, perhaps: it must not keep the others from running.
CompiledNotificationPtr compiled_or_reported(storage::NotificationRecord record) {
    const std::string name = record.name;
    auto compiled = compile(std::move(record));
    if (compiled) return std::move(*compiled);
    core::log(core::LogLevel::kWarning, "notification_skipped",
              {{"notification", name},
               {"code", compiled.error().code},
               {"error", compiled.error().message}});
    return nullptr;
}

/// What a refresh found: null for one that is gone.
using Changes = std::vector<std::pair<core::NotificationId, CompiledNotificationPtr>>;

core::Result<Changes> all_of(storage::ConfigurationStore& store) {
    auto records = store.notifications();
    if (!records) return records.error();
    std::ranges::sort(*records, {}, &storage::NotificationRecord::name);
    Changes changes;
    for (storage::NotificationRecord& record : *records) {
        const core::NotificationId id = record.id;
        changes.emplace_back(id, compiled_or_reported(std::move(record)));
    }
    return changes;
}

core::Result<Changes> those_of(storage::ConfigurationStore& store,
                               const std::vector<core::NotificationId>& ids) {
    Changes changes;
    for (const core::NotificationId& id : ids) {
        auto record = store.notification(id);
        if (!record && record.error().kind != core::ErrorKind::kNotFound) return record.error();
        changes.emplace_back(id, record ? compiled_or_reported(std::move(*record)) : nullptr);
    }
    return changes;
}

}  // namespace

Catalogue::Found Catalogue::match(std::string_view event_type) const {
    const std::shared_lock lock(mutex_);
    Found found{.notifications = any_, .version = version_};
    int sources = any_.empty() ? 0 : 1;
    const auto add = [&](const Index& index, std::string_view key) {
        const auto fitting = index.find(key);
        if (fitting == index.end()) return;
        found.notifications.insert(found.notifications.end(), fitting->second.begin(),
                                   fitting->second.end());
        ++sources;
    };
    add(exact_, event_type);
    // The dot stays: `invoice.*` fits invoice.posted, neither invoice nor invoices.posted.
    for (std::size_t dot = event_type.find('.'); dot != std::string_view::npos;
         dot = event_type.find('.', dot + 1)) {
        add(prefixes_, event_type.substr(0, dot + 1));
    }
    if (sources < 2) return found;  // each list is in order
    std::ranges::sort(found.notifications, by_name);
    const auto twice = std::ranges::unique(found.notifications);  // several of its patterns fit
    found.notifications.erase(twice.begin(), twice.end());
    return found;
}

CompiledNotificationPtr Catalogue::find(core::NotificationId id) const {
    const std::shared_lock lock(mutex_);
    const auto found = by_id_.find(id);
    return found == by_id_.end() ? nullptr : found->second;
}

std::vector<CompiledNotificationPtr> Catalogue::all() const {
    const std::shared_lock lock(mutex_);
    std::vector<CompiledNotificationPtr> all;
    all.reserve(by_id_.size());
    for (const auto& [id, notification] : by_id_) all.push_back(notification);
    return all;
}

std::int64_t Catalogue::version() const {
    const std::shared_lock lock(mutex_);
    return version_;
}

core::Result<> Catalogue::refresh(storage::ConfigurationStore& store) {
    if (version() == store.catalogue_version()) return {};
    const std::scoped_lock refreshing(refreshing_);
    const std::int64_t before = version();
    // Before the reading: what changes in between leaves us with too old a version, which
    // append_event notices.
    const std::int64_t now = store.catalogue_version();
    if (before == now) return {};
    std::optional<std::vector<core::NotificationId>> changed;
    if (before > 0) changed = store.notifications_changed_since(before);
    auto changes = changed ? those_of(store, *changed) : all_of(store);
    if (!changes) return changes.error();
    const std::unique_lock lock(mutex_);
    if (!changed) {
        by_id_.clear();
        exact_.clear();
        prefixes_.clear();
        any_.clear();
    }
    for (auto& [id, notification] : *changes) {
        remove(id);
        if (notification) put(std::move(notification));
    }
    version_ = now;
    return {};
}

Catalogue::Fitting& Catalogue::fitting(const std::string& pattern) {
    if (pattern == "*") return any_;
    if (!pattern.ends_with(".*")) return exact_[pattern];
    return prefixes_[pattern.substr(0, pattern.size() - 1)];
}

void Catalogue::put(CompiledNotificationPtr notification) {
    const storage::NotificationRecord& record = notification->record;
    for (const std::string& pattern : record.events) {
        if (!record.enabled) break;
        Fitting& known = fitting(pattern);
        const auto place = std::ranges::lower_bound(known, notification, by_name);
        if (place == known.end() || *place != notification) known.insert(place, notification);
    }
    by_id_[record.id] = std::move(notification);
}

void Catalogue::remove(core::NotificationId id) {
    const auto found = by_id_.find(id);
    if (found == by_id_.end()) return;
    for (const std::string& pattern : found->second->record.events) {
        Fitting& known = fitting(pattern);
        std::erase(known, found->second);
        if (!known.empty() || pattern == "*") continue;
        if (pattern.ends_with(".*")) {
            prefixes_.erase(pattern.substr(0, pattern.size() - 1));
        } else {
            exact_.erase(pattern);
        }
    }
    by_id_.erase(found);
}

}  // namespace herald::dispatcher
