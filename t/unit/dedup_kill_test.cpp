// Processes that are killed: at each write, after each instruction, and at any time.

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "dedup_afterlife.h"
#include "dedup_death.h"
#include "dedup_fixture.h"
#include "store/dedup_table.h"

namespace webhook::testing {
namespace {

// Under the address sanitizer, a process takes long to be born.
#ifdef __SANITIZE_ADDRESS__
constexpr std::size_t kEveryWrite = 7;
#else
constexpr std::size_t kEveryWrite = 1;
#endif

struct Step {
    enum class Kind : std::uint8_t { claim, commit, release } kind;
    std::vector<std::uint64_t> numbers;
};

struct Progress {
    std::atomic<std::size_t> done{0};
};

// All of it is done by one process, for one request.
class DedupKillTest : public DedupDeathTest {
  protected:
    DedupKillTest() : shared(block.bytes().size()) {}

    void take(const Step& step, DedupTable& in) {
        const std::vector<EventKey> named = keys(step.numbers);
        switch (step.kind) {
            case Step::Kind::claim:
                in.claim(named, by, now, when_full, before_death);
                break;
            case Step::Kind::commit:
                in.commit(named, by, 201, now, now + kTtl);
                break;
            case Step::Kind::release:
                in.release(named, by);
                break;
        }
    }

    // What a death in the step may leave; the last of it, when it is done. The model goes on.
    std::vector<DedupModel> outcomes_of(const Step& step) {
        if (step.kind == Step::Kind::commit) {
            std::vector<DedupModel> outcomes = outcomes_of_commit(step.numbers);
            model = outcomes.back();
            return outcomes;
        }
        DedupModel before = model;
        if (step.kind == Step::Kind::claim) {
            model.claim(keys(step.numbers), by, now);
            return {model};
        }
        model.release(keys(step.numbers), by);
        return {before};
    }

    // Runs the steps in a process of its own, until its write of this number. Returns whether it
    // died of it.
    bool dies_at_write(std::size_t deadly, const std::vector<Step>& steps) {
        std::ranges::copy(block.bytes(), shared.block().begin());
        shared.journal().done = 0;
        const pid_t child = fork();
        if (child == 0) work_until(deadly, steps);
        int status = 0;
        EXPECT_EQ(child, waitpid(child, &status, 0));
        EXPECT_TRUE(WIFSIGNALED(status) ? WTERMSIG(status) == SIGKILL : WEXITSTATUS(status) == 0);
        return WIFSIGNALED(status);
    }

    [[noreturn]] void work_until(std::size_t deadly, const std::vector<Step>& steps) {
        DedupTable mine = DedupTable::attach(shared.block());
        std::size_t written = 0;
        const OnWrite die([&] {
            if (++written == deadly) raise(SIGKILL);
        });
        for (const Step& step : steps) {
            take(step, mine);
            ++shared.journal().done;
        }
        _exit(0);
    }

    const ClaimToken by = token(1, kVictim);
    SharedMemory<Progress> shared;
};

TEST_F(DedupKillTest, AtEachWriteOfItsWork) {
    using enum Step::Kind;
    deliver(0, 3, 10);
    deliver(3, 60);
    others_claim(100, 6, 3);
    now += 10;
    const std::vector<Step> steps{{claim, {150, 151, 100}},   {commit, {150}},
                                  {claim, {152, 162, 163}},   {commit, {152, 162}},
                                  {commit, {163, 151}},       {claim, {101, 106}},
                                  {claim, {153, 150}},        {claim, numbers_from(154, kMostKeys)},
                                  {release, {100, 154, 155}}, {commit, {156, 157, 158}},
                                  {commit, {159, 160}},       {release, {161}}};
    std::vector<std::vector<DedupModel>> outcomes;
    for (const Step& step : steps) outcomes.push_back(outcomes_of(step));
    std::size_t interruptions = 0;
    std::size_t deadly = 1;
    for (; dies_at_write(deadly, steps); deadly += kEveryWrite) {
        SCOPED_TRACE("killed at write " + std::to_string(deadly));
        Block left(shared.block());
        DedupTable survivor = DedupTable::attach(left.bytes());
        if (survivor.interrupted()) {
            ++interruptions;
            survivor.recover();
        }
        ASSERT_LT(shared.journal().done, steps.size());
        expect_one_of(outcomes[shared.journal().done], left);
        ASSERT_FALSE(HasFailure());
    }
    EXPECT_EQ(steps.size(), shared.journal().done);
    EXPECT_GT(deadly, 150U);
    // The last write of each step ends it.
    if (kEveryWrite == 1) {
        EXPECT_EQ(deadly - 1 - steps.size(), interruptions);
    }
}

// A process that is stopped after each of its instructions.
class StoppedProcess {
  public:
    explicit StoppedProcess(const Call& work) : pid_(fork()) {
        if (pid_ == 0) {
            if (ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) == -1) _exit(1);
            raise(SIGSTOP);
            work();
            _exit(0);
        }
        wait();
    }
    ~StoppedProcess() {
        if (!runs()) return;
        kill(pid_, SIGKILL);
        wait();
    }
    StoppedProcess(const StoppedProcess&) = delete;
    StoppedProcess& operator=(const StoppedProcess&) = delete;

