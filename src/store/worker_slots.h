// The processes that hold claims, and whether they are alive.
//
// A process takes a slot in shared memory by locking the slot's robust mutex, and keeps it locked
// for life. When the process ends, for any reason, the kernel marks the mutex. So one atomic read
// tells whether an owner is alive, and a reused pid is never taken for it. A slot's generation
// counts the processes that had it.
//
// Every call must be made under the lock of the zone that contains the slots, unless it says that
// it needs none.

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "store/dedup_table.h"

namespace webhook {

class Workers final : public Liveness {
  public:
    // The size of this many slots, in bytes.
    static std::size_t size(std::size_t slots);

    // The slots in a block that is aligned to 8 bytes. format() makes them all free.
    static Workers format(std::span<std::byte> block);
    static Workers attach(std::span<std::byte> block);

    // Takes a slot for this process. Returns nullopt if all are taken. Needs no lock if no process
    // asks whether another one is alive.
    std::optional<Owner> join();
    // Gives the slot back, if this process has one, which frees its claims. Needs no lock.
    void leave();

    bool alive(Owner owner) const override;
    // Frees the slots of processes that ended without giving them back, and returns how many those
    // were. Tells in `living` which slots are taken, one for each bit. Needs no lock: meanwhile,
    // join() may pass over a slot that is free.
    std::size_t reap(std::vector<bool>& living);
    // Whether any process has a slot.
    bool any_alive() const;

  private:
    struct Slot;

    explicit Workers(std::span<std::byte> block);

    std::span<Slot> slots_;
    // This process's own slot, about which it cannot ask the kernel.
    std::optional<Owner> self_;
};

}  // namespace webhook
