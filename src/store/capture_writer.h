// The thread that writes captures, so that no delivery waits for a disk.
//
// A process has one writer. Its first capture, or watch(), starts the thread, which blocks all
// signals and calls nothing but this house. The queue is bounded: what finds it full is dropped and
// counted. No call waits for the disk, except stop(), for as long as it is told.
//
// The thread also removes the files that become too old, of all directories that it knows.

#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>

#include "base/time.h"
#include "store/capture_ring.h"

namespace webhook {

// The most captures that wait to be written.
inline constexpr std::size_t kMostWaitingCaptures = 16;

class CaptureWriter {
  public:
    struct Capture {
        std::shared_ptr<const CaptureRing> ring;
        // See CaptureRing::store().
        std::string name;
        std::string text;
    };
    // What happened since the last report.
    struct Report {
        std::uint64_t dropped = 0;
        std::uint64_t failed = 0;
        // The last failure, and its directory.
        std::string failure;
        std::string directory;
    };

    CaptureWriter();
    ~CaptureWriter();
    CaptureWriter(const CaptureWriter&) = delete;
    CaptureWriter& operator=(const CaptureWriter&) = delete;

    // Whether the next capture would be taken. If not, it counts as dropped.
    bool has_room();
    // Throws std::system_error if there can be no thread.
    void write(Capture capture);
    // Removes old files of this directory from now on.
    void watch(std::shared_ptr<const CaptureRing> ring);

    // Whether any capture waits, or is being written.
    bool is_busy() const;
    Report take_report();

    // Ends the thread when all captures are written, or leaves it alone when the time is up: the
    // process must exit then. Nothing is written from then on.
    void stop(std::chrono::milliseconds patience);

  private:
    struct Shared;
    class Worker;

    void start();

    // The thread may outlive this.
    std::shared_ptr<Shared> shared_;
    std::thread thread_;
};

}  // namespace webhook
