#include "store/capture_ring.h"

#include <dirent.h>
#include <fcntl.h>
#include <pwd.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <thread>

#include "base/errors.h"
#include "base/text.h"
#include "store/fault_point.h"

namespace webhook {
namespace {

constexpr std::string_view kSuffix = ".http";
// A file that is not complete has this before its name.
constexpr char kHidden = '.';
constexpr mode_t kOthers = S_IRWXG | S_IRWXO;
constexpr mode_t kFileMode = S_IRUSR | S_IWUSR;
// How long to wait for another process that has the lock. The disk is slow then, and this capture
// is one too many.
constexpr auto kLockPatience = std::chrono::seconds(1);
constexpr auto kLockPause = std::chrono::milliseconds(5);
// Written at a time.
constexpr std::size_t kPiece = 16 * 1024;

[[noreturn]] void fail(const std::string& what, int error) {
    throw CaptureError(what + ": " + system_message(error));
}

[[noreturn]] void refuse(const std::string& path, const std::string& why) {
    throw ConfigError("the directory " + in_quotes(path) + " of \"webhook_capture\" " + why);
}

// With a slash, or a dot, at its end, the path of a link would lead to what is behind the link.
std::string without_end(std::string path) {
    while (path.size() > 1 && (path.ends_with('/') || path.ends_with("/."))) path.pop_back();
    return path;
}

// A name if there is one, as `chown` takes it.
std::string name_of(uid_t user) {
    const struct passwd* known = getpwuid(user);
    return known == nullptr ? std::to_string(user) : known->pw_name;
}

[[noreturn]] void refuse_to_open(const std::string& path, uid_t user, int error) {
    struct stat found {};
    if (lstat(path.c_str(), &found) != 0) {
        if (errno != ENOENT) refuse(path, "cannot be opened: " + system_message(error));
        refuse(path, "does not exist: " + in_quotes("mkdir -m 700 " + path + " && chown " +
                                                    name_of(user) + ' ' + path));
    }
    if (S_ISLNK(found.st_mode)) {
        refuse(path, "is a symbolic link: name the directory that it leads to");
    }
    if (!S_ISDIR(found.st_mode)) refuse(path, "is not a directory");
    refuse(path, "cannot be opened: " + system_message(error));
}

std::string shown_mode(mode_t mode) {
    std::array<char, 16> shown{};
    std::snprintf(shown.data(), shown.size(), "(mode %04o)", mode & 07777U);
    return shown.data();
}

void check_directory(const std::string& path, const struct stat& status, uid_t user) {
    if (status.st_uid != user) {
        refuse(path, "belongs to the user " + in_quotes(name_of(status.st_uid)) +
                         ", and nginx's workers run as " + in_quotes(name_of(user)) +
                         ", who must own it: " + in_quotes("chown " + name_of(user) + ' ' + path) +
                         ", or \"user\" before \"http\"");
    }
    if ((status.st_mode & kOthers) == 0 && (status.st_mode & S_IRWXU) == S_IRWXU) return;
    const bool is_open = (status.st_mode & kOthers) != 0;
    refuse(path, (is_open ? "is open to its group or to others " : "cannot be used by its owner ") +
                     shown_mode(status.st_mode) + ": " + in_quotes("chmod 700 " + path));
}

bool consists_of_digits(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, is_digit);
}

// `20261231T235959.000Z`
bool is_time(std::string_view text) {
    constexpr std::string_view kPattern = "00000000T000000.000Z";
    return std::ranges::equal(text, kPattern, [](char character, char expected) {
        return expected == '0' ? is_digit(character) : character == expected;
    });
}

bool is_label(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char character) {
        return (character >= 'a' && character <= 'z') || character == '_';
    });
}

// Takes the text up to the next `-`.
std::string_view take_part(std::string_view& text) {
    const std::size_t end = std::min(text.find('-'), text.size());
    const std::string_view part = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return part;
}

struct CloseDirectory {
    void operator()(DIR* directory) const { closedir(directory); }
};

std::vector<std::string> names_in(const Descriptor& directory) {
    const int copy = fcntl(directory.get(), F_DUPFD_CLOEXEC, 0);
    const std::unique_ptr<DIR, CloseDirectory> stream(copy < 0 ? nullptr : fdopendir(copy));
    if (stream == nullptr) {
        const int error = errno;
        if (copy >= 0) close(copy);
        fail("cannot read the directory", error);
    }
    std::vector<std::string> names;
    errno = 0;
    while (const dirent* each = readdir(stream.get())) names.emplace_back(each->d_name);
    if (errno != 0) fail("cannot read the directory", errno);
    return names;
}

void write_all(const Descriptor& file, std::string_view text) {
    while (!text.empty()) {
        WEBHOOK_CAPTURE_POINT();
        const ssize_t size = ::write(file.get(), text.data(), std::min(text.size(), kPiece));
        if (size < 0 && errno == EINTR) continue;
        if (size < 0) fail("cannot write a file", errno);
        text.remove_prefix(static_cast<std::size_t>(size));
    }
}

// No other thread or process makes the same; nor does one of the same number in another container,
// as long as it is not at the same millisecond.
std::string unique_name(std::string_view name) {
    static std::atomic<std::uint64_t> count{0};
    return std::string(name) + "-" + std::to_string(getpid()) + "-" + std::to_string(++count) +
           std::string(kSuffix);
}

}  // namespace

