#include "store/counters.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <functional>
#include <memory>
#include <new>
#include <vector>

namespace webhook {
namespace {

using Row = CounterTable::Row;

constexpr Milliseconds kStart{1'700'000'000'123};

// Memory that child processes share.
class SharedBlock {
  public:
    explicit SharedBlock(std::size_t size)
        : bytes_(static_cast<std::byte*>(mmap(nullptr, size, PROT_READ | PROT_WRITE,
                                              MAP_SHARED | MAP_ANONYMOUS, -1, 0)),
                 size) {
        if (bytes_.data() == MAP_FAILED) throw std::bad_alloc();
    }
    ~SharedBlock() { munmap(bytes_.data(), bytes_.size()); }
    SharedBlock(const SharedBlock&) = delete;
    SharedBlock& operator=(const SharedBlock&) = delete;

    std::span<std::byte> bytes() const { return bytes_; }

  private:
    std::span<std::byte> bytes_;
};

// A child process that runs until it is killed, or ends by itself.
class Child {
  public:
    explicit Child(const std::function<void()>& work, bool stays = true) {
        if (pipe(ready_) != 0) throw std::bad_alloc();
        process_ = fork();
        if (process_ != 0) {
            wait_until_ready();
            return;
        }
        work();
        const char done = 1;
        [[maybe_unused]] const auto written = write(ready_[1], &done, 1);
        while (stays) pause();
        _exit(0);
    }
    ~Child() {
        if (process_ > 0) kill_it();
        close(ready_[0]);
        close(ready_[1]);
    }
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;

    void kill_it() {
        kill(process_, SIGKILL);
        wait();
    }
    void wait() {
        waitpid(process_, nullptr, 0);
        process_ = 0;
    }

  private:
    void wait_until_ready() {
        char done = 0;
        [[maybe_unused]] const auto count = read(ready_[0], &done, 1);
    }

    int ready_[2];
    pid_t process_;
};

class CountersTest : public testing::Test {
  protected:
    Counters open(Milliseconds now = kStart) { return {block_.bytes(), now}; }

