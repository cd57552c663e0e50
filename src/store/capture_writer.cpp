#include "store/capture_writer.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "store/own_thread.h"

namespace webhook {
namespace {

using std::chrono::steady_clock;

// Other processes add files, of which the thread knows nothing, and die.
constexpr auto kLongestSleep = std::chrono::minutes(1);
// After each file, so that a flood does not keep a CPU busy with files that the next one removes.
constexpr auto kRest = std::chrono::microseconds(200);

Milliseconds now() {
    return std::chrono::duration_cast<Milliseconds>(
        std::chrono::system_clock::now().time_since_epoch());
}

}  // namespace

struct CaptureWriter::Shared {
    mutable std::mutex mutex;
    std::condition_variable changed;
    std::deque<Capture> waiting;
    std::vector<std::shared_ptr<const CaptureRing>> rings;
    Report report;
    bool is_writing = false;
    bool is_stopping = false;
    bool is_sweep_due = false;
    bool has_ended = true;
};

// What the thread does.
class CaptureWriter::Worker {
  public:
    explicit Worker(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}

    void run() noexcept {
        std::unique_lock lock(shared_->mutex);
        while (!shared_->is_stopping || !shared_->waiting.empty()) {
            if (!shared_->waiting.empty()) {
                write_next(lock);
            } else if (shared_->is_sweep_due || steady_clock::now() >= next_sweep_) {
                sweep_all(lock);
            } else {
                shared_->changed.wait_until(lock, next_sweep_);
            }
        }
        shared_->has_ended = true;
        shared_->changed.notify_all();
    }

  private:
    void write_next(std::unique_lock<std::mutex>& lock) {
        const Capture capture = std::move(shared_->waiting.front());
        shared_->waiting.pop_front();
        shared_->is_writing = true;
        lock.unlock();
        attempt(*capture.ring, [&] { capture.ring->store(capture.name, capture.text, now()); });
        std::this_thread::sleep_for(kRest);
        lock.lock();
        shared_->is_writing = false;
        note_ring(capture.ring);
        next_sweep_ = std::min(next_sweep_, steady_clock::now() + capture.ring->limits().keep);
    }

    void note_ring(const std::shared_ptr<const CaptureRing>& ring) {
        auto& rings = shared_->rings;
        if (std::ranges::find(rings, ring) == rings.end()) rings.push_back(ring);
    }

    void sweep_all(std::unique_lock<std::mutex>& lock) {
        const auto rings = shared_->rings;
        shared_->is_sweep_due = false;
        lock.unlock();
        auto pause = std::chrono::duration_cast<Milliseconds>(kLongestSleep);
        for (const auto& ring : rings) {
            attempt(*ring, [&] {
                // A file of this millisecond is too old in the next one.
                const auto due = ring->sweep(now());
                if (due) pause = std::min(pause, *due - now() + Milliseconds(1));
            });
        }
        lock.lock();
        next_sweep_ = steady_clock::now() + std::max(pause, Milliseconds(1));
    }

    template <typename Action>
    void attempt(const CaptureRing& ring, const Action& action) {
        try {
            action();
        } catch (const std::exception& error) {
            const std::scoped_lock lock(shared_->mutex);
            ++shared_->report.failed;
            shared_->report.failure = error.what();
            shared_->report.directory = ring.path();
        }
    }

    const std::shared_ptr<Shared> shared_;
    steady_clock::time_point next_sweep_ = steady_clock::now() + kLongestSleep;
};

CaptureWriter::CaptureWriter() : shared_(std::make_shared<Shared>()) {}

CaptureWriter::~CaptureWriter() {
    stop(std::chrono::milliseconds(0));
}

void CaptureWriter::start() {
    if (thread_.joinable()) return;
    shared_->has_ended = false;
    try {
        thread_ = start_own_thread("webhook capture", [shared = shared_] { Worker(shared).run(); });
    } catch (const std::system_error&) {
        shared_->has_ended = true;
        throw;
    }
}

bool CaptureWriter::has_room() {
    const std::scoped_lock lock(shared_->mutex);
    if (!shared_->is_stopping && shared_->waiting.size() < kMostWaitingCaptures) return true;
    ++shared_->report.dropped;
    return false;
}

void CaptureWriter::write(Capture capture) {
    start();
    const std::scoped_lock lock(shared_->mutex);
    if (shared_->is_stopping || shared_->waiting.size() >= kMostWaitingCaptures) {
        ++shared_->report.dropped;
        return;
    }
    shared_->waiting.push_back(std::move(capture));
    shared_->changed.notify_all();
}

void CaptureWriter::watch(std::shared_ptr<const CaptureRing> ring) {
    start();
    const std::scoped_lock lock(shared_->mutex);
    shared_->rings.push_back(std::move(ring));
    shared_->is_sweep_due = true;
    shared_->changed.notify_all();
}

bool CaptureWriter::is_busy() const {
    const std::scoped_lock lock(shared_->mutex);
    return shared_->is_writing || !shared_->waiting.empty();
}

CaptureWriter::Report CaptureWriter::take_report() {
    const std::scoped_lock lock(shared_->mutex);
    return std::exchange(shared_->report, Report());
}

void CaptureWriter::stop(std::chrono::milliseconds patience) {
    std::unique_lock lock(shared_->mutex);
    shared_->is_stopping = true;
    shared_->changed.notify_all();
    shared_->changed.wait_for(lock, patience, [this] { return shared_->has_ended; });
    shared_->report.dropped += std::exchange(shared_->waiting, {}).size();
    const bool has_ended = shared_->has_ended;
    lock.unlock();
    if (!thread_.joinable()) return;
    has_ended ? thread_.join() : thread_.detach();
}

}  // namespace webhook
