#include "nginx/ngx_http_webhook_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "webhook/scheme.h"
#include "webhook/text.h"

namespace webhook::ngx {
namespace {

[[noreturn]] void fail(const std::string& path, const std::string& why) {
    throw ConfigError("cannot read " + quoted(path) + ": " + why);
}

[[noreturn]] void fail_with_errno(const std::string& path) {
    fail(path, std::generic_category().message(errno));
}

class Descriptor {
  public:
    explicit Descriptor(const std::string& path)
        : value_(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {}
    ~Descriptor() {
        if (value_ >= 0) close(value_);
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;

    int get() const { return value_; }

  private:
    int value_;
};

}  // namespace

FileContent read_file(const std::string& path, std::size_t limit) {
    const Descriptor file(path);
    FileContent content;
    if (file.get() < 0 || fstat(file.get(), &content.status) != 0) fail_with_errno(path);
    if (!S_ISREG(content.status.st_mode)) fail(path, "it is not a regular file");
    // Read to the end rather than to the size: a file in /proc or one that grows has another.
    std::string buffer(64 * 1024, '\0');
    while (true) {
        const ssize_t size = read(file.get(), buffer.data(), buffer.size());
        if (size < 0 && errno == EINTR) continue;
        if (size < 0) fail_with_errno(path);
        if (size == 0) return content;
        content.bytes.append(buffer, 0, static_cast<std::size_t>(size));
        if (content.bytes.size() > limit) {
            fail(path, "it is larger than " + std::to_string(limit) + " bytes");
        }
    }
}

}  // namespace webhook::ngx
