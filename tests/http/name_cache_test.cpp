#include "http/dns/name_cache.h"

#include <gtest/gtest.h>

namespace herald::http {
namespace {

using namespace std::chrono_literals;

Resolver::Answer address(const char* text) {
    return std::make_shared<const Addresses>(Addresses{boost::asio::ip::make_address(text)});
}

class NameCacheTest : public ::testing::Test {
protected:
    [[nodiscard]] bool knows(std::string_view host, core::SteadyTime now) const {
        return cache_.find(host, now) != nullptr;
    }

    NameCache cache_{2};
    const core::SteadyTime now_{1h};
};

TEST_F(NameCacheTest, ForgetsAtTheTimeThatWasSaid) {
    cache_.keep("a", address("1.1.1.1"), now_ + 2s, now_);
    EXPECT_TRUE(knows("a", now_ + 1999ms));
    EXPECT_FALSE(knows("a", now_ + 2s));
    EXPECT_FALSE(knows("b", now_));
}

TEST_F(NameCacheTest, GivesAwayWhatItHasWithoutCopying) {
    const auto answer = address("1.1.1.1");
    cache_.keep("a", answer, now_ + 2s, now_);
    EXPECT_EQ(**cache_.find("a", now_), *answer);
}

TEST_F(NameCacheTest, TheNewestAnswerCounts) {
    cache_.keep("a", address("1.1.1.1"), now_ + 9s, now_);
    cache_.keep("a", address("2.2.2.2"), now_ + 1s, now_);
    EXPECT_EQ((**cache_.find("a", now_))->front().to_string(), "2.2.2.2");
    EXPECT_FALSE(knows("a", now_ + 1s));
}

TEST_F(NameCacheTest, WhatEndsFirstMakesRoom) {
    cache_.keep("long", address("1.1.1.1"), now_ + 9s, now_);
    cache_.keep("short", address("1.1.1.1"), now_ + 5s, now_);
    cache_.keep("new", address("1.1.1.1"), now_ + 7s, now_);
    EXPECT_EQ(cache_.size(), 2U);
    EXPECT_TRUE(knows("long", now_));
    EXPECT_FALSE(knows("short", now_));
    EXPECT_TRUE(knows("new", now_));
}

TEST_F(NameCacheTest, WhatIsOverMakesRoomFirst) {
    cache_.keep("a", address("1.1.1.1"), now_ + 1s, now_);
    cache_.keep("b", address("1.1.1.1"), now_ + 1s, now_);
    cache_.keep("c", address("1.1.1.1"), now_ + 9s, now_ + 1s);
    EXPECT_EQ(cache_.size(), 1U);
}

TEST_F(NameCacheTest, AKnownNameNeedsNoRoom) {
    cache_.keep("a", address("1.1.1.1"), now_ + 1s, now_);
    cache_.keep("b", address("1.1.1.1"), now_ + 2s, now_);
    cache_.keep("b", address("1.1.1.1"), now_ + 3s, now_);
    EXPECT_TRUE(knows("a", now_));
}

}  // namespace
}  // namespace herald::http
