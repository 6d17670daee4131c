#include <gmock/gmock.h>

#include <fstream>

#include "core/encoding.h"
#include "storage/sqlite/connection.h"
#include "tests/storage/store_fixture.h"

namespace herald::storage {
namespace {

using sqlite::Connection;
using ::testing::ElementsAre;

constexpr std::array kCanaries{
    "canary-client-secret", "canary-access-token",   "canary-refresh-token", "canary-password",
    "canary-header-value",  "canary-signing-secret", "canary-revocation",    "canary-sealed-field"};

class SealedAtRestTest : public StoreFixture {
protected:
    void SetUp() override {
        open();
        for (const std::string name : {"one", "two"}) fill(name);
    }

    void fill(const std::string& name) {
        ProviderRecord provider = sample_provider(name);
        provider.client_secret = core::Secret(kCanaries[0]);
        provider.secret_parameters.emplace_back("p", core::Secret(kCanaries[7]));
        TokenRecord token;
        token.access_token = core::Secret(kCanaries[1]);
        token.refresh_token = core::Secret(kCanaries[2]);
        ASSERT_TRUE(store_->add_provider(provider.clone(), std::move(token)));
        auto basic = sample_notification("basic-" + name);
        basic.auth = BasicAuth{.username = "u", .password = core::Secret(kCanaries[3])};
        basic.signing_secret = core::Secret(kCanaries[5]);
        basic.secret_headers.emplace_back("X-S", core::Secret(kCanaries[7]));
        given_notification(std::move(basic));
        auto header = sample_notification("header-" + name);
        header.auth = HeaderAuth{.name = "X", .value = core::Secret(kCanaries[4])};
        given_notification(std::move(header));
        PendingRevocation pending;
        pending.provider = provider.id;
        pending.token = core::Secret(kCanaries[6]);
        ASSERT_TRUE(core::wait_done<void>([&](core::Done<> done) {
            store_->queue_revocation(std::move(pending), std::move(done));
        }));
    }

    [[nodiscard]] std::string all_files() const {
        std::string bytes;
        for (const auto& entry : std::filesystem::directory_iterator(directory_.path())) {
            std::ifstream file(entry.path(), std::ios::binary);
            bytes.append(std::istreambuf_iterator<char>(file), {});
        }
        return bytes;
    }

    void expect_no_canary() const {
        const std::string bytes = all_files();
        for (const std::string canary : kCanaries) {
            EXPECT_EQ(bytes.find(canary), std::string::npos) << canary;
            EXPECT_EQ(bytes.find(core::hex_encode(canary)), std::string::npos) << canary;
            EXPECT_EQ(bytes.find(core::base64_encode(canary).substr(0, 16)), std::string::npos)
                << canary;
        }
    }

    void expect_all_open() {
        EXPECT_EQ(store_->provider("one")->client_secret->reveal(), kCanaries[0]);
        const auto token = store_->token(store_->provider("two")->id);
        EXPECT_EQ((*token)->access_token->reveal(), kCanaries[1]);
        EXPECT_EQ((*token)->refresh_token->reveal(), kCanaries[2]);
        const auto basic = store_->notification("basic-one");
        EXPECT_EQ(std::get<BasicAuth>(basic->auth).password.reveal(), kCanaries[3]);
        EXPECT_EQ(basic->signing_secret->reveal(), kCanaries[5]);
        EXPECT_EQ(basic->secret_headers.at(0).second.reveal(), kCanaries[7]);
        EXPECT_EQ(store_->provider("two")->secret_parameters.at(0).second.reveal(), kCanaries[7]);
        const auto header = store_->notification("header-two");
        EXPECT_EQ(std::get<HeaderAuth>(header->auth).value.reveal(), kCanaries[4]);
        EXPECT_EQ(store_->pending_revocations()->at(1).token.reveal(), kCanaries[6]);
    }

    [[nodiscard]] std::string read(const std::string& sql) const {
        return Connection(path(), Connection::Access::kReadOnly).single(sql);
    }

    void give_one_the_secret_of_two() {
        tamper(
            "UPDATE provider SET client_secret = (SELECT client_secret FROM provider"
            " WHERE name = 'two') WHERE name = 'one'");
    }

    /// `table.column` of what begins with a key's number, as `seal` writes it.
    [[nodiscard]] std::vector<std::string> sealed_columns() const {
        Connection db(path(), Connection::Access::kReadOnly);
        std::vector<std::string> found;
        for (const std::string& at :
             db.column("SELECT t.name || '.' || c.name FROM pragma_table_list t,"
                       " pragma_table_info(t.name) c WHERE t.schema = 'main' AND c.type = 'BLOB'"
                       " AND t.name IN ('provider', 'token', 'notification', 'pending_revocation')",
                       0)) {
            const auto dot = at.find('.');
            const std::string column = at.substr(dot + 1);
            if (!db.single("SELECT 1 FROM " + at.substr(0, dot) + " WHERE substr(" + column +
                           ", 1, 4) = x'00000001' AND length(" + column + ") >= 32")
                     .empty())
                found.push_back(at);
        }
        EXPECT_EQ(found.size(), 8U);
        return found;
    }

