// Who delivered what, written down beside the memory by those who use it: couriers, who are threads
// or processes and may be killed at any moment. It never accuses wrongly: what a courier that died
// had not written down yet only makes it blind.

#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <random>
#include <vector>

#include "dedup_model.h"

namespace webhook::testing {

// What a courier delivers through; the lock is taken behind it.
class Gate {
  public:
    using Keys = std::span<const EventKey>;

    virtual ~Gate() = default;
    virtual ClaimResult claim(Keys keys, const ClaimToken& token, std::uint32_t now) = 0;
    virtual void commit(Keys keys, const ClaimToken& token, std::uint32_t now,
                        std::uint32_t expires) = 0;
    virtual void release(Keys keys, const ClaimToken& token) = 0;
};

// Lies in memory that all couriers share. Relaxed, so that it does not put in order what the memory
// itself has to.
struct ClaimJournal {
    template <typename Value>
    class Shared {
      public:
        Value get() const { return value_.load(std::memory_order_relaxed); }
        void set(Value value) { value_.store(value, std::memory_order_relaxed); }
        Value exchange(Value value) { return value_.exchange(value, std::memory_order_relaxed); }
        bool replace(Value expected, Value value) {
            return value_.compare_exchange_strong(expected, value, std::memory_order_relaxed);
        }
        Value add(Value value) { return value_.fetch_add(value, std::memory_order_relaxed); }

      private:
        std::atomic<Value> value_{};
    };

    struct Entry {
        // The courier that says it has claimed the event.
        Shared<std::uint64_t> holder;
        // Until when it may be remembered, since a commit was begun.
        Shared<std::uint32_t> at_most_until;
        // Until when it has to be remembered, since a commit has ended, and how many had begun
        // then.
        Shared<std::uint32_t> at_least_until;
        Shared<std::uint64_t> commits_before;
    };

    static constexpr std::size_t kEvents = 24;

    std::array<Entry, kEvents> entries;
    Shared<std::uint32_t> now;
    // After how many other commits the memory may forget an event: its capacity, less what may have
    // begun before the event's commit and ended after it.
    Shared<std::uint64_t> capacity;
    Shared<std::uint64_t> commits_begun;
    Shared<std::uint64_t> next_filler;
    std::array<Shared<std::uint64_t>, 4> outcomes;
    Shared<std::uint64_t> repairs;
    // What was wrong first. Processes that share it are forked, and have the same literals.
    Shared<const char*> wrong;

    void accuse(const char* what) { wrong.replace(nullptr, what); }
    std::uint64_t count(ClaimOutcome outcome) const {
        return outcomes[static_cast<std::size_t>(outcome)].get();
    }
};

struct CourierSetting {
    // Of a hundred deliveries, how many are of events that come once only.
    std::uint32_t fillers = 0;
    std::uint32_t ttl = 20;
};

class Courier {
  public:
    Courier(Gate& gate, ClaimJournal& journal, Owner owner, std::uint32_t seed,
            const CourierSetting& setting)
        : gate_(gate),
          journal_(journal),
          owner_(owner),
          // Never 0, and no two the same.
          mark_(std::uint64_t{seed} + 1),
          random_(seed),
          setting_(setting) {}

    // `pause` is called while a claim is held.
    template <typename Pause>
    void deliver_one(Pause pause) {
        if (random_() % 100 < setting_.fillers) return deliver_filler();
        const std::vector<std::size_t> events = some_events();
        const std::vector<EventKey> keys = keys_of(events);
        const ClaimToken token{owner_, mark_ << 32 | ++sequence_};
        // Read in this order, both are so old that no wrong accusation follows.
        const std::vector<Known> known = known_of(events);
        const std::uint32_t now = journal_.now.get();
        const ClaimOutcome outcome = gate_.claim(keys, token, now).outcome;
        judge(events, known, now, outcome);
        if (outcome == ClaimOutcome::in_flight) meddle(keys, token, now);
        if (outcome != ClaimOutcome::claimed) return;
        hold(events, pause);
        if (random_() % 4 == 0) {
            gate_.release(keys, token);
        } else {
            commit(events, keys, token);
        }
    }

    // Claims an event that nobody else asks for, and never ends it.
    void keep_for_life(std::uint64_t number) {
        const std::array keys{numbered_key(kFirstKept + number)};
        const ClaimToken token{owner_, mark_ << 32 | ++sequence_};
        if (gate_.claim(keys, token, journal_.now.get()).outcome != ClaimOutcome::claimed) {
            journal_.accuse("what a dead courier held is not free");
        }
    }

