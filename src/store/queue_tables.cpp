#include "store/queue_tables.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/encoding.h"

namespace webhook {
namespace {

using Query = SqliteDatabase::Query;

// Of those behind another one, how many are looked at for what is older than a new one.
constexpr int kMostOutdated = 1000;

// The statements below write the states as numbers, since an index is only used for what it says.
static_assert(StoredState::due == StoredState{0} && StoredState::behind == StoredState{1} &&
              StoredState::sending == StoredState{2} && StoredState::done == StoredState{3});

constexpr const char* kTables = R"(
CREATE TABLE mark(id INTEGER PRIMARY KEY, value INTEGER NOT NULL);
CREATE TABLE target(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, paused INTEGER NOT NULL);
CREATE TABLE tally(target INTEGER NOT NULL, state INTEGER NOT NULL, entries INTEGER NOT NULL,
    PRIMARY KEY(target, state)) WITHOUT ROWID;
CREATE TABLE newest(target INTEGER NOT NULL, order_key BLOB NOT NULL, value BLOB NOT NULL,
    at INTEGER NOT NULL, PRIMARY KEY(target, order_key)) WITHOUT ROWID;
CREATE TABLE delivery(id INTEGER PRIMARY KEY, received_at INTEGER NOT NULL, event_place INTEGER,
    event_id BLOB NOT NULL, event_type BLOB NOT NULL, endpoint BLOB NOT NULL,
    scheme BLOB NOT NULL, secret_id BLOB NOT NULL, source BLOB NOT NULL,
    content_type BLOB NOT NULL, body_sha256 BLOB NOT NULL, body_size INTEGER NOT NULL,
    keys BLOB NOT NULL, keys_ttl INTEGER NOT NULL, order_key BLOB NOT NULL,
    order_value BLOB NOT NULL, headers BLOB NOT NULL, body BLOB NOT NULL);
CREATE TABLE piece(id INTEGER PRIMARY KEY, checked INTEGER NOT NULL, bytes BLOB NOT NULL);
CREATE TABLE entry(id INTEGER PRIMARY KEY, target INTEGER NOT NULL, state INTEGER NOT NULL,
    at INTEGER NOT NULL, line INTEGER, era INTEGER, owner INTEGER, reason INTEGER NOT NULL,
    attempts INTEGER NOT NULL, replays INTEGER NOT NULL, first_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL, status INTEGER NOT NULL, duration INTEGER NOT NULL,
    error BLOB NOT NULL, replayed_by BLOB NOT NULL, response BLOB NOT NULL);
CREATE INDEX newest_at ON newest(at);
CREATE INDEX delivery_event ON delivery(event_place) WHERE event_place IS NOT NULL;
CREATE INDEX delivery_received ON delivery(received_at);
CREATE INDEX entry_due ON entry(target, at) WHERE state = 0;
CREATE INDEX entry_sending ON entry(era, owner) WHERE state = 2;
CREATE INDEX entry_line ON entry(target, line, state) WHERE line IS NOT NULL;
CREATE INDEX entry_open ON entry(target) WHERE state <= 2;
CREATE INDEX entry_ended ON entry(state, at) WHERE state >= 3;
INSERT INTO mark VALUES(1, 0), (2, 0);
)";

// -- Deliveries
constexpr const char* kLastId = "SELECT value FROM mark WHERE id = 1";
constexpr const char* kSetLastId = "UPDATE mark SET value = max(value, ?) WHERE id = 1";
constexpr const char* kProbe = "UPDATE mark SET value = value + 1 WHERE id = 2";
constexpr const char* kInsertDelivery =
    "INSERT INTO delivery VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
constexpr const char* kInsertPiece = "INSERT INTO piece VALUES(?, ?, ?)";
constexpr const char* kDeletePieces = "DELETE FROM piece WHERE id BETWEEN ? AND ?";
constexpr const char* kBodySize = "SELECT body_size FROM delivery WHERE id = ?";
constexpr const char* kBody = "SELECT body, body_sha256 FROM delivery WHERE id = ?";
constexpr const char* kPiece = "SELECT bytes, checked FROM piece WHERE id = ?";
constexpr const char* kDeleteDelivery = "DELETE FROM delivery WHERE id = ?";

const std::string head_query =
    std::string("SELECT ").append(kHeadColumns).append(" FROM delivery d WHERE d.id = ?");
const std::string taken_query = std::string("SELECT ")
                                    .append(kHeadColumns)
                                    .append(
                                        ", d.body, e.attempts, e.replays FROM delivery d"
                                        " JOIN entry e ON e.id = ?2 WHERE d.id = ?1");

// -- Entries
constexpr const char* kInsertEntry =
    "INSERT INTO entry VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
constexpr const char* kRow = "SELECT target, state, line, era, owner FROM entry WHERE id = ?";
constexpr const char* kAnyEntry = "SELECT 1 FROM entry WHERE id BETWEEN ? AND ? LIMIT 1";
constexpr const char* kDeleteEntry = "DELETE FROM entry WHERE id = ?";
constexpr const char* kSetState =
    "UPDATE entry SET state = ?, at = ?, reason = ?, era = NULL, owner = NULL WHERE id = ?";
constexpr const char* kSend = "UPDATE entry SET state = 2, era = ?, owner = ? WHERE id = ?";
constexpr const char* kNoteAttempt =
    "UPDATE entry SET attempts = attempts + ?1,"
    " first_at = CASE first_at WHEN 0 THEN ?2 ELSE first_at END, last_at = ?2, status = ?3,"
    " duration = ?4, error = ?5, response = ?6 WHERE id = ?7";
constexpr const char* kNoteReplay =
    "UPDATE entry SET attempts = 0, replays = replays + 1, replayed_by = ? WHERE id = ?";
const std::string entries_query =
    std::string("SELECT ")
        .append(kEntryColumns)
        .append(
            " FROM entry e JOIN delivery d ON d.id = ?1 WHERE e.id BETWEEN ?2 AND ?3"
            " ORDER BY e.id");

// -- What is found by an index
constexpr const char* kDue =
    "SELECT id FROM entry INDEXED BY entry_due WHERE state = 0 AND target = ? AND at <= ?"
    " ORDER BY at, id LIMIT ?";
constexpr const char* kNextDue =
    "SELECT at FROM entry INDEXED BY entry_due WHERE state = 0 AND target = ? ORDER BY at LIMIT 1";
constexpr const char* kNextSender =
    "SELECT era, owner FROM entry INDEXED BY entry_sending WHERE state = 2"
    " AND (era, owner) > (?, ?) ORDER BY era, owner LIMIT 1";
constexpr const char* kSentBy =
    "SELECT id FROM entry INDEXED BY entry_sending WHERE state = 2 AND era = ? AND owner = ?"
    " LIMIT ?";
constexpr const char* kInLine =
    "SELECT id FROM entry INDEXED BY entry_line WHERE line IS NOT NULL"
    " AND target = ? AND line = ? AND state = ? ORDER BY id LIMIT ?";
constexpr const char* kOldestOpen =
    "SELECT received_at FROM delivery WHERE id = (SELECT id / 64 FROM entry INDEXED BY entry_open"
    " WHERE state <= 2 AND target = ? ORDER BY id LIMIT 1)";
static_assert(kEntriesOfDelivery == 64);
constexpr const char* kEnded =
    "SELECT id FROM entry INDEXED BY entry_ended WHERE state >= 3 AND state = ? AND at < ?"
    " ORDER BY at LIMIT ?";

// -- The newest of an order key
constexpr const char* kNewest = "SELECT value FROM newest WHERE target = ? AND order_key = ?";
constexpr const char* kSetNewest = "INSERT OR REPLACE INTO newest VALUES(?, ?, ?, ?)";
constexpr const char* kOrder = "SELECT order_key, order_value FROM delivery WHERE id = ?";
constexpr const char* kOldNewest =
    "SELECT target, order_key FROM newest WHERE at < ? ORDER BY at LIMIT ?";
constexpr const char* kForgetNewest = "DELETE FROM newest WHERE target = ? AND order_key = ?";

// -- Targets
constexpr const char* kTargets = "SELECT id, name FROM target";
constexpr const char* kInsertTarget = "INSERT INTO target(name, paused) VALUES(?, 0) RETURNING id";
constexpr const char* kUnpaused = "SELECT id FROM target WHERE name = ? AND paused = 0";
constexpr const char* kSetPaused = "UPDATE target SET paused = ? WHERE id = ?";
constexpr const char* kPaused = "SELECT name FROM target WHERE paused = 1 ORDER BY name";
constexpr const char* kPausedTargets = "SELECT id, name, paused FROM target ORDER BY name";
constexpr const char* kCount =
    "INSERT INTO tally VALUES(?1, ?2, ?3)"
    " ON CONFLICT(target, state) DO UPDATE SET entries = entries + ?3";
constexpr const char* kCounts = "SELECT state, entries FROM tally WHERE target = ?";

std::span<const std::byte> as_bytes(std::string_view text) {
    return std::as_bytes(std::span(text));
}

// Which entries of one target are sent one after the other. Two order keys share one by chance
// only, which does no harm.
std::optional<std::int64_t> line_of(const DeliveryHead& head) {
    if (head.order_key.empty()) return std::nullopt;
    const Sha256Digest digest = hash_of(head.order_key);
    std::int64_t line = 0;
    std::memcpy(&line, digest.data(), sizeof(line));
    return line;
}

std::int64_t number_of(Owner owner) {
    return static_cast<std::int64_t>(std::uint64_t{owner.process} << 32 | owner.generation);
}

Owner owner_of(std::int64_t number) {
    const auto bits = static_cast<std::uint64_t>(number);
    return {static_cast<std::uint32_t>(bits >> 32), static_cast<std::uint32_t>(bits)};
}

std::int64_t number_of(StoredState state) {
    return static_cast<std::int64_t>(state);
}

void bind(Query& query, const std::optional<std::int64_t>& value) {
    value ? query << *value : query << nullptr;
}

std::vector<std::int64_t> numbers_of(Query& query) {
    std::vector<std::int64_t> numbers;
    while (query.next()) numbers.push_back(query.number());
    return numbers;
}

std::size_t piece_size(std::uint64_t body_size, std::uint64_t offset) {
    return static_cast<std::size_t>(std::min<std::uint64_t>(kBodyPiece, body_size - offset));
}

void check_body(std::string_view body, std::string_view expected) {
    if (expected.empty() || to_hex(hash_of(body)) == expected) return;
    fail_for_damage("a body is not what was stored");
}

void check_piece(std::string_view piece, std::int64_t expected) {
    if (piece_check(piece) != expected) fail_for_damage("a body is not what was stored");
}

std::int64_t first_piece(DeliveryId id) {
    return id * kPiecesOfDelivery;
}

}  // namespace

