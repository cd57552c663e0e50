#include "store/queue_salvage.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <optional>
#include <stdexcept>
#include <vector>

#include "base/digest.h"
#include "base/encoding.h"
#include "base/file.h"
#include "base/text.h"
#include "store/queue_path.h"
#include "store/queue_tables.h"
#include "store/sqlite.h"

namespace webhook {
namespace {

using Query = SqliteDatabase::Query;

// Deliveries that are stored at a time.
constexpr std::uint64_t kGroup = 1000;
// How many identifiers are tried one by one where the order of the rows is lost.
constexpr std::int64_t kMostTries = 10'000'000;

constexpr const char* kNext = "SELECT id FROM delivery WHERE id > ? ORDER BY id LIMIT 1";
constexpr const char* kIsThere = "SELECT 1 FROM delivery WHERE id = ?";
constexpr const char* kHasEntry = "SELECT 1 FROM entry WHERE id BETWEEN ? AND ? LIMIT 1";
constexpr const char* kOpenOf =
    "SELECT id FROM entry INDEXED BY entry_open WHERE state <= 2 AND target = ?"
    " AND id BETWEEN ? AND ?";
constexpr std::array kLastIds{"SELECT value FROM mark WHERE id = 1", "SELECT max(id) FROM delivery",
                              "SELECT max(id) / 64 FROM entry"};
constexpr const char* kTargets = "SELECT id, name, paused FROM target ORDER BY id";
constexpr const char* kNewest = "SELECT target, order_key, value, at FROM newest";
constexpr const char* kSetNewest = "INSERT OR REPLACE INTO newest VALUES(?, ?, ?, ?)";

std::string draft_of(const std::string& path) {
    return path + ".salvage";
}
std::string result_of(const std::string& path) {
    return path + ".salvaged";
}

void remove_file(const std::string& path) {
    if (unlink(path.c_str()) == 0 || errno == ENOENT) return;
    throw std::runtime_error("cannot remove " + in_quotes(path) + ": " + system_message(errno));
}

void rename_file(const std::string& from, const std::string& to) {
    if (rename(from.c_str(), to.c_str()) == 0) return;
    throw std::runtime_error("cannot rename " + in_quotes(from) + ": " + system_message(errno));
}

// Gives a file a second name. Returns false if there is no such file.
bool link_file(const std::string& from, const std::string& to) {
    if (link(from.c_str(), to.c_str()) == 0) return true;
    if (errno == ENOENT) return false;
    throw std::runtime_error("cannot set " + in_quotes(from) + " aside: " + system_message(errno));
}

// Does something with the damaged file, in which anything may fail. Returns false if it did.
template <typename Action>
bool attempt(const Action& action) {
    try {
        action();
        return true;
    } catch (const SqliteError& error) {
        if (error.primary_code() == SQLITE_NOMEM) throw;
        return false;
    }
}

class Salvage {
  public:
    Salvage(SqliteDatabase& from, SqliteDatabase& into)
        : from_(from), into_(into), source_(from), copy_(into) {}

    Salvaged copy_all() {
        find_last();
        into_.run("BEGIN");
        copy_targets();
        DeliveryId id = 0;
        while (const std::optional<DeliveryId> next = next_after(id)) {
            id = *next;
            copy(id);
            if (result_.kept % kGroup == kGroup - 1) commit_group();
        }
        copy_newest();
        copy_.skip_ids(last_);
        copy_.flush();
        into_.run("COMMIT");
        return result_;
    }

  private:
    void commit_group() {
        copy_.flush();
        into_.run("COMMIT");
        into_.run("BEGIN");
    }

    // Until where rows are searched for.
    void find_last() {
        for (const char* sql : kLastIds) {
            const bool is_known = attempt([&] { last_ = std::max(last_, from_.number(sql)); });
            if (!is_known) result_.may_lack = true;
        }
        last_ = std::min(last_, std::int64_t{1} << 40);
    }

