#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <fstream>
#include <map>

#include "cli/doctor_checks.h"
#include "tests/support/temp_directory.h"

namespace herald::cli {
namespace {

using testing::HasSubstr;

Environment environment(std::map<std::string, std::string> values) {
    return [values = std::move(values)](std::string_view name) -> std::optional<std::string> {
        const auto found = values.find(std::string(name));
        if (found == values.end()) return std::nullopt;
        return found->second;
    };
}

class DoctorTest : public testing::Test {
protected:
    [[nodiscard]] Check trust_store() const {
        return check_trust_store(environment({{"SSL_CERT_FILE", folder_.file("cert.pem").string()},
                                              {"SSL_CERT_DIR", folder_.path().string()}}));
    }

    test::TempDirectory folder_;
};

TEST_F(DoctorTest, NamesThePackageWhereNobodyIsTrusted) {
    std::ofstream(folder_.file("README")) << "no certificate\n";
    const auto check = trust_store();
    EXPECT_FALSE(check.ok);
    EXPECT_THAT(check.detail, HasSubstr("apt-get install ca-certificates"));
    EXPECT_THAT(check.detail, HasSubstr(folder_.path().string()));
}

TEST_F(DoctorTest, FindsAuthoritiesInAFolderOrAFile) {
    std::ofstream(folder_.file("4a6481c9.0")) << "certificate\n";
    EXPECT_TRUE(trust_store().ok);
    std::filesystem::remove(folder_.file("4a6481c9.0"));
    EXPECT_FALSE(trust_store().ok);
    std::ofstream(folder_.file("cert.pem")) << "certificates\n";
    EXPECT_TRUE(trust_store().ok);
}

TEST_F(DoctorTest, LooksAtTheFilesThatProvidersName) {
    const auto ca = folder_.file("ca.pem");
    std::ofstream(ca) << "certificate\n";
    const auto checks = [&](const std::string& path) {
        return check_named_files(boost::json::array{boost::json::object{
            {"name", "crm"},
            {"settings", boost::json::object{{"ca_file", path}, {"environment", "test"}}}}});
    };
    ASSERT_EQ(checks(ca.string()).size(), 1U);
    EXPECT_TRUE(checks(ca.string()).front().ok);
    EXPECT_FALSE(checks(folder_.file("missing").string()).front().ok);
    std::filesystem::permissions(ca, std::filesystem::perms::all);
    const auto open_to_others = checks(ca.string()).front();
    EXPECT_FALSE(open_to_others.ok);
    EXPECT_EQ(open_to_others.name, "crm ca_file");
}

TEST_F(DoctorTest, NamesWhatTheEgressPolicyNeverLetsOut) {
    const auto named = [](const char* name, const char* member, const char* url) {
        return boost::json::array{boost::json::object{{"name", name}, {member, url}}};
    };
    const auto providers = named("crm", "token_endpoint", "https://10.1.2.3/token");
    const auto notifications =
        named("posted", "url", "http://127.0.0.1:8080/hooks/{{ data.account.id }}");
    const auto names = named("other", "url", "https://receiver.example.com/{{ data.id }}");
    Settings settings;
    const auto refused = check_egress(settings, providers, notifications);
    EXPECT_FALSE(refused.ok);
    EXPECT_THAT(refused.detail, HasSubstr("notification 'posted' (127.0.0.1)"));
    EXPECT_THAT(refused.detail, HasSubstr("provider 'crm' (10.1.2.3)"));
    EXPECT_THAT(refused.detail, HasSubstr("HERALD_EGRESS_ALLOW"));
    EXPECT_TRUE(check_egress(settings, {}, names).ok);
    settings.egress_allow = "127.0.0.1,10.0.0.0/8";
    EXPECT_TRUE(check_egress(settings, providers, notifications).ok);
}

TEST_F(DoctorTest, NamesAFileThatOthersCanWrite) {
    Settings settings;
    settings.database = folder_.file("h.db");
    std::ofstream(settings.database) << "";
    std::filesystem::permissions(settings.database, std::filesystem::perms::all);
    std::string said;
    for (const Check& check : check_files(settings)) {
        if (!check.ok) said += check.name + ": " + check.detail;
    }
    EXPECT_THAT(said, HasSubstr("database file " + settings.database.string()));
    EXPECT_THAT(said, HasSubstr("can be written by others"));
}

}  // namespace
}  // namespace herald::cli
