#include "cli/output.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "cli/descriptor_buffer.h"
#include "cli/exit_code.h"
#include "cli/progress_bar.h"
#include "cli/request_body.h"
#include "cli/suggestion.h"
#include "cli/visible_text.h"
#include "core/visible_json.h"

namespace herald::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(TableTest, AlignsColumnsAndPutsNumbersToTheRight) {
    Table table({"NAME", "COUNT", "NOTE"});
    table.add({"a", "5", "x"});
    table.add({"bbbbbb", "1200", ""});
    table.add({"ü", "", "y"});
    EXPECT_EQ(table.render(false),
              "NAME    COUNT  NOTE\n"
              "a           5  x\n"
              "bbbbbb   1200  -\n"
              "ü           -  y\n");
}

TEST(TableTest, HasColourOnlyWhereAsked) {
    Table table({"STATE"});
    table.add({"dead"});
    EXPECT_THAT(table.render(true), HasSubstr("\x1b[31mdead\x1b[0m"));
    EXPECT_THAT(table.render(false), Not(HasSubstr("\x1b")));
}

TEST(TableTest, ACellCannotBreakItsLine) {
    Table table({"TEXT"});
    table.add({"a\nb\x1b[31m\x7f"});
    EXPECT_EQ(table.render(false), "TEXT\na\\x0ab\\x1b[31m\\x7f\n");
}

TEST(OutputTest, ADocumentCannotMoveACursorOrTurnTextAround) {
    std::ostringstream out;
    std::ostringstream err;
    Output output(out, err, {.json = true});
    output.document("{\"a\":\"x\u009b\u202e\u2028\x7f\"}");
    EXPECT_EQ(out.str(), "{\"a\":\"x\\u009b\\u202e\\u2028\\u007f\"}\n");
}

TEST(VisibleTextTest, EscapesWhatReordersAndCutsWhatIsLong) {
    EXPECT_EQ(visible_text("plain ü 日本"), "plain ü 日本");
    EXPECT_EQ(visible_text("a\u202eb\u2028c\ufeff"), "a\\u202eb\\u2028c\\ufeff");
    EXPECT_EQ(visible_text("\xff"), "\\xff");
    EXPECT_EQ(visible_text(std::string(5000, 'x'), 10), "xxxxxxxxxx…");
    EXPECT_EQ(core::visible_json("{\"a\":\"\u202e\"}"), R"({"a":"\u202e"})");
}

TEST(OutputTest, ErrorsAreOneLineWhateverTheyHold) {
    std::ostringstream out;
    std::ostringstream err;
    Output output(out, err, {});
    output.error({.code = "x", .message = "two\nlines\x1b"});
    EXPECT_EQ(err.str(), "herald: two\\x0alines\\x1b\n");
    EXPECT_EQ(out.str(), "");
}

TEST(ExitCodeTest, FollowsTheTableOfTheContract) {
    const std::vector<std::pair<const char*, int>> kRows{{"invalid_argument", 2},
                                                         {"endpoint_missing", 2},
                                                         {"malformed_request", 2},
                                                         {"not_found", 3},
                                                         {"provider_exists", 4},
                                                         {"notification_exists", 4},
                                                         {"provider_in_use", 4},
                                                         {"notification_in_use", 4},
                                                         {"idempotency_conflict", 4},
                                                         {"already_running", 4},
                                                         {"no_token", 1},
                                                         {"oauth_error", 1},
                                                         {"token_endpoint_unreachable", 1},
                                                         {"malformed_token_response", 1},
                                                         {"blocked_address", 1},
                                                         {"token_rejected", 1},
                                                         {"revocation_failed", 1},
                                                         {"database_locked", 5},
                                                         {"storage_error", 5},
                                                         {"storage_full", 5},
                                                         {"daemon_not_running", 5},
                                                         {"key_mismatch", 5},
                                                         {"shutting_down", 5}};
    for (const auto& [code, exit] : kRows)
        EXPECT_EQ(exit_code({.code = code, .message = {}}), exit) << code;
}

TEST(ExitCodeTest, AnUnknownCodeGoesByItsKind) {
    const auto exit_of_status = [](int status) {
        return exit_code({.kind = kind_of_status(status), .code = "new_code", .message = {}});
    };
    EXPECT_EQ(exit_of_status(422), 2);
    EXPECT_EQ(exit_of_status(404), 3);
    EXPECT_EQ(exit_of_status(409), 4);
    EXPECT_EQ(exit_of_status(502), 1);
    EXPECT_EQ(exit_of_status(507), 5);
}

TEST(SuggestionTest, CountsInsertionsDeletionsReplacementsAndSwaps) {
    EXPECT_EQ(edit_distance("", "abc"), 3U);
    EXPECT_EQ(edit_distance("list", "list"), 0U);
    EXPECT_EQ(edit_distance("lsit", "list"), 1U);
    EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
}

TEST(SuggestionTest, NamesTheNearestWordOnlyWhereItIsNear) {
    EXPECT_EQ(nearest("provder", {"token", "provider"}), "provider");
    EXPECT_EQ(nearest("zzzz", {"token", "provider"}), std::nullopt);
    EXPECT_EQ(nearest(std::string(1000, 'x'), {"token"}), std::nullopt);
}

TEST(RequestBodyTest, SplicesRawTextAndEscapesSecrets) {
    RequestBody body;
    EXPECT_TRUE(body.empty());
    EXPECT_EQ(body.text(), "{}");
    body.add("a\"", boost::json::value(1));
    body.add_raw("data", "[1.10]");
    body.add_secret("secret", core::Secret("x\"\n"));
    EXPECT_EQ(body.text(), R"({"a\"":1,"data":[1.10],"secret":"x\"\n"})");
}

TEST(ProgressBarTest, SaysNothingWhereItIsNotShown) {
    std::ostringstream stream;
    {
        ProgressBar(stream, false, 100).update(50, 3);
    }
    EXPECT_EQ(stream.str(), "");
}

TEST(ProgressBarTest, TakesItsLineAwayInTheEnd) {
    std::ostringstream stream;
    {
        ProgressBar(stream, true, 100).update(50, 3);
    }
    EXPECT_THAT(stream.str(), HasSubstr("50 %  3 events"));
    EXPECT_THAT(stream.str(), testing::EndsWith("\r\x1b[K"));
}

TEST(DescriptorBufferTest, RemembersWhyItFailed) {
    DescriptorBuffer buffer(-1);
    std::ostream stream(&buffer);
    stream << std::string(100'000, 'x') << std::flush;
    EXPECT_FALSE(stream);
    EXPECT_EQ(buffer.error_number(), EBADF);
}

}  // namespace
}  // namespace herald::cli