void QueueTables::make(SqliteDatabase& database) {
    database.run(kTables);
    database.run("PRAGMA application_id = " + std::to_string(kQueueApplication));
    database.run("PRAGMA user_version = " + std::to_string(kQueueLayout));
}

void QueueTables::count(std::int64_t target, StoredState state, std::int64_t by) {
    counts_[{target, state}] += by;
}

void QueueTables::flush() {
    for (const auto& [cell, change] : counts_) {
        if (change == 0) continue;
        Query query(database_, kCount);
        (query << cell.first << number_of(cell.second) << change).run();
    }
    counts_.clear();
}

void QueueTables::forget() {
    counts_.clear();
    // Targets may have been added.
    targets_.clear();
    names_.clear();
}

void QueueTables::skip_ids(DeliveryId last) {
    Query query(database_, kSetLastId);
    (query << last).run();
}

void QueueTables::write_mark() {
    Query(database_, kProbe).run();
}

// -- Targets

void QueueTables::load_targets() {
    Query query(database_, kTargets);
    while (query.next()) {
        const std::int64_t id = query.number();
        const std::string name = query.text();
        targets_.emplace(name, id);
        names_.emplace(id, name);
    }
}

std::optional<std::int64_t> QueueTables::find_target(const std::string& name) {
    auto found = targets_.find(name);
    if (found == targets_.end()) {
        load_targets();
        found = targets_.find(name);
    }
    if (found == targets_.end()) return std::nullopt;
    return found->second;
}

