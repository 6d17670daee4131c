#include "cli/connect.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>

#include "cli/in_process_client.h"
#include "cli/key_rotation.h"
#include "cli/lock_wait.h"
#include "storage/key_ring.h"
#include "tests/support/temp_directory.h"

// Who speaks to the database, decided by its lock alone (contract section 6).
namespace herald::cli {
namespace {

using storage::DatabaseLock;
using testing::HasSubstr;

/// Time that passes only in waits, and there at once.
class EagerClock final : public core::Clock {
public:
    explicit EagerClock(std::function<void()> on_wait) : on_wait_(std::move(on_wait)) {}

    [[nodiscard]] core::SystemTime system_now() const override { return {}; }
    [[nodiscard]] core::SteadyTime steady_now() const override { return now_; }
    [[nodiscard]] std::unique_ptr<core::Timer> make_timer(
        boost::asio::any_io_executor executor) override {
        on_wait_();
        return std::make_unique<EagerTimer>(*this, std::move(executor));
    }
    [[nodiscard]] core::SteadyTime::duration waited() const { return now_.time_since_epoch(); }

private:
    class EagerTimer final : public core::Timer {
    public:
        EagerTimer(EagerClock& clock, boost::asio::any_io_executor executor)
            : clock_(clock), executor_(std::move(executor)) {}
        void expires_at(core::SteadyTime at) override { clock_.now_ = at; }
        void cancel() override {}
        boost::asio::awaitable<void> wait() override { co_return; }
        void on_expiry(std::function<void(bool)> fired) override {
            boost::asio::post(executor_, [fired = std::move(fired)] { fired(true); });
        }

    private:
        EagerClock& clock_;
        boost::asio::any_io_executor executor_;
    };

    std::function<void()> on_wait_;
    core::SteadyTime now_{};
};

class ConnectTest : public testing::Test {
protected:
    ConnectTest() {
        settings_.database = folder_.file("h.db");
        settings_.key_file = folder_.file("h.db.key");
    }
    core::Result<int> add_provider() {
        auto client = connect(settings_, DatabaseUse::kMayCreate, clock_);
        if (!client) return client.error();
        api::ApiRequest request;
        request.method = "POST";
        request.path = "/v1/providers";
        request.body =
            R"({"name":"p","client_id":"a","client_secret":"s","token_endpoint":"https://t.example.com/token"})";
        auto answer = (*client)->call(request);
        if (!answer) return answer.error();
        return answer->status;
    }
    [[nodiscard]] std::size_t files() const {
        return static_cast<std::size_t>(
            std::distance(std::filesystem::directory_iterator(folder_.path()), {}));
    }

