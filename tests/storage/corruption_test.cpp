#include <gtest/gtest.h>

#include <fstream>
#include <random>

#include "tests/storage/store_fixture.h"

namespace herald::storage {
namespace {

class CorruptionTest : public StoreFixture {
protected:
    [[nodiscard]] static std::string content(const std::filesystem::path& path) {
        std::ifstream file(path, std::ios::binary);
        return {std::istreambuf_iterator<char>(file), {}};
    }
    static void write(const std::filesystem::path& path, const std::string& bytes) {
        std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
    }
};

// a damaged file is refused or works; it never crashes and never yields a wrong secret.
TEST_F(CorruptionTest, DamageIsRefusedOrHarmlessAndNeverGivesAWrongSecret) {
    constexpr unsigned kSeed = 20261121;
    std::mt19937 random(kSeed);
    open();
    const auto notification = given_notification(sample_notification("n", given_provider("crm")));
    given_callouts(notification, 50);
    store_.reset();
    const std::string good = content(path());
    int refused = 0;
    for (int round = 0; round < 200; ++round) {
        SCOPED_TRACE("seed " + std::to_string(kSeed) + " round " + std::to_string(round));
        std::string bad = good;
        const unsigned flips = 1U << (random() % 7);
        for (unsigned i = 0; i < flips; ++i)
            bad[random() % bad.size()] ^= static_cast<char>(1 + random() % 255);
        if (round % 10 == 0) bad.resize(random() % bad.size());
        if (bad.empty()) continue;
        std::filesystem::remove(path().string() + "-wal");
        std::filesystem::remove(path().string() + "-shm");
        write(path(), bad);
        auto opened = try_open(false);
        if (!opened) {
            ++refused;
            EXPECT_EQ(opened.error().kind, core::ErrorKind::kStorage) << opened.error().message;
            continue;
        }
        const auto provider = (*opened)->provider("crm");
        if (provider && provider->client_secret) {
            EXPECT_EQ(provider->client_secret->reveal(), "client-secret-canary");
        }
        static_cast<void>((*opened)->list_callouts({}));
        static_cast<void>((*opened)->counts());
        static_cast<void>(claim(**opened, notification.id, 100));
    }
    EXPECT_GT(refused, 0);
}

}  // namespace
}  // namespace herald::storage