const std::string& QueueTables::target_name(std::int64_t target) {
    auto found = names_.find(target);
    if (found == names_.end()) {
        load_targets();
        found = names_.find(target);
    }
    if (found == names_.end()) fail_for_damage("an entry has no target");
    return found->second;
}

std::int64_t QueueTables::target_id(const std::string& name) {
    if (const auto found = find_target(name)) return *found;
    Query query(database_, kInsertTarget);
    query << name;
    if (!query.next()) fail_for_damage("a target has no number");
    const std::int64_t id = query.number();
    query.run();
    targets_.emplace(name, id);
    names_.emplace(id, name);
    return id;
}

std::optional<std::int64_t> QueueTables::find_unpaused(const std::string& name) {
    Query query(database_, kUnpaused);
    query << name;
    if (!query.next()) return std::nullopt;
    return query.number();
}

void QueueTables::set_paused(const std::string& target, bool is_paused) {
    const std::int64_t id = target_id(target);
    Query query(database_, kSetPaused);
    (query << std::int64_t{is_paused} << id).run();
}

std::vector<std::string> QueueTables::paused() {
    std::vector<std::string> names;
    Query query(database_, kPaused);
    while (query.next()) names.push_back(query.text());
    return names;
}

// -- Storing

bool QueueTables::insert_pieces(DeliveryId id, const DeliveryHead& head, const BodyReader& body) {
    std::string piece;
    for (std::uint64_t offset = 0; offset < head.body_size; offset += kBodyPiece) {
        piece.resize(piece_size(head.body_size, offset));
        if (!body || !body(offset, piece)) {
            Query query(database_, kDeletePieces);
            (query << first_piece(id) << first_piece(id + 1) - 1).run();
            return false;
        }
        const auto number = static_cast<std::int64_t>(offset / kBodyPiece);
        Query query(database_, kInsertPiece);
        (query << first_piece(id) + number << piece_check(piece) << as_bytes(piece)).run();
    }
    return true;
}

