#include <gmock/gmock.h>

#include <fstream>

#include "core/encoding.h"
#include "storage/sqlite/connection.h"
#include "tests/storage/store_fixture.h"

namespace herald::storage {
namespace {

using sqlite::Connection;

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
    tamper(
        "UPDATE provider SET client_secret = (SELECT client_secret FROM provider WHERE name = "
        "'two')"
        " WHERE name = 'one'");
    EXPECT_EQ(store_->provider("one").error().code, "key_mismatch");
    EXPECT_EQ(store_->providers().error().code, "key_mismatch");
    EXPECT_TRUE(store_->provider("two"));

    const auto id = store_->provider("two")->id;
    tamper("UPDATE token SET access_token = refresh_token");
    EXPECT_EQ(store_->token(id).error().code, "key_mismatch");
    tamper("UPDATE provider SET secret_fields = client_secret WHERE name = 'two'");
    EXPECT_EQ(store_->provider("two").error().code, "key_mismatch");
    tamper("UPDATE notification SET signing_secret = auth_secret WHERE name = 'basic-one'");
    EXPECT_EQ(store_->notification("basic-one").error().code, "key_mismatch");
    tamper(
        "UPDATE pending_revocation SET token = (SELECT token FROM pending_revocation WHERE id = "
        "1)");
    EXPECT_EQ(store_->pending_revocations().error().code, "key_mismatch");
}

TEST_F(SealedAtRestTest, AFlippedBitIsRefused) {
    tamper(
        "UPDATE provider SET client_secret = CAST(substr(client_secret, 1, 20) || x'00'"
        " || substr(client_secret, 22) AS BLOB) WHERE name = 'one'");
    EXPECT_EQ(store_->provider("one").error().code, "key_mismatch");
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

TEST_F(SealedAtRestTest, ResealingStopsAtAValueThatDoesNotOpen) {
    tamper("UPDATE provider SET client_secret = zeroblob(60) WHERE name = 'one'");
    EXPECT_EQ(store_->reseal().error().code, "key_mismatch");
}

TEST_F(SealedAtRestTest, DeletingAProviderEmptiesTheWal) {
    ASSERT_TRUE(store_->delete_provider("one"));
    EXPECT_EQ(std::filesystem::file_size(path().string() + "-wal"), 0U);
}

}  // namespace
}  // namespace herald::storage
