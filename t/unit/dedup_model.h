// What a DedupTable promises, written with containers, and a trial that does the same to both and
// tells where they part. The unit tests feed it from a random generator, the fuzzer from its input.

#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "store/dedup_table.h"

namespace webhook::testing {

// Memory for a table, aligned as format() asks.
class Block {
  public:
    explicit Block(std::size_t size) : words_((size + 7) / 8), size_(size) {}
    explicit Block(std::span<const std::byte> original) : Block(original.size()) {
        std::ranges::copy(original, bytes().begin());
    }
    std::span<std::byte> bytes() { return std::as_writable_bytes(std::span(words_)).first(size_); }
    std::span<const std::byte> bytes() const {
        return std::as_bytes(std::span(words_)).first(size_);
    }

  private:
    std::vector<std::uint64_t> words_;
    std::size_t size_;
};

// A key that differs from that of any other number, in its first bytes as a hash would.
inline EventKey numbered_key(std::uint64_t number) {
    std::uint64_t mixed = (number + 1) * 0x9e3779b97f4a7c15;
    mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9;
    mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111eb;
    mixed ^= mixed >> 31;
    EventKey key;
    std::memcpy(key.bytes.data(), &mixed, 8);
    std::memcpy(key.bytes.data() + 8, &number, 8);
    return key;
}

// Of a table in a test. It leaves the last bytes of a key out, so that keys can collide.
inline constexpr TableSecret kSecret{0x243f6a8885a308d3, 0x13198a2e03707344, 0, 0,
                                     0xa4093822299f31d0};
// As tables have them.
inline constexpr TableSecret kOtherSecret{0x082efa98ec4e6c89, 0x452821e638d01377,
                                          0xbe5466cf34e90c6c, 0xc0ac29b7c97c50dd,
                                          0x3f84d5b5b5470917};

// A key that differs from that of any other number in its last bytes only.
inline EventKey colliding_key(std::uint64_t number) {
    EventKey key{};
    std::memcpy(key.bytes.data() + 8, &number, 8);
    return key;
}

// A register of the processes that died.
class Census : public Liveness {
  public:
    bool alive(Owner owner) const override {
        return !dead_.contains({owner.process, owner.generation});
    }
    void bury(Owner owner) { dead_.emplace(owner.process, owner.generation); }

  private:
    std::set<std::pair<std::uint32_t, std::uint32_t>> dead_;
};

// How many keys can be in flight in a block of this size.
inline std::size_t claim_capacity(std::size_t block_size) {
    Block block(block_size);
    DedupTable table = DedupTable::format(block.bytes(), kSecret);
    const Census census;
    for (std::size_t i = 0;; ++i) {
        const std::array key{numbered_key(i)};
        if (table.claim(key, {{1, 1}, i}, 0, WhenFull::evict, census).outcome !=
            ClaimOutcome::claimed) {
            return i;
        }
    }
}

class DedupModel {
  public:
    using Keys = std::span<const EventKey>;

    DedupModel(std::size_t capacity, std::size_t claim_capacity, WhenFull when_full)
        : capacity_(capacity), claim_capacity_(claim_capacity), when_full_(when_full) {}

    std::size_t claims_of_the_living() const { return claims_.size(); }
    std::size_t claims_of_the_dead() const { return dead_.size(); }
    std::uint64_t forgotten_early() const { return forgotten_early_; }

    std::size_t not_expired(std::uint32_t now) const {
        return static_cast<std::size_t>(std::ranges::count_if(
            delivered_, [now](const Delivered& event) { return event.expires > now; }));
    }

    // The delivered events that are not expired, oldest first.
    std::vector<EventKey> remembered(std::uint32_t now) const {
        std::vector<EventKey> keys;
        for (const Delivered& event : delivered_) {
            if (event.expires > now) keys.push_back({event.key});
        }
        return keys;
    }

    std::vector<std::pair<EventKey, ClaimToken>> claims() const {
        std::vector<std::pair<EventKey, ClaimToken>> list;
        for (const auto& [key, token] : claims_) list.emplace_back(EventKey{key}, token);
        return list;
    }

    bool holds(const EventKey& key, const ClaimToken& token) const {
        const auto held = claims_.find(key.bytes);
        return held != claims_.end() && held->second == token;
    }

