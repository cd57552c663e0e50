// What is left of a queue after damage, errors of the disk, power cuts and deaths.

#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <map>
#include <random>
#include <set>

#include "failing_disk.h"
#include "queue_fixture.h"
#include "store/fault_point.h"

namespace webhook::testing {
namespace {

using Kind = Outcome::Kind;

class QueueDamageTest : public QueueTest {
  protected:
    // Ends as it would with a process.
    void fill(std::uint64_t deliveries) {
        open();
        for (std::uint64_t i = 0; i < deliveries; ++i) {
            const std::size_t size = i % 10 == 0 ? 150'000 : 500 + i % 1000;
            const DeliveryId id = store(incoming(i, {"ci", "audit"}, size));
            bodies_[id] = body_of(i, size);
        }
        for (const Taken& one : take(deliveries / 4)) finish(one.entry, Kind::done);
        for (const Taken& one : take(deliveries / 4)) finish(one.entry, Kind::dead);
        take(deliveries / 4);
        file_.reset();
    }
    // Every delivery that can be read is right. Returns how many there are.
    std::size_t check_all() {
        std::set<DeliveryId> seen;
        for (const Entry& entry : list({}, 100)) seen.insert(entry.id.delivery());
        for (const DeliveryId id : seen) {
            EXPECT_TRUE(bodies_.contains(id));
            EXPECT_TRUE(read_whole(*file_, id, kBodyPiece) == bodies_[id]) << id;
        }
        return seen.size();
    }
    // What the notices say was kept.
    static std::size_t told(const std::vector<std::string>& notices) {
        for (const std::string& notice : notices) {
            const std::size_t end = notice.find(" deliveries are kept");
            if (end == std::string::npos) continue;
            const std::size_t start = notice.rfind(' ', end - 1) + 1;
            return std::stoul(notice.substr(start, end - start));
        }
        return std::string::npos;
    }
    // Uses the file in every way, until it is whole.
    void use() {
        for (int i = 0; i < 6; ++i) {
            try {
                if (!file_->is_usable()) file_->probe();
                file_->stats();
                take(1000);
                take(1000, "audit");
                for (const Entry& entry : list({}, 100)) {
                    read_whole(*file_, entry.id.delivery(), kBodyPiece);
                }
                list({EntryState::waiting}, 100);
                list({EntryState::dead}, 100);
                file_->expire(now_, 1h, 1h, 100);
                return;
            } catch (const QueueError&) {
                continue;
            }
        }
        ADD_FAILURE() << "it is of no use: " << file_->error();
    }

