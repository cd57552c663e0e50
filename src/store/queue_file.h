// The durable queue: deliveries that were accepted and are to be delivered, in one file.
//
// What accept() has called stored survives the death of any process and, with Durability::full, a
// power cut. What finish() and the other calls changed survives the death of any process; after a
// power cut, the last of it may be undone: a delivery may be sent once more.
//
// The file may be used by any number of processes, each with its own QueueFile, opened after its
// fork. Each change and each checkpoint is made under the mutex of the lock file beside it,
// PATH.lock: one process at a time, so that no two ever write or checkpoint at once. A process that
// is killed at any instruction leaves nothing to repair: what it had begun is undone. No call loads
// all that is stored: each is bounded by what it is asked for, and takes O(log n) of what is stored
// for each entry that it touches.
//
// A file that is damaged is copied, as far as it can be read, into a new one, and kept as
// PATH.aside-TIME: take_notices() tells. What SQLite finds to be the torn end of its log it leaves
// out, as after a power cut. A file of another application or version is refused, and left alone.
//
// Bodies are checked whenever they are read. The check of a file after the first sign of damage,
// and the copy, take seconds for a million deliveries; meanwhile other processes store nothing: who
// waits for the lock for longer than 5 seconds fails.
//
// An error of the disk makes the file unusable: nothing is stored until probe() has written to it
// with success, since a second fsync that succeeds proves nothing about the first.
//
// For use by one thread at a time. Nothing here reads a clock, but the names of what is set aside.
// The constructor throws std::runtime_error, calls throw QueueError, with a reason fit for a log.
// This code is independent of nginx.

#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/time.h"
#include "store/dedup_table.h"
#include "store/queue_data.h"

namespace webhook {

// A call could not be done, and has changed nothing.
struct QueueError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

enum class Durability : std::uint8_t {
    // What is stored is on the disk.
    full,
    // What is stored is with the system, which writes it to the disk later.
    os
};

// The smallest size that a queue may be limited to, in bytes.
inline constexpr std::uint64_t kSmallestQueue = 1024 * 1024;

class QueueFile {
  public:
    struct Options {
        std::string path;
        // In bytes; without the log of the last changes, which takes some 16 MB more.
        std::uint64_t max = std::uint64_t{1} << 30;
        Durability durability = Durability::full;
        // The log is written back when it has this many pages of 4096 bytes.
        int checkpoint_pages = 4096;
        // For tests: the name of a registered sqlite3_vfs. Null: that of the system.
        const char* vfs = nullptr;
    };

    // Whether processes of `user` could open this path; for `nginx -t`. Makes nothing. Throws
    // ConfigError.
    static void check(const std::string& path, uid_t user);

    // Opens the file, or makes it, with mode 0600. Refuses a directory that others can write to, a
    // file of another owner, and a network file system.
    explicit QueueFile(Options options);
    ~QueueFile();
    QueueFile(const QueueFile&) = delete;
    QueueFile& operator=(const QueueFile&) = delete;

    // This process's name among those who send. After probe() it may be another. Throws if there
    // are too many.
    Owner enroll();
    // Which of those live. To be handed to take_over().
    const Liveness& members() const;

    // -- Storing

    // Stores as many as possible, at once: with one wait for the disk. `owner` sends those that are
    // marked as taken. An error is that of each delivery, and of error().
    //
    // With an order value, what is older than the newest one accepted for its order key and target
    // is stored as superseded, and so are older ones that wait. Equal ones are not older.
    std::vector<Accepted> accept(std::span<const Incoming> batch, Owner owner, Milliseconds now);

    // -- Sending

    // Takes what is due, at most `most`; the longest due first, target by target. Never of a paused
    // target; of each order key only the one that came first.
    std::vector<Taken> take(Owner owner, std::span<const TakeLimit> limits, Milliseconds now,
                            std::size_t most);
    // Ends attempts. Returns how many were not their owner's any more; nothing is changed for
    // those. Where room is very short, responses are not kept.
    std::size_t finish(std::span<const Outcome> outcomes, Milliseconds now);
    // What dead processes were sending waits again, due at `now`, at most `most`. Returns how many.
    std::size_t take_over(const Liveness& alive, Milliseconds now, std::size_t most);
    // When the next entry for any of these targets is due. None: nothing waits, or all is paused.
    std::optional<Milliseconds> next_due(std::span<const std::string> targets);
    // Copies the body from `offset` on; returns how many bytes. 0: that was all. Throws if there is
    // no such delivery.
    std::size_t read_body(DeliveryId id, std::uint64_t offset, std::span<char> into);

    // -- Looking

    QueueStats stats();
    EntryPage list(const EntryFilter& filter, const std::optional<EntryCursor>& after,
                   std::size_t most);
    std::optional<Shown> show(DeliveryId id);
    // Looks at no more entries than `most` in one call.
    EntryCount count(const EntryFilter& filter, const std::optional<EntryCursor>& after,
                     std::size_t most);

    // -- Acting. Each call changes `most` entries at most. What is being sent is left alone.

    // Done and dead ones wait again, under the same id, with no attempts; what waits is due at the
    // new time.
    Acted replay(const Selection& selection, const Replay& replay, std::size_t most);
    Acted purge(const Selection& selection, std::size_t most);
    void set_paused(const std::string& target, bool is_paused);
    std::vector<std::string> paused();

    // -- Maintenance

    // Removes what is done since more than `keep` or dead since more than `dead_keep`, at most
    // `most` entries. Returns how many.
    std::size_t expire(Milliseconds now, Milliseconds keep, Milliseconds dead_keep,
                       std::size_t most);
    // Writes the log back, if it is long enough to be worth it or `all` is set.
    void checkpoint(bool all);

    bool is_usable() const;
    // Tries to make an unusable file usable, by opening it and writing to it. Returns is_usable().
    bool probe();
    // Why the last call failed. Empty: none did since the file became usable.
    const std::string& error() const;
    // What an administrator should know, in words, since the last call.
    std::vector<std::string> take_notices();

  private:
    class Impl;

    std::unique_ptr<Impl> impl_;
};

}  // namespace webhook
