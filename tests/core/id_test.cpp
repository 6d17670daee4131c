#include "core/id.h"

#include <gtest/gtest.h>

#include <type_traits>
#include <unordered_set>

#include "tests/support/seeded_random.h"

namespace herald::core {
namespace {

using test::SeededRandom;

using std::chrono::milliseconds;

template <class A, class B>
concept ComparableTo = requires(const A& a, const B& b) { a == b; };

static_assert(!std::is_convertible_v<EventId, CalloutId>);
static_assert(ComparableTo<EventId, EventId>);
static_assert(!ComparableTo<EventId, CalloutId>);

// The example of the ULID specification: 2016-07-30T23:54:10.259Z.
constexpr std::string_view kSpecExample = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
constexpr StoredTime kSpecExampleTime{milliseconds(1'469'922'850'259)};

TEST(IdTest, StartsWithTheMillisecondsAndIsRandomAfterThem) {
    SeededRandom random(1);
    const auto first = IdBytes::generate(kSpecExampleTime, random);
    const auto second = IdBytes::generate(kSpecExampleTime, random);
    EXPECT_EQ(first.format("").substr(0, 10), kSpecExample.substr(0, 10));
    EXPECT_EQ(second.format("").substr(0, 10), kSpecExample.substr(0, 10));
    EXPECT_NE(first.format("").substr(10), second.format("").substr(10));
}

TEST(IdTest, ReadsBackWhatItWrote) {
    SeededRandom random(2);
    for (int i = 0; i < 1000; ++i) {
        const auto at = StoredTime(milliseconds(random.below(std::size_t{1} << 48U)));
        const auto id = EventId::generate(at, random);
        const auto parsed = EventId::parse(id.text());
        ASSERT_TRUE(parsed.has_value()) << id.text();
        EXPECT_EQ(*parsed, id) << id.text();
    }
}

TEST(IdTest, WritesEveryBitInItsPlace) {
    for (std::size_t bit = 0; bit < 128; ++bit) {
        IdBytes id;
        id.bytes[bit / 8] = static_cast<std::uint8_t>(0x80U >> (bit % 8));
        const auto parsed = IdBytes::parse(id.format("x_"), "x_");
        ASSERT_TRUE(parsed.has_value()) << "bit " << bit;
        EXPECT_EQ(*parsed, id) << "bit " << bit;
    }
}

TEST(IdTest, WritesTheSmallestAndTheLargest) {
    EXPECT_EQ(EventId().text(), "evt_00000000000000000000000000");
    CalloutId largest;
    largest.bytes.fill(0xFF);
    EXPECT_EQ(largest.text(), "cal_7ZZZZZZZZZZZZZZZZZZZZZZZZZ");
    EXPECT_EQ(*CalloutId::parse(largest.text()), largest);
}

TEST(IdTest, KeepsTheSixteenBytesOfTheDatabase) {
    SeededRandom random(3);
    const auto id = ProviderId::generate(kSpecExampleTime, random);
    EXPECT_EQ(ProviderId::from(std::span<const std::uint8_t, 16>(id.bytes)), id);
}

TEST(IdTest, SortsByTimeAsBytesAndAsText) {
    SeededRandom random(4);
    auto before = EventId::generate(StoredTime(milliseconds(0)), random);
    for (unsigned shift = 0; shift < 48; ++shift) {
        const auto after = EventId::generate(StoredTime(milliseconds(1LL << shift)), random);
        EXPECT_LT(before, after) << "shift " << shift;
        EXPECT_LT(before.text(), after.text()) << "shift " << shift;
        before = after;
    }
}

TEST(IdTest, FindsItselfInAnUnorderedSet) {
    SeededRandom random(5);
    std::unordered_set<IdBytes, IdHash> ids;
    for (int i = 0; i < 100; ++i) ids.insert(IdBytes::generate(kSpecExampleTime, random));
    EXPECT_EQ(ids.size(), 100U);
    EXPECT_TRUE(ids.contains(*ids.begin()));
}

TEST(IdTest, ReadsTheExampleOfTheSpecification) {
    const auto parsed = EventId::parse("evt_" + std::string(kSpecExample));
    ASSERT_TRUE(parsed.has_value());
    EXPECT_EQ(parsed->text(), "evt_" + std::string(kSpecExample));
}

class RefusedId : public ::testing::TestWithParam<const char*> {};

TEST_P(RefusedId, IsNotFound) {
    const auto parsed = EventId::parse(GetParam());
    ASSERT_FALSE(parsed.has_value());
    EXPECT_EQ(parsed.error().kind, ErrorKind::kNotFound);
    EXPECT_EQ(parsed.error().code, "not_found");
    EXPECT_NE(parsed.error().message.find("evt_"), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(
    Table, RefusedId,
    ::testing::Values("", "evt_", "01ARZ3NDEKTSV4RRFFQ69G5FAV",
                      "cal_01ARZ3NDEKTSV4RRFFQ69G5FAV",   // of another kind
                      "EVT_01ARZ3NDEKTSV4RRFFQ69G5FAV",   // prefix in capitals
                      "evt_01ARZ3NDEKTSV4RRFFQ69G5FA",    // 25 characters
                      "evt_01ARZ3NDEKTSV4RRFFQ69G5FAV0",  // 27 characters
                      "evt_01arz3ndektsv4rrffq69g5fav",   // lower case
                      "evt_81ARZ3NDEKTSV4RRFFQ69G5FAV",   // more than 128 bits
                      "evt_Z1ARZ3NDEKTSV4RRFFQ69G5FAV",
                      "evt_01ARZ3NDEKTSV4RRFFQ69G5FAI",  // not in the alphabet
                      "evt_01ARZ3NDEKTSV4RRFFQ69G5FAL", "evt_01ARZ3NDEKTSV4RRFFQ69G5FAO",
                      "evt_01ARZ3NDEKTSV4RRFFQ69G5FAU", "evt_01ARZ3NDEK-SV4RRFFQ69G5FAV",
                      "evt_01ARZ3NDEK SV4RRFFQ69G5FAV", " evt_01ARZ3NDEKTSV4RRFFQ69G5FAV"));

TEST(IdTest, RefusesANulInTheMiddle) {
    std::string text = "evt_" + std::string(kSpecExample);
    text[12] = '\0';
    EXPECT_FALSE(EventId::parse(text).has_value());
}

TEST(IdTest, ShowsARefusedIdSafely) {
    const auto parsed = EventId::parse("\x1b[31m\xFF" + std::string(1000, 'x'));
    ASSERT_FALSE(parsed.has_value());
    EXPECT_NE(parsed.error().message.find("\\x1b[31m\\xff"), std::string::npos);
    EXPECT_LT(parsed.error().message.size(), 200U);
}

}  // namespace
}  // namespace herald::core
