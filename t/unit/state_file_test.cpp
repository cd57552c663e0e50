#include "store/state_file.h"
#include "store/holders.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <random>
#include <thread>

#include "base/errors.h"
#include "memory_fixture.h"
#include "scheme/scheme.h"
#include "store/fault_point.h"
#include "store/succession.h"

namespace webhook {
namespace {

using testing::Child;
using testing::content_of;
using testing::Folder;
using testing::kNow;
using testing::kSmall;
using testing::of_another_boot;
using testing::open_existing;
using testing::SharedMemory;
using testing::Signal;
using testing::User;
using testing::write_content;

constexpr std::size_t kLarge = 2 * kSmall;
constexpr auto kAMoment = std::chrono::milliseconds(50);

std::string no_stranger(const Descriptor&) {
    return "";
}

struct SilentObserver final : Succession::Observer {
    void on_carried_over(std::uint64_t, std::uint64_t) noexcept override {}
    void on_forgotten_early(std::uint64_t) noexcept override {}
    void on_repaired() noexcept override {}
    void on_busy(const MemoryBusy&) noexcept override {}
};

// An nginx that has the file in use.
class Nginx {
  public:
    explicit Nginx(State state) : state_(std::move(state)), user_(std::move(state_.memory)) {}
    Nginx(const std::string& path, std::size_t size)
        : Nginx(open_state(path, size, nullptr, no_stranger)) {
        record_undrained(state_.earlier.size());
        if (!state_.draft) return;
        const std::string warning = state_.draft->publish();
        if (!warning.empty()) state_.warnings.push_back(warning);
        state_.draft.reset();
    }

    User& user() { return user_; }
    const Descriptor& file() { return user_.memory().file(); }
    std::vector<std::unique_ptr<DedupMemory>>& earlier() { return state_.earlier; }
    // Takes over what it found, as the first workers are about to start.
    void adopt_predecessors(const std::string& path) {
        std::vector<std::shared_ptr<DedupMemory>> earlier(
            std::move_iterator(state_.earlier.begin()), std::move_iterator(state_.earlier.end()));
        state_.earlier.clear();
        memories_.emplace(DedupMemory::share(file().duplicate()), std::move(earlier), observer_);
        for (const auto& known : memories_->adopt_predecessors(kNow, [] {})) {
            remove_earlier(path, known->file());
        }
    }
    Succession& memories() { return *memories_; }
    void record_undrained(std::size_t memories) {
        const DedupMemory::Lock lock(user_.memory());
        user_.memory().record_undrained(memories);
    }
    const std::vector<std::string>& warnings() const { return state_.warnings; }

  private:
    State state_;
    User user_;
    SilentObserver observer_;
    std::optional<Succession> memories_;
};

bool has_lock(const Descriptor& file, short type) {
    struct flock lock {};
    lock.l_type = type;
    lock.l_whence = SEEK_SET;
    return fcntl(file.get(), F_OFD_SETLK, &lock) == 0;
}

// What a folder holds, and when it was last written.
struct Scene {
    struct Entry {
        std::string name, content;
        ino_t inode;
        timespec written, changed;
    };
    std::vector<Entry> entries;

    explicit Scene(const Folder& folder) {
        for (const std::string& name : folder.names()) {
            struct stat found {};
            if (lstat(folder.file(name).c_str(), &found) != 0) throw std::runtime_error(name);
            const std::string content = S_ISREG(found.st_mode) ? content_of(folder.file(name)) : "";
            entries.push_back({name, content, found.st_ino, found.st_mtim, found.st_ctim});
        }
        std::ranges::sort(entries, {}, &Entry::name);
    }
    bool operator==(const Scene& other) const {
        return std::ranges::equal(
            entries, other.entries, [](const Entry& left, const Entry& right) {
                return left.name == right.name && left.content == right.content &&
                       left.inode == right.inode && same(left.written, right.written) &&
                       same(left.changed, right.changed);
            });
    }

  private:
    static bool same(const timespec& left, const timespec& right) {
        return left.tv_sec == right.tv_sec && left.tv_nsec == right.tv_nsec;
    }
};

class StateTest : public ::testing::Test {
  protected:
    std::unique_ptr<Nginx> start(std::size_t size = kSmall) {
        return std::make_unique<Nginx>(path, size);
    }
    // What an nginx leaves behind that delivered so many events.
    void leave_behind(std::uint64_t events = 10, std::size_t size = kSmall) {
        const auto nginx = start(size);
        for (std::uint64_t number = 0; number < events; ++number) nginx->user().deliver(number);
    }
    // While another process has locked the file, which in the end does this to it.
    std::unique_ptr<Nginx> start_beside(const std::function<bool()>& change) {
        const Signal locked;
        Child other([&] {
            const Descriptor file = open_existing(path);
            if (!has_lock(file, F_WRLCK)) return false;
            locked.give();
            std::this_thread::sleep_for(kAMoment);
            return change();
        });
        locked.await();
        auto nginx = start();
        EXPECT_TRUE(other.succeeded());
        return nginx;
    }
    // Why the file cannot be used.
    std::string refusal(std::size_t size = kSmall) {
        std::string checked = "check_state: nothing is wrong";
        try {
            check_state(path, size);
        } catch (const ConfigError& error) {
            checked = error.what();
        }
        try {
            open_state(path, size, nullptr, no_stranger);
        } catch (const ConfigError& error) {
            EXPECT_EQ(checked, error.what());
            EXPECT_NE(std::string::npos, checked.find(path)) << checked;
            return error.what();
        }
        return "open_state: nothing is wrong";
    }
    void expect_refused(const std::string& why, std::size_t size = kSmall) {
        const Scene before(folder);
        const std::string told = refusal(size);
        EXPECT_NE(std::string::npos, told.find(why)) << told;
        EXPECT_TRUE(before == Scene(folder));
    }
    std::vector<std::string> names() const {
        std::vector<std::string> found = folder.names();
        std::ranges::sort(found);
        return found;
    }
    struct stat status() {
        struct stat found {};
        EXPECT_EQ(0, stat(path.c_str(), &found));
        return found;
    }

