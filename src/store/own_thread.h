// A thread beside nginx's event loop.

#pragma once

#include <functional>
#include <thread>

namespace webhook {

// Starts a thread that blocks all signals. The code that it runs stays loaded, since nginx unloads
// the module at the end of a process, when the thread may still wait for a disk. Throws
// std::system_error if there can be none.
std::thread start_own_thread(const char* name, std::function<void()> work);

}  // namespace webhook
