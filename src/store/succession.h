// Memories that take each other's place, as configurations and masters do: over reloads, binary
// upgrades and restarts.
//
// The memory in use carries over what its predecessors know, closes them, so that nothing new is
// claimed there, and goes on looking at them until they are drained: their processes may still
// deliver what they claimed. An event that one of them has in flight is in flight here, too.
//
// The processes of one configuration each have a succession of their own, over the same memories.
// One thread uses it. It reads no clock: the caller gives the time, in seconds. Whoever locks two
// memories locks the younger first.

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
    // Hears what a person may want to know. No lock is held then.
    class Observer {
      public:
        // The memory in use took over this many events of another one, and forgot so many of them
        // for lack of room.
        virtual void on_carried_over(std::uint64_t events, std::uint64_t forgotten) noexcept = 0;
        // Events were forgotten before their time, for lack of room.
        virtual void on_forgotten_early(std::uint64_t events) noexcept = 0;
        // A process had died while it changed the memory.
        virtual void on_repaired() noexcept = 0;
        // A step was put off.
        virtual void on_busy(const MemoryBusy& busy) noexcept = 0;

      protected:
        ~Observer() = default;
    };

    // Events that are carried over before others have their turn with the locks.
    static constexpr std::size_t kCarriedAtOnce = 1024;

    // `earlier` are the predecessors of `memory`. The observer must outlive it.
    Succession(std::shared_ptr<DedupMemory> memory,
               std::vector<std::shared_ptr<DedupMemory>> earlier, Observer& observer,
               std::size_t carried_at_once = kCarriedAtOnce);

    DedupMemory& memory() const { return *memory_; }
    const std::shared_ptr<DedupMemory>& shared_memory() const { return memory_; }
    // Those that were not given up yet.
    const std::vector<std::shared_ptr<DedupMemory>>& earlier() const { return earlier_; }

    // Makes the memory the one in use. To be called once, by one process. `publish` is called when
    // most is carried over, before the predecessors are closed: it may wait for a disk. Returns the
    // predecessors of which all is known.
    std::vector<std::shared_ptr<DedupMemory>> adopt_predecessors(
        std::uint32_t now, const std::function<void()>& publish);

    // This process serves requests from now on: it waits for no lock longer than a blink.
    void be_quick();

    // Whether no predecessor can deliver anything any more that is not known here.
    bool knows_all() const { return undrained_.empty() && noted_undrained_ == 0; }
    // Learns what they have delivered since. Throws MemoryBusy.
    void drain(std::uint32_t now);

    // -- The events. These throw MemoryBusy.

    // This process among those that claim; nothing where there are too many.
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
    // Holds the lock of the memory in use. What the observer hears of it comes after it.
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
    // Which of them may know what is not known here.
    std::vector<DedupMemory*> undrained_;
    // How many of these the memory was told of.
    std::size_t noted_undrained_ = 0;
    Observer& observer_;
    std::size_t carried_at_once_;
};

}  // namespace webhook
