#include "store/dedup_memory.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <fstream>
#include <functional>
#include <random>
#include <thread>

#include "memory_fixture.h"
#include "store/fault_point.h"

namespace webhook {
namespace {

using testing::Child;
using testing::content_of;
using testing::Deadline;
using testing::file_of_zeros;
using testing::Folder;
using testing::keys;
using testing::kNow;
using testing::kSmall;
using testing::kTtl;
using testing::of_another_boot;
using testing::open_existing;
using testing::SharedMemory;
using testing::Signal;
using testing::User;
using testing::write_content;

constexpr std::size_t kPage = 4096;
constexpr auto kAMoment = std::chrono::milliseconds(50);

class DedupMemoryTest : public ::testing::Test {
  protected:
    // The memory as a file that was left behind.
    Descriptor left_behind(const std::string& content, const std::string& name = "left") {
        write_content(folder.file(name), content);
        return open_existing(folder.file(name));
    }
    std::string content() { return content_of(user.memory().file()); }
    User restored(const std::string& found, std::uint64_t expected_torn = 0) {
        std::uint64_t torn = 12345;
        User next(DedupMemory::restore(left_behind(found), /*has_successor=*/false, torn));
        EXPECT_EQ(expected_torn, torn);
        return next;
    }

    Deadline deadline{120};
    Folder folder;
    User user{DedupMemory::nameless(kSmall)};
};

// -- What memory there is

TEST_F(DedupMemoryTest, NamelessMemoryIsFresh) {
    EXPECT_EQ(DedupMemory::Kind::nameless, user.memory().kind());
    EXPECT_EQ(kSmall, user.memory().size());
    EXPECT_EQ(0U, user.stats().remembered);
    EXPECT_EQ(0U, user.stats().in_flight);
    EXPECT_GT(user.stats().capacity, 500U);
    EXPECT_FALSE(user.table().closed());
}

TEST_F(DedupMemoryTest, NoProgramInheritsIt) {
    EXPECT_NE(0, fcntl(user.memory().file().get(), F_GETFD) & FD_CLOEXEC);
    EXPECT_EQ(0U, user.memory().file().status().st_nlink);
}

TEST_F(DedupMemoryTest, IsNotTooSmall) {
    EXPECT_THROW(DedupMemory::nameless(kSmall - 1), std::runtime_error);
    EXPECT_THROW(DedupMemory::nameless(0), std::runtime_error);
    EXPECT_THROW(DedupMemory::format(file_of_zeros(folder.file("file"), kSmall - 1),
                                     DedupMemory::Kind::state_file),
                 std::runtime_error);
}

TEST_F(DedupMemoryTest, SizesNeedNotBeRound) {
    for (const std::size_t size : {kSmall + 1, kSmall + 7, 3 * kSmall + 63, std::size_t{1} << 20}) {
        User other(DedupMemory::nameless(size));
        EXPECT_EQ(size, other.memory().size());
        other.deliver(1);
        EXPECT_EQ(ClaimOutcome::duplicate, User(other.memory()).claim(1).outcome) << size;
    }
}

TEST_F(DedupMemoryTest, KnowsItsKind) {
    User state(DedupMemory::format(file_of_zeros(folder.file("state"), kSmall),
                                   DedupMemory::Kind::state_file));
    EXPECT_EQ(DedupMemory::Kind::state_file, state.memory().kind());
    EXPECT_EQ(DedupMemory::Kind::state_file, User(state.memory()).memory().kind());
    EXPECT_EQ(DedupMemory::Kind::nameless, User(user.memory()).memory().kind());
}

TEST_F(DedupMemoryTest, FortyBytesRememberAnEvent) {
    for (const std::size_t megabytes : {1, 2, 16}) {
        const std::size_t size = megabytes << 20;
        EXPECT_LE(static_cast<double>(size),
                  40.0 * static_cast<double>(User(DedupMemory::nameless(size)).stats().capacity));
    }
}

// What docs/limits.md says of a megabyte: "| NAME | about 27,000 in each megabyte |".
std::uint64_t documented(const std::string& name) {
    std::ifstream page("docs/limits.md");
    for (std::string line; std::getline(page, line);) {
        if (!line.starts_with("| " + name + " | ")) continue;
        std::string digits;
        for (const char character : line.substr(0, line.find(" in each megabyte"))) {
            if (character >= '0' && character <= '9') digits += character;
        }
        return digits.empty() ? 0 : std::stoull(digits);
    }
    return 0;
}

TEST_F(DedupMemoryTest, AMegabyteHoldsWhatTheDocumentationSays) {
    User large(DedupMemory::nameless(1024 * 1024));
    const std::uint64_t events = documented("events");
    EXPECT_LE(events, large.stats().capacity);
    EXPECT_GT(events + 1000, large.stats().capacity);
    std::uint64_t in_flight = 0;
    while (large.claim(in_flight).outcome == ClaimOutcome::claimed) ++in_flight;
    EXPECT_LE(documented("keys in flight"), in_flight);
    EXPECT_GT(documented("keys in flight") + 100, in_flight);
}

TEST_F(DedupMemoryTest, WhoSharesItKnowsTheSame) {
    User other(user.memory());
    user.deliver(1);
    ASSERT_EQ(ClaimOutcome::claimed, user.claim(2).outcome);
    EXPECT_EQ((ClaimResult{ClaimOutcome::duplicate, 200}), other.claim(1));
    EXPECT_EQ(ClaimOutcome::in_flight, other.claim(2).outcome);
    user.release(2);
    EXPECT_EQ(ClaimOutcome::claimed, other.claim(2).outcome);
}

TEST_F(DedupMemoryTest, LooksAheadWithoutTheLock) {
    const DedupMemory::Lock lock(user.memory());
    User(user.memory()).memory().prefetch(keys({1, 2, 3}));
}

// -- Slots

TEST_F(DedupMemoryTest, WhoFindsNoSlotIsNobody) {
    std::vector<std::unique_ptr<User>> users;
    while (users.size() < 2000) {
        users.push_back(std::make_unique<User>(user.memory()));
        if (!users.back()->enroll()) break;
    }
    EXPECT_EQ(65U, users.size());
    users.pop_back();
    EXPECT_FALSE(user.enroll());
    users.erase(users.begin() + 7);
    EXPECT_TRUE(user.enroll());
}

TEST_F(DedupMemoryTest, ClaimsEndWithTheOneWhoLeaves) {
    auto leaving = std::make_unique<User>(user.memory());
    ASSERT_EQ(ClaimOutcome::claimed, leaving->claim(1).outcome);
    EXPECT_EQ(ClaimOutcome::in_flight, user.claim(1).outcome);
    leaving.reset();
    EXPECT_EQ(ClaimOutcome::claimed, user.claim(1).outcome);
}

TEST_F(DedupMemoryTest, ClaimsOfTheKilledAreFreeAtOnce) {
    for (std::uint64_t number = 0; number < 20; ++number) {
        const Signal claimed;
        Child child([&] {
            User own(user.memory());
            if (own.claim(number).outcome != ClaimOutcome::claimed) return false;
            claimed.give();
            return pause() == 0;
        });
        claimed.await();
        EXPECT_EQ(ClaimOutcome::in_flight, user.claim(number).outcome);
        child.kill_now();
        EXPECT_EQ(ClaimOutcome::claimed, user.claim(number).outcome);
    }
}

// The next in a slot must be neither taken for the one before nor suffer for it.
TEST_F(DedupMemoryTest, OneGenerationsDeathDoesNotFreeTheClaimsOfTheNext) {
    Owner dead{};
    SharedMemory<Owner> told(0);
    Child child([&] {
        User first(user.memory());
        told.journal() = first.enroll().value();
        first.claim(1);
        return raise(SIGKILL) == 0;
    });
    ASSERT_TRUE(child.was_killed());
    dead = told.journal();
    User next(user.memory());
    ASSERT_EQ(dead.process, next.enroll().value().process);
    ASSERT_EQ(ClaimOutcome::claimed, next.claim(2).outcome);
    EXPECT_EQ(ClaimOutcome::claimed, user.claim(1).outcome);
    EXPECT_EQ(ClaimOutcome::in_flight, user.claim(2).outcome);
    EXPECT_FALSE(user.sees_alive(dead));
}

// -- The lock

TEST_F(DedupMemoryTest, OnlyOneHoldsTheLock) {
    SharedMemory<std::atomic<int>> inside(0);
    std::vector<Child> children;
    for (int i = 0; i < 4; ++i) {
        children.emplace_back([&] {
            User own(user.memory());
            for (int round = 0; round < 2000; ++round) {
                const DedupMemory::Lock lock(own.memory());
                if (++inside.journal() != 1) return false;
                if (round % 64 == 0) std::this_thread::yield();
                if (--inside.journal() != 0) return false;
            }
            return true;
        });
    }
    for (Child& child : children) EXPECT_TRUE(child.succeeded());
}

TEST_F(DedupMemoryTest, WhoWaitsLongForTheLockGetsIt) {
    SharedMemory<std::atomic<bool>> let_go(0);
    const Signal locked;
    Child child([&] {
        User own(user.memory());
        const DedupMemory::Lock lock(own.memory());
        locked.give();
        std::this_thread::sleep_for(kAMoment);
        let_go.journal() = true;
        return true;
    });
    locked.await();
    const DedupMemory::Lock lock(user.memory());
    EXPECT_TRUE(let_go.journal());
    EXPECT_FALSE(lock.repaired());
    EXPECT_TRUE(child.succeeded());
}

TEST_F(DedupMemoryTest, LockOutlivesItsHolder) {
    for (int i = 0; i < 5; ++i) {
        Child child([&] {
            const DedupMemory::Lock lock(user.memory());
            return raise(SIGKILL) == 0;
        });
        ASSERT_TRUE(child.was_killed());
        EXPECT_FALSE(user.repairs());
        EXPECT_FALSE(user.repairs());
    }
    user.deliver(1);
    EXPECT_EQ(ClaimOutcome::duplicate, user.claim(1).outcome);
}

TEST_F(DedupMemoryTest, WhoSleepsForTheLockIsWokenByItsHoldersDeath) {
    const Signal locked;
    Child holder([&] {
        const DedupMemory::Lock lock(user.memory());
        locked.give();
        return pause() == 0;
    });
    locked.await();
    std::vector<Child> sleepers;
    for (int i = 0; i < 3; ++i) {
        sleepers.emplace_back([&] {
            const DedupMemory::Lock lock(user.memory());
            return !lock.repaired();
        });
    }
    std::this_thread::sleep_for(kAMoment);
    holder.kill_now();
    for (Child& sleeper : sleepers) EXPECT_TRUE(sleeper.succeeded());
}

// A process that was stopped while it has the lock.
class StoppedHolder {
  public:
    explicit StoppedHolder(User& user)
        : process_([&user] {
              User own(user.memory());
              const DedupMemory::Lock lock(own.memory());
              return raise(SIGSTOP) == 0;
          }) {
        int status = 0;
        if (waitpid(process_.process(), &status, WUNTRACED) < 0 || !WIFSTOPPED(status)) {
            throw std::runtime_error("it was not stopped");
        }
    }

