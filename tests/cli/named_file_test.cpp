#include "cli/named_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <regex>

#include "tests/cli/program_fixture.h"

// A byte order mark, as some editors write it, is no part of what the user meant; whatever option
// the file is for.
namespace herald::test {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr const char* kMark = "\xEF\xBB\xBF";

using Words = std::vector<std::string>;

Words operator+(Words words, const Words& more) {
    words.insert(words.end(), more.begin(), more.end());
    return words;
}

/// The options of a command whose help says FILE for their value.
Words file_options_of(const Words& command) {
    const std::string help = ProgramFixture().run(command + Words{"--help"}).out;
    Words options;
    const std::regex option("(--[a-z-]+) FILE");
    for (std::sregex_iterator each(help.begin(), help.end(), option), end; each != end; ++each) {
        if ((*each)[1] != "--db") options.push_back((*each)[1]);
    }
    return options;
}

class NamedFileTest : public testing::Test {
protected:
    std::string file(const std::string& content) {
        const auto path = folder_.file("given").string();
        std::ofstream(path, std::ios::binary) << content;
        std::filesystem::permissions(
            path, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
        return path;
    }

    /// The body that a command sent, with one of the ways to authenticate where it wants one.
    std::string sent(const Words& arguments) {
        for (const char* auth :
             {"", "basic", "header", "key-pair", "session-cookie", "single-use-token"}) {
            ProgramFixture program;
            const auto result =
                program.run(*auth == '\0' ? arguments : arguments + Words{"--auth", auth});
            if (result.exit_code == 0 && program.requests().size() == 1)
                return program.requests().front().body;
        }
        return "nothing was sent";
    }

    TempDirectory folder_;
};

TEST_F(NamedFileTest, NoOptionThatTakesAFileSendsAByteOrderMark) {
    const std::vector<Words> commands{{"provider", "add", "x"},     {"provider", "edit", "x"},
                                      {"provider", "reset", "x"},   {"provider", "add-secret", "x"},
                                      {"notification", "add", "x"}, {"notification", "edit", "x"}};
    const std::string given = file(std::string(kMark) + "content\n");
    std::size_t seen = 0;
    for (const Words& command : commands) {
        for (const std::string& option : file_options_of({command[0], command[1]})) {
            const std::string body = sent(command + Words{option, given});
            EXPECT_THAT(body, HasSubstr("content")) << command[0] << " " << command[1] << option;
            EXPECT_THAT(body, Not(HasSubstr(kMark))) << command[0] << " " << command[1] << option;
            ++seen;
        }
    }
    EXPECT_GE(seen, 15U);
}

TEST_F(NamedFileTest, EventDataAndImportsMayBeginWithAByteOrderMark) {
    const std::string data = file(std::string(kMark) + "{\"a\":1}\r\n");
    EXPECT_EQ(sent({"event", "fire", "a.b", "--data", "@" + data}),
              R"({"type":"a.b","data":{"a":1}})");
    const std::string lines = file(std::string(kMark) + "{\"type\":\"a.b\"}\n");
    EXPECT_EQ(sent({"event", "import", lines}), "{\"type\":\"a.b\"}\n");
    const std::string providers = file(std::string(kMark) + R"([{"name":"x"}])");
    EXPECT_EQ(sent({"provider", "import", providers}), R"({"name":"x"})");
}

TEST_F(NamedFileTest, Utf16IsRefusedWithTheRemedy) {
    const std::string given = file(std::string("\xFF\xFE{\0}\0", 6));
    const auto result = ProgramFixture().run({"event", "fire", "a.b", "--data", "@" + given});
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_THAT(result.err, HasSubstr("UTF-16; save it as UTF-8"));
}

}  // namespace
}  // namespace herald::test
