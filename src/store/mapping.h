// A file mapped as memory that processes share.
//
// Functions throw std::runtime_error, with a reason fit for a log.

#pragma once

#include <cstddef>
#include <span>

#include "base/file.h"

namespace webhook {

// Makes a nameless file of `size` zero bytes. `label` shows in /proc.
Descriptor nameless_file(const char* label, std::size_t size);

class Mapping {
  public:
    // Maps the whole file for reading and writing.
    explicit Mapping(Descriptor file);
    ~Mapping();
    Mapping(const Mapping&) = delete;
    Mapping& operator=(const Mapping&) = delete;

    const Descriptor& file() const { return file_; }
    // Aligned to a page.
    std::span<std::byte> bytes() const { return bytes_; }

  private:
    Descriptor file_;
    std::span<std::byte> bytes_;
};

}  // namespace webhook
