#pragma once

#include <gtest/gtest.h>

#include <memory>

#include "storage/sqlite/sqlite_store.h"
#include "tests/storage/store_samples.h"
#include "tests/support/temp_directory.h"

namespace herald::storage {

/// One database in a folder of its own. The parameter of the conformance suite is `writer_thread`.
class StoreFixture : public ::testing::Test {
protected:
    void open(bool writer_thread = true) {
        store_.reset();
        auto opened = try_open(writer_thread);
        ASSERT_TRUE(opened.has_value()) << opened.error().message;
        store_ = std::move(*opened);
    }

    [[nodiscard]] core::Result<std::unique_ptr<Store>> try_open(bool writer_thread = true) {
        SqliteStoreOptions options{.path = path(), .writer_thread = writer_thread};
        options.on_fatal = [this](const core::Error& error) { fatal_ = error.code; };
        return open_sqlite_store(std::move(options), key_ring(), clock_);
    }

    [[nodiscard]] KeyRing key_ring() const {
        const auto file = key_path();
        if (!std::filesystem::exists(file)) return KeyRing::create(file).value();
        return KeyRing::load(file).value();
    }

    [[nodiscard]] std::filesystem::path path() const { return directory_.file("herald.db"); }
    [[nodiscard]] std::filesystem::path key_path() const {
        return directory_.file("herald.db.key");
    }

    ProviderRecord given_provider(const std::string& name) {
        ProviderRecord record = sample_provider(name);
        EXPECT_TRUE(store_->add_provider(record.clone(), std::nullopt));
        return record;
    }

    NotificationRecord given_notification(NotificationRecord record) {
        EXPECT_TRUE(store_->add_notification(record.clone()));
        return record;
    }

    core::CalloutId given_callout(const NotificationRecord& notification, bool in_flight = false) {
        NewCallout callout = sample_callout(notification);
        callout.claimed = in_flight;
        auto result = append(*store_, sample_new_event(*store_, sample_event(), {callout}));
        EXPECT_TRUE(result && result->status == AppendStatus::kStored);
        return callout.id;
    }

    /// Of one event, so that it costs one commit.
    std::vector<core::CalloutId> given_callouts(const NotificationRecord& notification,
                                                std::size_t count, bool in_flight = false) {
        std::vector<NewCallout> callouts;
        std::vector<core::CalloutId> ids;
        for (std::size_t i = 0; i < count; ++i) {
            callouts.push_back(sample_callout(notification));
            callouts.back().claimed = in_flight;
            ids.push_back(callouts.back().id);
        }
        auto result =
            append(*store_, sample_new_event(*store_, sample_event(), std::move(callouts)));
        EXPECT_TRUE(result && result->status == AppendStatus::kStored);
        return ids;
    }

    test::TempDirectory directory_;
    core::SystemClock clock_;
    std::string fatal_;
    std::unique_ptr<Store> store_;
};

class StoreConformance : public StoreFixture, public ::testing::WithParamInterface<bool> {
protected:
    void SetUp() override { open(GetParam()); }
    void reopen() { open(GetParam()); }
};

inline std::string name_of_mode(const ::testing::TestParamInfo<bool>& mode) {
    return mode.param ? "WriterThread" : "Inline";
}

}  // namespace herald::storage
