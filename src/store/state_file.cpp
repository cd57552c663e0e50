#include "store/state_file.h"

#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <thread>

#include "base/errors.h"
#include "base/text.h"

namespace webhook {
namespace {

// The most predecessors beside the file in use.
constexpr int kMostEarlier = 16;
// The unit of st_blocks, in bytes.
constexpr off_t kBlockSize = 512;
constexpr mode_t kWritableByOthers = S_IWGRP | S_IWOTH;
// How long to wait for others that restore the file or take over from one.
constexpr auto kPatience = std::chrono::seconds(10);
constexpr auto kPause = std::chrono::milliseconds(20);

[[noreturn]] void fail(const std::string& path, const std::string& why) {
    throw ConfigError("the state file " + in_quotes(path) + " " + why);
}

[[noreturn]] void fail_with_errno(const std::string& path, const std::string& what, int error) {
    throw ConfigError("cannot " + what + " the state file " + in_quotes(path) + ": " +
                      system_message(error));
}

// The lock of a whole file, F_RDLCK: shared, F_WRLCK: exclusive. Every process that inherits the
// descriptor holds it.
struct flock whole_file(short type) {
    struct flock lock {};
    lock.l_type = type;
    lock.l_whence = SEEK_SET;
    return lock;
}

// Returns false if others hold a conflicting lock.
bool lock_file(const Descriptor& file, short type, const std::string& path) {
    struct flock lock = whole_file(type);
    if (fcntl(file.get(), F_OFD_SETLK, &lock) == 0) return true;
    if (errno != EAGAIN && errno != EACCES) fail_with_errno(path, "lock", errno);
    return false;
}

// A user that can write to it can make the gate forget events, or refuse them.
void check_file(const std::string& path, const struct stat& status) {
    if (!S_ISREG(status.st_mode)) fail(path, "is not a regular file");
    if (status.st_uid != geteuid()) {
        fail(path, "belongs to the user " + std::to_string(status.st_uid) +
                       ", not to the one that nginx is started by, " + std::to_string(geteuid()));
    }
    if ((status.st_mode & kWritableByOthers) != 0) {
        fail(path, "is writable by group or others; set mode 0600");
    }
    if (status.st_nlink > 1) fail(path, "has several names");
}

// Whether the file itself is a mount point, as in containers: it cannot be renamed or replaced.
// Older systems do not tell.
bool is_mount_point(const Descriptor& file) {
    struct statx status {};
    return statx(file.get(), "", AT_EMPTY_PATH, 0, &status) == 0 &&
           (status.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

// Returns no descriptor if there is no file.
Descriptor open_file(const std::string& path) {
    Descriptor file(open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    if (file.get() >= 0) {
        check_file(path, file.status());
        if (is_mount_point(file)) fail(path, "is a mount point; mount its directory instead");
    } else if (errno == ELOOP) {
        fail(path, "is a symbolic link");
    } else if (errno != ENOENT) {
        fail_with_errno(path, "open", errno);
    }
    return file;
}

// Allocates disk space for the whole file. Fails at once if there is no room for it.
void reserve(const Descriptor& file, std::size_t size, const std::string& path) {
    struct statvfs disk {};
    const auto missing = static_cast<off_t>(size) - file.status().st_blocks * kBlockSize;
    int error = fits_limits(size) ? EINTR : EFBIG;
    if (fstatvfs(file.get(), &disk) == 0 && missing > 0 &&
        static_cast<std::uint64_t>(missing) > std::uint64_t{disk.f_bavail} * disk.f_frsize) {
        error = ENOSPC;
    }
    while (error == EINTR) error = posix_fallocate(file.get(), 0, static_cast<off_t>(size));
    if (error == 0) return;
    throw ConfigError("cannot make the state file " + in_quotes(path) + " of " +
                      std::to_string(size) + " bytes: " + system_message(error));
}

std::string earlier_name(const std::string& path, int number) {
    return path + ".earlier-" + std::to_string(number);
}

// Returns none if another process has just made one.
PathHolder make_placeholder(const std::string& path) {
    Descriptor file(open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (file.get() < 0 && errno != EEXIST) fail_with_errno(path, "make", errno);
    return PathHolder(std::move(file));
}

void make_draft(State& state, const std::string& path, std::size_t size,
                PathHolder named = PathHolder(), std::string complaint = "") {
    state.draft = std::make_unique<PendingFile>(path, size, std::move(named), std::move(complaint));
    state.memory =
        DedupMemory::format(state.draft->file().duplicate(), DedupMemory::Kind::state_file);
}

std::string aside(const std::string& path) {
    const std::time_t now = std::time(nullptr);
    std::tm parts{};
    std::array<char, 32> text{};
    std::strftime(text.data(), text.size(), "%Y%m%dT%H%M%SZ", gmtime_r(&now, &parts));
    const std::string first = path + ".aside-" + text.data();
    std::string name = first;
    struct stat found {};
    for (int i = 1; lstat(name.c_str(), &found) == 0; ++i) name = first + '-' + std::to_string(i);
    return name;
}

// An empty file has nothing worth keeping.
bool is_empty(const Descriptor& file) {
    return file.size() == 0;
}

// A wrong path must not rename a file that others need.
void refuse_foreign(const Descriptor& file, const std::string& path) {
    if (!DedupMemory::is_foreign(file)) return;
    fail(path,
         "holds something else than a memory of webhook_dedup_zone: another path is meant, or the "
         "file is to be removed");
}

std::unique_ptr<DedupMemory> restore(State& state, const Descriptor& file, const std::string& path,
                                     bool has_successor) {
    // A restored copy may have holes.
    reserve(file, file.size(), path);
    std::uint64_t torn = 0;
    auto found = DedupMemory::restore(file.duplicate(), has_successor, torn);
    if (torn > 0) {
        state.warnings.push_back("the state file " + in_quotes(path) + " was torn: " +
                                 std::to_string(torn) + " of its events are forgotten");
    }
    return found;
}

// Takes a file that no process uses. Returns false if one does.
bool take_unused(State& state, const Descriptor& file, const std::string& name) {
    if (!lock_file(file, F_WRLCK, name)) return false;
    if (!leads_to(name, file)) return true;
    const std::string complaint = DedupMemory::complaint(file);
    if (complaint.empty()) {
        state.earlier.push_back(restore(state, file, name, /*has_successor=*/true));
    } else if (DedupMemory::is_blank(file)) {
        unlink(name.c_str());
    } else {
        fail(name, "is of no use: " + complaint);
    }
    return true;
}

// The state of the path itself.
enum class PathState : std::uint8_t { nothing, left_behind, in_force };

// Takes a file that old workers still use, though their master is gone. It is closed, unless the
// master died before closing it: then its successor has the path, and no process uses that file.
void take_used(State& state, const Descriptor& file, const std::string& name, PathState at_path) {
    if (!lock_file(file, F_RDLCK, name) || !DedupMemory::complaint(file).empty()) return;
    auto found = DedupMemory::share(file.duplicate());
    const DedupMemory::Lock lock(*found);
    if (!found->table().closed() && at_path != PathState::left_behind) return;
    state.earlier.push_back(std::move(found));
}

// Finds files left by an nginx that ended before its old workers. Other files with such a name do
// no harm. The running configuration knows its own.
void find_earlier(State& state, const std::string& path, PathState at_path) {
    for (int i = 0; i < kMostEarlier; ++i) {
        const std::string name = earlier_name(path, i);
        if (state.draft && leads_to(name, state.draft->file())) continue;
        try {
            const Descriptor file = open_file(name);
            if (file.get() < 0 || take_unused(state, file, name)) continue;
            if (at_path != PathState::in_force) take_used(state, file, name, at_path);
        } catch (const std::runtime_error& error) {
            state.warnings.emplace_back(error.what());
        }
    }
}

// The file is locked exclusively, so no other process uses it.
void take_left_behind(State& state, PathHolder named, const std::string& path, std::size_t size) {
    refuse_foreign(named.file(), path);
    const bool empty = is_empty(named.file());
    std::string complaint = empty ? "" : DedupMemory::complaint(named.file());
    if (!empty && complaint.empty()) {
        state.memory = restore(state, named.file(), path, /*has_successor=*/false);
    }
    const PathState at_path = state.memory ? PathState::left_behind : PathState::nothing;
    if (!state.memory || state.memory->size() != size) {
        if (state.memory) state.earlier.push_back(std::move(state.memory));
        make_draft(state, path, size, std::move(named), std::move(complaint));
        return find_earlier(state, path, at_path);
    }
    find_earlier(state, path, at_path);
    state.memory->record_undrained(state.earlier.size());
    lock_file(named.file(), F_RDLCK, path);
}

void share(State& state, Descriptor file, const std::string& path) {
    try {
        state.memory = DedupMemory::share(std::move(file));
    } catch (const std::runtime_error& error) {
        fail(path, std::string("cannot be used: ") + error.what());
    }
    const DedupMemory::Lock lock(*state.memory);
    if (!state.memory->table().closed()) return;
    fail(path,
         "was given up by an earlier configuration, whose nginx or workers still hold it: "
         "a reload with another one, or a restart, makes it free");
}

bool is_drained(DedupMemory& memory) {
    const DedupMemory::Lock lock(memory);
    return memory.undrained() == 0;
}

// Shares the file with an nginx that serves at the same time. Returns why that has to wait, or an
// empty text.
std::string share_with_another(State& state, const Descriptor& file, const std::string& path,
                               std::size_t size, const StrangerFinder& stranger_with) {
    const std::string stranger = stranger_with(file);
    if (!stranger.empty()) return "is in use by " + stranger;
    if (file.size() != size) {
        fail(path, "is in use with another size, " + std::to_string(file.size()) +
                       " bytes: a reload can change it, once more where an earlier one "
                       "gave the file up; a binary upgrade cannot");
    }
    share(state, file.duplicate(), path);
    if (is_drained(*state.memory)) return "";
    state.memory.reset();
    return "is in use by an nginx whose old workers have not ended";
}

// Returns why this must be tried again, or an empty text.
std::string try_open(State& state, const std::string& path, std::size_t size,
                     const Descriptor* current, const StrangerFinder& stranger_with) {
    PathHolder named(open_file(path));
    const bool is_new = named.file().get() < 0;
    if (is_new) named = make_placeholder(path);
    if (named.file().get() < 0) return "is made by another process";
    if (current != nullptr && same_file(named.file().status(), current->status())) {
        const bool fits = current->size() == size;
        fits ? share(state, current->duplicate(), path) : make_draft(state, path, size);
        find_earlier(state, path, PathState::in_force);
        return "";
    }
    const bool exclusive = lock_file(named.file(), F_WRLCK, path);
    const bool shared = !exclusive && lock_file(named.file(), F_RDLCK, path);
    if (!leads_to(path, named.file())) return "is replaced by another process";
    if (exclusive) {
        if (is_new) named.remove_in_the_end(path);
        take_left_behind(state, std::move(named), path, size);
        return "";
    }
    // The process that prevented the exclusive lock may have ended by now.
    if (!shared || !used_by_others(named.file())) return "is locked by another process";
    return share_with_another(state, named.file(), path, size, stranger_with);
}

}  // namespace

PathHolder::~PathHolder() {
    if (!remove_.empty() && leads_to(remove_, file_)) unlink(remove_.c_str());
}

PendingFile::PendingFile(std::string path, std::size_t size, PathHolder named,
                         std::string complaint)
    : path_(std::move(path)), named_(std::move(named)), complaint_(std::move(complaint)) {
    for (int i = 0; i < kMostEarlier; ++i) {
        draft_path_ = earlier_name(path_, i);
        file_ = Descriptor(open(draft_path_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
        if (file_.get() < 0 && errno != EEXIST) fail_with_errno(path_, "make", errno);
        // A process that looks for predecessors may have taken it for one before it was locked.
        const bool ours = file_.get() >= 0 && lock_file(file_, F_RDLCK, path_);
        if (!ours || !leads_to(draft_path_, file_)) continue;
        try {
            reserve(file_, size, path_);
        } catch (...) {
            unlink(draft_path_.c_str());
            throw;
        }
        return;
    }
    fail(path_, "has too many predecessors, such as " + in_quotes(draft_path_));
}

PendingFile::~PendingFile() {
    if (!published_ && leads_to(draft_path_, file_)) unlink(draft_path_.c_str());
}

std::string PendingFile::publish() {
    if (fsync(file_.get()) != 0) fail_with_errno(path_, "write", errno);
    struct stat found {};
    const bool replaces = lstat(path_.c_str(), &found) == 0 && found.st_size > 0;
    if (!(replaces ? exchange() : rename(draft_path_.c_str(), path_.c_str()) == 0)) {
        fail_with_errno(path_, "rename", errno);
    }
    published_ = true;
    if (complaint_.empty()) return "";
    std::string other = aside(path_);
    // It was already renamed, to a shorter name.
    if (rename(draft_path_.c_str(), other.c_str()) != 0) other = draft_path_;
    return "the state file " + in_quotes(path_) + " is set aside as " + in_quotes(other) +
           " and a new one made: " + complaint_;
}

// Exchanges the names of the two files. Returns false if that fails: not every file system can do
// it atomically.
bool PendingFile::exchange() {
    if (renameat2(AT_FDCWD, draft_path_.c_str(), AT_FDCWD, path_.c_str(), RENAME_EXCHANGE) == 0) {
        return true;
    }
    if (errno != EINVAL && errno != ENOSYS && errno != ENOTSUP) return false;
    std::string free_name;
    struct stat found {};
    for (int i = 0; i < kMostEarlier && free_name.empty(); ++i) {
        const std::string name = earlier_name(path_, i);
        if (lstat(name.c_str(), &found) != 0) free_name = name;
    }
    if (free_name.empty() || rename(path_.c_str(), free_name.c_str()) != 0) return false;
    if (rename(draft_path_.c_str(), path_.c_str()) != 0) return false;
    draft_path_ = free_name;
    return true;
}

State open_state(const std::string& path, std::size_t size, const Descriptor* current,
                 const StrangerFinder& stranger_with) {
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    State state;
    while (true) {
        const std::string obstacle = try_open(state, path, size, current, stranger_with);
        if (obstacle.empty()) return state;
        if (std::chrono::steady_clock::now() > deadline) fail(path, obstacle);
        std::this_thread::sleep_for(kPause);
    }
}

void remove_earlier(const std::string& path, const Descriptor& file) {
    for (int i = 0; i < kMostEarlier; ++i) {
        const std::string name = earlier_name(path, i);
        if (leads_to(name, file)) unlink(name.c_str());
    }
}

std::string canonical_path(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    if (slash == std::string::npos) return path;
    const std::unique_ptr<char, decltype(&std::free)> directory(
        realpath(path.substr(0, slash + 1).c_str(), nullptr), std::free);
    return directory ? directory.get() + path.substr(slash) : path;
}

bool used_by_others(const Descriptor& file) {
    struct flock lock = whole_file(F_WRLCK);
    return fcntl(file.get(), F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

std::vector<std::string> check_state(const std::string& path, std::size_t size) {
    std::vector<std::string> warnings;
    require_boot_id();
    const Descriptor file = open_file(path);
    const bool there = file.get() >= 0;
    if (there) refuse_foreign(file, path);
    const bool fits = there && file.size() == size;
    const std::string why = there && !is_empty(file) ? DedupMemory::complaint(file) : "";
    if (!why.empty()) {
        warnings.push_back("the state file " + in_quotes(path) +
                           " will be set aside and a new one made: " + why);
    }
    // Making a new one shows whether there is room for it.
    if (!fits || !why.empty()) const PendingFile draft(path, size);
    return warnings;
}

}  // namespace webhook