    void copy_targets() {
        const bool are_known = attempt([this] {
            Query query(from_, kTargets);
            while (query.next()) {
                targets_.push_back(query.number());
                const std::string name = query.text();
                copy_.set_paused(name, query.number() != 0);
            }
        });
        if (!are_known) result_.may_lack = true;
    }

    std::optional<DeliveryId> next_after(DeliveryId id) {
        std::optional<DeliveryId> next;
        const bool is_known = attempt([&] {
            Query query(from_, kNext);
            query << id;
            if (query.next()) next = query.number();
        });
        return is_known ? next : search_after(id);
    }

    // Goes on one by one, until a row can be read again.
    std::optional<DeliveryId> search_after(DeliveryId id) {
        while (++id <= last_) {
            if (++tries_ > kMostTries) {
                result_.may_lack = true;
                return std::nullopt;
            }
            bool is_there = false;
            const bool is_known = attempt([&] {
                Query query(from_, kIsThere);
                query << id;
                is_there = query.next();
            });
            if (is_there) return id;
            if (!is_known && has_trace(id)) ++result_.lost;
        }
        return std::nullopt;
    }

    // Whether an entry tells of the delivery.
    bool has_trace(DeliveryId id) {
        bool has_entry = false;
        const bool is_known = attempt([&] {
            Query query(from_, kHasEntry);
            query << id * kEntriesOfDelivery << (id + 1) * kEntriesOfDelivery - 1;
            has_entry = query.next();
        });
        if (!is_known) has_entry = !open_entries(id).empty();
        if (!is_known && !has_entry) result_.may_lack = true;
        return has_entry;
    }

    void copy(DeliveryId id) {
        std::optional<DeliveryHead> head;
        std::vector<Entry> entries;
        bool is_whole = attempt([&] { head = source_.head(id); }) && head;
        const bool are_known = attempt([&] { entries = source_.entries_of(id); });
        if (!are_known) entries = open_entries(id);
        if (!are_known && entries.empty()) result_.may_lack = true;
        const BodyReader body = [&](std::uint64_t offset, std::span<char> piece) {
            std::optional<std::size_t> size;
            return attempt([&] { size = source_.read_body(id, offset, piece); }) &&
                   size == piece.size();
        };
        is_whole = is_whole && is_body_whole(*head, body) &&
                   (entries.empty() || copy_.adopt(id, *head, body, entries));
        if (!is_whole) {
            ++result_.lost;
        } else if (!entries.empty()) {
            ++result_.kept;
        }
    }

    static bool is_body_whole(const DeliveryHead& head, const BodyReader& body) {
        if (head.body_size >= std::uint64_t{1} << 36) return false;
        HashStream stream(Hash::sha256);
        std::string piece(kBodyPiece, '\0');
        for (std::uint64_t offset = 0; offset < head.body_size; offset += piece.size()) {
            piece.resize(std::min<std::uint64_t>(kBodyPiece, head.body_size - offset));
            if (!body(offset, piece)) return false;
            stream.update(piece);
        }
        std::array<std::uint8_t, kLargestHash> output{};
        return head.body_sha256.empty() || to_hex(stream.finish(output)) == head.body_sha256;
    }

    // What an index tells of the entries of a delivery that have not ended.
    std::vector<Entry> open_entries(DeliveryId id) {
        std::vector<Entry> entries;
        for (const std::int64_t target : targets_) {
            attempt([&] {
                Query query(from_, kOpenOf);
                query << target << id * kEntriesOfDelivery << (id + 1) * kEntriesOfDelivery - 1;
                while (query.next()) {
                    Entry& entry = entries.emplace_back();
                    entry.id = {query.number()};
                    entry.target = source_.target_name(target);
                }
            });
        }
        std::ranges::sort(entries, {}, &Entry::id);
        return entries;
    }

