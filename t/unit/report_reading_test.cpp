#include "report/reading.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>

#include "dedup_fixture.h"
#include "report/cells.h"

namespace webhook {
namespace {

constexpr Milliseconds kNow{1'795'860'000'500};

class ReadingTest : public ::testing::Test {
  protected:
    testing::SharedMemory<char> memory_{Counters::size()};
    Counters counters_{memory_.block(), kNow};
};

TEST_F(ReadingTest, ReadsEachCellOfARedis) {
    const CounterTable::Row row = counters_.servers.add("fleet");
    const CounterTable::Row other = counters_.servers.add("other");
    for (cells::Cell cell = 0; cell < cells::kRedisEnd; ++cell) {
        counters_.servers.add(row, cell, 100 + cell);
        counters_.servers.add(other, cell, 1);
    }
    RedisReport redis{.name = "fleet", .url = "unix:/run/redis.sock", .zones = {"z"}};
    read_redis(row, counters_, counters_.living(), redis);
    EXPECT_EQ(redis.name, "fleet");
    EXPECT_EQ(redis.url, "unix:/run/redis.sock");
    EXPECT_EQ(redis.zones, std::vector<std::string>{"z"});
    EXPECT_EQ(redis.round_trip.nanoseconds, 100);
    EXPECT_EQ(redis.timeouts, 101);
    EXPECT_EQ(redis.losses, 102);
    EXPECT_EQ(redis.decided_alone, 103);
    EXPECT_EQ(redis.learned, 104);
    EXPECT_EQ(redis.commits_late, 105);
    EXPECT_EQ(redis.pushed_later, 106);
    EXPECT_EQ(redis.pushes_dropped, 107);
    EXPECT_EQ(redis.leases_lost, 108);
    EXPECT_EQ(redis.released_for_dead, 109);
    ASSERT_TRUE(std::ranges::equal(redis.round_trip.bounds, cells::kRoundTripBounds));
    ASSERT_EQ(redis.round_trip.counts.size(), cells::kRoundTripBounds.size() + 1);
    EXPECT_EQ(redis.round_trip.counts.front(), 110);
    EXPECT_EQ(redis.round_trip.counts.back(), 122);
}

TEST_F(ReadingTest, CountsTheWorkersThatSeeARedis) {
    const CounterTable::Row row = counters_.servers.add("fleet");
    const auto read = [&] {
        RedisReport redis;
        read_redis(row, counters_, counters_.living(), redis);
        return std::array{redis.connected, redis.away};
    };
    counters_.join();
    EXPECT_EQ(read(), (std::array<std::uint64_t, 2>{0, 0})) << "it has not asked yet";
    counters_.see(row, Sight::away);
    EXPECT_EQ(read(), (std::array<std::uint64_t, 2>{0, 1}));
    counters_.see(row, Sight::connected);
    EXPECT_EQ(read(), (std::array<std::uint64_t, 2>{1, 0}));
    counters_.leave();
    EXPECT_EQ(read(), (std::array<std::uint64_t, 2>{0, 0}));
}

}  // namespace
}  // namespace webhook
