#include "store/dedup_table.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstring>
#include <memory_resource>
#include <span>
#include <stdexcept>
#include <type_traits>

#include "base/digest.h"
#include "store/fault_point.h"

namespace webhook {
namespace {

constexpr std::uint64_t kMagic = 0x7075646562657767;
constexpr std::uint32_t kLayoutVersion = 4;
constexpr std::size_t kLeastEvents = 64;
constexpr std::size_t kLeastClaims = 16;
constexpr std::size_t kClaimsShare = 32;
constexpr std::size_t kAlignment = 64;
// The text that an event is hashed from is usually shorter, and begins with two lengths.
constexpr std::size_t kUsualText = 512;
constexpr std::size_t kLengths = 2 * sizeof("18446744073709551615");
// The number of claims that one call may check for dead owners.
constexpr std::uint32_t kSweep = 64;
// The number of events that one call may check for expiry, which takes some microseconds.
constexpr std::uint32_t kEventSweep = 1024;
// More events than any table will see.
constexpr std::uint64_t kSaneNumber = 1ULL << 62;
// The prefetch distance when a whole table is walked.
constexpr std::uint64_t kAhead = 16;

// A process can be killed between any two instructions. All writes to the block use this, so that
// the compiler keeps them in the order in which they are written here.
template <typename Value>
void store(Value& target, const std::type_identity_t<Value>& value) {
    std::atomic_signal_fence(std::memory_order_seq_cst);
    target = value;
    std::atomic_signal_fence(std::memory_order_seq_cst);
    WEBHOOK_FAULT_POINT();
}

std::size_t aligned(std::size_t offset) {
    return (offset + kAlignment - 1) / kAlignment * kAlignment;
}

// Multilinear hashing (Lemire and Kaser, "Strongly universal string hashing is fast").
std::uint32_t hash_under(const TableSecret& secret, const EventKey& key) {
    std::array<std::uint32_t, 4> words;
    static_assert(sizeof(words) == sizeof(key.bytes));
    std::memcpy(words.data(), key.bytes.data(), sizeof(words));
    std::uint64_t sum = secret[4];
    for (std::size_t i = 0; i < words.size(); ++i) sum += secret[i] * words[i];
    return static_cast<std::uint32_t>(sum >> 32);
}

// FNV-1a. It need not be hard to collide: the SHA-256 covers the endpoint as well.
std::uint32_t hash_of_endpoint(std::string_view endpoint) {
    std::uint32_t hash = 0x811c9dc5;
    for (const char each : endpoint) hash = (hash ^ static_cast<unsigned char>(each)) * 0x01000193;
    return hash;
}

}  // namespace

struct DedupTable::Header {
    std::uint64_t magic;
    std::uint32_t layout_version;
    std::uint32_t changing;
    std::uint32_t event_capacity;
    std::uint32_t claim_capacity;
    // Events are numbered in the order of their commits; those in [oldest, newest) are remembered.
    std::uint64_t oldest;
    std::uint64_t newest;
    std::uint64_t forgotten_early;
    std::uint32_t claims_in_use;
    std::uint32_t sweep_hand;
    EntryIndex free_claims;
    std::uint32_t closed;
    // The successor knows the events before this one.
    std::uint64_t carried;
    TableSecret secret;
    std::array<std::uint64_t, 2> reserved;
};

struct DedupTable::Event {
    EventKey key;
    EntryIndex next;
    std::uint32_t expires;
    std::uint16_t status;
    std::uint16_t reserved;
    std::uint32_t check;

    static Event make(const EventKey& key, std::uint16_t status, std::uint32_t expires) {
        Event event{key, 0, expires, status, 0, 0};
        event.check = event.expected_check();
        return event;
    }

    bool whole() const { return check == expected_check(); }
    bool same_as(const Event& other) const {
        return key == other.key && expires == other.expires && check == other.check;
    }

  private:
    // A check of all fields except the place in the index. It detects torn entries, not forged
    // ones; an entry of zeros is not whole.
    std::uint32_t expected_check() const {
        constexpr std::uint64_t kSpread = 0x9e3779b97f4a7c15;
        std::array<std::uint64_t, 2> halves{};
        std::memcpy(halves.data(), key.bytes.data(), sizeof(halves));
        std::uint64_t mixed = (halves[0] ^ kMagic) * kSpread;
        mixed = (std::rotl(mixed, 32) ^ halves[1]) * kSpread;
        mixed = (std::rotl(mixed, 32) ^ (std::uint64_t{expires} << 16 | status)) * kSpread;
        return static_cast<std::uint32_t>(mixed >> 32);
    }
};

struct DedupTable::Claim {
    ClaimToken token;
    EventKey key;
    EntryIndex next;
    std::uint32_t in_use;
};

// The start of each region in a block of a given size.
struct DedupTable::Layout {
    std::uint32_t events = 0;
    std::uint32_t claims = 0;
    std::size_t claims_at = sizeof(Header);
    std::size_t events_at = 0;
    std::size_t buckets_at = 0;

