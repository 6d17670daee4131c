#include "cli/io_thread.h"

#include <gtest/gtest.h>

namespace herald::cli {
namespace {

TEST(IoThreadTest, RunsATaskOnItsThreadAndWaitsForIt) {
    IoThread thread;
    std::thread::id ran_on;
    const auto note = [&] { ran_on = std::this_thread::get_id(); };
    thread.run_and_wait(note);
    EXPECT_EQ(ran_on, std::this_thread::get_id()) << "it never started";
    thread.start();
    thread.run_and_wait(note);
    EXPECT_NE(ran_on, std::this_thread::get_id());
}

}  // namespace
}  // namespace herald::cli
