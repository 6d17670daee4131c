#include "cli/secret_input.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <thread>

#include "storage/file_descriptor.h"
#include "tests/support/temp_directory.h"

// E-03, with the rules of contract section 2.
namespace herald::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class SecretInputTest : public testing::Test {
protected:
    std::string file(const std::string& content, mode_t mode = 0600) {
        const auto path = folder_.file("secret").string();
        std::ofstream(path, std::ios::binary) << content;
        EXPECT_EQ(::chmod(path.c_str(), mode), 0);
        return path;
    }
    std::string read(const std::string& source) {
        auto secret = input_.read(source, "--client-secret-file");
        return secret ? std::string(secret->reveal()) : "error: " + secret.error().message;
    }

    test::TempDirectory folder_;
    std::vector<std::string> warnings_;
    SecretInput input_{[this](const std::string& text) { warnings_.push_back(text); }};
};

TEST_F(SecretInputTest, StripsExactlyOneTrailingNewline) {
    EXPECT_EQ(read(file("abc")), "abc");
    EXPECT_EQ(read(file("abc\n")), "abc");
    EXPECT_EQ(read(file("abc\r\n")), "abc");
    EXPECT_EQ(read(file("abc\n\n")), "abc\n");
    EXPECT_EQ(read(file(" abc ")), " abc ");
    EXPECT_EQ(read(file("a\nb\n")), "a\nb");
    EXPECT_THAT(warnings_, IsEmpty());
}

TEST_F(SecretInputTest, RefusesWhatIsNoSecret) {
    EXPECT_THAT(read(file("")), HasSubstr("empty"));
    EXPECT_THAT(read(file("\n")), HasSubstr("empty"));
    EXPECT_THAT(read(file(std::string("\xff\xfe"))), HasSubstr("UTF-8"));
    EXPECT_THAT(read(folder_.path().string()), HasSubstr("is a directory"));
    EXPECT_THAT(read(folder_.file("missing").string()), HasSubstr("cannot open"));
}

TEST_F(SecretInputTest, IsCappedAt64Kibibytes) {
    EXPECT_EQ(read(file(std::string(kMaxSecretBytes, 'x'))).size(), kMaxSecretBytes);
    EXPECT_EQ(read(file(std::string(kMaxSecretBytes, 'x') + "\n")).size(), kMaxSecretBytes);
    EXPECT_THAT(read(file(std::string(kMaxSecretBytes + 1, 'x'))), HasSubstr("64 KiB"));
    EXPECT_THAT(read(file(std::string(10 * kMaxSecretBytes, 'x'))), HasSubstr("64 KiB"));
}

TEST_F(SecretInputTest, WarnsOfAFileThatOthersCanReadAndStillReadsIt) {
    EXPECT_EQ(read(file("abc", 0644)), "abc");
    EXPECT_THAT(warnings_, ElementsAre(HasSubstr("others can read")));
    EXPECT_EQ(read(file("abc", 0640)), "abc");
    EXPECT_EQ(warnings_.size(), 2U);
}

TEST_F(SecretInputTest, LeavesAByteOrderMarkOutAndSaysSo) {
    EXPECT_EQ(read(file("\xEF\xBB\xBF"
                        "abc\r\n")),
              "abc");
    EXPECT_THAT(warnings_, ElementsAre(HasSubstr("byte order mark")));
    EXPECT_THAT(read(file("\xEF\xBB\xBF")), HasSubstr("empty"));
    EXPECT_THAT(read(file(std::string("\xFF\xFE"
                                      "a\0b\0",
                                      6))),
                HasSubstr("UTF-16"));
}

TEST_F(SecretInputTest, WarnsOfAFileThatOthersCanWrite) {
    EXPECT_EQ(read(file("abc", 0602)), "abc");
    EXPECT_THAT(warnings_, ElementsAre(HasSubstr("can be written by others")));
}

TEST_F(SecretInputTest, ReadsThroughSymlinksAndPipes) {
    const auto target = file("abc\n");
    const auto link = folder_.file("link").string();
    ASSERT_EQ(::symlink(target.c_str(), link.c_str()), 0);
    EXPECT_EQ(read(link), "abc");
    const auto pipe = folder_.file("pipe").string();
    ASSERT_EQ(::mkfifo(pipe.c_str(), 0644), 0);
    std::jthread writer([&] { std::ofstream(pipe) << "piped\n"; });
    EXPECT_EQ(read(pipe), "piped");
    EXPECT_THAT(warnings_, IsEmpty());
}

TEST_F(SecretInputTest, ReadsStandardInputForOneOptionOnly) {
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe(ends.data()), 0);
    const storage::FileDescriptor reading(ends[0]);
    ASSERT_EQ(::write(ends[1], "from stdin\n", 11), 11);
    ::close(ends[1]);
    SecretInput input([](const std::string&) {}, reading.get());
    auto secret = input.read("-", "--client-secret-file");
    ASSERT_TRUE(secret);
    EXPECT_EQ(secret->reveal(), "from stdin");
    const auto again = input.read("-", "--refresh-token-file");
    ASSERT_FALSE(again);
    EXPECT_THAT(again.error().message, HasSubstr("--client-secret-file"));
    EXPECT_FALSE(input.claim_standard_input("--data"));
}

TEST_F(SecretInputTest, AnEndedStandardInputIsAnEmptySecret) {
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe(ends.data()), 0);
    const storage::FileDescriptor reading(ends[0]);
    ::close(ends[1]);
    SecretInput input([](const std::string&) {}, reading.get());
    const auto secret = input.read("-", "--client-secret-file");
    ASSERT_FALSE(secret);
    EXPECT_EQ(secret.error().code, "invalid_argument");
}

}  // namespace
}  // namespace herald::cli
