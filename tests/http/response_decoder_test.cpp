#include "http/beast/response_decoder.h"

#include <gtest/gtest.h>

namespace herald::http {
namespace {

using Progress = ResponseDecoder::Progress;

struct Outcome {
    Progress progress = Progress::kNeedMore;
    std::string rest;  ///< not consumed
    bool is_reusable = false;
    std::optional<Response> response;
};

// Feeds `bytes` in pieces of `step`, then the end where nothing is decided yet and `ends`.
Outcome decode(std::string_view bytes, std::size_t step, bool ends, DecoderLimits limits = {},
               bool is_head = false) {
    ResponseDecoder decoder(limits, is_head);
    Outcome outcome;
    std::size_t given = 0;
    while (outcome.progress == Progress::kNeedMore && given < bytes.size()) {
        const auto piece = bytes.substr(given, step);
        given += piece.size();
        outcome.rest.append(piece);
        const auto result = decoder.feed(outcome.rest);
        outcome.rest.erase(0, result.consumed);
        outcome.progress = result.progress;
    }
    if (outcome.progress == Progress::kNeedMore && ends) outcome.progress = decoder.end(true);
    outcome.rest.append(bytes.substr(given));
    outcome.is_reusable = decoder.is_reusable();
    if (outcome.progress == Progress::kDone) outcome.response = decoder.take();
    return outcome;
}

struct Case {
    const char* name;
    std::string bytes;
    Progress progress;
    int status = 0;
    std::string body = {};
    bool is_truncated = false;
    bool is_reusable = true;
    std::string rest = {};