    std::map<DeliveryId, std::string> bodies_;
};

TEST_F(QueueDamageTest, PageByPage) {
    constexpr std::uint64_t kDeliveries = 40;
    fill(kDeliveries);
    const std::string whole = content_of(path());
    const std::size_t pages = whole.size() / 4096;
    ASSERT_GT(pages, 100U);
    std::size_t aside = 0;
    std::size_t kept = 0;
    std::mt19937 random(3);
    for (std::size_t page = 0; page < pages; ++page) {
        // Most pages are of large bodies.
        if (page > 60 && page % 17 != 0) continue;
        SCOPED_TRACE(page);
        for (const std::string& name : folder_.names()) unlink(folder_.file(name).c_str());
        open();
        file_.reset();
        std::string damaged = whole;
        for (std::size_t i = 0; i < 4096; ++i) {
            damaged[page * 4096 + i] = static_cast<char>(random());
        }
        write_content(path(), damaged);
        open();
        use();
        const std::size_t found = check_all();
        const std::vector<std::string> notices = file_->take_notices();
        if (notices.empty()) {
            // A page that holds nothing, or no longer.
            EXPECT_EQ(found, kDeliveries);
            continue;
        }
        ++aside;
        EXPECT_EQ(told(notices), found) << notices.front();
        kept += found;
        EXPECT_EQ(store(incoming(1000)), static_cast<DeliveryId>(kDeliveries) + 1)
            << notices.front();
        ASSERT_FALSE(HasFailure());
    }
    EXPECT_GT(aside, 20U);
    // Most are there, whatever page is lost.
    EXPECT_GT(kept, aside * kDeliveries * 9 / 10);
}

// Bytes here and there, in the log, too.
TEST_F(QueueDamageTest, ByteByByte) {
    constexpr std::uint64_t kDeliveries = 30;
    fill(kDeliveries);
    const std::string whole = content_of(path());
    open();
    for (int i = 0; i < 3; ++i) store(incoming(7, {"ci"}, 100));
    for (DeliveryId id = kDeliveries + 1; id <= static_cast<DeliveryId>(kDeliveries) + 3; ++id) {
        bodies_[id] = body_of(7, 100);
    }
    const std::string log = content_of(path() + "-wal");
    file_.reset();
    std::mt19937 random(9);
    for (int round = 0; round < 60; ++round) {
        SCOPED_TRACE(round);
        for (const std::string& name : folder_.names()) unlink(folder_.file(name).c_str());
        open();
        file_.reset();
        std::string damaged = whole;
        const std::size_t bytes = std::size_t{1} << random() % 12;
        for (std::size_t i = 0; i < bytes; ++i) {
            damaged[random() % damaged.size()] = static_cast<char>(random());
        }
        // In some rounds, the file also ends too early.
        if (round % 10 == 9) damaged.resize(damaged.size() - random() % (damaged.size() / 2));
        write_content(path(), damaged);
        std::string damaged_log = log;
        if (round % 3 == 0) damaged_log[random() % 40'000] = '!';
        write_content(path() + "-wal", damaged_log);
        try {
            open();
        } catch (const std::runtime_error& error) {
            ADD_FAILURE() << error.what();
            continue;
        }
        use();
        const std::size_t found = check_all();
        const std::size_t kept = told(file_->take_notices());
        if (kept == std::string::npos) {
            // All that the file itself has.
            EXPECT_GE(found, kDeliveries);
        }
        ASSERT_FALSE(HasFailure());
    }
}

// -- Power cuts

// Stores, sends and writes back, and notes what is promised.
class Script {
  public:
    Script(QueueFile& file, Owner owner) : file_(file), owner_(owner) {}

    void run() {
        try {
            for (int round = 0; round < 6; ++round) {
                store(1);
                store(5);
                end_some();
                store(2, 100'000);
                if (round % 2 == 1) file_.checkpoint(round == 3);
            }
        } catch (const QueueError&) {
        }
    }

    // The numbers of what was called stored.
    std::map<DeliveryId, std::pair<std::uint64_t, std::size_t>> promised;

  private:
    void store(std::size_t number, std::size_t size = 700) {
        std::vector<Incoming> batch;
        for (std::size_t i = 0; i < number; ++i) batch.push_back(incoming(++number_, {"ci"}, size));
        const auto results = file_.accept(batch, owner_, kStart);
        for (std::size_t i = 0; i < number; ++i) {
            if (results[i].outcome != Stored::stored) continue;
            promised[results[i].id] = {number_ - number + 1 + i, size};
        }
    }
    void end_some() {
        const TakeLimit limit{"ci", 3};
        std::vector<Outcome> outcomes;
        for (const Taken& taken : file_.take(owner_, std::span(&limit, 1), kStart, 3)) {
            Outcome& outcome = outcomes.emplace_back();
            outcome.entry = taken.entry;
            outcome.owner = owner_;
        }
        file_.finish(outcomes, kStart);
    }

    QueueFile& file_;
    Owner owner_;
    std::uint64_t number_ = 0;
};

class PowerCutTest : public QueueDamageTest {
  protected:
    QueueFile::Options failing() const {
        QueueFile::Options failing = options();
        failing.vfs = FailingDisk::kName;
        failing.checkpoint_pages = 20;
        return failing;
    }
    void clear() {
        file_.reset();
        for (const std::string& name : folder_.names()) unlink(folder_.file(name).c_str());
    }
    // Runs the script until a sync or a write, loses power there, and looks at what is left.
    // Returns whether it came so far.
    bool survives(std::size_t fail_sync, std::size_t fail_write, unsigned chance) {
        clear();
        FailingDisk disk;
        open(failing());
        disk.fail_sync = fail_sync == FailingDisk::kNever ? fail_sync : disk.syncs + fail_sync;
        disk.fail_write = fail_write == FailingDisk::kNever ? fail_write : disk.writes + fail_write;
        disk.lasting = true;
        Script script(*file_, self_);
        script.run();
        const bool was_cut = disk.has_failed();
        file_.reset();
        disk.cut_power(chance, random_);
        // As after a boot.
        unlink((path() + ".lock").c_str());
        open();
        EXPECT_TRUE(file_->take_notices().empty());
        for (const auto& [id, what] : script.promised) {
            EXPECT_TRUE(file_->show(id)) << id;
            EXPECT_TRUE(read_whole(*file_, id) == body_of(what.first, what.second));
        }
        store(incoming(1000));
        use();
        EXPECT_TRUE(file_->take_notices().empty());
        return was_cut;
    }

    std::mt19937 random_{11};
};

TEST_F(PowerCutTest, AtEachSync) {
    for (const unsigned chance : {0U, 50U, 100U}) {
        std::size_t sync = 1;
        for (; survives(sync, FailingDisk::kNever, chance); ++sync) {
            ASSERT_FALSE(HasFailure()) << "sync " << sync << ", chance " << chance;
        }
        EXPECT_GT(sync, 20U);
    }
}

TEST_F(PowerCutTest, AtManyWrites) {
    std::size_t write = 1;
    for (; survives(FailingDisk::kNever, write, write % 3 * 50); write += 7) {
        ASSERT_FALSE(HasFailure()) << "write " << write;
    }
    EXPECT_GT(write, 200U);
}

// -- Errors of the disk

class DiskErrorTest : public PowerCutTest {
  protected:
    DiskErrorTest() { open(failing()); }
    // The file may not outlive its disk.
    ~DiskErrorTest() override { file_.reset(); }

    FailingDisk disk_;
};

TEST_F(DiskErrorTest, NothingIsStoredUntilAProbeSucceeds) {
    const DeliveryId first = store(incoming(1));
    disk_.fail_sync = disk_.syncs + 1;
    EXPECT_EQ(accept(incoming(2)).outcome, Stored::failed);
    EXPECT_FALSE(file_->is_usable());
    EXPECT_EQ(file_->error(), "the queue file \"" + path() + "\": disk I/O error");
    EXPECT_EQ(accept(incoming(3)).outcome, Stored::failed);
    EXPECT_THROW(take(), QueueError);
    EXPECT_THROW(file_->stats(), QueueError);
    disk_.fail_sync = disk_.syncs + 1;
    EXPECT_FALSE(file_->probe());
    EXPECT_FALSE(file_->is_usable());
    EXPECT_TRUE(file_->probe());
    EXPECT_EQ(file_->error(), "");
    const DeliveryId last = store(incoming(4));
    EXPECT_EQ(read_whole(*file_, first), body_of(1, 100));
    EXPECT_EQ(read_whole(*file_, last), body_of(4, 100));
    std::mt19937 random;
    file_.reset();
    disk_.cut_power(0, random);
    open();
    EXPECT_EQ(read_whole(*file_, first), body_of(1, 100));
    EXPECT_EQ(read_whole(*file_, last), body_of(4, 100));
}

// What was not synced when the error came is written again, whatever the system thinks of it.
TEST_F(DiskErrorTest, AProbeWritesTheLogBack) {
    const DeliveryId first = store(incoming(1));
    finish(take().front().entry, Kind::done);
    disk_.fail_sync = disk_.syncs + 1;
    EXPECT_EQ(accept(incoming(2)).outcome, Stored::failed);
    EXPECT_TRUE(file_->probe());
    // Closing it writes nothing any more.
    disk_.fail_write = disk_.writes + 1;
    disk_.lasting = true;
    file_.reset();
    std::mt19937 random;
    disk_.cut_power(0, random);
    open();
    EXPECT_EQ(file_->show(first)->entries.front().state, EntryState::done);
}

TEST_F(DiskErrorTest, OfWritesToo) {
    for (std::size_t i = 1; i < 8; ++i) {
        SCOPED_TRACE(i);
        disk_.fail_write = disk_.writes + i;
        EXPECT_EQ(accept(incoming(2)).outcome, Stored::failed);
        disk_.fail_write = FailingDisk::kNever;
        EXPECT_TRUE(file_->probe());
        store(incoming(3));
    }
    EXPECT_EQ(list().size(), 7U);
}

TEST_F(DiskErrorTest, OfACheckpoint) {
    disk_.fail_sync = disk_.syncs + 12;
    std::size_t stored = 0;
    std::size_t failed = 0;
    for (std::uint64_t i = 0; i < 20; ++i) {
        const bool is_stored = accept(incoming(i)).outcome == Stored::stored;
        is_stored ? ++stored : ++failed;
        if (!is_stored) {
            EXPECT_TRUE(file_->probe());
        }
    }
    EXPECT_EQ(failed, 1U);
    EXPECT_GE(list().size(), stored);
}

TEST_F(QueueDamageTest, WithoutSyncsTheSystemHasIt) {
    QueueFile::Options fast = options();
    FailingDisk disk;
    fast.vfs = FailingDisk::kName;
    fast.durability = Durability::os;
    fast.checkpoint_pages = 1000;
    open(fast);
    const std::size_t before = disk.syncs;
    for (std::uint64_t i = 0; i < 20; ++i) store(incoming(i));
    EXPECT_LE(disk.syncs, before + 1);
    file_.reset();
}

TEST_F(QueueDamageTest, OnlyAcceptWaitsForTheDisk) {
    QueueFile::Options failing = options();
    FailingDisk disk;
    failing.vfs = FailingDisk::kName;
    open(failing);
    store(incoming(1));
    std::size_t before = disk.syncs;
    store(incoming(2));
    EXPECT_EQ(disk.syncs, before + 1);
    std::vector<Incoming> batch(100, incoming(3));
    file_->accept(batch, self_, now_);
    EXPECT_EQ(disk.syncs, before + 2);
    before = disk.syncs;
    const auto taken = take();
    finish(taken.front().entry, Kind::done);
    file_->set_paused("ci", true);
    EXPECT_EQ(disk.syncs, before);
    file_.reset();
}

// -- Other files under the same name

TEST_F(QueueDamageTest, AFileThatIsGoneIsMadeAnew) {
    open();
    store(incoming(1));
    unlink(path().c_str());
    const DeliveryId id = store(incoming(2));
    EXPECT_NE(only_notice().find("is gone or empty: a new one is made, and its log is set aside"),
              std::string::npos);
    EXPECT_EQ(read_whole(*file_, id), body_of(2, 100));
    open();
    EXPECT_EQ(list().size(), 1U);
}

TEST_F(QueueDamageTest, ALockFileThatIsGoneIsAnError) {
    open();
    store(incoming(1));
    unlink((path() + ".lock").c_str());
    EXPECT_EQ(accept(incoming(2)).outcome, Stored::failed);
    EXPECT_EQ(file_->error(), "the lock file \"" + path() + ".lock\" was removed");
    EXPECT_TRUE(file_->probe());
    self_ = file_->enroll();
    store(incoming(3));
    EXPECT_EQ(list().size(), 2U);
}

TEST_F(QueueDamageTest, OthersFindTheNewFile) {
    fill(40);
    open();
    Signal opened;
    Signal replaced;
    Child other([&] {
        QueueFile mine(options());
        mine.stats();
        opened.give();
        replaced.await();
        const Incoming one = incoming(500);
        const bool is_stored =
            mine.accept(std::span(&one, 1), mine.enroll(), kStart).front().outcome ==
            Stored::stored;
        return is_stored && mine.take_notices().empty() &&
               mine.list({.event_id = "evt_500"}, {}, 10).entries.size() == 1;
    });
    opened.await();
    file_->checkpoint(true);
    {
        const Descriptor damaged = open_existing(path());
        const std::string noise(4096, 'x');
        for (const off_t page : {1, 2, 3, 5, 6, 7}) {
            ASSERT_EQ(pwrite(damaged.get(), noise.data(), 4096, page * 4096), 4096);
        }
    }
    open();
    use();
    EXPECT_NE(told(file_->take_notices()), std::string::npos);
    replaced.give();
    EXPECT_TRUE(other.succeeded());
    EXPECT_EQ(list({.event_id = "evt_500"}).size(), 1U);
}

// A process died when all was copied, and the new file had not got its name yet.
TEST_F(QueueDamageTest, ASalvageIsFinishedByTheNext) {
    fill(20);
    open();
    file_->checkpoint(true);
    file_.reset();
    const std::string whole = content_of(path());
    open();
    store(incoming(500));
    const std::string log = content_of(path() + "-wal");
    file_.reset();
    write_content(path(), "no database any more");
    write_content(path() + "-wal", log);
    write_content(path() + ".salvaged", whole);
    write_content(path() + ".salvage", "a draft of an earlier one");
    open();
    EXPECT_TRUE(file_->take_notices().empty());
    EXPECT_EQ(check_all(), 20U);
    EXPECT_TRUE(list({.event_id = "evt_500"}).empty());
    use();
    EXPECT_TRUE(file_->take_notices().empty());
}

// -- Deaths

struct Journal {
    struct Promise {
        std::atomic<DeliveryId> id{0};
        std::atomic<std::uint64_t> number{0};
    };
    static constexpr std::size_t kMost = 100'000;

    std::atomic<std::size_t> promises{0};
    std::atomic<std::uint64_t> failures{0};
    std::array<Promise, kMost> promised;

    void promise(DeliveryId id, std::uint64_t number) {
        Promise& promise = promised[promises++];
        promise.number = number;
        promise.id = id;
    }
};

std::size_t size_of(std::uint64_t number) {
    return number % 13 == 0 ? 80'000 : number % 900;
}

[[noreturn]] void work_until_killed(const QueueFile::Options& options, Journal& journal,
                                    std::uint64_t seed) {
    QueueFile file(options);
    const Owner owner = file.enroll();
    std::mt19937_64 random(seed);
    for (std::uint64_t round = 0;; ++round) {
        std::vector<Incoming> batch;
        for (std::uint64_t i = 0; i < 1 + random() % 6; ++i) {
            const std::uint64_t number = seed << 32 | round << 8 | i;
            batch.push_back(ordered(number, random() % 3 == 0 ? "key" : ""));
            batch.back().head.body_size = size_of(number);
            const std::string body = body_of(number, size_of(number));
            batch.back().head.body_sha256 = to_hex(sha256(body));
            batch.back().body = reader_of(body);
        }
        const auto results = file.accept(batch, owner, kStart);
        for (std::size_t i = 0; i < results.size(); ++i) {
            if (results[i].outcome == Stored::stored) {
                journal.promise(results[i].id, seed << 32 | round << 8 | i);
            } else {
                ++journal.failures;
            }
        }
        file.take_over(file.members(), kStart, 100);
        const TakeLimit limit{"ci", 4};
        std::vector<Outcome> outcomes;
        for (const Taken& taken : file.take(owner, std::span(&limit, 1), kStart, 4)) {
            Outcome& outcome = outcomes.emplace_back();
            outcome.entry = taken.entry;
            outcome.owner = owner;
            outcome.kind = static_cast<Kind>(random() % 4);
            outcome.at = kStart;
        }
        file.finish(outcomes, kStart);
        if (random() % 10 == 0) file.checkpoint(random() % 2 == 0);
    }
}

TEST_F(QueueDamageTest, KilledProcessesLoseNothingThatWasStored) {
    QueueFile::Options options = this->options();
    options.checkpoint_pages = 100;
    options.durability = Durability::os;
    void* const memory =
        mmap(nullptr, sizeof(Journal), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(memory, MAP_FAILED);
    auto& journal = *new (memory) Journal;
    std::mt19937 random(5);
    std::vector<Child> children;
    std::uint64_t seed = 0;
    const auto start = [&] {
        ++seed;
        return Child([&]() -> bool { work_until_killed(options, journal, seed); });
    };
    children.push_back(start());
    children.push_back(start());
    for (int kills = 0; kills < 60; ++kills) {
        const std::size_t before = journal.promises;
        while (journal.promises < before + 4) usleep(50);
        usleep(random() % 3000);
        Child& victim = children[random() % children.size()];
        victim.kill_now();
        victim = start();
    }
    children.clear();
    EXPECT_EQ(journal.failures, 0U);
    open(options);
    EXPECT_TRUE(file_->take_notices().empty());
    const std::size_t promises = journal.promises;
    EXPECT_GT(promises, 240U);
    for (std::size_t i = 0; i < promises; ++i) {
        const DeliveryId id = journal.promised[i].id;
        const std::uint64_t number = journal.promised[i].number;
        // Killed between the two.
        if (id == 0) continue;
        ASSERT_TRUE(file_->show(id)) << id;
        ASSERT_TRUE(read_whole(*file_, id) == body_of(number, size_of(number)));
    }
    // Nothing is stuck: all that is not ended is delivered in the end.
    file_->take_over(file_->members(), now_, 10'000);
    for (std::vector<Taken> taken; !(taken = take(1000)).empty();) {
        for (const Taken& one : taken) finish(one.entry, Kind::done);
    }
    EXPECT_EQ(file_->stats().targets.front().waiting, 0U);
    EXPECT_EQ(file_->stats().targets.front().sending, 0U);
    munmap(memory, sizeof(Journal));
}

}  // namespace
}  // namespace webhook::testing
