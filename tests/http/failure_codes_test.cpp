#include "http/failure_codes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/asio/error.hpp>
#include <cerrno>
#include <set>

namespace herald::http::failure {
namespace {

boost::system::error_code system_error(int number) {
    return {number, boost::system::system_category()};
}

TEST(FailureCodesTest, WantOfSomethingHereIsNobodyElsesFailure) {
    for (const int number :
         {EMFILE, ENFILE, ENOBUFS, ENOMEM, EADDRNOTAVAIL, EAGAIN, EADDRINUSE, EPERM, EACCES}) {
        EXPECT_EQ(own_failure(system_error(number)), kLocalLimit) << number;
    }
    for (const int number : {ENETDOWN, ENETUNREACH}) {
        EXPECT_EQ(own_failure(system_error(number)), kNetworkUnreachable) << number;
    }
}

TEST(FailureCodesTest, WhatTheOtherSideMayHaveCausedIsNotOurs) {
    for (const int number :
         {0, ECONNREFUSED, ECONNRESET, EPIPE, ETIMEDOUT, EHOSTUNREACH, ECONNABORTED}) {
        EXPECT_EQ(own_failure(system_error(number)), std::nullopt) << number;
    }
    EXPECT_EQ(own_failure(boost::asio::error::eof), std::nullopt);
}

TEST(FailureCodesTest, EveryCodeIsListedOnce) {
    EXPECT_EQ(std::set(kAll.begin(), kAll.end()).size(), kAll.size());
    for (const auto code : {kLocalLimit, kNetworkUnreachable}) {
        EXPECT_NE(std::ranges::find(kAll, code), kAll.end());
    }
}

}  // namespace
}  // namespace herald::http::failure
