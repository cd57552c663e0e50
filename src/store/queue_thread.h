// The thread that works on a queue's file, so that nobody waits for the disk in an event loop.
//
// A process has one for each queue, made after its fork. The thread blocks all signals and calls
// nothing but this house, the body readers and the jobs' work. It opens the file itself. All
// deliveries that wait to be stored are stored together, with one wait for the disk.
//
// What is asked for is done in the order of the calls, but storing goes first. Each callback is
// called once, by collect(), in the caller's thread; what a thread that was left alone had not
// finished is told to nobody. The inbox is bounded. No call waits for the disk, except stop(), for
// as long as it is told.
//
// On its own, the thread takes over what dead processes were sending, removes what is kept for long
// enough, writes the log back, and tries to make an unusable file usable again.

#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/time.h"
#include "store/queue_file.h"

namespace webhook {

// The most deliveries that wait to be stored, and the most jobs that wait.
inline constexpr std::size_t kMostWaitingDeliveries = 1024;
inline constexpr std::size_t kMostWaitingJobs = 1024;

class QueueThread {
  public:
    struct Settings {
        QueueFile::Options file;
        Milliseconds keep{std::chrono::hours(24)};
        Milliseconds dead_keep{std::chrono::days(30)};
        // How often it looks after the file on its own.
        Milliseconds care_interval{1000};
    };
    // What happened since the last report, for the log.
    struct Report {
        // In words: what was set aside, and the like.
        std::vector<std::string> notices;
        // The last failure. Empty: none.
        std::string failure;
        // Entries of dead processes that wait again.
        std::size_t taken_over = 0;
        // Whether deliveries can be stored now.
        bool is_usable = false;
    };
    using OnAccepted = std::function<void(const Accepted&)>;
    // Called in the thread. May throw QueueError.
    using Work = std::function<void(QueueFile& file)>;
    // With the reason, if the work failed; it may have been done in part. Empty: it is done.
    using OnDone = std::function<void(const std::string& failure)>;

    // Starts the thread. Throws std::system_error if there can be none.
    explicit QueueThread(Settings settings);
    ~QueueThread();
    QueueThread(const QueueThread&) = delete;
    QueueThread& operator=(const QueueThread&) = delete;

    // Readable when collect() has something to tell, or a report waits.
    int wakeup() const;

    // Stores a delivery. Returns false, and nothing is ever called, if too many wait. The body's
    // reader is called in the thread, until `done` is called.
    bool accept(Incoming incoming, OnAccepted done);
    // Returns false if too many wait.
    bool run(Work work, OnDone done);
    // A job with a result: `done` gets it, or the reason why there is none.
    template <typename Result>
    bool ask(std::function<Result(QueueFile& file)> question,
             std::function<void(std::optional<Result> result, const std::string& failure)> done) {
        auto result = std::make_shared<std::optional<Result>>();
        return run([result, question = std::move(question)](
                       QueueFile& file) { result->emplace(question(file)); },
                   [result, done = std::move(done)](const std::string& failure) {
                       done(std::move(*result), failure);
                   });
    }

    // The name of this process among those who send; none until the file is open.
    std::optional<Owner> owner() const;

    // Calls back for what is done. To be called when wakeup() is readable.
    void collect();
    Report take_report();
    // Deliveries and jobs that are not done.
    std::size_t waiting() const;

    // Takes nothing more, finishes what was taken, and ends the thread; or leaves it alone when the
    // time is up: the process must exit then. What was finished is collected.
    void stop(std::chrono::milliseconds patience);

  private:
    struct Shared;
    class Worker;

    // The thread may outlive this.
    std::shared_ptr<Shared> shared_;
    std::thread thread_;
};

}  // namespace webhook
