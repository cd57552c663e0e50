#include "redis/slots.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string_view>
#include <vector>

namespace webhook::redis {
namespace {

TEST(RedisSlots, AreThoseOfTheSpecification) {
    EXPECT_EQ(crc16("123456789"), 0x31c3);
    EXPECT_EQ(crc16(""), 0);
    EXPECT_EQ(crc16("\xff\xff"), 0x1d0f) << "every byte is unsigned";
}

// What CLUSTER KEYSLOT of Redis 7.0 says.
TEST(RedisSlots, AreThoseOfTheServer) {
    struct Row {
        std::string_view key;
        std::uint16_t slot;
    };
    const std::vector<Row> rows = {
        {"", 0},
        {"123456789", 12739},
        {"foo", 12182},
        {"{user1000}.following", 3443},
        {"{user1000}.followers", 3443},
        {"user1000", 3443},
        {"foo{}{bar}", 8363},
        {"foo{{bar}}zap", 4015},
        {"{bar", 4015},
        {"foo{bar}{zap}", 5061},
        {"bar", 5061},
        {"foo{bar", 15278},
        {"foo}bar{zap}", 6469},
        {"wh:{0123456789abcdef}:00112233445566778899aabbccddeeff", 10405},
        {"wh:{00112233445566778899aabbccddeeff}", 13385},
    };
    for (const Row& row : rows) EXPECT_EQ(key_slot(row.key), row.slot) << row.key;
}

TEST(SlotMap, LearnsAndForgets) {
    SlotMap map;
    EXPECT_EQ(map.server_of(0), SlotMap::kDefaultServer);
    EXPECT_EQ(map.server_of(kSlotCount - 1), SlotMap::kDefaultServer);
    map.forget(1);
    map.learn(0, 1);
    map.learn(kSlotCount - 1, 2);
    map.learn(7, 1);
    map.learn(7, 2);
    EXPECT_EQ(map.server_of(0), 1);
    EXPECT_EQ(map.server_of(1), SlotMap::kDefaultServer);
    EXPECT_EQ(map.server_of(7), 2);
    EXPECT_EQ(map.server_of(kSlotCount - 1), 2);
    map.forget(2);
    EXPECT_EQ(map.server_of(0), 1);
    EXPECT_EQ(map.server_of(7), SlotMap::kDefaultServer);
    EXPECT_EQ(map.server_of(kSlotCount - 1), SlotMap::kDefaultServer);
}

}  // namespace
}  // namespace webhook::redis