    pid_t process() const { return process_.process(); }
    void kill_now() { process_.kill_now(); }
    bool goes_on() {
        kill(process_.process(), SIGCONT);
        return process_.succeeded();
    }

  private:
    Child process_;
};

bool can_lock(DedupMemory& memory) {
    try {
        const DedupMemory::Lock lock(memory);
        return true;
    } catch (const MemoryBusy&) {
        return false;
    }
}

TEST_F(DedupMemoryTest, AStoppedHolderIsNotWaitedForWithoutBound) {
    user.memory().be_quick();
    StoppedHolder holder(user);
    const auto start = std::chrono::steady_clock::now();
    try {
        const DedupMemory::Lock lock(user.memory());
        FAIL() << "it has the lock of another process";
    } catch (const MemoryBusy& busy) {
        EXPECT_EQ(holder.process(), busy.holder());
        EXPECT_NE(std::string::npos,
                  std::string(busy.what()).find(std::to_string(holder.process())));
    }
    const auto waited = std::chrono::steady_clock::now() - start;
    EXPECT_GE(waited, std::chrono::milliseconds(50));
    EXPECT_LT(waited, std::chrono::seconds(3));
    // And who has waited once does not wait for each request: that would take 50 seconds.
    for (int i = 0; i < 1000; ++i) ASSERT_FALSE(can_lock(user.memory()));
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(10));
    EXPECT_TRUE(holder.goes_on());
    EXPECT_TRUE(can_lock(user.memory()));
    user.deliver(1);
    EXPECT_EQ(ClaimOutcome::duplicate, user.claim(1).outcome);
}

TEST_F(DedupMemoryTest, AStoppedHolderThatIsKilledIsNoObstacle) {
    user.memory().be_quick();
    user.deliver(1);
    StoppedHolder holder(user);
    EXPECT_FALSE(can_lock(user.memory()));
    holder.kill_now();
    EXPECT_TRUE(can_lock(user.memory()));
    EXPECT_EQ(ClaimOutcome::duplicate, user.claim(1).outcome);
}

TEST_F(DedupMemoryTest, OthersThanWorkersWaitWithABoundToo) {
    StoppedHolder holder(user);
    const auto start = std::chrono::steady_clock::now();
    EXPECT_FALSE(can_lock(user.memory()));
    const auto waited = std::chrono::steady_clock::now() - start;
    EXPECT_GE(waited, std::chrono::seconds(1));
    EXPECT_LT(waited, std::chrono::seconds(60));
    EXPECT_TRUE(holder.goes_on());
    EXPECT_TRUE(can_lock(user.memory()));
}

TEST_F(DedupMemoryTest, AMemoryIsLockedWhileAnotherIs) {
    User other(DedupMemory::nameless(kSmall));
    Child child([&] {
        const DedupMemory::Lock lock(user.memory());
        const DedupMemory::Lock other_lock(other.memory());
        return raise(SIGKILL) == 0;
    });
    ASSERT_TRUE(child.was_killed());
    const DedupMemory::Lock lock(user.memory());
    const DedupMemory::Lock other_lock(other.memory());
    EXPECT_FALSE(lock.repaired() || other_lock.repaired());
}

// Dies at a write: a child has its own counter.
int writes_to_live = 0;
void die_in_time() {
    if (--writes_to_live == 0) raise(SIGKILL);
}
void die_at_write(int number) {
    writes_to_live = number;
    fault_point = die_in_time;
}

// Has a process do something for each of its writes, and die there, until it lives through it.
// `look` is told whether the process died.
void die_at_every_write(const std::function<void()>& act, const std::function<void(bool)>& look) {
    constexpr int kMost = 200;
    for (int write = 1; write < kMost; ++write) {
        Child child([&] {
            die_at_write(write);
            act();
            return true;
        });
        const bool died = child.was_killed();
        look(died);
        if (died) continue;
        EXPECT_GT(write, 3);
        return;
    }
    FAIL() << "there is no end of writes";
}

TEST_F(DedupMemoryTest, WhatACommitHadBegunIsRepaired) {
    std::uint64_t number = 0;
    const auto act = [&] {
        User own(user.memory());
        fault_point = nullptr;
        own.claim(number);
        fault_point = die_in_time;
        own.commit(number);
    };
    int repaired = 0;
    die_at_every_write(act, [&](bool died) {
        const bool was_repaired = user.repairs();
        EXPECT_LE(was_repaired, died);
        repaired += was_repaired ? 1 : 0;
        EXPECT_FALSE(user.repairs());
        const ClaimOutcome outcome = user.claim(number).outcome;
        EXPECT_TRUE(outcome == ClaimOutcome::claimed || outcome == ClaimOutcome::duplicate);
        EXPECT_TRUE(died || outcome == ClaimOutcome::duplicate);
        for (std::uint64_t before = 0; before < number; ++before) {
            EXPECT_EQ(ClaimOutcome::duplicate, user.claim(before).outcome) << before;
        }
        if (outcome == ClaimOutcome::claimed) user.commit(number);
        ++number;
    });
    EXPECT_GT(repaired, 5);
}

TEST_F(DedupMemoryTest, WhatAClaimHadBegunIsRepaired) {
    user.deliver(1000);
    std::uint64_t number = 0;
    int repaired = 0;
    die_at_every_write(
        [&] {
            User own(user.memory());
            own.claim(number);
        },
        [&](bool died) {
            const bool was_repaired = user.repairs();
            EXPECT_LE(was_repaired, died);
            repaired += was_repaired ? 1 : 0;
            EXPECT_EQ(ClaimOutcome::claimed, user.claim(number).outcome) << number;
            user.release(number);
            EXPECT_EQ(0U, user.stats().in_flight);
            EXPECT_EQ(ClaimOutcome::duplicate, user.claim(1000).outcome);
            ++number;
        });
    EXPECT_GT(repaired, 3);
}

// The one who repairs may die as well.
TEST_F(DedupMemoryTest, ARepairThatWasBegunIsBegunAnew) {
    for (std::uint64_t number = 0; number < 10; ++number) user.deliver(number);
    for (int write = 1; write < 40; ++write) {
        Child first([&] {
            User own(user.memory());
            own.enroll();
            die_at_write(5);
            own.claim(2000);
            return true;
        });
        ASSERT_TRUE(first.was_killed());
        Child second([&] {
            User own(user.memory());
            die_at_write(write);
            own.repairs();
            return true;
        });
        ASSERT_TRUE(second.was_killed());
        ASSERT_TRUE(user.repairs());
        for (std::uint64_t number = 0; number < 10; ++number) {
            ASSERT_EQ(ClaimOutcome::duplicate, user.claim(number).outcome) << write;
        }
        ASSERT_EQ(ClaimOutcome::claimed, user.claim(2000).outcome);
        user.release(2000);
    }
}

// -- What is told of a full table

class ForgetfulTest : public DedupMemoryTest {
  protected:
    void forget(int count) {
        const std::uint64_t before = user.stats().forgotten_early;
        while (user.stats().forgotten_early < before + static_cast<std::uint64_t>(count)) {
            user.deliver(next_++);
        }
    }
    std::uint64_t told(std::uint32_t now) {
        const DedupMemory::Lock lock(user.memory());
        return user.memory().early_to_tell(now);
    }

