#include "dispatcher/catalogue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/log.h"
#include "tests/dispatcher/refusing_roles.h"
#include "tests/dispatcher/samples.h"

namespace herald::dispatcher {
namespace {

using storage::NotificationRecord;
using testing::ElementsAre;

NotificationRecord named(std::string name, std::vector<std::string> events) {
    auto record = test::sample_notification();
    record.name = std::move(name);
    record.events = std::move(events);
    return record;
}

class NotificationStore final : public storage::RefusingConfiguration {
public:
    core::Result<std::vector<NotificationRecord>> notifications() override {
        if (fails) return storage::refusal();
        ++version;  // somebody changes one at this very moment
        std::vector<NotificationRecord> copies;
        for (const auto& record : records) copies.push_back(record.clone());
        return copies;
    }
    std::int64_t catalogue_version() const noexcept override { return version; }

    std::vector<NotificationRecord> records;
    std::int64_t version = 7;
    bool fails = false;
};

std::vector<std::string> names(const Catalogue& catalogue, std::string_view event_type) {
    std::vector<std::string> found;
    for (const auto* entry : catalogue.match(event_type))
        found.push_back(entry->notification->record.name);
    return found;
}

class LogLines final : public core::LogSink {
public:
    LogLines() { core::install_log_sink(this); }
    ~LogLines() override { core::install_log_sink(nullptr); }
    [[nodiscard]] bool enabled(core::LogLevel) const override { return true; }
    void write(core::LogLevel level, std::string_view event,
               const boost::json::object& fields) override {
        if (level == core::LogLevel::kWarning) lines.emplace_back(std::string(event), fields);
    }
    std::vector<std::pair<std::string, boost::json::object>> lines;
};

TEST(CatalogueTest, MatchesByPatternInNameOrder) {
    NotificationStore store;
    store.records.push_back(named("c", {"*"}));
    store.records.push_back(named("a", {"invoice.posted", "invoice.*"}));
    store.records.push_back(named("b", {"payment.*"}));
    const auto catalogue = load_catalogue(store);
    ASSERT_TRUE(catalogue);
    EXPECT_THAT(names(**catalogue, "invoice.posted"), ElementsAre("a", "c"));
    EXPECT_THAT(names(**catalogue, "payment.failed"), ElementsAre("b", "c"));
    EXPECT_THAT(names(**catalogue, "invoice"), ElementsAre("c"));
}

TEST(CatalogueTest, DisabledOnesMatchNothingPausedOnesDo) {
    NotificationStore store;
    store.records.push_back(named("disabled", {"*"}));
    store.records.back().enabled = false;
    store.records.push_back(named("paused", {"*"}));
    store.records.back().paused = true;
    const auto catalogue = load_catalogue(store);
    EXPECT_THAT(names(**catalogue, "a"), ElementsAre("paused"));
    EXPECT_EQ((*catalogue)->entries.size(), 2U) << "a disabled one still has callouts to finish";
}

TEST(CatalogueTest, ItsVersionIsTheOneBeforeTheRead) {
    NotificationStore store;
    EXPECT_EQ((*load_catalogue(store))->version, 7);
}

TEST(CatalogueTest, KeepsTheProvidersName) {
    NotificationStore store;
    store.records.push_back(named("a", {"*"}));
    store.records.back().auth = storage::OauthAuth{.provider = {}, .provider_name = "crm"};
    store.records.push_back(named("b", {"*"}));
    const auto catalogue = load_catalogue(store);
    EXPECT_EQ((*catalogue)->entries.at(0).provider_name, "crm");
    EXPECT_EQ((*catalogue)->entries.at(1).provider_name, std::nullopt);
}

TEST(CatalogueTest, OneThatDoesNotCompileIsSkippedWithAWarning) {
    LogLines log;
    NotificationStore store;
    store.records.push_back(named("bad", {"*"}));
    store.records.back().url = "https://{{ data.host }}/";
    store.records.push_back(named("good", {"*"}));
    const auto catalogue = load_catalogue(store);
    ASSERT_TRUE(catalogue);
    EXPECT_THAT(names(**catalogue, "a"), ElementsAre("good"));
    ASSERT_EQ(log.lines.size(), 1U);
    EXPECT_EQ(log.lines[0].first, "notification_skipped");
    EXPECT_EQ(log.lines[0].second.at("notification").as_string(), "bad");
}

TEST(CatalogueTest, AFailingStoreIsAnError) {
    NotificationStore store;
    store.fails = true;
    EXPECT_EQ(load_catalogue(store).error().code, "storage_error");
}

}  // namespace
}  // namespace herald::dispatcher
