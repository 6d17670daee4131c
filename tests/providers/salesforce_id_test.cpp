#include "providers/kinds/salesforce_id.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <vector>

namespace herald::providers {
namespace {

const std::string kOrg = "00D260000001G7lEAE";
const std::string kUser = "00526000004wk0wAAA";

struct Vector {
    std::string id15, suffix;
};

// The published vectors, then one computed by hand and the real pair.
const std::vector<Vector> kVectors = {{"a0RE000000IJmcN", "MAT"}, {"a01M00000062mPg", "IAI"},
                                      {"001M000000qfPyS", "IAU"}, {"a0FE000000D6r3F", "MAR"},
                                      {"0F9E000000092w2", "KAA"}, {"aaaaaaaaaaaaaaa", "AAA"},
                                      {"a0D30000001n7Pi", "EAI"}, {"AbCdEfGhIjKlMnO", "VKV"},
                                      {"00D260000001G7l", "EAE"}, {"00526000004wk0w", "AAA"}};

std::string in_upper(std::string text) {
    for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    return text;
}
std::string in_lower(std::string text) {
    for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return text;
}

std::string normal(const std::string& id, std::string_view prefix) {
    const auto result = normalize_salesforce_id(id, prefix, "org_id");
    return result ? *result : result.error().message;
}

std::string refusal(const std::string& id, std::string_view prefix = "00D") {
    const auto result = normalize_salesforce_id(id, prefix, "org_id");
    if (result) return "accepted as " + *result;
    EXPECT_EQ(result.error().kind, core::ErrorKind::kInvalidArgument);
    EXPECT_EQ(result.error().details.at("field").as_string(), "org_id");
    return result.error().message;
}

TEST(SalesforceIdTest, ChecksumOfThePublishedVectors) {
    for (const Vector& row : kVectors) EXPECT_EQ(salesforce_checksum(row.id15), row.suffix);
    EXPECT_EQ(salesforce_checksum("AAAAAAAAAAAAAAA"), "555");
}

TEST(SalesforceIdTest, FifteenCharactersBecomeEighteen) {
    for (const Vector& row : kVectors) {
        EXPECT_EQ(normal(row.id15, row.id15.substr(0, 3)), row.id15 + row.suffix);
    }
}

TEST(SalesforceIdTest, EighteenCharactersInAnyCaseAreRestored) {
    for (const Vector& row : kVectors) {
        const std::string prefix = row.id15.substr(0, 3);
        const std::string id = row.id15 + row.suffix;
        EXPECT_EQ(normal(id, prefix), id);
        EXPECT_EQ(normal(in_upper(id), prefix), id);
        EXPECT_EQ(normal(in_lower(id), prefix), id);
        EXPECT_EQ(normal(row.id15 + in_lower(row.suffix), prefix), id);
    }
}

TEST(SalesforceIdTest, OtherLengthsAreRefused) {
    EXPECT_EQ(refusal(kOrg.substr(0, 16)),
              "org_id: has 16 characters, as if the end of 18 were cut off; copy it again");
    EXPECT_EQ(refusal(kOrg.substr(0, 17)),
              "org_id: has 17 characters, as if the end of 18 were cut off; copy it again");
    EXPECT_EQ(refusal(kOrg.substr(0, 14)), "org_id: must have 15 or 18 characters, not 14");
    EXPECT_EQ(refusal(kOrg + "A"), "org_id: must have 15 or 18 characters, not 19");
    EXPECT_EQ(refusal(""), "org_id: must have 15 or 18 characters, not 0");
}

TEST(SalesforceIdTest, OnlyLettersAndDigitsAreIds) {
    for (const std::string& id : {std::string("00D26000 001G7l"), std::string("00D26000-001G7lEAE"),
                                  kOrg.substr(0, 14) + "\n",
                                  std::string("00D260000001G7é"
                                              "EAE"),
                                  std::string("https://login.salesforce.com/id/") + kOrg}) {
        EXPECT_EQ(refusal(id), "org_id: must be letters and digits only");
    }
    EXPECT_EQ(refusal(std::string(15, '\0')), "org_id: must be letters and digits only");
}

TEST(SalesforceIdTest, AnotherPrefixIsRefused) {
    EXPECT_EQ(refusal(kUser), "org_id: must begin with '00D', not with '005'");
    EXPECT_EQ(refusal(kUser.substr(0, 15)), "org_id: must begin with '00D', not with '005'");
    EXPECT_EQ(refusal(kOrg, "005"), "org_id: must begin with '005', not with '00D'");
    EXPECT_EQ(refusal("00d260000001G7l"), "org_id: must begin with '00D', not with '00d'")
        << "15 characters have their case from nowhere else";
}

// The suffix says upper case where a digit stands, or is no checksum character at all.
TEST(SalesforceIdTest, ACorruptSuffixIsRefusedWithTheCorrectedValue) {
    for (const char* suffix : {"FAE", "EBE", "EAA", "E9E", "6AE", "eaf"}) {
        EXPECT_EQ(refusal("00D260000001G7l" + std::string(suffix)),
                  "org_id: its last three characters '" + std::string(suffix) +
                      "' do not fit; if the first 15 are right, upper and lower case too, it is '" +
                      kOrg + "'");
    }
    EXPECT_NE(refusal(in_upper("00D260000001G7l") + "FAE").find("do not fit"), std::string::npos);
    EXPECT_NE(refusal("00D260000001G7L"
                      "AAE")
                  .find("do not fit"),
              std::string::npos)
        << "restoring would make it 00d";
}

TEST(SalesforceIdTest, MixedCaseThatDisagreesWithItsSuffixIsNotRestored) {
    EXPECT_EQ(
        refusal("00D260000001g7LEAE"),
        "org_id: its last three characters 'EAE' do not fit; if the first 15 are right, upper "
        "and lower case too, it is '00D260000001g7L" +
            salesforce_checksum("00D260000001g7L") + "'");
}

TEST(SalesforceIdTest, ACorrectedValueIsAcceptedWhenItComesBack) {
    const std::string message = refusal("00D260000001G7lEAA");
    const auto open = message.rfind('\'', message.size() - 2);
    const std::string corrected = message.substr(open + 1, message.size() - open - 2);
    EXPECT_EQ(normal(corrected, "00D"), corrected);
}

// One wrong letter case in a mixed id is always noticed.
TEST(SalesforceIdTest, EverySingleCaseFlipIsNoticed) {
    const std::string id = "00DAbCdEfGhIjKl" + salesforce_checksum("00DAbCdEfGhIjKl");
    ASSERT_EQ(normal(id, "00D"), id);
    for (std::size_t i = 3; i < 15; ++i) {
        std::string flipped = id;
        flipped[i] = static_cast<char>(flipped[i] ^ 0x20);
        EXPECT_NE(refusal(flipped).find("do not fit"), std::string::npos) << flipped;
    }
}

}  // namespace
}  // namespace herald::providers
