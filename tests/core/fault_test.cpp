#include "core/fault.h"

#include <gtest/gtest.h>

#include <set>

namespace herald::core {
namespace {

TEST(FaultTest, EachCodeStandsInTheTableOnce) {
    std::set<std::string_view> codes;
    for (const CodeFault& row : code_faults()) {
        EXPECT_TRUE(codes.insert(row.code).second) << row.code;
        EXPECT_EQ(fault_of(row.code), row.fault);
    }
}

TEST(FaultTest, AnUnknownCodeIsOurs) {
    EXPECT_EQ(fault_of("no_such_code"), Fault::kOurselves);
}

}  // namespace
}  // namespace herald::core
