// The lock file beside the file of a queue: who may change the queue, and who sends its deliveries.
//
// It is shared memory of a robust mutex and of a slot for each process. All who use the queue hold
// a shared OFD lock on the file; who finds that nobody does makes it anew. So nothing in it is from
// another boot of the machine, nor from processes that are gone.
//
// Functions throw std::runtime_error, with a reason fit for a log. For use by one thread.

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "store/mapping.h"
#include "store/robust_mutex.h"
#include "store/worker_slots.h"

namespace webhook {

class QueueLock {
  public:
    class Held;

    // Opens or makes the file, with mode 0600.
    explicit QueueLock(const std::string& path);
    ~QueueLock();
    QueueLock(const QueueLock&) = delete;
    QueueLock& operator=(const QueueLock&) = delete;

    // Takes a slot for this process. Returns nullopt if all are taken.
    std::optional<Owner> enroll();
    // Of processes with a slot. To be asked while the lock is held.
    const Liveness& members() const { return *members_; }
    // Tells slots of the same number apart that are of different makings of the file. Never 0.
    std::int64_t era() const;

    // Whether the path still leads to this file.
    bool is_current() const;

    // Remembers, as long as the file lives, that there is a queue of this layout beside it.
    void bear_witness(std::uint32_t layout);
    // Of which layout. 0: of none.
    std::uint32_t witness() const;
    // What the lock file at a path remembers.
    static std::uint32_t witness_at(const std::string& path);

  private:
    struct Head;

    bool try_open();
    static std::uint32_t witness_in(const Descriptor& file);
    void make(Descriptor file);
    void share(Descriptor file);
    Head& head() const;
    std::span<std::byte> slots() const;

    std::string path_;
    std::unique_ptr<Mapping> mapping_;
    std::optional<Workers> members_;
    std::optional<RobustLock> lock_;
};

// Holds the mutex. Throws MemoryBusy if another process does not give it back.
class QueueLock::Held {
  public:
    explicit Held(QueueLock& lock);
    ~Held();
    Held(const Held&) = delete;
    Held& operator=(const Held&) = delete;

  private:
    QueueLock& lock_;
};

}  // namespace webhook
