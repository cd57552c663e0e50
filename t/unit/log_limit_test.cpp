#include "store/log_limit.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <thread>
#include <vector>

namespace webhook {
namespace {

// Two kinds with the same place in the table.
constexpr std::uint64_t kKind = 0x1234'5678'0000'0001;
constexpr std::uint64_t kNeighbour = 0x8765'4321'0000'0001;

class LogLimitTest : public testing::Test {
  protected:
    std::vector<std::uint64_t> block_ =
        std::vector<std::uint64_t>(LogLimit::size() / sizeof(std::uint64_t));
    LogLimit limit_{std::as_writable_bytes(std::span(block_))};
};

TEST_F(LogLimitTest, LetsOneLineOfAKindThroughInASecond) {
    EXPECT_EQ(limit_.ask(kKind, 100), 0);
    EXPECT_EQ(limit_.ask(kKind, 100), std::nullopt);
    EXPECT_EQ(limit_.ask(kKind, 100), std::nullopt);
    EXPECT_EQ(limit_.ask(kKind + 1, 100), 0);
    EXPECT_EQ(limit_.ask(kKind, 101), 2);
    EXPECT_EQ(limit_.ask(kKind, 102), 0);
}

TEST_F(LogLimitTest, TellsOnceWhatWasLeftOut) {
    limit_.ask(kKind, 100);
    limit_.ask(kKind, 100);
    EXPECT_EQ(limit_.take(kKind, 100), std::nullopt) << "this second is not over";
    EXPECT_EQ(limit_.take(kKind, 101), 1);
    EXPECT_EQ(limit_.take(kKind, 101), 0);
    EXPECT_EQ(limit_.ask(kKind, 101), std::nullopt) << "that was the line of this second";
    EXPECT_EQ(limit_.ask(kKind, 102), 1);
}

TEST_F(LogLimitTest, KeepsWhatAnotherKindHasToTell) {
    limit_.ask(kKind, 100);
    limit_.ask(kKind, 100);
    EXPECT_EQ(limit_.ask(kNeighbour, 100), 0);
    EXPECT_EQ(limit_.ask(kNeighbour, 101), 0);
    EXPECT_EQ(limit_.take(kKind, 101), 1);
    EXPECT_EQ(limit_.take(kNeighbour, 102), 0);
    EXPECT_EQ(limit_.ask(kNeighbour, 102), 0);
    EXPECT_EQ(limit_.ask(kNeighbour, 102), std::nullopt) << "the place is its own now";
}

TEST_F(LogLimitTest, ForgetsWhatADeadProcessHadToTell) {
    limit_.ask(kKind, 100);
    limit_.ask(kKind, 100);
    EXPECT_EQ(limit_.ask(kNeighbour, 110), 0);
    EXPECT_EQ(limit_.ask(kNeighbour, 110), std::nullopt);
}

TEST_F(LogLimitTest, TellsInAdvanceForWhoExits) {
    limit_.ask(kKind, 100);
    limit_.ask(kKind, 100);
    EXPECT_EQ(limit_.take(kKind, 101), 1) << "at the end of a process, in the second 100";
    EXPECT_EQ(limit_.ask(kKind, 100), std::nullopt);
    EXPECT_EQ(limit_.take(kKind, 101), std::nullopt) << "another one ends";
    EXPECT_EQ(limit_.ask(kKind, 101), std::nullopt);
    EXPECT_EQ(limit_.ask(kKind, 102), 2);
}

TEST_F(LogLimitTest, CountsUpToItsEnd) {
    limit_.ask(kKind, 100);
    for (int i = 0; i < 70'000; ++i) limit_.ask(kKind, 100);
    EXPECT_EQ(limit_.ask(kKind, 101), 65'535);
}

TEST_F(LogLimitTest, IsSharedByAll) {
    constexpr int kThreads = 4;
    constexpr int kLines = 10'000;
    std::atomic<int> written = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < kThreads; ++i) {
        threads.emplace_back([&] {
            for (int line = 0; line < kLines; ++line) {
                if (limit_.ask(kKind, 100)) ++written;
            }
        });
    }
    for (std::thread& each : threads) each.join();
    EXPECT_EQ(written, 1);
    EXPECT_EQ(limit_.take(kKind, 101), kThreads * kLines - 1);
}

}  // namespace
}  // namespace webhook
