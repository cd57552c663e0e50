// The memory that the processes of one zone share: a lock, a slot for each process, and the table
// of events.
//
// The memory is a mapped file: a nameless one, or the one that `state=` names. The lock is a robust
// mutex inside it. If its holder dies, the kernel notifies the next process that locks it, and that
// process repairs the table before use. nginx's own lock would do that, too, but it lies in memory
// that a second master does not share, and a binary upgrade runs two masters.
//
// The layout carries a magic and versions. The file records the boot id: after a reboot it must be
// opened with restore(), not share().
//
// This code is independent of nginx. Functions throw std::runtime_error, with a reason fit for a
// log.

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "store/dedup_table.h"
#include "store/mapping.h"
#include "store/robust_mutex.h"
#include "store/worker_slots.h"

namespace webhook {

// Throws if this boot of the machine cannot be told from others, which state files require.
void require_boot_id();

class DedupMemory {
  public:
    // Whether the file outlives its processes.
    enum class Kind : std::uint32_t { nameless, state_file };

    class Lock;

    // The smallest memory, in bytes.
    static constexpr std::size_t kSmallestSize = 32 * 1024;

    // Makes nameless memory of `size` bytes.
    static std::unique_ptr<DedupMemory> nameless(std::size_t size);
    // Throws if this process cannot map so many bytes.
    static void require_room(std::size_t size);
    // Makes empty memory in a file of zeros.
    static std::unique_ptr<DedupMemory> format(Descriptor file, Kind kind);
    // Opens the memory in this file that other processes of this boot are using.
    static std::unique_ptr<DedupMemory> share(Descriptor file);
    // Opens the memory left in a file that no process uses, with or without a successor. Sets
    // `torn` to the number of damaged events.
    static std::unique_ptr<DedupMemory> restore(Descriptor file, bool has_successor,
                                                std::uint64_t& torn);

    // Whether nothing was written to the file yet.
    static bool is_blank(const Descriptor& file);
    // Whether the file's content is not from any version of the module.
    static bool is_foreign(const Descriptor& file);
    // Returns why the file holds no memory of this layout. Empty if it does.
    static std::string complaint(const Descriptor& file);

    // Gives up this process's slot and unmaps the memory.
    ~DedupMemory();
    DedupMemory(const DedupMemory&) = delete;
    DedupMemory& operator=(const DedupMemory&) = delete;

    const Descriptor& file() const { return mapping_.file(); }
    Kind kind() const;
    std::size_t size() const { return mapping_.bytes().size(); }

    // Tells that this process serves requests from now on, so that it waits for the lock only
    // briefly.
    void be_quick();

    // -- Under the lock

    DedupTable& table() { return *table_; }
    const Workers& workers() const { return *workers_; }
    // Registers this process as one that claims events. Returns nullopt if all slots are taken.
    std::optional<Owner> enroll();
    // Returns the number of events forgotten early and not reported yet, at most once a minute;
    // otherwise 0. The caller must report it.
    std::uint64_t early_to_tell(std::uint32_t now);
    // Whether the successor knows all events that were and will be delivered here.
    bool drained();
    // Records the number of memories that this one does not know completely yet. Only the nginx
    // that takes over from them knows them, so no other may share this one until there are none.
    void record_undrained(std::size_t memories);
    std::size_t undrained() const;

    // -- Without it

    // What others change meanwhile may be seen before or after.
    DedupStats stats() const;
    // The number of events forgotten early that early_to_tell() has not returned yet.
    std::uint64_t early_untold() const;
    void prefetch(std::span<const EventKey> keys) const { table_->prefetch(keys); }

  private:
    struct Head;

    explicit DedupMemory(Descriptor file);

    Head& head() const;
    std::span<std::byte> workers_block() const;
    std::span<std::byte> table_block() const;
    void attach();

    Mapping mapping_;
    std::optional<Workers> workers_;
    std::optional<DedupTable> table_;
    std::optional<RobustLock> lock_;
};

// Holds the lock while it lives, and repairs a table that a dead process was changing. Lock the
// younger of two memories first. Throws MemoryBusy.
class DedupMemory::Lock {
  public:
    explicit Lock(DedupMemory& memory);
    ~Lock();
    Lock(const Lock&) = delete;
    Lock& operator=(const Lock&) = delete;

    // Whether a process died while changing the table.
    bool repaired() const { return repaired_; }

  private:
    DedupMemory& memory_;
    bool repaired_ = false;
};

}  // namespace webhook