bool QueueTables::insert_delivery(DeliveryId id, const DeliveryHead& head, const BodyReader& body) {
    std::string whole;
    if (head.body_size > kBodyPiece) {
        if (!insert_pieces(id, head, body)) return false;
    } else if (head.body_size > 0) {
        whole.resize(head.body_size);
        if (!body || !body(0, whole)) return false;
    }
    Query query(database_, kInsertDelivery);
    query << id << head.received_at;
    if (head.event_id.empty()) {
        query << nullptr;
    } else {
        query << event_place(id / kEventBlock, head.event_id);
    }
    for (const std::string* text :
         {&head.event_id, &head.event_type, &head.endpoint, &head.scheme, &head.secret_id,
          &head.source, &head.content_type, &head.body_sha256}) {
        query << as_bytes(*text);
    }
    query << static_cast<std::int64_t>(head.body_size) << std::as_bytes(std::span(head.keys))
          << head.keys_ttl;
    for (const std::string* text : {&head.order_key, &head.order_value, &head.headers}) {
        query << as_bytes(*text);
    }
    (query << as_bytes(whole)).run();
    return true;
}

void QueueTables::insert_entry(const Row& row, const Entry& entry) {
    const bool is_ended = row.state == StoredState::done || row.state == StoredState::dead;
    Query query(database_, kInsertEntry);
    query << row.id << row.target << number_of(row.state)
          << (is_ended ? entry.finished_at : entry.next_attempt_at);
    bind(query, row.line);
    if (row.state == StoredState::sending) {
        query << row.era << row.owner;
    } else {
        query << nullptr << nullptr;
    }
    query << static_cast<std::int64_t>(entry.reason) << std::int64_t{entry.attempts}
          << std::int64_t{entry.replays} << entry.first_attempt_at << entry.last_attempt_at
          << std::int64_t{entry.last_status} << entry.last_duration << as_bytes(entry.last_error)
          << as_bytes(entry.replayed_by) << as_bytes(entry.last_response);
    query.run();
    count(row.target, row.state, 1);
}