    Folder folder;
    std::string path = folder.file("events");
    testing::Deadline deadline{120};
};

using Names = std::vector<std::string>;

// -- A new file

TEST_F(StateTest, ANewFileHasItsNameWhenItIsComplete) {
    State state = open_state(path, kSmall, nullptr, no_stranger);
    ASSERT_TRUE(state.memory && state.draft);
    EXPECT_TRUE(state.earlier.empty());
    EXPECT_EQ(Names(), state.warnings);
    EXPECT_EQ(DedupMemory::Kind::state_file, state.memory->kind());
    EXPECT_TRUE(same_file(state.draft->file().status(), state.memory->file().status()));
    struct stat found {};
    EXPECT_TRUE(stat(path.c_str(), &found) != 0 || found.st_size == 0);
    EXPECT_EQ("", state.draft->publish());
    EXPECT_TRUE(same_file(status(), state.memory->file().status()));
    EXPECT_EQ(static_cast<off_t>(kSmall), status().st_size);
    EXPECT_EQ(0600U, status().st_mode & 07777);
    state.draft.reset();
    EXPECT_EQ(Names{"events"}, names());
}

TEST_F(StateTest, TheDiskHasRoomForAllOfIt) {
    start(1 << 20);
    EXPECT_GE(status().st_blocks * 512, 1 << 20);
}

TEST_F(StateTest, ADraftThatComesToNothingLeavesNothing) {
    open_state(path, kSmall, nullptr, no_stranger);
    EXPECT_EQ(Names(), names());
    leave_behind();
    const Scene before(folder);
    { const PendingFile draft(path, kSmall); }
    EXPECT_TRUE(before == Scene(folder));
}

TEST_F(StateTest, ADraftThatCannotGetItsNameSaysSo) {
    const State state = open_state(path, kSmall, nullptr, no_stranger);
    for (const std::string& name : names()) ::remove(folder.file(name).c_str());
    EXPECT_THROW(state.draft->publish(), ConfigError);
}

TEST_F(StateTest, WithoutItsFolderOrRoomItIsRefused) {
    path = folder.file("nowhere/events");
    expect_refused("No such file or directory");
    path = folder.file("events");
    expect_refused("of 1152921504606846976 bytes", std::size_t{1} << 60);
    EXPECT_EQ(Names(), names());
}

TEST_F(StateTest, InAFolderThatCannotBeWrittenItIsRefused) {
    constexpr uid_t kNobody = 65534;
    ASSERT_EQ(0, chmod(folder.path().c_str(), 0555));
    Child child([&] {
        if (geteuid() == 0 && seteuid(kNobody) != 0) return false;
        return refusal().find("Permission denied") != std::string::npos;
    });
    EXPECT_TRUE(child.succeeded());
    ASSERT_EQ(0, chmod(folder.path().c_str(), 0700));
    EXPECT_EQ(Names(), names());
}

TEST_F(StateTest, AnEmptyFileIsReplacedWithoutAWord) {
    write_content(path, "");
    {
        const State state = open_state(path, kSmall, nullptr, no_stranger);
        EXPECT_TRUE(state.draft);
        EXPECT_EQ(Names(), state.warnings);
    }
    EXPECT_EQ(Names{"events"}, names());
    EXPECT_EQ(0, status().st_size);
    start();
    EXPECT_EQ(static_cast<off_t>(kSmall), status().st_size);
    EXPECT_EQ(Names{"events"}, names());
}

// -- A file that was left behind

TEST_F(StateTest, WhatWasLeftBehindIsRestored) {
    {
        const auto nginx = start();
        nginx->user().deliver(1);
        nginx->user().claim(2);
    }
    const ino_t inode = status().st_ino;
    const auto nginx = start();
    EXPECT_EQ(Names(), nginx->warnings());
    EXPECT_EQ(inode, nginx->file().status().st_ino);
    EXPECT_EQ(0U, nginx->user().stats().in_flight);
    EXPECT_EQ(ClaimOutcome::duplicate, nginx->user().claim(1).outcome);
    EXPECT_EQ(ClaimOutcome::claimed, nginx->user().claim(2).outcome);
    EXPECT_EQ(Names{"events"}, names());
}

TEST_F(StateTest, WhatTheKilledLeftBehindIsRestored) {
    static int writes_to_live;
    for (int writes = 1; writes < 30; writes += 3) {
        ::remove(path.c_str());
        Child child([&] {
            const auto nginx = start();
            nginx->user().deliver(1);
            writes_to_live = writes;
            fault_point = [] {
                if (--writes_to_live == 0) raise(SIGKILL);
            };
            for (std::uint64_t number = 2; number < 100; ++number) nginx->user().deliver(number);
            return true;
        });
        ASSERT_TRUE(child.was_killed());
        const auto nginx = start();
        EXPECT_EQ(Names(), nginx->warnings());
        EXPECT_FALSE(nginx->user().repairs());
        EXPECT_EQ(0U, nginx->user().stats().in_flight);
        EXPECT_EQ(ClaimOutcome::duplicate, nginx->user().claim(1).outcome);
        EXPECT_EQ(ClaimOutcome::claimed, nginx->user().claim(1000).outcome);
    }
}

TEST_F(StateTest, WhatAnotherBootLeftBehindIsRestored) {
    leave_behind();
    write_content(path, of_another_boot(content_of(path)));
    const auto nginx = start();
    EXPECT_EQ(Names(), nginx->warnings());
    EXPECT_EQ(ClaimOutcome::duplicate, nginx->user().claim(1).outcome);
    EXPECT_EQ(ClaimOutcome::duplicate, start()->user().claim(1).outcome);
}

TEST_F(StateTest, TellsHowManyEventsWereTorn) {
    leave_behind();
    std::string found = content_of(path);
    for (const std::uint64_t number : {3, 7}) {
        const EventKey key = testing::numbered_key(number);
        const std::size_t at = found.find(std::string(key.bytes.begin(), key.bytes.end()));
        ASSERT_NE(std::string::npos, at);
        found[at] = static_cast<char>(found[at] ^ 1);
    }
    write_content(path, found);
    const auto nginx = start();
    ASSERT_EQ(1U, nginx->warnings().size());
    EXPECT_NE(std::string::npos, nginx->warnings()[0].find("2 of its events are forgotten"));
    EXPECT_EQ(ClaimOutcome::claimed, nginx->user().claim(3).outcome);
    EXPECT_EQ(ClaimOutcome::duplicate, nginx->user().claim(4).outcome);
}

TEST_F(StateTest, OneOfAnotherSizeIsLeftToBeCarriedOver) {
    for (const auto& [before, size] : {std::pair(kSmall, kLarge), std::pair(kLarge, kSmall)}) {
        ::remove(path.c_str());
        leave_behind(10, before);
        {
            Nginx turned_back(open_state(path, size, nullptr, no_stranger));
            ASSERT_EQ(1U, turned_back.earlier().size());
        }
        EXPECT_EQ(static_cast<off_t>(before), status().st_size);
        EXPECT_EQ(ClaimOutcome::duplicate, start(before)->user().claim(1).outcome);
        const auto nginx = start(size);
        EXPECT_EQ(Names(), nginx->warnings());
        ASSERT_EQ(1U, nginx->earlier().size());
        const DedupMemory& earlier = *nginx->earlier().front();
        EXPECT_EQ(before, earlier.size());
        EXPECT_EQ(size, nginx->user().memory().size());
        EXPECT_EQ(0U, nginx->user().stats().remembered);
        EXPECT_EQ(static_cast<off_t>(size), status().st_size);
        EXPECT_EQ((Names{"events", "events.earlier-0"}), names());
        nginx->adopt_predecessors(path);
        EXPECT_EQ(10U, nginx->user().stats().remembered);
        EXPECT_EQ(Names{"events"}, names());
    }
}

// -- What the one before has not taken over

TEST_F(StateTest, APredecessorIsFoundUntilItIsRemoved) {
    leave_behind(10);
    start(kLarge);
    ASSERT_EQ((Names{"events", "events.earlier-0"}), names());
    // So nobody shares the memory before it knows what they hold.
    EXPECT_EQ(1U, open_state(path, kLarge, nullptr, no_stranger).memory->undrained());
    for (int i = 0; i < 3; ++i) {
        const auto nginx = start(kLarge);
        ASSERT_EQ(1U, nginx->earlier().size());
        EXPECT_EQ(10U, nginx->earlier().front()->table().stats().remembered);
        EXPECT_EQ(kLarge, nginx->user().memory().size());
    }
    const auto nginx = start(kLarge);
    nginx->adopt_predecessors(path);
    EXPECT_EQ(10U, nginx->user().stats().remembered);
    EXPECT_EQ(Names{"events"}, names());
    EXPECT_TRUE(start(kLarge)->earlier().empty());
}

TEST_F(StateTest, APredecessorsClaimsAreGivenUp) {
    {
        const auto nginx = start();
        nginx->user().deliver(1);
        nginx->user().claim(2);
    }
    start(kLarge);
    const auto nginx = start(kLarge);
    ASSERT_EQ(1U, nginx->earlier().size());
    EXPECT_EQ(0U, nginx->earlier().front()->table().stats().in_flight);
    EXPECT_FALSE(nginx->earlier().front()->table().interrupted());
}

TEST_F(StateTest, WhatIsTakenOverFromAPredecessorIsNotTakenAgain) {
    leave_behind(10);
    {
        const auto nginx = start(kLarge);
        DedupTable& earlier = nginx->earlier().front()->table();
        EXPECT_EQ(4U, earlier.carry_over(nginx->user().table(), kNow, 4));
    }
    const auto nginx = start(kLarge);
    DedupTable& earlier = nginx->earlier().front()->table();
    EXPECT_EQ(6U, earlier.carry_over(nginx->user().table(), kNow, SIZE_MAX));
    EXPECT_EQ(10U, nginx->user().stats().remembered);
}

TEST_F(StateTest, ManyPredecessorsAreFound) {
    constexpr std::size_t kMany = 5;
    for (std::size_t i = 0; i < kMany; ++i) leave_behind(i, kSmall + i * 4096);
    const auto nginx = start(kLarge);
    ASSERT_EQ(kMany, nginx->earlier().size());
    nginx->adopt_predecessors(path);
    EXPECT_EQ(kMany - 1, nginx->user().stats().remembered);
    EXPECT_EQ(Names{"events"}, names());
}

TEST_F(StateTest, TooManyPredecessorsAreRefused) {
    leave_behind(1, kSmall);
    for (std::size_t i = 1; i <= 16; ++i) start(kSmall + i * 4096);
    const Names before = names();
    EXPECT_EQ(17U, before.size());
    EXPECT_NE(std::string::npos, refusal().find("has too many predecessors"));
    EXPECT_EQ(before, names());
}

TEST_F(StateTest, ADraftThatWasNotBegunIsRemoved) {
    leave_behind();
    write_content(folder.file("events.earlier-0"), "");
    write_content(folder.file("events.earlier-3"), std::string(kSmall, '\0'));
    const auto nginx = start();
    EXPECT_TRUE(nginx->earlier().empty());
    EXPECT_EQ(Names(), nginx->warnings());
    EXPECT_EQ(Names{"events"}, names());
}

TEST_F(StateTest, APredecessorInUseIsLeftToItsUser) {
    leave_behind(10);
    const auto nginx = start(kLarge);
    ASSERT_EQ(1U, nginx->earlier().size());
    nginx->record_undrained(0);
    const std::string before = content_of(folder.file("events.earlier-0"));
    const auto other = start(kLarge);
    EXPECT_TRUE(other->earlier().empty());
    EXPECT_TRUE(before == content_of(folder.file("events.earlier-0")));
}

// The master dies when the successor has the name, and before its workers have been told.
TEST_F(StateTest, APredecessorThatWasNotClosedIsTakenFromItsOldWorkers) {
    const auto old_worker = start();
    old_worker->user().deliver(1);
    old_worker->user().claim(2);
    ASSERT_EQ(0, rename(path.c_str(), folder.file("events.earlier-0").c_str()));
    // Where nothing is left that tells of a successor, it may be the draft of somebody who starts.
    EXPECT_TRUE(start(kLarge)->earlier().empty());
    const auto nginx = start(kLarge);
    ASSERT_EQ(1U, nginx->earlier().size());
    EXPECT_FALSE(nginx->earlier().front()->table().closed());
    nginx->adopt_predecessors(path);
    EXPECT_EQ(ClaimOutcome::duplicate, nginx->user().claim(1).outcome);
    // One event is in flight there.
    EXPECT_FALSE(nginx->memories().knows_all());
    EXPECT_EQ((Names{"events", "events.earlier-0"}), names());
    old_worker->user().commit(2);
    nginx->memories().drain(kNow);
    EXPECT_TRUE(nginx->memories().knows_all());
    EXPECT_EQ(ClaimOutcome::duplicate, nginx->user().claim(2).outcome);
}

TEST_F(StateTest, WhatIsNoPredecessorOfOursStaysWhereItIs) {
    leave_behind();
    write_content(folder.file("events.earlier-0"), "somebody's notes");
    const auto nginx = start(kLarge);
    EXPECT_EQ(1U, nginx->earlier().size());
    ASSERT_EQ(1U, nginx->warnings().size());
    EXPECT_NE(std::string::npos, nginx->warnings()[0].find("events.earlier-0"));
    EXPECT_EQ("somebody's notes", content_of(folder.file("events.earlier-0")));
    nginx->adopt_predecessors(path);
    EXPECT_EQ((Names{"events", "events.earlier-0"}), names());
    remove_earlier(path, nginx->file());
    EXPECT_EQ((Names{"events", "events.earlier-0"}), names());
}

// -- What is no memory of ours, or a damaged one

TEST_F(StateTest, WhatIsSetAsideHasNoLongerNameThanThereCanBe) {
    const std::string name(235, 'e');
    path = folder.file(name);
    write_content(path, "whookmem, damaged");
    const auto nginx = start();
    ASSERT_EQ(1U, nginx->warnings().size());
    EXPECT_NE(std::string::npos,
              nginx->warnings()[0].find(name + ".earlier-0\" and a new one made"));
    EXPECT_EQ("whookmem, damaged", content_of(path + ".earlier-0"));
    EXPECT_EQ(ClaimOutcome::claimed, nginx->user().claim(1).outcome);
}

TEST_F(StateTest, WhatIsNoMemoryOfOursIsRefused) {
    std::string noise(kSmall, '\0');
    std::mt19937 random(20260101);
    for (char& byte : noise) byte = static_cast<char>(random());
    for (const std::string& content : {noise, std::string("worker_processes 1;\n"),
                                       std::string("7\n"), "\1" + std::string(kSmall, '\0')}) {
        const Folder other;
        path = other.file("events");
        write_content(path, content);
        EXPECT_THROW(check_state(path, kSmall), ConfigError);
        EXPECT_THROW(open_state(path, kSmall, nullptr, no_stranger), ConfigError);
        EXPECT_EQ(Names{"events"}, other.names());
        EXPECT_TRUE(content == content_of(path));
    }
}

TEST_F(StateTest, DamagedMemoryIsSetAside) {
    leave_behind();
    const std::string good = content_of(path);
    const std::size_t table = good.find("gwebedup");
    const std::vector<std::string> foreign{
        std::string(kSmall, '\0'),
        good.substr(0, 5),
        good.substr(0, kSmall - 1),
        good + "x",
        std::string(good).replace(8, 1, "\7"),
        std::string(good).replace(table, 128, std::string(128, '\0'))};
    for (const std::string& content : foreign) {
        const Folder other;
        path = other.file("events");
        write_content(path, content);
        const Names told = check_state(path, kSmall);
        ASSERT_EQ(1U, told.size());
        EXPECT_NE(std::string::npos, told[0].find("will be set aside"));
        // Who turns back leaves it where it is.
        EXPECT_TRUE(open_state(path, kSmall, nullptr, no_stranger).draft);
        EXPECT_EQ(Names{"events"}, other.names());
        EXPECT_TRUE(content == content_of(path));
        const auto nginx = start();
        ASSERT_EQ(1U, nginx->warnings().size());
        EXPECT_TRUE(nginx->earlier().empty());
        EXPECT_EQ(ClaimOutcome::claimed, nginx->user().claim(1).outcome);
        Names found = other.names();
        std::ranges::sort(found);
        ASSERT_EQ(2U, found.size());
        EXPECT_EQ(0U, found[1].find("events.aside-20"));
        EXPECT_TRUE(content == content_of(other.file(found[1])));
        EXPECT_NE(std::string::npos, nginx->warnings()[0].find(other.file(found[1])));
    }
}

TEST_F(StateTest, NothingThatWasSetAsideIsOverwritten) {
    constexpr std::size_t kTimes = 4;
    for (std::size_t i = 0; i < kTimes; ++i) {
        write_content(path, "whookmem " + std::to_string(i));
        start();
    }
    std::vector<std::string> contents;
    for (const std::string& name : names()) contents.push_back(content_of(folder.file(name)));
    EXPECT_EQ(kTimes + 1, contents.size());
    for (std::size_t i = 0; i < kTimes; ++i) {
        EXPECT_EQ(1, std::ranges::count(contents, "whookmem " + std::to_string(i))) << i;
    }
}

// -- Files that are not trusted

TEST_F(StateTest, ASymbolicLinkIsRefused) {
    leave_behind();
    ASSERT_EQ(0, symlink(path.c_str(), folder.file("link").c_str()));
    path = folder.file("link");
    expect_refused("is a symbolic link");
}

TEST_F(StateTest, AFileThatOthersCanWriteIsRefused) {
    leave_behind();
    for (const mode_t mode : {0620U, 0602U}) {
        ASSERT_EQ(0, chmod(path.c_str(), mode));
        expect_refused("is writable by group or others");
    }
    ASSERT_EQ(0, chmod(path.c_str(), 0644));
    EXPECT_EQ(Names(), start()->warnings());
}

TEST_F(StateTest, AFileWithSeveralNamesIsRefused) {
    leave_behind();
    ASSERT_EQ(0, link(path.c_str(), folder.file("other").c_str()));
    expect_refused("has several names");
}

TEST_F(StateTest, WhatIsNoFileIsRefused) {
    ASSERT_EQ(0, mkfifo(path.c_str(), 0600));
    expect_refused("is not a regular file");
    ::remove(path.c_str());
    ASSERT_EQ(0, mkdir(path.c_str(), 0700));
    expect_refused("Is a directory");
}

TEST_F(StateTest, SomebodyElsesFileIsRefused) {
    if (geteuid() != 0) GTEST_SKIP() << "only root can give files away";
    leave_behind();
    ASSERT_EQ(0, chown(path.c_str(), 65534, 0));
    expect_refused("belongs to the user 65534");
}

// -- A file that is in use

TEST_F(StateTest, WhatAnotherUsesIsShared) {
    const auto nginx = start();
    nginx->user().deliver(1);
    nginx->user().claim(2);
    Child child([&] {
        const auto other = start();
        const bool shared = other->user().claim(2).outcome == ClaimOutcome::in_flight;
        other->user().deliver(3);
        return shared && other->user().claim(1).outcome == ClaimOutcome::duplicate;
    });
    EXPECT_TRUE(child.succeeded());
    EXPECT_EQ(ClaimOutcome::duplicate, nginx->user().claim(3).outcome);
    EXPECT_EQ(Names{"events"}, names());
}

TEST_F(StateTest, ItIsInUseWhileAnyProcessHasIt) {
    auto nginx = start();
    const Signal claimed;
    Child worker([&] {
        const bool is_claimed = nginx->user().claim(1).outcome == ClaimOutcome::claimed;
        claimed.give();
        return is_claimed && pause() == 0;
    });
    claimed.await();
    nginx.reset();
    // The master is gone, a worker of it is not.
    auto next = start();
    EXPECT_EQ(ClaimOutcome::in_flight, next->user().claim(1).outcome);
    EXPECT_TRUE(used_by_others(next->file()));
    next.reset();
    worker.kill_now();
    EXPECT_EQ(0U, start()->user().stats().in_flight);
}

TEST_F(StateTest, InUseWithAnotherSizeItIsRefused) {
    const auto nginx = start();
    const Scene before(folder);
    Child child([&] {
        try {
            open_state(path, kLarge, nullptr, no_stranger);
        } catch (const ConfigError& error) {
            const std::string why = error.what();
            return why.find("in use with another size, 32768 bytes") != std::string::npos;
        }
        return false;
    });
    EXPECT_TRUE(child.succeeded());
    EXPECT_EQ(before.entries.size(), Scene(folder).entries.size());
    EXPECT_EQ(static_cast<off_t>(kSmall), status().st_size);
    nginx->user().deliver(1);
}

// The parent is the one that is upgraded, or any other.
TEST_F(StateTest, OnlyAnUpgradeSharesWithItsParent) {
    const auto nginx = start();
    const std::string parent = "another nginx (pid " + std::to_string(getpid()) + ")";
    Child child([&] {
        const Descriptor file = open_existing(path);
        return stranger_with(file, Origin::fresh) == parent &&
               stranger_with(file, Origin::upgrade).empty();
    });
    EXPECT_TRUE(child.succeeded());
}

TEST_F(StateTest, WhatAStrangerUsesIsRefused) {
    const auto nginx = start();
    Child child([&] {
        try {
            open_state(path, kSmall, nullptr, [](const Descriptor&) { return "another nginx"; });
        } catch (const ConfigError& error) {
            const std::string why = error.what();
            return why.find("is in use by another nginx") != std::string::npos;
        }
        return false;
    });
    EXPECT_TRUE(child.succeeded());
}

TEST_F(StateTest, UnderAClosedTableItIsRefused) {
    const auto nginx = start();
    {
        const DedupMemory::Lock lock(nginx->user().memory());
        nginx->user().table().close();
    }
    EXPECT_THROW(open_state(path, kSmall, nullptr, no_stranger), ConfigError);
    EXPECT_THROW(open_state(path, kSmall, &nginx->file(), no_stranger), ConfigError);
}

TEST_F(StateTest, OfAnotherMachineItIsRefused) {
    const auto nginx = start();
    const std::string content = of_another_boot(content_of(path));
    const Descriptor file = open_existing(path);
    ASSERT_EQ(static_cast<ssize_t>(kSmall), pwrite(file.get(), content.data(), kSmall, 0));
    try {
        open_state(path, kSmall, nullptr, no_stranger);
        FAIL();
    } catch (const ConfigError& error) {
        EXPECT_NE(std::string::npos, std::string(error.what()).find("another machine"));
    }
    EXPECT_TRUE(content == content_of(path));
}

TEST_F(StateTest, AReloadSharesItsOwnFile) {
    const auto nginx = start();
    nginx->user().claim(1);
    Nginx next(open_state(path, kSmall, &nginx->file(), no_stranger));
    EXPECT_TRUE(next.earlier().empty());
    EXPECT_EQ(ClaimOutcome::in_flight, next.user().claim(1).outcome);
    EXPECT_FALSE(used_by_others(next.file()));
}

TEST_F(StateTest, AReloadWithAnotherSizeMakesADraft) {
    const auto nginx = start();
    nginx->user().deliver(1);
    nginx->user().claim(2);
    State state = open_state(path, kLarge, &nginx->file(), no_stranger);
    EXPECT_TRUE(state.draft);
    EXPECT_TRUE(state.earlier.empty());
    EXPECT_EQ(kLarge, state.memory->size());
    EXPECT_EQ(static_cast<off_t>(kSmall), status().st_size);
    EXPECT_EQ(1U, nginx->user().stats().in_flight);
    state.draft->publish();
    EXPECT_EQ(static_cast<off_t>(kLarge), status().st_size);
    EXPECT_EQ((Names{"events", "events.earlier-0"}), names());
    remove_earlier(path, nginx->file());
    EXPECT_EQ(Names{"events"}, names());
}

TEST_F(StateTest, AReloadTakesAnotherFileThatHasTheName) {
    const auto nginx = start();
    path = folder.file("other");
    leave_behind(5);
    ASSERT_EQ(0, rename(path.c_str(), folder.file("events").c_str()));
    path = folder.file("events");
    Nginx next(open_state(path, kSmall, &nginx->file(), no_stranger));
    EXPECT_EQ(5U, next.user().stats().remembered);
    EXPECT_TRUE(same_file(status(), next.file().status()));
}

TEST_F(StateTest, UsedByOthersMeansOtherOpenFiles) {
    const auto nginx = start();
    EXPECT_FALSE(used_by_others(nginx->file()));
    Child worker([&] { return !used_by_others(nginx->file()); });
    EXPECT_TRUE(worker.succeeded());
    {
        const auto other = start();
        EXPECT_TRUE(used_by_others(nginx->file()));
        EXPECT_TRUE(used_by_others(other->file()));
    }
    EXPECT_FALSE(used_by_others(nginx->file()));
}

// -- Who comes first

TEST_F(StateTest, WhoIsRestoringIsWaitedFor) {
    leave_behind();
    SharedMemory<std::atomic<bool>> let_go(0);
    const auto nginx = start_beside([&] { return let_go.journal() = true; });
    EXPECT_TRUE(let_go.journal());
    EXPECT_EQ(10U, nginx->user().stats().remembered);
}

TEST_F(StateTest, WhatTookTheNameMeanwhileIsOpened) {
    leave_behind(20);
    ASSERT_EQ(0, rename(path.c_str(), folder.file("next").c_str()));
    leave_behind(10);
    const auto nginx =
        start_beside([&] { return rename(folder.file("next").c_str(), path.c_str()) == 0; });
    EXPECT_EQ(20U, nginx->user().stats().remembered);
    EXPECT_TRUE(same_file(status(), nginx->file().status()));
}

// Others may replace the file between its being opened and its being locked.
TEST_F(StateTest, WhatIsOpenedHasTheName) {
    leave_behind(10);
    const std::string content = content_of(path);
    Child replacer([&] {
        while (true) {
            write_content(folder.file("next"), content);
            const Descriptor file = open_existing(path);
            if (!has_lock(file, F_WRLCK)) continue;
            if (rename(folder.file("next").c_str(), path.c_str()) != 0) return false;
        }
    });
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(1);
    int opened = 0;
    while (std::chrono::steady_clock::now() < end) {
        const auto nginx = start();
        ASSERT_TRUE(same_file(status(), nginx->file().status())) << opened;
        ASSERT_EQ(10U, nginx->user().stats().remembered);
        ++opened;
    }
    EXPECT_GT(opened, 10);
}

TEST_F(StateTest, WhatLostItsNameMeanwhileIsMadeAnew) {
    leave_behind(10);
    const auto nginx = start_beside([&] { return ::remove(path.c_str()) == 0; });
    EXPECT_EQ(0U, nginx->user().stats().remembered);
    EXPECT_TRUE(same_file(status(), nginx->file().status()));
}

TEST_F(StateTest, WhoMakesTheFileIsWaitedFor) {
    const Signal made;
    SharedMemory<std::atomic<bool>> published(0);
    Child child([&] {
        Nginx first(open_state(path, kSmall, nullptr, no_stranger));
        return first.user().memory().size() == kSmall;
    });
    EXPECT_TRUE(child.succeeded());
    Child maker([&] {
        State state = open_state(path, kSmall, nullptr, no_stranger);
        made.give();
        std::this_thread::sleep_for(kAMoment);
        published.journal() = true;
        state.draft->publish();
        state.draft.reset();
        User user(std::move(state.memory));
        user.deliver(1);
        made.give();
        return pause() == 0;
    });
    made.await();
    const auto nginx = start();
    EXPECT_TRUE(published.journal());
    made.await();
    EXPECT_EQ(ClaimOutcome::duplicate, nginx->user().claim(1).outcome);
}

TEST_F(StateTest, OldWorkersOfAnotherAreWaitedFor) {
    const auto nginx = start();
    nginx->record_undrained(1);
    SharedMemory<std::atomic<bool>> drained(0);
    Child child([&] {
        std::this_thread::sleep_for(kAMoment);
        drained.journal() = true;
        nginx->record_undrained(0);
        return true;
    });
    start();
    EXPECT_TRUE(drained.journal());
    EXPECT_TRUE(child.succeeded());
    // A reload knows of its own.
    nginx->record_undrained(1);
    EXPECT_TRUE(open_state(path, kSmall, &nginx->file(), no_stranger).memory);
}

// Many that start at the same moment.
class Rush : public StateTest {
  protected:
    static constexpr std::size_t kMany = 20;

