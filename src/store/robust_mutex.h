// Mutexes in memory that processes share. If the holder of such a mutex dies, the kernel notifies
// the next process that locks it.
//
// A RobustLock is used by one thread. Functions throw std::runtime_error, with a reason fit for a
// log.

#pragma once

#include <pthread.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <stdexcept>

namespace webhook {

// Initializes a mutex in zeroed memory as one that processes can share and that reports its
// holder's death.
void make_robust(pthread_mutex_t& mutex);

// A lock was not available in time: its holder is alive, but does not make progress.
class MemoryBusy : public std::runtime_error {
  public:
    explicit MemoryBusy(int holder);
    // A process.
    int holder() const { return holder_; }

  private:
    int holder_;
};

// This process's access to a shared lock.
//
// Waiting is bounded: 50 milliseconds in a process that serves requests, some seconds in any other.
// For a second after a failed wait, the process does not wait at all.
class RobustLock {
  public:
    // Both lie in the shared memory. `holder` is set to the process that has or last had the lock.
    RobustLock(pthread_mutex_t& mutex, std::int32_t& holder);

    // Tells that this process serves requests from now on.
    void be_quick();

    // Throws MemoryBusy.
    void lock();
    void unlock() { pthread_mutex_unlock(&mutex_); }

  private:
    pthread_mutex_t& mutex_;
    std::int32_t& holder_;
    int process_;
    bool quick_ = false;
    // When the last wait failed.
    std::optional<std::chrono::steady_clock::time_point> gave_up_;
};

}  // namespace webhook
