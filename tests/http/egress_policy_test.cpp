#include "http/egress_policy.h"

#include <gtest/gtest.h>

#include "http/numeric_host.h"

namespace herald::http {
namespace {

namespace ip = boost::asio::ip;

EgressPolicy policy(std::string_view text) {
    auto parsed = EgressPolicy::parse(text);
    EXPECT_TRUE(parsed.has_value()) << text;
    return *parsed;
}

// What stands in a URL, as getaddrinfo reads it; IPv6 without brackets.
class DeniedLiteral : public ::testing::TestWithParam<const char*> {};

TEST_P(DeniedLiteral, IsAnAddressAndRefused) {
    const auto address = numeric_host(GetParam());
    ASSERT_TRUE(address.has_value()) << "not read as an address";
    EXPECT_FALSE(EgressPolicy().allows(*address)) << *address;
    const auto checked = EgressPolicy().check_literal(GetParam(), "url");
    ASSERT_FALSE(checked.has_value());
    EXPECT_EQ(checked.error().kind, core::ErrorKind::kInvalidArgument);
    EXPECT_NE(checked.error().message.find("HERALD_EGRESS_ALLOW"), std::string::npos);
}

// E-33 to E-36 and the corpus of reliability.md 3.5; names are in the transport's tests.
INSTANTIATE_TEST_SUITE_P(
    SsrfCorpus, DeniedLiteral,
    ::testing::Values(
        "127.0.0.1", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.1", "0x7F.0.0.1",
        "017700000001", "0177.0.0.1", "0", "0.0.0.0", "00000000000", "127.255.255.255",
        "0.255.255.255", "::", "::1", "0:0:0:0:0:0:0:1", "::ffff:127.0.0.1", "::ffff:7f00:1",
        "::127.0.0.1", "::ffff:0.0.0.0", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::8.8.8.8",
        "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b::10.0.0.1", "64:ff9b::168.63.129.16",
        "64:ff9b:1::1", "64:ff9b:1::8.8.8.8", "2002:7f00:1::", "2002:a9fe:a9fe::", "2002:a00:1::1",
        "2002:c0a8:101::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001::1", "2001:2::1",
        "2001:10::1", "2001:20::1", "fe80::1", "febf::1", "fec0::1", "fc00::1", "fdff::1",
        "fd00:ec2::254", "ff02::1", "ff0e::1", "100::1", "2001:db8::1", "3fff::1", "5f00::1",
        "4000::1", "1::1", "169.254.169.254", "169.254.43518", "0xa9fea9fe", "2852039166",
        "0251.0376.0251.0376", "169.254.0.1", "169.254.170.2", "100.100.100.200", "168.63.129.16",
        "192.0.0.192", "192.0.0.1", "100.64.0.1", "100.127.255.255", "10.0.0.1", "10.255.255.255",
        "172.16.0.1", "172.31.255.255", "192.168.0.1", "192.168.255.255", "198.18.0.1",
        "198.19.255.255", "192.0.2.1", "198.51.100.1", "203.0.113.1", "192.88.99.1", "224.0.0.1",
        "239.255.255.255", "240.0.0.1", "255.255.255.255"));

class PublicLiteral : public ::testing::TestWithParam<const char*> {};

TEST_P(PublicLiteral, IsAllowed) {
    const auto address = numeric_host(GetParam());
    ASSERT_TRUE(address.has_value());
    EXPECT_TRUE(EgressPolicy().allows(*address)) << *address;
    EXPECT_TRUE(EgressPolicy().check_literal(GetParam(), "url").has_value());
}

// The edges of the ranges above.
INSTANTIATE_TEST_SUITE_P(
    SsrfCorpus, PublicLiteral,
    ::testing::Values("1.0.0.0", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255",
                      "100.128.0.0", "126.255.255.255", "128.0.0.0", "168.63.129.15",
                      "168.63.129.17", "169.253.255.255", "169.255.0.0", "172.15.255.255",
                      "172.32.0.0", "191.255.255.255", "192.0.1.0", "192.0.3.0", "192.167.255.255",
                      "192.169.0.0", "192.88.98.255", "192.88.100.0", "198.17.255.255",
                      "198.20.0.0", "198.51.99.255", "198.51.101.0", "203.0.112.255", "203.0.114.0",
                      "223.255.255.255", "2606:4700::1111", "2a00:1450::1", "2000::1", "3ffe::1",
                      "2001:200::1", "2001:db7::1", "2001:db9::1", "::ffff:8.8.8.8",
                      "64:ff9b::8.8.8.8", "2002:808:808::1"));

TEST(NumericHostTest, NamesAreNotAddresses) {
    for (const char* host :
         {"localhost", "LOCALHOST", "foo.localhost", "ip6-localhost", "example.com", "",
          "127.0.0.1.nip.io", "1.example", "0x7f.example", "256.0.0.1", "1.2.3.4.5", "deadbeef",
          "a.b", "3com.com", "%31%32%37.0.0.1"}) {
        EXPECT_FALSE(numeric_host(host).has_value()) << host;
        EXPECT_TRUE(EgressPolicy().check_literal(host, "url").has_value()) << host;
    }
}

struct Listed {
    const char* setting;
    const char* address;
    bool is_allowed;

