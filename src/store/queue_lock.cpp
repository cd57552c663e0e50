#include "store/queue_lock.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <stdexcept>
#include <thread>
#include <utility>

namespace webhook {
namespace {

constexpr std::uint64_t kMagic = 0x6b636f6c71776877;
constexpr std::uint32_t kLayoutVersion = 1;
// It covers several generations of workers.
constexpr std::size_t kSlots = 1024;
constexpr auto kPatience = std::chrono::seconds(10);
constexpr auto kPause = std::chrono::milliseconds(5);

[[noreturn]] void fail_with_errno(const std::string& what) {
    throw std::runtime_error(what + ": " + system_message(errno));
}

bool lock_file(const Descriptor& file, short type) {
    struct flock lock {};
    lock.l_type = type;
    lock.l_whence = SEEK_SET;
    if (fcntl(file.get(), F_OFD_SETLK, &lock) == 0) return true;
    if (errno != EAGAIN && errno != EACCES) fail_with_errno("cannot lock its lock file");
    return false;
}

Descriptor open_file(const std::string& path) {
    Descriptor file(
        open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600));
    if (file.get() < 0) fail_with_errno("cannot open its lock file");
    const struct stat status = file.status();
    if (!S_ISREG(status.st_mode) || status.st_uid != geteuid() ||
        (status.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        throw std::runtime_error(
            "its lock file is not a regular file of this user alone, with mode 0600");
    }
    return file;
}

std::int64_t random_era() {
    std::uint64_t era = 0;
    if (getrandom(&era, sizeof(era), 0) != static_cast<ssize_t>(sizeof(era))) {
        fail_with_errno("cannot get random bytes");
    }
    return static_cast<std::int64_t>(era >> 1 | 1);
}

}  // namespace

struct alignas(64) QueueLock::Head {
    std::atomic<std::uint64_t> magic;
    std::uint32_t layout_version;
    std::uint32_t mutex_size;
    std::int64_t era;
    pthread_mutex_t mutex;
    // The process that has or last had the mutex.
    std::int32_t holder;
    std::uint32_t witness;
};

// What an earlier making of the file remembered.
std::uint32_t QueueLock::witness_in(const Descriptor& file) {
    if (file.size() < sizeof(Head)) return 0;
    const Mapping mapping(file.duplicate());
    const Head& head = *reinterpret_cast<const Head*>(mapping.bytes().data());
    const bool is_ours = head.magic == kMagic && head.layout_version == kLayoutVersion;
    return is_ours ? head.witness : 0;
}

QueueLock::QueueLock(const std::string& path) : path_(path) {
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    while (!try_open()) {
        if (std::chrono::steady_clock::now() > deadline) {
            throw std::runtime_error("its lock file is locked by another process");
        }
        std::this_thread::sleep_for(kPause);
    }
    members_ = Workers::attach(slots());
    lock_.emplace(head().mutex, head().holder);
}

QueueLock::~QueueLock() {
    // Unmapping a held mutex would corrupt the thread's list of robust mutexes.
    if (members_) members_->leave();
}

// Returns false if another process makes or removes the file just now.
bool QueueLock::try_open() {
    Descriptor file = open_file(path_);
    const bool is_alone = lock_file(file, F_WRLCK);
    if (!is_alone && !lock_file(file, F_RDLCK)) return false;
    if (!leads_to(path_, file)) return false;
    is_alone ? make(std::move(file)) : share(std::move(file));
    return true;
}

void QueueLock::make(Descriptor file) {
    const std::uint32_t witness = witness_in(file);
    const std::size_t size = sizeof(Head) + Workers::size(kSlots);
    // The first makes zeros of what is left from processes that are gone.
    int error = ftruncate(file.get(), 0) == 0 ? 0 : errno;
    if (error == 0) error = posix_fallocate(file.get(), 0, static_cast<off_t>(size));
    if (error != 0) {
        throw std::runtime_error("cannot write its lock file: " + system_message(error));
    }
    mapping_ = std::make_unique<Mapping>(std::move(file));
    head().layout_version = kLayoutVersion;
    head().mutex_size = sizeof(head().mutex);
    head().era = random_era();
    make_robust(head().mutex);
    Workers::format(slots());
    head().witness = witness;
    head().magic.store(kMagic, std::memory_order_release);
    lock_file(mapping_->file(), F_RDLCK);
}

void QueueLock::share(Descriptor file) {
    if (file.size() != sizeof(Head) + Workers::size(kSlots)) {
        throw std::runtime_error("its lock file is in use by another version of the module");
    }
    mapping_ = std::make_unique<Mapping>(std::move(file));
    const bool is_ours = head().magic.load(std::memory_order_acquire) == kMagic &&
                         head().layout_version == kLayoutVersion &&
                         head().mutex_size == sizeof(head().mutex);
    if (!is_ours) {
        throw std::runtime_error("its lock file is in use by another version of the module");
    }
}

QueueLock::Head& QueueLock::head() const {
    return *reinterpret_cast<Head*>(mapping_->bytes().data());
}

std::span<std::byte> QueueLock::slots() const {
    return mapping_->bytes().subspan(sizeof(Head));
}

std::optional<Owner> QueueLock::enroll() {
    return members_->join();
}

std::int64_t QueueLock::era() const {
    return head().era;
}

bool QueueLock::is_current() const {
    return leads_to(path_, mapping_->file());
}

void QueueLock::bear_witness(std::uint32_t layout) {
    head().witness = layout;
}

std::uint32_t QueueLock::witness() const {
    return head().witness;
}

std::uint32_t QueueLock::witness_at(const std::string& path) {
    const Descriptor file(open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    return file.get() < 0 ? 0 : witness_in(file);
}

QueueLock::Held::Held(QueueLock& lock) : lock_(lock) {
    lock_.lock_->lock();
}

QueueLock::Held::~Held() {
    lock_.lock_->unlock();
}

}  // namespace webhook
