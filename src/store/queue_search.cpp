#include "store/queue_search.h"

#include <limits>
#include <string>

namespace webhook {
namespace {

using Query = SqliteDatabase::Query;

constexpr std::int64_t kFirst = std::numeric_limits<std::int64_t>::max();
// Candidates that are read at a time.
constexpr std::int64_t kBatch = 128;
// Blocks of deliveries in which an event is looked for at a time.
constexpr int kBlocks = 64;

constexpr const char* kIdRange =
    "SELECT (SELECT min(id) FROM delivery), (SELECT max(id) FROM delivery)";
constexpr const char* kOfEvent =
    "SELECT id FROM delivery INDEXED BY delivery_event WHERE event_place IS NOT NULL"
    " AND event_place = ? AND id <= ? ORDER BY id DESC";
constexpr const char* kOfDelivery =
    "SELECT id FROM entry WHERE id BETWEEN ? AND ? ORDER BY id DESC";
constexpr const char* kEnded =
    "SELECT id, at FROM entry INDEXED BY entry_ended WHERE state >= 3 AND state = ?"
    " AND (at, id) < (?, ?) ORDER BY at DESC, id DESC LIMIT ?";
constexpr const char* kOpen =
    "SELECT id FROM entry INDEXED BY entry_open WHERE state <= 2 AND target = ? AND id < ?"
    " ORDER BY id DESC LIMIT ?";
// There are few; they are sorted.
constexpr const char* kSending =
    "SELECT id FROM entry INDEXED BY entry_sending WHERE state = 2 AND id < ?"
    " ORDER BY id DESC LIMIT ?";
constexpr const char* kReceived =
    "SELECT id, received_at FROM delivery INDEXED BY delivery_received WHERE received_at >= ?"
    " AND (received_at, id) <= (?, ?) ORDER BY received_at DESC, id DESC LIMIT ?";
constexpr const char* kAll = "SELECT id FROM entry WHERE id < ? ORDER BY id DESC LIMIT ?";
constexpr const char* kTargetBefore = "SELECT max(id) FROM target WHERE id < ?";
constexpr const char* kTraits =
    "SELECT e.target, e.state, e.reason, d.endpoint, d.event_id, d.event_type, d.received_at"
    " FROM entry e JOIN delivery d ON d.id = ?2 WHERE e.id = ?1";
const std::string entry_query =
    std::string("SELECT ")
        .append(kEntryColumns)
        .append(" FROM entry e JOIN delivery d ON d.id = ?2 WHERE e.id = ?1");

}  // namespace

std::optional<EntryCursor> QueueSearch::walk(const EntryFilter& filter,
                                             const std::optional<EntryCursor>& after,
                                             const Bounds& bounds,
                                             const std::function<void(EntryId)>& visit) {
    const Source source = source_of(filter);
    EntryCursor at = after.value_or(EntryCursor{kFirst, kFirst});
    std::size_t fitting = 0;
    std::size_t work = 0;
    while (fitting < bounds.most && work < bounds.work) {
        const Batch batch = (this->*source)(filter, at);
        work += batch.misses;
        for (const Candidate& candidate : batch.candidates) {
            if (fitting == bounds.most || work >= bounds.work) return at;
            ++work;
            at = candidate.after;
            if (!fits(filter, candidate.entry)) continue;
            ++fitting;
            visit({candidate.entry});
        }
        if (!batch.next) return std::nullopt;
        at = *batch.next;
    }
    return at;
}

QueueSearch::Source QueueSearch::source_of(const EntryFilter& filter) {
    if (!filter.event_id.empty()) return &QueueSearch::of_event;
    if (filter.state) {
        switch (*filter.state) {
            case EntryState::waiting:
                return &QueueSearch::open;
            case EntryState::sending:
                return &QueueSearch::sending;
            case EntryState::done:
            case EntryState::dead:
                return &QueueSearch::ended;
        }
    }
    if (filter.received_from || filter.received_to) return &QueueSearch::received;
    return &QueueSearch::all;
}

// Adds the entries of a delivery that are before this one.
void QueueSearch::add_entries(Batch& batch, std::int64_t delivery, std::int64_t major,
                              std::int64_t before) {
    const std::int64_t first = delivery * kEntriesOfDelivery;
    const std::int64_t last = first + kEntriesOfDelivery - 1;
    Query query(database_, kOfDelivery);
    query << first << std::min(last, before - 1);
    while (query.next()) {
        const std::int64_t entry = query.number();
        batch.candidates.push_back({entry, {major, entry}});
    }
}

// The cursor is the block of deliveries, and an entry.
QueueSearch::Batch QueueSearch::of_event(const EntryFilter& filter, const EntryCursor& after) {
    Batch batch;
    std::int64_t first = 0;
    std::int64_t last = 0;
    {
        Query query(database_, kIdRange);
        if (!query.next() || query.is_null()) return batch;
        first = query.number() / kEventBlock;
        last = query.number() / kEventBlock;
    }
    std::int64_t block = std::min(last, after.major);
    std::int64_t before = after.minor;
    for (int i = 0; i < kBlocks && block >= first; ++i, --block) {
        std::vector<std::int64_t> deliveries;
        {
            Query query(database_, kOfEvent);
            query << event_place(block, filter.event_id) << (before - 1) / kEntriesOfDelivery;
            while (query.next()) deliveries.push_back(query.number());
        }
        for (const std::int64_t id : deliveries) add_entries(batch, id, block, before);
        ++batch.misses;
    }
    if (block >= first) batch.next = EntryCursor{block, before};
    return batch;
}

// The cursor is the time of the end, and an entry.
QueueSearch::Batch QueueSearch::ended(const EntryFilter& filter, const EntryCursor& after) {
    Batch batch;
    const StoredState state =
        filter.state == EntryState::done ? StoredState::done : StoredState::dead;
    Query query(database_, kEnded);
    query << static_cast<std::int64_t>(state) << after.major << after.minor << kBatch;
    while (query.next()) {
        const std::int64_t entry = query.number();
        batch.candidates.push_back({entry, {query.number(), entry}});
    }
    if (std::ssize(batch.candidates) == kBatch) batch.next = batch.candidates.back().after;
    return batch;
}

// The highest target with a number below this one, or the one that the filter names, if it has.
std::optional<std::int64_t> QueueSearch::target_before(const EntryFilter& filter,
                                                       std::int64_t target) {
    if (!filter.target.empty()) {
        const std::optional<std::int64_t> named = tables_.find_target(filter.target);
        return named && *named < target ? named : std::nullopt;
    }
    Query query(database_, kTargetBefore);
    query << target;
    if (!query.next() || query.is_null()) return std::nullopt;
    return query.number();
}

// The cursor is the target, and an entry.
QueueSearch::Batch QueueSearch::open(const EntryFilter& filter, const EntryCursor& after) {
    Batch batch;
    EntryCursor at = after;
    if (after.major == kFirst) {
        const std::optional<std::int64_t> target = target_before(filter, kFirst);
        if (!target) return batch;
        at = {*target, kFirst};
    }
    {
        Query query(database_, kOpen);
        query << at.major << at.minor << kBatch;
        while (query.next()) {
            const std::int64_t entry = query.number();
            batch.candidates.push_back({entry, {at.major, entry}});
        }
    }
    batch.misses = 1;
    if (std::ssize(batch.candidates) == kBatch) {
        batch.next = batch.candidates.back().after;
    } else if (const auto target = target_before(filter, at.major)) {
        batch.next = EntryCursor{*target, kFirst};
    }
    return batch;
}

// The cursor is an entry.
QueueSearch::Batch QueueSearch::sending(const EntryFilter&, const EntryCursor& after) {
    Batch batch;
    Query query(database_, kSending);
    query << after.minor << kBatch;
    while (query.next()) {
        const std::int64_t entry = query.number();
        batch.candidates.push_back({entry, {0, entry}});
    }
    if (std::ssize(batch.candidates) == kBatch) batch.next = batch.candidates.back().after;
    return batch;
}

// The cursor is the time of the arrival, and an entry.
QueueSearch::Batch QueueSearch::received(const EntryFilter& filter, const EntryCursor& after) {
    Batch batch;
    const std::int64_t from = filter.received_from ? filter.received_from->count() : 0;
    const std::int64_t to = filter.received_to ? filter.received_to->count() : kFirst;
    const bool is_behind = to < after.major;
    const std::int64_t latest = is_behind ? to : after.major;
    const std::int64_t before = is_behind ? kFirst : after.minor;
    std::vector<EntryCursor> deliveries;
    {
        Query query(database_, kReceived);
        query << from << latest << (before - 1) / kEntriesOfDelivery << kBatch;
        while (query.next()) {
            const std::int64_t id = query.number();
            deliveries.push_back({query.number(), id});
        }
    }
    for (const EntryCursor& found : deliveries) {
        add_entries(batch, found.minor, found.major, found.major == latest ? before : kFirst);
    }
    batch.misses = 1;
    if (std::ssize(deliveries) == kBatch) {
        batch.next = {deliveries.back().major, deliveries.back().minor * kEntriesOfDelivery};
    }
    return batch;
}

// The cursor is an entry.
QueueSearch::Batch QueueSearch::all(const EntryFilter&, const EntryCursor& after) {
    Batch batch;
    Query query(database_, kAll);
    query << after.minor << kBatch;
    while (query.next()) {
        const std::int64_t entry = query.number();
        batch.candidates.push_back({entry, {0, entry}});
    }
    if (std::ssize(batch.candidates) == kBatch) batch.next = batch.candidates.back().after;
    return batch;
}

bool QueueSearch::fits(const EntryFilter& filter, std::int64_t entry) {
    Query query(database_, kTraits);
    query << entry << entry / kEntriesOfDelivery;
    if (!query.next()) return false;
    const std::int64_t target = query.number();
    if (!filter.target.empty() && tables_.find_target(filter.target) != target) return false;
    const EntryState state = state_of(checked_state(query.number()));
    if (filter.state && *filter.state != state) return false;
    const std::int64_t reason = query.number();
    if (filter.reason && static_cast<std::int64_t>(*filter.reason) != reason) return false;
    const auto differs = [&query](const std::string& wanted) {
        const std::string found = query.text();
        return !wanted.empty() && wanted != found;
    };
    if (differs(filter.endpoint) || differs(filter.event_id) || differs(filter.event_type)) {
        return false;
    }
    const Milliseconds received_at = query.time();
    return (!filter.received_from || *filter.received_from <= received_at) &&
           (!filter.received_to || received_at <= *filter.received_to);
}

std::optional<Entry> QueueSearch::load(EntryId id) {
    std::optional<Entry> entry(std::in_place);
    std::int64_t target = 0;
    {
        Query query(database_, entry_query.c_str());
        query << id.value << id.delivery();
        if (!query.next()) return std::nullopt;
        target = read_entry(query, *entry);
    }
    entry->target = tables_.target_name(target);
    return entry;
}

}  // namespace webhook
