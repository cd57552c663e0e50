#include "store/capture_ring.h"

#include <gtest/gtest.h>

#include <sched.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <thread>

#include "base/errors.h"
#include "process_fixture.h"
#include "store/fault_point.h"

namespace webhook {
namespace {

using namespace std::literals;
using testing::Child;
using testing::content_of;
using testing::Folder;
using testing::write_content;

constexpr CaptureLimits kLimits{5, 1h};
constexpr mode_t kPrivate = 0700;

Milliseconds now() {
    return std::chrono::duration_cast<Milliseconds>(
        std::chrono::system_clock::now().time_since_epoch());
}

// The name of the n-th capture.
std::string name_of(int number) {
    const std::string digits = std::to_string(1000 + number);
    return "20261231T235959." + digits.substr(1) + "Z-bad_signature";
}

std::string refusal(const std::string& path, uid_t user = geteuid()) {
    try {
        const CaptureRing ring(path, kLimits, user);
    } catch (const ConfigError& error) {
        return error.what();
    }
    return "";
}

class Ring : public ::testing::Test {
  protected:
    Ring() { chmod(folder_.path().c_str(), kPrivate); }
    ~Ring() override { capture_point = nullptr; }

    CaptureRing ring(const CaptureLimits& limits = kLimits) const {
        return {folder_.path(), limits, geteuid()};
    }
    void store(int number, const std::string& text = "text") const {
        ring().store(name_of(number), text, now());
    }
    std::vector<std::string> names() const {
        auto found = folder_.names();
        std::ranges::sort(found);
        return found;
    }
    // The beginnings of the names of the captures.
    std::vector<std::string> captures() const {
        std::vector<std::string> found;
        for (const std::string& name : names()) {
            if (CaptureRing::is_capture_name(name)) found.push_back(name.substr(0, 34));
        }
        return found;
    }
    void make_older(const std::string& name, std::chrono::seconds age) const {
        const timespec then{(now() / 1s) - age.count(), 0};
        const timespec times[] = {then, then};
        ASSERT_EQ(utimensat(AT_FDCWD, folder_.file(name).c_str(), times, AT_SYMLINK_NOFOLLOW), 0);
    }
    std::string failure(const std::string& text = "text") const {
        try {
            ring().store(name_of(1), text, now());
        } catch (const CaptureError& error) {
            return error.what();
        }
        return "";
    }