CaptureRing::CaptureRing(std::string path, const CaptureLimits& limits, uid_t user)
    : path_(without_end(std::move(path))), limits_(limits) {
    constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    directory_ = Descriptor(open(path_.c_str(), kFlags));
    if (directory_.get() < 0) refuse_to_open(path_, user, errno);
    check_directory(path_, directory_.status(), user);
    if (faccessat(directory_.get(), ".", W_OK | X_OK, AT_EACCESS) != 0) {
        refuse(path_, "cannot be written to: " + system_message(errno));
    }
}

bool CaptureRing::is_same_directory(const CaptureRing& other) const {
    return same_file(directory_.status(), other.directory_.status());
}

bool CaptureRing::is_capture_name(std::string_view name) {
    if (!name.ends_with(kSuffix)) return false;
    name.remove_suffix(kSuffix.size());
    return is_time(take_part(name)) && is_label(take_part(name)) &&
           consists_of_digits(take_part(name)) && consists_of_digits(name);
}

// A lock belongs to an open file, and workers inherit the one of their master: each takes its own.
Descriptor CaptureRing::lock() const {
    Descriptor own(openat(directory_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (own.get() < 0) fail("cannot open the directory", errno);
    const auto deadline = std::chrono::steady_clock::now() + kLockPatience;
    while (flock(own.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno == EINTR) continue;
        if (errno != EWOULDBLOCK) fail("cannot lock the directory", errno);
        if (std::chrono::steady_clock::now() > deadline) {
            throw CaptureError("another process has the directory locked");
        }
        std::this_thread::sleep_for(kLockPause);
    }
    return own;
}

std::optional<CaptureRing::Entry> CaptureRing::entry(const std::string& name) const {
    struct stat status {};
    if (fstatat(directory_.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
        return std::nullopt;
    }
    if (!S_ISREG(status.st_mode)) return std::nullopt;
    return Entry{name,
                 Milliseconds(status.st_mtim.tv_sec * 1000LL + status.st_mtim.tv_nsec / 1'000'000)};
}

// The captures, oldest first. Removes what dead processes left.
CaptureRing::Entries CaptureRing::entries(const Descriptor& directory) const {
    Entries found;
    for (const std::string& name : names_in(directory)) {
        const bool is_hidden = name.starts_with(kHidden);
        if (!is_capture_name(std::string_view(name).substr(is_hidden ? 1 : 0))) continue;
        auto known = entry(name);
        if (!known) continue;
        if (is_hidden) {
            remove(name);
        } else {
            found.push_back(std::move(*known));
        }
    }
    std::ranges::sort(found, {}, &Entry::name);
    return found;
}

void CaptureRing::remove(const std::string& name) const {
    if (unlinkat(directory_.get(), name.c_str(), 0) == 0 || errno == ENOENT) return;
    fail("cannot remove a file", errno);
}

void CaptureRing::expire(Entries& entries, Milliseconds now) const {
    std::erase_if(entries, [&](const Entry& each) {
        if (now - each.changed < limits_.keep) return false;
        remove(each.name);
        return true;
    });
}

void CaptureRing::write(const std::string& name, std::string_view text) const {
    const std::string hidden = kHidden + name;
    constexpr int kFlags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    const Descriptor file(openat(directory_.get(), hidden.c_str(), kFlags, kFileMode));
    if (file.get() < 0) {
        const int error = errno;
        fail(error == ENOENT ? "the directory was removed, a reload finds a new one"
                             : "cannot make a file",
             error);
    }
    try {
        write_all(file, text);
        WEBHOOK_CAPTURE_POINT();
        if (renameat(directory_.get(), hidden.c_str(), directory_.get(), name.c_str()) != 0) {
            fail("cannot name a file", errno);
        }
    } catch (const CaptureError&) {
        unlinkat(directory_.get(), hidden.c_str(), 0);
        throw;
    }
}

void CaptureRing::store(std::string_view name, std::string_view text, Milliseconds now) const {
    // The kernel would send a signal.
    if (!fits_limits(text.size())) fail("cannot write a file", EFBIG);
    const std::string whole = unique_name(name);
    const Descriptor locked = lock();
    const mode_t mode = locked.status().st_mode;
    if ((mode & kOthers) != 0) {
        throw CaptureError("the directory is open to its group or to others " + shown_mode(mode) +
                           ", \"chmod 700\" closes it");
    }
    Entries known = entries(locked);
    expire(known, now);
    while (known.size() >= limits_.max) {
        remove(known.front().name);
        known.erase(known.begin());
    }
    struct stat found {};
    if (fstatat(directory_.get(), whole.c_str(), &found, AT_SYMLINK_NOFOLLOW) == 0) {
        fail("cannot name a file", EEXIST);
    }
    write(whole, text);
}

std::optional<Milliseconds> CaptureRing::sweep(Milliseconds now) const {
    const Descriptor locked = lock();
    Entries known = entries(locked);
    expire(known, now);
    if (known.empty()) return std::nullopt;
    return std::ranges::min(known, {}, &Entry::changed).changed + limits_.keep;
}

}  // namespace webhook
