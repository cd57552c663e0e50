// What the unit tests of the shared memory have in common.

#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "dedup_fixture.h"
#include "process_fixture.h"
#include "store/dedup_memory.h"

namespace webhook::testing {

inline constexpr std::size_t kSmall = DedupMemory::kSmallestSize;

// One who uses a memory, as a worker does.
class User {
  public:
    explicit User(std::unique_ptr<DedupMemory> memory) : memory_(std::move(memory)) {}
    // Another one of a memory that is in use.
    explicit User(const DedupMemory& memory)
        : User(DedupMemory::share(memory.file().duplicate())) {}

    DedupMemory& memory() { return *memory_; }
    const DedupMemory& memory() const { return *memory_; }
    DedupTable& table() { return memory_->table(); }

    std::optional<Owner> enroll() {
        const DedupMemory::Lock lock(*memory_);
        return self_ = memory_->enroll();
    }
    bool sees_alive(Owner owner) {
        const DedupMemory::Lock lock(*memory_);
        return memory_->workers().alive(owner);
    }
    ClaimResult claim(std::uint64_t number, std::uint32_t now = kNow) {
        if (!self_) enroll();
        const DedupMemory::Lock lock(*memory_);
        return table().claim(keys({number}), {self_.value(), number}, now, WhenFull::evict,
                             memory_->workers());
    }
    void commit(std::uint64_t number, std::uint16_t status = 200, std::uint32_t now = kNow) {
        const DedupMemory::Lock lock(*memory_);
        table().commit(keys({number}), {self_.value(), number}, status, now, now + kTtl);
    }
    void release(std::uint64_t number) {
        const DedupMemory::Lock lock(*memory_);
        table().release(keys({number}), {self_.value(), number});
    }
    void deliver(std::uint64_t number) {
        if (claim(number).outcome != ClaimOutcome::claimed) throw std::runtime_error("not new");
        commit(number);
    }
    // Whether a process had died, for who takes the lock next.
    bool repairs() { return DedupMemory::Lock(*memory_).repaired(); }
    DedupStats stats() {
        const DedupMemory::Lock lock(*memory_);
        return table().stats();
    }

  private:
    std::unique_ptr<DedupMemory> memory_;
    std::optional<Owner> self_;
};

inline std::string content_of(const Descriptor& file) {
    std::string content(static_cast<std::size_t>(file.status().st_size), '\0');
    const auto size = static_cast<ssize_t>(content.size());
    if (pread(file.get(), content.data(), content.size(), 0) != size) {
        throw std::runtime_error("cannot read");
    }
    return content;
}

// Where a boot is noted in a memory's head.
inline std::string this_boot() {
    std::string boot = content_of("/proc/sys/kernel/random/boot_id");
    return boot.substr(0, boot.find('\n'));
}

// As the memory would be found after the machine had been started anew.
inline std::string of_another_boot(std::string content) {
    const std::size_t at = content.find(this_boot());
    if (at == std::string::npos) throw std::runtime_error("no boot is noted");
    content[at] = content[at] == '0' ? '1' : '0';
    return content;
}

}  // namespace webhook::testing
