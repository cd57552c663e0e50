// Threads that use one memory at the same time, for ThreadSanitizer to watch, and for a journal to
// judge: no event is claimed by two at a time, none is delivered twice while it is remembered, and
// none is taken for delivered that nobody delivered.
//
// The first part is one memory. In the second, memory takes the place of memory, as it does when
// nginx is reloaded: threads of the old one end what they have in flight, while those of the new
// one carry over what they deliver.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include <pthread.h>
#include <time.h>

#include "claim_journal.h"
#include "store/succession.h"

#if defined(__SANITIZE_THREAD__)
#define WEBHOOK_WATCHED "watched by ThreadSanitizer"
// GCC 12's ThreadSanitizer does not see this call lock anything. It sees the one it is made of
// here.
extern "C" int pthread_mutex_clocklock(pthread_mutex_t* mutex, clockid_t clock,
                                       const timespec* deadline) noexcept {
    timespec now{};
    clock_gettime(clock, &now);
    timespec end{};
    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += deadline->tv_sec - now.tv_sec;
    end.tv_nsec += deadline->tv_nsec - now.tv_nsec;
    constexpr long kSecond = 1'000'000'000;
    if (end.tv_nsec < 0) end.tv_nsec += kSecond, --end.tv_sec;
    if (end.tv_nsec >= kSecond) end.tv_nsec -= kSecond, ++end.tv_sec;
    return pthread_mutex_timedlock(mutex, &end);
}
#else
#define WEBHOOK_WATCHED "not watched"
#endif

namespace webhook {
namespace {

using testing::ClaimJournal;
using testing::Courier;
using testing::CourierSetting;
using testing::Gate;

constexpr std::size_t kThreads = 6;
constexpr int kDeliveries = 8000;
constexpr int kReloads = 60;
// Deliveries of a thread for each second that passes.
constexpr int kTick = 8;
constexpr auto kLife = std::chrono::milliseconds(15);
constexpr std::uint32_t kStart = 1'767'225'600;
constexpr std::size_t kCarriedAtOnce = 16;

[[noreturn]] void fail(const char* what) {
    std::fprintf(stderr, "dedup_race: %s\n", what);
    std::exit(1);
}

// Memory that threads use as if each were a request of one process: one at a time, but beside the
// threads of the memory before it and of the one behind it.
class Zone final : public Gate, public Succession::Observer {
  public:
    // Takes the place of what came before.
    Zone(ClaimJournal& journal, std::vector<std::shared_ptr<DedupMemory>> earlier)
        : journal_(journal),
          is_first_(earlier.empty()),
          memories_(DedupMemory::nameless(DedupMemory::kSmallestSize), std::move(earlier), *this,
                    kCarriedAtOnce) {
        self_ = memories_.enroll(journal_.now.get()).value();
        memories_.adopt_predecessors(journal_.now.get(), [] {});
    }

    Owner self() const { return self_; }
    // Whether another zone has taken the place of this one.
    bool is_closed() {
        const DedupMemory::Lock lock(memories_.memory());
        return memories_.memory().table().closed();
    }
    DedupStats stats() {
        const DedupMemory::Lock lock(memories_.memory());
        return memories_.memory().table().stats();
    }
    // All memory that the next zone has to look at.
    std::vector<std::shared_ptr<DedupMemory>> memories() {
        const std::scoped_lock one_at_a_time(mutex_);
        std::vector<std::shared_ptr<DedupMemory>> list{memories_.shared_memory()};
        list.insert(list.end(), memories_.earlier().begin(), memories_.earlier().end());
        return list;
    }

    ClaimResult claim(Keys keys, const ClaimToken& token, std::uint32_t now) override {
        memories_.memory().prefetch(keys);
        std::unique_lock one_at_a_time(mutex_, std::defer_lock);
        if (!is_first_) one_at_a_time.lock();
        ClaimResult result = memories_.claim(keys, token, now, WhenFull::evict);
        const bool refused = result.outcome == ClaimOutcome::no_room && is_closed();
        if (refused) result.outcome = ClaimOutcome::in_flight;
        return result;
    }
    void commit(Keys keys, const ClaimToken& token, std::uint32_t now,
                std::uint32_t expires) override {
        memories_.change_table(
            now, [&](DedupTable& table) { table.commit(keys, token, 200, now, expires); });
    }
    void release(Keys keys, const ClaimToken& token) override {
        memories_.change_table(journal_.now.get(),
                               [&](DedupTable& table) { table.release(keys, token); });
    }

  private:
    void on_carried_over(std::uint64_t, std::uint64_t) noexcept override {}
    void on_forgotten_early(std::uint64_t) noexcept override {}
    void on_repaired() noexcept override {
        journal_.accuse("a table was repaired, though nobody died");
    }
    void on_busy(const MemoryBusy&) noexcept override {
        journal_.accuse("a lock could not be had, though nobody was stopped");
    }

