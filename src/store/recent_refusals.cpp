#include "store/recent_refusals.h"

#include <algorithm>
#include <cstring>
#include <type_traits>
#include <utility>

namespace webhook {

static_assert(std::is_trivially_copyable_v<RefusalRecord>);

std::size_t RecentRefusals::size(std::size_t processes) {
    return processes * kEntries * sizeof(Entry);
}

RecentRefusals::RecentRefusals(std::span<std::byte> block)
    : entries_(reinterpret_cast<Entry*>(block.data()), block.size() / sizeof(Entry)) {}

void RecentRefusals::use_ring(std::optional<std::size_t> process) {
    own_ = process ? &entries_[*process * kEntries] : nullptr;
    written_ = {};
    next_ = 0;
    if (own_ == nullptr) return;
    for (std::size_t i = 0; i < kEntries; ++i) {
        written_[i] = read(own_[i]).value_or(RefusalRecord());
        if (written_[i].time < written_[next_].time) next_ = i;
    }
}

std::size_t RecentRefusals::find_like(const RefusalRecord& record) const {
    std::size_t place = 0;
    while (place < kEntries && (written_[place].time == 0 || !written_[place].is_like(record))) {
        ++place;
    }
    return place;
}

bool RecentRefusals::add_repetition(const RefusalRecord& record) {
    constexpr std::int64_t kSecond = 1000;
    if (own_ == nullptr) return true;
    const std::size_t place = find_like(record);
    if (place == kEntries || record.time - written_[place].time >= kSecond) return false;
    ++written_[place].repeated;
    write(own_[place], written_[place]);
    return true;
}

void RecentRefusals::add(const RefusalRecord& record) {
    if (own_ == nullptr) return;
    std::size_t place = find_like(record);
    const std::uint64_t repeated = place == kEntries ? 0 : written_[place].repeated + 1;
    if (place == kEntries) place = std::exchange(next_, (next_ + 1) % kEntries);
    written_[place] = record;
    written_[place].repeated = repeated;
    write(own_[place], written_[place]);
}

void RecentRefusals::write(Entry& entry, const RefusalRecord& record) {
    std::array<std::uint64_t, kWords> words{};
    std::memcpy(words.data(), &record, sizeof record);
    // Odd already, if its last writer was killed.
    const std::uint64_t sequence = entry.sequence.load(std::memory_order_relaxed) | 1;
    entry.sequence.store(sequence, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_release);
    for (std::size_t i = 0; i < kWords; ++i) {
        entry.words[i].store(words[i], std::memory_order_relaxed);
    }
    entry.sequence.store(sequence + 1, std::memory_order_release);
}

std::optional<RefusalRecord> RecentRefusals::read(const Entry& entry) {
    const std::uint64_t sequence = entry.sequence.load(std::memory_order_acquire);
    if (sequence == 0 || sequence % 2 != 0) return std::nullopt;
    std::array<std::uint64_t, kWords> words{};
    for (std::size_t i = 0; i < kWords; ++i) {
        words[i] = entry.words[i].load(std::memory_order_relaxed);
    }
    std::atomic_thread_fence(std::memory_order_acquire);
    if (entry.sequence.load(std::memory_order_relaxed) != sequence) return std::nullopt;
    RefusalRecord record;
    std::memcpy(static_cast<void*>(&record), words.data(), sizeof record);
    return record;
}

std::vector<RefusalRecord> RecentRefusals::read() const {
    std::vector<RefusalRecord> all;
    for (const Entry& entry : entries_) {
        if (const auto record = read(entry)) all.push_back(*record);
    }
    std::ranges::stable_sort(all, std::ranges::greater{}, &RefusalRecord::time);
    std::vector<RefusalRecord> records;
    for (const RefusalRecord& each : all) {
        const auto known = std::ranges::find_if(
            records, [&each](const RefusalRecord& other) { return other.is_like(each); });
        if (known == records.end()) {
            if (records.size() < kMostRead) records.push_back(each);
        } else {
            known->repeated += each.repeated + 1;
        }
    }
    return records;
}

}  // namespace webhook