    Folder folder_;
};

TEST_F(Ring, WritesAFileForItsOwnerOnly) {
    umask(0);
    store(1, "some text");
    ASSERT_EQ(names().size(), 1U);
    const std::string path = folder_.file(names().front());
    EXPECT_EQ(content_of(path), "some text");
    struct stat status {};
    ASSERT_EQ(stat(path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777U, 0600U);
}

TEST_F(Ring, WritesNothingWhereOthersMayRead) {
    const CaptureRing opened = ring();
    for (mode_t mode : {0755U, 0750U, 0701U, 0720U}) {
        ASSERT_EQ(chmod(folder_.path().c_str(), mode), 0);
        try {
            opened.store(name_of(1), "text", now());
            ADD_FAILURE() << "it is written";
        } catch (const CaptureError& error) {
            EXPECT_NE(
                std::string_view(error.what()).find("is open to its group or to others (mode 07"),
                std::string_view::npos)
                << error.what();
        }
    }
    EXPECT_EQ(names().size(), 0U);
    ASSERT_EQ(chmod(folder_.path().c_str(), kPrivate), 0);
    opened.store(name_of(1), "text", now());
    EXPECT_EQ(names().size(), 1U);
}

TEST_F(Ring, KnowsItsOwnNames) {
    const std::string good = "20261231T235959.000Z-bad_signature-12-3.http";
    EXPECT_TRUE(CaptureRing::is_capture_name(good));
    for (std::size_t i = 0; i < good.size(); ++i) {
        std::string bad = good;
        bad[i] = '?';
        EXPECT_FALSE(CaptureRing::is_capture_name(bad)) << bad;
    }
    for (std::string_view bad :
         {"", ".http", "20261231T235959.000Z-bad_signature-12-3", "20261231T235959.000Z-a-1.http",
          "20261231T235959.000Z--1-2.http", "20261231T235959.000Z-a-1-2-3.http",
          "20261231T235959.000Z-A-1-2.http", "20261231T235959.000Z-a-1-.http",
          "x20261231T235959.000Z-a-1-2.http", "notes.http"}) {
        EXPECT_FALSE(CaptureRing::is_capture_name(bad)) << bad;
    }
}

TEST_F(Ring, KeepsTheLatest) {
    for (int i = 1; i <= 8; ++i) {
        store(i);
        EXPECT_EQ(names().size(), static_cast<std::size_t>(std::min(i, 5)));
    }
    EXPECT_EQ(captures().front(), name_of(4));
    EXPECT_EQ(captures().back(), name_of(8));
}

TEST_F(Ring, ShrinksToASmallerLimit) {
    for (int i = 1; i <= 5; ++i) store(i);
    ring({2, 1h}).store(name_of(6), "text", now());
    EXPECT_EQ(captures(), (std::vector{name_of(5), name_of(6)}));
}

TEST_F(Ring, KeepsNoneButOne) {
    ring({1, 1h}).store(name_of(1), "text", now());
    ring({1, 1h}).store(name_of(2), "text", now());
    EXPECT_EQ(captures(), std::vector{name_of(2)});
}

TEST_F(Ring, GivesEachFileANameOfItsOwn) {
    store(1);
    store(1);
    EXPECT_EQ(captures(), (std::vector{name_of(1), name_of(1)}));
}

TEST_F(Ring, RemovesWhatIsTooOld) {
    store(1);
    store(2);
    const auto stored = names();
    make_older(stored[0], 3601s);
    make_older(stored[1], 3500s);
    const auto due = ring().sweep(now());
    EXPECT_EQ(names(), std::vector{stored[1]});
    ASSERT_TRUE(due);
    EXPECT_NEAR(static_cast<double>((*due - now()).count()), 100'000.0, 2'000.0);
    make_older(stored[1], 3601s);
    store(3);
    EXPECT_EQ(captures(), std::vector{name_of(3)});
    make_older(names()[0], 3601s);
    EXPECT_FALSE(ring().sweep(now()));
    EXPECT_TRUE(names().empty());
}

// Files of others, links, directories, and names that are nearly right.
TEST_F(Ring, LeavesAllElse) {
    Folder elsewhere;
    write_content(elsewhere.file("target"), "precious");
    const std::string link = "20201231T235959.000Z-bad_signature-1-1.http";
    const std::string directory = "20201231T235959.000Z-bad_signature-1-2.http";
    ASSERT_EQ(symlink(elsewhere.file("target").c_str(), folder_.file(link).c_str()), 0);
    ASSERT_EQ(symlink(elsewhere.file("target").c_str(), folder_.file('.' + link).c_str()), 0);
    ASSERT_EQ(mkdir(folder_.file(directory).c_str(), kPrivate), 0);
    for (const char* name : {"notes.http", ".hidden", "20201231T235959.000Z-bad_signature-1-1.txt",
                             "..20201231T235959.000Z-bad_signature-1-1.http"}) {
        write_content(folder_.file(name), "mine");
        make_older(name, 24h);
    }
    const auto before = names();
    for (int i = 1; i <= 7; ++i) store(i);
    ring().sweep(now() + 2h);
    EXPECT_EQ(names(), before);
    EXPECT_EQ(content_of(elsewhere.file("target")), "precious");
    EXPECT_EQ(content_of(folder_.file("notes.http")), "mine");
}

// The directory stays the one that was checked.
TEST_F(Ring, FollowsNoLinkThatTakesThePlaceOfTheDirectory) {
    Folder elsewhere;
    const CaptureRing known = ring();
    const std::string moved = folder_.path() + "-moved";
    ASSERT_EQ(rename(folder_.path().c_str(), moved.c_str()), 0);
    ASSERT_EQ(symlink(elsewhere.path().c_str(), folder_.path().c_str()), 0);
    known.store(name_of(1), "text", now());
    EXPECT_TRUE(elsewhere.names().empty());
    unlink(folder_.path().c_str());
    ASSERT_EQ(rename(moved.c_str(), folder_.path().c_str()), 0);
    EXPECT_EQ(captures(), std::vector{name_of(1)});
}

TEST_F(Ring, RefusesUnsafeDirectories) {
    const std::string path = folder_.path();
    EXPECT_EQ(refusal(path), "");
    EXPECT_EQ(refusal(path + "/"), "");
    EXPECT_TRUE(
        refusal("/proc/self/cmdline/absent").ends_with("cannot be opened: Not a directory"));
    EXPECT_TRUE(refusal(folder_.file("absent"))
                    .starts_with("the directory \"" + folder_.file("absent") +
                                 "\" of \"webhook_capture\" does not exist: \"mkdir -m 700 "));
    write_content(folder_.file("file"), "");
    EXPECT_NE(refusal(folder_.file("file")).find("is not a directory"), std::string::npos);
    ASSERT_EQ(symlink(path.c_str(), folder_.file("link").c_str()), 0);
    for (const char* end : {"", "/", "/.", "//", "/./"}) {
        EXPECT_NE(refusal(folder_.file("link") + end).find("is a symbolic link"), std::string::npos)
            << end;
    }
    EXPECT_NE(refusal(path, geteuid() + 1).find("must own it: \"chown"), std::string::npos);
}

TEST_F(Ring, RefusesDirectoriesThatAreOpenToOthers) {
    const std::string path = folder_.path();
    for (mode_t mode : {0701U, 0702U, 0704U, 0710U, 0720U, 0740U, 0755U, 01777U}) {
        ASSERT_EQ(chmod(path.c_str(), mode), 0);
        EXPECT_NE(refusal(path).find("is open to its group or to others (mode "),
                  std::string::npos);
        EXPECT_NE(refusal(path).find("\"chmod 700 " + path + "\""), std::string::npos);
    }
    for (mode_t mode : {0500U, 0600U, 0300U}) {
        ASSERT_EQ(chmod(path.c_str(), mode), 0);
        EXPECT_NE(refusal(path).find("cannot be"), std::string::npos) << mode;
    }
    ASSERT_EQ(chmod(path.c_str(), kPrivate), 0);
}

TEST_F(Ring, RefusesADiskThatIsReadOnly) {
    Child child([&] {
        if (unshare(CLONE_NEWNS) != 0 ||
            mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
            mount("none", folder_.path().c_str(), "tmpfs", MS_RDONLY, "size=64k,mode=700") != 0) {
            return true;
        }
        return refusal(folder_.path()).find("cannot be written to: Read-only file system") !=
               std::string::npos;
    });
    EXPECT_TRUE(child.succeeded());
}

TEST_F(Ring, KnowsTheSameDirectory) {
    const Folder other;
    chmod(other.path().c_str(), kPrivate);
    const CaptureRing known = ring();
    EXPECT_TRUE(known.is_same_directory(
        {folder_.path() + "/../" + folder_.path().substr(folder_.path().rfind('/') + 1), kLimits,
         geteuid()}));
    EXPECT_FALSE(known.is_same_directory({other.path(), kLimits, geteuid()}));
}

// Whatever another process does, this one sees whole files, and never more than it may.
TEST_F(Ring, IsSharedByProcesses) {
    constexpr int kEach = 100;
    const std::string text(40'000, 'x');
    const auto writes = [&] {
        for (int i = 0; i < kEach; ++i) store(i, text);
        return true;
    };
    std::vector<Child> children;
    for (int i = 0; i < 4; ++i) children.emplace_back(writes);
    int status = 0;
    std::size_t most = 0;
    while (!children.empty()) {
        const auto seen = names();
        most = std::max(most, seen.size());
        for (const std::string& name : seen) {
            if (!CaptureRing::is_capture_name(name)) continue;
            std::ifstream stream(folder_.file(name));
            // It may be gone by now.
            if (!stream) continue;
            const std::string found{std::istreambuf_iterator<char>(stream), {}};
            ASSERT_EQ(found.size(), text.size());
        }
        if (children.back().has_ended(status)) {
            EXPECT_EQ(status, 0);
            children.pop_back();
        }
    }
    // A listing is no snapshot, so it may show a file with its old and its new name.
    EXPECT_LE(most, kLimits.max + 1);
    EXPECT_EQ(names().size(), kLimits.max);
}

// Killed at each place where a test may kill it: what is left is removed by the next.
TEST_F(Ring, SurvivesTheDeathOfAWriter) {
    static int left;
    const std::string text(40'000, 'x');
    int deaths = 0;
    for (int point = 1;; ++point) {
        Child child([&] {
            left = point;
            capture_point = [] {
                if (--left == 0) raise(SIGKILL);
            };
            store(point, text);
            return true;
        });
        if (!child.was_killed()) break;
        ++deaths;
        const auto found = names();
        ASSERT_TRUE(std::ranges::any_of(found, [](auto& name) { return name.starts_with('.'); }));
        for (const std::string& name : found) {
            if (name.starts_with('.')) continue;
            EXPECT_EQ(content_of(folder_.file(name)).size(), text.size());
        }
        if (point % 2 == 0) {
            ring().sweep(now());
        } else {
            store(100 + point, text);
        }
        const auto left_over = names();
        EXPECT_TRUE(std::ranges::none_of(left_over, [](auto& name) { return name[0] == '.'; }));
    }
    EXPECT_EQ(deaths, 4);
}

// Others than a dead process may have it.
TEST_F(Ring, WaitsForALockNotForEver) {
    const testing::Signal locked;
    Child child([&] {
        const Descriptor own(open(folder_.path().c_str(), O_RDONLY));
        if (flock(own.get(), LOCK_EX) != 0) return false;
        locked.give();
        pause();
        return true;
    });
    locked.await();
    const auto start = std::chrono::steady_clock::now();
    EXPECT_EQ(failure(), "another process has the directory locked");
    EXPECT_LT(std::chrono::steady_clock::now() - start, 5s);
    child.kill_now();
    EXPECT_EQ(failure(), "");
}

TEST_F(Ring, TellsWhyItCannotWrite) {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    Child child([&] {
        const CaptureRing known = ring();
        if (setuid(65534) != 0) return false;
        try {
            known.store(name_of(1), "text", now());
        } catch (const CaptureError& error) {
            return error.what() == "cannot open the directory: Permission denied"s;
        }
        return false;
    });
    EXPECT_TRUE(child.succeeded());
    EXPECT_TRUE(names().empty());
}

TEST_F(Ring, TellsThatItsDirectoryIsGone) {
    const CaptureRing known = ring();
    ASSERT_EQ(rmdir(folder_.path().c_str()), 0);
    try {
        known.store(name_of(1), "text", now());
        FAIL();
    } catch (const CaptureError& error) {
        EXPECT_EQ(
            error.what(),
            "the directory was removed, a reload finds a new one: No such file or directory"s);
    }
}

// The kernel would kill the process for trying.
TEST_F(Ring, ObeysTheLimitOfFiles) {
    Child child([&] {
        const struct rlimit limit { 1000, 1000 };
        if (setrlimit(RLIMIT_FSIZE, &limit) != 0) return false;
        return failure(std::string(2000, 'x')) == "cannot write a file: File too large" &&
               failure(std::string(900, 'x')).empty();
    });
    EXPECT_TRUE(child.succeeded());
    EXPECT_EQ(names().size(), 1U);
}

TEST_F(Ring, LeavesNoPieceOnAFullDisk) {
    Child child([&] {
        if (unshare(CLONE_NEWNS) != 0 ||
            mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
            mount("none", folder_.path().c_str(), "tmpfs", 0, "size=64k,mode=700") != 0) {
            return true;
        }
        write_content(folder_.file("mounted"), "");
        store(1, std::string(20'000, 'x'));
        const bool is_told =
            failure(std::string(80'000, 'x')) == "cannot write a file: No space left on device";
        const bool is_clean = names().size() == 2 && captures() == std::vector{name_of(1)};
        store(2, std::string(20'000, 'x'));
        return is_told && is_clean && captures().size() == 2;
    });
    EXPECT_TRUE(child.succeeded());
}

}  // namespace
}  // namespace webhook