    /// Changes the file behind the store's back.
    void tamper(const std::string& sql) {
        store_.reset();
        {
            Connection db(path(), Connection::Access::kReadWrite);
            static_cast<void>(db.single(sql));
        }
        open();
    }
};

TEST_F(SealedAtRestTest, NoSecretIsInAnyFile) {
    expect_no_canary();
    store_.reset();
    expect_no_canary();
}

TEST_F(SealedAtRestTest, ACiphertextOpensInNoOtherRowOrColumn) {
    give_one_the_secret_of_two();
    const auto provider = store_->provider("one");
    ASSERT_TRUE(provider);
    EXPECT_FALSE(provider->client_secret);
    EXPECT_THAT(provider->unreadable_secrets, ElementsAre("client_secret"));
    EXPECT_EQ(store_->provider("two")->client_secret->reveal(), kCanaries[0]);

    const auto id = store_->provider("two")->id;
    tamper("UPDATE token SET access_token = refresh_token");
    EXPECT_FALSE((*store_->token(id))->access_token);
    EXPECT_THAT((*store_->token(id))->unreadable_secrets, ElementsAre("access_token"));
    EXPECT_EQ((*store_->token(id))->refresh_token->reveal(), kCanaries[2]);
    tamper("UPDATE provider SET secret_fields = client_secret WHERE name = 'two'");
    EXPECT_THAT(store_->provider("two")->unreadable_secrets, ElementsAre("secret_fields"));
    tamper("UPDATE notification SET signing_secret = auth_secret WHERE name = 'basic-one'");
    const auto notification = store_->notification("basic-one");
    EXPECT_FALSE(notification->signing_secret);
    EXPECT_THAT(notification->unreadable_secrets, ElementsAre("signing_secret"));
    EXPECT_EQ(std::get<BasicAuth>(notification->auth).password.reveal(), kCanaries[3]);
    tamper(
        "UPDATE pending_revocation SET token = (SELECT token FROM pending_revocation WHERE id = "
        "1)");
    const auto revocations = store_->pending_revocations();
    EXPECT_FALSE(revocations->at(0).is_unreadable);
    EXPECT_TRUE(revocations->at(1).is_unreadable);
    EXPECT_TRUE(revocations->at(1).token.reveal().empty());
}

TEST_F(SealedAtRestTest, AFlippedBitIsNoticed) {
    tamper(
        "UPDATE provider SET client_secret = CAST(substr(client_secret, 1, 20) || x'00'"
        " || substr(client_secret, 22) AS BLOB) WHERE name = 'one'");
    EXPECT_THAT(store_->provider("one")->unreadable_secrets, ElementsAre("client_secret"));
}

// Of every column that holds something sealed.
TEST_F(SealedAtRestTest, OneValueThatDoesNotOpenLeavesEverythingElseReadable) {
    for (const std::string& at : sealed_columns()) {
        SCOPED_TRACE(at);
        const auto dot = at.find('.');
        const std::string table = at.substr(0, dot);
        const std::string column = at.substr(dot + 1);
        tamper("UPDATE " + table + " SET " + column + " = zeroblob(60)");
        for (const char* name : {"one", "two"}) {
            const auto provider = store_->provider(name);
            ASSERT_TRUE(provider);
            ASSERT_TRUE(store_->token(provider->id));
        }
        EXPECT_EQ(store_->providers()->size(), 2U);
        EXPECT_EQ(store_->notifications()->size(), 4U);
        EXPECT_EQ(store_->pending_revocations()->size(), 2U);
        EXPECT_TRUE(store_->counts());
        EXPECT_TRUE(store_->reseal());
    }
    ASSERT_TRUE(store_->edit_provider("one", [](Store::ProviderEdit& edit) -> core::Result<> {
        edit.record.scopes = {"other"};
        return {};
    }));
    for (const char* name : {"basic-one", "header-one"})
        EXPECT_TRUE(store_->delete_notification(name, false));
    EXPECT_TRUE(store_->delete_provider("one"));
}

TEST_F(SealedAtRestTest, WhatDoesNotOpenStaysAsItIsUntilItIsReplaced) {
    give_one_the_secret_of_two();
    tamper("UPDATE token SET refresh_token = access_token");
    tamper("UPDATE notification SET auth_secret = signing_secret WHERE name = 'basic-one'");
    const auto unreadable = [&] {
        return read(
            "SELECT hex(p.client_secret) || hex(t.refresh_token) || hex(n.auth_secret)"
            " FROM provider p, token t, notification n WHERE p.name = 'one'"
            " AND t.provider_id = p.id AND n.name = 'basic-one'");
    };
    const std::string before = unreadable();
    ASSERT_TRUE(store_->edit_provider("one", [](Store::ProviderEdit& edit) -> core::Result<> {
        edit.record.enabled = false;
        return {};
    }));
    ASSERT_TRUE(
        store_->edit_notification("basic-one", [](NotificationRecord& record) -> core::Result<> {
            record.paused = true;
            return {};
        }));
    EXPECT_EQ(unreadable(), before);

    auto edited = store_->edit_provider("one", [](Store::ProviderEdit& edit) -> core::Result<> {
        edit.record.client_secret = core::Secret("healed");
        edit.token->refresh_token = core::Secret("healed too");
        return {};
    });
    ASSERT_TRUE(edited);
    EXPECT_TRUE(store_->provider("one")->unreadable_secrets.empty());
    EXPECT_EQ(store_->provider("one")->client_secret->reveal(), "healed");
    const auto token = store_->token(edited->id);
    EXPECT_TRUE((*token)->unreadable_secrets.empty());
    EXPECT_EQ((*token)->refresh_token->reveal(), "healed too");
    ASSERT_TRUE(
        store_->edit_notification("basic-one", [](NotificationRecord& record) -> core::Result<> {
            record.auth = BasicAuth{.username = "u", .password = core::Secret("healed")};
            return {};
        }));
    EXPECT_TRUE(store_->notification("basic-one")->unreadable_secrets.empty());
}

TEST_F(SealedAtRestTest, AnotherAuthenticationForgetsASecretThatDoesNotOpen) {
    tamper("UPDATE notification SET auth_secret = zeroblob(60) WHERE name = 'basic-one'");
    ASSERT_TRUE(
        store_->edit_notification("basic-one", [](NotificationRecord& record) -> core::Result<> {
            record.auth = NoAuth{};
            return {};
        }));
    EXPECT_TRUE(store_->notification("basic-one")->unreadable_secrets.empty());
}

TEST_F(SealedAtRestTest, ResealingLeavesNothingUnderTheOldKey) {
    const KeyRing first = key_ring();
    store_.reset();
    ASSERT_TRUE(first.rotated(key_path()));
    open();
    expect_all_open();
    // Per name: client secret, access and refresh token, password, header value, signing secret,
    // revocation, sealed fields of both; and the key check.
    EXPECT_EQ(store_->reseal().value(), 19);
    EXPECT_EQ(store_->reseal().value(), 0);
    expect_all_open();
    EXPECT_EQ(std::filesystem::file_size(path().string() + "-wal"), 0U);
    expect_no_canary();
    store_.reset();

    ASSERT_TRUE(key_ring().pruned(key_path()));
    open();
    expect_all_open();
    store_.reset();
    std::filesystem::remove(key_path());
    core::SystemClock clock;
    const auto old_ring =
        open_sqlite_store({.path = path()}, KeyRing::create(key_path()).value(), clock);
    EXPECT_EQ(old_ring.error().code, "key_mismatch");
}

TEST_F(SealedAtRestTest, ResealingPassesOverWhatDoesNotOpen) {
    tamper("UPDATE provider SET client_secret = zeroblob(60) WHERE name = 'one'");
    store_.reset();
    ASSERT_TRUE(key_ring().rotated(key_path()));
    open();
    EXPECT_EQ(store_->reseal().value(), 18);
    EXPECT_EQ(store_->reseal().value(), 0);
    store_.reset();
    ASSERT_TRUE(key_ring().pruned(key_path()));
    open();
    EXPECT_EQ(store_->provider("two")->client_secret->reveal(), kCanaries[0]);
    EXPECT_THAT(store_->provider("one")->unreadable_secrets, ElementsAre("client_secret"));
}

TEST_F(SealedAtRestTest, ResealingGoesOnBehindManyThatDoNotOpen) {
    for (int i = 0; i < 200; ++i) fill("more-" + std::to_string(i));
    tamper("UPDATE provider SET client_secret = zeroblob(60) WHERE name < 'more-5'");
    store_.reset();
    ASSERT_TRUE(key_ring().rotated(key_path()));
    open();
    EXPECT_TRUE(store_->reseal());
    EXPECT_EQ(read("SELECT count(*) FROM provider WHERE substr(client_secret, 1, 4) = x'00000001'"),
              "0");
}

TEST_F(SealedAtRestTest, DeletingAProviderEmptiesTheWal) {
    ASSERT_TRUE(store_->delete_provider("one"));
    EXPECT_EQ(std::filesystem::file_size(path().string() + "-wal"), 0U);
}

}  // namespace
}  // namespace herald::storage