  private:
    std::uint64_t next_ = 0;
};

TEST_F(ForgetfulTest, NothingIsToldWhereNothingWasForgotten) {
    EXPECT_EQ(0U, told(kNow));
    user.deliver(100000);
    EXPECT_EQ(0U, told(kNow + 1000));
}

TEST_F(ForgetfulTest, TellsOnceAMinute) {
    forget(3);
    EXPECT_EQ(3U, told(kNow));
    EXPECT_EQ(0U, told(kNow));
    forget(2);
    EXPECT_EQ(0U, told(kNow));
    EXPECT_EQ(0U, told(kNow + 59));
    forget(1);
    EXPECT_EQ(3U, told(kNow + 60));
    EXPECT_EQ(0U, told(kNow + 120));
    EXPECT_EQ(0U, told(kNow + 500));
    forget(1);
    EXPECT_EQ(1U, told(kNow + 501));
}

TEST_F(ForgetfulTest, OneTellsForAll) {
    forget(2);
    User other(user.memory());
    const auto told_by_other = [&](std::uint32_t now) {
        const DedupMemory::Lock lock(other.memory());
        return other.memory().early_to_tell(now);
    };
    EXPECT_EQ(2U, told(kNow));
    EXPECT_EQ(0U, told_by_other(kNow));
    forget(1);
    EXPECT_EQ(1U, told_by_other(kNow + 60));
    EXPECT_EQ(0U, told(kNow + 60));
}

// Processes do not look at the clock at the same moment.
TEST_F(ForgetfulTest, WhoseClockIsLateDoesNotTellAgain) {
    forget(1);
    EXPECT_EQ(1U, told(kNow));
    forget(1);
    EXPECT_EQ(0U, told(kNow - 1));
    EXPECT_EQ(0U, told(kNow - 30));
    EXPECT_EQ(0U, told(kNow + 59));
    EXPECT_EQ(1U, told(kNow + 60));
}

TEST_F(ForgetfulTest, AClockThatWentBackSilencesForNoLongerThanAMinute) {
    constexpr std::uint32_t kBack = 3600;
    forget(1);
    EXPECT_EQ(1U, told(kNow));
    int notices = 0;
    std::uint64_t sum = 0;
    for (std::uint32_t second = 0; second <= 60; ++second) {
        forget(1);
        const std::uint64_t count = told(kNow - kBack + second);
        notices += count > 0 ? 1 : 0;
        sum += count;
    }
    EXPECT_GE(notices, 1);
    EXPECT_LE(notices, 2);
    EXPECT_GE(sum, 1U);
}

// -- A file that was left behind

TEST_F(DedupMemoryTest, RestoredMemoryKnowsWhatWasDelivered) {
    for (std::uint64_t number = 0; number < 100; ++number) user.deliver(number);
    User next = restored(content());
    EXPECT_EQ(100U, next.stats().remembered);
    for (std::uint64_t number = 0; number < 100; ++number) {
        EXPECT_EQ((ClaimResult{ClaimOutcome::duplicate, 200}), next.claim(number));
    }
    EXPECT_EQ(ClaimOutcome::claimed, next.claim(100).outcome);
    EXPECT_EQ(kSmall, next.memory().size());
}

TEST_F(DedupMemoryTest, RestoredClaimsAreGivenUp) {
    ASSERT_EQ(ClaimOutcome::claimed, user.claim(1).outcome);
    User next = restored(content());
    EXPECT_EQ(0U, next.stats().in_flight);
    // In the slot that the claim's owner had, and of the same generation.
    EXPECT_EQ(ClaimOutcome::claimed, next.claim(1).outcome);
}

TEST_F(DedupMemoryTest, RestoredMemoryHasAllSlotsFree) {
    std::vector<std::unique_ptr<User>> users;
    for (int i = 0; i < 64; ++i) {
        users.push_back(std::make_unique<User>(user.memory()));
        ASSERT_TRUE(users.back()->enroll());
    }
    User next = restored(content());
    std::vector<std::unique_ptr<User>> others;
    for (int i = 0; i < 64; ++i) {
        others.push_back(std::make_unique<User>(next.memory()));
        ASSERT_TRUE(others.back()->enroll()) << i;
    }
}

TEST_F(DedupMemoryTest, RestoredMemoryIsNotLocked) {
    user.deliver(1);
    std::string found;
    {
        const DedupMemory::Lock lock(user.memory());
        found = content();
    }
    User next = restored(found);
    EXPECT_EQ(ClaimOutcome::duplicate, next.claim(1).outcome);
    // Its lock is one that tells of deaths.
    Child child([&] {
        const DedupMemory::Lock lock(next.memory());
        return raise(SIGKILL) == 0;
    });
    ASSERT_TRUE(child.was_killed());
    EXPECT_FALSE(next.repairs());
}

TEST_F(DedupMemoryTest, RestoresWhatADeadHolderOfTheLockLeft) {
    user.deliver(1);
    Child child([&] {
        User own(user.memory());
        own.enroll();
        die_at_write(6);
        own.claim(2);
        return true;
    });
    ASSERT_TRUE(child.was_killed());
    User next = restored(content());
    EXPECT_FALSE(next.repairs());
    EXPECT_EQ(ClaimOutcome::duplicate, next.claim(1).outcome);
    EXPECT_EQ(ClaimOutcome::claimed, next.claim(2).outcome);
}

TEST_F(DedupMemoryTest, RestoredMemoryIsOpenAndTellsOnlyOfWhatComes) {
    {
        const DedupMemory::Lock lock(user.memory());
        user.table().close();
    }
    EXPECT_FALSE(restored(content()).table().closed());
    User full(DedupMemory::nameless(kSmall));
    const std::uint64_t capacity = full.stats().capacity;
    for (std::uint64_t number = 0; number < capacity + 5; ++number) full.deliver(number);
    User next = restored(content_of(full.memory().file()));
    EXPECT_EQ(capacity, next.stats().remembered);
    {
        const DedupMemory::Lock lock(next.memory());
        EXPECT_EQ(0U, next.memory().early_to_tell(kNow));
    }
    next.deliver(capacity + 5);
    const DedupMemory::Lock lock(next.memory());
    EXPECT_EQ(1U, next.memory().early_to_tell(kNow));
}

class StateMemoryTest : public DedupMemoryTest {
  protected:
    StateMemoryTest() {
        user = User(DedupMemory::format(file_of_zeros(folder.file("state"), kSmall),
                                        DedupMemory::Kind::state_file));
    }
};

TEST_F(StateMemoryTest, RestoredMemoryCanBeShared) {
    user.deliver(1);
    const std::string found = of_another_boot(content());
    EXPECT_THROW(DedupMemory::share(left_behind(found)), std::runtime_error);
    User next = restored(found);
    EXPECT_EQ(ClaimOutcome::duplicate, User(next.memory()).claim(1).outcome);
}

TEST_F(StateMemoryTest, MemoryOfAnotherBootIsNotShared) {
    const std::string found = of_another_boot(content());
    const Descriptor file = left_behind(found);
    EXPECT_THROW(DedupMemory::share(file.duplicate()), std::runtime_error);
    EXPECT_EQ("", DedupMemory::complaint(file));
    EXPECT_TRUE(found == content_of(file));
}

TEST_F(StateMemoryTest, ABootIsNotedWhereAFileOutlivesIt) {
    EXPECT_NO_THROW(require_boot_id());
    EXPECT_NO_THROW(of_another_boot(content()));
    const User nameless(DedupMemory::nameless(kSmall));
    EXPECT_THROW(of_another_boot(content_of(nameless.memory().file())), std::runtime_error);
}

// Any change of a page may have reached the disk, or not.
TEST_F(DedupMemoryTest, TornPagesMakeItForgetButNotLie) {
    std::mt19937 random(20260101);
    for (int round = 0; round < 100; ++round) {
        SCOPED_TRACE(round);
        User before(DedupMemory::nameless(kSmall));
        const std::uint64_t capacity = before.stats().capacity;
        const std::uint64_t first = random() % (2 * capacity);
        for (std::uint64_t number = 0; number < first; ++number) before.deliver(number);
        std::string torn = content_of(before.memory().file());
        const std::uint64_t end = first + random() % capacity;
        for (std::uint64_t number = first; number < end; ++number) before.deliver(number);
        before.claim(end);
        const std::string later = content_of(before.memory().file());
        for (std::size_t page = 0; page < torn.size(); page += kPage) {
            if (random() % 2 == 0) torn.replace(page, kPage, later, page, kPage);
        }
        std::uint64_t count = 0;
        User next(DedupMemory::restore(left_behind(torn), /*has_successor=*/false, count));
        EXPECT_LE(next.stats().remembered, capacity);
        EXPECT_EQ(0U, next.stats().in_flight);
        // It takes all that is new, and knows nothing that nobody delivered.
        for (std::uint64_t number = end; number < end + 50; ++number) next.deliver(number);
        for (std::uint64_t number = end; number < end + 50; ++number) {
            EXPECT_EQ(ClaimOutcome::duplicate, next.claim(number).outcome);
        }
        for (std::uint64_t number = 0; number < 2 * capacity; ++number)
            next.deliver(10000 + number);
        EXPECT_EQ(capacity, next.stats().remembered);
    }
}

TEST_F(DedupMemoryTest, CountsTornEvents) {
    for (std::uint64_t number = 0; number < 100; ++number) user.deliver(number);
    std::string found = content();
    const EventKey key = testing::numbered_key(42);
    const std::string bytes(key.bytes.begin(), key.bytes.end());
    const std::size_t at = found.find(bytes);
    ASSERT_NE(std::string::npos, at);
    found[at] = static_cast<char>(found[at] ^ 1);
    User next = restored(found, 1);
    EXPECT_EQ(ClaimOutcome::claimed, next.claim(42).outcome);
    EXPECT_EQ(ClaimOutcome::duplicate, next.claim(41).outcome);
    EXPECT_EQ(ClaimOutcome::duplicate, next.claim(43).outcome);
    EXPECT_EQ(100U, next.stats().remembered + 1);
}

// In a memory's content: what places of the index depend on.
std::string secret_in(const std::string& content) {
    const std::size_t at = content.find("gwebedup");
    if (at == std::string::npos) throw std::runtime_error("no table is there");
    return content.substr(at + 72, sizeof(TableSecret));
}

TEST_F(DedupMemoryTest, EachHasASecretOfItsOwnAndANewOneWhenRestored) {
    const std::string own = secret_in(content());
    const std::string other = secret_in(content_of(DedupMemory::nameless(kSmall)->file()));
    EXPECT_NE(own, other);
    for (std::size_t i = 0; i < own.size(); i += 8) {
        EXPECT_NE(std::string(8, '\0'), own.substr(i, 8));
        EXPECT_NE(own.substr(i, 8), own.substr((i + 8) % own.size(), 8));
    }
    EXPECT_EQ(own, secret_in(content_of(User(user.memory()).memory().file())));
    for (std::uint64_t number = 0; number < 500; ++number) user.deliver(number);
    User next = restored(content());
    EXPECT_NE(own, secret_in(content_of(next.memory().file())));
    for (std::uint64_t number = 0; number < 500; ++number) {
        ASSERT_EQ(ClaimOutcome::duplicate, next.claim(number).outcome);
    }
}

TEST_F(DedupMemoryTest, WhatASuccessorKnowsItNeedNotBeToldAgain) {
    User successor(DedupMemory::nameless(kSmall));
    for (std::uint64_t number = 0; number < 10; ++number) user.deliver(number);
    const auto carry = [&](User& from) {
        const DedupMemory::Lock lock(successor.memory());
        const DedupMemory::Lock from_lock(from.memory());
        return from.table().carry_over(successor.table(), kNow, 1000);
    };
    EXPECT_EQ(10U, carry(user));
    user.deliver(10);
    user.deliver(11);
    const std::string found = content();
    std::uint64_t torn = 0;
    User followed(DedupMemory::restore(left_behind(found), /*has_successor=*/true, torn));
    EXPECT_EQ(2U, carry(followed));
    User alone(DedupMemory::restore(left_behind(found), /*has_successor=*/false, torn));
    EXPECT_EQ(12U, carry(alone));
    EXPECT_EQ(12U, successor.stats().remembered);
}

TEST_F(DedupMemoryTest, KnowsOfHowManyMemoriesItDoesNotKnowAll) {
    EXPECT_EQ(0U, user.memory().undrained());
    user.memory().record_undrained(3);
    EXPECT_EQ(3U, User(user.memory()).memory().undrained());
    // Those are gone with the processes that used them.
    EXPECT_EQ(0U, restored(content()).memory().undrained());
}

TEST_F(DedupMemoryTest, ABlankFileIsOneThatWasNotBegun) {
    EXPECT_TRUE(DedupMemory::is_blank(file_of_zeros(folder.file("zeros"), kSmall)));
    EXPECT_TRUE(DedupMemory::is_blank(left_behind("")));
    EXPECT_TRUE(DedupMemory::is_blank(left_behind("x")));
    EXPECT_FALSE(DedupMemory::is_blank(left_behind(content())));
    EXPECT_FALSE(DedupMemory::is_blank(left_behind("user nobody;")));
}

// -- What is no memory of ours

class ForeignFileTest : public DedupMemoryTest {
  protected:
    // Refused by all, and not changed by any.
    void expect_refused(const std::string& found) {
        const Descriptor file = left_behind(found);
        EXPECT_NE("", DedupMemory::complaint(file));
        EXPECT_THROW(DedupMemory::share(file.duplicate()), std::runtime_error);
        std::uint64_t torn = 0;
        EXPECT_THROW(DedupMemory::restore(file.duplicate(), /*has_successor=*/false, torn),
                     std::runtime_error);
        EXPECT_TRUE(found == content_of(file));
    }
    // With some bytes of it changed.
    std::string patched(std::size_t at, const std::string& bytes) {
        std::string found = content();
        return found.replace(at, bytes.size(), bytes);
    }
    std::size_t table_at() {
        // The table's magic, as a file shows it.
        return content().find("gwebedup");
    }
};

TEST_F(ForeignFileTest, OursIsNot) {
    EXPECT_EQ("", DedupMemory::complaint(left_behind(content())));
}

TEST_F(ForeignFileTest, EmptyOrShort) {
    expect_refused("");
    expect_refused("x");
    expect_refused(content().substr(0, 100));
    expect_refused(content().substr(0, kSmall - 1));
    expect_refused(content().substr(0, kPage));
}

TEST_F(ForeignFileTest, Zeros) {
    expect_refused(std::string(kSmall, '\0'));
}

TEST_F(ForeignFileTest, Noise) {
    std::mt19937 random(20260101);
    for (int round = 0; round < 20; ++round) {
        std::string noise(kSmall, '\0');
        for (char& byte : noise) byte = static_cast<char>(random());
        expect_refused(noise);
    }
}

TEST_F(ForeignFileTest, AnotherVersion) {
    for (const char version : {'\0', '\1', '\3', '\xff'}) expect_refused(patched(8, {version}));
}

TEST_F(ForeignFileTest, AnotherKindOfMutex) {
    expect_refused(patched(12, "\1"));
}

TEST_F(ForeignFileTest, AnotherSize) {
    expect_refused(content() + std::string(kPage, '\0'));
    User larger(DedupMemory::nameless(4 * kSmall));
    expect_refused(content_of(larger.memory().file()).substr(0, 2 * kSmall));
}

TEST_F(ForeignFileTest, AnotherLayoutOfSlots) {
    expect_refused(patched(24, std::string(1, '\1')));
}

TEST_F(ForeignFileTest, AnotherMagic) {
    for (std::size_t i = 0; i < 8; ++i) {
        expect_refused(patched(i, std::string(1, static_cast<char>(content()[i] ^ 0x20))));
    }
}

// The head may have reached the disk, and the table not.
TEST_F(ForeignFileTest, AHeadWithoutItsTable) {
    const std::size_t at = table_at();
    ASSERT_NE(std::string::npos, at);
    // What it says of the living would show whether it was touched.
    user.claim(1);
    const DedupMemory::Lock lock(user.memory());
    expect_refused(content().substr(0, at) + std::string(kSmall - at, '\0'));
    expect_refused(patched(at, std::string(128, '\0')));
    expect_refused(patched(at + 8, "\x63"));
}

TEST_F(ForeignFileTest, NoDescriptor) {
    EXPECT_THROW(DedupMemory::share(Descriptor()), std::runtime_error);
}

}  // namespace
}  // namespace webhook
