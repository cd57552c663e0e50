// The memory of events: which were delivered, and which are being delivered right now.
//
//     unknown --claim--> in flight --commit--> delivered --ttl--> unknown
//                            +-------release, owner gone-------> unknown
//
// The table lives in a block of memory that the caller gives, shared by any number of processes. It
// takes no lock and reads no clock: the caller holds its lock around every call but format() and
// attach(), and gives the time. No call allocates, hashes, logs or waits. All are O(1) on average,
// whatever the number of events; only recover() and restore() are linear.
//
// A process may die inside a call, between any two instructions. Who next takes the lock and finds
// interrupted() calls recover(), which rebuilds the index from the entries; what the call had not
// finished, it may have left undone.
//
// A block may be a file. What a power cut leaves of it, written back in parts and in any order, is
// for restore(): every entry carries a check of its own.
//
// Nobody can choose events that share a place in the index, and so make every look-up long: the
// place is a hash under a secret of the table. The hash is strongly universal: of keys that were
// chosen without knowing the secret, any two share a place by chance alone. No answer tells places.
//
// Delivered events are forgotten oldest first, by order of commit. In memory, per event: 32 bytes
// and a 4-byte place in the index; claims in flight have a region of their own (1/32 of the block),
// and so can never be forgotten to make room.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace webhook {

// What is remembered of an event: the first 128 bits of a SHA-256.
struct EventKey {
    std::array<std::uint8_t, 16> bytes;

    friend bool operator==(const EventKey&, const EventKey&) = default;
};

// The key of `value`, one of the values that identify a delivery to `endpoint`. `name` tells which
// value it is, so that two of a kind are never compared with two of another.
EventKey event_key(std::string_view endpoint, std::string_view name, std::string_view value);

// Who holds a claim: a process, as the caller numbers them, in the generation that it registered.
struct Owner {
    std::uint32_t process;
    std::uint32_t generation;

    friend bool operator==(const Owner&, const Owner&) = default;
};

// The secret of a table: random bytes that nobody can guess, never zeros.
using TableSecret = std::array<std::uint64_t, 5>;

// Names one request's claim. No two claims ever carry the same token.
struct ClaimToken {
    Owner owner;
    std::uint64_t sequence;

    friend bool operator==(const ClaimToken&, const ClaimToken&) = default;
};

// Answers whether a process that holds a claim still lives. Called under the caller's lock.
class Liveness {
  public:
    virtual bool alive(Owner owner) const = 0;

  protected:
    ~Liveness() = default;
};

// What a table does when a new event finds no room.
enum class WhenFull : std::uint8_t { evict, reject };

enum class ClaimOutcome : std::uint8_t { claimed, duplicate, in_flight, no_room };

struct ClaimResult {
    ClaimOutcome outcome;
    // For `duplicate`: the status that the first delivery was answered with.
    std::uint16_t status;
};

struct DedupStats {
    std::uint64_t capacity;
    std::uint64_t remembered;
    std::uint64_t in_flight;
    // Events forgotten before their time was up, since format().
    std::uint64_t forgotten_early;
};

// At most this many keys make up one claim.
inline constexpr std::size_t kMostKeys = 8;

class DedupTable {
  public:
    // The least memory that a table can live in, in bytes.
    static std::size_t smallest_size();

    // Makes an empty table of the block, which must be aligned to 8 bytes, hold zeros and not be in
    // use. Memory that is not needed yet is not touched. Aligned to 64 bytes, no event lies on two
    // cache lines or disk sectors.
    static DedupTable format(std::span<std::byte> block, const TableSecret& secret);
    // Whether the block holds a table of this layout and size.
    static bool recognizes(std::span<const std::byte> block);
    // The table that format() made of this block. Throws std::invalid_argument where there is none.
    static DedupTable attach(std::span<std::byte> block);

    // Asks the processor to bring the memory that a claim of these keys will look at. Needs no
    // lock.
    void prefetch(std::span<const EventKey> keys) const;

    // Claims all keys for the token, or none. A key that is delivered makes it a duplicate; one
    // that another living owner holds makes it in flight.
    ClaimResult claim(std::span<const EventKey> keys, const ClaimToken& token, std::uint32_t now,
                      WhenFull when_full, const Liveness& liveness);

    // Turns the token's claim of these keys into delivered events, to be forgotten at `expires`
    // (seconds). Keys that the token does not hold are left alone.
    void commit(std::span<const EventKey> keys, const ClaimToken& token, std::uint16_t status,
                std::uint32_t now, std::uint32_t expires);

    // Gives the token's claim of these keys up. Keys that the token does not hold are left alone.
    void release(std::span<const EventKey> keys, const ClaimToken& token);

    DedupStats stats() const;

    // Whether a process died inside a call.
    bool interrupted() const;
    void recover();

    // Makes a table usable again that outlived every process that used it. Claims are given up;
    // delivered events are kept where their entries are whole. Returns how many were not. Where a
    // successor was left, too, what was carried over to it stays so. The table has the new secret
    // from then on: the one before may have been torn, or been read in the meantime.
    std::uint64_t restore(bool has_successor, const TableSecret& secret);

    // -- Another table takes this one's place

    // No event is claimed any more that is not yet; what is in flight can still be ended.
    void close();
    bool closed() const;
    // Copies delivered events, oldest first, that were not copied before: at most `most` of them,
    // less those that expired, to the end of `successor`. Returns how many it looked at.
    std::size_t carry_over(DedupTable& successor, std::uint32_t now, std::size_t most);
    // Whether a living owner holds any of the keys.
    bool holds_any(std::span<const EventKey> keys, const Liveness& liveness) const;
    // Whether the table is closed and the successor knows all that was delivered.
    bool carried_all() const;
    // Whether nothing more can be delivered, either. Gives up some claims of the
    // dead, and so may have to be asked again.
    bool drained(const Liveness& liveness);

  private:
    struct Header;
    struct Event;
    struct Claim;
    struct Layout;
    class Change;

    // Where an entry is: 0 is nowhere, then come the events, then the claims.
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
