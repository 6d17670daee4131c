#include "storage/key_ring.h"
#include "tests/api/api_fixture.h"

namespace herald::test {
namespace {

using DatabaseHandlersTest = ApiFixture;

TEST_F(DatabaseHandlersTest, BackupWritesACopy) {
    given_provider();
    const auto copy = directory_ / "copy.db";
    EXPECT_EQ(must("POST", "/v1/backup", R"({"path":")" + copy.string() + R"("})").text_at("path"),
              copy.string());
    EXPECT_GT(std::filesystem::file_size(copy), 0U);
}

TEST_F(DatabaseHandlersTest, BackupNeedsAnAbsolutePath) {
    for (const char* body :
         {"{}", R"({"path":""})", R"({"path":"copy.db"})", R"({"path":"/tmp/a\u0000b"})",
          R"({"path":5})", R"({"path":"/tmp/a","mode":"x"})"}) {
        EXPECT_EQ(call("POST", "/v1/backup", body).status, 422) << body;
    }
}

TEST_F(DatabaseHandlersTest, KeysAreShownByIdOnly) {
    EXPECT_EQ(must("GET", "/v1/keys").text, R"({"newest":1,"ids":[1]})");
}

}  // namespace
}  // namespace herald::test
