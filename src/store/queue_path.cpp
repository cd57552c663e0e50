#include "store/queue_path.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <ctime>

#include "base/errors.h"
#include "base/file.h"
#include "base/text.h"

namespace webhook {
namespace {

constexpr mode_t kWritableByOthers = S_IWGRP | S_IWOTH;
constexpr mode_t kForOthers = S_IRWXG | S_IRWXO;
// Bytes that are written at a time.
constexpr std::size_t kZeros = 256 * 1024;

struct NetworkFileSystem {
    std::uint32_t type;
    const char* name;
};

// Their locks, or their shared memory, are not those of one machine.
constexpr std::array kNetworkFileSystems{
    NetworkFileSystem{0x6969, "NFS"},       NetworkFileSystem{0xff534d42, "CIFS"},
    NetworkFileSystem{0xfe534d42, "SMB"},   NetworkFileSystem{0x517b, "SMB"},
    NetworkFileSystem{0x5346414f, "AFS"},   NetworkFileSystem{0x00c36400, "Ceph"},
    NetworkFileSystem{0x01021997, "9P"},    NetworkFileSystem{0x0bd00bd0, "Lustre"},
    NetworkFileSystem{0x7461636f, "OCFS2"}, NetworkFileSystem{0x01161970, "GFS2"},
    NetworkFileSystem{0x73757245, "Coda"},  NetworkFileSystem{0x564c, "NCP"},
};

[[noreturn]] void fail(const std::string& path, const std::string& why) {
    throw ConfigError("the queue file " + in_quotes(path) + " " + why);
}

[[noreturn]] void fail_with_errno(const std::string& path, const std::string& what) {
    throw ConfigError("cannot " + what + " " + in_quotes(path) + ": " + system_message(errno));
}

std::string directory_of(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    if (slash == std::string::npos) return ".";
    return slash == 0 ? "/" : path.substr(0, slash);
}

std::string belongs_to(uid_t owner, uid_t user) {
    return "belongs to the user " + std::to_string(owner) +
           ", not to the one that the workers run as, " + std::to_string(user);
}

void check_directory(const std::string& path, uid_t user) {
    const std::string directory = directory_of(path);
    struct stat status {};
    if (stat(directory.c_str(), &status) != 0) fail_with_errno(directory, "use the directory");
    const std::string its = "cannot be in " + in_quotes(directory) + ", which ";
    if (!S_ISDIR(status.st_mode)) fail(path, its + "is not a directory");
    if (status.st_uid != user) fail(path, its + belongs_to(status.st_uid, user));
    if ((status.st_mode & kWritableByOthers) != 0) {
        fail(path, its + "is writable by group or others; set mode 0700");
    }
    struct statfs system {};
    if (statfs(directory.c_str(), &system) != 0) fail_with_errno(directory, "use the directory");
    const auto found = std::ranges::find(
        kNetworkFileSystems, static_cast<std::uint32_t>(system.f_type), &NetworkFileSystem::type);
    if (found == kNetworkFileSystems.end()) return;
    fail(path,
         its + "is on a network file system, " + found->name + "; use a disk of this machine");
}

void check_file(const std::string& path, uid_t user) {
    struct stat status {};
    if (lstat(path.c_str(), &status) != 0) {
        if (errno == ENOENT) return;
        fail_with_errno(path, "use");
    }
    if (S_ISLNK(status.st_mode)) fail(path, "is a symbolic link");
    if (!S_ISREG(status.st_mode)) fail(path, "is not a regular file");
    if (status.st_uid != user) fail(path, belongs_to(status.st_uid, user));
    if ((status.st_mode & kForOthers) != 0) {
        fail(path, "is accessible by group or others; set mode 0600");
    }
}

}  // namespace

void check_queue_path(const std::string& path, uid_t user) {
    check_directory(path, user);
    for (const std::string& file : {path, log_of(path), log_index_of(path)}) check_file(file, user);
}

void make_queue_file(const std::string& path) {
    const Descriptor file(
        open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (file.get() < 0) {
        if (errno == EEXIST) return;
        fail_with_errno(path, "make the queue file");
    }
    if (fchmod(file.get(), S_IRUSR | S_IWUSR) != 0) fail_with_errno(path, "make the queue file");
}

void lengthen_log(const std::string& path, std::size_t size) {
    const std::string name = log_of(path);
    const Descriptor log(open(name.c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW));
    if (log.get() < 0) fail_with_errno(name, "open the log");
    const std::string zeros(kZeros, '\0');
    for (std::size_t end = log.size(); end < size;) {
        const ssize_t written =
            pwrite(log.get(), zeros.data(), std::min(kZeros, size - end), static_cast<off_t>(end));
        // Without the room, it grows when it has to.
        if (written <= 0) return;
        end += static_cast<std::size_t>(written);
    }
    fsync(log.get());
}

void sync_directory_of(const std::string& path) {
    const std::string name = directory_of(path);
    const Descriptor directory(open(name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (directory.get() < 0 || fsync(directory.get()) != 0) fail_with_errno(name, "sync");
}

std::string aside_of(const std::string& path) {
    const std::time_t now = std::time(nullptr);
    std::tm parts{};
    std::array<char, 32> text{};
    std::strftime(text.data(), text.size(), "%Y%m%dT%H%M%SZ", gmtime_r(&now, &parts));
    const std::string first = path + ".aside-" + text.data();
    std::string name = first;
    struct stat found {};
    const auto is_taken = [&found](const std::string& one) {
        return lstat(one.c_str(), &found) == 0;
    };
    for (int i = 1; is_taken(name) || is_taken(log_of(name)); ++i) {
        name = first + '-' + std::to_string(i);
    }
    return name;
}

}  // namespace webhook