    struct Board {
        std::atomic<std::size_t> ready, opened, asked;
        std::array<std::atomic<bool>, kMany> open;
        std::atomic<ino_t> inode;
        std::atomic<const char*> wrong;
    };

    // All open the file; each delivers one event, holds the claim of another, and asks for those of
    // all others.
    void rush(std::uint64_t known, std::size_t size = kSmall) {
        SharedMemory<Board> shared(0);
        Board& board = shared.journal();
        std::vector<Child> children;
        for (std::size_t i = 0; i < kMany; ++i) {
            children.emplace_back([&, i] {
                run(board, i, known, size);
                return true;
            });
        }
        for (Child& child : children) EXPECT_TRUE(child.succeeded());
        EXPECT_STREQ(nullptr, board.wrong.load());
        EXPECT_EQ(kMany, board.opened.load());
        EXPECT_EQ(status().st_ino, board.inode.load());
        const auto nginx = start(size);
        EXPECT_EQ(known + kMany, nginx->user().stats().remembered);
        EXPECT_EQ(0U, nginx->user().stats().in_flight);
    }

  private:
    static void meet(std::atomic<std::size_t>& count) {
        ++count;
        while (count < kMany) std::this_thread::yield();
    }
    static void demand(Board& board, bool holds, const char* what) {
        const char* nothing = nullptr;
        if (!holds) board.wrong.compare_exchange_strong(nothing, what);
    }

