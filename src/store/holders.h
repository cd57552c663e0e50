// Which processes have a lock on a state file, and whether all of them are of the same nginx.
//
// The kernel does not name the holders of such a lock, but /proc shows the locks of each process.
// No nginx in here, but the titles that it gives its processes.

#pragma once

#include <string>

#include "base/file.h"

namespace webhook {

// Where this process comes from: started by itself, or by an nginx that it is to replace, which
// makes that its parent.
enum class Origin { fresh, upgrade };

// The nginx besides this one that uses the file, as an error names it; empty where there is none:
// all who have it are this process's own workers, the nginx that is being upgraded, workers that
// lost their master, or an nginx that is about to end, since none of its workers takes requests any
// more.
std::string stranger_with(const Descriptor& file, Origin origin);

}  // namespace webhook
