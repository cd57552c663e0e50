// Memories that replace each other, over reloads, binary upgrades and restarts.
//
// The memory in use carries over the events of its predecessors and closes them, so that nothing
// new is claimed there. It keeps looking at them until they are drained, since their processes may
// still deliver what they claimed. An event in flight in one of them is in flight here, too.
//
// Each process of a configuration has its own succession, over the same memories. It is used by one
// thread and reads no clock: the caller passes the time, in seconds. Of two memories, the younger
// is locked first.

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "store/dedup_memory.h"

namespace webhook {

class Succession {
  public:
    // Receives events that an administrator may want to know. Called without any lock.
    class Observer {
      public:
        // The memory in use took over `events` from another one, and forgot `forgotten` of them for
        // lack of room.
        virtual void on_carried_over(std::uint64_t events, std::uint64_t forgotten) noexcept = 0;
        // Events were forgotten before they expired, for lack of room.
        virtual void on_forgotten_early(std::uint64_t events) noexcept = 0;
        // A process died while changing the memory.
        virtual void on_repaired() noexcept = 0;
        // A step was postponed.
        virtual void on_busy(const MemoryBusy& busy) noexcept = 0;

      protected:
        ~Observer() = default;
    };

    // The number of events carried over before the locks are released for others.
    static constexpr std::size_t kCarriedAtOnce = 1024;

    // `earlier` are the predecessors of `memory`. The observer must outlive it.
    Succession(std::shared_ptr<DedupMemory> memory,
               std::vector<std::shared_ptr<DedupMemory>> earlier, Observer& observer,
               std::size_t carried_at_once = kCarriedAtOnce);

    DedupMemory& memory() const { return *memory_; }
    const std::shared_ptr<DedupMemory>& shared_memory() const { return memory_; }
    // The predecessors that were not given up yet.
    const std::vector<std::shared_ptr<DedupMemory>>& earlier() const { return earlier_; }

    // Makes the memory the one in use. Call it once, in one process. `publish`, which may wait for
    // a disk, is called when most events are carried over, before the predecessors are closed.
    // Returns the predecessors whose events are all known.
    std::vector<std::shared_ptr<DedupMemory>> adopt_predecessors(
        std::uint32_t now, const std::function<void()>& publish);

    // Tells that this process serves requests from now on, so that it waits for locks only briefly.
    void be_quick();

    // Whether no predecessor can still deliver an event that is not known here.
    bool knows_all() const { return undrained_.empty() && noted_undrained_ == 0; }
    // Takes over events that the predecessors delivered since. Throws MemoryBusy.
    void drain(std::uint32_t now);

    // -- The events. These throw MemoryBusy.

    // Registers this process as one that claims events. Returns nullopt if there are too many.
    std::optional<Owner> enroll(std::uint32_t now);
    ClaimResult claim(std::span<const EventKey> keys, const ClaimToken& token, std::uint32_t now,
                      WhenFull when_full);
    // Calls `change` with the table, under its lock.
    template <typename Change>
    void change_table(std::uint32_t now, Change change) {
        const Session session(*this, now);
        change(memory_->table());
    }

  private:
    // Holds the lock of the memory in use. The observer is called after its release.
    class Session {
      public:
        Session(Succession& succession, std::uint32_t now);
        ~Session();
        Session(const Session&) = delete;
        Session& operator=(const Session&) = delete;

      private:
        Succession& succession_;
        std::uint32_t now_;
        std::optional<DedupMemory::Lock> lock_;
    };

    template <typename Step>
    void attempt(Step step);
    void carry_over(DedupMemory& earlier, std::uint32_t now);
    void close(DedupMemory& earlier, std::uint32_t now);
    void forget_drained(std::uint32_t now);
    void record_undrained(std::uint32_t now);
    bool holds_earlier(std::span<const EventKey> keys, std::uint32_t now);

    std::shared_ptr<DedupMemory> memory_;
    std::vector<std::shared_ptr<DedupMemory>> earlier_;
    // The predecessors that may know events not known here.
    std::vector<DedupMemory*> undrained_;
    // The number of these that was recorded in the memory.
    std::size_t noted_undrained_ = 0;
    Observer& observer_;
    std::size_t carried_at_once_;
};

}  // namespace webhook