Accepted QueueTables::accept(const Incoming& incoming, const Sender& sender, Milliseconds now) {
    Accepted accepted;
    const DeliveryId id = database_.number(kLastId) + 1;
    if (!insert_delivery(id, incoming.head, incoming.body)) return accepted;
    accepted.id = id;
    for (const IncomingTarget& target : incoming.targets) {
        enter(accepted, incoming.head, target, sender, now);
    }
    skip_ids(id);
    accepted.outcome = Stored::stored;
    return accepted;
}

void QueueTables::enter(Accepted& accepted, const DeliveryHead& head, const IncomingTarget& target,
                        const Sender& sender, Milliseconds now) {
    Row row;
    row.id = accepted.id * kEntriesOfDelivery + static_cast<std::int64_t>(accepted.entries.size());
    row.target = target_id(target.name);
    row.line = line_of(head);
    row.era = sender.era;
    row.owner = number_of(sender.owner);
    Entry entry;
    entry.next_attempt_at = target.at;
    if (is_outdated(row.target, head, now)) {
        row.state = StoredState::dead;
        entry.reason = DeathReason::superseded;
        entry.finished_at = now;
    } else if (is_led(row.target, row.line)) {
        row.state = StoredState::behind;
    } else if (target.is_taken) {
        row.state = StoredState::sending;
    }
    insert_entry(row, entry);
    accepted.entries.push_back({row.id});
    accepted.taken.push_back(row.state == StoredState::sending);
    accepted.superseded.push_back(row.state == StoredState::dead);
}

bool QueueTables::adopt(DeliveryId id, const DeliveryHead& head, const BodyReader& body,
                        std::span<const Entry> entries) {
    if (!insert_delivery(id, head, body)) return false;
    for (const Entry& entry : entries) {
        Row row;
        row.id = entry.id.value;
        row.target = target_id(entry.target);
        row.line = line_of(head);
        if (entry.state == EntryState::done) {
            row.state = StoredState::done;
        } else if (entry.state == EntryState::dead) {
            row.state = StoredState::dead;
        } else if (is_led(row.target, row.line)) {
            row.state = StoredState::behind;
        }
        insert_entry(row, entry);
    }
    skip_ids(id);
    return true;
}

// -- Order

bool QueueTables::is_outdated(std::int64_t target, const DeliveryHead& head, Milliseconds now) {
    if (head.order_key.empty() || head.order_value.empty()) return false;
    {
        Query query(database_, kNewest);
        query << target << as_bytes(head.order_key);
        if (query.next() && query.text() > head.order_value) return true;
    }
    Query query(database_, kSetNewest);
    (query << target << as_bytes(head.order_key) << as_bytes(head.order_value) << now).run();
    supersede_older(target, head, now);
    return false;
}

void QueueTables::supersede_older(std::int64_t target, const DeliveryHead& head, Milliseconds now) {
    const std::optional<std::int64_t> line = line_of(head);
    for (const StoredState state : {StoredState::due, StoredState::behind}) {
        std::vector<std::int64_t> waiting;
        {
            Query query(database_, kInLine);
            query << target << *line << number_of(state) << std::int64_t{kMostOutdated};
            waiting = numbers_of(query);
        }
        for (const std::int64_t id : waiting) {
            Query query(database_, kOrder);
            query << id / kEntriesOfDelivery;
            if (!query.next() || query.text() != head.order_key) continue;
            const std::string value = query.text();
            if (value.empty() || value >= head.order_value) continue;
            Row row{id, target, state, line, 0, 0};
            set_state(row, StoredState::dead, now, DeathReason::superseded);
        }
    }
    promote(target, line);
}

