// What the unit tests of the table share.

#pragma once

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <new>
#include <ostream>
#include <span>
#include <vector>

#include "dedup_model.h"

namespace webhook {

inline void PrintTo(ClaimOutcome outcome, std::ostream* stream) {
    static constexpr std::array kNames{"claimed", "duplicate", "in_flight", "no_room", "away"};
    *stream << kNames[static_cast<std::size_t>(outcome)];
}

inline bool operator==(const ClaimResult& left, const ClaimResult& right) {
    return left.outcome == right.outcome && left.status == right.status;
}

inline void PrintTo(const ClaimResult& result, std::ostream* stream) {
    PrintTo(result.outcome, stream);
    *stream << ' ' << result.status;
}

namespace testing {

inline constexpr std::uint32_t kNow = 1'700'000'000;
inline constexpr std::uint32_t kTtl = 259'200;
inline constexpr Owner kOwner{1, 1};
inline constexpr Owner kOther{2, 1};
inline constexpr Owner kDead{3, 1};
// Asks, and claims nothing for long.
inline constexpr Owner kStranger{77, 7};

inline ClaimToken token(std::uint64_t sequence, Owner owner = kOwner) {
    return {owner, sequence};
}

inline std::vector<EventKey> keys(const std::vector<std::uint64_t>& numbers) {
    std::vector<EventKey> list;
    for (std::uint64_t number : numbers) list.push_back(numbered_key(number));
    return list;
}

inline std::vector<std::uint64_t> numbers_from(std::uint64_t first, std::size_t count) {
    std::vector<std::uint64_t> numbers(count);
    for (std::size_t i = 0; i < count; ++i) numbers[i] = first + i;
    return numbers;
}

// A table of one block, with the calls shortened to what a test is about.
class DedupTableTest : public ::testing::Test {
  protected:
    explicit DedupTableTest(std::size_t size = DedupTable::smallest_size())
        : block(size), table(DedupTable::format(block.bytes(), kSecret)) {
        census.bury(kDead);
    }

    ClaimOutcome claim(const std::vector<std::uint64_t>& numbers, const ClaimToken& by) {
        return table.claim(keys(numbers), by, now, when_full, census).outcome;
    }
    void commit(const std::vector<std::uint64_t>& numbers, const ClaimToken& by,
                std::uint16_t status = 200) {
        table.commit(keys(numbers), by, status, now, now + kTtl);
    }
    void release(const std::vector<std::uint64_t>& numbers, const ClaimToken& by) {
        table.release(keys(numbers), by);
    }
    void deliver(std::uint64_t number) {
        const ClaimToken by = token(1'000'000 + number);
        ASSERT_EQ(ClaimOutcome::claimed, claim({number}, by)) << number;
        commit({number}, by);
    }
    // Whether an event is known, asked of a copy.
    ClaimOutcome known(std::uint64_t number) { return known(number, block); }
    ClaimOutcome known(std::uint64_t number, const Block& in) {
        Block copy(in);
        return DedupTable::attach(copy.bytes())
            .claim(keys({number}), token(number, kStranger), now, WhenFull::evict, census)
            .outcome;
    }
    std::uint64_t capacity() const { return table.stats().capacity; }

    Block block;
    DedupTable table;
    Census census;
    std::uint32_t now = kNow;
    WhenFull when_full = WhenFull::evict;
};

// Memory that parent and child see, with a record of what the child did.
template <typename Journal>
class SharedMemory {
  public:
    explicit SharedMemory(std::size_t block_size)
        : size_(kBlockAt + block_size),
          memory_(mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)) {
        if (memory_ == MAP_FAILED) throw std::bad_alloc();
        new (memory_) Journal;
    }
    ~SharedMemory() { munmap(memory_, size_); }
    SharedMemory(const SharedMemory&) = delete;
    SharedMemory& operator=(const SharedMemory&) = delete;

    Journal& journal() { return *static_cast<Journal*>(memory_); }
    std::span<std::byte> block() {
        return std::span(static_cast<std::byte*>(memory_), size_).subspan(kBlockAt);
    }

  private:
    static constexpr std::size_t kBlockAt = (sizeof(Journal) + 63) / 64 * 64;

    std::size_t size_;
    void* memory_;
};

// Ends a test that runs in circles.
class Deadline {
  public:
    explicit Deadline(unsigned seconds) { alarm(seconds); }
    ~Deadline() { alarm(0); }
    Deadline(const Deadline&) = delete;
    Deadline& operator=(const Deadline&) = delete;
};

}  // namespace testing
}  // namespace webhook
