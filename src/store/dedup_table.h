// The memory of events that were delivered or are being delivered.
//
//     unknown --claim--> in flight --commit--> delivered --ttl--> unknown
//                            +-------release, owner gone-------> unknown
//
// The table lives in a block of memory that the caller provides and any number of processes share.
// It takes no lock and reads no clock: the caller holds its lock around every call except format()
// and attach(), and passes the time. No call allocates, hashes, logs or waits. All take O(1) on
// average, except recover() and restore(), which are linear.
//
// A process may die inside a call, between any two instructions. The next process that takes the
// lock and finds interrupted() calls recover(), which rebuilds the index from the entries. The
// interrupted call may have taken effect in part only.
//
// The block may be a file. After a power failure, which may leave it written back in parts and in
// any order, restore() makes it usable: every entry carries its own check.
//
// An attacker cannot choose events that share a place in the index to make look-ups slow: the place
// is a hash under a secret of the table. The hash is strongly universal: any two keys chosen
// without the secret share a place by chance only. No answer reveals places.
//
// Delivered events are forgotten oldest first, in the order of commits. An event takes 32 bytes and
// a 4-byte place in the index. Claims in flight have their own region (1/32 of the block), so they
// are never forgotten to make room.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace webhook {

// The remembered part of an event: 32 bits that all events of its endpoint share, so that a store
// of several parts can keep them together, and the first 96 bits of a SHA-256.
struct EventKey {
    static constexpr std::size_t kEndpointSize = 4;

    std::array<std::uint8_t, 16> bytes;

    friend bool operator==(const EventKey&, const EventKey&) = default;
};

// The key of `value`, one of the values that identify a delivery to `endpoint`. `name` says which
// value it is, so that values of different kinds never compare equal.
EventKey event_key(std::string_view endpoint, std::string_view name, std::string_view value);

// The process that holds a claim, by the caller's numbering, and its generation.
struct Owner {
    std::uint32_t process;
    std::uint32_t generation;

    friend bool operator==(const Owner&, const Owner&) = default;
};

// The secret of a table: unguessable random bytes, never all zeros.
using TableSecret = std::array<std::uint64_t, 5>;

// Identifies one request's claim. Tokens are never reused.
struct ClaimToken {
    Owner owner;
    std::uint64_t sequence;

    friend bool operator==(const ClaimToken&, const ClaimToken&) = default;
};

// A key of a claim that its owner can no longer end.
struct OrphanedKey {
    EventKey key;
    ClaimToken token;
};

// Tells whether a process that holds a claim is alive. Called under the caller's lock.
class Liveness {
  public:
    virtual bool alive(Owner owner) const = 0;

  protected:
    ~Liveness() = default;
};

// What a table does when a new event finds no room.
enum class WhenFull : std::uint8_t { evict, reject };

// `away` is of stores that lie elsewhere.
enum class ClaimOutcome : std::uint8_t { claimed, duplicate, in_flight, no_room, away };

struct ClaimResult {
    ClaimOutcome outcome;
    // For `duplicate`: the status of the response to the first delivery.
    std::uint16_t status;
};

struct DedupStats {
    std::uint64_t capacity;
    std::uint64_t remembered;
    std::uint64_t in_flight;
    // Events forgotten before they expired, since format().
    std::uint64_t forgotten_early;
};

// The most keys in one claim.
inline constexpr std::size_t kMostKeys = 8;

class DedupTable {
  public:
    // The smallest block for a table, in bytes.
    static std::size_t smallest_size();

    // Makes an empty table in the block, which must be aligned to 8 bytes, hold zeros and not be in
    // use. Memory that is not needed yet is not touched. With an alignment to 64 bytes, no event
    // spans two cache lines or disk sectors.
    static DedupTable format(std::span<std::byte> block, const TableSecret& secret);
    // Whether the block holds a table of this layout and size.
    static bool recognizes(std::span<const std::byte> block);
    // Opens the table that format() made in this block. Throws std::invalid_argument if there is
    // none.
    static DedupTable attach(std::span<std::byte> block);

    // Prefetches the memory that a claim of these keys will read. Needs no lock.
    void prefetch(std::span<const EventKey> keys) const;