    ClaimJournal& journal_;
    // A succession is a process's, which has one thread; without predecessors, nothing but the
    // memory changes.
    const bool is_first_;
    std::mutex mutex_;
    Succession memories_;
    Owner self_{};
};

// Delivers one; for every few, the journal's time passes.
void deliver_one(Courier& courier, ClaimJournal& journal, int number, void (*pause)()) {
    courier.deliver_one(pause);
    if (number % kTick == 0) journal.now.add(1);
}

void report(const char* what, const ClaimJournal& journal) {
    std::printf("  %-40s %8llu claimed, %8llu duplicate, %8llu in flight\n", what,
                static_cast<unsigned long long>(journal.count(ClaimOutcome::claimed)),
                static_cast<unsigned long long>(journal.count(ClaimOutcome::duplicate)),
                static_cast<unsigned long long>(journal.count(ClaimOutcome::in_flight)));
    if (journal.wrong.get() != nullptr) fail(journal.wrong.get());
    for (const auto outcome :
         {ClaimOutcome::claimed, ClaimOutcome::duplicate, ClaimOutcome::in_flight}) {
        if (journal.count(outcome) == 0) fail("not all that can happen has happened");
    }
}

void share_one_memory(const char* what, const CourierSetting& setting) {
    ClaimJournal journal;
    journal.now.set(kStart);
    Zone zone(journal, {});
    journal.capacity.set(zone.stats().capacity - 2 * kThreads);
    std::vector<std::thread> threads;
    for (std::uint32_t seed = 0; seed < kThreads; ++seed) {
        threads.emplace_back([&, seed] {
            Courier courier(zone, journal, zone.self(), seed, setting);
            for (int i = 0; i < kDeliveries; ++i) {
                deliver_one(courier, journal, i, std::this_thread::yield);
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
    report(what, journal);
    if (zone.stats().in_flight != 0) fail("claims are left");
    if ((zone.stats().forgotten_early > 0) != (setting.fillers > 0)) fail("the table was not full");
}

// The threads of one zone, which end when another one has taken its place.
class Generation {
  public:
    Generation(ClaimJournal& journal, std::vector<std::shared_ptr<DedupMemory>> earlier,
               std::uint32_t first_seed)
        : zone_(journal, std::move(earlier)) {
        for (std::uint32_t i = 0; i < kThreads / 2; ++i) {
            threads_.emplace_back([this, &journal, seed = first_seed + i] {
                Courier courier(zone_, journal, zone_.self(), seed, {.fillers = 0, .ttl = 40});
                int number = 0;
                while (!zone_.is_closed()) deliver_one(courier, journal, ++number, pause);
                // Requests that come late, over connections that are still open.
                for (int i = 0; i < 100; ++i) deliver_one(courier, journal, ++number, pause);
            });
        }
    }
    ~Generation() {
        for (std::thread& thread : threads_) thread.join();
    }
    Generation(const Generation&) = delete;
    Generation& operator=(const Generation&) = delete;

    Zone& zone() { return zone_; }

  private:
    // Now and then for so long that another zone takes the place of this one meanwhile.
    static void pause() {
        thread_local std::uint32_t count = 0;
        if (++count % 64 != 0) return std::this_thread::yield();
        std::this_thread::sleep_for(kLife / 3);
    }

    Zone zone_;
    std::vector<std::thread> threads_;
};

void replace_memory() {
    ClaimJournal journal;
    journal.now.set(kStart);
    journal.capacity.set(UINT64_MAX);
    std::vector<std::unique_ptr<Generation>> generations;
    generations.push_back(
        std::make_unique<Generation>(journal, std::vector<std::shared_ptr<DedupMemory>>(), 0));
    for (std::uint32_t i = 1; i <= kReloads; ++i) {
        std::this_thread::sleep_for(kLife);
        auto memories = generations.back()->zone().memories();
        generations.push_back(
            std::make_unique<Generation>(journal, std::move(memories), i * kThreads));
        if (generations.size() > 4) generations.erase(generations.begin());
    }
    Zone last(journal, generations.back()->zone().memories());
    generations.clear();
    // It knows all that those before it delivered.
    Courier courier(last, journal, last.self(), kReloads * kThreads + kThreads, {});
    for (int i = 0; i < kDeliveries; ++i) courier.deliver_one([] {});
    if (last.stats().forgotten_early > 0) fail("the memory was too small for this test");
    report("while other memory takes its place", journal);
}

void run() {
    std::printf("dedup_race, %s\n", WEBHOOK_WATCHED);
    share_one_memory("few events that expire", {.fillers = 0, .ttl = 4});
    share_one_memory("in a full table", {.fillers = 60, .ttl = 40});
    replace_memory();
}

}  // namespace
}  // namespace webhook

// With an argument, tells only whether it can run.
int main(int count, char** /*arguments*/) try {
    if (count == 1) webhook::run();
} catch (const std::exception& error) {
    std::fprintf(stderr, "dedup_race: %s\n", error.what());
    return 1;
}
