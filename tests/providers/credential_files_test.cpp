// Secrets, keys and certificates that stand in files (oauth.md 6.2).
#include <sys/stat.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "tests/providers/token_manager_fixture.h"

namespace herald::providers::test {
namespace {

using ::testing::HasSubstr;

class CredentialFilesTest : public TokenManagerFixture {
protected:
    core::ProviderId add_with_file(const std::string& name, const std::string& path,
                                   const char* setting = "client_secret_path") {
        storage::ProviderRecord provider = sample_provider();
        provider.name = name;
        provider.settings[setting] = path;
        return add(std::move(provider));
    }
    std::string file(const std::string& name, const std::string& content) {
        const auto path = directory.file(name);
        std::ofstream(path) << content;
        return path.string();
    }
};

TEST_F(CredentialFilesTest, AFileThatHangsHoldsOnlyItsOwnProvider) {
    const auto hung = add_with_file("hung", "/mnt/gone/secret");
    const auto other = add(sample_provider());
    start();
    files_hang = true;
    const auto waiting = obtain(hung);
    EXPECT_EQ(hanging.size(), 1U);
    EXPECT_EQ(ask(other)->token(), "token-1") << "nobody waits behind it";
    advance(5s - 1ms);
    EXPECT_FALSE(waiting->has_value());
    advance(1ms);
    ASSERT_TRUE(waiting->has_value());
    EXPECT_EQ((*waiting)->error().code, "credential_unreadable");
    EXPECT_THAT((*waiting)->error().message, HasSubstr("/mnt/gone/secret"));
    EXPECT_EQ(token_requests, 1);
}

TEST_F(CredentialFilesTest, AFileWhoseLastReadHangsIsNotReadAgainUntilThatEnds) {
    const std::string path = file("secret", "from-the-file");
    const auto id = add_with_file("crm", path);
    start();
    files_hang = true;
    obtain(id);
    advance(5s);
    EXPECT_THAT((*obtain(id))->error().message, HasSubstr("still hangs"));
    EXPECT_EQ(hanging.size(), 1U) << "no second thread";
    files_hang = false;
    for (const auto& read : std::exchange(hanging, {})) read();
    settle();
    EXPECT_TRUE(obtain(id)->value());
    EXPECT_THAT(transport.requests.back().body, HasSubstr("client_secret=from-the-file"));
}

TEST_F(CredentialFilesTest, WhoReadAFileAtOnceShareTheRead) {
    const std::string path = file("ca.pem", "authority");
    const auto one = add_with_file("one", path, "ca_file");
    const auto two = add_with_file("two", path, "ca_file");
    start();
    files_hang = true;
    const auto first = obtain(one);
    const auto second = obtain(two);
    EXPECT_EQ(hanging.size(), 1U);
    unhang();
    ASSERT_TRUE(first->has_value());
    ASSERT_TRUE(second->has_value());
    EXPECT_TRUE((*first)->has_value());
    EXPECT_TRUE((*second)->has_value());
    EXPECT_EQ(*transport.requests[0].tls.ca, "authority");
    EXPECT_EQ(*transport.requests[1].tls.ca, "authority");
}

TEST_F(CredentialFilesTest, WhoJoinsAReadHasAPatienceOfItsOwn) {
    const std::string path = file("ca.pem", "authority");
    const auto one = add_with_file("one", path, "ca_file");
    const auto two = add_with_file("two", path, "ca_file");
    start();
    files_hang = true;
    const auto first = obtain(one);
    advance(4s);
    const auto second = obtain(two);
    advance(1s);
    ASSERT_TRUE(first->has_value());
    EXPECT_THAT((*first)->error().message, HasSubstr("it hangs"));
    EXPECT_FALSE(second->has_value());
    unhang();
    ASSERT_TRUE(second->has_value());
    EXPECT_TRUE((*second)->has_value());
}

// What it would bring is for a configuration that is no more.
TEST_F(CredentialFilesTest, AFlightThatIsOvertakenWhileItReadsAsksNothing) {
    const auto id = add_with_file("crm", file("secret", "from-the-file"));
    start();
    files_hang = true;
    const auto caller = ask(id);
    edit(id, [](auto& change) {
        change.record.client_id = "client-2";
        ++change.record.config_version;
        change.drop_token = true;
    });
    unhang();
    advance(1s);
    EXPECT_EQ(caller->token(), "token-1");
    ASSERT_EQ(transport.requests.size(), 1U);
    EXPECT_THAT(transport.requests[0].body, HasSubstr("client-2"));
}

TEST_F(CredentialFilesTest, AStopDoesNotWaitForAFile) {
    storage::ProviderRecord provider = sample_provider();
    provider.grant_type = "refresh_token";
    provider.settings["client_secret_path"] = "/mnt/gone/secret";
    storage::TokenRecord token;
    token.refresh_token = core::Secret("refresh-0");
    const auto id = add(std::move(provider), std::move(token));
    start();
    files_hang = true;
    obtain(id);
    // What `stop` blocks for is told on this thread: run until it is.
    std::atomic<bool> stopped = false;
    std::thread stopper([&] {
        manager->stop();
        stopped = true;
    });
    while (!stopped) settle();
    stopper.join();
    EXPECT_EQ(transport.requests.size(), 0U);
    for (const auto& read : std::exchange(hanging, {})) read();  // long after
    settle();
}

TEST_F(CredentialFilesTest, OnlyARegularFileOfSensibleSizeIsRead) {
    const std::string fifo = directory.file("fifo").string();
    ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
    const std::vector<std::pair<std::string, std::string>> rows{
        {fifo, "no regular file"},
        {directory.path().string(), "no regular file"},
        {"/dev/zero", "no regular file"},
        {file("empty", ""), "empty"},
        {file("line-end", "\n"), "empty"},
        {file("large", std::string(64 * 1024 + 1, 'x')), "more than 64 KiB"},
        {directory.file("missing").string(), "No such file"}};
    int number = 0;
    for (const auto& [path, why] : rows) add_with_file("crm-" + std::to_string(number++), path);
    start();
    number = 0;
    for (const auto& [path, why] : rows) {
        const auto provider = store->provider("crm-" + std::to_string(number++)).value();
        const auto refused = obtain(provider.id);
        ASSERT_TRUE(refused->has_value()) << path;
        EXPECT_EQ((*refused)->error().code, "credential_unreadable") << path;
        EXPECT_THAT((*refused)->error().message, HasSubstr(why)) << path;
    }
    EXPECT_EQ(transport.requests.size(), 0U);
}

TEST_F(CredentialFilesTest, TheTransportIsGivenWhatTheCaFileHolds) {
    const std::string path = file("ca.pem", "-----BEGIN CERTIFICATE-----");
    const auto id = add_with_file("crm", path, "ca_file");
    start();
    obtain(id);
    const http::TlsIdentity first = transport.requests.back().tls;
    ASSERT_TRUE(first.ca);
    EXPECT_EQ(*first.ca, "-----BEGIN CERTIFICATE-----");
    std::ofstream(path) << "another";
    obtain(id);
    const http::TlsIdentity second = transport.requests.back().tls;
    EXPECT_EQ(*second.ca, "another");
    EXPECT_NE(first.key(), second.key()) << "no connection of the one serves the other";
}

}  // namespace
}  // namespace herald::providers::test
