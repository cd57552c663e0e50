#include "store/queue_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <exception>
#include <functional>
#include <thread>
#include <utility>

#include "base/errors.h"
#include "base/file.h"
#include "base/text.h"
#include "store/fault_point.h"
#include "store/queue_lock.h"
#include "store/queue_path.h"
#include "store/queue_salvage.h"
#include "store/queue_search.h"
#include "store/queue_tables.h"
#include "store/sqlite.h"

namespace webhook {
namespace {

using namespace std::literals;

constexpr std::uint64_t kPage = 4096;
// Of the file's size, what is left to those who deliver when no more is accepted.
constexpr std::uint64_t kReservedPart = 64;
constexpr std::uint64_t kLeastReserved = 16 * kPage;
constexpr std::uint64_t kMostReserved = 4 * 1024 * 1024;
// What a delivery takes beside its texts and its body, and each of its targets.
constexpr std::uint64_t kRowSize = 1024;
constexpr std::uint64_t kEntrySize = 512;
// After so many deliveries that found no room although there seemed to be some, no other of a batch
// is tried.
constexpr int kMostRetries = 3;
// A reader that finds what a dead process was writing locks all others out for a moment.
constexpr int kMostWaits = 200;
constexpr auto kWait = std::chrono::milliseconds(1);
// How many things are looked at to find one that fits a filter, and at least in one call.
constexpr std::size_t kWorkForOne = 16;
constexpr std::size_t kLeastWork = 2000;
// The most that is looked at to tell whether a filter leaves as many as were expected.
constexpr std::size_t kMostCounted = 200'000;
// At the second sign of damage, it is taken to be there even if no check finds it.
constexpr int kMostSuspicions = 2;

std::size_t work_for(std::size_t most) {
    return std::max(most * kWorkForOne, kLeastWork);
}

std::uint64_t reserved_of(std::uint64_t max) {
    return std::clamp(max / kReservedPart, kLeastReserved, kMostReserved);
}

// What storing it takes, in bytes, or somewhat more.
std::uint64_t space_for(const Incoming& incoming) {
    const DeliveryHead& head = incoming.head;
    std::uint64_t texts = head.keys.size() * sizeof(EventKey);
    for (const std::string* text :
         {&head.event_id, &head.event_type, &head.endpoint, &head.scheme, &head.secret_id,
          &head.source, &head.headers, &head.content_type, &head.body_sha256, &head.order_key,
          &head.order_value}) {
        texts += text->size();
    }
    const std::uint64_t pages = (texts + head.body_size) / kPage + 2;
    return pages * (kPage + 8) + kRowSize + kEntrySize * incoming.targets.size();
}

bool is_sound(const Incoming& incoming) {
    return !incoming.targets.empty() && incoming.targets.size() <= kMostTargets &&
           incoming.head.keys.size() <= kMostKeys;
}

struct FileIdentity {
    dev_t device = 0;
    ino_t number = 0;

    friend bool operator==(const FileIdentity&, const FileIdentity&) = default;
};

// Nothing of the file is opened: closing it would end SQLite's locks.
FileIdentity identity_of(const std::string& path) {
    struct stat status {};
    if (lstat(path.c_str(), &status) != 0) return {};
    return {status.st_dev, status.st_ino};
}

bool is_empty(const std::string& path) {
    struct stat status {};
    return lstat(path.c_str(), &status) != 0 || status.st_size == 0;
}

}  // namespace

class QueueFile::Impl {
  public:
    // Of what a power cut may undo.
    enum class Sync : std::uint8_t { unknown, none, commit };

    explicit Impl(Options options) : options_(std::move(options)) {
        options_.max = std::max(options_.max, kSmallestQueue);
        open();
        usable_ = true;
    }
    ~Impl() {
        try {
            const QueueLock::Held held(*lock_);
            close();
        } catch (const std::exception&) {
            abandon();
        }
    }
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;

