#include "base/file.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "base/text.h"

namespace webhook {
namespace {

[[noreturn]] void fail(const std::string& path, const std::string& why) {
    throw ConfigError("cannot read " + in_quotes(path) + ": " + why);
}

[[noreturn]] void fail_for_now(const std::string& path, const std::string& why) {
    throw ReadError("cannot read " + in_quotes(path) + ": " + why);
}

[[noreturn]] void fail_with_errno(const std::string& path) {
    fail_for_now(path, system_message(errno));
}

}  // namespace

Descriptor::~Descriptor() {
    if (value_ >= 0) close(value_);
}

Descriptor Descriptor::duplicate(int value) {
    const int copy = fcntl(value, F_DUPFD_CLOEXEC, 0);
    if (copy < 0) throw std::system_error(errno, std::generic_category());
    return Descriptor(copy);
}

struct stat Descriptor::status() const {
    struct stat status {};
    if (fstat(value_, &status) != 0) throw std::system_error(errno, std::generic_category());
    return status;
}

bool leads_to(const std::string& path, const Descriptor& file) {
    struct stat found {};
    return lstat(path.c_str(), &found) == 0 && same_file(found, file.status());
}

bool fits_limits(std::size_t size) {
    struct rlimit limit {};
    return getrlimit(RLIMIT_FSIZE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY ||
           size <= limit.rlim_cur;
}

bool same_file(const struct stat& left, const struct stat& right) {
    return left.st_dev == right.st_dev && left.st_ino == right.st_ino;
}

bool same_version(const struct stat& left, const struct stat& right) {
    const auto same_time = [](const timespec& one, const timespec& other) {
        return one.tv_sec == other.tv_sec && one.tv_nsec == other.tv_nsec;
    };
    return same_file(left, right) && left.st_size == right.st_size &&
           same_time(left.st_mtim, right.st_mtim) && same_time(left.st_ctim, right.st_ctim);
}

std::string system_message(int error) {
    return std::generic_category().message(error);
}

FileContent read_file(const std::string& path, std::size_t limit) {
    const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    FileContent content;
    if (file.get() < 0 || fstat(file.get(), &content.status) != 0) fail_with_errno(path);
    if (!S_ISREG(content.status.st_mode)) fail(path, "it is not a regular file");
    // Reads to the end, not to the size: they differ for a file in /proc and for one that grows.
    std::string buffer(64 * 1024, '\0');
    while (true) {
        const ssize_t size = read(file.get(), buffer.data(), buffer.size());
        if (size < 0 && errno == EINTR) continue;
        if (size < 0) fail_with_errno(path);
        if (size == 0) break;
        content.bytes.append(buffer, 0, static_cast<std::size_t>(size));
        if (content.bytes.size() > limit) {
            fail(path, "it is larger than " + std::to_string(limit) + " bytes");
        }
    }
    if (!same_version(file.status(), content.status)) {
        fail_for_now(path, "it changes while it is read");
    }
    return content;
}

}  // namespace webhook
