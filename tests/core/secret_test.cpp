#include "core/secret.h"

#include <gtest/gtest.h>

#include <ostream>
#include <type_traits>

namespace herald::core {
namespace {

template <class T>
concept Streamable = requires(std::ostream& out, const T& value) { out << value; };

static_assert(Streamable<std::string>, "the concept itself works");
static_assert(!Streamable<Secret>);
static_assert(!std::is_copy_constructible_v<Secret>);
static_assert(!std::is_copy_assignable_v<Secret>);
static_assert(std::is_nothrow_move_constructible_v<Secret>);
static_assert(std::is_nothrow_move_assignable_v<Secret>);
static_assert(!std::is_convertible_v<Secret, std::string_view>);
static_assert(!std::is_convertible_v<Secret, std::string>);
static_assert(!std::is_convertible_v<std::string, Secret>);

TEST(SecretTest, RevealsWhatItHolds) {
    const Secret secret(std::string_view("a\0b", 3));
    EXPECT_EQ(secret.reveal(), std::string_view("a\0b", 3));
    EXPECT_FALSE(secret.empty());
}

TEST(SecretTest, MayBeEmpty) {
    const Secret none;
    EXPECT_TRUE(none.empty());
    EXPECT_EQ(none.reveal(), "");
    EXPECT_TRUE(none.clone().empty());
    EXPECT_TRUE(Secret(std::string_view{}).empty());
    EXPECT_TRUE(none.equals(Secret("")));
    EXPECT_FALSE(none.equals(Secret("x")));
}

TEST(SecretTest, MoveLeavesTheSourceEmpty) {
    Secret source("s3cret");
    Secret target(std::move(source));
    EXPECT_EQ(target.reveal(), "s3cret");
    EXPECT_TRUE(
        source.empty());  // NOLINT(bugprone-use-after-move): what is left behind is the point
    EXPECT_EQ(source.reveal(), "");

    Secret other("older");
    other = std::move(target);
    EXPECT_EQ(other.reveal(), "s3cret");
    EXPECT_TRUE(
        target.empty());  // NOLINT(bugprone-use-after-move): what is left behind is the point
}

TEST(SecretTest, SurvivesAMoveToItself) {
    Secret secret("s3cret");
    Secret& same = secret;
    secret = std::move(same);
    EXPECT_EQ(secret.reveal(), "s3cret");
}

TEST(SecretTest, CloneIsASecondCopy) {
    Secret first("s3cret");
    const Secret second = first.clone();
    first = Secret();
    EXPECT_EQ(second.reveal(), "s3cret");
}

TEST(SecretTest, TakeEmptiesTheSource) {
    for (const std::size_t length : {std::size_t{3}, std::size_t{300}}) {  // in place, on the heap
        std::string source(length, 'x');
        const Secret secret = Secret::take(std::move(source));
        EXPECT_EQ(secret.reveal(), std::string(length, 'x'));
        EXPECT_TRUE(
            source.empty());  // NOLINT(bugprone-use-after-move): what is left behind is the point
    }
}

TEST(SecretTest, EqualsComparesTheContent) {
    const Secret secret("s3cret");
    EXPECT_TRUE(secret.equals(Secret("s3cret")));
    EXPECT_TRUE(secret.equals(secret));
    EXPECT_FALSE(secret.equals(Secret("s3creT")));
    EXPECT_FALSE(secret.equals(Secret("s3cre")));
    EXPECT_FALSE(secret.equals(Secret("s3cret ")));
}

TEST(SecretTest, FingerprintIsTheStartOfTheSha256) {
    EXPECT_EQ(Secret("abc").fingerprint(), "ba7816bf");  // FIPS 180-2, appendix B.1
    EXPECT_EQ(Secret().fingerprint(), "e3b0c442");
}

TEST(WipeTest, OverwritesEveryByte) {
    std::string text = "s3cret";
    wipe(text);
    EXPECT_EQ(text, std::string(6, '\0'));
}

}  // namespace
}  // namespace herald::core
