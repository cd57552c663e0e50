// A disk for SQLite that fails, or loses power: what was not synced is then lost, all of it or in
// parts.

#pragma once

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <cstring>
#include <limits>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "process_fixture.h"

namespace webhook::testing {

class FailingDisk {
  public:
    static constexpr std::size_t kNever = std::numeric_limits<std::size_t>::max();

    // The name of this disk for QueueFile. Only one of them lives at a time.
    static constexpr const char* kName = "webhook-failing";

    FailingDisk() {
        current_ = this;
        base_ = sqlite3_vfs_find(nullptr);
        vfs_ = *base_;
        vfs_.zName = kName;
        vfs_.szOsFile = static_cast<int>(sizeof(File)) + base_->szOsFile;
        vfs_.xOpen = &open;
        vfs_.xDelete = &remove;
        sqlite3_vfs_register(&vfs_, 0);
    }
    ~FailingDisk() {
        sqlite3_vfs_unregister(&vfs_);
        current_ = nullptr;
    }
    FailingDisk(const FailingDisk&) = delete;
    FailingDisk& operator=(const FailingDisk&) = delete;

    // Which of these calls, counted from here on, fails; `lasting`: and all after it.
    std::size_t fail_write = kNever;
    std::size_t fail_sync = kNever;
    bool lasting = false;
    std::size_t writes = 0;
    std::size_t syncs = 0;

    bool has_failed() const { return has_failed_; }

    // What a power cut leaves. Each sector that was written since the last sync is on the disk with
    // this chance, in percent.
    void cut_power(unsigned chance, std::mt19937& random) {
        for (auto& [path, state] : files_) {
            std::string content = state.durable;
            for (const Write& write : state.pending) apply(content, write, chance, random);
            if (content.empty() && !state.is_main) {
                unlink(path.c_str());
            } else {
                write_content(path, content);
            }
            unlink((path + "-shm").c_str());
        }
        files_.clear();
    }

  private:
    struct Write {
        std::size_t offset;
        std::string bytes;
        // A change of the size to `offset`.
        bool is_truncation = false;
    };
    struct State {
        std::string durable;
        std::vector<Write> pending;
        bool is_main = false;
    };
    struct File {
        sqlite3_file base;
        State* state;
        sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
    };

    static void apply(std::string& content, const Write& write, unsigned chance,
                      std::mt19937& random) {
        if (write.is_truncation) {
            if (random() % 100 < chance) content.resize(write.offset);
            return;
        }
        for (std::size_t done = 0; done < write.bytes.size();) {
            const std::size_t sector_end = ((write.offset + done) / 512 + 1) * 512;
            const std::size_t size =
                std::min(write.bytes.size() - done, sector_end - write.offset - done);
            if (random() % 100 < chance) {
                const std::size_t end = write.offset + done + size;
                if (content.size() < end) content.resize(end, '\0');
                content.replace(write.offset + done, size, write.bytes, done, size);
            }
            done += size;
        }
    }

    bool fails(std::size_t count, std::size_t deadly) {
        if (count == deadly || (lasting && has_failed_)) has_failed_ = true;
        return count == deadly || (lasting && has_failed_);
    }

    static int open(sqlite3_vfs*, const char* name, sqlite3_file* opened, int flags, int* out) {
        auto* const file = reinterpret_cast<File*>(opened);
        file->base.pMethods = nullptr;
        const int code = base_->xOpen(base_, name, file->real(), flags, out);
        if (code != SQLITE_OK) return code;
        file->state = nullptr;
        if ((flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL)) != 0) {
            const auto [found, is_new] = current_->files_.try_emplace(name);
            if (is_new) found->second.durable = content_of(name);
            found->second.is_main = (flags & SQLITE_OPEN_MAIN_DB) != 0;
            file->state = &found->second;
        }
        file->base.pMethods = &kMethods;
        return SQLITE_OK;
    }
    static int remove(sqlite3_vfs*, const char* name, int sync) {
        current_->files_.erase(name);
        return base_->xDelete(base_, name, sync);
    }
    static File* of(sqlite3_file* file) { return reinterpret_cast<File*>(file); }
    static sqlite3_file* real(sqlite3_file* file) { return of(file)->real(); }

