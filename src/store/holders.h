// Finds the processes that hold a lock on a state file, and whether all belong to the same nginx.
//
// The kernel does not name the holders of such a lock, but /proc shows the locks of each process.
// This code depends on nginx only for the titles of its processes.

#pragma once

#include <string>

#include "base/file.h"

namespace webhook {

// How this process was started: on its own, or by an nginx that it replaces, which is then its
// parent.
enum class Origin { fresh, upgrade };

// Names, for an error message, another nginx that uses the file. Empty if all its holders are this
// process's own workers, the nginx that is being upgraded, workers that lost their master, or an
// nginx that is about to exit, since none of its workers takes requests any more.
std::string stranger_with(const Descriptor& file, Origin origin);

}  // namespace webhook
