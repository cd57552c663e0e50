#include "store/counters.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "dedup_fixture.h"
#include "process_fixture.h"

namespace webhook {
namespace {

using Row = CounterTable::Row;

constexpr Milliseconds kStart{1'700'000'000'123};

// A process that has done its work, and lives until it is killed.
class Living {
  public:
    explicit Living(const std::function<void()>& work)
        : process_([this, &work] {
              work();
              done_.give();
              while (true) pause();
              return true;
          }) {
        done_.await();
    }

    void kill_now() { process_.kill_now(); }

  private:
    testing::Signal done_;
    testing::Child process_;
};

class CountersTest : public ::testing::Test {
  protected:
    Counters open(Milliseconds now = kStart) { return {memory_.block(), now}; }

    testing::SharedMemory<char> memory_{Counters::size()};
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
    Living first(count(70));
    Living second(count(50));
    EXPECT_EQ(counters.endpoints.sum(row, 1), 4000);
    EXPECT_EQ(counters.endpoints.largest(row, 2), 70);
    first.kill_now();
    second.kill_now();
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
    std::vector<std::unique_ptr<Living>> children;
    for (std::size_t i = 0; i < CounterTable::kStripes + 4; ++i) {
        children.push_back(std::make_unique<Living>(count));
    }
    EXPECT_EQ(counters.endpoints.sum(row, 0), kEach * children.size());
}

TEST_F(CountersTest, ForgetsWhatDeadProcessesHadInProgress) {
    Counters counters = open();
    const Row row = counters.endpoints.add("a");
    Living dead([&] {
        Counters own = open();
        own.join();
        own.enter(row);
        own.enter(row);
    });
    Living alive([&] {
        Counters own = open();
        own.join();
        own.enter(row);
        own.enter(row);
        own.exit(row);
    });
    EXPECT_EQ(counters.in_progress(row, counters.living()), 3);
    EXPECT_EQ(counters.deaths(), 0);
    dead.kill_now();
    EXPECT_EQ(counters.in_progress(row, counters.living()), 1);
    EXPECT_EQ(counters.deaths(), 1);
    counters.join();
    EXPECT_EQ(counters.in_progress(row, counters.living()), 1);
    EXPECT_EQ(counters.deaths(), 1);
    counters.leave();
}

TEST_F(CountersTest, KnowsWhatLivingProcessesSee) {
    Counters counters = open();
    const Row server = counters.servers.add("fleet");
    counters.see(server, Sight::away);
    EXPECT_EQ(0U, counters.seen_as(server, Sight::away, counters.living()));
    counters.join();
    counters.see(server, Sight::connected);
    Living child([this, server] {
        Counters own = open();
        own.join();
        own.see(server, Sight::away);
    });
    EXPECT_EQ(1U, counters.seen_as(server, Sight::connected, counters.living()));
    EXPECT_EQ(1U, counters.seen_as(server, Sight::away, counters.living()));
    child.kill_now();
    EXPECT_EQ(0U, counters.seen_as(server, Sight::away, counters.living()));
    counters.leave();
    counters.join();
    EXPECT_EQ(0U, counters.seen_as(server, Sight::connected, counters.living()));
    counters.leave();
}

TEST_F(CountersTest, CountsADeathThatTheNextProcessFinds) {
    Counters counters = open();
    Living dead([&] {
        static Counters own = open();
        own.join();
    });
    dead.kill_now();
    counters.join();
    EXPECT_EQ(counters.deaths(), 1);
    const auto living = counters.living();
    EXPECT_EQ(std::count(living.begin(), living.end(), true), 1);
    counters.leave();
}

TEST_F(CountersTest, CountsNoOrderlyEndAsADeath) {
    Counters counters = open();
    testing::Child ended([&] {
        Counters own = open();
        own.join();
        own.leave();
        return true;
    });
    EXPECT_TRUE(ended.succeeded());
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
