// How the rows of a queue's tables are read: lists of columns, and what is made of them.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/hash.h"
#include "store/queue_data.h"
#include "store/sqlite.h"

namespace webhook {

// The states as they are stored. One that is *behind* waits until an earlier entry of its order key
// has ended.
enum class StoredState : std::int64_t { due, behind, sending, done, dead };

// The identifiers of what belongs to one delivery follow each other.
inline constexpr std::int64_t kEntriesOfDelivery = kMostTargets;
inline constexpr std::int64_t kPiecesOfDelivery = std::int64_t{1} << 20;
// Events are looked up among the deliveries of one block at a time, so that what is written
// together stands together in the index.
inline constexpr std::int64_t kEventBlock = 4096;

// Of `delivery d`.
inline constexpr std::string_view kHeadColumns =
    "d.event_id, d.event_type, d.endpoint, d.scheme, d.secret_id, d.source, d.received_at,"
    " d.headers, d.content_type, d.body_sha256, d.body_size, d.keys, d.keys_ttl, d.order_key,"
    " d.order_value";
DeliveryHead read_head(SqliteDatabase::Query& row);

// Of `entry e` and `delivery d`. What is read as the target's name is empty; its number is
// returned.
inline constexpr std::string_view kEntryColumns =
    "e.target, e.id, e.state, e.at, e.reason, e.attempts, e.replays, e.first_at, e.last_at,"
    " e.status, e.duration, e.error, e.replayed_by, e.response, d.event_id, d.event_type,"
    " d.endpoint, d.scheme, d.content_type, d.source, d.secret_id, d.body_sha256, d.order_key,"
    " d.body_size, d.received_at";
std::int64_t read_entry(SqliteDatabase::Query& row, Entry& entry);

// SHA-256. Unlike that of base, it keeps nothing for its thread, which ends before the process
// does.
Sha256Digest hash_of(std::string_view text);

// Where the index has an event of the deliveries in a block.
std::int64_t event_place(std::int64_t block, std::string_view event_id);

// What tells whether a piece of a body is as it was written.
std::int64_t piece_check(std::string_view piece);

// Throws SqliteError if it is none.
StoredState checked_state(std::int64_t number);
EntryState state_of(StoredState state);

// What a row lacks that should be there.
[[noreturn]] void fail_for_damage(const char* what);

}  // namespace webhook
