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
#include <thread>
#include <vector>

#include <pthread.h>
#include <time.h>

#include "claim_journal.h"
#include "store/dedup_memory.h"

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

// Memory that threads use as if each were a request of one process.
class Zone final : public Gate {
  public:
    // Takes the place of what came before.
    Zone(ClaimJournal& journal, std::vector<std::shared_ptr<DedupMemory>> earlier)
        : journal_(journal), memory_(DedupMemory::nameless(DedupMemory::kSmallestSize)) {
        {
            const DedupMemory::Lock lock(*memory_);
            self_ = memory_->enroll().value();
        }
        for (const auto& one : earlier) undrained_.push_back({one});
        for (const Earlier& one : undrained_) carry_over(*one.memory);
        for (const Earlier& one : undrained_) close(*one.memory);
    }

    Owner self() const { return self_; }
    // Whether another zone has taken the place of this one.
    bool is_closed() {
        const DedupMemory::Lock lock(*memory_);
        return memory_->table().closed();
    }
    DedupStats stats() {
        const DedupMemory::Lock lock(*memory_);
        return memory_->table().stats();
    }
    // All memory that the next zone has to look at.
    std::vector<std::shared_ptr<DedupMemory>> memories() {
        std::vector<std::shared_ptr<DedupMemory>> list{memory_};
        const DedupMemory::Lock lock(*memory_);
        for (const Earlier& one : undrained_) {
            if (!one.drained) list.push_back(one.memory);
        }
        return list;
    }

    ClaimResult claim(Keys keys, const ClaimToken& token, std::uint32_t now) override {
        memory_->prefetch(keys);
        const DedupMemory::Lock lock(*memory_);
        note(lock);
        if (holds_earlier(keys, now)) return {ClaimOutcome::in_flight, 0};
        ClaimResult result =
            memory_->table().claim(keys, token, now, WhenFull::evict, memory_->workers());
        const bool refused = result.outcome == ClaimOutcome::no_room && memory_->table().closed();
        if (refused) result.outcome = ClaimOutcome::in_flight;
        return result;
    }
    void commit(Keys keys, const ClaimToken& token, std::uint32_t now,
                std::uint32_t expires) override {
        const DedupMemory::Lock lock(*memory_);
        note(lock);
        memory_->table().commit(keys, token, 200, now, expires);
    }
    void release(Keys keys, const ClaimToken& token) override {
        const DedupMemory::Lock lock(*memory_);
        note(lock);
        memory_->table().release(keys, token);
    }

  private:
    struct Earlier {
        std::shared_ptr<DedupMemory> memory;
        bool drained = false;
    };

    void note(const DedupMemory::Lock& lock) {
        if (lock.repaired()) journal_.accuse("a table was repaired, though nobody died");
    }

    void carry_over(DedupMemory& earlier) {
        std::size_t batch = kCarriedAtOnce;
        while (batch == kCarriedAtOnce) {
            const DedupMemory::Lock lock(*memory_);
            const DedupMemory::Lock earlier_lock(earlier);
            batch =
                earlier.table().carry_over(memory_->table(), journal_.now.get(), kCarriedAtOnce);
        }
    }
    void close(DedupMemory& earlier) {
        const DedupMemory::Lock lock(*memory_);
        const DedupMemory::Lock earlier_lock(earlier);
        carry_all(earlier, journal_.now.get());
        earlier.table().close();
    }
    void carry_all(DedupMemory& earlier, std::uint32_t now) {
        while (earlier.table().carry_over(memory_->table(), now, kCarriedAtOnce) > 0) {
        }
    }
    // Under the lock.
    bool holds_earlier(Keys keys, std::uint32_t now) {
        if (memory_->table().closed()) return false;
        bool held = false;
        for (Earlier& one : undrained_) {
            if (one.drained) continue;
            const DedupMemory::Lock lock(*one.memory);
            carry_all(*one.memory, now);
            held |= one.memory->table().holds_any(keys, one.memory->workers());
            one.drained = one.memory->table().drained(one.memory->workers());
        }
        return held;
    }

    ClaimJournal& journal_;
    std::shared_ptr<DedupMemory> memory_;
    std::vector<Earlier> undrained_;
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
