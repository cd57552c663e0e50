#include "store/counters.h"

#include <new>

namespace webhook {
namespace {

// Changes with the layout of anything below.
constexpr std::uint64_t kMagic = 0x77686b636e743032;

constexpr CounterTable::Shape kEndpoints{kMostCountedEndpoints, kEndpointCells};
constexpr CounterTable::Shape kSecrets{kMostCountedSecrets, kOtherCells};
constexpr CounterTable::Shape kZones{kMostCountedZones, kOtherCells};
constexpr CounterTable::Shape kFiles{kMostCountedFiles, kOtherCells};

constexpr CounterTable::Shape kServers{kMostCountedServers, kServerCells};

constexpr std::size_t kRows = kMostCountedEndpoints + 1;
constexpr std::size_t kServerRows = kMostCountedServers + 1;
// Of one process, in lines of its own.
constexpr std::size_t kInProgressStride =
    in_cache_lines(kRows * sizeof(std::int32_t)) / sizeof(std::int32_t);

std::size_t size_of_slots() {
    return in_cache_lines(Workers::size(kMostCountedProcesses));
}

// Where each part begins.
struct Layout {
    std::size_t endpoints;
    std::size_t secrets;
    std::size_t zones;
    std::size_t files;
    std::size_t servers;
    std::size_t refusals;
    std::size_t log_limit;
    std::size_t in_progress;
    std::size_t seen;
    std::size_t slots;
    std::size_t end;
};

Layout layout(std::size_t head) {
    Layout at{};
    at.endpoints = head;
    at.secrets = at.endpoints + CounterTable::size(kEndpoints);
    at.zones = at.secrets + CounterTable::size(kSecrets);
    at.files = at.zones + CounterTable::size(kZones);
    at.servers = at.files + CounterTable::size(kFiles);
    at.refusals = at.servers + CounterTable::size(kServers);
    at.log_limit = at.refusals + RecentRefusals::size(kMostCountedProcesses);
    at.in_progress = at.log_limit + LogLimit::size();
    at.seen = at.in_progress + kMostCountedProcesses * kInProgressStride * sizeof(std::int32_t);
    at.slots = at.seen + in_cache_lines(kMostCountedProcesses * kServerRows * sizeof(Sight));
    at.end = at.slots + size_of_slots();
    return at;
}

}  // namespace

struct alignas(64) Counters::Head {
    std::atomic<std::uint64_t> magic;
    std::int64_t start;
    std::atomic<std::uint64_t> configurations;
    std::atomic<std::uint64_t> deaths;
    std::atomic<std::uint64_t> errors;
};

std::size_t Counters::size() {
    return layout(sizeof(Head)).end;
}

Counters::Counters(std::span<std::byte> block, Milliseconds now)
    : endpoints(block.subspan(layout(sizeof(Head)).endpoints), kEndpoints),
      secrets(block.subspan(layout(sizeof(Head)).secrets), kSecrets),
      zones(block.subspan(layout(sizeof(Head)).zones), kZones),
      files(block.subspan(layout(sizeof(Head)).files), kFiles),
      servers(block.subspan(layout(sizeof(Head)).servers), kServers),
      refusals(block.subspan(layout(sizeof(Head)).refusals,
                             RecentRefusals::size(kMostCountedProcesses))),
      log_limit(block.subspan(layout(sizeof(Head)).log_limit)),
      head_(reinterpret_cast<Head*>(block.data())),
      in_progress_(reinterpret_cast<InProgress*>(block.data() + layout(sizeof(Head)).in_progress)),
      seen_(reinterpret_cast<Seen*>(block.data() + layout(sizeof(Head)).seen)),
      processes_(Workers::attach(slots_of(block))) {
    if (head_->magic.load(std::memory_order_acquire) == kMagic) return;
    processes_ = Workers::format(slots_of(block));
    head_->start = now.count();
    head_->magic.store(kMagic, std::memory_order_release);
}

std::span<std::byte> Counters::slots_of(std::span<std::byte> block) {
    return block.subspan(layout(sizeof(Head)).slots, Workers::size(kMostCountedProcesses));
}

Milliseconds Counters::start() const {
    return Milliseconds(head_->start);
}

void Counters::join() {
    living();
    const auto owner = processes_.join();
    if (!owner) return add_error();
    self_ = owner->process;
    for (CounterTable::Row row = 0; row < kRows; ++row) {
        in_progress_of(*self_, row).store(0, std::memory_order_relaxed);
    }
    for (CounterTable::Row row = 0; row < kServerRows; ++row) see(row, Sight::none);
    for (CounterTable* table : tables()) table->use_stripe(*self_);
    refusals.use_ring(self_);
}

void Counters::leave() {
    processes_.leave();
    self_.reset();
    refusals.use_ring(std::nullopt);
    for (CounterTable* table : tables()) table->use_stripe(CounterTable::kStripes);
}

std::vector<bool> Counters::living() {
    std::vector<bool> living;
    head_->deaths.fetch_add(processes_.reap(living), std::memory_order_relaxed);
    return living;
}

std::uint64_t Counters::in_progress(CounterTable::Row endpoint,
                                    const std::vector<bool>& living) const {
    std::int64_t total = 0;
    for (std::size_t process = 0; process < living.size(); ++process) {
        if (living[process]) total += in_progress_of(process, endpoint);
    }
    return total < 0 ? 0 : static_cast<std::uint64_t>(total);
}

void Counters::see(CounterTable::Row server, Sight sight) {
    if (self_) seen_of(*self_, server).store(sight, std::memory_order_relaxed);
}

std::uint64_t Counters::seen_as(CounterTable::Row server, Sight sight,
                                const std::vector<bool>& living) const {
    std::uint64_t count = 0;
    for (std::size_t process = 0; process < living.size(); ++process) {
        if (living[process] && seen_of(process, server) == sight) ++count;
    }
    return count;
}

Counters::Seen& Counters::seen_of(std::size_t process, CounterTable::Row server) const {
    return seen_[process * kServerRows + server];
}

std::uint64_t Counters::deaths() const {
    return head_->deaths.load(std::memory_order_relaxed);
}

std::uint64_t Counters::errors() const {
    return head_->errors.load(std::memory_order_relaxed);
}

void Counters::add_error() {
    head_->errors.fetch_add(1, std::memory_order_relaxed);
}

std::uint64_t Counters::begin_configuration() {
    return head_->configurations.fetch_add(1, std::memory_order_relaxed) + 1;
}

void Counters::change(CounterTable::Row endpoint, std::int32_t by) {
    if (!self_) return;
    InProgress& count = in_progress_of(*self_, endpoint);
    count.store(count.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
}

Counters::InProgress& Counters::in_progress_of(std::size_t process,
                                               CounterTable::Row endpoint) const {
    return in_progress_[process * kInProgressStride + endpoint];
}

}  // namespace webhook