    // What a stranger's claim would be told, if there is room for it.
    ClaimResult ask(const EventKey& key, std::uint32_t now) const {
        const auto known = latest_.find(key.bytes);
        if (known != latest_.end() && known->second.expires > now) {
            return {ClaimOutcome::duplicate, known->second.status};
        }
        return {claims_.contains(key.bytes) ? ClaimOutcome::in_flight : ClaimOutcome::claimed, 0};
    }

    ClaimResult claim(Keys keys, const ClaimToken& token, std::uint32_t now) {
        for (const EventKey& key : keys) {
            const auto known = latest_.find(key.bytes);
            if (known != latest_.end() && known->second.expires > now) {
                return {ClaimOutcome::duplicate, known->second.status};
            }
        }
        std::set<Bytes> wanted;
        for (const EventKey& key : keys) {
            const auto held = claims_.find(key.bytes);
            if (held == claims_.end()) {
                wanted.insert(key.bytes);
            } else if (!(held->second == token)) {
                return {ClaimOutcome::in_flight, 0};
            }
        }
        const std::size_t in_flight = claims_.size() + wanted.size();
        if (in_flight > claim_capacity_) return {ClaimOutcome::no_room, 0};
        if (when_full_ == WhenFull::reject && !wanted.empty() &&
            not_expired(now) + in_flight > capacity_) {
            return {ClaimOutcome::no_room, 0};
        }
        for (const Bytes& key : wanted) {
            claims_.emplace(key, token);
            dead_.erase(key);
        }
        return {ClaimOutcome::claimed, 0};
    }

    void commit(Keys keys, const ClaimToken& token, std::uint16_t status, std::uint32_t now,
                std::uint32_t expires) {
        for (const EventKey& key : keys) {
            const auto held = claims_.find(key.bytes);
            if (held == claims_.end() || !(held->second == token)) continue;
            claims_.erase(held);
            if (must_forget(now)) forget_early();
            delivered_.push_back({key.bytes, expires, ++sequence_});
            latest_.insert_or_assign(key.bytes, Latest{expires, status, sequence_});
        }
    }

    void release(Keys keys, const ClaimToken& token) {
        for (const EventKey& key : keys) {
            const auto held = claims_.find(key.bytes);
            if (held != claims_.end() && held->second == token) claims_.erase(held);
        }
    }

    // What a process held is free as soon as it is dead.
    void bury(Owner owner) {
        std::erase_if(claims_, [&](const auto& claim) {
            if (!(claim.second.owner == owner)) return false;
            dead_.insert(claim.first);
            return true;
        });
    }

    // -- What a process that died inside a call may have done

    // Whether the next commit takes the place of an event that still counts.
    bool must_forget(std::uint32_t now) {
        forget_expired(now);
        return delivered_.size() == capacity_;
    }
    void forget_early() {
        ++forgotten_early_;
        forget_oldest();
    }
    // It counted an event as forgotten, and did not forget it any more.
    void count_in_vain() { ++forgotten_early_; }
    // It committed the key, and did not give up the claim any more.
    void leave_claim(const EventKey& key) { dead_.insert(key.bytes); }

    // -- Another life

    void give_up_claims() {
        claims_.clear();
        dead_.clear();
    }
    // All is carried over to an empty table.
    void move_to(std::size_t capacity, std::size_t claim_capacity, std::uint32_t now) {
        std::erase_if(delivered_, [now](const Delivered& event) { return event.expires <= now; });
        capacity_ = capacity;
        claim_capacity_ = claim_capacity;
        forgotten_early_ = 0;
        while (delivered_.size() > capacity_) forget_early();
        give_up_claims();
    }

  private:
    using Bytes = std::array<std::uint8_t, 16>;

    struct Delivered {
        Bytes key;
        std::uint32_t expires;
        std::uint64_t sequence;
    };
    struct Latest {
        std::uint32_t expires;
        std::uint16_t status;
        std::uint64_t sequence;
    };

    void forget_oldest() {
        const auto latest = latest_.find(delivered_.front().key);
        if (latest != latest_.end() && latest->second.sequence == delivered_.front().sequence) {
            latest_.erase(latest);
        }
        delivered_.pop_front();
    }

