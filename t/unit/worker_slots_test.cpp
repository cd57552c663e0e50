#include "store/worker_slots.h"
#include "store/robust_mutex.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <deque>
#include <optional>
#include <set>

#include "dedup_fixture.h"
#include "process_fixture.h"

namespace webhook {
namespace {

using testing::Child;
using testing::Deadline;
using testing::SharedMemory;
using testing::Signal;

constexpr std::size_t kSlots = 3;

class WorkersTest : public ::testing::Test {
  protected:
    WorkersTest() { Workers::format(memory.block()); }
    // A mutex that is held while its memory goes away would corrupt the thread's list of them.
    ~WorkersTest() override {
        for (Workers& one : everyone_) one.leave();
    }

    // Somebody who uses the slots; for them, this process may be several.
    Workers& another() { return everyone_.emplace_back(Workers::attach(memory.block())); }
    // The owner that a process became before it was killed.
    Owner killed_owner() {
        auto& owner = memory.journal();
        Child child([&] {
            owner = another().join().value();
            return raise(SIGKILL) == 0;
        });
        EXPECT_TRUE(child.was_killed());
        return owner;
    }

    SharedMemory<Owner> memory{Workers::size(kSlots)};

  private:
    std::deque<Workers> everyone_;

  protected:
    Workers& workers = another();
    Deadline deadline{60};
};

TEST_F(WorkersTest, SizeIsThatOfAllSlots) {
    EXPECT_EQ(kSlots * Workers::size(1), Workers::size(kSlots));
    EXPECT_EQ(0U, Workers::size(1) % 8);
}

TEST_F(WorkersTest, OneThatJoinedLives) {
    const std::optional<Owner> self = workers.join();
    ASSERT_TRUE(self);
    EXPECT_TRUE(workers.alive(*self));
    EXPECT_TRUE(another().alive(*self));
}

TEST_F(WorkersTest, EveryoneHasASlotOfTheirOwn) {
    std::set<std::uint32_t> slots;
    for (std::size_t i = 0; i + 1 < kSlots; ++i) slots.insert(another().join().value().process);
    Workers& last = another();
    slots.insert(last.join().value().process);
    EXPECT_EQ(kSlots, slots.size());
    EXPECT_FALSE(workers.join());
    last.leave();
    EXPECT_TRUE(workers.join());
}

TEST_F(WorkersTest, WhoFoundNoSlotIsNobody) {
    for (std::size_t i = 0; i < kSlots; ++i) another().join();
    Workers& late = another();
    EXPECT_FALSE(late.join());
    late.leave();
    for (std::uint32_t i = 0; i < kSlots; ++i) EXPECT_TRUE(workers.alive({i, 1})) << i;
}

TEST_F(WorkersTest, WhoLeftLivesNoMore) {
    const Owner self = workers.join().value();
    workers.leave();
    EXPECT_FALSE(workers.alive(self));
    EXPECT_FALSE(another().alive(self));
    workers.leave();
    EXPECT_TRUE(workers.join());
}

TEST_F(WorkersTest, TheNextInASlotIsAnother) {
    const Owner first = workers.join().value();
    workers.leave();
    const Owner second = workers.join().value();
    EXPECT_EQ(first.process, second.process);
    EXPECT_FALSE(first == second);
    EXPECT_FALSE(workers.alive(first));
    EXPECT_TRUE(workers.alive(second));
    EXPECT_FALSE(another().alive(first));
    EXPECT_TRUE(another().alive(second));
}

TEST_F(WorkersTest, NobodyIsAliveWhoNeverWas) {
    for (std::uint32_t slot = 0; slot < 2 * kSlots; ++slot) {
        EXPECT_FALSE(workers.alive({slot, 0})) << slot;
        EXPECT_FALSE(workers.alive({slot, 1})) << slot;
    }
    EXPECT_FALSE(workers.alive({UINT32_MAX, 1}));
    const Owner self = workers.join().value();
    EXPECT_FALSE(workers.alive({self.process, self.generation + 1}));
    EXPECT_FALSE(another().alive({self.process, self.generation + 1}));
}

// A look must not make an owner out of who looks, nor a slot unusable.
TEST_F(WorkersTest, LookingChangesNothing) {
    const Owner dead = killed_owner();
    for (int i = 0; i < 3; ++i) EXPECT_FALSE(workers.alive(dead));
    const Owner next = another().join().value();
    EXPECT_EQ(dead.process, next.process);
    EXPECT_TRUE(workers.alive(next));
    EXPECT_FALSE(workers.alive(dead));
}

TEST_F(WorkersTest, AnotherProcessLivesUntilItIsKilled) {
    auto& owner = memory.journal();
    const Signal joined;
    Child child([&] {
        owner = another().join().value();
        joined.give();
        return pause() == 0;
    });
    joined.await();
    EXPECT_TRUE(workers.alive(owner));
    child.kill_now();
    EXPECT_FALSE(workers.alive(owner));
}

TEST_F(WorkersTest, AProcessThatEndsWithoutLeavingLivesNoMore) {
    auto& owner = memory.journal();
    Child child([&] {
        owner = another().join().value();
        return true;
    });
    ASSERT_TRUE(child.succeeded());
    EXPECT_FALSE(workers.alive(owner));
}

TEST_F(WorkersTest, SlotsOfTheKilledAreGivenAgain) {
    std::set<std::uint32_t> generations;
    for (std::size_t i = 0; i < 4 * kSlots; ++i) {
        const Owner dead = killed_owner();
        EXPECT_EQ(0U, dead.process) << i;
        EXPECT_TRUE(generations.insert(dead.generation).second) << i;
    }
    for (std::size_t i = 0; i < kSlots; ++i) EXPECT_TRUE(another().join()) << i;
}

TEST_F(WorkersTest, TheDeathOfOneGenerationIsNotThatOfTheNext) {
    const Owner dead = killed_owner();
    const Owner self = workers.join().value();
    ASSERT_EQ(dead.process, self.process);
    EXPECT_FALSE(workers.alive(dead));
    EXPECT_TRUE(workers.alive(self));
    Child child([&] { return !another().alive(dead) && another().alive(self); });
    EXPECT_TRUE(child.succeeded());
}

// A worker has what its master had mapped; what the master is, it is not.
TEST_F(WorkersTest, AChildThatLeavesTakesNothingFromItsParent) {
    const Owner self = workers.join().value();
    Child child([&] {
        workers.leave();
        Workers& own = another();
        const bool joined = own.join().has_value();
        own.leave();
        return joined;
    });
    EXPECT_TRUE(child.succeeded());
    EXPECT_TRUE(another().alive(self));
}

TEST_F(WorkersTest, FormatFreesAllSlots) {
    killed_owner();
    Workers::format(memory.block());
    for (std::size_t i = 0; i < kSlots; ++i) EXPECT_TRUE(another().join()) << i;
    EXPECT_FALSE(workers.join());
}

TEST(MakeRobust, TellsOfTheDeathOfItsHolder) {
    SharedMemory<pthread_mutex_t> memory(0);
    pthread_mutex_t& mutex = memory.journal();
    make_robust(mutex);
    Child child([&] { return pthread_mutex_lock(&mutex) == 0; });
    ASSERT_TRUE(child.succeeded());
    EXPECT_EQ(EOWNERDEAD, pthread_mutex_trylock(&mutex));
    EXPECT_EQ(0, pthread_mutex_consistent(&mutex));
    EXPECT_EQ(0, pthread_mutex_unlock(&mutex));
}

TEST(MakeRobust, IsSharedByProcesses) {
    SharedMemory<pthread_mutex_t> memory(0);
    pthread_mutex_t& mutex = memory.journal();
    make_robust(mutex);
    ASSERT_EQ(0, pthread_mutex_lock(&mutex));
    Child child([&] { return pthread_mutex_trylock(&mutex) == EBUSY; });
    EXPECT_TRUE(child.succeeded());
    EXPECT_EQ(0, pthread_mutex_unlock(&mutex));
}

}  // namespace
}  // namespace webhook
