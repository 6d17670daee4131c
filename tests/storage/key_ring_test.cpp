#include "storage/key_ring.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <set>

#include "core/encoding.h"
#include "tests/support/temp_directory.h"

namespace herald::storage {
namespace {

class KeyRingTest : public ::testing::Test {
protected:
    void write(const std::string& content, mode_t mode = 0600) const {
        std::ofstream(path_) << content;
        ASSERT_EQ(::chmod(path_.c_str(), mode), 0);
    }
    [[nodiscard]] std::string content() const {
        std::ifstream file(path_);
        return {std::istreambuf_iterator<char>(file), {}};
    }

    test::TempDirectory directory_;
    std::filesystem::path path_ = directory_.file("key");
};

constexpr SealedPlace kPlace{.table = "provider", .row = "row-1", .column = "client_secret"};
const std::string kGoodLine = "1 " + core::base64_encode(std::string(32, 'k')) + "\n";

TEST_F(KeyRingTest, CreatesAPrivateFileThatLoadsAgainAndIsNeverReplaced) {
    const KeyRing ring = KeyRing::create(path_).value();
    struct stat status{};
    ASSERT_EQ(::stat(path_.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0600U);
    const KeyRing again = KeyRing::load(path_).value();
    EXPECT_EQ(again.ids(), std::vector<std::uint32_t>{1});
    EXPECT_TRUE(again.key(1)->equals(*ring.key(1)));
    EXPECT_EQ(again.key(2), nullptr);
    EXPECT_EQ(KeyRing::create(path_).error().code, "storage_error");
}

TEST_F(KeyRingTest, RefusesAMissingRing) {
    EXPECT_EQ(KeyRing::load(path_).error().code, "key_mismatch");
}

TEST_F(KeyRingTest, RefusesARingThatOthersCanRead) {
    for (const mode_t mode : {0644U, 0640U, 0604U, 0660U, 0601U}) {
        write("herald-key-ring 1\n" + kGoodLine, mode);
        const auto ring = KeyRing::load(path_);
        ASSERT_FALSE(ring);
        EXPECT_EQ(ring.error().code, "storage_error");
        EXPECT_NE(ring.error().message.find("chmod 600"), std::string::npos);
    }
}

TEST_F(KeyRingTest, ReadsAFileThatAnEditorBeganWithAByteOrderMark) {
    write("\xEF\xBB\xBFherald-key-ring 1\n" + kGoodLine);
    EXPECT_TRUE(KeyRing::load(path_));
}

TEST_F(KeyRingTest, RefusesWhatIsMalformedWithoutShowingAKey) {
    const std::string key = core::base64_encode(std::string(32, 'k'));
    for (const std::string& text :
         {std::string(), std::string("\n"), std::string("herald-key-ring 1\n"),
          "herald-key-ring 2\n" + kGoodLine, "herald-key-ring 1\n" + kGoodLine + kGoodLine,
          "herald-key-ring 1\n0 " + key + "\n", "herald-key-ring 1\n1 " + key,
          "herald-key-ring 1\n1  " + key + "\n", "herald-key-ring 1\n-1 " + key + "\n",
          "herald-key-ring 1\n4294967296 " + key + "\n",
          "herald-key-ring 1\n1 " + core::base64_encode(std::string(31, 'k')) + "\n",
          "herald-key-ring 1\n1 " + key + "!\n", kGoodLine, "herald-key-ring 1\r\n" + kGoodLine}) {
        write(text);
        const auto ring = KeyRing::load(path_);
        ASSERT_FALSE(ring) << text;
        EXPECT_EQ(ring.error().code, "key_mismatch") << text;
        EXPECT_EQ(ring.error().message.find(key.substr(0, 12)), std::string::npos);
    }
    std::filesystem::remove(path_);
    std::filesystem::create_directory(path_);
    std::filesystem::permissions(path_, std::filesystem::perms::owner_all);
    EXPECT_FALSE(KeyRing::load(path_));
}

TEST_F(KeyRingTest, ARotatedRingOpensOldValuesAndSealsWithTheNewKey) {
    const KeyRing first = KeyRing::create(path_).value();
    const std::string old_value = seal(first, kPlace, "secret");
    const KeyRing second = first.rotated(path_).value();
    EXPECT_EQ(second.ids(), (std::vector<std::uint32_t>{1, 2}));
    EXPECT_EQ(KeyRing::load(path_)->newest(), 2U);
    EXPECT_EQ(open_sealed(second, kPlace, old_value)->reveal(), "secret");
    const std::string new_value = seal(second, kPlace, "secret");
    EXPECT_EQ(open_sealed(first, kPlace, new_value).error().code, "key_mismatch");

    const KeyRing pruned = second.pruned(path_).value();
    EXPECT_EQ(KeyRing::load(path_)->ids(), std::vector<std::uint32_t>{2});
    EXPECT_EQ(open_sealed(pruned, kPlace, new_value)->reveal(), "secret");
    EXPECT_EQ(open_sealed(pruned, kPlace, old_value).error().code, "key_mismatch");
    struct stat status{};
    ASSERT_EQ(::stat(path_.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

TEST_F(KeyRingTest, AnInterruptedRotationLeavesTheOldRing) {
    const KeyRing ring = KeyRing::create(path_).value();
    const std::string before = content();
    std::filesystem::create_directory(path_.string() +
                                      ".new");  // the temporary name cannot be taken
    EXPECT_FALSE(ring.rotated(path_));
    EXPECT_EQ(content(), before);
}

TEST_F(KeyRingTest, SealsAnyBytesAndNeverTwiceAlike) {
    const KeyRing ring = KeyRing::create(path_).value();
    for (const std::string& plain :
         {std::string(), std::string("\0\xff", 2), std::string(16'000, 'a')}) {
        const std::string sealed = seal(ring, kPlace, plain);
        EXPECT_EQ(sealed.size(), 4 + 12 + plain.size() + 16);
        EXPECT_EQ(open_sealed(ring, kPlace, sealed)->reveal(), plain);
    }
    std::set<std::string> nonces;
    for (int i = 0; i < 10'000; ++i) nonces.insert(seal(ring, kPlace, "x").substr(4, 12));
    EXPECT_EQ(nonces.size(), 10'000U);
}

TEST_F(KeyRingTest, RefusesEveryFlippedBitAndEveryCut) {
    const KeyRing ring = KeyRing::create(path_).value();
    const std::string sealed = seal(ring, kPlace, "a secret value");
    for (std::size_t bit = 0; bit < sealed.size() * 8; ++bit) {
        std::string flipped = sealed;
        flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
        EXPECT_EQ(open_sealed(ring, kPlace, flipped).error().code, "key_mismatch") << bit;
    }
    for (std::size_t size = 0; size < sealed.size(); ++size) {
        EXPECT_FALSE(open_sealed(ring, kPlace, std::string_view(sealed).substr(0, size))) << size;
    }
}

TEST_F(KeyRingTest, OpensAValueOnlyInItsPlace) {
    const KeyRing ring = KeyRing::create(path_).value();
    const std::string sealed = seal(ring, kPlace, "secret");
    for (const SealedPlace& other :
         {SealedPlace{.table = "token", .row = "row-1", .column = "client_secret"},
          SealedPlace{.table = "provider", .row = "row-2", .column = "client_secret"},
          SealedPlace{.table = "provider", .row = "row-1", .column = "access_token"},
          SealedPlace{.table = "providerr", .row = "ow-1", .column = "client_secret"},
          SealedPlace{.table = "provider", .row = "row-1client_", .column = "secret"}}) {
        EXPECT_EQ(open_sealed(ring, other, sealed).error().code, "key_mismatch");
    }
}

TEST_F(KeyRingTest, AnotherRingWithTheSameIdsDoesNotOpen) {
    const KeyRing ring = KeyRing::create(path_).value();
    const KeyRing other = KeyRing::create(directory_.file("other")).value();
    EXPECT_EQ(open_sealed(other, kPlace, seal(ring, kPlace, "x")).error().code, "key_mismatch");
}

}  // namespace
}  // namespace herald::storage