    // Calls `change` within a transaction. Throws QueueError, or SqliteError if there is no room.
    template <typename Change>
    auto write(Sync sync, const Change& change);
    // Calls `look` with what is stored at one moment.
    template <typename Look>
    auto read(const Look& look);
    // The same, of which a power cut may undo the last. Throws QueueError.
    template <typename Change>
    auto change(const Change& change);
    template <typename Look>
    auto look(const Look& look) {
        return as_queue_error([&] { return read(look); });
    }

    Owner enroll();
    bool probe();
    void checkpoint(bool all);
    bool has_room(const Incoming& incoming);
    // Whether there is more than what is left for the states of deliveries.
    bool has_reserve();
    QueueStats stats();
    Acted act(const Selection& selection, std::size_t most,
              const std::function<bool(EntryId)>& change);

    Options options_;
    std::unique_ptr<QueueLock> lock_;
    std::unique_ptr<SqliteDatabase> database_;
    std::optional<QueueTables> tables_;
    std::optional<QueueSearch> search_;
    bool usable_ = false;
    std::string error_;
    std::vector<std::string> notices_;

  private:
    class Undo;

    void open();
    void open_locked();
    void connect();
    void make_or_check();
    void set_up();
    // In bytes, when it is written back: its head, and a page with a head for each page.
    std::size_t log_size() const {
        return 32 + static_cast<std::size_t>(options_.checkpoint_pages) * (kPage + 24);
    }
    void close();
    void abandon();
    void forget_database();
    void stay_current();
    void set_sync(Sync sync);
    void begin();
    void commit();
    void require_usable() const;
    bool is_current() const;
    std::uint64_t unused_space();
    bool is_expected(const Selection& selection, Acted& acted);

    // What finds no room is an error like any other.
    template <typename Step>
    auto as_queue_error(const Step& step) {
        try {
            return step();
        } catch (const SqliteError& error) {
            error_ = "the queue file " + in_quotes(options_.path) + ": " + error.what();
            throw QueueError(error_);
        }
    }
    template <typename Step>
    auto guarded(const Step& step);
    [[noreturn]] void fail(const SqliteError& error);
    bool is_damaged();
    void examine();
    void salvage();