    SharedBlock block_{Counters::size()};
};

TEST_F(CountersTest, BeginsOnce) {
    EXPECT_EQ(open().start(), kStart);
    EXPECT_EQ(open(kStart + Milliseconds(5)).start(), kStart);
}

TEST_F(CountersTest, GivesANameTheSameRowAgain) {
    Counters counters = open();
    const Row first = counters.endpoints.add("a");
    const Row second = counters.endpoints.add("b");
    EXPECT_NE(first, second);
    EXPECT_NE(first, CounterTable::kOther);
    EXPECT_EQ(counters.endpoints.add("a"), first);
    EXPECT_EQ(open().endpoints.add("b"), second);
    EXPECT_EQ(counters.secrets.add("b"), counters.secrets.add("b"));
}

TEST_F(CountersTest, CountsWhatHasNoRoomAsOther) {
    Counters counters = open();
    for (std::size_t i = 0; i < kMostCountedZones; ++i) {
        EXPECT_NE(counters.zones.add(std::to_string(i)), CounterTable::kOther) << i;
    }
    EXPECT_EQ(counters.zones.add("one more"), CounterTable::kOther);
    counters.zones.add(CounterTable::kOther, 0, 3);
    EXPECT_EQ(counters.zones.sum(CounterTable::kOther, 0), 3);
    EXPECT_EQ(counters.zones.sum(1, 0), 0);
}

TEST_F(CountersTest, KeepsTablesApart) {
    Counters counters = open();
    const Row last_endpoint = kMostCountedEndpoints;
    counters.endpoints.add(last_endpoint, kEndpointCells - 1, 5);
    counters.secrets.add(CounterTable::kOther, 0, 7);
    counters.files.add(kMostCountedFiles, kOtherCells - 1, 9);
    counters.join();
    counters.enter(0);
    EXPECT_EQ(counters.endpoints.sum(last_endpoint, kEndpointCells - 1), 5);
    EXPECT_EQ(counters.secrets.sum(CounterTable::kOther, 0), 7);
    EXPECT_EQ(counters.files.sum(kMostCountedFiles, kOtherCells - 1), 9);
    EXPECT_EQ(counters.zones.sum(kMostCountedZones, kOtherCells - 1), 0);
    counters.leave();
}

TEST_F(CountersTest, AddsUpWhatProcessesCount) {
    Counters counters = open();
    const Row row = counters.endpoints.add("a");
    const auto count = [&](std::uint64_t last) {
        return [this, row, last] {
            Counters own = open();
            own.join();
            for (int i = 0; i < 1000; ++i) own.endpoints.add(row, 1, 2);
            own.endpoints.raise(row, 2, last);
            own.endpoints.raise(row, 2, last - 1);
        };
    };
    Child first(count(70));
    Child second(count(50));
    EXPECT_EQ(counters.endpoints.sum(row, 1), 4000);
    EXPECT_EQ(counters.endpoints.largest(row, 2), 70);
    first.kill_it();
    second.kill_it();
    EXPECT_EQ(counters.endpoints.sum(row, 1), 4000);
    EXPECT_EQ(counters.endpoints.largest(row, 2), 70);
}

TEST_F(CountersTest, LosesNothingBeyondTheStripes) {
    Counters counters = open();
    const Row row = counters.endpoints.add("a");
    constexpr std::uint64_t kEach = 20'000;
    const auto count = [&] {
        Counters own = open();
        own.join();
        for (std::uint64_t i = 0; i < kEach; ++i) own.endpoints.add(row, 0, 1);
    };
    std::vector<std::unique_ptr<Child>> children;
    for (std::size_t i = 0; i < CounterTable::kStripes + 4; ++i) {
        children.push_back(std::make_unique<Child>(count));
    }
    EXPECT_EQ(counters.endpoints.sum(row, 0), kEach * children.size());
}

TEST_F(CountersTest, ForgetsWhatDeadProcessesHadInProgress) {
    Counters counters = open();
    const Row row = counters.endpoints.add("a");
    Child dead([&] {
        Counters own = open();
        own.join();
        own.enter(row);
        own.enter(row);
    });
    Child alive([&] {
        Counters own = open();
        own.join();
        own.enter(row);
        own.enter(row);
        own.exit(row);
    });
    EXPECT_EQ(counters.in_progress(row, counters.living()), 3);
    EXPECT_EQ(counters.deaths(), 0);
    dead.kill_it();
    EXPECT_EQ(counters.in_progress(row, counters.living()), 1);
    EXPECT_EQ(counters.deaths(), 1);
    counters.join();
    EXPECT_EQ(counters.in_progress(row, counters.living()), 1);
    EXPECT_EQ(counters.deaths(), 1);
    counters.leave();
}

TEST_F(CountersTest, CountsADeathThatTheNextProcessFinds) {
    Counters counters = open();
    Child dead([&] {
        static Counters own = open();
        own.join();
    });
    dead.kill_it();
    counters.join();
    EXPECT_EQ(counters.deaths(), 1);
    const auto living = counters.living();
    EXPECT_EQ(std::count(living.begin(), living.end(), true), 1);
    counters.leave();
}

TEST_F(CountersTest, CountsNoOrderlyEndAsADeath) {
    Counters counters = open();
    Child ended(
        [&] {
            Counters own = open();
            own.join();
            own.leave();
        },
        false);
    ended.wait();
    const auto living = counters.living();
    EXPECT_EQ(std::count(living.begin(), living.end(), true), 0);
    EXPECT_EQ(counters.deaths(), 0);
}

TEST_F(CountersTest, NotesAProcessWithoutASlot) {
    Counters counters = open();
    const Row row = counters.endpoints.add("a");
    std::vector<Counters> others;
    others.reserve(kMostCountedProcesses);
    for (std::size_t i = 0; i < kMostCountedProcesses; ++i) {
        others.push_back(open());
        others.back().join();
    }
    EXPECT_EQ(counters.errors(), 0);
    counters.join();
    EXPECT_EQ(counters.errors(), 1);
    counters.endpoints.add(row, 0, 1);
    counters.enter(row);
    EXPECT_EQ(counters.endpoints.sum(row, 0), 1);
    EXPECT_EQ(counters.in_progress(row, counters.living()), 0);
    for (Counters& each : others) each.leave();
}

TEST_F(CountersTest, NumbersConfigurations) {
    Counters counters = open();
    EXPECT_EQ(counters.begin_configuration(), 1);
    EXPECT_EQ(open().begin_configuration(), 2);
}

}  // namespace
}  // namespace webhook