    explicit Layout(std::size_t size) {
        if (size < sizeof(Header)) return;
        constexpr std::size_t kMostPlaces = 0x7fffffff;
        const std::size_t for_claims =
            std::max((size - sizeof(Header)) / kClaimsShare, kLeastClaims * sizeof(Claim));
        claims = static_cast<std::uint32_t>(std::min(for_claims / sizeof(Claim), kMostPlaces));
        events_at = aligned(claims_at + claims * sizeof(Claim));
        if (size < events_at) return;
        events = static_cast<std::uint32_t>(
            std::min((size - events_at) / (sizeof(Event) + sizeof(EntryIndex)), kMostPlaces));
        buckets_at = events_at + events * sizeof(Event);
    }
};

// Marks the table as being changed for as long as it lives.
class DedupTable::Change {
  public:
    explicit Change(Header& header) : header_(header) { store(header_.changing, 1); }
    ~Change() { store(header_.changing, 0); }
    Change(const Change&) = delete;
    Change& operator=(const Change&) = delete;

  private:
    Header& header_;
};

EventKey event_key(std::string_view endpoint, std::string_view name, std::string_view value) {
    // On the stack, except for long texts.
    std::array<std::byte, kUsualText> room;
    std::pmr::monotonic_buffer_resource memory(room.data(), room.size());
    std::pmr::string text(&memory);
    text.reserve(kLengths + endpoint.size() + name.size() + value.size());
    // Lengths keep ("ab", "c") and ("a", "bc") apart.
    for (std::string_view part : {endpoint, name}) {
        text.append(std::to_string(part.size())).push_back(':');
    }
    text.append(endpoint).append(name).append(value);
    const Sha256Digest digest = sha256(text);
    EventKey key;
    const std::uint32_t shared = hash_of_endpoint(endpoint);
    static_assert(sizeof(shared) == EventKey::kEndpointSize);
    std::memcpy(key.bytes.data(), &shared, sizeof(shared));
    std::copy_n(digest.begin(), key.bytes.size() - sizeof(shared),
                key.bytes.begin() + sizeof(shared));
    return key;
}

std::size_t DedupTable::smallest_size() {
    return aligned(sizeof(Header) + kLeastClaims * sizeof(Claim)) +
           kLeastEvents * (sizeof(Event) + sizeof(EntryIndex));
}

DedupTable DedupTable::format(std::span<std::byte> block, const TableSecret& secret) {
    if (block.size() < smallest_size()) throw std::length_error("the block is too small");
    const Layout layout(block.size());
    auto* header = reinterpret_cast<Header*>(block.data());
    store(header->layout_version, kLayoutVersion);
    store(header->event_capacity, layout.events);
    store(header->claim_capacity, layout.claims);
    store(header->secret, secret);
    DedupTable table(block);
    table.link_claims();
    store(header->magic, kMagic);
    return table;
}

bool DedupTable::recognizes(std::span<const std::byte> block) {
    if (block.size() < smallest_size()) return false;
    const Layout layout(block.size());
    const auto* header = reinterpret_cast<const Header*>(block.data());
    return header->magic == kMagic && header->layout_version == kLayoutVersion &&
           header->event_capacity == layout.events && header->claim_capacity == layout.claims;
}

DedupTable DedupTable::attach(std::span<std::byte> block) {
    if (!recognizes(block)) throw std::invalid_argument("the block holds no table of this layout");
    return DedupTable(block);
}

DedupTable::DedupTable(std::span<std::byte> block) {
    static_assert(std::is_trivially_copyable_v<Header> && sizeof(Header) == 128);
    static_assert(std::is_trivially_copyable_v<Event> && sizeof(Event) == 32);
    static_assert(std::is_trivially_copyable_v<Claim> && sizeof(Claim) == 40);
    const Layout layout(block.size());
    header_ = reinterpret_cast<Header*>(block.data());
    claims_ = reinterpret_cast<Claim*>(block.data() + layout.claims_at);
    events_ = reinterpret_cast<Event*>(block.data() + layout.events_at);
    buckets_ = reinterpret_cast<EntryIndex*>(block.data() + layout.buckets_at);
}

void DedupTable::prefetch(std::span<const EventKey> keys) const {
    for (const EventKey& key : keys) __builtin_prefetch(&bucket(key), /*for writing*/ 1);
}

ClaimResult DedupTable::claim(std::span<const EventKey> keys, const ClaimToken& token,
                              std::uint32_t now, WhenFull when_full, const Liveness& liveness) {
    const Change change(*header_);
    for (const EventKey& key : keys) {
        if (const Event* event = find_event(key, now)) {
            return {ClaimOutcome::duplicate, event->status};
        }
    }
    std::size_t missing = keys.size();
    for (const EventKey& key : keys) {
        const EntryIndex held = find_claim(key);
        if (held == 0) continue;
        if (claim_at(held).token == token) {
            --missing;
            continue;
        }
        if (liveness.alive(claim_at(held).token.owner)) return {ClaimOutcome::in_flight, 0};
        remove_claim(held);
    }
    if (!make_room(missing, now, when_full, liveness)) return {ClaimOutcome::no_room, 0};
    for (const EventKey& key : keys) {
        if (find_claim(key) == 0) insert_claim(key, token);
    }
    return {ClaimOutcome::claimed, 0};
}

void DedupTable::commit(std::span<const EventKey> keys, const ClaimToken& token,
                        std::uint16_t status, std::uint32_t now, std::uint32_t expires) {
    const Change change(*header_);
    // The next events to be forgotten are far away in memory.
    __builtin_prefetch(&event_at(header_->oldest + kAhead));
    __builtin_prefetch(&bucket(event_at(header_->oldest + kAhead / 2).key), /*for writing*/ 1);
    forget_expired(now);
    for (const EventKey& key : keys) {
        const EntryIndex held = find_claim(key, token);
        if (held == 0) continue;
        // In this order, the event is remembered even if the process is killed in between.
        remember(Event::make(key, status, expires), now);
        remove_claim(held);
    }
}

void DedupTable::release(std::span<const EventKey> keys, const ClaimToken& token) {
    const Change change(*header_);
    for (const EventKey& key : keys) {
        if (const EntryIndex held = find_claim(key, token)) remove_claim(held);
    }
}

void DedupTable::give_up_orphans(const Liveness& liveness, std::uint32_t& place, std::uint32_t most,
                                 std::vector<OrphanedKey>& given_up) {
    const Change change(*header_);
    for (std::uint32_t i = 0; i < most && header_->claims_in_use > 0; ++i) {
        if (place >= header_->claim_capacity) {
            place = 0;
            return;
        }
        const Claim& claim = claims_[place];
        if (claim.in_use != 0 && !liveness.alive(claim.token.owner)) {
            given_up.push_back({claim.key, claim.token});
            remove_claim(header_->event_capacity + 1 + place);
        }
        ++place;
    }
}

std::uint64_t DedupTable::identity() const {
    const auto bytes = std::as_bytes(std::span(header_->secret));
    const Sha256Digest digest = sha256({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    std::uint64_t identity = 0;
    std::memcpy(&identity, digest.data(), sizeof(identity));
    return identity;
}

DedupStats DedupTable::stats() const {
    return {header_->event_capacity, header_->newest - header_->oldest, header_->claims_in_use,
            header_->forgotten_early};
}

bool DedupTable::interrupted() const {
    return header_->changing != 0;
}

void DedupTable::recover() {
    store(header_->changing, 1);
    // keep_oldest() may have copied its event to one end, and not yet removed it from the other.
    if (header_->newest - header_->oldest > 1 &&
        event_at(header_->oldest).same_as(event_at(header_->newest - 1))) {
        store(header_->oldest, header_->oldest + 1);
    }
    std::fill_n(buckets_, header_->event_capacity, EntryIndex{0});
    link_events();
    link_claims();
    store(header_->changing, 0);
}

std::uint64_t DedupTable::restore(bool has_successor, const TableSecret& secret) {
    store(header_->changing, 1);
    store(header_->secret, secret);
    // A process that dies while entries move leaves too few marked as carried over, never too many.
    const std::uint64_t carried_before = header_->carried;
    store(header_->carried, 0);
    const std::uint64_t newest = header_->newest;
    const std::uint64_t most = std::min<std::uint64_t>(newest, header_->event_capacity);
    std::uint64_t oldest = header_->oldest;
    if (newest - oldest > most) oldest = newest - most;
    std::uint64_t kept = oldest;
    std::uint64_t carried = oldest;
    for (std::uint64_t i = oldest; i != newest; ++i) {
        if (!event_at(i).whole()) continue;
        if (kept != i) store(event_at(kept), event_at(i));
        ++kept;
        if (i < carried_before) carried = kept;
    }
    // Numbered anew if a torn header has an impossible number.
    const std::uint64_t rounds =
        newest < kSaneNumber ? 0 : oldest - oldest % header_->event_capacity;
    store(header_->oldest, oldest - rounds);
    store(header_->newest, kept - rounds);
    store(header_->closed, 0);
    store(header_->carried, has_successor ? carried - rounds : 0);
    for (std::uint32_t i = 0; i < header_->claim_capacity; ++i) store(claims_[i].in_use, 0);
    recover();
    return newest - kept;
}

void DedupTable::close() {
    store(header_->closed, 1);
}

bool DedupTable::closed() const {
    return header_->closed != 0;
}

std::size_t DedupTable::carry_over(DedupTable& successor, std::uint32_t now, std::size_t most) {
    const Change change(*successor.header_);
    const std::uint64_t first = first_to_carry();
    const std::uint64_t end = first + std::min<std::uint64_t>(header_->newest - first, most);
    for (std::uint64_t i = first; i != end; ++i) {
        const Event& event = event_at(i);
        const Event* known = successor.find_event(event.key, now);
        const bool lasts_longer = known == nullptr || known->expires < event.expires;
        if (event.expires > now && lasts_longer) successor.remember(event, now);
        store(header_->carried, i + 1);
    }
    return end - first;
}

bool DedupTable::holds_any(std::span<const EventKey> keys, const Liveness& liveness) const {
    return std::ranges::any_of(keys, [&](const EventKey& key) {
        const EntryIndex held = find_claim(key);
        return held != 0 && liveness.alive(claim_at(held).token.owner);
    });
}

bool DedupTable::drained(const Liveness& liveness) {
    if (header_->claims_in_use > 0) {
        const Change change(*header_);
        sweep_claims(liveness);
    }
    return header_->claims_in_use == 0 && carried_all();
}

bool DedupTable::carried_all() const {
    return closed() && first_to_carry() == header_->newest;
}

std::uint64_t DedupTable::first_to_carry() const {
    return std::clamp(header_->carried, header_->oldest, header_->newest);
}

DedupTable::EntryIndex& DedupTable::bucket(const EventKey& key) const {
    const std::uint64_t hash = hash_under(header_->secret, key);
    return buckets_[hash * header_->event_capacity >> 32];
}

DedupTable::EntryIndex& DedupTable::next(EntryIndex place) const {
    return is_claim(place) ? claim_at(place).next : events_[place - 1].next;
}

const EventKey& DedupTable::key_at(EntryIndex place) const {
    return is_claim(place) ? claim_at(place).key : events_[place - 1].key;
}

bool DedupTable::is_claim(EntryIndex place) const {
    return place > header_->event_capacity;
}

DedupTable::Event& DedupTable::event_at(std::uint64_t sequence) const {
    return events_[sequence % header_->event_capacity];
}

DedupTable::Claim& DedupTable::claim_at(EntryIndex place) const {
    return claims_[place - header_->event_capacity - 1];
}

DedupTable::EntryIndex DedupTable::place_of_event(std::uint64_t sequence) const {
    return static_cast<EntryIndex>(sequence % header_->event_capacity) + 1;
}

void DedupTable::link(EntryIndex place) {
    EntryIndex& first = bucket(key_at(place));
    store(next(place), first);
    store(first, place);
}

void DedupTable::unlink(EntryIndex place) {
    EntryIndex* link = &bucket(key_at(place));
    while (*link != place) {
        if (*link == 0) return;
        link = &next(*link);
    }
    store(*link, next(place));
}

void DedupTable::link_events() {
    for (std::uint64_t i = header_->oldest; i != header_->newest; ++i) {
        __builtin_prefetch(&bucket(event_at(i + kAhead).key), /*for writing*/ 1);
        link(place_of_event(i));
    }
}

void DedupTable::link_claims() {
    store(header_->free_claims, 0);
    store(header_->claims_in_use, 0);
    for (std::uint32_t i = 0; i < header_->claim_capacity; ++i) {
        const EntryIndex place = header_->event_capacity + 1 + i;
        if (claims_[i].in_use != 0) {
            link(place);
            store(header_->claims_in_use, header_->claims_in_use + 1);
        } else {
            store(claims_[i].next, header_->free_claims);
            store(header_->free_claims, place);
        }
    }
}

DedupTable::EntryIndex DedupTable::find_claim(const EventKey& key) const {
    for (EntryIndex place = bucket(key); place != 0; place = next(place)) {
        if (is_claim(place) && claim_at(place).key == key) return place;
    }
    return 0;
}

DedupTable::EntryIndex DedupTable::find_claim(const EventKey& key, const ClaimToken& token) const {
    const EntryIndex place = find_claim(key);
    return place != 0 && claim_at(place).token == token ? place : 0;
}

const DedupTable::Event* DedupTable::find_event(const EventKey& key, std::uint32_t now) const {
    for (EntryIndex place = bucket(key); place != 0; place = next(place)) {
        if (is_claim(place)) continue;
        const Event& event = events_[place - 1];
        if (event.key == key && event.expires > now) return &event;
    }
    return nullptr;
}

void DedupTable::insert_claim(const EventKey& key, const ClaimToken& token) {
    const EntryIndex place = header_->free_claims;
    Claim& claim = claim_at(place);
    store(header_->free_claims, claim.next);
    store(claim.token, token);
    store(claim.key, key);
    store(claim.in_use, 1);
    store(header_->claims_in_use, header_->claims_in_use + 1);
    link(place);
}

void DedupTable::remove_claim(EntryIndex place) {
    unlink(place);
    Claim& claim = claim_at(place);
    store(claim.in_use, 0);
    store(claim.next, header_->free_claims);
    store(header_->free_claims, place);
    store(header_->claims_in_use, header_->claims_in_use - 1);
}

void DedupTable::forget_oldest(std::uint32_t now) {
    if (event_at(header_->oldest).expires > now) {
        store(header_->forgotten_early, header_->forgotten_early + 1);
    }
    unlink(place_of_event(header_->oldest));
    store(header_->oldest, header_->oldest + 1);
}

void DedupTable::forget_expired(std::uint32_t now) {
    // Two for each new event are enough to keep up, and bound the work of one call.
    for (int i = 0; i < 2; ++i) {
        if (header_->oldest == header_->newest) return;
        if (event_at(header_->oldest).expires > now) return;
        forget_oldest(now);
    }
}

// The place after the newest must be free.
void DedupTable::append(const Event& event) {
    store(event_at(header_->newest), event);
    const EntryIndex place = place_of_event(header_->newest);
    store(header_->newest, header_->newest + 1);
    link(place);
}

void DedupTable::remember(const Event& event, std::uint32_t now) {
    if (header_->newest - header_->oldest == header_->event_capacity) forget_oldest(now);
    append(event);
}

bool DedupTable::make_room(std::size_t keys, std::uint32_t now, WhenFull when_full,
                           const Liveness& liveness) {
    if (keys == 0) return true;
    if (closed()) return false;
    forget_expired(now);
    if (header_->claim_capacity - header_->claims_in_use < keys) sweep_claims(liveness);
    if (header_->claim_capacity - header_->claims_in_use < keys) return false;
    if (when_full == WhenFull::evict || has_room(keys)) return true;
    sweep_claims(liveness);
    sweep_events(keys, now);
    return has_room(keys);
}

bool DedupTable::has_room(std::size_t keys) const {
    const std::uint64_t taken = header_->newest - header_->oldest + header_->claims_in_use;
    return taken + keys <= header_->event_capacity;
}

// Events with different ttls do not expire in the order of their commits. The callers of this
// forget no event early, so the order may be given up: events that still count move to the end.
void DedupTable::sweep_events(std::size_t keys, std::uint32_t now) {
    for (std::uint32_t i = 0; i < kEventSweep && !has_room(keys); ++i) {
        if (header_->oldest == header_->newest) return;
        if (event_at(header_->oldest).expires > now) {
            keep_oldest();
        } else {
            forget_oldest(now);
        }
    }
}

void DedupTable::keep_oldest() {
    const bool full = header_->newest - header_->oldest == header_->event_capacity;
    if (full) {
        // The place after the newest is the oldest's own.
        store(header_->newest, header_->newest + 1);
    } else {
        append(event_at(header_->oldest));
        unlink(place_of_event(header_->oldest));
    }
    store(header_->oldest, header_->oldest + 1);
}

void DedupTable::sweep_claims(const Liveness& liveness) {
    for (std::uint32_t i = 0; i < std::min(kSweep, header_->claim_capacity); ++i) {
        const std::uint32_t index = header_->sweep_hand % header_->claim_capacity;
        store(header_->sweep_hand, header_->sweep_hand + 1);
        const Claim& claim = claims_[index];
        if (claim.in_use != 0 && !liveness.alive(claim.token.owner)) {
            remove_claim(header_->event_capacity + 1 + index);
        }
    }
}

}  // namespace webhook
