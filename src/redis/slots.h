// The slots of a Redis cluster: which slot a key is in, and which server was last heard to have it.
//
// Source: redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace webhook::redis {

inline constexpr std::uint16_t kSlotCount = 16384;

// CRC-16/XMODEM: polynomial 0x1021, from 0.
std::uint16_t crc16(std::string_view bytes);

// The slot of a key, below kSlotCount. Of a key with a hash tag, the tag alone counts: what stands
// between its first `{` and the next `}`, unless that is nothing.
std::uint16_t key_slot(std::string_view key);

// Remembers servers by the caller's numbers. It takes no memory before the first slot is learned,
// which does not happen without a cluster.
class SlotMap {
  public:
    using Server = std::uint16_t;

    // The server that is asked about a slot of which nothing is known.
    static constexpr Server kDefaultServer = 0;

    Server server_of(std::uint16_t slot) const {
        return slots_.empty() ? kDefaultServer : slots_[slot];
    }
    // `slot` is below kSlotCount. Throws if memory is short.
    void learn(std::uint16_t slot, Server server);
    // Nothing is known of the server's slots any more.
    void forget(Server server);

  private:
    std::vector<Server> slots_;
};

}  // namespace webhook::redis
