// What is done with the file of a queue that is damaged: what of it can be read is copied into a
// new file, which takes its name.
//
// The damaged file and its log are kept under another name. A death at any moment leaves either the
// damaged file in place, or the new one whole, and finish_salvage() does the rest.
//
// The caller holds the queue's lock, and no process writes to the file.

#pragma once

#include <cstdint>
#include <string>

namespace webhook {

struct Salvaged {
    // Deliveries.
    std::uint64_t kept = 0;
    // Those of which there are traces, but no whole row.
    std::uint64_t lost = 0;
    // Of those kept: whose states are lost.
    std::uint64_t guessed = 0;
    // Where the damaged file is.
    std::string aside;

    // For an administrator.
    std::string text(const std::string& path) const;
};

// Throws std::runtime_error if the new file cannot be written. `vfs` may be null.
Salvaged salvage_queue(const std::string& path, const char* vfs);

// To be called before a file is opened.
void finish_salvage(const std::string& path);

}  // namespace webhook