    // Where the oldest makes room, an expired event behind one that is not keeps its place.
    void forget_expired(std::uint32_t now) {
        if (when_full_ == WhenFull::evict) {
            while (!delivered_.empty() && delivered_.front().expires <= now) forget_oldest();
        } else {
            std::erase_if(delivered_,
                          [now](const Delivered& event) { return event.expires <= now; });
        }
    }

    std::size_t capacity_;
    std::size_t claim_capacity_;
    WhenFull when_full_;
    std::deque<Delivered> delivered_;
    std::map<Bytes, Latest> latest_;
    std::map<Bytes, ClaimToken> claims_;
    // Keys of the dead's claims that nobody has claimed since.
    std::set<Bytes> dead_;
    std::uint64_t sequence_ = 0;
    std::uint64_t forgotten_early_ = 0;
};

struct TrialSetting {
    // Small enough for one sweep to see every claim and, where a full table rejects, every event.
    std::size_t block_size = DedupTable::smallest_size();
    WhenFull when_full = WhenFull::evict;
    std::size_t most_keys = 2;
    std::size_t events = 150;
    std::uint32_t shortest_ttl = 500;
    std::uint32_t longest_ttl = 500;
    bool keys_collide = false;
    bool processes_die = true;
};

// Runs a call that writes to the memory, as a process that dies in it: leaves the memory as one of
// the writes left it. Returns whether there was a write to die at.
using Call = std::function<void()>;
using Memory = std::vector<std::span<std::byte>>;
using CutOff = std::function<bool(const Memory& memory, const Call& call)>;

// A table and its model, to which the same is done.
class DedupTrial {
  public:
    explicit DedupTrial(const TrialSetting& setting)
        : setting_(setting),
          block_(setting.block_size),
          table_(DedupTable::format(block_.bytes(), kSecret)),
          capacity_(table_.stats().capacity),
          claim_capacity_(claim_capacity(setting.block_size)),
          model_(capacity_, claim_capacity_, setting.when_full) {}

    std::span<const std::byte> bytes() const { return block_.bytes(); }
    std::uint32_t now() const { return now_; }
    // Where the two parted; empty while they agree.
    const std::string& difference() const { return difference_; }
    std::size_t left_out() const { return left_out_; }
    std::size_t successions() const { return successions_; }
    std::size_t count(ClaimOutcome outcome) const {
        return outcomes_[static_cast<std::size_t>(outcome)];
    }

    // `choose(n)` gives a number below n.
    template <typename Choose>
    void step(Choose choose) {
        const std::uint32_t action = choose(100);
        if (action < 45) {
            claim(new_request(choose));
        } else if (action < 65) {
            finish(choose, /*keep=*/false, /*commits=*/true);
        } else if (action < 72) {
            finish(choose, /*keep=*/false, /*commits=*/false);
        } else if (action < 75) {
            finish(choose, /*keep=*/true, /*commits=*/choose(2) == 0);
        } else if (action < 80) {
            interfere(choose);
        } else if (action < 86) {
            claim_again(choose);
        } else if (action < 89) {
            die(choose);
        } else if (action < 91) {
            live_on(choose);
        } else {
            now_ += choose(20) == 0 ? choose(2 * setting_.longest_ttl) : choose(5);
        }
        compare_numbers();
    }

    // A step in which a process dies.
    template <typename Choose>
    void last_step(Choose choose, const CutOff& cut_off) {
        const std::uint32_t action = choose(100);
        if (action < 40) {
            die_claiming(new_request(choose), cut_off);
        } else if (action < 75) {
            die_ending(choose, /*commits=*/true, cut_off);
        } else if (action < 90) {
            die_ending(choose, /*commits=*/false, cut_off);
        } else if (action < 95) {
            if (cut_off({block_.bytes()}, [this] { table_.recover(); })) repair();
        } else if (action < 97) {
            if (cut_off({block_.bytes()}, [this] { table_.restore(false, kSecret); })) restore();
        } else {
            succeed(choose, cut_off);
        }
        compare_numbers();
    }

