#include "store/queue_thread.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <deque>
#include <iterator>
#include <mutex>
#include <system_error>
#include <utility>

#include "base/file.h"
#include "store/own_thread.h"
#include "store/queue_rows.h"

namespace webhook {
namespace {

using std::chrono::steady_clock;

// Deliveries that are stored with one wait for the disk, so that the first of them need not wait
// for all others.
constexpr std::size_t kMostInGroup = 256;
// Of what is done on its own, how many entries at a time.
constexpr std::size_t kMostAtOnce = 256;
constexpr Milliseconds kFirstPause{100};
constexpr Milliseconds kLongestPause{5000};

Milliseconds now() {
    return std::chrono::duration_cast<Milliseconds>(
        std::chrono::system_clock::now().time_since_epoch());
}

// A delivery that waits to be stored.
struct Storing {
    Incoming incoming;
    QueueThread::OnAccepted done;
};

struct Job {
    QueueThread::Work work;
    QueueThread::OnDone done;
};

}  // namespace

struct QueueThread::Shared {
    explicit Shared(Settings chosen)
        : settings(std::move(chosen)), bell(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
        if (bell.get() < 0) throw std::system_error(errno, std::generic_category());
    }

    // To be called with the mutex locked.
    void wake() {
        const std::uint64_t one = 1;
        // It can only fail if it is readable already.
        [[maybe_unused]] const ssize_t written = write(bell.get(), &one, sizeof(one));
    }

    const Settings settings;
    const Descriptor bell;
    mutable std::mutex mutex;
    std::condition_variable changed;
    std::deque<Storing> storing;
    std::deque<Job> jobs;
    // What the thread works on.
    std::size_t in_work = 0;
    // What is to be called.
    std::vector<std::function<void()>> done;
    Report report;
    std::optional<Owner> owner;
    bool is_stopping = false;
    bool has_ended = false;
};

// What the thread does.
class QueueThread::Worker {
  public:
    explicit Worker(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}

    void run() noexcept {
        std::unique_lock lock(shared_->mutex);
        while (!is_over()) {
            if (steady_clock::now() >= next_care_) {
                care(lock);
            } else if (!shared_->storing.empty()) {
                store(lock);
            } else if (!shared_->jobs.empty()) {
                work(lock);
            } else {
                shared_->changed.wait_until(lock, next_care_);
            }
        }
        lock.unlock();
        file_.reset();
        lock.lock();
        shared_->has_ended = true;
        shared_->changed.notify_all();
    }

  private:
    bool is_over() const {
        return shared_->is_stopping && shared_->storing.empty() && shared_->jobs.empty();
    }

    void store(std::unique_lock<std::mutex>& lock) {
        std::vector<Incoming> batch;
        std::vector<OnAccepted> callbacks;
        while (!shared_->storing.empty() && batch.size() < kMostInGroup) {
            batch.push_back(std::move(shared_->storing.front().incoming));
            callbacks.push_back(std::move(shared_->storing.front().done));
            shared_->storing.pop_front();
        }
        shared_->in_work = batch.size();
        lock.unlock();
        std::vector<Accepted> results(batch.size());
        attempt([&] {
            results = file().accept(batch, *owner_, now());
            const auto failed = std::ranges::find(results, Stored::failed, &Accepted::outcome);
            if (failed != results.end()) throw QueueError(file_->error());
        });
        lock.lock();
        for (std::size_t i = 0; i < results.size(); ++i) {
            tell(
                [done = std::move(callbacks[i]), result = std::move(results[i])] { done(result); });
        }
        note_state();
    }

    void work(std::unique_lock<std::mutex>& lock) {
        Job job = std::move(shared_->jobs.front());
        shared_->jobs.pop_front();
        shared_->in_work = 1;
        lock.unlock();
        const std::string failure = attempt([&] { job.work(file()); });
        lock.lock();
        tell([job = std::move(job), failure] { job.done(failure); });
        note_state();
    }

    // Looks after the file.
    void care(std::unique_lock<std::mutex>& lock) {
        lock.unlock();
        std::size_t taken_over = 0;
        std::size_t expired = 0;
        attempt([&] {
            make_usable();
            const Settings& settings = shared_->settings;
            taken_over = file_->take_over(file_->members(), now(), kMostAtOnce);
            expired = file_->expire(now(), settings.keep, settings.dead_keep, kMostAtOnce);
        });
        const bool has_more = taken_over == kMostAtOnce || expired == kMostAtOnce;
        pause_ = is_usable() ? kFirstPause : std::min(2 * pause_, kLongestPause);
        const Milliseconds interval = is_usable() ? shared_->settings.care_interval : pause_;
        next_care_ = steady_clock::now() + (has_more ? Milliseconds(1) : interval);
        lock.lock();
        shared_->report.taken_over += taken_over;
        if (taken_over > 0) shared_->wake();
        note_state();
    }