// Whether an entry of the line is due or being sent.
bool QueueTables::is_led(std::int64_t target, const std::optional<std::int64_t>& line) {
    if (!line) return false;
    for (const StoredState state : {StoredState::due, StoredState::sending}) {
        Query query(database_, kInLine);
        query << target << *line << number_of(state) << std::int64_t{1};
        if (query.next()) return true;
    }
    return false;
}

// Lets the next entry of the line have its turn, if none has it.
void QueueTables::promote(std::int64_t target, const std::optional<std::int64_t>& line) {
    if (!line || is_led(target, line)) return;
    std::vector<std::int64_t> next;
    {
        Query query(database_, kInLine);
        query << target << *line << number_of(StoredState::behind) << std::int64_t{1};
        next = numbers_of(query);
    }
    if (next.empty()) return;
    static constexpr const char* kLead = "UPDATE entry SET state = 0 WHERE id = ?";
    Query query(database_, kLead);
    (query << next.front()).run();
    count(target, StoredState::behind, -1);
    count(target, StoredState::due, 1);
}

// -- Sending

std::optional<QueueTables::Row> QueueTables::row(EntryId entry) {
    Query query(database_, kRow);
    query << entry.value;
    if (!query.next()) return std::nullopt;
    Row row;
    row.id = entry.value;
    row.target = query.number();
    row.state = checked_state(query.number());
    query.is_null() ? query.skip() : void(row.line = query.number());
    row.era = query.number();
    row.owner = query.number();
    return row;
}

void QueueTables::set_state(Row& row, StoredState state, Milliseconds at, DeathReason reason) {
    Query query(database_, kSetState);
    (query << number_of(state) << at << static_cast<std::int64_t>(reason) << row.id).run();
    count(row.target, row.state, -1);
    count(row.target, state, 1);
    row.state = state;
}

Taken QueueTables::read_taken(std::int64_t entry, const std::string& target) {
    Query query(database_, taken_query.c_str());
    query << entry / kEntriesOfDelivery << entry;
    if (!query.next()) fail_for_damage("an entry has no delivery");
    Taken taken;
    taken.entry = {entry};
    taken.target = target;
    taken.head = read_head(query);
    taken.body_start = query.text();
    if (taken.head.body_size == taken.body_start.size()) {
        check_body(taken.body_start, taken.head.body_sha256);
    }
    taken.attempts = static_cast<std::uint32_t>(query.number());
    taken.replays = static_cast<std::uint32_t>(query.number());
    return taken;
}

void QueueTables::take(std::vector<Taken>& taken, const TakeLimit& limit, const Sender& sender,
                       Milliseconds now) {
    const std::optional<std::int64_t> target = find_unpaused(limit.target);
    if (!target) return;
    std::vector<std::int64_t> due;
    {
        Query query(database_, kDue);
        query << *target << now << static_cast<std::int64_t>(limit.most);
        due = numbers_of(query);
    }
    for (const std::int64_t id : due) {
        Query query(database_, kSend);
        (query << sender.era << number_of(sender.owner) << id).run();
        count(*target, StoredState::due, -1);
        count(*target, StoredState::sending, 1);
        taken.push_back(read_taken(id, limit.target));
        Taken& last = taken.back();
        if (last.head.body_size <= kBodyPiece) continue;
        last.body_start.resize(kBodyPiece);
        if (read_body(id / kEntriesOfDelivery, 0, last.body_start) != kBodyPiece) {
            fail_for_damage("a body is not whole");
        }
    }
}

