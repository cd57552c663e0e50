#include "store/counter_table.h"

#include <algorithm>

namespace webhook {
namespace {

// The row of other names has none.
std::size_t size_of_names(const CounterTable::Shape& shape) {
    return in_cache_lines(shape.rows * sizeof(Sha256Digest));
}

}  // namespace

std::size_t CounterTable::stripe_size(const Shape& shape) {
    return in_cache_lines(shape.cells * sizeof(Counter));
}

std::size_t CounterTable::size(const Shape& shape) {
    return kCacheLine + size_of_names(shape) + (shape.rows + 1) * kStripes * stripe_size(shape);
}

CounterTable::CounterTable(std::span<std::byte> block, const Shape& shape)
    : rows_(shape.rows),
      stride_(stripe_size(shape) / sizeof(Counter)),
      used_(reinterpret_cast<std::atomic<std::uint32_t>*>(block.data())),
      names_(reinterpret_cast<Sha256Digest*>(block.data() + kCacheLine)),
      counters_(reinterpret_cast<Counter*>(block.data() + kCacheLine + size_of_names(shape))) {}

CounterTable::Row CounterTable::add(std::string_view name) {
    const Sha256Digest digest = sha256(name);
    const std::uint32_t used = used_->load(std::memory_order_relaxed);
    const auto* known = std::find(names_, names_ + used, digest);
    const auto index = static_cast<std::uint32_t>(known - names_);
    if (index < used) return index + 1;
    if (used == rows_) return kOther;
    names_[used] = digest;
    used_->store(used + 1, std::memory_order_release);
    return used + 1;
}

void CounterTable::use_stripe(std::size_t stripe) {
    stripe_ = std::min(stripe, kStripes - 1);
}

void CounterTable::raise(Row row, Cell cell, std::uint64_t value) {
    Counter& counter = own(row, cell);
    std::uint64_t known = counter.load(std::memory_order_relaxed);
    if (!is_shared()) {
        if (known < value) counter.store(value, std::memory_order_release);
        return;
    }
    while (known < value && !counter.compare_exchange_weak(known, value, std::memory_order_release,
                                                           std::memory_order_relaxed)) {
    }
}

std::uint64_t CounterTable::sum(Row row, Cell cell) const {
    std::uint64_t total = 0;
    for (std::size_t stripe = 0; stripe < kStripes; ++stripe) {
        total += at(row, stripe, cell).load(std::memory_order_acquire);
    }
    return total;
}

std::uint64_t CounterTable::largest(Row row, Cell cell) const {
    std::uint64_t value = 0;
    for (std::size_t stripe = 0; stripe < kStripes; ++stripe) {
        value = std::max(value, at(row, stripe, cell).load(std::memory_order_acquire));
    }
    return value;
}

}  // namespace webhook
