// Rows of counters in memory that processes share.
//
// A row belongs to a name, for as long as the memory lives. One process, nginx's master, adds rows;
// any process changes cells and reads them, without a lock. A cell is a number of 64 bits, which
// never falls. It is kept in stripes, so that workers do not wait for each other's cache lines: a
// reader adds the stripes up, or takes the largest. Changes are seen in the order in which a
// process makes them: who reads a part before the whole never finds the part larger. A process that
// is killed at any instruction leaves nothing to repair.

#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/digest.h"

namespace webhook {

inline constexpr std::size_t kCacheLine = 64;

// A size in bytes, rounded up to whole lines.
constexpr std::size_t in_cache_lines(std::size_t bytes) {
    return (bytes + kCacheLine - 1) / kCacheLine * kCacheLine;
}

class CounterTable {
  public:
    using Row = std::uint32_t;
    using Cell = std::uint32_t;

    struct Shape {
        // The most names.
        std::size_t rows;
        // Of each row.
        std::size_t cells;
    };

    // The row of all names that found no room.
    static constexpr Row kOther = 0;
    // The last one is shared by all processes beyond those that have one of their own.
    static constexpr std::size_t kStripes = 16;

    // In bytes, a multiple of 64.
    static std::size_t size(const Shape& shape);

    // A block of that size, aligned to 64 bytes, which holds zeros when it is first used.
    CounterTable(std::span<std::byte> block, const Shape& shape);

    // The row of a name; kOther if there are too many.
    Row add(std::string_view name);

    // Which stripe this process changes from now on. At first it is the shared one.
    void use_stripe(std::size_t stripe);

    void add(Row row, Cell cell, std::uint64_t amount) {
        std::atomic<std::uint64_t>& counter = own(row, cell);
        if (is_shared()) {
            counter.fetch_add(amount, std::memory_order_release);
        } else {
            counter.store(counter.load(std::memory_order_relaxed) + amount,
                          std::memory_order_release);
        }
    }
    // For the last time of something, and the like.
    void raise(Row row, Cell cell, std::uint64_t value);

    std::uint64_t sum(Row row, Cell cell) const;
    std::uint64_t largest(Row row, Cell cell) const;

  private:
    using Counter = std::atomic<std::uint64_t>;
    static_assert(Counter::is_always_lock_free);

    static std::size_t stripe_size(const Shape& shape);

    bool is_shared() const { return stripe_ == kStripes - 1; }
    Counter& at(Row row, std::size_t stripe, Cell cell) const {
        return counters_[(row * kStripes + stripe) * stride_ + cell];
    }
    Counter& own(Row row, Cell cell) const { return at(row, stripe_, cell); }

    std::size_t rows_;
    // Counters from one stripe to the next.
    std::size_t stride_;
    std::size_t stripe_ = kStripes - 1;
    std::atomic<std::uint32_t>* used_;
    Sha256Digest* names_;
    Counter* counters_;
};

}  // namespace webhook
