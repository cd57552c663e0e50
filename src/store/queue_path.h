// Where the file of a queue may be, and the files beside it.
//
// A queue's directory is its own: nobody else may write to it, so that none of these files can be
// exchanged. Errors are ConfigError, with the path and the system's reason.

#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string>

namespace webhook {

inline std::string log_of(const std::string& path) {
    return path + "-wal";
}
inline std::string log_index_of(const std::string& path) {
    return path + "-shm";
}
inline std::string lock_of(const std::string& path) {
    return path + ".lock";
}

// Throws unless the directory belongs to `user`, is writable by nobody else, and is on a disk of
// this machine; and unless the path and the log beside it lead to nothing, or to regular files of
// `user` that are for nobody else.
void check_queue_path(const std::string& path, uid_t user);

// Makes an empty file, if there is none.
void make_queue_file(const std::string& path);

// Makes the log as long as it will be. What is written over something that is there is on the disk
// several times sooner than what makes a file longer. Zeros are no part of a log.
void lengthen_log(const std::string& path, std::size_t size);

// Waits until the names in the directory of a path are on the disk.
void sync_directory_of(const std::string& path);

// A name beside the path that is free, with the present time in it.
std::string aside_of(const std::string& path);

}  // namespace webhook