bool QueueTables::finish(const Outcome& outcome, const Sender& sender, Milliseconds now) {
    std::optional<Row> found = row(outcome.entry);
    const bool is_own = found && found->state == StoredState::sending && found->era == sender.era &&
                        found->owner == number_of(outcome.owner);
    if (!is_own) return false;
    if (outcome.attempted_at.count() != 0) {
        const bool counts = outcome.kind != Outcome::Kind::later_uncounted;
        Query query(database_, kNoteAttempt);
        query << std::int64_t{counts} << outcome.attempted_at << std::int64_t{outcome.status}
              << outcome.duration << as_bytes(outcome.error)
              << as_bytes(std::string_view(outcome.response).substr(0, kMostResponse))
              << outcome.entry.value;
        query.run();
    }
    switch (outcome.kind) {
        case Outcome::Kind::done:
            set_state(*found, StoredState::done, now, DeathReason::none);
            break;
        case Outcome::Kind::dead:
            set_state(*found, StoredState::dead, now, outcome.reason);
            break;
        case Outcome::Kind::later:
        case Outcome::Kind::later_uncounted:
            set_state(*found, StoredState::due, outcome.at, DeathReason::none);
            return true;
    }
    promote(found->target, found->line);
    return true;
}

std::size_t QueueTables::take_over(const Liveness& alive, std::int64_t era, Milliseconds now,
                                   std::size_t most) {
    std::size_t taken = 0;
    std::pair<std::int64_t, std::int64_t> last{-1, -1};
    while (taken < most) {
        {
            Query query(database_, kNextSender);
            query << last.first << last.second;
            if (!query.next()) break;
            last.first = query.number();
            last.second = query.number();
        }
        if (last.first == era && alive.alive(owner_of(last.second))) continue;
        std::vector<std::int64_t> left;
        {
            Query query(database_, kSentBy);
            query << last.first << last.second << static_cast<std::int64_t>(most - taken);
            left = numbers_of(query);
        }
        for (const std::int64_t id : left) {
            if (auto found = row({id})) set_state(*found, StoredState::due, now, DeathReason::none);
        }
        taken += left.size();
    }
    return taken;
}

std::optional<Milliseconds> QueueTables::next_due(std::span<const std::string> targets) {
    std::optional<Milliseconds> next;
    for (const std::string& name : targets) {
        const std::optional<std::int64_t> target = find_unpaused(name);
        if (!target) continue;
        Query query(database_, kNextDue);
        query << *target;
        if (!query.next()) continue;
        const Milliseconds at = query.time();
        if (!next || at < *next) next = at;
    }
    return next;
}

// -- Looking

std::optional<std::size_t> QueueTables::read_body(DeliveryId id, std::uint64_t offset,
                                                  std::span<char> into) {
    std::uint64_t size = 0;
    {
        Query query(database_, kBodySize);
        query << id;
        if (!query.next()) return std::nullopt;
        size = static_cast<std::uint64_t>(query.number());
    }
    std::size_t copied = 0;
    while (copied < into.size() && offset < size) {
        const std::uint64_t number = offset / kBodyPiece;
        const bool is_whole = size <= kBodyPiece;
        Query query(database_, is_whole ? kBody : kPiece);
        query << (is_whole ? id : first_piece(id) + static_cast<std::int64_t>(number));
        if (!query.next()) fail_for_damage("a body is not whole");
        const std::span<const std::byte> bytes = query.bytes();
        const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        if (bytes.size() != piece_size(size, number * kBodyPiece)) {
            fail_for_damage("a body is not whole");
        }
        is_whole ? check_body(text, query.text()) : check_piece(text, query.number());
        const std::span<const std::byte> rest = bytes.subspan(offset % kBodyPiece);
        const std::size_t part = std::min(rest.size(), into.size() - copied);
        std::memcpy(into.data() + copied, rest.data(), part);
        copied += part;
        offset += part;
    }
    return copied;
}

std::optional<DeliveryHead> QueueTables::head(DeliveryId id) {
    Query query(database_, head_query.c_str());
    query << id;
    if (!query.next()) return std::nullopt;
    return read_head(query);
}

