#include "store/robust_mutex.h"

#include <unistd.h>

#include <cerrno>
#include <ctime>
#include <string>

#include "base/file.h"

namespace webhook {
namespace {

// A lock is held for less than a microsecond; going to sleep would take longer.
constexpr int kLongestSpin = 256;
// A holder that was preempted runs again within this time; one that was stopped does not.
constexpr auto kQuickPatience = std::chrono::milliseconds(50);
// A repair of a large memory may take this long.
constexpr auto kPatience = std::chrono::seconds(5);
// After a wait of this process has failed.
constexpr auto kNoPatience = std::chrono::seconds(1);

void pause_briefly() {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
}

int lock_at_once(pthread_mutex_t& mutex) {
    int error = EBUSY;
    for (int spin = 1; error == EBUSY && spin <= kLongestSpin; spin *= 2) {
        error = pthread_mutex_trylock(&mutex);
        if (error != EBUSY) break;
        for (int i = 0; i < spin; ++i) pause_briefly();
    }
    return error;
}

// Returns ETIMEDOUT if it takes longer.
int lock_patiently(pthread_mutex_t& mutex, std::chrono::nanoseconds patience) {
    timespec deadline{};
    clock_gettime(CLOCK_MONOTONIC, &deadline);
    const auto end = std::chrono::seconds(deadline.tv_sec) +
                     std::chrono::nanoseconds(deadline.tv_nsec) + patience;
    deadline.tv_sec = std::chrono::floor<std::chrono::seconds>(end).count();
    deadline.tv_nsec = (end % std::chrono::seconds(1)).count();
    return pthread_mutex_clocklock(&mutex, CLOCK_MONOTONIC, &deadline);
}

}  // namespace

void make_robust(pthread_mutex_t& mutex) {
    pthread_mutexattr_t attributes;
    const bool made = pthread_mutexattr_init(&attributes) == 0 &&
                      pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED) == 0 &&
                      pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST) == 0 &&
                      pthread_mutex_init(&mutex, &attributes) == 0;
    if (!made) throw std::runtime_error("cannot make a robust mutex");
    pthread_mutexattr_destroy(&attributes);
}

MemoryBusy::MemoryBusy(int holder)
    : std::runtime_error("the process " + std::to_string(holder) + " does not give its lock back"),
      holder_(holder) {}

RobustLock::RobustLock(pthread_mutex_t& mutex, std::int32_t& holder)
    : mutex_(mutex), holder_(holder), process_(getpid()) {}

void RobustLock::be_quick() {
    process_ = getpid();
    quick_ = true;
}

void RobustLock::lock() {
    int error = lock_at_once(mutex_);
    if (error == EBUSY) {
        const auto now = std::chrono::steady_clock::now();
        if (gave_up_ && now - *gave_up_ < kNoPatience) throw MemoryBusy(holder_);
        error = lock_patiently(mutex_, quick_ ? kQuickPatience : kPatience);
        if (error == ETIMEDOUT) {
            gave_up_ = std::chrono::steady_clock::now();
            throw MemoryBusy(holder_);
        }
    }
    gave_up_.reset();
    if (error == EOWNERDEAD) {
        pthread_mutex_consistent(&mutex_);
    } else if (error != 0) {
        throw std::runtime_error("cannot lock shared memory: " + system_message(error));
    }
    holder_ = process_;
}

}  // namespace webhook
