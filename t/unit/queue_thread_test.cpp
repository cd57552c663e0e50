#include "store/queue_thread.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <thread>

#include "failing_disk.h"
#include "queue_fixture.h"
#include "store/fault_point.h"

namespace webhook::testing {
namespace {

constexpr auto kLong = 20s;

// A disk that does not answer, or fails.
std::atomic<bool> is_stuck;
std::atomic<bool> is_waiting;
std::atomic<bool> is_broken;
std::atomic<int> commits;

bool wait_for_disk() {
    ++commits;
    while (is_stuck) {
        is_waiting = true;
        std::this_thread::sleep_for(1ms);
    }
    is_waiting = false;
    return !is_broken;
}

class QueueThreadTest : public QueueTest {
  protected:
    QueueThreadTest() {
        is_stuck = is_broken = false;
        queue_point = wait_for_disk;
    }
    ~QueueThreadTest() override {
        is_stuck = false;
        is_broken = false;
        if (thread_) thread_->stop(kLong);
        thread_.reset();
        queue_point = nullptr;
    }

    void start(Milliseconds care_interval = 10ms) {
        QueueThread::Settings settings;
        settings.file = options();
        settings.care_interval = care_interval;
        thread_ = std::make_unique<QueueThread>(settings);
        ASSERT_TRUE(await([this] { return thread_->owner().has_value(); }));
    }
    // Collects until it is true, as an event loop does.
    bool await(const std::function<bool()>& condition) {
        const auto deadline = std::chrono::steady_clock::now() + kLong;
        while (!condition()) {
            pollfd bell{thread_->wakeup(), POLLIN, 0};
            if (poll(&bell, 1, 5) > 0) thread_->collect();
            if (std::chrono::steady_clock::now() > deadline) return false;
        }
        return true;
    }
    bool accept_one(std::uint64_t number) {
        return thread_->accept(incoming(number), [this](const Accepted& accepted) {
            EXPECT_EQ(std::this_thread::get_id(), own_);
            results_.push_back(accepted);
        });
    }
    std::size_t count(Stored outcome) const {
        return static_cast<std::size_t>(std::ranges::count(results_, outcome, &Accepted::outcome));
    }
    // What the thread holds in its file now.
    std::uint64_t waiting_entries() {
        std::optional<std::uint64_t> waiting;
        EXPECT_TRUE(thread_->ask<QueueStats>(
            [](QueueFile& file) { return file.stats(); },
            [&](const std::optional<QueueStats>& stats, const std::string& failure) {
                EXPECT_EQ(failure, "");
                waiting = stats->targets.empty() ? 0 : stats->targets.front().waiting;
            }));
        EXPECT_TRUE(await([&] { return waiting.has_value(); }));
        return waiting.value_or(0);
    }

