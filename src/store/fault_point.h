// Where a process can die: the test build puts a call there, any other build nothing.
//
// With WEBHOOK_FAULT_POINTS defined, `fault_point` is called after every write to the memory that
// processes share. It may kill the process, or look at what a process killed there leaves behind.

#pragma once

#ifdef WEBHOOK_FAULT_POINTS
namespace webhook {
inline void (*fault_point)() = nullptr;
}
#define WEBHOOK_FAULT_POINT() \
    if (::webhook::fault_point != nullptr) ::webhook::fault_point()
#else
#define WEBHOOK_FAULT_POINT() static_cast<void>(0)
#endif
