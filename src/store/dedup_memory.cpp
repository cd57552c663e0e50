#include "store/dedup_memory.h"

#include <pthread.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace webhook {
namespace {

using Boot = std::array<char, 36>;

constexpr const char* kLabel = "webhook_dedup_zone";
constexpr std::uint64_t kMagic = 0x6d656d6b6f6f6877;
constexpr std::uint32_t kLayoutVersion = 2;
constexpr std::size_t kLeastWorkers = 64;
constexpr std::size_t kMostWorkers = 1024;
constexpr std::size_t kAlignment = 64;
constexpr std::int32_t kSecondsBetweenNotices = 60;

[[noreturn]] void fail_with_errno(const std::string& what) {
    throw std::runtime_error(what + ": " + system_message(errno));
}

// Names this boot of this machine.
Boot this_boot() {
    const std::string text = read_file("/proc/sys/kernel/random/boot_id", 64).bytes;
    Boot boot{};
    if (text.size() < boot.size()) throw std::runtime_error("cannot tell this boot from others");
    std::copy_n(text.begin(), boot.size(), boot.begin());
    return boot;
}

// The number of processes that may claim at the same time. It covers several generations of
// workers, since old ones finish their requests while new ones serve.
std::size_t worker_slots(std::size_t block_size) {
    return std::clamp(block_size / 64 / Workers::size(1), kLeastWorkers, kMostWorkers);
}

TableSecret new_secret() {
    TableSecret secret{};
    const auto bytes = std::as_writable_bytes(std::span(secret));
    if (getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
        fail_with_errno("cannot get random bytes");
    }
    return secret;
}

}  // namespace

struct alignas(kAlignment) DedupMemory::Head {
    std::uint64_t magic;
    std::uint32_t layout_version;
    std::uint32_t mutex_size;
    std::uint64_t size;
    std::uint64_t workers_size;
    Kind kind;
    Boot boot;
    pthread_mutex_t lock;
    // The number of events forgotten early that was reported.
    std::uint64_t told;
    std::uint32_t told_at;
    std::uint32_t undrained;
    // The process that has or last had the lock.
    std::int32_t holder;
};

void require_boot_id() {
    this_boot();
}

std::unique_ptr<DedupMemory> DedupMemory::nameless(std::size_t size) {
    return format(nameless_file(kLabel, size), Kind::nameless);
}

void DedupMemory::require_room(std::size_t size) {
    const Mapping unused(nameless_file(kLabel, size));
}

std::unique_ptr<DedupMemory> DedupMemory::format(Descriptor file, Kind kind) {
    std::unique_ptr<DedupMemory> memory(new DedupMemory(std::move(file)));
    Head& head = memory->head();
    head.layout_version = kLayoutVersion;
    head.mutex_size = sizeof(head.lock);
    head.size = memory->size();
    head.workers_size = Workers::size(worker_slots(memory->size()));
    head.kind = kind;
    // Nothing else outlives a boot.
    if (kind == Kind::state_file) head.boot = this_boot();
    make_robust(head.lock);
    Workers::format(memory->workers_block());
    DedupTable::format(memory->table_block(), new_secret());
    std::atomic_ref(head.magic).store(kMagic, std::memory_order_release);
    memory->attach();
    return memory;
}

std::unique_ptr<DedupMemory> DedupMemory::share(Descriptor file) {
    if (const std::string wrong = complaint(file); !wrong.empty()) throw std::runtime_error(wrong);
    std::unique_ptr<DedupMemory> memory(new DedupMemory(std::move(file)));
    if (memory->kind() == Kind::state_file && memory->head().boot != this_boot()) {
        throw std::runtime_error("it is in use by another machine");
    }
    memory->attach();
    return memory;
}

std::unique_ptr<DedupMemory> DedupMemory::restore(Descriptor file, bool has_successor,
                                                  std::uint64_t& torn) {
    if (const std::string wrong = complaint(file); !wrong.empty()) throw std::runtime_error(wrong);
    std::unique_ptr<DedupMemory> memory(new DedupMemory(std::move(file)));
    Head& head = memory->head();
    // No process may share it before it is restored.
    head.boot = {};
    // Its content is about processes that are gone.
    std::memset(&head.lock, 0, sizeof(head.lock));
    make_robust(head.lock);
    Workers::format(memory->workers_block());
    memory->attach();
    torn = memory->table_->restore(has_successor, new_secret());
    head.told = memory->table_->stats().forgotten_early;
    head.undrained = 0;
    head.boot = this_boot();
    return memory;
}