std::vector<Entry> QueueTables::entries_of(DeliveryId id) {
    std::vector<Entry> entries;
    std::vector<std::int64_t> targets;
    {
        Query query(database_, entries_query.c_str());
        query << id << id * kEntriesOfDelivery << (id + 1) * kEntriesOfDelivery - 1;
        while (query.next()) targets.push_back(read_entry(query, entries.emplace_back()));
    }
    for (std::size_t i = 0; i < entries.size(); ++i) entries[i].target = target_name(targets[i]);
    return entries;
}

std::vector<TargetStats> QueueTables::target_stats() {
    std::vector<TargetStats> all;
    Query targets(database_, kPausedTargets);
    while (targets.next()) {
        const std::int64_t id = targets.number();
        TargetStats& stats = all.emplace_back();
        stats.target = targets.text();
        stats.is_paused = targets.number() != 0;
        const std::array cells{&stats.waiting, &stats.waiting, &stats.sending, &stats.done,
                               &stats.dead};
        Query counts(database_, kCounts);
        counts << id;
        while (counts.next()) {
            const auto state = static_cast<std::size_t>(checked_state(counts.number()));
            *cells[state] += static_cast<std::uint64_t>(counts.number());
        }
        Query oldest(database_, kOldestOpen);
        oldest << id;
        if (oldest.next()) stats.oldest_received_at = oldest.time();
    }
    return all;
}

// -- Acting

bool QueueTables::replay(EntryId entry, const std::string& by, Milliseconds at) {
    std::optional<Row> found = row(entry);
    if (!found || found->state == StoredState::sending) return false;
    const bool keeps_place = found->state == StoredState::due;
    const bool is_behind = !keeps_place && is_led(found->target, found->line);
    set_state(*found, is_behind ? StoredState::behind : StoredState::due, at, DeathReason::none);
    Query query(database_, kNoteReplay);
    (query << as_bytes(by) << entry.value).run();
    return true;
}

bool QueueTables::purge(EntryId entry) {
    const std::optional<Row> found = row(entry);
    if (!found || found->state == StoredState::sending) return false;
    remove(*found);
    return true;
}

void QueueTables::remove(const Row& row) {
    {
        Query query(database_, kDeleteEntry);
        (query << row.id).run();
    }
    count(row.target, row.state, -1);
    promote(row.target, row.line);
    remove_delivery_without_entries(row.id / kEntriesOfDelivery);
}

void QueueTables::remove_delivery_without_entries(DeliveryId id) {
    {
        Query query(database_, kAnyEntry);
        query << id * kEntriesOfDelivery << (id + 1) * kEntriesOfDelivery - 1;
        if (query.next()) return;
    }
    {
        Query query(database_, kDeleteDelivery);
        (query << id).run();
    }
    Query query(database_, kDeletePieces);
    (query << first_piece(id) << first_piece(id + 1) - 1).run();
}

std::size_t QueueTables::expire(StoredState state, Milliseconds before, std::size_t most) {
    std::vector<std::int64_t> ended;
    {
        Query query(database_, kEnded);
        query << number_of(state) << before << static_cast<std::int64_t>(most);
        ended = numbers_of(query);
    }
    for (const std::int64_t id : ended) {
        if (const auto found = row({id})) remove(*found);
    }
    return ended.size();
}

std::size_t QueueTables::expire_newest(Milliseconds before, std::size_t most) {
    std::vector<std::pair<std::int64_t, std::string>> old;
    {
        Query query(database_, kOldNewest);
        query << before << static_cast<std::int64_t>(most);
        while (query.next()) {
            const std::int64_t target = query.number();
            old.emplace_back(target, query.text());
        }
    }
    for (const auto& [target, order_key] : old) {
        Query query(database_, kForgetNewest);
        (query << target << as_bytes(order_key)).run();
    }
    return old.size();
}

}  // namespace webhook