  private:
    static constexpr std::uint64_t kFirstKept = 1'000'000;
    static constexpr std::uint64_t kFirstFiller = 1'000'000'000;

    struct Known {
        std::uint32_t until;
        std::uint64_t commits_before;
    };

    std::vector<std::size_t> some_events() {
        std::vector<std::size_t> events(1 + random_() % 2);
        for (std::size_t& event : events) event = random_() % ClaimJournal::kEvents;
        if (events.front() == events.back()) events.resize(1);
        return events;
    }
    static std::vector<EventKey> keys_of(const std::vector<std::size_t>& events) {
        std::vector<EventKey> keys;
        for (const std::size_t event : events) keys.push_back(numbered_key(event));
        return keys;
    }
    std::vector<Known> known_of(const std::vector<std::size_t>& events) const {
        std::vector<Known> known;
        for (const std::size_t event : events) {
            const ClaimJournal::Entry& entry = journal_.entries[event];
            const std::uint64_t commits = entry.commits_before.get();
            known.push_back({entry.at_least_until.get(), commits});
        }
        return known;
    }

    void judge(const std::vector<std::size_t>& events, const std::vector<Known>& known,
               std::uint32_t now, ClaimOutcome outcome) {
        journal_.outcomes[static_cast<std::size_t>(outcome)].add(1);
        if (outcome == ClaimOutcome::no_room) journal_.accuse("there was no room");
        if (outcome == ClaimOutcome::claimed) {
            const std::uint64_t commits = journal_.commits_begun.get();
            // Somebody whose clock is ahead may have forgotten it for good.
            const std::uint32_t latest = journal_.now.get();
            for (const Known& one : known) {
                const bool forgotten = commits - one.commits_before >= journal_.capacity.get();
                if (one.until > latest && !forgotten)
                    journal_.accuse("an event was delivered twice");
            }
        }
        if (outcome == ClaimOutcome::duplicate) {
            const bool delivered = std::ranges::any_of(events, [&](std::size_t event) {
                return journal_.entries[event].at_most_until.get() > now;
            });
            if (!delivered) journal_.accuse("an event that nobody delivered is a duplicate");
        }
    }

    template <typename Pause>
    void hold(const std::vector<std::size_t>& events, Pause pause) {
        for (const std::size_t event : events) journal_.entries[event].holder.set(mark_);
        pause();
        for (const std::size_t event : events) {
            if (!journal_.entries[event].holder.replace(mark_, 0)) {
                journal_.accuse("an event was claimed by two");
            }
        }
    }

    // Ends what somebody else has claimed, which must come to nothing.
    void meddle(const std::vector<EventKey>& keys, const ClaimToken& token, std::uint32_t now) {
        if (random_() % 2 == 0) {
            gate_.release(keys, token);
        } else {
            gate_.commit(keys, token, now, now + setting_.ttl);
        }
    }

    void commit(const std::vector<std::size_t>& events, const std::vector<EventKey>& keys,
                const ClaimToken& token) {
        const std::uint32_t now = journal_.now.get();
        const std::uint32_t expires = now + setting_.ttl;
        for (const std::size_t event : events) {
            journal_.entries[event].at_most_until.set(expires);
        }
        const std::uint64_t before = journal_.commits_begun.add(events.size());
        gate_.commit(keys, token, now, expires);
        for (const std::size_t event : events) {
            journal_.entries[event].at_least_until.set(expires);
            journal_.entries[event].commits_before.set(before);
        }
    }

    void deliver_filler() {
        const std::array keys{numbered_key(kFirstFiller + journal_.next_filler.add(1))};
        const ClaimToken token{owner_, mark_ << 32 | ++sequence_};
        const std::uint32_t now = journal_.now.get();
        if (gate_.claim(keys, token, now).outcome != ClaimOutcome::claimed) {
            journal_.accuse("a new event was refused");
        }
        journal_.commits_begun.add(1);
        gate_.commit(keys, token, now, now + 1000 * setting_.ttl);
    }

    Gate& gate_;
    ClaimJournal& journal_;
    Owner owner_;
    std::uint64_t mark_;
    std::uint32_t sequence_ = 0;
    std::mt19937 random_;
    CourierSetting setting_;
};

}  // namespace webhook::testing