bool DedupMemory::is_blank(const Descriptor& file) {
    std::uint64_t magic = 0;
    return pread(file.get(), &magic, sizeof(magic), 0) != sizeof(magic) || magic == 0;
}

bool DedupMemory::is_foreign(const Descriptor& file) {
    std::array<char, sizeof(kMagic)> start{};
    const ssize_t size = pread(file.get(), start.data(), start.size(), 0);
    if (size < 0) fail_with_errno("cannot read it");
    const bool zeros = std::ranges::all_of(start, [](char byte) { return byte == 0; });
    return !zeros && std::memcmp(start.data(), &kMagic, static_cast<std::size_t>(size)) != 0;
}

std::string DedupMemory::complaint(const Descriptor& file) {
    std::string foreign = "it holds no memory of webhook_dedup_zone";
    if (file.size() < kSmallestSize) return foreign;
    const DedupMemory memory(file.duplicate());
    const Head& head = memory.head();
    if (head.magic != kMagic) return foreign;
    if (head.layout_version != kLayoutVersion || head.mutex_size != sizeof(head.lock)) {
        return "its layout is of another version of the module";
    }
    if (head.size != memory.size() ||
        head.workers_size != Workers::size(worker_slots(memory.size()))) {
        return "its size is not the one that it was made with";
    }
    if (!DedupTable::recognizes(memory.table_block())) return "its table is not whole";
    return "";
}

DedupMemory::DedupMemory(Descriptor file) : mapping_(std::move(file)) {
    if (size() < kSmallestSize) throw std::runtime_error("it is too small");
}

DedupMemory::~DedupMemory() {
    // Unmapping a held mutex would corrupt the thread's list of robust mutexes.
    if (workers_) workers_->leave();
}

void DedupMemory::be_quick() {
    lock_->be_quick();
}

DedupMemory::Head& DedupMemory::head() const {
    return *reinterpret_cast<Head*>(mapping_.bytes().data());
}

DedupMemory::Kind DedupMemory::kind() const {
    return head().kind;
}

std::span<std::byte> DedupMemory::workers_block() const {
    return mapping_.bytes().subspan(sizeof(Head), head().workers_size);
}

std::span<std::byte> DedupMemory::table_block() const {
    const std::size_t end_of_workers = sizeof(Head) + head().workers_size;
    return mapping_.bytes().subspan((end_of_workers + kAlignment - 1) / kAlignment * kAlignment);
}

void DedupMemory::attach() {
    workers_ = Workers::attach(workers_block());
    table_ = DedupTable::attach(table_block());
    lock_.emplace(head().lock, head().holder);
}

std::optional<Owner> DedupMemory::enroll() {
    return workers_->join();
}

std::uint64_t DedupMemory::early_to_tell(std::uint32_t now) {
    const std::uint64_t forgotten = table_->stats().forgotten_early;
    // The times of processes differ a little, and clocks may be set back.
    const auto since = static_cast<std::int32_t>(now - head().told_at);
    const bool just_told = since > -kSecondsBetweenNotices && since < kSecondsBetweenNotices;
    if (forgotten == head().told || just_told) return 0;
    head().told_at = now;
    return forgotten - std::exchange(head().told, forgotten);
}

DedupStats DedupMemory::stats() const {
    DedupStats stats = table_->stats();
    // The two ends of the list are read one after the other.
    stats.remembered = std::min(stats.remembered, stats.capacity);
    stats.in_flight = std::min(stats.in_flight, stats.capacity);
    return stats;
}

std::uint64_t DedupMemory::early_untold() const {
    const std::uint64_t told = head().told;
    const std::uint64_t forgotten = table_->stats().forgotten_early;
    return forgotten > told ? forgotten - told : 0;
}

bool DedupMemory::drained() {
    return table_->drained(*workers_) || (table_->carried_all() && !workers_->any_alive());
}

void DedupMemory::record_undrained(std::size_t memories) {
    head().undrained = static_cast<std::uint32_t>(memories);
}

std::size_t DedupMemory::undrained() const {
    return head().undrained;
}

DedupMemory::Lock::Lock(DedupMemory& memory) : memory_(memory) {
    memory.lock_->lock();
    if (!memory.table_->interrupted()) return;
    memory.table_->recover();
    repaired_ = true;
}

DedupMemory::Lock::~Lock() {
    memory_.lock_->unlock();
}

}  // namespace webhook
