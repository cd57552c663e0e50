#include "store/capture_writer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <functional>
#include <thread>

#include "process_fixture.h"
#include "store/fault_point.h"

namespace webhook {
namespace {

using namespace std::literals;
using testing::Child;
using testing::content_of;
using testing::Folder;

constexpr auto kLong = 10s;

// A disk that does not answer.
std::atomic<bool> is_stuck;

void wait_for_disk() {
    while (is_stuck) std::this_thread::sleep_for(1ms);
}

class Writer : public ::testing::Test {
  protected:
    Writer() {
        chmod(folder_.path().c_str(), 0700);
        capture_point = wait_for_disk;
    }
    ~Writer() override {
        is_stuck = false;
        writer_.reset();
        // A thread that was left alone has ended when it lets go of the ring.
        await([this] { return ring_.use_count() <= 1; });
        capture_point = nullptr;
    }

    void open(const CaptureLimits& limits = {100, 1h}) {
        ring_ = std::make_shared<const CaptureRing>(folder_.path(), limits, geteuid());
    }
    void write(const std::string& text = "text") {
        writer_->write({ring_, "20261231T235959.000Z-bad_signature", text});
    }
    std::size_t count() const {
        const auto names = folder_.names();
        return static_cast<std::size_t>(std::ranges::count_if(names, CaptureRing::is_capture_name));
    }
    static bool await(const std::function<bool()>& condition) {
        const auto deadline = std::chrono::steady_clock::now() + kLong;
        while (!condition()) {
            if (std::chrono::steady_clock::now() > deadline) return false;
            std::this_thread::sleep_for(1ms);
        }
        return true;
    }
    // Waits until the thread is where it cannot go on.
    bool await_stuck() {
        return await([this] {
            const auto names = folder_.names();
            return std::ranges::any_of(names, [](auto& name) { return name.starts_with('.'); });
        });
    }

    Folder folder_;
    std::shared_ptr<const CaptureRing> ring_;
    std::unique_ptr<CaptureWriter> writer_ = std::make_unique<CaptureWriter>();
};

TEST_F(Writer, Writes) {
    open();
    EXPECT_FALSE(writer_->is_busy());
    write("some text");
    ASSERT_TRUE(await([this] { return !writer_->is_busy(); }));
    ASSERT_EQ(count(), 1U);
    EXPECT_EQ(content_of(folder_.file(folder_.names().front())), "some text");
    EXPECT_EQ(writer_->take_report().failed, 0U);
}

TEST_F(Writer, NeverWaitsAndDropsWhatIsTooMuch) {
    open();
    is_stuck = true;
    write();
    ASSERT_TRUE(await_stuck());
    for (std::size_t i = 0; i < kMostWaitingCaptures; ++i) {
        EXPECT_TRUE(writer_->has_room());
        write();
    }
    EXPECT_FALSE(writer_->has_room());
    write();
    EXPECT_TRUE(writer_->is_busy());
    EXPECT_EQ(writer_->take_report().dropped, 2U);
    EXPECT_EQ(writer_->take_report().dropped, 0U);
    is_stuck = false;
    ASSERT_TRUE(await([this] { return !writer_->is_busy(); }));
    EXPECT_EQ(count(), kMostWaitingCaptures + 1);
    EXPECT_TRUE(writer_->has_room());
}

TEST_F(Writer, WritesAllBeforeItStops) {
    open();
    for (std::size_t i = 0; i < kMostWaitingCaptures; ++i) write();
    writer_->stop(kLong);
    EXPECT_EQ(count(), kMostWaitingCaptures);
    EXPECT_FALSE(writer_->has_room());
    write();
    EXPECT_EQ(count(), kMostWaitingCaptures);
}

TEST_F(Writer, DoesNotWaitForADiskInTheEnd) {
    open();
    is_stuck = true;
    write();
    ASSERT_TRUE(await_stuck());
    write();
    const auto start = std::chrono::steady_clock::now();
    writer_->stop(20ms);
    const auto taken = std::chrono::steady_clock::now() - start;
    EXPECT_GE(taken, 20ms);
    EXPECT_LT(taken, 5s);
    EXPECT_EQ(writer_->take_report().dropped, 1U);
    is_stuck = false;
    // What it had begun.
    EXPECT_TRUE(await([this] { return count() == 1; }));
}

TEST_F(Writer, StopsThoughItNeverBegan) {
    writer_->stop(0ms);
    EXPECT_FALSE(writer_->has_room());
}

TEST_F(Writer, TellsWhatFailed) {
    open();
    ASSERT_EQ(rmdir(folder_.path().c_str()), 0);
    write();
    write();
    ASSERT_TRUE(await([this] { return !writer_->is_busy(); }));
    const CaptureWriter::Report report = writer_->take_report();
    EXPECT_EQ(report.failed, 2U);
    EXPECT_EQ(report.failure,
              "the directory was removed, a reload finds a new one: No such file or directory");
    EXPECT_EQ(report.directory, folder_.path());
}

TEST_F(Writer, RemovesOldFilesByItself) {
    open({100, 50ms});
    write();
    ASSERT_TRUE(await([this] { return !writer_->is_busy(); }));
    EXPECT_TRUE(await([this] { return count() == 0; }));
}

TEST_F(Writer, RemovesOldFilesOfOthers) {
    open({100, 50ms});
    Child child([this] {
        ring_->store("20261231T235959.000Z-bad_signature", "text", Milliseconds(0));
        return true;
    });
    ASSERT_TRUE(child.succeeded());
    ASSERT_EQ(count(), 1U);
    writer_->watch(ring_);
    EXPECT_TRUE(await([this] { return count() == 0; }));
}

// Signals are for the thread of nginx.
TEST_F(Writer, TakesNoSignal) {
    open();
    static std::atomic<pthread_t> handled_by;
    static std::atomic<int> handled;
    struct sigaction before {};
    struct sigaction action {};
    action.sa_handler = [](int) {
        handled_by = pthread_self();
        ++handled;
    };
    ASSERT_EQ(sigaction(SIGHUP, &action, &before), 0);
    write();
    sigset_t hangup;
    sigset_t mask;
    sigemptyset(&hangup);
    sigaddset(&hangup, SIGHUP);
    // Here it is blocked, so that only the writer could take it.
    pthread_sigmask(SIG_BLOCK, &hangup, &mask);
    EXPECT_FALSE(sigismember(&mask, SIGHUP));
    kill(getpid(), SIGHUP);
    std::this_thread::sleep_for(20ms);
    EXPECT_EQ(handled, 0);
    pthread_sigmask(SIG_SETMASK, &mask, nullptr);
    EXPECT_EQ(handled, 1);
    EXPECT_TRUE(pthread_equal(handled_by, pthread_self()));
    sigaction(SIGHUP, &before, nullptr);
}

}  // namespace
}  // namespace webhook
