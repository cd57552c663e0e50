// What the memory of events costs: bytes for each event, nanoseconds for each delivery, and what
// several processes get out of it together. All goes through the lock, as in nginx.
//
// Other work on the machine disturbs all that is measured. So what is to be compared is measured in
// turns, and what is printed are medians.

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <exception>
#include <functional>
#include <memory>
#include <random>
#include <span>
#include <vector>

#include "../unit/dedup_model.h"
#include "store/dedup_memory.h"
#include "store/dedup_table.h"

namespace webhook {
namespace {

using testing::numbered_key;

constexpr int kRounds = 9;
constexpr std::array<std::size_t, 3> kEvents{10'000, 1'000'000, 10'000'000};
constexpr std::size_t kDeliveries = 20'000;
constexpr std::array<std::size_t, 4> kProcesses{1, 2, 4, 8};
constexpr auto kTogether = std::chrono::milliseconds(250);
// What a worker does for a delivery besides, in nanoseconds: it reads, hashes, and proxies.
constexpr double kOtherWork = 20'000;
constexpr std::size_t kPage = 4096;
constexpr std::uint32_t kNow = 1'767'225'600;
constexpr std::uint32_t kExpires = kNow + 72 * 3600;

[[noreturn]] void fail(const char* what) {
    std::fprintf(stderr, "dedup_bench: %s\n", what);
    std::exit(1);
}

double median(std::vector<double> values) {
    std::ranges::sort(values);
    return values[values.size() / 2];
}

double bytes_for_each(DedupMemory& memory) {
    return static_cast<double>(memory.size()) /
           static_cast<double>(memory.table().stats().capacity);
}

// The smallest memory, in whole pages, that remembers this many events; but for a few pages.
std::unique_ptr<DedupMemory> memory_for(std::size_t events) {
    std::size_t size = std::max(DedupMemory::kSmallestSize, events * 36 / kPage * kPage);
    while (true) {
        std::unique_ptr<DedupMemory> memory = DedupMemory::nameless(size);
        const std::size_t capacity = memory->table().stats().capacity;
        if (capacity >= events) return memory;
        size += ((events - capacity) * 36 / kPage + 1) * kPage;
    }
}

// One process that uses a memory.
class Worker {
  public:
    Worker(DedupMemory& memory, std::uint64_t first) : memory_(memory), newest_(first) {
        const DedupMemory::Lock lock(memory_);
        const std::optional<Owner> self = memory_.enroll();
        if (!self) fail("no slot is free");
        self_ = *self;
    }

    // Claims and commits events that nobody has seen, as the gate does.
    void deliver(std::span<const EventKey> keys) {
        for (const EventKey& key : keys) {
            if (claim(key) != ClaimOutcome::claimed) fail("a new event was not claimed");
            const DedupMemory::Lock lock(memory_);
            memory_.table().commit(std::span(&key, 1), token(), 200, kNow, kExpires);
        }
    }
    void look_up(std::span<const EventKey> keys) {
        for (const EventKey& key : keys) {
            if (claim(key) != ClaimOutcome::duplicate) fail("an event is not known");
        }
    }

    std::vector<EventKey> new_keys(std::size_t count) {
        std::vector<EventKey> keys;
        for (std::size_t i = 0; i < count; ++i) keys.push_back(numbered_key(newest_++));
        return keys;
    }
    std::vector<EventKey> known_keys(std::size_t count) {
        const std::uint64_t remembered = memory_.table().stats().remembered;
        std::vector<EventKey> keys;
        for (std::size_t i = 0; i < count; ++i) {
            keys.push_back(numbered_key(newest_ - 1 - random_() % remembered));
        }
        return keys;
    }

    void fill() {
        const std::uint64_t capacity = memory_.table().stats().capacity;
        for (std::uint64_t i = 0; i < capacity; i += kDeliveries) deliver(new_keys(kDeliveries));
        if (memory_.table().stats().remembered != capacity) fail("the table is not full");
    }

  private:
    ClaimToken token() const { return {self_, sequence_}; }

    ClaimOutcome claim(const EventKey& key) {
        ++sequence_;
        memory_.prefetch(std::span(&key, 1));
        const DedupMemory::Lock lock(memory_);
        return memory_.table()
            .claim(std::span(&key, 1), token(), kNow, WhenFull::evict, memory_.workers())
            .outcome;
    }

    DedupMemory& memory_;
    Owner self_{};
    std::uint64_t sequence_ = 0;
    std::uint64_t newest_;
    std::mt19937_64 random_{20260101};
};

double cpu_nanoseconds() {
    timespec time{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
}

void show_bytes(const char* what, DedupMemory& memory) {
    std::printf("  %-12s %12zu bytes %10llu events %8.2f bytes for each\n", what, memory.size(),
                static_cast<unsigned long long>(memory.table().stats().capacity),
                bytes_for_each(memory));
}

// A full table of some size, and what it was measured to cost.
struct Full {
    std::unique_ptr<DedupMemory> memory;
    Worker worker;
    std::vector<double> deliver;
    std::vector<double> look_up;

    explicit Full(std::size_t events) : memory(memory_for(events)), worker(*memory, 0) {
        worker.fill();
    }

    void measure() {
        const std::vector<EventKey> known = worker.known_keys(kDeliveries);
        const double start = cpu_nanoseconds();
        worker.look_up(known);
        look_up.push_back((cpu_nanoseconds() - start) / kDeliveries);
        const std::vector<EventKey> unknown = worker.new_keys(kDeliveries);
        const double middle = cpu_nanoseconds();
        worker.deliver(unknown);
        deliver.push_back((cpu_nanoseconds() - middle) / kDeliveries);
    }
};

void show_costs(const std::vector<std::unique_ptr<Full>>& tables) {
    std::printf("nanoseconds of CPU, in full tables (medians of %d rounds)\n", kRounds);
    const double small_deliver = median(tables.front()->deliver);
    const double small_look_up = median(tables.front()->look_up);
    for (std::size_t i = 0; i < tables.size(); ++i) {
        const double deliver = median(tables[i]->deliver);
        const double look_up = median(tables[i]->look_up);
        std::printf(
            "  among %8zu events: claim and commit %6.0f (x %.2f), duplicate %6.0f (x %.2f)\n",
            kEvents[i], deliver, deliver / small_deliver, look_up, look_up / small_look_up);
    }
}

// What processes that run together tell each other.
struct Board {
    std::atomic<std::size_t> ready;
    std::atomic<std::uint32_t> running;
    std::atomic<std::uint64_t> deliveries;
};

void do_other_work(double nanoseconds) {
    if (nanoseconds == 0) return;
    const double end = cpu_nanoseconds() + nanoseconds;
    while (cpu_nanoseconds() < end) {
    }
}

[[noreturn]] void run_process(DedupMemory& memory, Board& board, std::uint64_t first,
                              double other_work) {
    Worker worker(memory, first);
    ++board.ready;
    while (board.running.load() == 0) usleep(100);
    std::uint64_t done = 0;
    for (; board.running.load(std::memory_order_relaxed) == 1; ++done) {
        do_other_work(other_work);
        const EventKey key = numbered_key(first + done);
        worker.deliver(std::span(&key, 1));
    }
    board.deliveries += done;
    _exit(0);
}

// What a process has used of the CPU when it ended.
double microseconds_until_end(pid_t process) {
    int status = 0;
    rusage usage{};
    if (wait4(process, &status, 0, &usage) != process || status != 0) fail("a process failed");
    return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
           static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

// Processes that share a table, with so much other work for each delivery.
class Together {
  public:
    Together(const char* what, double other_work) : what_(what), other_work_(other_work) {}

    void measure(DedupMemory& memory, Board& board, std::uint64_t& next_number) {
        for (std::size_t i = 0; i < kProcesses.size(); ++i) {
            run(memory, board, kProcesses[i], next_number, results_[i]);
        }
    }

    void show() const {
        std::printf("deliveries (claim and commit) per second, %s (medians of %d rounds)\n", what_,
                    kRounds);
        const double alone = median(results_[0].per_second);
        for (std::size_t i = 0; i < kProcesses.size(); ++i) {
            const double together = median(results_[i].per_second);
            std::printf("  %zu process%s %10.0f (x %.2f), %6.2f us of CPU each\n", kProcesses[i],
                        kProcesses[i] == 1 ? ":  " : "es:", together, together / alone,
                        median(results_[i].microseconds));
        }
    }

  private:
    struct Result {
        std::vector<double> per_second;
        // CPU time of all processes for each delivery.
        std::vector<double> microseconds;
    };

    void run(DedupMemory& memory, Board& board, std::size_t count, std::uint64_t& next_number,
             Result& result) {
        board.ready = 0;
        board.running = 0;
        board.deliveries = 0;
        std::vector<pid_t> processes;
        for (std::size_t i = 0; i < count; ++i) {
            next_number += 100'000'000;
            const pid_t process = fork();
            if (process < 0) fail("cannot fork");
            if (process == 0) run_process(memory, board, next_number, other_work_);
            processes.push_back(process);
        }
        while (board.ready < count) usleep(100);
        const auto start = std::chrono::steady_clock::now();
        board.running = 1;
        usleep(static_cast<useconds_t>(std::chrono::microseconds(kTogether).count()));
        board.running = 2;
        const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
        double cpu = 0;
        for (const pid_t process : processes) cpu += microseconds_until_end(process);
        const auto deliveries = static_cast<double>(board.deliveries);
        result.per_second.push_back(deliveries / time.count());
        result.microseconds.push_back(cpu / deliveries);
    }

    const char* what_;
    double other_work_;
    std::array<Result, kProcesses.size()> results_;
};

Board& shared_board() {
    void* memory =
        mmap(nullptr, sizeof(Board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) fail("cannot share memory");
    return *new (memory) Board{};
}

void show_load() {
    double load = 0;
    if (getloadavg(&load, 1) != 1) fail("cannot tell the machine's load");
    std::printf("load of the last minute, this included: %.1f, on %ld CPUs\n", load,
                sysconf(_SC_NPROCESSORS_ONLN));
}

void run() {
    std::vector<std::unique_ptr<Full>> tables;
    for (const std::size_t events : kEvents) tables.push_back(std::make_unique<Full>(events));
    std::printf("the memory of events\n");
    show_bytes("a zone of 1m", *DedupMemory::nameless(1 << 20));
    show_bytes("of 64m", *DedupMemory::nameless(64 << 20));
    show_bytes("for 10M", *tables.back()->memory);
    Together crowded("and nothing else", 0);
    Together usual("and 20 us of other work for each", kOtherWork);
    Board& board = shared_board();
    std::uint64_t next_number = 1'000'000'000'000;
    const std::unique_ptr<DedupMemory> shared = memory_for(kEvents[1]);
    for (int round = 0; round < kRounds; ++round) {
        for (const auto& table : tables) table->measure();
        crowded.measure(*shared, board, next_number);
        usual.measure(*shared, board, next_number);
    }
    show_load();
    show_costs(tables);
    crowded.show();
    usual.show();
}

}  // namespace
}  // namespace webhook

int main() try { webhook::run(); } catch (const std::exception& error) {
    std::fprintf(stderr, "dedup_bench: %s\n", error.what());
    return 1;
}
