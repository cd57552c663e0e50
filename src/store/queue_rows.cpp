#include "store/queue_rows.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "base/digest.h"

namespace webhook {

using Query = SqliteDatabase::Query;

DeliveryHead read_head(Query& row) {
    DeliveryHead head;
    head.event_id = row.text();
    head.event_type = row.text();
    head.endpoint = row.text();
    head.scheme = row.text();
    head.secret_id = row.text();
    head.source = row.text();
    head.received_at = row.time();
    head.headers = row.text();
    head.content_type = row.text();
    head.body_sha256 = row.text();
    head.body_size = static_cast<std::uint64_t>(row.number());
    const std::string keys = row.text();
    head.keys.resize(keys.size() / sizeof(EventKey));
    if (!head.keys.empty()) {
        std::memcpy(head.keys.data(), keys.data(), head.keys.size() * sizeof(EventKey));
    }
    head.keys_ttl = row.time();
    head.order_key = row.text();
    head.order_value = row.text();
    return head;
}

std::int64_t read_entry(Query& row, Entry& entry) {
    const std::int64_t target = row.number();
    entry.id.value = row.number();
    entry.state = state_of(checked_state(row.number()));
    const bool is_ended = entry.state == EntryState::done || entry.state == EntryState::dead;
    (is_ended ? entry.finished_at : entry.next_attempt_at) = row.time();
    if (entry.state == EntryState::sending) entry.next_attempt_at = Milliseconds(0);
    entry.reason = static_cast<DeathReason>(row.number());
    entry.attempts = static_cast<std::uint32_t>(row.number());
    entry.replays = static_cast<std::uint32_t>(row.number());
    entry.first_attempt_at = row.time();
    entry.last_attempt_at = row.time();
    entry.last_status = static_cast<std::uint16_t>(row.number());
    entry.last_duration = row.time();
    entry.last_error = row.text();
    entry.replayed_by = row.text();
    entry.last_response = row.text();
    entry.event_id = row.text();
    entry.event_type = row.text();
    entry.endpoint = row.text();
    entry.scheme = row.text();
    entry.content_type = row.text();
    entry.source = row.text();
    entry.secret_id = row.text();
    entry.body_sha256 = row.text();
    entry.order_key = row.text();
    entry.body_size = static_cast<std::uint64_t>(row.number());
    entry.received_at = row.time();
    return target;
}

Sha256Digest hash_of(std::string_view text) {
    HashStream stream(Hash::sha256);
    stream.update(text);
    std::array<std::uint8_t, kLargestHash> output{};
    Sha256Digest digest{};
    std::ranges::copy(stream.finish(output), digest.begin());
    return digest;
}

std::int64_t event_place(std::int64_t block, std::string_view event_id) {
    const Sha256Digest digest = hash_of(event_id);
    std::uint32_t hash = 0;
    std::memcpy(&hash, digest.data(), sizeof(hash));
    return block << 32 | std::int64_t{hash};
}

std::int64_t piece_check(std::string_view piece) {
    return static_cast<std::int64_t>(
        crc32_z(0, reinterpret_cast<const Bytef*>(piece.data()), piece.size()));
}

StoredState checked_state(std::int64_t number) {
    if (number < 0 || number > static_cast<std::int64_t>(StoredState::dead)) {
        fail_for_damage("an entry has no state");
    }
    return static_cast<StoredState>(number);
}

EntryState state_of(StoredState state) {
    switch (state) {
        case StoredState::due:
        case StoredState::behind:
            return EntryState::waiting;
        case StoredState::sending:
            return EntryState::sending;
        case StoredState::done:
            return EntryState::done;
        case StoredState::dead:
            break;
    }
    return EntryState::dead;
}

void fail_for_damage(const char* what) {
    throw SqliteError(SQLITE_CORRUPT, what);
}

}  // namespace webhook