    // Delivers as many events as the table remembers.
    void fill() {
        for (std::size_t i = 0; i < capacity_; ++i) {
            const std::array keys{key(setting_.events + i)};
            const ClaimToken token{{0, 0}, ++sequence_};
            expect_same(model_.claim(keys, token, now_),
                        table_.claim(keys, token, now_, setting_.when_full, census_), "fill");
            model_.commit(keys, token, 200, now_, now_ + setting_.longest_ttl);
            table_.commit(keys, token, 200, now_, now_ + setting_.longest_ttl);
        }
    }

    // Asks a copy about every event.
    void compare_events() {
        Block copy(block_);
        DedupTable table = DedupTable::attach(copy.bytes());
        const bool room = model_.claims_of_the_living() < claim_capacity_;
        for (std::size_t i = 0; i < setting_.events; ++i) {
            const std::array keys{key(i)};
            const ClaimToken token{{99, 1}, i};
            ClaimResult expected = model_.ask(keys[0], now_);
            if (!room && expected.outcome == ClaimOutcome::claimed) {
                expected.outcome = ClaimOutcome::no_room;
            }
            expect_same(expected, table.claim(keys, token, now_, WhenFull::evict, census_),
                        "event");
            table.release(keys, token);
        }
    }

  private:
    struct Request {
        std::vector<EventKey> keys;
        ClaimToken token;
    };

    EventKey key(std::uint64_t number) const {
        return setting_.keys_collide ? colliding_key(number) : numbered_key(number);
    }

    template <typename Choose>
    std::vector<EventKey> some_keys(Choose choose) const {
        std::vector<EventKey> keys(1 + choose(static_cast<std::uint32_t>(setting_.most_keys)));
        // Half of all deliveries are about a few events.
        const std::size_t events = choose(2) == 0 ? setting_.events : setting_.events / 8 + 1;
        for (EventKey& one : keys) one = key(choose(static_cast<std::uint32_t>(events)));
        return keys;
    }

    template <typename Choose>
    Request new_request(Choose choose) {
        const std::uint32_t process = choose(kProcesses);
        return {some_keys(choose), {{process, generations_[process]}, ++sequence_}};
    }

    // A key that is named twice in one claim may need two places until it is claimed.
    bool is_left_out(std::vector<EventKey> keys) const {
        std::ranges::sort(keys, {}, &EventKey::bytes);
        if (std::ranges::adjacent_find(keys) == keys.end()) return false;
        const DedupStats stats = table_.stats();
        if (stats.in_flight + keys.size() > claim_capacity_) return true;
        return setting_.when_full == WhenFull::reject &&
               stats.remembered + stats.in_flight + keys.size() > capacity_;
    }

    void claim(const Request& request) {
        if (is_left_out(request.keys)) {
            ++left_out_;
            return;
        }
        const ClaimResult expected = model_.claim(request.keys, request.token, now_);
        const ClaimResult result =
            table_.claim(request.keys, request.token, now_, setting_.when_full, census_);
        ++outcomes_[static_cast<std::size_t>(expected.outcome)];
        expect_same(expected, result, "claim");
        if (result.outcome == ClaimOutcome::claimed) open_.push_back(request);
    }

    template <typename Choose>
    void claim_again(Choose choose) {
        if (open_.empty()) return;
        Request request = open_[choose(static_cast<std::uint32_t>(open_.size()))];
        if (choose(2) == 0) request.keys = some_keys(choose);
        claim(request);
    }

    template <typename Choose>
    void finish(Choose choose, bool keep, bool commits) {
        if (open_.empty()) return;
        const std::size_t index = choose(static_cast<std::uint32_t>(open_.size()));
        Request request = open_[index];
        if (!keep) open_.erase(open_.begin() + static_cast<std::ptrdiff_t>(index));
        if (request.keys.size() < kMostKeys && choose(8) == 0) {
            request.keys.push_back(some_keys(choose).front());
        }
        end(choose, request.keys, request.token, commits);
    }

    template <typename Choose>
    void interfere(Choose choose) {
        if (open_.empty()) return;
        ClaimToken token = open_[choose(static_cast<std::uint32_t>(open_.size()))].token;
        if (choose(2) == 0) ++token.owner.generation;
        if (choose(2) == 0) token.sequence += 1'000'000'000;
        end(choose, open_[choose(static_cast<std::uint32_t>(open_.size()))].keys, token,
            choose(2) == 0);
    }

