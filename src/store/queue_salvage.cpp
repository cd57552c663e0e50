#include "store/queue_salvage.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
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
#include "store/sqlite_pages.h"

namespace webhook {
namespace {

using Query = SqliteDatabase::Query;

// Deliveries that are stored at a time.
constexpr std::uint64_t kGroup = 1000;
// No delivery has a higher number.
constexpr DeliveryId kMostId = std::int64_t{1} << 40;

constexpr const char* kNewest =
    "SELECT t.name, n.order_key, n.value, n.at FROM newest n JOIN target t ON t.id = n.target";
constexpr const char* kSetNewest =
    "INSERT OR REPLACE INTO newest SELECT id, ?2, ?3, ?4 FROM target WHERE name = ?1";

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

using Cells = std::vector<SqlitePages::Cell>;
using Value = SqlitePages::Value;

// How many columns the rows of each table have.
constexpr std::size_t kDeliveryColumns = 18;
constexpr std::size_t kEntryColumns = 17;
// Of pieces of bodies; of targets, too, which have lower numbers.
constexpr std::size_t kPieceColumns = 3;
constexpr std::size_t kMarkColumns = 2;
// The row that has the last identifier.
constexpr std::int64_t kLastMark = 1;

// The values of a row, one after the other.
class Row {
  public:
    explicit Row(std::vector<Value> values) : values_(std::move(values)) {}

    std::int64_t number() { return next().number; }
    Milliseconds time() { return Milliseconds(number()); }
    std::string text() { return std::move(next().bytes); }

  private:
    Value& next() { return values_[next_++]; }

    std::vector<Value> values_;
    std::size_t next_ = 0;
};

struct FoundDelivery {
    DeliveryHead head;
    // If it is in one piece.
    std::string body;
};

FoundDelivery delivery_of(Row row) {
    FoundDelivery found;
    DeliveryHead& head = found.head;
    row.number();
    head.received_at = row.time();
    row.number();
    for (std::string* text :
         {&head.event_id, &head.event_type, &head.endpoint, &head.scheme, &head.secret_id,
          &head.source, &head.content_type, &head.body_sha256}) {
        *text = row.text();
    }
    head.body_size = static_cast<std::uint64_t>(row.number());
    const std::string keys = row.text();
    head.keys.resize(std::min(keys.size() / sizeof(EventKey), kMostKeys));
    std::ranges::copy_n(keys.begin(), std::ssize(head.keys) * std::ssize(EventKey().bytes),
                        reinterpret_cast<char*>(head.keys.data()));
    head.keys_ttl = row.time();
    head.order_key = row.text();
    head.order_value = row.text();
    head.headers = row.text();
    found.body = row.text();
    return found;
}

// Returns the number of its target. What was being sent waits.
std::int64_t entry_of(Row row, Entry& entry) {
    row.number();
    const std::int64_t target = row.number();
    entry.state = state_of(checked_state(row.number()));
    if (entry.state == EntryState::sending) entry.state = EntryState::waiting;
    const bool is_waiting = entry.state == EntryState::waiting;
    (is_waiting ? entry.next_attempt_at : entry.finished_at) = row.time();
    row.number();
    row.number();
    row.number();
    const std::int64_t reason = row.number();
    if (reason < 0 || reason > static_cast<std::int64_t>(DeathReason::by_operator)) {
        fail_for_damage("an entry has no reason");
    }
    entry.reason = static_cast<DeathReason>(reason);
    entry.attempts = static_cast<std::uint32_t>(row.number());
    entry.replays = static_cast<std::uint32_t>(row.number());
    entry.first_attempt_at = row.time();
    entry.last_attempt_at = row.time();
    entry.last_status = static_cast<std::uint16_t>(row.number());
    entry.last_duration = row.time();
    entry.last_error = row.text();
    entry.replayed_by = row.text();
    entry.last_response = row.text();
    return target;
}

// Copies the rows that stand in the pages of the damaged file.
class Salvage {
  public:
    Salvage(const std::string& path, SqliteDatabase& into)
        : pages_(path), into_(into), copy_(into) {}

