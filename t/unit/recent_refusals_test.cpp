#include "store/recent_refusals.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <thread>

namespace webhook {
namespace {

constexpr std::size_t kProcesses = 4;

RefusalRecord record(std::int64_t time, std::string_view source, std::uint8_t reason = 1) {
    RefusalRecord record;
    record.time = time;
    record.reason = reason;
    record.source = source;
    return record;
}

class RecentRefusalsTest : public testing::Test {
  protected:
    RecentRefusals open(std::optional<std::size_t> process) {
        RecentRefusals refusals{std::as_writable_bytes(std::span(block_))};
        refusals.use_ring(process);
        return refusals;
    }

    std::vector<std::uint64_t> block_ =
        std::vector<std::uint64_t>(RecentRefusals::size(kProcesses) / sizeof(std::uint64_t));
};

TEST_F(RecentRefusalsTest, AreReadNewestFirst) {
    RecentRefusals first = open(0);
    RecentRefusals second = open(1);
    first.add(record(10, "192.0.2.1"));
    second.add(record(30, "192.0.2.2"));
    first.add(record(20, "192.0.2.3"));
    const auto all = open(std::nullopt).read();
    ASSERT_EQ(all.size(), 3);
    EXPECT_EQ(all[0].source.view(), "192.0.2.2");
    EXPECT_EQ(all[1].time, 20);
    EXPECT_EQ(all[2].time, 10);
}

TEST_F(RecentRefusalsTest, NeedARing) {
    open(std::nullopt).add(record(1, "192.0.2.1"));
    EXPECT_TRUE(open(0).read().empty());
}

TEST_F(RecentRefusalsTest, CountRepetitions) {
    RecentRefusals refusals = open(0);
    for (int i = 0; i < 1000; ++i) {
        refusals.add(record(2 * i, "192.0.2.1"));
        refusals.add(record(2 * i + 1, "192.0.2.1", 2));
    }
    const auto all = refusals.read();
    ASSERT_EQ(all.size(), 2);
    EXPECT_EQ(all[0].time, 1999);
    EXPECT_EQ(all[0].repeated, 999);
    EXPECT_EQ(all[1].repeated, 999);
}

TEST_F(RecentRefusalsTest, AreOneOverAllProcesses) {
    RecentRefusals first = open(0);
    RecentRefusals second = open(1);
    for (int i = 0; i < 3; ++i) first.add(record(i, "192.0.2.1"));
    for (int i = 5; i < 10; ++i) second.add(record(i, "192.0.2.1"));
    const auto all = first.read();
    ASSERT_EQ(all.size(), 1);
    EXPECT_EQ(all[0].time, 9);
    EXPECT_EQ(all[0].repeated, 7);
}

TEST_F(RecentRefusalsTest, AreReadUpToABound) {
    for (std::size_t process = 0; process < kProcesses; ++process) {
        RecentRefusals refusals = open(process);
        for (std::size_t i = 0; i < RecentRefusals::kEntries; ++i) {
            refusals.add(record(static_cast<std::int64_t>(i), std::to_string(process * 100 + i)));
        }
    }
    EXPECT_EQ(open(0).read().size(),
              std::min(RecentRefusals::kMostRead, kProcesses * RecentRefusals::kEntries));
}

TEST_F(RecentRefusalsTest, ForgetTheOldest) {
    RecentRefusals refusals = open(0);
    for (int i = 0; i < 100; ++i) refusals.add(record(i, std::to_string(i)));
    const auto all = refusals.read();
    ASSERT_EQ(all.size(), RecentRefusals::kEntries);
    EXPECT_EQ(all.back().time, static_cast<std::int64_t>(100 - RecentRefusals::kEntries));
}

TEST_F(RecentRefusalsTest, GoOnWhereAPredecessorEnded) {
    RecentRefusals refusals = open(0);
    for (int i = 1; i <= 40; ++i) refusals.add(record(i, std::to_string(i)));
    RecentRefusals successor = open(0);
    for (int i = 41; i <= 43; ++i) successor.add(record(i, std::to_string(i)));
    successor.add(record(44, "40"));
    const auto all = successor.read();
    ASSERT_EQ(all.size(), RecentRefusals::kEntries);
    EXPECT_EQ(all.front().time, 44);
    EXPECT_EQ(all.front().repeated, 1);
    EXPECT_EQ(all.back().time, 12) << "the oldest are forgotten";
}

TEST_F(RecentRefusalsTest, CountRepetitionsWithinASecondApart) {
    RecentRefusals refusals = open(0);
    EXPECT_FALSE(refusals.add_repetition(record(1000, "192.0.2.1")));
    refusals.add(record(1000, "192.0.2.1"));
    EXPECT_TRUE(refusals.add_repetition(record(1999, "192.0.2.1")));
    EXPECT_FALSE(refusals.add_repetition(record(2000, "192.0.2.1")));
    EXPECT_FALSE(refusals.add_repetition(record(1999, "192.0.2.2")));
    ASSERT_EQ(refusals.read().size(), 1);
    EXPECT_EQ(refusals.read()[0].repeated, 1);
    EXPECT_EQ(refusals.read()[0].time, 1000) << "of the one whose request is shown";
    EXPECT_TRUE(open(std::nullopt).add_repetition(record(1, "192.0.2.1"))) << "nobody keeps it";
}

TEST_F(RecentRefusalsTest, HoldLongTexts) {
    RecentRefusals refusals = open(0);
    RefusalRecord long_one = record(1, std::string(300, 's'));
    long_one.event_id = std::string_view(std::string(300, 'e'));
    refusals.add(long_one);
    const auto all = refusals.read();
    EXPECT_EQ(all.at(0).source.view(), std::string(45, 's'));
    EXPECT_EQ(all.at(0).event_id.view(), std::string(40, 'e'));
}

TEST_F(RecentRefusalsTest, AreSkippedWhileTheyAreWritten) {
    RecentRefusals refusals = open(0);
    refusals.add(record(1, "192.0.2.1"));
    // As a process leaves it that is killed while it writes.
    block_[0] |= 1;
    EXPECT_TRUE(refusals.read().empty());
    RecentRefusals successor = open(0);
    successor.add(record(2, "192.0.2.2"));
    ASSERT_EQ(successor.read().size(), 1);
    EXPECT_EQ(successor.read()[0].time, 2);
}

TEST_F(RecentRefusalsTest, AreNeverReadInPieces) {
    std::atomic<bool> stop = false;
    std::thread writer([&] {
        RecentRefusals refusals = open(0);
        for (int i = 0; !stop; ++i) {
            const std::string text(40, static_cast<char>('a' + i % 26));
            RefusalRecord next = record(1, text);
            next.event_id = std::string_view(text);
            refusals.add(next);
        }
    });
    const RecentRefusals reader = open(std::nullopt);
    std::size_t seen = 0;
    while (seen < 20'000) {
        for (const RefusalRecord& each : reader.read()) {
            EXPECT_EQ(each.source.view(), each.event_id.view());
            ++seen;
        }
    }
    stop = true;
    writer.join();
}

}  // namespace
}  // namespace webhook