    // Claims all keys for the token, or none. A key that is delivered makes it a duplicate; one
    // that another living owner holds makes it in flight.
    ClaimResult claim(std::span<const EventKey> keys, const ClaimToken& token, std::uint32_t now,
                      WhenFull when_full, const Liveness& liveness);

    // Turns the token's claim of these keys into delivered events, to be forgotten at `expires`
    // (seconds). Keys that the token does not hold are left alone.
    void commit(std::span<const EventKey> keys, const ClaimToken& token, std::uint16_t status,
                std::uint32_t now, std::uint32_t expires);

    // Gives up the token's claim of these keys. Keys that the token does not hold are left alone.
    void release(std::span<const EventKey> keys, const ClaimToken& token);

    // Gives up what dead owners hold in the next places, from `place` on, which is advanced; looks
    // at no more than `most`, and at none behind the last claim. Appends what it gives up to
    // `given_up`. Throws std::bad_alloc before it changes anything of a place.
    void give_up_orphans(const Liveness& liveness, std::uint32_t& place, std::uint32_t most,
                         std::vector<OrphanedKey>& given_up);

    // Random for each table, and after each restore(): tells where a token is from.
    std::uint64_t identity() const;

    DedupStats stats() const;

    // Whether a process died inside a call.
    bool interrupted() const;
    void recover();

    // Makes a table usable again that outlived all processes that used it. Claims are given up;
    // delivered events are kept if their entries are whole. Returns the number of those that are
    // not. If a successor was left, too, events carried over to it stay so. The table gets the new
    // secret, since the old one may be torn, or was read in the meantime.
    std::uint64_t restore(bool has_successor, const TableSecret& secret);

    // -- Replacement by another table

    // Stops new claims. Claims in flight can still be ended.
    void close();
    bool closed() const;
    // Appends the next delivered events to `successor`, oldest first: those that were not copied
    // before, at most `most`, without expired ones. Returns how many it looked at.
    std::size_t carry_over(DedupTable& successor, std::uint32_t now, std::size_t most);
    // Whether a living owner holds any of the keys.
    bool holds_any(std::span<const EventKey> keys, const Liveness& liveness) const;
    // Whether the table is closed and the successor knows all delivered events.
    bool carried_all() const;
    // Whether, in addition, no claim is left. Gives up some claims of dead processes per call, so
    // it may have to be called again.
    bool drained(const Liveness& liveness);

  private:
    struct Header;
    struct Event;
    struct Claim;
    struct Layout;
    class Change;

    // The index of an entry: 0 is none, then come the events, then the claims.
    using EntryIndex = std::uint32_t;

    explicit DedupTable(std::span<std::byte> block);

    EntryIndex& bucket(const EventKey& key) const;
    EntryIndex& next(EntryIndex place) const;
    const EventKey& key_at(EntryIndex place) const;
    bool is_claim(EntryIndex place) const;
    Event& event_at(std::uint64_t sequence) const;
    Claim& claim_at(EntryIndex place) const;
    EntryIndex place_of_event(std::uint64_t sequence) const;
    std::uint64_t first_to_carry() const;

    void link(EntryIndex place);
    void unlink(EntryIndex place);
    EntryIndex find_claim(const EventKey& key) const;
    const Event* find_event(const EventKey& key, std::uint32_t now) const;
    EntryIndex find_claim(const EventKey& key, const ClaimToken& token) const;

    void link_events();
    void link_claims();
    void insert_claim(const EventKey& key, const ClaimToken& token);
    void remove_claim(EntryIndex place);
    void forget_oldest(std::uint32_t now);
    void forget_expired(std::uint32_t now);
    void append(const Event& event);
    void remember(const Event& event, std::uint32_t now);
    bool make_room(std::size_t keys, std::uint32_t now, WhenFull when_full,
                   const Liveness& liveness);
    bool has_room(std::size_t keys) const;
    void sweep_claims(const Liveness& liveness);
    void sweep_events(std::size_t keys, std::uint32_t now);
    void keep_oldest();

    Header* header_;
    EntryIndex* buckets_;
    Event* events_;
    Claim* claims_;
};

}  // namespace webhook