    FileIdentity identity_;
    Sync sync_ = Sync::unknown;
    int suspicions_ = 0;
    std::optional<Owner> self_;
};

// -- Opening and closing

void QueueFile::Impl::open() {
    check_queue_path(options_.path, geteuid());
    if (!lock_ || !lock_->is_current()) {
        self_.reset();
        lock_ = std::make_unique<QueueLock>(lock_of(options_.path));
    }
    const QueueLock::Held held(*lock_);
    open_locked();
}

void QueueFile::Impl::open_locked() {
    finish_salvage(options_.path);
    if (is_empty(options_.path) && lock_->witness() != 0) {
        std::string notice =
            "the queue file " + in_quotes(options_.path) + " is gone or empty: a new one is made";
        if (!is_empty(log_of(options_.path))) {
            const std::string aside = log_of(aside_of(options_.path));
            if (rename(log_of(options_.path).c_str(), aside.c_str()) == 0) {
                notice += ", and its log is set aside as " + in_quotes(aside);
            }
        }
        notices_.push_back(std::move(notice));
    }
    make_queue_file(options_.path);
    try {
        connect();
    } catch (const SqliteError& error) {
        abandon();
        // Whether a file without a whole first page was a queue's, only the lock file tells.
        if (!error.is_damage()) throw;
        if (lock_->witness() == 0) {
            throw std::runtime_error("the queue file " + in_quotes(options_.path) +
                                     " holds something else than a queue: another path is meant, "
                                     "or the file is to be removed");
        }
        salvage();
    }
}

void QueueFile::Impl::connect() {
    database_ =
        std::make_unique<SqliteDatabase>(options_.path, SQLITE_OPEN_READWRITE, options_.vfs);
    tables_.emplace(*database_);
    search_.emplace(*database_, *tables_);
    identity_ = identity_of(options_.path);
    sync_ = Sync::unknown;
    make_or_check();
    set_up();
    lengthen_log(options_.path, log_size());
    lock_->bear_witness(static_cast<std::uint32_t>(kQueueLayout));
}

void QueueFile::Impl::make_or_check() {
    if (database_->number("PRAGMA page_count") == 0) {
        database_->run("PRAGMA page_size = 4096; PRAGMA journal_mode = WAL; BEGIN IMMEDIATE");
        QueueTables::make(*database_);
        database_->run("COMMIT");
        sync_directory_of(options_.path);
        return;
    }
    const std::int64_t application = database_->number("PRAGMA application_id");
    const std::int64_t layout = database_->number("PRAGMA user_version");
    if (application == kQueueApplication && layout == kQueueLayout) return;
    if (lock_->witness() == kQueueLayout) {
        throw SqliteError(SQLITE_CORRUPT, "its marks are gone");
    }
    abandon();
    const std::string file = "the queue file " + in_quotes(options_.path);
    if (application != kQueueApplication) {
        throw std::runtime_error(file + " is the database of another application");
    }
    throw std::runtime_error(file + " has the layout " + std::to_string(layout) +
                             " of another version of the module, not " +
                             std::to_string(kQueueLayout));
}

void QueueFile::Impl::set_up() {
    if (database_->text("PRAGMA journal_mode = WAL") != "wal") {
        throw SqliteError(SQLITE_IOERR, "its file system has no shared memory");
    }
    database_->run(
        "PRAGMA max_page_count = " + std::to_string(options_.max / kPage) +
        "; PRAGMA journal_size_limit = " + std::to_string(2 * log_size()) +
        "; PRAGMA cache_size = -2000; PRAGMA temp_store = MEMORY; PRAGMA secure_delete = 0"
        "; PRAGMA cell_size_check = 1; PRAGMA mmap_size = 0");
    tables_->paused();
    database_->run(
        "SELECT value FROM mark WHERE id = 1; SELECT state FROM entry LIMIT 1"
        "; SELECT body_size FROM delivery LIMIT 1");
}

void QueueFile::Impl::forget_database() {
    search_.reset();
    tables_.reset();
    database_.reset();
    identity_ = {};
}

// The last one who closes the file writes its log back, which needs the lock.
void QueueFile::Impl::close() {
    if (database_ && !is_current()) database_->keep_log();
    forget_database();
}

void QueueFile::Impl::abandon() {
    if (database_) database_->keep_log();
    forget_database();
}

bool QueueFile::Impl::is_current() const {
    return identity_ != FileIdentity() && identity_of(options_.path) == identity_;
}

// Another process may have set the file aside.
void QueueFile::Impl::stay_current() {
    if (!lock_->is_current()) {
        usable_ = false;
        throw QueueError("the lock file " + in_quotes(lock_of(options_.path)) + " was removed");
    }
    if (is_current()) return;
    abandon();
    check_queue_path(options_.path, geteuid());
    open_locked();
}

// -- Transactions

void QueueFile::Impl::set_sync(Sync sync) {
    if (options_.durability == Durability::os) sync = Sync::none;
    if (sync == sync_) return;
    database_->run(sync == Sync::commit ? "PRAGMA synchronous = FULL"
                                        : "PRAGMA synchronous = NORMAL");
    sync_ = sync;
}

void QueueFile::Impl::begin() {
    static constexpr const char* kBegin = "BEGIN IMMEDIATE";
    for (int i = 0;; ++i) {
        try {
            return SqliteDatabase::Query(*database_, kBegin).run();
        } catch (const SqliteError& error) {
            if (!error.is_busy() || i == kMostWaits) throw;
        }
        std::this_thread::sleep_for(kWait);
    }
}

void QueueFile::Impl::commit() {
    static constexpr const char* kCommit = "COMMIT";
    tables_->flush();
    if (!WEBHOOK_QUEUE_POINT()) throw SqliteError(SQLITE_IOERR_FSYNC, "the disk fails, for a test");
    SqliteDatabase::Query(*database_, kCommit).run();
}

void QueueFile::Impl::require_usable() const {
    if (!usable_) throw QueueError(error_.empty() ? "the queue file is not usable" : error_);
}

// Undoes what a call has begun, if it ends with an exception.
class QueueFile::Impl::Undo {
  public:
    explicit Undo(Impl& impl) : impl_(impl), exceptions_(std::uncaught_exceptions()) {}
    ~Undo() {
        if (std::uncaught_exceptions() == exceptions_) return;
        if (impl_.database_) impl_.database_->roll_back();
        if (impl_.tables_) impl_.tables_->forget();
    }
    Undo(const Undo&) = delete;
    Undo& operator=(const Undo&) = delete;