    Salvaged copy_all() {
        find_rows();
        into_.run("BEGIN");
        copy_targets();
        auto entry = entries_.cbegin();
        for (const SqlitePages::Cell& delivery : deliveries_) {
            // Entries without a delivery are traces of one.
            while (entry != entries_.cend() && delivery_of_entry(*entry) < delivery.row) {
                pass_lost(entry);
            }
            Cells own;
            while (entry != entries_.cend() && delivery_of_entry(*entry) == delivery.row) {
                own.push_back(*entry++);
            }
            copy(delivery, own);
        }
        while (entry != entries_.cend()) pass_lost(entry);
        copy_.skip_ids(last_);
        copy_.flush();
        into_.run("COMMIT");
        return result_;
    }

  private:
    static DeliveryId delivery_of_entry(const SqlitePages::Cell& entry) {
        return entry.row / kEntriesOfDelivery;
    }

    void find_rows() {
        pages_.scan([this](std::size_t columns, const SqlitePages::Cell& cell) {
            const bool is_delivery = columns == kDeliveryColumns;
            if (cell.row < 0 || cell.row / kPiecesOfDelivery > kMostId) return;
            if (is_delivery && cell.row <= kMostId) deliveries_.push_back(cell);
            if (columns == kEntryColumns && delivery_of_entry(cell) <= kMostId) {
                entries_.push_back(cell);
            }
            if (columns == kPieceColumns) {
                (cell.row < kPiecesOfDelivery ? targets_ : pieces_).push_back(cell);
            }
            if (columns == kMarkColumns && cell.row == kLastMark) mark_ = cell;
        });
        for (Cells* cells : {&deliveries_, &entries_, &targets_, &pieces_}) {
            std::ranges::sort(*cells, {}, &SqlitePages::Cell::row);
            const auto is_same = [](const SqlitePages::Cell& left, const SqlitePages::Cell& right) {
                return left.row == right.row;
            };
            cells->erase(std::unique(cells->begin(), cells->end(), is_same), cells->end());
        }
        if (!deliveries_.empty()) last_ = deliveries_.back().row;
        if (!entries_.empty()) last_ = std::max(last_, delivery_of_entry(entries_.back()));
        const auto mark = pages_.read(mark_);
        if (mark && mark->size() == kMarkColumns && !mark->at(1).is_bytes) {
            last_ = std::clamp(mark->at(1).number, last_, kMostId);
        }
    }

    void copy_targets() {
        for (const SqlitePages::Cell& cell : targets_) {
            auto values = pages_.read(cell);
            if (!values || !(*values)[1].is_bytes) continue;
            const std::string& name = (*values)[1].bytes;
            if (name.empty()) continue;
            names_[cell.row] = name;
            copy_.set_paused(name, (*values)[2].number == 1);
        }
    }

    void pass_lost(Cells::const_iterator& entry) {
        const DeliveryId id = delivery_of_entry(*entry);
        ++result_.lost;
        while (entry != entries_.cend() && delivery_of_entry(*entry) == id) ++entry;
    }

    void copy(const SqlitePages::Cell& cell, const Cells& own) {
        auto values = pages_.read(cell);
        if (!values) {
            ++result_.lost;
            return;
        }
        const FoundDelivery found = delivery_of(Row(std::move(*values)));
        std::vector<Entry> entries = read_entries(found.head, own);
        if (entries.empty()) entries = guess_entries(cell.row, found.head);
        const BodyReader body = [&](std::uint64_t offset, std::span<char> piece) {
            return read_body(cell.row, found, offset, piece);
        };
        const bool is_whole = !entries.empty() && is_body_whole(found.head, body) &&
                              copy_.adopt(cell.row, found.head, body, entries);
        ++(is_whole ? result_.kept : result_.lost);
        if (is_whole && (result_.kept + 1) % kGroup == 0) commit_group();
    }

    void commit_group() {
        copy_.flush();
        into_.run("COMMIT");
        into_.run("BEGIN");
    }

    std::vector<Entry> read_entries(const DeliveryHead& head, const Cells& own) {
        std::vector<Entry> entries;
        std::vector<std::string> targets;
        for (const SqlitePages::Cell& cell : own) {
            auto values = pages_.read(cell);
            Entry entry;
            std::int64_t target = 0;
            entry.id = {cell.row};
            const bool is_whole =
                values && attempt([&] { target = entry_of(Row(std::move(*values)), entry); });
            const auto name = names_.find(target);
            if (!is_whole || name == names_.end()) continue;
            entry.target = name->second;
            targets.push_back(entry.target);
            entries.push_back(std::move(entry));
        }
        if (!targets.empty()) usual_targets_[head.endpoint] = std::move(targets);
        return entries;
    }

