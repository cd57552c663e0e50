// What the processes of one nginx share to tell of: the counters of endpoints, secrets, zones,
// files, servers of Redis and processes; the last refusals; and which lines of the log were
// written.
//
// They live in one block of memory that is never formatted again, so that they outlive workers and
// configurations. Nothing is locked to read them. What a cell of a row counts is the caller's.

#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/time.h"
#include "store/counter_table.h"
#include "store/log_limit.h"
#include "store/recent_refusals.h"
#include "store/worker_slots.h"

namespace webhook {

inline constexpr std::size_t kMostCountedEndpoints = 1024;
inline constexpr std::size_t kMostCountedSecrets = 4096;
inline constexpr std::size_t kMostCountedZones = 64;
inline constexpr std::size_t kMostCountedFiles = 256;
inline constexpr std::size_t kMostCountedServers = 16;
// Workers, and those of earlier configurations.
inline constexpr std::size_t kMostCountedProcesses = 256;

inline constexpr std::size_t kEndpointCells = 128;
inline constexpr std::size_t kServerCells = 24;
inline constexpr std::size_t kOtherCells = 8;

// What a process sees of a server.
enum class Sight : std::uint8_t { none, connected, away };

class Counters {
  public:
    // In bytes.
    static std::size_t size();

    // A block of that size, aligned to 64 bytes. If it holds zeros, counting begins `now`.
    Counters(std::span<std::byte> block, Milliseconds now);

    CounterTable endpoints;
    CounterTable secrets;
    CounterTable zones;
    CounterTable files;
    CounterTable servers;
    RecentRefusals refusals;
    LogLimit log_limit;

    // When counting began.
    Milliseconds start() const;

    // Takes a slot and a stripe for this process.
    void join();
    // Gives them back.
    void leave();

    // Deliveries that this process has in progress. Without a slot, they are not counted.
    void enter(CounterTable::Row endpoint) { change(endpoint, 1); }
    void exit(CounterTable::Row endpoint) { change(endpoint, -1); }

    // Which processes live. Counts those that died.
    std::vector<bool> living();
    // Of the living ones.
    std::uint64_t in_progress(CounterTable::Row endpoint, const std::vector<bool>& living) const;

    // This process sees the server so from now on. Without a slot, that is not counted.
    void see(CounterTable::Row server, Sight sight);
    // How many of the living ones do.
    std::uint64_t seen_as(CounterTable::Row server, Sight sight,
                          const std::vector<bool>& living) const;

    // Processes that ended without leave().
    std::uint64_t deaths() const;
    // Names that found no row, and processes that found no slot.
    std::uint64_t errors() const;
    void add_error();

    // A new configuration is in force. Returns how many there were, with this one.
    std::uint64_t begin_configuration();

  private:
    struct Head;
    using InProgress = std::atomic<std::int32_t>;
    using Seen = std::atomic<Sight>;

    static std::span<std::byte> slots_of(std::span<std::byte> block);
    void change(CounterTable::Row endpoint, std::int32_t by);
    InProgress& in_progress_of(std::size_t process, CounterTable::Row endpoint) const;
    Seen& seen_of(std::size_t process, CounterTable::Row server) const;
    std::array<CounterTable*, 5> tables() {
        return {&endpoints, &secrets, &zones, &files, &servers};
    }

    Head* head_;
    InProgress* in_progress_;
    Seen* seen_;
    Workers processes_;
    std::optional<std::size_t> self_;
};

}  // namespace webhook
