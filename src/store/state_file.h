// The file that `state=` names. It keeps a zone's memory beyond the life of nginx.
//
// Every process that has the file open holds a shared OFD lock on it. Getting the exclusive lock
// proves that no process uses the file: the winner restores it, and shares it from then on.
//
// A new file, or one that replaces a file of another size, is made under another name. When it is
// complete, the two exchange names; until then, an exclusive lock on the file that has the name
// keeps others out. The replaced file is called PATH.earlier-N while old workers may still deliver
// into it, so that the next nginx finds it if this one dies before it knows all of those events.
//
// A state file that is damaged, or of another version, is renamed: it is never trusted, and never
// overwritten. Any other file is left in place, and the path is refused.
//
// This code is independent of nginx. Errors are ConfigError, with the path and the system's reason.

#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "store/dedup_memory.h"

namespace webhook {

// The file that has the name now. An empty one may have been made only for its lock: the holder of
// an exclusive lock may have it removed when this is destroyed before the file was replaced.
class PathHolder {
  public:
    explicit PathHolder(Descriptor file = Descriptor()) : file_(std::move(file)) {}
    ~PathHolder();
    PathHolder(PathHolder&& other) noexcept
        : file_(std::move(other.file_)), remove_(std::exchange(other.remove_, "")) {}
    PathHolder& operator=(PathHolder&& other) noexcept {
        std::swap(file_, other.file_);
        std::swap(remove_, other.remove_);
        return *this;
    }

    const Descriptor& file() const { return file_; }
    void remove_in_the_end(const std::string& path) { remove_ = path; }

  private:
    Descriptor file_;
    std::string remove_;
};

// A file that does not have its final name yet, but a PATH.earlier-N. It is removed if this is
// destroyed before publish().
class PendingFile {
  public:
    // Makes a file of `size` bytes, with disk space allocated. The file that has the name until
    // then is kept with its lock; it is renamed if `complaint` says what is wrong with it.
    PendingFile(std::string path, std::size_t size, PathHolder named = PathHolder(),
                std::string complaint = "");
    ~PendingFile();
    PendingFile(const PendingFile&) = delete;
    PendingFile& operator=(const PendingFile&) = delete;

    const Descriptor& file() const { return file_; }
    // Exchanges names with the file at the path. Returns a warning, or an empty text.
    std::string publish();

  private:
    bool exchange();

    std::string path_;
    std::string draft_path_;
    PathHolder named_;
    std::string complaint_;
    Descriptor file_;
    bool published_ = false;
};

struct State {
    std::unique_ptr<DedupMemory> memory;
    // The file of `memory`, until it gets its name.
    std::unique_ptr<PendingFile> draft;
    // The memory of the file in its other size, and of its predecessors.
    std::vector<std::unique_ptr<DedupMemory>> earlier;
    // Warnings for the administrator.
    std::vector<std::string> warnings;
};

// Names an nginx that uses the file and must not share it with this one. Empty: there is none.
using StrangerFinder = std::function<std::string(const Descriptor& file)>;

// Opens the memory of `size` bytes at the path. `current` is the memory's file in the running
// configuration, or null: if the path leads to it, it is shared, or left to be carried over. A file
// that is used by an nginx which `stranger_with` names is refused.
State open_state(const std::string& path, std::size_t size, const Descriptor* current,
                 const StrangerFinder& stranger_with);

// Removes the file of a predecessor whose events are all known.
void remove_earlier(const std::string& path, const Descriptor& file);

// The canonical form of a path whose file may not exist yet.
std::string canonical_path(const std::string& path);

// Whether another nginx uses the file, as during a binary upgrade.
bool used_by_others(const Descriptor& file);

// Checks whether open_state() would succeed, without changing anything. Returns its warnings.
std::vector<std::string> check_state(const std::string& path, std::size_t size);

}  // namespace webhook
