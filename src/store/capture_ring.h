// The files of a directory that keeps the latest captures, and no more than it may.
//
// Any number of processes use one directory. Each works under an exclusive lock on it, which the
// kernel releases when its holder dies. A file is written under a hidden name, and gets its final
// name when it is complete; so a hidden file that the holder of the lock finds was left by a
// process that died, and is removed. Only regular files with names of this pattern are ever
// removed; no other file counts, and no link is followed. Nothing is synced: after a power
// failure, the latest files may be empty.
//
// Immutable after its construction, and used by several threads. This code is independent of nginx.

#pragma once

#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/time.h"

namespace webhook {

// A capture could not be stored. The message is the system's.
struct CaptureError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

struct CaptureLimits {
    // Files.
    std::size_t max;
    // Their longest life.
    Milliseconds keep;

    friend bool operator==(const CaptureLimits&, const CaptureLimits&) = default;
};

class CaptureRing {
  public:
    // Opens the directory. Throws ConfigError, which says what to do, if there is none, if it is a
    // link, if group or others have any access, or if it does not belong to `user`.
    CaptureRing(std::string path, const CaptureLimits& limits, uid_t user);

    const std::string& path() const { return path_; }
    const CaptureLimits& limits() const { return limits_; }
    bool is_same_directory(const CaptureRing& other) const;

    // Removes what is too old, and the oldest if there is no room; then writes the file, readable
    // by its owner only. Its name begins with `name`, which begins with a time as capture_name()
    // writes it. Throws CaptureError, also if group or others have got any access to the directory.
    // Blocks as long as the disk does.
    void store(std::string_view name, std::string_view text, Milliseconds now) const;

    // Removes what is too old. Returns when the next file will be, if there is one. Throws
    // CaptureError.
    std::optional<Milliseconds> sweep(Milliseconds now) const;

    // Whether a file of this name is a capture.
    static bool is_capture_name(std::string_view name);

  private:
    struct Entry {
        std::string name;
        Milliseconds changed;
    };
    using Entries = std::vector<Entry>;

    Descriptor lock() const;
    Entries entries(const Descriptor& directory) const;
    std::optional<Entry> entry(const std::string& name) const;
    void expire(Entries& entries, Milliseconds now) const;
    void remove(const std::string& name) const;
    void write(const std::string& name, std::string_view text) const;

    std::string path_;
    CaptureLimits limits_;
    Descriptor directory_;
};

}  // namespace webhook
