#include "core/random.h"

#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "tests/support/seeded_random.h"

namespace herald::core {
namespace {

using test::SeededRandom;

class FixedRandom final : public Random {
public:
    explicit FixedRandom(std::uint64_t value) : value_(value) {}
    [[nodiscard]] std::uint64_t next() override { return value_; }

private:
    std::uint64_t value_;
};

TEST(RandomTest, UniformIsAtLeastZeroAndBelowOne) {
    EXPECT_EQ(FixedRandom(0).uniform(), 0.0);
    EXPECT_EQ(FixedRandom(std::uint64_t{1} << 63U).uniform(), 0.5);
    const double largest = FixedRandom(~std::uint64_t{0}).uniform();
    EXPECT_GT(largest, 0.999'999);
    EXPECT_LT(largest, 1.0);
}

TEST(RandomTest, UniformSpreadsEvenly) {
    SeededRandom random(1);
    std::array<int, 10> counts{};
    for (int i = 0; i < 10'000; ++i) ++counts.at(static_cast<std::size_t>(random.uniform() * 10));
    for (const int count : counts) EXPECT_NEAR(count, 1'000, 150);
}

TEST(SystemRandomTest, DoesNotRepeatItselfNorAnotherThread) {
    SystemRandom random;
    std::array<std::uint64_t, 100> theirs{};
    std::thread([&] {
        for (auto& number : theirs) number = random.next();
    }).join();
    std::set<std::uint64_t> seen(theirs.begin(), theirs.end());
    for (int i = 0; i < 100; ++i) seen.insert(random.next());
    EXPECT_EQ(seen.size(), 200U);
}

}  // namespace
}  // namespace herald::core
