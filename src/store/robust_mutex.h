// Mutexes in memory that processes share. The kernel tells the next one that locks such a mutex
// when its holder has died.
//
// One thread of a process uses a RobustLock. Functions throw std::runtime_error, with a reason fit
// for a log.

#pragma once

#include <pthread.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <stdexcept>

namespace webhook {

// Makes a mutex of zeros one that processes can share, and whose holder's death the kernel reports.
void make_robust(pthread_mutex_t& mutex);

// A lock could not be had in time: its holder does not go on, but lives.
class MemoryBusy : public std::runtime_error {
  public:
    explicit MemoryBusy(int holder);
    // A process.
    int holder() const { return holder_; }

  private:
    int holder_;
};

// This process's way to a shared lock.
//
// Nobody waits for it without bound: 50 milliseconds in a process that serves requests, some
// seconds in any other, and for a second after that in vain not at all.
class RobustLock {
  public:
    // Both lie in the shared memory. `holder` becomes the process that has the lock, or had it
    // last.
    RobustLock(pthread_mutex_t& mutex, std::int32_t& holder);

    // This process serves requests from now on.
    void be_quick();

    // Throws MemoryBusy.
    void lock();
    void unlock() { pthread_mutex_unlock(&mutex_); }

  private:
    pthread_mutex_t& mutex_;
    std::int32_t& holder_;
    int process_;
    bool quick_ = false;
    // When it was last waited for in vain.
    std::optional<std::chrono::steady_clock::time_point> gave_up_;
};

}  // namespace webhook
