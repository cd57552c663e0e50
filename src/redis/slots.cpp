#include "redis/slots.h"

#include <algorithm>
#include <array>

namespace webhook::redis {
namespace {

constexpr std::uint16_t kPolynomial = 0x1021;

// What a byte in the upper half of the sum adds when it is shifted out.
constexpr std::array<std::uint16_t, 256> kTable = [] {
    std::array<std::uint16_t, 256> table{};
    for (unsigned byte = 0; byte < table.size(); ++byte) {
        unsigned sum = byte << 8;
        for (int bit = 0; bit < 8; ++bit) {
            sum = (sum & 0x8000) != 0 ? (sum << 1) ^ kPolynomial : sum << 1;
        }
        table[byte] = static_cast<std::uint16_t>(sum);
    }
    return table;
}();

std::string_view hashed_part(std::string_view key) {
    const std::size_t begin = key.find('{');
    if (begin == std::string_view::npos) return key;
    const std::size_t end = key.find('}', begin);
    if (end == std::string_view::npos || end == begin + 1) return key;
    return key.substr(begin + 1, end - begin - 1);
}

}  // namespace

std::uint16_t crc16(std::string_view bytes) {
    unsigned sum = 0;
    for (const char byte : bytes) {
        sum = (sum << 8 & 0xffff) ^ kTable[sum >> 8 ^ static_cast<unsigned char>(byte)];
    }
    return static_cast<std::uint16_t>(sum);
}

std::uint16_t key_slot(std::string_view key) {
    return crc16(hashed_part(key)) % kSlotCount;
}

void SlotMap::learn(std::uint16_t slot, Server server) {
    if (slots_.empty()) slots_.resize(kSlotCount, kDefaultServer);
    slots_[slot] = server;
}

void SlotMap::forget(Server server) {
    std::ranges::replace(slots_, server, kDefaultServer);
}

}  // namespace webhook::redis
