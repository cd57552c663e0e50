// The file that `state=` names, in which a zone's memory outlives nginx.
//
// Who uses the file holds a shared lock on it, through every process that has it open. Who gets the
// exclusive one knows that the file was left behind, restores it, and shares it from then on.
//
// A file that is new, or takes the place of one of another size, is made beside it and changes
// names with it when it is complete; until then, the exclusive lock on what has the name keeps
// others out. So the one that was replaced is called PATH.earlier-N for as long as old workers may
// still deliver into it, and found by the next nginx, should this one die before it knows all of
// that.
//
// A memory of ours that is damaged, or of another version, is set aside, by renaming it: it is
// never trusted, and never overwritten. What is none is left where it is, and the path refused.
//
// No nginx in here. Errors are ConfigError, with the path and the system's reason.

#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "store/dedup_memory.h"

namespace webhook {

// The file that has the name now. An empty one may have been made only to be locked: the holder of
// an exclusive lock may have it removed when this is destroyed before it was replaced.
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

// A file that does not have its name yet, but one of PATH.earlier-N; removed when this is destroyed
// before publish().
class PendingFile {
  public:
    // Of `size` bytes, which the disk is made to have. What has the name until then is kept, and
    // its lock; where `complaint` tells what is wrong with it, it gets another name.
    PendingFile(std::string path, std::size_t size, PathHolder named = PathHolder(),
                std::string complaint = "");
    ~PendingFile();
    PendingFile(const PendingFile&) = delete;
    PendingFile& operator=(const PendingFile&) = delete;

    const Descriptor& file() const { return file_; }
    // Gives the file its name, and its own to what had that. Returns what to warn of, or nothing.
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
    // The file of `memory`, until it can be given its name.
    std::unique_ptr<PendingFile> draft;
    // What the file held in another size, and what its predecessors still hold.
    std::vector<std::unique_ptr<DedupMemory>> earlier;
    // What a person should know of.
    std::vector<std::string> warnings;
};

// Names an nginx that uses the file and is not to share it with this one; empty: there is none.
using StrangerFinder = std::function<std::string(const Descriptor& file)>;

// The memory of `size` bytes behind the path. `current` is the file that the running configuration
// has its memory in, or null: when the path leads to it, it is shared, or left to be carried over.
// What another nginx uses that `stranger_with` names is refused.
State open_state(const std::string& path, std::size_t size, const Descriptor* current,
                 const StrangerFinder& stranger_with);

// Removes the file of a predecessor of whom all is known.
void remove_earlier(const std::string& path, const Descriptor& file);

// The path, by which a file that may not be there yet can be told from others.
std::string canonical_path(const std::string& path);

// Whether another nginx than this one has the file in use, as during a binary upgrade.
bool used_by_others(const Descriptor& file);

// Whether open_state() would do: changes nothing that is there. Returns what it would warn of.
std::vector<std::string> check_state(const std::string& path, std::size_t size);

}  // namespace webhook
