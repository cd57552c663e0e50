// Processes that share a memory and are killed at any moment.

#include <gtest/gtest.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <thread>

#include "claim_journal.h"
#include "memory_fixture.h"
#include "store/fault_point.h"

namespace webhook {
namespace {

using testing::Child;
using testing::ClaimJournal;
using testing::Courier;
using testing::CourierSetting;
using testing::Deadline;
using testing::Gate;
using testing::kSmall;
using testing::SharedMemory;

class MemoryGate final : public Gate {
  public:
    MemoryGate(DedupMemory& memory, ClaimJournal& journal) : memory_(memory), journal_(journal) {}

    ClaimResult claim(Keys keys, const ClaimToken& token, std::uint32_t now) override {
        memory_.prefetch(keys);
        const DedupMemory::Lock lock(memory_);
        note(lock);
        return memory_.table().claim(keys, token, now, WhenFull::evict, memory_.workers());
    }
    void commit(Keys keys, const ClaimToken& token, std::uint32_t now,
                std::uint32_t expires) override {
        const DedupMemory::Lock lock(memory_);
        note(lock);
        memory_.table().commit(keys, token, 200, now, expires);
    }
    void release(Keys keys, const ClaimToken& token) override {
        const DedupMemory::Lock lock(memory_);
        note(lock);
        memory_.table().release(keys, token);
    }

  private:
    void note(const DedupMemory::Lock& lock) {
        if (lock.repaired()) journal_.repairs.add(1);
    }

    DedupMemory& memory_;
    ClaimJournal& journal_;
};

// Of this process: a fault point can be told nothing.
std::uint64_t writes_to_live = 0;

// Couriers, each in a process and a place of its own; who dies is followed by the next.
class Crew {
  public:
    Crew(std::uint32_t seed, const CourierSetting& setting) : random_(seed), setting_(setting) {
        journal().capacity.set(memory_->table().stats().capacity - 2 * kPlaces);
        journal().now.set(testing::kNow);
        for (std::size_t place = 0; place < kPlaces; ++place) crew_.push_back(hire(place));
    }

    ClaimJournal& journal() { return shared_.journal(); }
    DedupMemory& memory() { return *memory_; }

    // Until so many have died, by a write of their own or whatever else they were doing.
    void live_through(std::size_t deaths) {
        std::uint32_t moment = 0;
        while (deaths_ < deaths && journal().wrong.get() == nullptr) {
            std::this_thread::sleep_for(std::chrono::microseconds(random_() % 1000));
            journal().now.set(testing::kNow + ++moment);
            if (random_() % 2 == 0) kill(crew_[random_() % kPlaces].process(), SIGKILL);
            for (std::size_t place = 0; place < kPlaces; ++place) follow_up(place);
        }
    }
    void end() { crew_.clear(); }

    // Whether nobody has left anything that would be in the way.
    bool is_clean() {
        MemoryGate gate(*memory_, journal());
        const Owner owner = enroll();
        for (std::uint64_t event = 0; event < ClaimJournal::kEvents; ++event) {
            const std::array key{testing::numbered_key(event)};
            const ClaimToken token{owner, event};
            if (gate.claim(key, token, journal().now.get()).outcome == ClaimOutcome::in_flight) {
                return false;
            }
            gate.release(key, token);
        }
        return true;
    }

  private:
    static constexpr std::size_t kPlaces = 6;

    Child hire(std::size_t place) {
        const std::uint32_t seed = ++hired_;
        const std::uint64_t writes = random_() % 2 == 0 ? 1 + random_() % 5000 : UINT64_MAX;
        return Child([=, this] { return deliver(place, seed, writes); });
    }
    void follow_up(std::size_t place) {
        int status = 0;
        if (!crew_[place].has_ended(status)) return;
        if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL) {
            journal().accuse("a courier ended of itself");
        }
        ++deaths_;
        crew_[place] = hire(place);
    }
    Owner enroll() {
        const DedupMemory::Lock lock(*memory_);
        if (lock.repaired()) journal().repairs.add(1);
        return memory_->enroll().value();
    }

    // In the courier's process.
    bool deliver(std::size_t place, std::uint32_t seed, std::uint64_t writes) {
        MemoryGate gate(*memory_, journal());
        Courier courier(gate, journal(), enroll(), seed, setting_);
        writes_to_live = writes;
        fault_point = [] {
            if (--writes_to_live == 0) raise(SIGKILL);
        };
        courier.keep_for_life(place);
        while (true) courier.deliver_one([] { sched_yield(); });
    }

    SharedMemory<ClaimJournal> shared_{0};
    std::unique_ptr<DedupMemory> memory_ = DedupMemory::nameless(kSmall);
    std::mt19937 random_;
    CourierSetting setting_;
    std::vector<Child> crew_;
    std::uint32_t hired_ = 0;
    std::size_t deaths_ = 0;
};

class MemoryDeaths : public ::testing::TestWithParam<std::uint32_t> {};

TEST_P(MemoryDeaths, NothingIsClaimedTwiceDeliveredTwiceOrLost) {
    constexpr std::size_t kDeaths = 200;
    const Deadline deadline(120);
    Crew crew(GetParam(), {.fillers = GetParam()});
    crew.live_through(kDeaths);
    crew.end();
    const ClaimJournal& journal = crew.journal();
    if (journal.wrong.get() != nullptr) FAIL() << journal.wrong.get();
    EXPECT_TRUE(crew.is_clean());
    // All that can happen has happened.
    EXPECT_GT(journal.repairs.get(), kDeaths / 10);
    EXPECT_GT(journal.count(ClaimOutcome::claimed), kDeaths);
    EXPECT_GT(journal.count(ClaimOutcome::duplicate), kDeaths);
    EXPECT_GT(journal.count(ClaimOutcome::in_flight), 0U);
    const std::uint64_t forgotten = crew.memory().table().stats().forgotten_early;
    EXPECT_EQ(GetParam() > 0, forgotten > 0);
}

INSTANTIATE_TEST_SUITE_P(PartOfAllThatComesOnce, MemoryDeaths, ::testing::Values(0, 50));

}  // namespace
}  // namespace webhook
