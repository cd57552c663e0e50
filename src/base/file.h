// Files that the configuration names.

#pragma once

#include <sys/stat.h>

#include <cstddef>
#include <string>
#include <utility>

#include "base/errors.h"

namespace webhook {

// An open file; closed when this is destroyed. -1: none.
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

// Whether the path, itself and no link, is that of the open file.
bool leads_to(const std::string& path, const Descriptor& file);
// Whether this process may have files of so many bytes; it would be killed for trying.
bool fits_limits(std::size_t size);
bool same_file(const struct stat& left, const struct stat& right);

// What the system says of an error.
std::string system_message(int error);

struct FileContent {
    std::string bytes;
    struct stat status {};
};

// Whether nothing tells that a file's content changed from one look to the next.
bool same_version(const struct stat& left, const struct stat& right);

// A file whose content is not known: another attempt may read it.
class ReadError : public ConfigError {
  public:
    using ConfigError::ConfigError;
};

// The whole of a regular file. Throws ReadError, with the path and the system's reason, where it
// cannot be read or changes meanwhile; ConfigError where it is larger than `limit` bytes.
FileContent read_file(const std::string& path, std::size_t limit);

}  // namespace webhook