    static int close(sqlite3_file* file) { return real(file)->pMethods->xClose(real(file)); }
    static int read(sqlite3_file* file, void* into, int size, sqlite3_int64 offset) {
        return real(file)->pMethods->xRead(real(file), into, size, offset);
    }
    static int write(sqlite3_file* file, const void* from, int size, sqlite3_int64 offset) {
        if (of(file)->state != nullptr) {
            if (current_->fails(++current_->writes, current_->fail_write)) {
                return SQLITE_IOERR_WRITE;
            }
            of(file)->state->pending.push_back(
                {static_cast<std::size_t>(offset),
                 std::string(static_cast<const char*>(from), static_cast<std::size_t>(size))});
        }
        return real(file)->pMethods->xWrite(real(file), from, size, offset);
    }
    static int truncate(sqlite3_file* file, sqlite3_int64 size) {
        if (of(file)->state != nullptr) {
            of(file)->state->pending.push_back({static_cast<std::size_t>(size), "", true});
        }
        return real(file)->pMethods->xTruncate(real(file), size);
    }
    static int sync(sqlite3_file* file, int) {
        if (of(file)->state == nullptr) return SQLITE_OK;
        State& state = *of(file)->state;
        if (current_->fails(++current_->syncs, current_->fail_sync)) {
            // The system tells once, and takes what it could not write for written from then on.
            if (!current_->lasting) state.pending.clear();
            return SQLITE_IOERR_FSYNC;
        }
        std::mt19937 unused;
        for (const Write& write : state.pending) apply(state.durable, write, 100, unused);
        state.pending.clear();
        return SQLITE_OK;
    }
    static int size(sqlite3_file* file, sqlite3_int64* size) {
        return real(file)->pMethods->xFileSize(real(file), size);
    }
    static int lock(sqlite3_file* file, int level) {
        return real(file)->pMethods->xLock(real(file), level);
    }
    static int unlock(sqlite3_file* file, int level) {
        return real(file)->pMethods->xUnlock(real(file), level);
    }
    static int check_lock(sqlite3_file* file, int* result) {
        return real(file)->pMethods->xCheckReservedLock(real(file), result);
    }
    static int control(sqlite3_file* file, int operation, void* argument) {
        return real(file)->pMethods->xFileControl(real(file), operation, argument);
    }
    static int sector_size(sqlite3_file* file) {
        return real(file)->pMethods->xSectorSize(real(file));
    }
    // None that would make SQLite write less.
    static int characteristics(sqlite3_file*) { return 0; }
    static int shm_map(sqlite3_file* file, int page, int size, int extend, void volatile** memory) {
        return real(file)->pMethods->xShmMap(real(file), page, size, extend, memory);
    }
    static int shm_lock(sqlite3_file* file, int offset, int number, int flags) {
        return real(file)->pMethods->xShmLock(real(file), offset, number, flags);
    }
    static void shm_barrier(sqlite3_file* file) { real(file)->pMethods->xShmBarrier(real(file)); }
    static int shm_unmap(sqlite3_file* file, int remove) {
        return real(file)->pMethods->xShmUnmap(real(file), remove);
    }

    static constexpr sqlite3_io_methods kMethods{2,
                                                 close,
                                                 read,
                                                 write,
                                                 truncate,
                                                 sync,
                                                 size,
                                                 lock,
                                                 unlock,
                                                 check_lock,
                                                 control,
                                                 sector_size,
                                                 characteristics,
                                                 shm_map,
                                                 shm_lock,
                                                 shm_barrier,
                                                 shm_unmap,
                                                 nullptr,
                                                 nullptr};

    static inline FailingDisk* current_ = nullptr;
    static inline sqlite3_vfs* base_ = nullptr;
    sqlite3_vfs vfs_{};
    std::map<std::string, State> files_;
    bool has_failed_ = false;
};

}  // namespace webhook::testing
