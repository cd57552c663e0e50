// Files that the configuration names.

#pragma once

#include <sys/stat.h>

#include <cstddef>
#include <string>
#include <utility>

#include "base/errors.h"

namespace webhook {

// Owns an open file and closes it when destroyed. -1: none.
class Descriptor {
  public:
    explicit Descriptor(int value = -1) : value_(value) {}
    ~Descriptor();
    Descriptor(Descriptor&& other) noexcept : value_(std::exchange(other.value_, -1)) {}
    Descriptor& operator=(Descriptor&& other) noexcept {
        std::swap(value_, other.value_);
        return *this;
    }

    int get() const { return value_; }
    // Another descriptor of the same open file, which shares its locks. Throws std::system_error.
    Descriptor duplicate() const { return duplicate(value_); }
    static Descriptor duplicate(int value);
    struct stat status() const;
    // In bytes.
    std::size_t size() const { return static_cast<std::size_t>(status().st_size); }

  private:
    int value_;
};

// Whether the path itself, not a link, is that of the open file.
bool leads_to(const std::string& path, const Descriptor& file);
// Whether the process's file size limit allows this many bytes; the kernel would kill it for trying
// more.
bool fits_limits(std::size_t size);
bool same_file(const struct stat& left, const struct stat& right);

// The system's message for an error.
std::string system_message(int error);

struct FileContent {
    std::string bytes;
    struct stat status {};
};

// Whether nothing indicates that a file's content changed between the two looks.
bool same_version(const struct stat& left, const struct stat& right);

// The file could not be read; another attempt may succeed.
class ReadError : public ConfigError {
  public:
    using ConfigError::ConfigError;
};

// Reads a whole regular file. Throws ReadError, with the path and the system's reason, if it cannot
// be read or changes meanwhile, and ConfigError if it is larger than `limit` bytes.
FileContent read_file(const std::string& path, std::size_t limit);

}  // namespace webhook