    friend void PrintTo(const Listed& c, std::ostream* out) {
        *out << c.setting << " " << c.address;
    }
};

class ListedNetwork : public ::testing::TestWithParam<Listed> {};

TEST_P(ListedNetwork, OpensExactlyWhatItSays) {
    const auto address = numeric_host(GetParam().address);
    ASSERT_TRUE(address.has_value());
    EXPECT_EQ(policy(GetParam().setting).allows(*address), GetParam().is_allowed)
        << GetParam().setting << " and " << GetParam().address;
}

INSTANTIATE_TEST_SUITE_P(
    EgressPolicyTest, ListedNetwork,
    ::testing::Values(
        Listed{"127.0.0.0/8", "127.9.9.9", true}, Listed{"127.0.0.0/8", "128.0.0.0", true},
        Listed{"127.0.0.0/8", "10.0.0.1", false}, Listed{"127.0.0.0/8", "::1", false},
        Listed{"127.0.0.1", "127.0.0.1", true}, Listed{"127.0.0.1", "127.0.0.2", false},
        Listed{"10.0.0.0/9", "10.127.255.255", true}, Listed{"10.0.0.0/9", "10.128.0.0", false},
        Listed{"::1", "::1", true}, Listed{"::1", "127.0.0.1", false}, Listed{"::1", "::2", false},
        Listed{"fd00::/8", "fd12::1", true}, Listed{"fd00::/8", "fc00::1", false},
        Listed{" 10.0.0.0/8 , 127.0.0.1 ", "127.0.0.1", true},
        Listed{"10.0.0.0/8,127.0.0.1", "10.1.2.3", true},
        Listed{"127.0.0.0/8", "::ffff:127.0.0.1", true},  // the same address in another spelling
        Listed{"::ffff:127.0.0.0/104", "127.0.0.1", true},
        Listed{"127.0.0.0/8", "64:ff9b::7f00:1", false},  // another machine's loopback
        Listed{"64:ff9b::7f00:1", "64:ff9b::7f00:1", true},
        Listed{"0.0.0.0/0", "192.168.1.1", true}, Listed{"0.0.0.0/0", "fe80::1", false},
        Listed{"::/0", "fe80::1", true}, Listed{"::/0", "127.0.0.1", false},
        Listed{"::/0", "::ffff:127.0.0.1", false}, Listed{"", "8.8.8.8", true},
        Listed{"", "10.0.0.1", false},
        // S-04: metadata only where it is meant.
        Listed{"10.0.0.0/8,169.254.0.0/16", "169.254.169.254", false},
        Listed{"169.254.0.0/16", "169.254.1.1", true},
        Listed{"0.0.0.0/0", "169.254.169.254", false}, Listed{"0.0.0.0/0", "168.63.129.16", false},
        Listed{"0.0.0.0/0", "100.100.100.200", false}, Listed{"0.0.0.0/0", "169.254.170.2", false},
        Listed{"0.0.0.0/0", "192.0.0.192", false},
        Listed{"169.254.169.254/31", "169.254.169.254", false},
        Listed{"169.254.169.254/32", "169.254.169.254", true},
        Listed{"169.254.169.254", "169.254.169.254", true},
        Listed{"169.254.169.254", "::ffff:169.254.169.254", true},
        Listed{"fd00::/8", "fd00:ec2::254", false},
        Listed{"fd00:ec2::254/128", "fd00:ec2::254", true},
        Listed{"::/0", "64:ff9b::a9fe:a9fe", false}, Listed{"::/0", "2002:a9fe:a9fe::1", false},
        Listed{"::/0", "::169.254.169.254", false},
        Listed{"169.254.169.254", "64:ff9b::a9fe:a9fe", false}));

class RefusedSetting : public ::testing::TestWithParam<const char*> {};

TEST_P(RefusedSetting, NamesTheSetting) {
    const auto parsed = EgressPolicy::parse(GetParam());
    ASSERT_FALSE(parsed.has_value());
    EXPECT_EQ(parsed.error().details.at("field"), "HERALD_EGRESS_ALLOW");
}

INSTANTIATE_TEST_SUITE_P(EgressPolicyTest, RefusedSetting,
                         ::testing::Values("localhost", "127.0.0.1/33", "::1/129", "10.0.0.1/8",
                                           "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8x", "10.0.0.0/ 8",
                                           "127.1", "0x7f000001", ",", "10.0.0.0/8,,127.0.0.1",
                                           "10.0.0.0/8;127.0.0.1", "*", "fe80::1%1", "10.0.0.0/8/8",
                                           "/8"));

TEST(EgressPolicyTest, KeepsItsText) {
    EXPECT_EQ(policy(" 10.0.0.0/8 ").text(), "10.0.0.0/8");
}

ip::tcp::endpoint at(const char* address, std::uint16_t port) {
    return {ip::make_address(address), port};
}

TEST(EgressPolicyTest, KnowsItsOwnListenerInEverySpelling) {
    EgressPolicy egress = policy("127.0.0.0/8,::1");
    egress.add_own_listener(at("127.0.0.1", 8080));
    EXPECT_TRUE(egress.is_own_listener(at("127.0.0.1", 8080)));
    EXPECT_TRUE(egress.is_own_listener(at("::ffff:127.0.0.1", 8080)));
    EXPECT_TRUE(egress.is_own_listener(at("0.0.0.0", 8080)));
    EXPECT_TRUE(egress.is_own_listener(at("::", 8080)));
    EXPECT_FALSE(egress.is_own_listener(at("127.0.0.1", 8081)));
    EXPECT_FALSE(egress.is_own_listener(at("127.0.0.2", 8080)));
}

TEST(EgressPolicyTest, AListenerOnAllAddressesIsEveryLocalOne) {
    EgressPolicy egress;
    egress.add_own_listener(at("0.0.0.0", 9000));
    EXPECT_TRUE(egress.is_own_listener(at("127.0.0.1", 9000)));
    EXPECT_TRUE(egress.is_own_listener(at("127.8.8.8", 9000)));
    EXPECT_TRUE(egress.is_own_listener(at("::1", 9000)));
    EXPECT_FALSE(egress.is_own_listener(at("8.8.8.8", 9000)));
    EXPECT_FALSE(egress.is_own_listener(at("127.0.0.1", 9001)));
}

TEST(EgressPolicyTest, TheRefusalNamesAddressHostAndSetting) {
    const auto error = blocked_address(ip::make_address("10.1.2.3"), "intern.example");
    EXPECT_EQ(error.code, "blocked_address");
    EXPECT_EQ(error.kind, core::ErrorKind::kPermanent);
    for (const char* part : {"10.1.2.3", "intern.example", "HERALD_EGRESS_ALLOW"}) {
        EXPECT_NE(error.message.find(part), std::string::npos) << part;
    }
}

}  // namespace
}  // namespace herald::http