    friend void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }
};

class Decoded : public ::testing::TestWithParam<Case> {};

// The same whether it comes at once or byte by byte.
TEST_P(Decoded, IsUnderstoodInAnyPieces) {
    const Case& expected = GetParam();
    for (const std::size_t step :
         {std::size_t{1}, std::size_t{2}, std::size_t{3}, std::size_t{7}, std::size_t{1} << 20U}) {
        const auto outcome = decode(expected.bytes, step, true);
        ASSERT_EQ(outcome.progress, expected.progress) << "in pieces of " << step;
        if (outcome.progress != Progress::kDone) continue;
        EXPECT_EQ(outcome.response->status, expected.status);
        EXPECT_EQ(outcome.response->body_truncated, expected.is_truncated)
            << "in pieces of " << step;
        EXPECT_EQ(outcome.is_reusable, expected.is_reusable) << "in pieces of " << step;
        if (expected.is_truncated) continue;  // how much of a cut body arrived is left to chance
        EXPECT_EQ(outcome.response->body, expected.body) << "in pieces of " << step;
        EXPECT_EQ(outcome.rest, expected.rest) << "in pieces of " << step;
    }
}

Case good(const char* name, std::string bytes, int status, std::string body) {
    return {.name = name,
            .bytes = std::move(bytes),
            .progress = Progress::kDone,
            .status = status,
            .body = std::move(body)};
}
Case closing(const char* name, std::string bytes, int status, std::string body,
             bool is_truncated = false) {
    return {.name = name,
            .bytes = std::move(bytes),
            .progress = Progress::kDone,
            .status = status,
            .body = std::move(body),
            .is_truncated = is_truncated,
            .is_reusable = false};
}
Case followed(Case by, std::string rest) {
    by.bytes += rest;
    by.rest = std::move(rest);
    return by;
}
Case bad(const char* name, std::string bytes) {
    return {.name = name, .bytes = std::move(bytes), .progress = Progress::kMalformed};
}
Case none(const char* name, std::string bytes) {
    return {.name = name, .bytes = std::move(bytes), .progress = Progress::kNeedMore};
}

const std::string kOk = "HTTP/1.1 200 OK\r\n";

INSTANTIATE_TEST_SUITE_P(
    Framing, Decoded,
    ::testing::Values(
        good("length", kOk + "Content-Length: 5\r\n\r\nhello", 200, "hello"),
        good("no body", kOk + "Content-Length: 0\r\n\r\n", 200, ""),
        good("no reason", "HTTP/1.1 204 \r\n\r\n", 204, ""),
        good("no reason and no space", "HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok", 200, "ok"),
        good("an escape in the reason", "HTTP/1.1 204 \x1b[31mNo\r\n\r\n", 204, ""),
        good("equal lengths", kOk + "Content-Length: 2\r\nContent-Length: 2\r\n\r\nok", 200, "ok"),
        good("chunks",
             kOk + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1;a=b\r\n!\r\n0\r\n\r\n", 200,
             "hello!"),
        good("space after a chunk size",
             kOk + "Transfer-Encoding: chunked\r\n\r\n2 \r\nok\r\n1\t ;a\r\n!\r\n0 \r\n\r\n", 200,
             "ok!"),
        good("empty chunks", kOk + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 200, ""),
        good("trailers",
             kOk + "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX: y\r\nZ: 1\r\n\r\n", 200,
             "a"),
        followed(good("two answers (E-80)", kOk + "Content-Length: 1\r\n\r\na", 200, "a"),
                 kOk + "\r\n"),
        closing("body after 204", "HTTP/1.1 204 No\r\nContent-Length: 3\r\n\r\n", 204, ""),
        closing("chunked 304", "HTTP/1.1 304 No\r\nTransfer-Encoding: chunked\r\n\r\n", 304, ""),
        closing("close announced", kOk + "Connection: close\r\nContent-Length: 1\r\n\r\na", 200,
                "a"),
        closing("HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na", 200, "a"),
        good("HTTP/1.0 kept",
             "HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 1\r\n\r\na", 200, "a"),
        closing("close among others", kOk + "Connection: x, Close\r\nContent-Length: 1\r\n\r\na",
                200, "a"),
        closing("kept and closed",
                "HTTP/1.0 200 OK\r\nConnection: keep-alive, close\r\nContent-Length: 1\r\n\r\na",
                200, "a"),
        closing("until closed", kOk + "\r\nall of it", 200, "all of it"),
        closing("cut (E-72)", kOk + "Content-Length: 9\r\n\r\nall", 200, "all", true),
        closing("cut before the body", kOk + "Content-Length: 9\r\n\r\n", 200, "", true),
        closing("cut chunks (P8)", kOk + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", 200,
                "hello", true),
        closing("cut last chunk", kOk + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
                200, "hello", true),
        closing("cut chunk", kOk + "Transfer-Encoding: chunked\r\n\r\n6\r\nhello\r\n0\r\n\r\n", 200,
                "hello\r", true),
        closing("bad chunk", kOk + "Transfer-Encoding: chunked\r\n\r\nzz\r\nhello", 200, "",
                true)));

INSTANTIATE_TEST_SUITE_P(
    Conflicts, Decoded,  // E-76
    ::testing::Values(
        closing("both", kOk + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                200, "", true),
        closing("both, turned",
                kOk + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 200, "",
                true),
        closing("two lengths", kOk + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello", 200, "",
                true),
        closing("listed lengths", kOk + "Content-Length: 5, 6\r\n\r\nhello", 200, "", true),
        closing("negative", kOk + "Content-Length: -1\r\n\r\nhello", 200, "", true),
        closing("signed", kOk + "Content-Length: +5\r\n\r\nhello", 200, "", true),
        closing("huge", kOk + "Content-Length: 18446744073709551616\r\n\r\nhello", 200, "", true),
        closing("hex", kOk + "Content-Length: 0x5\r\n\r\nhello", 200, "", true),
        closing("listed codings", kOk + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 200,
                "", true),
        closing("chunked twice",
                kOk + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                200, "", true),
        closing("a length that cannot be read", kOk + "Content-Length : 5\r\n\r\nhello", 200, "",
                true),
        closing("a folded length", kOk + "Content-Length: 1\r\n 0\r\n\r\nhello", 200, "", true),
        closing("a chunk size that overflows",
                kOk + "Transfer-Encoding: chunked\r\n\r\n10000000000000001\r\na\r\n0\r\n\r\n", 200,
                "", true),
        closing("a chunk that is longer than it says",
                kOk + "Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n", 200, "", true),
        closing("in an interim answer",
                "HTTP/1.1 103 Hints\r\nContent-Length: 9\r\n\r\n" + kOk +
                    "Content-Length: 1\r\n\r\na",
                200, "a")));

INSTANTIATE_TEST_SUITE_P(
    Interim, Decoded,  // P3, E-77 to E-79
    ::testing::Values(
        good("100", "HTTP/1.1 100 Continue\r\n\r\n" + kOk + "Content-Length: 1\r\n\r\na", 200, "a"),
        good("102 and 103",
             "HTTP/1.1 102 P\r\n\r\nHTTP/1.1 103 H\r\nLink: x\r\n\r\n" + kOk +
                 "Content-Length: 1\r\n\r\na",
             200, "a"),
        bad("101", "HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n"),
        none("103 alone", "HTTP/1.1 103 Hints\r\n\r\n")));

INSTANTIATE_TEST_SUITE_P(
    Garbage, Decoded,  // E-73 to E-75
    ::testing::Values(
        none("nothing", ""), none("half a status line", "HTTP/1.1 20"),
        none("half an interim answer", "HTTP/1.1 103 Hints\r\nA: b\r\n"),
        none("no end of the status line", "HTTP/1.1 200 OK\r"),
        bad("letters", "HTTP/1.1 2OO OK\r\n\r\n"), bad("HTTP/9.9", "HTTP/9.9 200 OK\r\n\r\n"),
        bad("HTTP/1.2", "HTTP/1.2 200 OK\r\n\r\n"), bad("HTTP/2", "HTTP/2 200\r\n\r\n"),
        bad("99", "HTTP/1.1 99 X\r\n\r\n"), bad("600", "HTTP/1.1 600 X\r\n\r\n"),
        bad("000", "HTTP/1.1 000 X\r\n\r\n"), bad("099", "HTTP/1.1 099 X\r\n\r\n"),
        bad("four digits", "HTTP/1.1 2000 X\r\n\r\n"), bad("lower case", "http/1.1 200 OK\r\n\r\n"),
        bad("another protocol", "SSH-2.0-OpenSSH_9.2\r\n"),
        bad("request", "GET / HTTP/1.1\r\n\r\n"), bad("blank first", "\r\nHTTP/1.1 200 OK\r\n\r\n"),
        bad("no space", "HTTP/1.1200 OK\r\n\r\n"), bad("two digits", "HTTP/1.1 20\r\n\r\n"),
        bad("a letter behind", "HTTP/1.1 200x\r\n\r\n")));

const std::string kLength = "Content-Length: 1\r\n\r\na";

// Once the status line stands, nothing behind it makes another answer of it.
INSTANTIATE_TEST_SUITE_P(
    OddHeads, Decoded,
    ::testing::Values(
        closing("no blank line", kOk + "A: b\r\n", 200, "", true),
        closing("cut in a line", kOk + "A: b", 200, "", true),
        closing("cut behind the status line", kOk, 200, "", true),
        closing("bare LF", "HTTP/1.1 200 OK\nA: b\n" + kLength, 200, "a"),
        closing("no colon", kOk + "Strange\r\n" + kLength, 200, "a"),
        closing("space before colon", kOk + "A : b\r\n" + kLength, 200, "a"),
        closing("NUL in a value", kOk + std::string("A: b\0c\r\n", 8) + kLength, 200, "a"),
        closing("0xFF in a name (P8)", kOk + "A\xFF: b\r\n" + kLength, 200, "a"),
        closing("bare CR", kOk + "A: b\rc\r\n" + kLength, 200, "a"),
        closing("a folded line", kOk + "A: b\r\n  c\r\n" + kLength, 200, "a"),
        closing("a line of 9 KB", kOk + "A: " + std::string(9000, 'x') + "\r\n" + kLength, 200,
                "a"),
        closing("an endless reason", "HTTP/1.1 200 " + std::string(9000, 'x') + "\r\n" + kLength,
                200, "a")));

TEST(ResponseDecoderTest, KeepsHeadersAsTheyCame) {
    // P7, P8, E-83: nothing is decoded, 0xFF does not end anything.
    const auto outcome = decode(
        kOk + "X: =?UTF-8?B?DQpFdmlsOiAx?=\r\nY: a\xFFz <script>\r\nContent-Length: 0\r\n\r\n", 1,
        false);
    ASSERT_EQ(outcome.progress, Progress::kDone);
    EXPECT_EQ(outcome.response->headers.get("x"), "=?UTF-8?B?DQpFdmlsOiAx?=");
    EXPECT_EQ(outcome.response->headers.get("y"), "a\xFFz <script>");
}

TEST(ResponseDecoderTest, DropsCookiesAndTrailers) {
    const auto outcome =
        decode(kOk + "Set-Cookie: a=b\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Late: 1\r\n\r\n",
               1 << 20, false);
    ASSERT_EQ(outcome.progress, Progress::kDone);
    EXPECT_EQ(outcome.response->headers.get("set-cookie"), std::nullopt);
    EXPECT_EQ(outcome.response->headers.get("x-late"), std::nullopt);
}

TEST(ResponseDecoderTest, KeepsEveryCookieWhereALoginAsksForThem) {
    DecoderLimits limits;
    limits.keeps_cookies = true;
    const auto outcome =
        decode(kOk + "Set-Cookie: a=b; Secure\r\nSet-Cookie: c=d\r\nContent-Length: 0\r\n\r\n", 1,
               true, limits);
    ASSERT_TRUE(outcome.response);
    EXPECT_EQ(outcome.response->headers.all("set-cookie"),
              (std::vector<std::string_view>{"a=b; Secure", "c=d"}));
}

TEST(ResponseDecoderTest, AHeadAnswerHasNoBody) {
    const auto outcome = decode(kOk + "Content-Length: 5\r\n\r\n", 1, false, {}, true);
    ASSERT_EQ(outcome.progress, Progress::kDone);
    EXPECT_TRUE(outcome.is_reusable);
}

TEST(ResponseDecoderTest, ReadsAsMuchBodyAsAskedFor) {
    DecoderLimits limits;
    limits.body_bytes = 10;
    const auto exact = decode(kOk + "Content-Length: 10\r\n\r\n0123456789", 4, false, limits);
    ASSERT_EQ(exact.progress, Progress::kDone);
    EXPECT_FALSE(exact.response->body_truncated);
    const std::string chunked =
        "Transfer-Encoding: chunked\r\n\r\n8\r\n01234567\r\n8\r\n89abcdef\r\n0\r\n\r\n";
    for (const auto& framing : {std::string("Content-Length: 99999999999\r\n\r\n0123456789ab"),
                                chunked, std::string("\r\n0123456789ab")}) {
        for (const std::size_t step : {1U, 5U, 1000U}) {
            const auto outcome = decode(kOk + framing, step, false, limits);
            ASSERT_EQ(outcome.progress, Progress::kDone) << framing;
            EXPECT_EQ(outcome.response->body, "0123456789");
            EXPECT_TRUE(outcome.response->body_truncated);
            EXPECT_FALSE(outcome.is_reusable);
        }
    }
}

TEST(ResponseDecoderTest, AFoldedLineIsOneLine) {
    const auto outcome = decode(kOk + "A: b\r\n \t c\r\n" + kLength, 1, true);
    ASSERT_TRUE(outcome.response);
    EXPECT_EQ(outcome.response->headers.get("a"), "b c");
}

// The limits bound what is kept, not what was said.
TEST(ResponseDecoderTest, HeaderLinesBeyondALimitAreDropped) {
    DecoderLimits limits;
    limits.header_bytes = 1000;
    limits.header_line_bytes = 200;
    limits.header_fields = 5;
    const std::string line = "A: " + std::string(180, 'x') + "\r\n";
    std::string many;
    for (int i = 0; i < 12; ++i) many += "A: b\r\n";
    struct Head {
        std::string lines;
        std::size_t kept;
        bool is_reusable;
    };
    const std::vector<Head> heads = {
        {line + line + line, 3, true},
        {line + line + line + line + line + line, 5, false},
        {"A: " + std::string(197, 'x') + "\r\n", 1, true},
        {"A: " + std::string(198, 'x') + "\r\n", 0, false},
        {"A: " + std::string(50'000, 'x') + "\r\n", 0, false},
        {"A: b\r\nA: b\r\nA: b\r\nA: b\r\n", 4, true},
        {many, 5, false},
    };
    for (const auto& [lines, kept, is_reusable] : heads) {
        for (const std::size_t step : {1U, 100U, 100'000U}) {
            const auto outcome = decode(kOk + lines + kLength, step, false, limits);
            ASSERT_EQ(outcome.progress, Progress::kDone) << lines.substr(0, 60);
            EXPECT_EQ(outcome.response->status, 200);
            EXPECT_EQ(outcome.response->body, "a") << lines.substr(0, 60);
            EXPECT_EQ(outcome.response->headers.all("a").size(), kept)
                << lines.substr(0, 60) << " in pieces of " << step;
            EXPECT_EQ(outcome.is_reusable, is_reusable) << lines.substr(0, 60);
        }
    }
}

TEST(ResponseDecoderTest, WhatTellsWhatToDoNextIsKeptBehindManyLines) {
    std::string many;
    for (int i = 0; i < 150; ++i) many += "A: b\r\n";
    const auto outcome =
        decode("HTTP/1.1 503 Busy\r\n" + many + "Retry-After: 7\r\n" + kLength, 1000, true);
    ASSERT_TRUE(outcome.response);
    EXPECT_EQ(outcome.response->headers.get("retry-after"), "7");
    EXPECT_EQ(outcome.response->headers.size(), 101U);

    std::string telling;
    for (int i = 0; i < 500; ++i) telling += "Retry-After: 7\r\n";
    const auto bounded = decode(kOk + telling + kLength, 1000, true);
    ASSERT_TRUE(bounded.response);
    EXPECT_EQ(bounded.response->headers.size(), 200U);
}

TEST(ResponseDecoderTest, TheNinthInterimAnswerIsOneTooMany) {
    const std::string interim = "HTTP/1.1 103 H\r\n\r\n";
    std::string eight;
    for (int i = 0; i < 8; ++i) eight += interim;
    EXPECT_EQ(decode(eight + kOk + kLength, 1000, true).progress, Progress::kDone);
    EXPECT_EQ(decode(eight + interim + kOk + kLength, 1000, true).progress, Progress::kMalformed);
}

TEST(ResponseDecoderTest, AnEndlessChunkHeaderOrTrailerEnds) {
    for (const auto& endless :
         {"1;" + std::string(40'000, 'x'), "0\r\nA: " + std::string(40'000, 'x')}) {
        const auto outcome =
            decode(kOk + "Transfer-Encoding: chunked\r\n\r\n" + endless, 4096, false);
        ASSERT_EQ(outcome.progress, Progress::kDone);
        EXPECT_TRUE(outcome.response->body_truncated);
    }
}

// S-08: whatever goes on for ever costs so many bytes on the wire and so many in memory.
TEST(ResponseDecoderTest, NothingEndlessIsReadOrKeptForLong) {
    constexpr std::size_t kPiece = 15'000;  // no even share of any limit
    const DecoderLimits limits;
    const std::string chunked = kOk + "Transfer-Encoding: chunked\r\n\r\n";
    const std::string extension = "1;" + std::string(30'000, 'x') + "\r\nx\r\n";
    const std::vector<std::pair<std::string, std::string>> cases = {
        {kOk, "A: b\r\n"},
        {kOk + "A: ", "x"},
        {"", "HTTP/1.1 103 Early Hints\r\nA: b\r\n\r\n"},
        {kOk + "\r\n", "x"},
        {kOk + "Content-Length: 9223372036854775807\r\n\r\n", "x"},
        {chunked + "ffffffffffffff\r\n", "x"},
        {chunked, "1\r\nx\r\n"},
        {chunked, extension},
        {chunked, "0"},
        {chunked + "5;", "x"},
        {chunked + "0\r\n", "A: b\r\n"},
    };
    for (const auto& [begin, piece] : cases) {
        ResponseDecoder decoder(limits, false);
        std::string rest = begin;
        std::size_t given = begin.size();
        auto progress = Progress::kNeedMore;
        while (progress == Progress::kNeedMore && given < 4 * limits.body_bytes) {
            for (const auto full = rest.size() + kPiece; rest.size() < full;
                 given += piece.size()) {
                rest += piece;
            }
            const auto step = decoder.feed(rest);
            rest.erase(0, step.consumed);
            progress = step.progress;
            ASSERT_LE(rest.size(), limits.header_bytes + 2 * kPiece) << begin << piece.substr(0, 9);
        }
        ASSERT_NE(progress, Progress::kNeedMore) << begin << piece.substr(0, 9);
        if (progress == Progress::kMalformed) continue;
        EXPECT_FALSE(decoder.is_reusable());
        const auto response = decoder.take();
        EXPECT_EQ(response.status, 200);
        EXPECT_TRUE(response.body_truncated);
        EXPECT_LE(response.body.capacity(), limits.body_bytes) << begin << piece.substr(0, 9);
    }
}

TEST(ResponseDecoderTest, AnAnnouncedLengthTakesNoMemory) {
    ResponseDecoder decoder({}, false);
    const std::string head = kOk + "Content-Length: 200000\r\n\r\n";
    ASSERT_EQ(decoder.feed(head).progress, Progress::kNeedMore);
    ASSERT_EQ(decoder.end(false), Progress::kDone);
    EXPECT_LE(decoder.take().body.capacity(), 16U * 1024U);
}

TEST(ResponseDecoderTest, SurvivesEveryChangedByte) {
    const std::string good =
        "HTTP/1.1 103 H\r\n\r\nHTTP/1.1 200 OK\r\nA: b\r\nTransfer-Encoding: chunked\r\n\r\n"
        "3;x=\"y\"\r\nabc\r\n0\r\nT: u\r\n\r\n";
    for (std::size_t at = 0; at < good.size(); ++at) {
        for (int byte = 0; byte < 256; ++byte) {
            std::string changed = good;
            changed[at] = static_cast<char>(byte);
            const auto whole = decode(changed, 1 << 20, true);
            const auto split = decode(changed, 1, true);
            ASSERT_EQ(whole.progress, split.progress) << "byte " << byte << " at " << at;
            if (!whole.response) continue;
            EXPECT_EQ(whole.response->status, split.response->status)
                << "byte " << byte << " at " << at;
            EXPECT_EQ(whole.is_reusable, split.is_reusable) << "byte " << byte << " at " << at;
        }
    }
}

}  // namespace
}  // namespace herald::http