  private:
    Impl& impl_;
    int exceptions_;
};

// Turns what goes wrong into a QueueError, and draws the consequences.
template <typename Step>
auto QueueFile::Impl::guarded(const Step& step) {
    require_usable();
    try {
        const Undo undo(*this);
        return step();
    } catch (const SqliteError& error) {
        if (error.is_full()) throw;
        fail(error);
    } catch (const QueueError& error) {
        error_ = error.what();
        throw;
    } catch (const std::runtime_error& error) {
        error_ = error.what();
        throw QueueError(error_);
    }
}

template <typename Change>
auto QueueFile::Impl::write(Sync sync, const Change& change) {
    return guarded([&] {
        const QueueLock::Held held(*lock_);
        stay_current();
        set_sync(sync);
        begin();
        auto result = change();
        commit();
        if (database_->log_pages() >= options_.checkpoint_pages) {
            database_->checkpoint(SQLITE_CHECKPOINT_PASSIVE);
        }
        return result;
    });
}

template <typename Change>
auto QueueFile::Impl::change(const Change& change) {
    return as_queue_error([&] { return write(Sync::none, change); });
}

Owner QueueFile::Impl::enroll() {
    if (self_) return *self_;
    const QueueLock::Held held(*lock_);
    self_ = lock_->enroll();
    if (!self_)
        throw QueueError("too many processes use the queue file " + in_quotes(options_.path));
    return *self_;
}

template <typename Look>
auto QueueFile::Impl::read(const Look& look) {
    const auto attempt = [&] {
        static constexpr const char* kBegin = "BEGIN";
        static constexpr const char* kEnd = "ROLLBACK";
        SqliteDatabase::Query(*database_, kBegin).run();
        auto result = look();
        SqliteDatabase::Query(*database_, kEnd).run();
        return result;
    };
    return guarded([&] {
        if (is_current()) {
            try {
                return attempt();
            } catch (const SqliteError& error) {
                if (!error.is_busy()) throw;
                database_->roll_back();
            }
        }
        const QueueLock::Held held(*lock_);
        stay_current();
        return attempt();
    });
}

// -- What goes wrong

void QueueFile::Impl::fail(const SqliteError& error) {
    error_ = "the queue file " + in_quotes(options_.path) + ": " + error.what();
    if (error.is_damage()) {
        examine();
    } else if (!error.is_busy() && error.primary_code() != SQLITE_NOMEM) {
        // What was not written may be lost, and would be thought of as written.
        usable_ = false;
        abandon();
    }
    throw QueueError(error_);
}

// Opens the file. Returns whether a check finds damage; then it is closed again.
bool QueueFile::Impl::is_damaged() {
    try {
        open_locked();
        if (database_->text("PRAGMA quick_check(1)") == "ok") return false;
    } catch (const SqliteError& error) {
        if (!error.is_damage()) throw;
    }
    abandon();
    return true;
}

void QueueFile::Impl::examine() {
    try {
        const QueueLock::Held held(*lock_);
        const bool is_replaced = !is_current();
        abandon();
        if (is_replaced) return open_locked();
        if (++suspicions_ >= kMostSuspicions || is_damaged()) return salvage();
        notices_.push_back(error_ + ", but a check finds no damage");
    } catch (const std::exception& error) {
        usable_ = false;
        abandon();
        error_ += std::string("; ") + error.what();
    }
}

void QueueFile::Impl::salvage() {
    suspicions_ = 0;
    const Salvaged salvaged = salvage_queue(options_.path, options_.vfs);
    notices_.push_back(salvaged.text(options_.path));
    connect();
}

bool QueueFile::Impl::probe() {
    if (usable_) return true;
    try {
        abandon();
        open();
        const QueueLock::Held held(*lock_);
        stay_current();
        // What the log holds may not be on the disk, though it can be read.
        database_->checkpoint(SQLITE_CHECKPOINT_TRUNCATE);
        lengthen_log(options_.path, log_size());
        set_sync(Sync::commit);
        begin();
        tables_->write_mark();
        commit();
        usable_ = true;
        error_.clear();
    } catch (const std::exception& error) {
        abandon();
        error_ = error.what();
    }
    return usable_;
}

void QueueFile::Impl::checkpoint(bool all) {
    guarded([&] {
        const QueueLock::Held held(*lock_);
        stay_current();
        if (all || database_->log_pages() >= options_.checkpoint_pages) {
            database_->checkpoint(all ? SQLITE_CHECKPOINT_RESTART : SQLITE_CHECKPOINT_PASSIVE);
        }
        return true;
    });
}

// -- Room

std::uint64_t QueueFile::Impl::unused_space() {
    const auto pages = static_cast<std::uint64_t>(database_->number("PRAGMA page_count"));
    const auto free = static_cast<std::uint64_t>(database_->number("PRAGMA freelist_count"));
    const std::uint64_t used = (pages - std::min(free, pages)) * kPage;
    return options_.max - std::min(used, options_.max);
}

bool QueueFile::Impl::has_room(const Incoming& incoming) {
    return space_for(incoming) + reserved_of(options_.max) <= unused_space();
}

bool QueueFile::Impl::has_reserve() {
    return unused_space() > reserved_of(options_.max) / 2;
}

QueueStats QueueFile::Impl::stats() {
    return look([&] {
        QueueStats stats;
        stats.targets = tables_->target_stats();
        stats.max = options_.max;
        const std::uint64_t unused = unused_space();
        stats.used = options_.max - unused;
        stats.free = unused - std::min(unused, reserved_of(options_.max));
        return stats;
    });
}

// -- Acting

// Whether the filter leaves as many as were expected. Tells how many, if not.
bool QueueFile::Impl::is_expected(const Selection& selection, Acted& acted) {
    if (!selection.expected || selection.after) return true;
    std::uint64_t found = 0;
    const QueueSearch::Bounds bounds{kMostCounted, kMostCounted};
    if (search_->walk(*selection.filter, {}, bounds, [&](EntryId) { ++found; })) {
        throw QueueError("too many entries to be counted at once: narrow the filter");
    }
    if (found == *selection.expected) return true;
    acted.unexpected = found;
    return false;
}

Acted QueueFile::Impl::act(const Selection& selection, std::size_t most,
                           const std::function<bool(EntryId)>& change) {
    Acted acted;
    const auto visit = [&](EntryId entry) { acted.changed += change(entry) ? 1 : 0; };
    if (selection.filter) {
        if (!is_expected(selection, acted)) return acted;
        acted.next =
            search_->walk(*selection.filter, selection.after, {most, work_for(most)}, visit);
        return acted;
    }
    const auto& entries = selection.entries;
    const std::size_t begin =
        selection.after ? static_cast<std::size_t>(selection.after->major) : 0;
    const std::size_t end =
        begin + std::min(most, entries.size() - std::min(begin, entries.size()));
    for (std::size_t i = begin; i < end; ++i) visit(entries[i]);
    if (end < entries.size()) acted.next = EntryCursor{static_cast<std::int64_t>(end), 0};
    return acted;
}

// -- The interface

void QueueFile::check(const std::string& path, uid_t user) {
    check_queue_path(path, user);
    const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    // https://sqlite.org/fileformat2.html#the_database_header
    constexpr std::string_view kStart = "SQLite format 3\0"sv;
    std::array<char, 100> header{};
    if (file.get() < 0 || pread(file.get(), header.data(), header.size(), 0) <= 0) return;
    const auto number_at = [&header](std::size_t at) {
        std::int64_t number = 0;
        for (std::size_t i = at; i < at + 4; ++i) {
            number = number << 8 | static_cast<unsigned char>(header[i]);
        }
        return number;
    };
    const bool is_database = std::string_view(header.data(), kStart.size()) == kStart;
    if (is_database && number_at(68) == kQueueApplication && number_at(60) == kQueueLayout) return;
    // A damaged one is set aside by those who open it.
    if (QueueLock::witness_at(lock_of(path)) == kQueueLayout) return;
    throw ConfigError("the queue file " + in_quotes(path) +
                      " holds something else than a queue of this version of the module: another "
                      "path is meant, or the file is to be removed");
}

QueueFile::QueueFile(Options options) : impl_(std::make_unique<Impl>(std::move(options))) {}

QueueFile::~QueueFile() = default;

Owner QueueFile::enroll() {
    return impl_->enroll();
}

const Liveness& QueueFile::members() const {
    return impl_->lock_->members();
}

std::vector<Accepted> QueueFile::accept(std::span<const Incoming> batch, Owner owner,
                                        Milliseconds now) {
    std::vector<Accepted> results(batch.size());
    std::vector<bool> is_hopeless(batch.size());
    std::size_t current = 0;
    const auto store = [&] {
        const Sender sender{impl_->lock_->era(), owner};
        for (current = 0; current < batch.size(); ++current) {
            Accepted& result = results[current];
            result = Accepted();
            if (!is_sound(batch[current])) continue;
            if (is_hopeless[current] || !impl_->has_room(batch[current])) {
                result.outcome = Stored::full;
            } else {
                result = impl_->tables_->accept(batch[current], sender, now);
            }
        }
        return true;
    };
    for (int retries = 0;; ++retries) {
        try {
            impl_->write(Impl::Sync::commit, store);
            return results;
        } catch (const SqliteError&) {
            // There seemed to be room; or the disk is full, or all of it is found at the end.
            if (retries > kMostRetries) return std::vector<Accepted>(batch.size());
            const bool is_over = retries == kMostRetries || current >= batch.size();
            for (std::size_t i = 0; i < batch.size(); ++i) {
                if (is_over || i == current) is_hopeless[i] = true;
            }
        } catch (const QueueError&) {
            return std::vector<Accepted>(batch.size());
        }
    }
}

std::vector<Taken> QueueFile::take(Owner owner, std::span<const TakeLimit> limits, Milliseconds now,
                                   std::size_t most) {
    return impl_->change([&] {
        std::vector<Taken> taken;
        const Sender sender{impl_->lock_->era(), owner};
        for (const TakeLimit& limit : limits) {
            const std::size_t room = most - taken.size();
            if (room == 0) break;
            impl_->tables_->take(taken, {limit.target, std::min(room, limit.most)}, sender, now);
        }
        return taken;
    });
}

std::size_t QueueFile::finish(std::span<const Outcome> outcomes, Milliseconds now) {
    const auto end_all = [&](bool with_responses) {
        std::size_t strange = 0;
        for (Outcome outcome : outcomes) {
            const Sender sender{impl_->lock_->era(), outcome.owner};
            if (!with_responses) outcome.response.clear();
            if (!impl_->tables_->finish(outcome, sender, now)) ++strange;
        }
        return strange;
    };
    try {
        return impl_->write(Impl::Sync::none, [&] { return end_all(impl_->has_reserve()); });
    } catch (const SqliteError&) {
        return impl_->change([&] { return end_all(/*with_responses=*/false); });
    }
}

std::size_t QueueFile::take_over(const Liveness& alive, Milliseconds now, std::size_t most) {
    return impl_->change(
        [&] { return impl_->tables_->take_over(alive, impl_->lock_->era(), now, most); });
}

std::optional<Milliseconds> QueueFile::next_due(std::span<const std::string> targets) {
    return impl_->look([&] { return impl_->tables_->next_due(targets); });
}

std::size_t QueueFile::read_body(DeliveryId id, std::uint64_t offset, std::span<char> into) {
    const auto size = impl_->look([&] { return impl_->tables_->read_body(id, offset, into); });
    if (!size) throw QueueError("there is no delivery " + std::to_string(id));
    return *size;
}

QueueStats QueueFile::stats() {
    return impl_->stats();
}

EntryPage QueueFile::list(const EntryFilter& filter, const std::optional<EntryCursor>& after,
                          std::size_t most) {
    return impl_->look([&] {
        EntryPage page;
        page.next = impl_->search_->walk(filter, after, {most, work_for(most)}, [&](EntryId entry) {
            if (auto found = impl_->search_->load(entry)) {
                page.entries.push_back(std::move(*found));
            }
        });
        return page;
    });
}

std::optional<Shown> QueueFile::show(DeliveryId id) {
    return impl_->look([&]() -> std::optional<Shown> {
        auto head = impl_->tables_->head(id);
        if (!head) return std::nullopt;
        return Shown{std::move(*head), impl_->tables_->entries_of(id)};
    });
}

EntryCount QueueFile::count(const EntryFilter& filter, const std::optional<EntryCursor>& after,
                            std::size_t most) {
    return impl_->look([&] {
        EntryCount count;
        count.next = impl_->search_->walk(filter, after, {most, most},
                                          [&count](EntryId) { ++count.entries; });
        return count;
    });
}

Acted QueueFile::replay(const Selection& selection, const Replay& replay, std::size_t most) {
    return impl_->change([&] {
        Milliseconds at = replay.first_at;
        return impl_->act(selection, most, [&](EntryId entry) {
            if (!impl_->tables_->replay(entry, replay.by, at)) return false;
            at += replay.pause;
            return true;
        });
    });
}

Acted QueueFile::purge(const Selection& selection, std::size_t most) {
    return impl_->change([&] {
        return impl_->act(selection, most,
                          [&](EntryId entry) { return impl_->tables_->purge(entry); });
    });
}

void QueueFile::set_paused(const std::string& target, bool is_paused) {
    impl_->change([&] {
        impl_->tables_->set_paused(target, is_paused);
        return true;
    });
}

std::vector<std::string> QueueFile::paused() {
    return impl_->look([&] { return impl_->tables_->paused(); });
}

std::size_t QueueFile::expire(Milliseconds now, Milliseconds keep, Milliseconds dead_keep,
                              std::size_t most) {
    return impl_->change([&] {
        std::size_t removed = impl_->tables_->expire(StoredState::done, now - keep, most);
        removed += impl_->tables_->expire(StoredState::dead, now - dead_keep, most - removed);
        impl_->tables_->expire_newest(now - std::max(keep, dead_keep), most);
        return removed;
    });
}

void QueueFile::checkpoint(bool all) {
    impl_->checkpoint(all);
}

bool QueueFile::is_usable() const {
    return impl_->usable_;
}

bool QueueFile::probe() {
    return impl_->probe();
}

const std::string& QueueFile::error() const {
    return impl_->error_;
}

std::vector<std::string> QueueFile::take_notices() {
    return std::exchange(impl_->notices_, {});
}

}  // namespace webhook
