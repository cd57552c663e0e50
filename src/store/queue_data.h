// What the durable queue holds, as plain data.
//
// A *delivery* is one request that was accepted: its bytes and what is known of it. It is delivered
// to one or several *targets*. An *entry* is a delivery for one of its targets, with a state of its
// own:
//
//     waiting --take--> sending --2xx--> done -+
//        ^                 |                   +--replay--> waiting
//        +--later----------+--gives up--> dead-+
//
// All times are milliseconds since the Unix epoch, and are the caller's.

#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/time.h"
#include "store/dedup_table.h"

namespace webhook {

// The most targets of one delivery.
inline constexpr std::size_t kMostTargets = 64;
// A body is kept in pieces of this many bytes, which is what a call has in memory of it at a time.
inline constexpr std::size_t kBodyPiece = 64 * 1024;
// What is kept of a target's last response, in bytes.
inline constexpr std::size_t kMostResponse = 1024;

// Never reused; a later delivery has a larger one.
using DeliveryId = std::int64_t;

// A delivery for one of its targets.
struct EntryId {
    std::int64_t value = 0;

    DeliveryId delivery() const { return value / static_cast<std::int64_t>(kMostTargets); }
    friend auto operator<=>(const EntryId&, const EntryId&) = default;
};

enum class EntryState : std::uint8_t { waiting, sending, done, dead };

// Why an entry is dead.
enum class DeathReason : std::uint8_t {
    none,
    // All attempts failed.
    exhausted,
    // The target wants no further attempt.
    aborted,
    // It waited for too long.
    expired,
    // A newer one of the same order key was accepted.
    superseded,
    // An operator gave it up.
    by_operator,
};

// Copies the body's bytes from `offset` on into `piece`, and fills it. Returns false if that cannot
// be done: the delivery is not stored then. May be called again for the same offset.
using BodyReader = std::function<bool(std::uint64_t offset, std::span<char> piece)>;

// What is known of a delivery, apart from its body.
struct DeliveryHead {
    std::string event_id;
    std::string event_type;
    std::string endpoint;
    std::string scheme;
    std::string secret_id;
    // The sender's address.
    std::string source;
    Milliseconds received_at{0};
    // Lines `Name: value`, each with LF at its end.
    std::string headers;
    std::string content_type;
    // In hex digits of lower case. A body that does not fit it any more is damage, and is never
    // sent. Empty: not known.
    std::string body_sha256;
    std::uint64_t body_size = 0;
    // For the claim that precedes the first attempt at each target. At most kMostKeys.
    std::vector<EventKey> keys;
    Milliseconds keys_ttl{0};
    // Deliveries of one order key are sent one after the other. Empty: in any order.
    std::string order_key;
    // Which one of an order key is newer: the larger one, compared byte by byte. Empty: not known.
    std::string order_value;
};

struct IncomingTarget {
    std::string name;
    // Before this time there is no attempt.
    Milliseconds at{0};
    // The caller sends it itself, at once, unless another one of its order key is before it.
    bool is_taken = false;
};

// A delivery to be stored.
struct Incoming {
    DeliveryHead head;
    std::vector<IncomingTarget> targets;
    // Reads head.body_size bytes. May be empty for an empty body.
    BodyReader body;
};

enum class Stored : std::uint8_t { stored, full, failed };

struct Accepted {
    Stored outcome = Stored::failed;
    DeliveryId id = 0;
    // An entry for each target, in the same order.
    std::vector<EntryId> entries;
    // Which of them the caller sends now.
    std::vector<bool> taken;
    // Which of them are superseded already.
    std::vector<bool> superseded;
};

// How many deliveries for this target may be taken.
struct TakeLimit {
    std::string target;
    std::size_t most = 0;
};

// A delivery that is to be sent.
struct Taken {
    EntryId entry;
    std::string target;
    std::uint32_t attempts = 0;
    std::uint32_t replays = 0;
    DeliveryHead head;
    // The first kBodyPiece bytes, or all of it.
    std::string body_start;
};

// What became of one attempt.
struct Outcome {
    enum class Kind : std::uint8_t {
        done,
        // There is another attempt at `at`.
        later,
        // The same, and this one does not count: the target is down, or was never reached.
        later_uncounted,
        dead
    };

