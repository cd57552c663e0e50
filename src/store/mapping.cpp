#include "store/mapping.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>
#include <string>
#include <utility>

namespace webhook {
namespace {

[[noreturn]] void fail_with(const std::string& what, int error) {
    throw std::runtime_error(what + ": " + system_message(error));
}

}  // namespace

Descriptor nameless_file(const char* label, std::size_t size) {
    if (!fits_limits(size)) fail_with("cannot get memory", EFBIG);
    // Some systems refuse memory that may be executed, others do not know the flag.
    constexpr unsigned int kNeverExecuted = 0x8;
    Descriptor file(memfd_create(label, MFD_CLOEXEC | kNeverExecuted));
    if (file.get() < 0) file = Descriptor(memfd_create(label, MFD_CLOEXEC));
    if (file.get() < 0 || ftruncate(file.get(), static_cast<off_t>(size)) != 0) {
        fail_with("cannot get memory", errno);
    }
    return file;
}

Mapping::Mapping(Descriptor file) : file_(std::move(file)) {
    const std::size_t size = file_.size();
    void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, file_.get(), 0);
    if (memory == MAP_FAILED) fail_with("cannot map it", errno);
    bytes_ = {static_cast<std::byte*>(memory), size};
}

Mapping::~Mapping() {
    munmap(bytes_.data(), bytes_.size());
}

}  // namespace webhook