    void run(Board& board, std::size_t self, std::uint64_t known, std::size_t size) {
        meet(board.ready);
        const auto nginx = start(size);
        nginx->adopt_predecessors(path);
        User& user = nginx->user();
        ino_t nobody = 0;
        const ino_t inode = nginx->file().status().st_ino;
        demand(board, board.inode.compare_exchange_strong(nobody, inode) || nobody == inode,
               "two files are in use");
        demand(board, user.stats().remembered >= known, "events are forgotten");
        demand(board, user.claim(1000 + self).outcome == ClaimOutcome::claimed, "no claim");
        demand(board, user.claim(2000 + self).outcome == ClaimOutcome::claimed, "no delivery");
        user.commit(2000 + self);
        meet(board.opened);
        for (std::size_t other = 0; other < kMany; ++other) {
            demand(board, user.claim(2000 + other).outcome == ClaimOutcome::duplicate,
                   "a delivered event is unknown");
            demand(board,
                   other == self || user.claim(1000 + other).outcome == ClaimOutcome::in_flight,
                   "a living claim is gone");
        }
        meet(board.asked);
    }
};

TEST_F(Rush, WhereThereIsNoFileAllGetTheSame) {
    for (int round = 0; round < 5; ++round) {
        ::remove(path.c_str());
        rush(0);
    }
}

TEST_F(Rush, WhereThereIsAnEmptyFileAllGetTheSame) {
    for (int round = 0; round < 3; ++round) {
        write_content(path, "");
        rush(0);
    }
}

TEST_F(Rush, WhatWasLeftBehindIsRestoredOnce) {
    for (int round = 0; round < 5; ++round) {
        ::remove(path.c_str());
        leave_behind(10);
        write_content(path, of_another_boot(content_of(path)));
        rush(10);
    }
}

TEST_F(Rush, WhatIsSetAsideIsSetAsideOnce) {
    for (std::size_t round = 1; round <= 5; ++round) {
        write_content(path, "whookmem, damaged");
        rush(0);
        EXPECT_EQ(1 + round, names().size());
    }
}

TEST_F(Rush, OneOfAnotherSizeIsCarriedOverOnce) {
    for (int round = 0; round < 5; ++round) {
        ::remove(path.c_str());
        leave_behind(10);
        rush(10, kLarge);
        EXPECT_EQ(Names{"events"}, names());
    }
}

TEST_F(Rush, PredecessorsAreCarriedOverOnce) {
    for (int round = 0; round < 5; ++round) {
        ::remove(path.c_str());
        leave_behind(10, kSmall);
        start(kLarge);
        rush(10, kLarge);
        EXPECT_EQ(Names{"events"}, names());
    }
}

TEST_F(Rush, TheKilledAreInNobodysWay) {
    std::mt19937 random(20260101);
    std::vector<Child> children;
    for (int i = 0; i < 60; ++i) {
        children.emplace_back([&] {
            start();
            return true;
        });
        std::this_thread::sleep_for(std::chrono::microseconds(random() % 500));
        Child& victim = children[random() % children.size()];
        kill(victim.process(), SIGKILL);
    }
    children.clear();
    const auto nginx = start();
    EXPECT_EQ(Names(), nginx->warnings());
    nginx->adopt_predecessors(path);
    nginx->user().deliver(1);
    EXPECT_EQ(ClaimOutcome::duplicate, start()->user().claim(1).outcome);
}

// -- Looking only

TEST_F(StateTest, ACheckChangesNothing) {
    leave_behind();
    const std::string good = content_of(path);
    for (const std::string& content :
         {good, good.substr(0, 100), std::string(kSmall, '\0'), std::string(), good + "x"}) {
        write_content(path, content);
        const Scene before(folder);
        for (const std::size_t size : {kSmall, kLarge}) check_state(path, size);
        EXPECT_TRUE(before == Scene(folder));
    }
    ::remove(path.c_str());
    EXPECT_EQ(Names(), check_state(path, kSmall));
    EXPECT_EQ(Names(), names());
}

TEST_F(StateTest, ACheckHasNothingToSayOfAGoodFile) {
    leave_behind();
    EXPECT_EQ(Names(), check_state(path, kSmall));
    EXPECT_EQ(Names(), check_state(path, kLarge));
    write_content(path, of_another_boot(content_of(path)));
    EXPECT_EQ(Names(), check_state(path, kSmall));
}

TEST_F(StateTest, ACheckTakesNoLock) {
    leave_behind();
    const Descriptor file = open_existing(path);
    ASSERT_TRUE(has_lock(file, F_WRLCK));
    const auto before = std::chrono::steady_clock::now();
    EXPECT_EQ(Names(), check_state(path, kSmall));
    EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(5));
    EXPECT_FALSE(used_by_others(file));
}

TEST_F(StateTest, ACheckLeavesWhatIsInUseAsItIs) {
    const auto nginx = start();
    nginx->user().deliver(1);
    nginx->user().claim(2);
    const Scene before(folder);
    EXPECT_EQ(Names(), check_state(path, kSmall));
    EXPECT_EQ(Names(), check_state(path, kLarge));
    EXPECT_TRUE(before == Scene(folder));
    EXPECT_EQ(1U, nginx->user().stats().in_flight);
}

TEST_F(StateTest, PathsAreToldApartByTheirFolder) {
    ASSERT_EQ(0, mkdir(folder.file("a").c_str(), 0700));
    ASSERT_EQ(0, symlink("a", folder.file("b").c_str()));
    const std::string expected = canonical_path(folder.file("a/events"));
    for (const char* other : {"b/events", "a/../a/events", "./a/events", "a//events"}) {
        EXPECT_EQ(expected, canonical_path(folder.file(other))) << other;
    }
    EXPECT_NE(expected, canonical_path(folder.file("events")));
    EXPECT_NE(expected, canonical_path(folder.file("a/other")));
    EXPECT_EQ(folder.file("nowhere/events"), canonical_path(folder.file("nowhere/events")));
}

}  // namespace
}  // namespace webhook
