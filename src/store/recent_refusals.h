// The last refusals of each process, in memory that processes share, for reports.
//
// Each process has a ring of its own, so that nobody waits for anybody. A reader skips an entry
// that is being written; a process that is killed meanwhile leaves one that its successor in the
// slot writes anew. Repetitions of one refusal are one entry, so that a flood of them does not push
// all others out.

#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace webhook {

// A text in a record, cut off at its end.
template <std::size_t Size>
class ShortText {
  public:
    ShortText() = default;
    ShortText(std::string_view text) {
        size_ = static_cast<std::uint8_t>(text.copy(bytes_.data(), Size));
    }
    // A record of shared memory may hold anything.
    std::string_view view() const { return {bytes_.data(), size_ < Size ? size_ : Size}; }
    bool operator==(const ShortText& other) const { return view() == other.view(); }

  private:
    static_assert(Size < 256);
    std::array<char, Size> bytes_{};
    std::uint8_t size_ = 0;
};

struct RefusalRecord {
    // Milliseconds since the epoch.
    std::int64_t time = 0;
    // How many there were before this one, of the same kind.
    std::uint64_t repeated = 0;
    // The row of its endpoint.
    std::uint32_t endpoint = 0;
    std::uint8_t reason = 0;
    bool monitored = false;
    ShortText<45> source;
    ShortText<40> event_id;
    ShortText<32> request_id;

    bool is_like(const RefusalRecord& other) const {
        return endpoint == other.endpoint && reason == other.reason &&
               monitored == other.monitored && source == other.source;
    }
};

class RecentRefusals {
  public:
    // Of each process.
    static constexpr std::size_t kEntries = 32;
    static constexpr std::size_t kMostRead = 100;

    // In bytes, for so many processes.
    static std::size_t size(std::size_t processes);

    // A block of that size, aligned to 8 bytes, which holds zeros when it is first used.
    explicit RecentRefusals(std::span<std::byte> block);

    // Which ring this process writes from now on. No value: none.
    void use_ring(std::optional<std::size_t> process);

    // Whether one like it is known, less than a second older: then it is counted there.
    bool add_repetition(const RefusalRecord& record);
    void add(const RefusalRecord& record);

    // Up to kMostRead, the newest first. What several processes refused alike is one.
    std::vector<RefusalRecord> read() const;

  private:
    using Word = std::atomic<std::uint64_t>;
    static constexpr std::size_t kWords = (sizeof(RefusalRecord) + 7) / 8;

    struct Entry {
        // Odd: it is being written. 0: it was never written.
        Word sequence;
        std::array<Word, kWords> words;
    };

    // kEntries: none.
    std::size_t find_like(const RefusalRecord& record) const;
    static void write(Entry& entry, const RefusalRecord& record);
    static std::optional<RefusalRecord> read(const Entry& entry);

    std::span<Entry> entries_;
    // Null: none.
    Entry* own_ = nullptr;
    // What its entries hold; a time of 0: nothing.
    std::array<RefusalRecord, kEntries> written_{};
    // The entry that is written next.
    std::size_t next_ = 0;
};

}  // namespace webhook
