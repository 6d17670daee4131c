#include "providers/access_token.h"

#include <gtest/gtest.h>

namespace herald::providers {
namespace {

using namespace std::chrono_literals;

const core::SteadyTime kNow{1h};

AccessTokenPtr token(std::int64_t generation, core::SteadyTime refresh_from,
                     core::SteadyTime usable_until) {
    auto made = std::make_shared<AccessToken>();
    made->generation = generation;
    made->refresh_from = refresh_from;
    made->usable_until = usable_until;
    return made;
}

class TokenReaderTest : public ::testing::Test {
protected:
    int stale_uses = 0;
    std::shared_ptr<TokenCell> cell = std::make_shared<TokenCell>([this] { ++stale_uses; });
    TokenReader reader{cell};
};

TEST_F(TokenReaderTest, ReadsNothingBeforeThePublication) {
    EXPECT_EQ(reader.read(kNow), nullptr);
}

TEST_F(TokenReaderTest, SeesEachPublication) {
    cell->publish(token(1, kNow + 1h, kNow + 2h));
    EXPECT_EQ(reader.read(kNow)->generation, 1);
    cell->publish(token(2, kNow + 1h, kNow + 2h));
    EXPECT_EQ(reader.read(kNow)->generation, 2);
    cell->publish(nullptr);
    EXPECT_EQ(reader.read(kNow), nullptr);
}

TEST_F(TokenReaderTest, NeverHandsOutATokenPastItsEnd) {
    cell->publish(token(1, kNow, kNow + 10s));
    EXPECT_NE(reader.read(kNow + 9999ms), nullptr);
    EXPECT_EQ(reader.read(kNow + 10s), nullptr);
}

TEST_F(TokenReaderTest, MarksTheTokenAsUsedOnlyWhenItIsRead) {
    cell->publish(token(1, kNow + 1h, kNow + 2h));
    EXPECT_FALSE(cell->used());
    (void)reader.read(kNow);
    EXPECT_TRUE(cell->used());
    cell->publish(token(2, kNow + 1h, kNow + 2h));
    EXPECT_FALSE(cell->used());
}

TEST_F(TokenReaderTest, ReportsStaleUseOncePerToken) {
    cell->publish(token(1, kNow + 10s, kNow + 1h));
    (void)reader.read(kNow);
    EXPECT_EQ(stale_uses, 0);
    (void)reader.read(kNow + 10s);
    (void)reader.read(kNow + 11s);
    EXPECT_EQ(stale_uses, 1);
}

TEST(TokenReader, WithoutACellReadsNothing) {
    TokenReader none;
    EXPECT_FALSE(static_cast<bool>(none));
    EXPECT_EQ(none.read(kNow), nullptr);
}

}  // namespace
}  // namespace herald::providers
