#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>

#include "storage/file_descriptor.h"
#include "tests/cli/program_fixture.h"

// `token setup` with an address that a person pastes.
namespace herald::test {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr const char* kState = "Zm9yIHRoaXMgcmVxdWVzdA";

RunResult set_up_with_pasted(ProgramFixture& program, const std::string& query) {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe(ends.data()), 0);
    const storage::FileDescriptor reading(ends[0]);
    const std::string typed = "http://127.0.0.1/callback?" + query + "\n";
    EXPECT_EQ(::write(ends[1], typed.data(), typed.size()), static_cast<ssize_t>(typed.size()));
    ::close(ends[1]);
    program.set_standard_input(reading.get());
    program.answer(200, std::string(R"({"authorization_url":"https://as.example/auth?state=)") +
                            kState + R"("})");
    return program.run({"token", "setup", "crm", "--paste"});
}

TEST(TokenSetupTest, WhatTheServerSaysInARedirectIsMaskedAndPrintable) {
    ProgramFixture program;
    const auto result = set_up_with_pasted(
        program, std::string("error=access_denied&error_description=no%1B%5B31m+") + kState +
                     "+for+you&state=" + kState);
    EXPECT_EQ(result.exit_code, 1);
    EXPECT_THAT(result.err, HasSubstr("the authorization server says access_denied: no"));
    EXPECT_THAT(result.err, HasSubstr("******** for you; nothing changed"));
    EXPECT_THAT(result.err, Not(HasSubstr("\x1b")));
    const std::string shown = result.err + result.out;
    const auto url_end = shown.find("then paste");
    ASSERT_NE(url_end, std::string::npos) << "the person was told where to go";
    EXPECT_THAT(shown.substr(url_end), Not(HasSubstr(kState)));
}

TEST(TokenSetupTest, WhatTheServerSaysIsCut) {
    ProgramFixture program;
    const auto result = set_up_with_pasted(
        program, "error=" + std::string(3000, 'e') +
                     "&error_description=" + std::string(3000, 'd') + "&state=" + kState);
    EXPECT_THAT(result.err, HasSubstr(std::string(200, 'e')));
    EXPECT_THAT(result.err, Not(HasSubstr(std::string(201, 'e'))));
    EXPECT_THAT(result.err, Not(HasSubstr(std::string(501, 'd'))));
}

TEST(TokenSetupTest, AnAddressWithAnotherStateIsNotShown) {
    ProgramFixture program;
    const auto result =
        set_up_with_pasted(program, "error=x&error_description=call+0900&state=guessed");
    EXPECT_THAT(result.err, HasSubstr("not the answer to this request"));
    EXPECT_THAT(result.err, Not(HasSubstr("0900")));
    EXPECT_EQ(program.requests().size(), 1U);
}

}  // namespace
}  // namespace herald::test