    test::TempDirectory folder_;
    Settings settings_;
    core::SystemClock clock_;
};

TEST_F(ConnectTest, AMissingDatabaseIsAnErrorAndNothingIsCreated) {
    const auto client = connect(settings_, DatabaseUse::kMustExist, clock_);
    ASSERT_FALSE(client);
    EXPECT_EQ(client.error().code, "storage_error");
    EXPECT_EQ(files(), 0U);
}

TEST_F(ConnectTest, AMistypedNameIsAnsweredWithTheNameAndNothingIsPutBesideIt) {
    const auto said = [&](const std::filesystem::path& database) {
        settings_.database = database;
        const auto client = connect(settings_, DatabaseUse::kMayCreate, clock_);
        EXPECT_FALSE(client);
        return client ? std::string() : client.error().message;
    };
    std::ofstream(folder_.file("passwd")) << "root:x:0:0:root:/root:/bin/bash\n";
    EXPECT_THAT(said(folder_.file("passwd")), HasSubstr("passwd is no Herald database"));
    EXPECT_EQ(files(), 1U);
    std::filesystem::create_directory(folder_.file("folder"));
    EXPECT_THAT(said(folder_.file("folder")), HasSubstr("folder is a folder"));
    EXPECT_THAT(said(folder_.file("missing") / "h.db"),
                HasSubstr("mkdir -p " + folder_.file("missing").string()));
    EXPECT_THAT(said("/dev/null"), HasSubstr("/dev/null is no file"));
    EXPECT_EQ(files(), 2U);
}

TEST_F(ConnectTest, AFreeLockMeansInProcessWhateverSocketFileIsLeft) {
    std::ofstream(settings_.socket()).flush();
    const auto added = add_provider();
    ASSERT_TRUE(added) << added.error().message;
    EXPECT_EQ(*added, 201);
    const auto client = connect(settings_, DatabaseUse::kMustExist, clock_);
    ASSERT_TRUE(client);
    EXPECT_FALSE((*client)->is_daemon());
}

TEST_F(ConnectTest, TheKeyRingIsMadeOnlyTogetherWithTheDatabase) {
    ASSERT_TRUE(add_provider());
    std::filesystem::remove(settings_.key_file);
    const auto client = connect(settings_, DatabaseUse::kMayCreate, clock_);
    ASSERT_FALSE(client);
    EXPECT_FALSE(std::filesystem::exists(settings_.key_file));
}

TEST_F(ConnectTest, ARefusedFirstChangeLeavesNothingBehind) {
    auto client = connect(settings_, DatabaseUse::kMayCreate, clock_);
    ASSERT_TRUE(client);
    api::ApiRequest request;
    request.method = "POST";
    request.path = "/v1/providers";
    request.body = R"({"name":"not a name"})";
    EXPECT_EQ((*client)->call(request)->status, 422);
    request.method = "GET";
    request.body = "";
    EXPECT_EQ((*client)->call(request)->status, 200);
    EXPECT_GT(files(), 0U);
    client->reset();
    EXPECT_EQ(files(), 0U);
}

TEST_F(ConnectTest, WhatWasThereBeforeARefusedChangeStays) {
    ASSERT_TRUE(add_provider());
    const auto before = files();
    EXPECT_NE(add_provider().value(), 201) << "the name is taken";
    EXPECT_EQ(files(), before);
}

TEST_F(ConnectTest, AKeyRingThatWasThereBeforeTheDatabaseStays) {
    ASSERT_TRUE(storage::KeyRing::create(settings_.key_file));
    ASSERT_TRUE(connect(settings_, DatabaseUse::kMayCreate, clock_));
    EXPECT_EQ(files(), 1U);
    EXPECT_TRUE(std::filesystem::exists(settings_.key_file));
}

TEST_F(ConnectTest, ADatabaseThatCannotBeMadeLeavesNoKeyBehind) {
    std::filesystem::create_directory(settings_.database);
    EXPECT_FALSE(connect(settings_, DatabaseUse::kMayCreate, clock_));
    EXPECT_FALSE(std::filesystem::exists(settings_.key_file));
}

TEST_F(ConnectTest, ADaemonThatIsSilentIsDaemonNotRunning) {
    ASSERT_TRUE(add_provider());
    const auto lock = DatabaseLock::acquire(settings_.database, DatabaseLock::Owner::kDaemon);
    ASSERT_TRUE(lock);
    const auto client = connect(settings_, DatabaseUse::kMustExist, clock_);
    ASSERT_FALSE(client);
    EXPECT_EQ(client.error().code, "daemon_not_running");
}

TEST_F(ConnectTest, ASecondDaemonIsRefusedNamingThePid) {
    const auto first = DatabaseLock::acquire(settings_.database, DatabaseLock::Owner::kDaemon);
    ASSERT_TRUE(first);
    EagerClock clock([] {});
    const auto second = lock_for_daemon(settings_, clock);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, "already_running");
    EXPECT_THAT(second.error().message, testing::HasSubstr("pid " + std::to_string(::getpid())));
}

TEST_F(ConnectTest, ACommandWaitsForAnotherCommand) {
    std::optional<DatabaseLock> held(
        *DatabaseLock::acquire(settings_.database, DatabaseLock::Owner::kCommand));
    std::size_t pauses = 0;
    EagerClock clock([&] {
        if (++pauses == 3) held.reset();
    });
    const auto lock = lock_for_command(settings_, clock);
    ASSERT_TRUE(lock) << lock.error().message;
    EXPECT_TRUE(std::holds_alternative<DatabaseLock>(*lock));
    EXPECT_EQ(pauses, 3U);
}

TEST_F(ConnectTest, ACommandGivesUpAfterTenSeconds) {
    const auto held = DatabaseLock::acquire(settings_.database, DatabaseLock::Owner::kCommand);
    EagerClock clock([] {});
    const auto lock = lock_for_command(settings_, clock);
    ASSERT_FALSE(lock);
    EXPECT_EQ(lock.error().code, "database_locked");
    EXPECT_GE(clock.waited(), kCommandLockPatience);
    EXPECT_LE(clock.waited(), kCommandLockPatience + std::chrono::seconds(1));
}

TEST_F(ConnectTest, KeyRotationLeavesOneNewKeyThatOpensEverything) {
    ASSERT_TRUE(add_provider());
    const auto rotated = rotate_keys(settings_, clock_);
    ASSERT_TRUE(rotated) << rotated.error().message;
    EXPECT_GT(rotated->resealed, 0);
    const auto ring = storage::KeyRing::load(settings_.key_file);
    ASSERT_TRUE(ring);
    EXPECT_EQ(ring->ids(), std::vector<std::uint32_t>{rotated->newest});
    EXPECT_TRUE(connect(settings_, DatabaseUse::kMustExist, clock_));
}

TEST_F(ConnectTest, AnInterruptedKeyRotationIsFinishedByTheNext) {
    ASSERT_TRUE(add_provider());
    ASSERT_TRUE(storage::KeyRing::load(settings_.key_file)->rotated(settings_.key_file));
    EXPECT_TRUE(connect(settings_, DatabaseUse::kMustExist, clock_))
        << "two keys, rows under the older one";
    const auto rotated = rotate_keys(settings_, clock_);
    ASSERT_TRUE(rotated);
    EXPECT_EQ(storage::KeyRing::load(settings_.key_file)->ids(),
              std::vector<std::uint32_t>{rotated->newest});
}

TEST_F(ConnectTest, KeyRotationIsRefusedWhileADaemonHoldsTheKeys) {
    ASSERT_TRUE(add_provider());
    const auto lock = DatabaseLock::acquire(settings_.database, DatabaseLock::Owner::kDaemon);
    const auto rotated = rotate_keys(settings_, clock_);
    ASSERT_FALSE(rotated);
    EXPECT_EQ(rotated.error().code, "already_running");
}

TEST(InProcessClientTest, WakesTheTokenThreadOnlyForWhatNeedsIt) {
    const auto needs = [](std::string method, std::string path) {
        api::ApiRequest request;
        request.method = std::move(method);
        request.path = std::move(path);
        return needs_token_thread(request);
    };
    EXPECT_FALSE(needs("GET", "/v1/providers/crm"));
    EXPECT_FALSE(needs("POST", "/v1/events"));
    EXPECT_FALSE(needs("POST", "/v1/notifications/n/preview"));
    EXPECT_TRUE(needs("POST", "/v1/providers"));
    EXPECT_TRUE(needs("PATCH", "/v1/providers/crm"));
    EXPECT_TRUE(needs("POST", "/v1/providers/crm/token/obtain"));
    EXPECT_TRUE(needs("POST", "/v1/notifications/n/test"));
}

}  // namespace
}  // namespace herald::cli
