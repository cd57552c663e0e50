// The memory that the processes of one zone share: a lock, a slot for each process, and the table
// of events.
//
// It is a file, mapped: one without a name, or the one that `state=` names. The lock is a robust
// mutex inside it. When its holder dies, the kernel tells who locks next, and that one repairs the
// table before anybody uses it. nginx's own lock for shared memory would do that, too, but two
// masters have it in common as little as two machines; during a binary upgrade, two masters serve.
//
// The layout carries a magic and versions. A file stays with the boot in which processes share it:
// what was left behind by an earlier one has to be restored.
//
// No nginx in here. Functions throw std::runtime_error, with a reason fit for a log.

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

// Throws where this boot of the machine cannot be told from others, as state files need.
void require_boot_id();

class DedupMemory {
  public:
    // Whether a file keeps it beyond the life of its processes.
    enum class Kind : std::uint32_t { nameless, state_file };

    class Lock;

    // The least memory, in bytes.
    static constexpr std::size_t kSmallestSize = 32 * 1024;

    // Memory that no name leads to, of `size` bytes.
    static std::unique_ptr<DedupMemory> nameless(std::size_t size);
    // Throws where this process cannot map so many bytes.
    static void require_room(std::size_t size);
    // Fresh memory in a file of zeros.
    static std::unique_ptr<DedupMemory> format(Descriptor file, Kind kind);
    // The memory that other processes of this boot are using, in this very file.
    static std::unique_ptr<DedupMemory> share(Descriptor file);
    // What was left in a file that no process uses, with a successor or without. `torn` becomes the
    // number of events that were not whole.
    static std::unique_ptr<DedupMemory> restore(Descriptor file, bool has_successor,
                                                std::uint64_t& torn);

    // Whether nobody has begun to make anything of the file.
    static bool is_blank(const Descriptor& file);
    // Whether it holds what no version of the module has begun to make.
    static bool is_foreign(const Descriptor& file);
    // Why the file holds no memory of this layout; empty where it does.
    static std::string complaint(const Descriptor& file);

    // Gives this process's slot up, and unmaps the memory.
    ~DedupMemory();
    DedupMemory(const DedupMemory&) = delete;
    DedupMemory& operator=(const DedupMemory&) = delete;

    const Descriptor& file() const { return mapping_.file(); }
    Kind kind() const;
    std::size_t size() const { return mapping_.bytes().size(); }

    // This process serves requests from now on: it waits for the lock a blink at the most.
    void be_quick();

    // -- Under the lock

    DedupTable& table() { return *table_; }
    const Workers& workers() const { return *workers_; }
    // This process among those that claim; nothing where all slots are taken.
    std::optional<Owner> enroll();
    // How many events were forgotten early and not told of yet, at most once a minute; else 0. The
    // caller has to tell.
    std::uint64_t early_to_tell(std::uint32_t now);
    // Whether a successor knows all that was and will be delivered here.
    bool drained();
    // How many memories there are of which this one does not know all yet. Only the nginx that
    // takes over from them knows them; no other may begin to share this one until there are none.
    void record_undrained(std::size_t memories);
    std::size_t undrained() const;

    // -- Without it

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

// Holds the lock for as long as it lives, and repairs a table that a dead process was changing. The
// younger of two memories is locked first. Throws MemoryBusy.
class DedupMemory::Lock {
  public:
    explicit Lock(DedupMemory& memory);
    ~Lock();
    Lock(const Lock&) = delete;
    Lock& operator=(const Lock&) = delete;

    // Whether a process had died while it changed the table.
    bool repaired() const { return repaired_; }

  private:
    DedupMemory& memory_;
    bool repaired_ = false;
};

}  // namespace webhook
