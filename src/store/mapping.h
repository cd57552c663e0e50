// A file as memory that processes share.
//
// Functions throw std::runtime_error, with a reason fit for a log.

#pragma once

#include <cstddef>
#include <span>

#include "base/file.h"

namespace webhook {

// A file of zeros that no name leads to, of `size` bytes. `label` shows in /proc.
Descriptor nameless_file(const char* label, std::size_t size);

class Mapping {
  public:
    // All of the file, to be read and written.
    explicit Mapping(Descriptor file);
    ~Mapping();
    Mapping(const Mapping&) = delete;
    Mapping& operator=(const Mapping&) = delete;

    const Descriptor& file() const { return file_; }
    // Begins with a page.
    std::span<std::byte> bytes() const { return bytes_; }

  private:
    Descriptor file_;
    std::span<std::byte> bytes_;
};

}  // namespace webhook