    bool runs() const { return WIFSTOPPED(status_); }
    bool is_done() const { return WIFEXITED(status_) && WEXITSTATUS(status_) == 0; }
    void step() {
        if (ptrace(PTRACE_SINGLESTEP, pid_, nullptr, nullptr) == -1) kill(pid_, SIGKILL);
        wait();
    }

  private:
    void wait() { waitpid(pid_, &status_, 0); }

    pid_t pid_;
    int status_ = 0;
};

class DedupInstructionTest : public DedupKillTest {
  protected:
    // Runs the step, one instruction after the other, until the memory has changed so many times.
    // Tells after each change.
    void run(const Step& step, std::size_t changes, const std::function<void(const Block&)>& tell) {
        std::ranges::copy(block.bytes(), shared.block().begin());
        Block last(shared.block());
        StoppedProcess process([this, &step] {
            DedupTable mine = DedupTable::attach(shared.block());
            take(step, mine);
        });
        for (std::size_t changed = 0; changed < changes && process.runs(); ++instructions) {
            process.step();
            if (std::ranges::equal(last.bytes(), shared.block())) continue;
            last = Block(shared.block());
            ++changed;
            tell(last);
        }
        EXPECT_EQ(changes == kAll, process.is_done());
    }

    static constexpr auto kAll = std::numeric_limits<std::size_t>::max();
    std::size_t instructions = 0;
};

TEST_F(DedupInstructionTest, AfterEachInstructionOfACommit) {
    if (!StoppedProcess([] {}).runs()) {
        GTEST_SKIP() << "no process may be traced here (ptrace)";
    }
    deliver(0, 70);
    others_claim(100, 2, 2);
    claim({150, 151}, by);
    const Step step{Step::Kind::commit, {150, 151}};
    const std::vector<DedupModel> outcomes = outcomes_of(step);
    // What the memory holds after an instruction is what a death leaves that comes then.
    std::vector<Block> states;
    run(step, kAll, [&](const Block& state) {
        states.push_back(state);
        Block left(state);
        DedupTable survivor = DedupTable::attach(left.bytes());
        if (survivor.interrupted()) survivor.recover();
        expect_one_of(outcomes, left);
    });
    ASSERT_FALSE(HasFailure()) << "after " << instructions << " instructions";
    EXPECT_GT(states.size(), 20U);

    // And kills it there: everywhere, unless a sanitizer makes that too many instructions.
    constexpr std::size_t kMost = 15'000;
    const std::size_t step_size = 1 + instructions * states.size() / 2 / kMost;
    for (std::size_t changes = 1; changes <= states.size(); changes += step_size) {
        run(step, changes, [](const Block&) {});
        ASSERT_TRUE(std::ranges::equal(states[changes - 1].bytes(), shared.block())) << changes;
    }
}

// Lets a process of its own work until it has done enough, and a little longer, and kills it.
template <typename Work, typename Enough>
void kill_at_work(const Work& work, const Enough& enough, std::mt19937& random) {
    const pid_t child = fork();
    ASSERT_NE(-1, child);
    if (child == 0) work();
    while (!enough()) usleep(20);
    usleep(random() % 200);
    kill(child, SIGKILL);
    ASSERT_EQ(child, waitpid(child, nullptr, 0));
}

// Whether it had to.
bool recover_if_interrupted(DedupTable& table) {
    const bool interrupted = table.interrupted();
    if (interrupted) table.recover();
    return interrupted;
}

struct Journal {
    std::atomic<std::uint64_t> committed{0};
};

[[noreturn]] void deliver_until_killed(std::span<std::byte> block, Journal& journal,
                                       std::uint32_t generation) {
    DedupTable table = DedupTable::attach(block);
    const Census census;
    for (std::uint64_t next = journal.committed + 1;; ++next) {
        const ClaimToken by = token(next, {1, generation});
        const std::array key{numbered_key(next)};
        const std::array other{numbered_key(1'000'000'000 + next)};
        table.claim(key, by, kNow, WhenFull::evict, census);
        table.claim(other, by, kNow, WhenFull::evict, census);
        table.commit(key, by, 200, kNow, kNow + kTtl);
        journal.committed = next;
        table.release(other, by);
    }
}

TEST(DedupKill, KilledProcessLosesNothingThatItCommitted) {
    const std::size_t size = DedupTable::smallest_size();
    SharedMemory<Journal> memory(size);
    Journal* const journal = &memory.journal();
    const std::span block = memory.block();
    const std::uint64_t capacity = DedupTable::format(block, kSecret).stats().capacity;
    Census census;
    std::mt19937 random(5);
    int interruptions = 0;
    for (std::uint32_t round = 1; round <= 60; ++round) {
        const std::uint64_t before = journal->committed;
        ASSERT_NO_FATAL_FAILURE(
            kill_at_work([&] { deliver_until_killed(block, *journal, round); },
                         [&] { return journal->committed >= before + 2 * capacity; }, random));
        census.bury({1, round});

        DedupTable table = DedupTable::attach(block);
        interruptions += recover_if_interrupted(table);
        const std::uint64_t last = journal->committed;
        const auto outcome = [&](std::uint64_t number) {
            const std::array key{numbered_key(number)};
            return table.claim(key, token(round, {2, 1}), kNow, WhenFull::evict, census).outcome;
        };
        // The call that was cut off may have made room by forgetting one more.
        for (std::uint64_t i = last + 2 - capacity; i <= last; ++i) {
            ASSERT_EQ(ClaimOutcome::duplicate, outcome(i)) << i << " of " << last;
        }
        ASSERT_EQ(ClaimOutcome::claimed, outcome(last - capacity - 1));
        ASSERT_EQ(ClaimOutcome::claimed, outcome(1'000'000'000 + last));
        ASSERT_EQ(ClaimOutcome::claimed, outcome(1'000'000'000 + last + 1));
        const ClaimOutcome cut_off = outcome(last + 1);
        ASSERT_TRUE(cut_off == ClaimOutcome::claimed || cut_off == ClaimOutcome::duplicate);
        journal->committed = last + 1;
        for (std::uint64_t number :
             {last - capacity - 1, 1'000'000'000 + last, 1'000'000'000 + last + 1}) {
            table.release(keys({number}), token(round, {2, 1}));
        }
        table.commit(keys({last + 1}), token(round, {2, 1}), 200, kNow, kNow + kTtl);
        ASSERT_GE(table.stats().remembered, capacity - 1);
        ASSERT_LE(table.stats().in_flight, claim_capacity(size));
    }
    EXPECT_GT(interruptions, 0);
}

struct ExpiringJournal {
    std::atomic<std::uint32_t> now{kNow};
    std::atomic<std::uint32_t> last{0};
    // When each event expires, by its number; 0 until it is committed.
    std::array<std::atomic<std::uint32_t>, 1 << 18> expires{};
};

[[noreturn]] void fill_until_killed(std::span<std::byte> block, ExpiringJournal& journal,
                                    std::uint32_t generation) {
    DedupTable table = DedupTable::attach(block);
    const Census census;
    for (std::uint32_t next = journal.last + 1; next < journal.expires.size(); ++next) {
        journal.last = next;
        const std::uint32_t now = ++journal.now;
        const ClaimToken by = token(next, {1, generation});
        const std::array key{numbered_key(next)};
        if (table.claim(key, by, now, WhenFull::reject, census).outcome != ClaimOutcome::claimed) {
            continue;
        }
        const std::uint32_t expires = now + (next % 3 == 0 ? 300 : 20);
        table.commit(key, by, 200, now, expires);
        journal.expires[next] = expires;
    }
    while (true) pause();
}

TEST(DedupKill, KilledProcessLosesNothingOfATableThatRejects) {
    const std::size_t size = DedupTable::smallest_size();
    SharedMemory<ExpiringJournal> memory(size);
    ExpiringJournal* const journal = &memory.journal();
    const std::span block = memory.block();
    DedupTable::format(block, kSecret);
    Census census;
    std::mt19937 random(7);
    int interruptions = 0;
    for (std::uint32_t round = 1; round <= 40; ++round) {
        const std::uint32_t before = journal->last;
        ASSERT_NO_FATAL_FAILURE(kill_at_work([&] { fill_until_killed(block, *journal, round); },
                                             [&] { return journal->last >= before + 300; },
                                             random));
        census.bury({1, round});

        DedupTable table = DedupTable::attach(block);
        interruptions += recover_if_interrupted(table);
        ASSERT_LE(table.stats().remembered, table.stats().capacity);
        ASSERT_EQ(0U, table.stats().forgotten_early);
        const std::uint32_t last = journal->last;
        for (std::uint32_t i = last > 1000 ? last - 1000 : 1; i < last; ++i) {
            if (journal->expires[i] <= journal->now) continue;
            const std::array key{numbered_key(i)};
            ASSERT_EQ(ClaimOutcome::duplicate,
                      table.claim(key, token(round, {2, 1}), journal->now, WhenFull::reject, census)
                          .outcome)
                << i << " of " << last;
        }
    }
    EXPECT_GT(interruptions, 0);
}

}  // namespace
}  // namespace webhook::testing
