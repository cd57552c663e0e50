#include "store/own_thread.h"

#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>

#include <utility>

namespace webhook {
namespace {

void keep_code_loaded() {
    Dl_info module{};
    if (dladdr(reinterpret_cast<const void*>(&keep_code_loaded), &module) == 0) return;
    dlopen(module.dli_fname, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
}

// A thread inherits the mask of the one that makes it.
class BlockedSignals {
  public:
    BlockedSignals() {
        sigset_t all;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before_);
    }
    ~BlockedSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
    BlockedSignals(const BlockedSignals&) = delete;
    BlockedSignals& operator=(const BlockedSignals&) = delete;

  private:
    sigset_t before_{};
};

}  // namespace

std::thread start_own_thread(const char* name, std::function<void()> work) {
    keep_code_loaded();
    const BlockedSignals blocked;
    return std::thread([name, work = std::move(work)] {
        pthread_setname_np(pthread_self(), name);
        work();
    });
}

}  // namespace webhook
