// A place where a process can die. The test build puts a call there, any other build nothing.
//
// With WEBHOOK_FAULT_POINTS defined, `fault_point` is called after every write to the memory that
// processes share. It may kill the process, or inspect the state that a process killed there leaves
// behind.
//
// `capture_point` is called, by the thread that writes captures, before each piece that it writes,
// and before a file gets its name. It may kill the process, or wait as for a slow disk.
//
// `queue_point` is called, by the thread of a queue, before each commit to its file. It may kill
// the process, wait as for a slow disk, or return false as if the disk had failed.
//
// late_store() turns a store that answers at once into one that answers later, as a remote one
// would.

#pragma once

#ifdef WEBHOOK_FAULT_POINTS
namespace webhook {
class EventStore;
inline void (*fault_point)() = nullptr;
inline void (*capture_point)() = nullptr;
inline bool (*queue_point)() = nullptr;
// Defined by the tests.
EventStore& late_store(EventStore& store);
}  // namespace webhook
#define WEBHOOK_FAULT_POINT() \
    if (::webhook::fault_point != nullptr) ::webhook::fault_point()
#define WEBHOOK_CAPTURE_POINT() \
    if (::webhook::capture_point != nullptr) ::webhook::capture_point()
#define WEBHOOK_QUEUE_POINT() (::webhook::queue_point == nullptr || ::webhook::queue_point())
#define WEBHOOK_STORE(store) ::webhook::late_store(store)
#else
#define WEBHOOK_FAULT_POINT() static_cast<void>(0)
#define WEBHOOK_CAPTURE_POINT() static_cast<void>(0)
#define WEBHOOK_QUEUE_POINT() true
#define WEBHOOK_STORE(store) (store)
#endif