    template <typename Choose>
    void end(Choose choose, std::span<const EventKey> keys, const ClaimToken& token, bool commits) {
        if (!commits) {
            model_.release(keys, token);
            table_.release(keys, token);
            return;
        }
        const auto status = static_cast<std::uint16_t>(200 + choose(100));
        const std::uint32_t ttl =
            setting_.shortest_ttl + choose(setting_.longest_ttl - setting_.shortest_ttl + 1);
        model_.commit(keys, token, status, now_, now_ + ttl);
        table_.commit(keys, token, status, now_, now_ + ttl);
    }

    template <typename Choose>
    void die(Choose choose) {
        if (!setting_.processes_die) return;
        const std::uint32_t process = choose(kProcesses);
        bury({process, generations_[process]});
    }

    void bury(Owner owner) {
        ++generations_[owner.process];
        census_.bury(owner);
        model_.bury(owner);
        std::erase_if(open_, [&](const Request& request) { return request.token.owner == owner; });
    }

    // What becomes of a table from time to time.
    template <typename Choose>
    void live_on(Choose choose) {
        table_ = DedupTable::attach(block_.bytes());
        const std::uint32_t action = choose(24);
        if (action < 12) table_.recover();
        if (action == 12) restore();
        if (action == 13) {
            succeed(choose, [](const Memory&, const Call& call) {
                call();
                return false;
            });
        }
    }

    void repair() {
        table_ = DedupTable::attach(block_.bytes());
        if (table_.interrupted()) table_.recover();
    }

    void restore() {
        expect(table_.restore(false, kSecret) == 0, "restore() lost an event");
        expect(table_.stats().in_flight == 0, "restore() left a claim");
        model_.give_up_claims();
        open_.clear();
    }

    // -- Death inside a call

    void die_claiming(const Request& request, const CutOff& cut_off) {
        if (is_left_out(request.keys)) {
            ++left_out_;
            return;
        }
        if (!cut_off({block_.bytes()}, [&] {
                table_.claim(request.keys, request.token, now_, setting_.when_full, census_);
            })) {
            expect(false, "a claim without a write");
        }
        repair();
        model_.claim(request.keys, request.token, now_);
        bury(request.token.owner);
    }

    template <typename Choose>
    void die_ending(Choose choose, bool commits, const CutOff& cut_off) {
        if (open_.empty()) return;
        const Request request = open_[choose(static_cast<std::uint32_t>(open_.size()))];
        const auto status = static_cast<std::uint16_t>(200 + choose(100));
        const std::uint32_t expires = now_ + setting_.longest_ttl;
        const bool died = cut_off({block_.bytes()}, [&] {
            if (commits) {
                table_.commit(request.keys, request.token, status, now_, expires);
            } else {
                table_.release(request.keys, request.token);
            }
        });
        expect(died, "an end without a write");
        repair();
        if (commits) settle(request, status, expires);
        bury(request.token.owner);
    }

    // Finds out how far a commit came that was cut off: its keys are committed one after the other.
    void settle(const Request& request, std::uint16_t status, std::uint32_t expires) {
        for (const EventKey& key : request.keys) {
            if (!model_.holds(key, request.token)) continue;
            const ClaimResult result = ask(key);
            if (result.outcome != ClaimOutcome::duplicate) break;
            expect(result.status == status, "another status");
            model_.commit(std::span(&key, 1), request.token, status, now_, expires);
            model_.leave_claim(key);
        }
        if (!model_.must_forget(now_)) return;
        if (ask(model_.remembered(now_).front()).outcome != ClaimOutcome::duplicate) {
            model_.forget_early();
        } else if (table_.stats().forgotten_early == model_.forgotten_early() + 1) {
            model_.count_in_vain();
        }
    }

    ClaimResult ask(const EventKey& key) const {
        Block copy(block_);
        const ClaimToken stranger{{99, 1}, 0};
        return DedupTable::attach(copy.bytes())
            .claim(std::span(&key, 1), stranger, now_, WhenFull::evict, census_);
    }

    // -- Another table takes the place