    void copy_newest() {
        attempt([this] {
            Query query(from_, kNewest);
            while (query.next()) {
                const std::int64_t target = query.number();
                const std::string order_key = query.text();
                const std::string value = query.text();
                const std::optional<std::int64_t> now =
                    copy_.find_target(source_.target_name(target));
                if (!now) continue;
                Query set(into_, kSetNewest);
                set << *now << std::as_bytes(std::span(order_key))
                    << std::as_bytes(std::span(value)) << query.number();
                set.run();
            }
        });
    }

    SqliteDatabase& from_;
    SqliteDatabase& into_;
    QueueTables source_;
    QueueTables copy_;
    Salvaged result_;
    std::vector<std::int64_t> targets_;
    DeliveryId last_ = 0;
    std::int64_t tries_ = 0;
};

std::unique_ptr<SqliteDatabase> open_damaged(const std::string& path, const char* vfs) {
    auto database = std::make_unique<SqliteDatabase>(path, SQLITE_OPEN_READWRITE, vfs);
    database->keep_log();
    database->number("SELECT count(*) FROM sqlite_schema");
    return database;
}

// The first page tells where all others are. That of an empty queue says the same of the tables.
void mend_first_page(const std::string& path, const std::string& draft) {
    constexpr std::size_t kPage = 4096;
    constexpr std::size_t kChangeCounter = 24;
    const Descriptor from(open(draft.c_str(), O_RDONLY | O_CLOEXEC));
    const Descriptor into(open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
    std::array<char, kPage> page{};
    if (into.size() <= kPage || pread(from.get(), page.data(), kPage, 0) != kPage) return;
    // What it says of the size is that of the other file: a difference makes SQLite look.
    ++page[kChangeCounter];
    if (pwrite(into.get(), page.data(), kPage, 0) != kPage) {
        throw std::runtime_error("cannot mend " + in_quotes(path) + ": " + system_message(errno));
    }
}

std::unique_ptr<SqliteDatabase> make_draft(const std::string& draft, const char* vfs) {
    remove_file(draft);
    make_queue_file(draft);
    auto database = std::make_unique<SqliteDatabase>(draft, SQLITE_OPEN_READWRITE, vfs);
    // Nobody needs it before it is whole.
    database->run("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN");
    QueueTables::make(*database);
    database->run("COMMIT");
    return database;
}

Salvaged copy_readable(const std::string& path, const std::string& draft, const char* vfs) {
    const auto into = make_draft(draft, vfs);
    Salvaged result;
    std::unique_ptr<SqliteDatabase> from;
    if (!attempt([&] { from = open_damaged(path, vfs); })) {
        mend_first_page(path, draft);
        attempt([&] { from = open_damaged(path, vfs); });
    }
    if (from) {
        result = Salvage(*from, *into).copy_all();
    } else {
        result.may_lack = true;
    }
    into->run("PRAGMA synchronous = FULL; PRAGMA journal_mode = DELETE; BEGIN IMMEDIATE");
    QueueTables(*into).write_mark();
    into->run("COMMIT");
    return result;
}

}  // namespace

std::string Salvaged::text(const std::string& path) const {
    std::string text = "the queue file " + in_quotes(path) + " is damaged and is set aside as " +
                       in_quotes(aside) + ": " + std::to_string(kept) +
                       " deliveries are kept, of " + std::to_string(lost) +
                       " there are only traces";
    if (may_lack) text += ", and there may be others that cannot be read";
    return text;
}

Salvaged salvage_queue(const std::string& path, const char* vfs) {
    const std::string draft = draft_of(path);
    Salvaged result = copy_readable(path, draft, vfs);
    result.aside = aside_of(path);
    link_file(path, result.aside);
    link_file(log_of(path), log_of(result.aside));
    rename_file(draft, result_of(path));
    sync_directory_of(path);
    finish_salvage(path);
    return result;
}

void finish_salvage(const std::string& path) {
    struct stat found {};
    if (lstat(result_of(path).c_str(), &found) != 0) return;
    // The log of the one file would be taken for that of the other.
    remove_file(log_of(path));
    remove_file(log_index_of(path));
    rename_file(result_of(path), path);
    sync_directory_of(path);
}

}  // namespace webhook