    std::thread::id own_ = std::this_thread::get_id();
    std::vector<Accepted> results_;
    std::unique_ptr<QueueThread> thread_;
};

TEST_F(QueueThreadTest, StoresAndTells) {
    start();
    EXPECT_TRUE(accept_one(1));
    ASSERT_TRUE(await([this] { return results_.size() == 1; }));
    EXPECT_EQ(results_[0].outcome, Stored::stored);
    EXPECT_EQ(waiting_entries(), 1U);
    EXPECT_EQ(thread_->waiting(), 0U);
    EXPECT_TRUE(thread_->take_report().is_usable);
    EXPECT_EQ(thread_->take_report().failure, "");
}

TEST_F(QueueThreadTest, StoresTogetherWhatWaits) {
    start(1h);
    is_stuck = true;
    accept_one(0);
    ASSERT_TRUE(await([] { return is_waiting.load(); }));
    for (std::uint64_t i = 1; i <= 100; ++i) EXPECT_TRUE(accept_one(i));
    EXPECT_EQ(thread_->waiting(), 101U);
    const int before = commits;
    is_stuck = false;
    ASSERT_TRUE(await([this] { return results_.size() == 101; }));
    EXPECT_EQ(commits, before + 1);
    EXPECT_EQ(count(Stored::stored), 101U);
}

TEST_F(QueueThreadTest, IsBounded) {
    start(1h);
    is_stuck = true;
    accept_one(0);
    ASSERT_TRUE(await([] { return is_waiting.load(); }));
    for (std::size_t i = 0; i < kMostWaitingDeliveries; ++i) EXPECT_TRUE(accept_one(i));
    EXPECT_FALSE(accept_one(1));
    for (std::size_t i = 0; i < kMostWaitingJobs; ++i) {
        EXPECT_TRUE(thread_->run([](QueueFile&) {}, [](const std::string&) {}));
    }
    EXPECT_FALSE(thread_->run([](QueueFile&) {}, [](const std::string&) {}));
    is_stuck = false;
    ASSERT_TRUE(await([this] { return results_.size() == kMostWaitingDeliveries + 1; }));
}

TEST_F(QueueThreadTest, TellsWhyAJobFailed) {
    start();
    std::string why;
    const auto fail = [](QueueFile&) { throw QueueError("as it is"); };
    EXPECT_TRUE(thread_->run(fail, [&](const std::string& failure) { why = failure; }));
    ASSERT_TRUE(await([&] { return !why.empty(); }));
    EXPECT_EQ(why, "as it is");
    EXPECT_EQ(thread_->take_report().failure, "as it is");
    EXPECT_EQ(thread_->take_report().failure, "");
}

TEST_F(QueueThreadTest, RecoversFromAFailingDisk) {
    start();
    accept_one(1);
    ASSERT_TRUE(await([this] { return results_.size() == 1; }));
    is_broken = true;
    accept_one(2);
    ASSERT_TRUE(await([this] { return results_.size() == 2; }));
    EXPECT_EQ(results_[1].outcome, Stored::failed);
    ASSERT_TRUE(await([this] { return !thread_->take_report().is_usable; }));
    accept_one(3);
    ASSERT_TRUE(await([this] { return results_.size() == 3; }));
    EXPECT_EQ(results_[2].outcome, Stored::failed);
    is_broken = false;
    ASSERT_TRUE(await([this] { return thread_->take_report().is_usable; }));
    accept_one(4);
    ASSERT_TRUE(await([this] { return results_.size() == 4; }));
    EXPECT_EQ(results_[3].outcome, Stored::stored);
    EXPECT_EQ(waiting_entries(), 2U);
}

TEST_F(QueueThreadTest, WaitsForAFileThatCannotBeOpened) {
    chmod(folder_.path().c_str(), 0777);
    QueueThread::Settings settings;
    settings.file = options();
    thread_ = std::make_unique<QueueThread>(settings);
    accept_one(1);
    ASSERT_TRUE(await([this] { return results_.size() == 1; }));
    EXPECT_EQ(results_[0].outcome, Stored::failed);
    QueueThread::Report report = thread_->take_report();
    EXPECT_FALSE(report.is_usable);
    EXPECT_NE(report.failure.find("is writable by group or others"), std::string::npos);
    chmod(folder_.path().c_str(), 0700);
    ASSERT_TRUE(await([this] { return thread_->owner().has_value(); }));
    accept_one(2);
    ASSERT_TRUE(await([this] { return results_.size() == 2; }));
    EXPECT_EQ(results_[1].outcome, Stored::stored);
}

TEST_F(QueueThreadTest, TakesOverAndExpiresOnItsOwn) {
    {
        open();
        for (std::uint64_t i = 0; i < 600; ++i) store(incoming(i));
        EXPECT_EQ(take(600).size(), 600U);
        file_.reset();
    }
    start();
    std::size_t taken_over = 0;
    ASSERT_TRUE(await([&] {
        taken_over += thread_->take_report().taken_over;
        return taken_over == 600;
    }));
    EXPECT_EQ(waiting_entries(), 600U);
}

TEST_F(QueueThreadTest, RemovesOldOnesOnItsOwn) {
    {
        open();
        now_ = Milliseconds(1);
        for (std::uint64_t i = 0; i < 600; ++i) {
            Incoming one = incoming(i);
            one.targets.front().at = Milliseconds(0);
            store(one);
        }
        for (const Taken& taken : take(600)) finish(taken.entry, Outcome::Kind::done);
        file_.reset();
    }
    start();
    const auto done = [this] {
        std::optional<std::uint64_t> done;
        thread_->ask<QueueStats>([](QueueFile& file) { return file.stats(); },
                                 [&](const std::optional<QueueStats>& stats, const std::string&) {
                                     done = stats->targets.front().done;
                                 });
        EXPECT_TRUE(await([&] { return done.has_value(); }));
        return done.value_or(1);
    };
    const auto deadline = std::chrono::steady_clock::now() + kLong;
    while (done() > 0 && std::chrono::steady_clock::now() < deadline) continue;
    EXPECT_EQ(done(), 0U);
}

TEST_F(QueueThreadTest, FinishesWhatItHasTakenBeforeItStops) {
    start();
    for (std::uint64_t i = 0; i < 500; ++i) accept_one(i);
    thread_->stop(kLong);
    EXPECT_EQ(results_.size(), 500U);
    EXPECT_EQ(count(Stored::stored), 500U);
    EXPECT_FALSE(accept_one(500));
    EXPECT_FALSE(thread_->run([](QueueFile&) {}, [](const std::string&) {}));
    EXPECT_EQ(folder_.names().size(), 2U);
    open();
    EXPECT_EQ(list({}, 100).size(), 500U);
}

TEST_F(QueueThreadTest, DoesNotWaitForADiskInTheEnd) {
    start();
    is_stuck = true;
    accept_one(1);
    ASSERT_TRUE(await([] { return is_waiting.load(); }));
    const auto begin = std::chrono::steady_clock::now();
    thread_->stop(20ms);
    const auto taken = std::chrono::steady_clock::now() - begin;
    EXPECT_GE(taken, 20ms);
    EXPECT_LT(taken, 5s);
    EXPECT_TRUE(results_.empty());
    // The thread that was left alone ends; what it stored is there.
    is_stuck = false;
    const auto deadline = std::chrono::steady_clock::now() + kLong;
    while (folder_.names().size() > 2 && std::chrono::steady_clock::now() < deadline) {
        std::this_thread::sleep_for(1ms);
    }
    EXPECT_EQ(folder_.names().size(), 2U);
}

TEST_F(QueueThreadTest, TwoProcessesShareTheFile) {
    start();
    Child other([this] {
        // Threads do not survive a fork: it makes its own.
        thread_.release();
        start();
        for (std::uint64_t i = 0; i < 300; ++i) accept_one(1000 + i);
        return await([this] { return results_.size() == 300; }) && count(Stored::stored) == 300;
    });
    for (std::uint64_t i = 0; i < 300; ++i) {
        accept_one(i);
        if (i % 10 == 0) {
            EXPECT_TRUE(await([&] { return results_.size() == i + 1; }));
        }
    }
    ASSERT_TRUE(await([this] { return results_.size() == 300; }));
    EXPECT_EQ(count(Stored::stored), 300U);
    EXPECT_TRUE(other.succeeded());
    EXPECT_EQ(waiting_entries(), 600U);
}

// Signals are for the thread of nginx.
TEST_F(QueueThreadTest, TakesNoSignal) {
    static std::atomic<int> handled;
    struct sigaction before {};
    struct sigaction action {};
    action.sa_handler = [](int) { ++handled; };
    ASSERT_EQ(sigaction(SIGHUP, &action, &before), 0);
    start();
    sigset_t hangup;
    sigset_t mask;
    sigemptyset(&hangup);
    sigaddset(&hangup, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &hangup, &mask);
    kill(getpid(), SIGHUP);
    EXPECT_EQ(waiting_entries(), 0U);
    EXPECT_EQ(handled, 0);
    pthread_sigmask(SIG_SETMASK, &mask, nullptr);
    EXPECT_EQ(handled, 1);
    sigaction(SIGHUP, &before, nullptr);
}

}  // namespace
}  // namespace webhook::testing