    EntryId entry;
    Owner owner{};
    Kind kind = Kind::done;
    // For `dead`.
    DeathReason reason = DeathReason::none;
    // For `later` and `later_uncounted`.
    Milliseconds at{0};
    // When the attempt began. 0: there was none, and nothing of what follows is known.
    Milliseconds attempted_at{0};
    Milliseconds duration{0};
    // Of the response. 0: there was none.
    std::uint16_t status = 0;
    // One word, such as `timeout`. Empty: none.
    std::string error;
    // The start of the response's body. What is longer than kMostResponse is cut.
    std::string response;
};

struct Entry {
    EntryId id;
    std::string target;
    EntryState state = EntryState::waiting;
    DeathReason reason = DeathReason::none;
    std::string event_id;
    std::string event_type;
    std::string endpoint;
    std::string scheme;
    std::string content_type;
    std::string source;
    std::string secret_id;
    std::string body_sha256;
    std::string order_key;
    std::uint64_t body_size = 0;
    Milliseconds received_at{0};
    // 0: there was none yet.
    Milliseconds first_attempt_at{0};
    Milliseconds last_attempt_at{0};
    // While it waits.
    Milliseconds next_attempt_at{0};
    // When it became done or dead.
    Milliseconds finished_at{0};
    std::uint32_t attempts = 0;
    std::uint16_t last_status = 0;
    std::string last_error;
    std::string last_response;
    Milliseconds last_duration{0};
    std::uint32_t replays = 0;
    std::string replayed_by;
};

// Everything about one delivery but its body.
struct Shown {
    DeliveryHead head;
    // What is left of its targets.
    std::vector<Entry> entries;
};

// What is to be listed, counted or acted upon: what fits all that is set.
struct EntryFilter {
    std::optional<EntryState> state{};
    std::optional<DeathReason> reason{};
    std::string target{};
    std::string endpoint{};
    std::string event_id{};
    std::string event_type{};
    // Both inclusive.
    std::optional<Milliseconds> received_from{};
    std::optional<Milliseconds> received_to{};
};

// Where a walk over the entries of a filter goes on. Its parts are the store's own.
struct EntryCursor {
    std::int64_t major = 0;
    std::int64_t minor = 0;

    friend bool operator==(const EntryCursor&, const EntryCursor&) = default;
};

// Newest first: by the time of its end what is done or dead, by arrival what is not; grouped by
// target where the filter asks for what waits or is being sent.
struct EntryPage {
    std::vector<Entry> entries;
    // Where to go on. None: that was all. A page may have fewer entries than asked for, or none,
    // and still not be the last: the work of one call is bounded.
    std::optional<EntryCursor> next;
};

struct EntryCount {
    std::uint64_t entries = 0;
    std::optional<EntryCursor> next;
};

// Which entries an operator acts upon: those named, or else those of the filter.
struct Selection {
    std::vector<EntryId> entries{};
    std::optional<EntryFilter> filter{};
    // How many the operator saw. If there are others, nothing is done. Only with a filter, and
    // without `after`.
    std::optional<std::uint64_t> expected{};
    // Where the last step ended.
    std::optional<EntryCursor> after{};
};

struct Acted {
    std::uint64_t changed = 0;
    // There are this many, not as many as were expected.
    std::optional<std::uint64_t> unexpected;
    // The next step of the same selection begins here. None: that was all.
    std::optional<EntryCursor> next;
};

struct Replay {
    // Who asked for it.
    std::string by;
    // The first one is sent at this time, each further one later by `pause`.
    Milliseconds first_at{0};
    Milliseconds pause{0};
};

struct TargetStats {
    std::string target;
    bool is_paused = false;
    std::uint64_t waiting = 0;
    std::uint64_t sending = 0;
    std::uint64_t done = 0;
    std::uint64_t dead = 0;
    // When the oldest one was received that is neither done nor dead.
    std::optional<Milliseconds> oldest_received_at;
};

struct QueueStats {
    std::vector<TargetStats> targets;
    // In bytes. What is not free holds deliveries, or what describes them.
    std::uint64_t max = 0;
    std::uint64_t used = 0;
    std::uint64_t free = 0;
};

}  // namespace webhook