    template <typename Choose>
    void succeed(Choose choose, const CutOff& cut_off) {
        Block block(successor_size(choose(3)));
        DedupTable successor = DedupTable::format(block.bytes(), kSecret);
        table_.close();
        expect(ask_for_room() == ClaimOutcome::no_room, "a closed table has room");
        while (!open_.empty()) {
            // What is carried over is not forgotten any more where the old table needs room.
            const DedupStats stats = table_.stats();
            const bool room = stats.remembered + stats.in_flight <= capacity_;
            if (room) carry(successor, block, choose(8), cut_off);
            finish(choose, /*keep=*/false, /*commits=*/choose(3) != 0);
        }
        for (std::size_t batch = 0; batch < 2 * capacity_; ++batch) {
            if (carry(successor, block, 1 + choose(40), cut_off) == 0) break;
        }
        for (int i = 0; i < 3 && !table_.drained(census_); ++i) continue;
        expect(table_.drained(census_), "drained");
        block_ = std::move(block);
        table_ = DedupTable::attach(block_.bytes());
        capacity_ = table_.stats().capacity;
        claim_capacity_ = claim_capacity(block_.bytes().size());
        model_.move_to(capacity_, claim_capacity_, now_);
        // Each death may have counted an event that another call forgot.
        while (deaths_in_carry_over_-- > 0) {
            if (model_.forgotten_early() < table_.stats().forgotten_early) model_.count_in_vain();
        }
        deaths_in_carry_over_ = 0;
        ++successions_;
    }

    std::size_t carry(DedupTable& successor, Block& block, std::size_t most,
                      const CutOff& cut_off) {
        std::size_t carried = most;
        cut_off({block_.bytes(), block.bytes()},
                [&] { carried = table_.carry_over(successor, now_, most); });
        if (successor.interrupted()) ++deaths_in_carry_over_;
        expect(!table_.interrupted(), "carry_over() leaves this table whole");
        if (successor.interrupted()) successor.recover();
        return carried;
    }

    // Where a full table rejects, no successor may need to forget.
    std::size_t successor_size(std::uint32_t choice) const {
        const std::size_t size = setting_.block_size + choice * kSizeStep;
        if (setting_.when_full == WhenFull::evict) return size;
        return std::max(size, block_.bytes().size());
    }

    ClaimOutcome ask_for_room() const { return ask(numbered_key(1'000'000'000)).outcome; }

    void expect_same(const ClaimResult& expected, const ClaimResult& result, const char* what) {
        if (expected.outcome == result.outcome && expected.status == result.status) return;
        difference_ += std::string(what) + " at " + std::to_string(now_) + ": expected " +
                       described(expected) + ", got " + described(result) + "\n";
    }

    void expect(bool holds, const char* what) {
        if (!holds) difference_ += std::string(what) + " at " + std::to_string(now_) + "\n";
    }

    void compare_numbers() {
        const DedupStats stats = table_.stats();
        expect(stats.capacity == capacity_, "capacity");
        const std::size_t living = model_.claims_of_the_living();
        expect(stats.in_flight >= living, "too few in flight");
        expect(stats.in_flight <= living + model_.claims_of_the_dead(), "too many in flight");
        expect(stats.forgotten_early == model_.forgotten_early(), "forgotten_early");
        expect(stats.remembered >= model_.not_expired(now_), "too few remembered");
        expect(stats.remembered <= capacity_, "too many remembered");
        expect(!table_.interrupted(), "interrupted");
    }

    static std::string described(const ClaimResult& result) {
        static constexpr std::array kNames{"claimed", "duplicate", "in_flight", "no_room"};
        return std::string(kNames[static_cast<std::size_t>(result.outcome)]) + ' ' +
               std::to_string(result.status);
    }

    static constexpr std::uint32_t kProcesses = 4;
    // Makes room for seven events, or a few more.
    static constexpr std::size_t kSizeStep = 7 * 36;

    TrialSetting setting_;
    Block block_;
    DedupTable table_;
    std::size_t capacity_;
    std::size_t claim_capacity_;
    DedupModel model_;
    Census census_;
    std::vector<Request> open_;
    std::array<std::uint32_t, kProcesses> generations_{};
    std::uint64_t sequence_ = 0;
    std::uint32_t now_ = 1'700'000'000;
    std::string difference_;
    std::size_t left_out_ = 0;
    std::size_t successions_ = 0;
    int deaths_in_carry_over_ = 0;
    std::array<std::size_t, 4> outcomes_{};
};

}  // namespace webhook::testing