    void make_usable() {
        if (!file_) {
            file_ = std::make_unique<QueueFile>(shared_->settings.file);
        } else if (!file_->probe()) {
            throw QueueError(file_->error());
        }
        owner_ = file_->enroll();
    }

    bool is_usable() const { return file_ && owner_ && file_->is_usable(); }

    QueueFile& file() {
        if (!file_ || !owner_) throw QueueError(failure_);
        return *file_;
    }

    // Returns why it failed, or an empty text.
    template <typename Action>
    std::string attempt(const Action& action) {
        try {
            action();
            return "";
        } catch (const std::exception& error) {
            failure_ = error.what();
        }
        if (!is_usable()) next_care_ = std::min(next_care_, steady_clock::now() + pause_);
        is_failure_new_ = true;
        return failure_;
    }

    // These two are called with the mutex locked.
    void tell(std::function<void()> callback) {
        if (shared_->done.empty()) shared_->wake();
        shared_->done.push_back(std::move(callback));
    }
    void note_state() {
        shared_->in_work = 0;
        shared_->owner = owner_;
        Report& report = shared_->report;
        std::vector<std::string> notices;
        if (file_) notices = file_->take_notices();
        const bool is_news = !notices.empty() || is_failure_new_ || report.is_usable != is_usable();
        std::ranges::move(notices, std::back_inserter(report.notices));
        if (std::exchange(is_failure_new_, false)) report.failure = failure_;
        report.is_usable = is_usable();
        if (is_news) shared_->wake();
    }

    const std::shared_ptr<Shared> shared_;
    std::unique_ptr<QueueFile> file_;
    std::optional<Owner> owner_;
    // The last one.
    std::string failure_;
    bool is_failure_new_ = false;
    Milliseconds pause_ = kFirstPause;
    steady_clock::time_point next_care_ = steady_clock::now();
};

QueueThread::QueueThread(Settings settings)
    : shared_(std::make_shared<Shared>(std::move(settings))) {
    // OpenSSL's description of the hash is looked up once in a process, by one thread.
    hash_of("");
    thread_ = start_own_thread("webhook queue", [shared = shared_] { Worker(shared).run(); });
}

QueueThread::~QueueThread() {
    stop(std::chrono::milliseconds(0));
}

int QueueThread::wakeup() const {
    return shared_->bell.get();
}

bool QueueThread::accept(Incoming incoming, OnAccepted done) {
    const std::scoped_lock lock(shared_->mutex);
    if (shared_->is_stopping || shared_->storing.size() >= kMostWaitingDeliveries) return false;
    shared_->storing.push_back({std::move(incoming), std::move(done)});
    shared_->changed.notify_all();
    return true;
}

bool QueueThread::run(Work work, OnDone done) {
    const std::scoped_lock lock(shared_->mutex);
    if (shared_->is_stopping || shared_->jobs.size() >= kMostWaitingJobs) return false;
    shared_->jobs.push_back({std::move(work), std::move(done)});
    shared_->changed.notify_all();
    return true;
}

std::optional<Owner> QueueThread::owner() const {
    const std::scoped_lock lock(shared_->mutex);
    return shared_->owner;
}

void QueueThread::collect() {
    std::vector<std::function<void()>> done;
    {
        const std::scoped_lock lock(shared_->mutex);
        std::uint64_t wakes = 0;
        [[maybe_unused]] const ssize_t size = read(shared_->bell.get(), &wakes, sizeof(wakes));
        done.swap(shared_->done);
    }
    for (const auto& callback : done) callback();
}

QueueThread::Report QueueThread::take_report() {
    const std::scoped_lock lock(shared_->mutex);
    const bool is_usable = shared_->report.is_usable;
    Report report = std::exchange(shared_->report, Report());
    shared_->report.is_usable = is_usable;
    return report;
}

std::size_t QueueThread::waiting() const {
    const std::scoped_lock lock(shared_->mutex);
    return shared_->storing.size() + shared_->jobs.size() + shared_->in_work;
}

void QueueThread::stop(std::chrono::milliseconds patience) {
    if (!thread_.joinable()) return;
    std::unique_lock lock(shared_->mutex);
    shared_->is_stopping = true;
    shared_->changed.notify_all();
    shared_->changed.wait_for(lock, patience, [this] { return shared_->has_ended; });
    const bool has_ended = shared_->has_ended;
    lock.unlock();
    has_ended ? thread_.join() : thread_.detach();
    collect();
}

}  // namespace webhook
