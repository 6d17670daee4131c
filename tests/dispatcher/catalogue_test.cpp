#include "dispatcher/catalogue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "core/log.h"
#include "dispatcher/event_pattern.h"
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
    using RefusingConfiguration::notification;
    core::Result<std::vector<NotificationRecord>> notifications() override {
        if (fails) return storage::refusal();
        ++loads;
        ++version;  // somebody changes one at this very moment
        std::vector<NotificationRecord> copies;
        for (const auto& record : records) copies.push_back(record.clone());
        return copies;
    }
    core::Result<NotificationRecord> notification(core::NotificationId id) override {
        if (fails) return storage::refusal();
        ++reads;
        const auto found = std::ranges::find(records, id, &NotificationRecord::id);
        if (found == records.end()) return core::not_found("notification", id.text());
        return found->clone();
    }
    std::optional<std::vector<core::NotificationId>> notifications_changed_since(
        std::int64_t) override {
        return std::exchange(changed, std::vector<core::NotificationId>{});
    }
    std::int64_t catalogue_version() const noexcept override { return version; }

    NotificationRecord& add(NotificationRecord record) {
        record.id = core::NotificationId::generate(core::StoredTime{}, random);
        note(record.id);
        return records.emplace_back(std::move(record));
    }
    void note(core::NotificationId id) {
        ++version;
        if (changed) changed->push_back(id);
    }
    void remove(const std::string& name) {
        const auto found = std::ranges::find(records, name, &NotificationRecord::name);
        note(found->id);
        records.erase(found);
    }

    test::SeededRandom random{3};
    std::vector<NotificationRecord> records;
    std::optional<std::vector<core::NotificationId>> changed = std::vector<core::NotificationId>{};
    std::int64_t version = 7;
    int loads = 0;
    int reads = 0;
    bool fails = false;
};

std::vector<std::string> names(const Catalogue& catalogue, std::string_view event_type) {
    std::vector<std::string> found;
    for (const auto& notification : catalogue.match(event_type).notifications)
        found.push_back(notification->record.name);
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

class CatalogueTest : public ::testing::Test {
protected:
    void refresh() { ASSERT_TRUE(catalogue.refresh(store)); }

    NotificationStore store;
    Catalogue catalogue;
};

TEST_F(CatalogueTest, MatchesByPatternInNameOrder) {
    store.add(named("c", {"*"}));
    store.add(named("a", {"invoice.posted", "invoice.*"}));
    store.add(named("b", {"payment.*"}));
    store.add(named("d", {"invoice.posted.*", "invoice.*", "*"}));
    refresh();
    EXPECT_THAT(names(catalogue, "invoice.posted"), ElementsAre("a", "c", "d"));
    EXPECT_THAT(names(catalogue, "invoice.posted.late"), ElementsAre("a", "c", "d"));
    EXPECT_THAT(names(catalogue, "payment.failed"), ElementsAre("b", "c", "d"));
    EXPECT_THAT(names(catalogue, "invoice"), ElementsAre("c", "d"));
    EXPECT_THAT(names(catalogue, "invoices.posted"), ElementsAre("c", "d"));
}

// The index against the rule, which looks at every pattern.
TEST_F(CatalogueTest, FindsWhatThePatternsSay) {
    test::SeededRandom random(5);
    const std::vector<std::string> words = {"a", "ab", "b"};
    const auto some_type = [&] {
        std::string type = words[random.below(words.size())];
        for (std::size_t more = random.below(3); more > 0; --more)
            type += "." + words[random.below(words.size())];
        return type;
    };
    for (int i = 0; i < 200; ++i) {
        std::vector<std::string> patterns;
        for (std::size_t n = 1 + random.below(2); n > 0; --n) {
            const auto kind = random.below(10);
            patterns.push_back(kind == 0 ? "*" : kind < 5 ? some_type() : some_type() + ".*");
        }
        store.add(named("n" + std::to_string(1000 + i), patterns));
    }
    refresh();
    for (int i = 0; i < 200; ++i) {
        const std::string type = some_type();
        std::vector<std::string> expected;
        for (const auto& record : store.records) {
            if (std::ranges::any_of(record.events,
                                    [&](const auto& pattern) { return matches(pattern, type); }))
                expected.push_back(record.name);
        }
        EXPECT_EQ(names(catalogue, type), expected) << type;
    }
}

TEST_F(CatalogueTest, DisabledOnesMatchNothingPausedOnesDo) {
    store.add(named("disabled", {"*"})).enabled = false;
    store.add(named("paused", {"*"})).paused = true;
    refresh();
    EXPECT_THAT(names(catalogue, "a"), ElementsAre("paused"));
    EXPECT_EQ(catalogue.all().size(), 2U) << "a disabled one still has callouts to finish";
}

TEST_F(CatalogueTest, ItsVersionIsTheOneBeforeTheRead) {
    const auto before = store.version;
    refresh();
    EXPECT_EQ(catalogue.version(), before);
}

TEST_F(CatalogueTest, AChangeReadsWhatChangedAndNothingElse) {
    for (const char* name : {"a", "b", "c"}) store.add(named(name, {"x.*"}));
    refresh();
    store.changed->clear();
    store.records[1].events = {"y"};
    store.note(store.records[1].id);
    store.remove("a");
    store.add(named("d", {"x.y"}));
    store.reads = 0;
    refresh();
    EXPECT_EQ(store.loads, 1);
    EXPECT_EQ(store.reads, 3);
    EXPECT_THAT(names(catalogue, "x.y"), ElementsAre("c", "d"));
    EXPECT_THAT(names(catalogue, "y"), ElementsAre("b"));
    EXPECT_EQ(catalogue.version(), store.version);
    store.reads = 0;
    refresh();
    EXPECT_EQ(store.reads, 0);
}

TEST_F(CatalogueTest, WhereTheStoreForgotWhatChangedEverythingIsReadAgain) {
    store.add(named("a", {"*"}));
    refresh();
    store.remove("a");
    store.add(named("b", {"*"}));
    store.changed.reset();
    refresh();
    EXPECT_EQ(store.loads, 2);
    EXPECT_THAT(names(catalogue, "x"), ElementsAre("b"));
}

TEST_F(CatalogueTest, OneThatDoesNotCompileIsSkippedWithAWarning) {
    LogLines log;
    store.add(named("bad", {"*"})).url = "https://{{ data.host }}/";
    store.add(named("good", {"*"}));
    refresh();
    EXPECT_THAT(names(catalogue, "a"), ElementsAre("good"));
    ASSERT_EQ(log.lines.size(), 1U);
    EXPECT_EQ(log.lines[0].first, "notification_skipped");
    EXPECT_EQ(log.lines[0].second.at("notification").as_string(), "bad");
}

TEST_F(CatalogueTest, AFailingStoreIsAnErrorAndChangesNothing) {
    store.add(named("a", {"*"}));
    refresh();
    store.note(store.records[0].id);
    store.fails = true;
    EXPECT_EQ(catalogue.refresh(store).error().code, "storage_error");
    EXPECT_THAT(names(catalogue, "x"), ElementsAre("a"));
    store.fails = false;
    store.note(store.records[0].id);
    refresh();
}

}  // namespace
}  // namespace herald::dispatcher