    // A delivery whose entries are lost is sent to the targets of the last one of its endpoint.
    std::vector<Entry> guess_entries(DeliveryId id, const DeliveryHead& head) {
        std::vector<Entry> entries;
        for (const std::string& target : usual_targets_[head.endpoint]) {
            Entry& entry = entries.emplace_back();
            entry.id = {id * kEntriesOfDelivery + std::ssize(entries) - 1};
            entry.target = target;
        }
        if (!entries.empty()) ++result_.guessed;
        return entries;
    }

    bool read_body(DeliveryId id, const FoundDelivery& found, std::uint64_t offset,
                   std::span<char> into) const {
        if (found.head.body_size <= kBodyPiece) {
            if (found.body.size() != into.size()) return false;
            std::ranges::copy(found.body, into.begin());
            return true;
        }
        const std::int64_t piece =
            id * kPiecesOfDelivery + static_cast<std::int64_t>(offset / kBodyPiece);
        const auto cell = std::ranges::lower_bound(pieces_, piece, {}, &SqlitePages::Cell::row);
        if (cell == pieces_.end() || cell->row != piece) return false;
        const auto values = pages_.read(*cell);
        if (!values) return false;
        const std::string& bytes = values->at(2).bytes;
        if (bytes.size() != into.size() || piece_check(bytes) != values->at(1).number) return false;
        std::ranges::copy(bytes, into.begin());
        return true;
    }

    static bool is_body_whole(const DeliveryHead& head, const BodyReader& body) {
        HashStream stream(Hash::sha256);
        std::string piece;
        for (std::uint64_t offset = 0; offset < head.body_size; offset += piece.size()) {
            piece.resize(std::min<std::uint64_t>(kBodyPiece, head.body_size - offset));
            if (!body(offset, piece)) return false;
            stream.update(piece);
        }
        std::array<std::uint8_t, kLargestHash> output{};
        return head.body_sha256.empty() || to_hex(stream.finish(output)) == head.body_sha256;
    }

    SqlitePages pages_;
    SqliteDatabase& into_;
    QueueTables copy_;
    Salvaged result_;
    Cells deliveries_;
    Cells entries_;
    Cells targets_;
    Cells pieces_;
    SqlitePages::Cell mark_;
    std::map<std::int64_t, std::string> names_;
    std::map<std::string, std::vector<std::string>> usual_targets_;
    DeliveryId last_ = 0;
};

// Writes the log of the damaged file back into it. Returns false if SQLite cannot read the file.
bool write_log_back(const std::string& path, const char* vfs) {
    return attempt([&] {
        SqliteDatabase database(path, SQLITE_OPEN_READWRITE, vfs);
        database.keep_log();
        database.number("SELECT count(*) FROM sqlite_schema");
        database.checkpoint(SQLITE_CHECKPOINT_TRUNCATE);
    });
}

// Which was the newest of each order key, if the trees can tell.
void copy_newest(const std::string& path, const char* vfs, SqliteDatabase& into) {
    attempt([&] {
        SqliteDatabase from(path, SQLITE_OPEN_READWRITE, vfs);
        from.keep_log();
        Query query(from, kNewest);
        while (query.next()) {
            const std::string name = query.text();
            const std::string order_key = query.text();
            const std::string value = query.text();
            Query set(into, kSetNewest);
            set << name << std::as_bytes(std::span(order_key)) << std::as_bytes(std::span(value))
                << query.number();
            set.run();
        }
    });
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
    if (!write_log_back(path, vfs)) {
        mend_first_page(path, draft);
        write_log_back(path, vfs);
    }
    Salvaged result = Salvage(path, *into).copy_all();
    copy_newest(path, vfs, *into);
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
    if (guessed == 0) return text;
    return text + "; " + std::to_string(guessed) +
           " of those kept are sent to the present targets of their endpoints, since it is lost "
           "whether they were delivered";
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
