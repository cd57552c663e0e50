// Files that the configuration names.

#pragma once

#include <sys/stat.h>

#include <string>

namespace webhook::ngx {

struct FileContent {
    std::string bytes;
    struct stat status {};
};

// The whole of a regular file. Throws ConfigError, with the path and the system's reason, where it
// cannot be read or is larger than `limit` bytes.
FileContent read_file(const std::string& path, std::size_t limit);

}  // namespace webhook::ngx
