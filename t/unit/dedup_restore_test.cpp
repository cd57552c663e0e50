// What a power cut leaves of a table in a file: parts of several ages, zeros, noise.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <map>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "dedup_afterlife.h"
#include "dedup_death.h"
#include "dedup_fixture.h"
#include "store/dedup_table.h"

namespace webhook::testing {
namespace {

// A table as a file holds it, layout version 4.
class Stored {
  public:
    static constexpr std::size_t kIdentity = 24;
    static constexpr std::size_t kOldest = 24;
    static constexpr std::size_t kNewest = 32;
    static constexpr std::size_t kHeader = 128;
    static constexpr std::size_t kClaim = 40;
    static constexpr std::size_t kEvent = 32;
    static constexpr std::size_t kCheckAt = 28;

    // An event without its place in the index.
    struct Event {
        std::array<std::uint8_t, 16> key;
        std::uint32_t expires;
        std::uint16_t status;
        std::uint32_t check;

        auto operator<=>(const Event&) const = default;
    };

    explicit Stored(Block& block) : bytes_(block.bytes()) {}

    template <typename Number>
    Number number(std::size_t offset) const {
        Number value{};
        std::memcpy(&value, &bytes_[offset], sizeof(value));
        return value;
    }
    void set(std::size_t offset, std::uint64_t value) {
        std::memcpy(&bytes_[offset], &value, sizeof(value));
    }

    std::uint64_t capacity() const { return number<std::uint32_t>(16); }
    std::uint64_t oldest() const { return number<std::uint64_t>(kOldest); }
    std::uint64_t newest() const { return number<std::uint64_t>(kNewest); }
    std::size_t events_at() const {
        return (kHeader + number<std::uint32_t>(20) * kClaim + 63) / 64 * 64;
    }
    std::size_t event_at(std::uint64_t sequence) const {
        return events_at() + sequence % capacity() * kEvent;
    }
    Event event(std::uint64_t sequence) const {
        const std::size_t at = event_at(sequence);
        Event event{{},
                    number<std::uint32_t>(at + 20),
                    number<std::uint16_t>(at + 24),
                    number<std::uint32_t>(at + kCheckAt)};
        std::memcpy(event.key.data(), &bytes_[at], event.key.size());
        return event;
    }

  private:
    std::span<std::byte> bytes_;
};

TEST_F(DedupTableTest, LayoutIsThatOfItsVersion) {
    constexpr std::uint32_t kCheckOfTheFirstEvent = 0x32397122;
    deliver(1);
    claim({2}, token(9, {0x11223344, 0x55667788}));
    const Stored stored(block);
    EXPECT_EQ("gwebedup", std::string(reinterpret_cast<const char*>(block.bytes().data()), 8));
    EXPECT_EQ(4U, stored.number<std::uint32_t>(8));
    EXPECT_EQ(0U, stored.number<std::uint32_t>(12));
    EXPECT_EQ(capacity(), stored.capacity());
    EXPECT_EQ(claim_capacity(block.bytes().size()), stored.number<std::uint32_t>(20));
    EXPECT_EQ(0U, stored.oldest());
    EXPECT_EQ(1U, stored.newest());
    EXPECT_EQ(numbered_key(1).bytes, stored.event(0).key);
    EXPECT_EQ(now + kTtl, stored.event(0).expires);
    EXPECT_EQ(200U, stored.event(0).status);
    // Files of this version have this check.
    EXPECT_EQ(kCheckOfTheFirstEvent, stored.event(0).check);
    bool found = false;
    for (std::size_t at = Stored::kHeader; at < stored.events_at(); at += Stored::kClaim) {
        if (stored.number<std::uint32_t>(at + 36) == 0) continue;
        found = true;
        EXPECT_EQ(0x11223344U, stored.number<std::uint32_t>(at));
        EXPECT_EQ(0x55667788U, stored.number<std::uint32_t>(at + 4));
        EXPECT_EQ(9U, stored.number<std::uint64_t>(at + 8));
        EXPECT_EQ(0, std::memcmp(numbered_key(2).bytes.data(), &block.bytes()[at + 16], 16));
    }
    EXPECT_TRUE(found);
}

TEST(DedupTableLayout, NoEventLiesInTwoSectors) {
    for (std::size_t size = DedupTable::smallest_size(); size < 60'000; size += 577) {
        Block block(size);
        DedupTable table = DedupTable::format(block.bytes(), kSecret);
        const Census census;
        for (std::uint64_t number : {1, 2}) {
            table.claim(keys({number}), token(number), kNow, WhenFull::evict, census);
            table.commit(keys({number}), token(number), 200, kNow, kNow + kTtl);
            const EventKey key = numbered_key(number);
            const std::span<std::byte> events = block.bytes().subspan(Stored(block).events_at());
            const auto found = std::ranges::search(events, std::as_bytes(std::span(key.bytes)));
            ASSERT_FALSE(found.empty());
            ASSERT_LE(static_cast<std::size_t>(&*found.begin() - block.bytes().data()) % 64 +
                          Stored::kEvent,
                      64U)
                << size;
        }
    }
}

// -- The places of keys

std::size_t used_places(Block& block) {
    const Stored stored(block);
    const std::size_t first = stored.events_at() + stored.capacity() * Stored::kEvent;
    std::size_t used = 0;
    for (std::size_t i = 0; i < stored.capacity(); ++i) {
        if (stored.number<std::uint32_t>(first + 4 * i) != 0) ++used;
    }
    return used;
}

EventKey key_of(std::array<std::uint32_t, 4> words) {
    EventKey key{};
    std::memcpy(key.bytes.data(), words.data(), key.bytes.size());
    return key;
}

// As many keys as the table holds, which differ in few bits.
std::size_t places_of(const std::function<EventKey(std::uint32_t)>& chosen,
                      const TableSecret& secret) {
    Block block(100'000);
    DedupTable table = DedupTable::format(block.bytes(), secret);
    const Census census;
    const auto count = static_cast<std::uint32_t>(table.stats().capacity);
    for (std::uint32_t i = 0; i < count; ++i) {
        const std::array key{chosen(i)};
        table.claim(key, token(i), kNow, WhenFull::evict, census);
        table.commit(key, token(i), 200, kNow, kNow + kTtl);
    }
    return used_places(block);
}

TEST(DedupTablePlaces, CannotBeChosen) {
    const std::vector<std::function<EventKey(std::uint32_t)>> choices{
        [](std::uint32_t i) {
            return key_of({i, 0, 0, 0});
        },
        [](std::uint32_t i) {
            return key_of({0, i, 0, 0});
        },
        [](std::uint32_t i) {
            return key_of({0, 0, i, 0});
        },
        [](std::uint32_t i) {
            return key_of({0, 0, 0, i});
        },
        [](std::uint32_t i) {
            return key_of({i << 16, 7, i << 20, 7});
        },
        [](std::uint32_t i) { return colliding_key(i); },
        [](std::uint32_t i) { return numbered_key(i); },
    };
    const Block block(100'000);
    for (std::size_t i = 0; i < choices.size(); ++i) {
        // By chance, 1 - 1/e of all places are used: 1,700.
        EXPECT_GT(places_of(choices[i], kOtherSecret), 1000U) << i;
    }
    EXPECT_EQ(1U, places_of(choices[5], kSecret));
}

TEST_F(DedupTableTest, SecretMayBeAnotherWhenItIsRestoredOrFollowed) {
    for (std::uint64_t number = 0; number < 50; ++number) deliver(number);
    Block other(block.bytes().size());
    DedupTable successor = DedupTable::format(other.bytes(), kOtherSecret);
    EXPECT_EQ(50U, table.carry_over(successor, now, 1000));
    EXPECT_EQ(0U, table.restore(false, kOtherSecret));
    for (std::uint64_t number = 0; number < 50; ++number) {
        EXPECT_EQ(ClaimOutcome::duplicate, known(number));
        EXPECT_EQ(ClaimOutcome::duplicate, known(number, other));
    }
    EXPECT_EQ(ClaimOutcome::claimed, known(50));
    EXPECT_EQ(ClaimOutcome::claimed, known(50, other));
}

// -- A table that nothing happened to

TEST_F(DedupDeathTest, RestoringAWholeTableGivesUpTheClaimsOnly) {
    deliver(0, 3, 10);
    deliver(3, 80);
    deliver(83, 3, 10);
    others_claim(100, 3, 4);
    now += 10;
    model.give_up_claims();
    EXPECT_EQ(0U, table.restore(false, kSecret));
    EXPECT_EQ(0U, table.stats().in_flight);
    expect_one_of({model}, block);
}

TEST_F(DedupDeathTest, RestoringAnEmptyTableLeavesItEmpty) {
    EXPECT_EQ(0U, table.restore(false, kSecret));
    EXPECT_EQ(0U, table.stats().remembered);
    expect_one_of({model}, block);
}

TEST_F(DedupDeathTest, RestoringOpensAClosedTable) {
    deliver(0, 20);
    Block other(block.bytes().size());
    DedupTable successor = DedupTable::format(other.bytes(), kSecret);
    table.close();
    EXPECT_EQ(20U, table.carry_over(successor, now, 1000));
    EXPECT_EQ(0U, table.restore(false, kSecret));
    EXPECT_FALSE(table.closed());
    Block another(block.bytes().size());
    successor = DedupTable::format(another.bytes(), kSecret);
    EXPECT_EQ(20U, table.carry_over(successor, now, 1000));
    expect_one_of({model}, block);
}

TEST_F(DedupDeathTest, RestoringAfterADeathLosesNothing) {
    deliver(0, 90);
    others_claim(100, 2, 3);
    claim({150, 151, 152}, token(1, kVictim));
    std::vector<DedupModel> outcomes = outcomes_of_commit({150, 151, 152});
    for (DedupModel& outcome : outcomes) outcome.give_up_claims();
    for (Picture& left : deaths_in({block.bytes()}, [this] {
             table.commit(keys({150, 151, 152}), token(1, kVictim), 201, now, now + kTtl);
         })) {
        EXPECT_EQ(0U, DedupTable::attach(left.part().bytes()).restore(false, kSecret));
        expect_one_of(outcomes, left.part());
        ASSERT_FALSE(HasFailure());
    }
}

class RejectingRestoreTest : public DedupDeathTest {
  protected:
    RejectingRestoreTest() : DedupDeathTest(WhenFull::reject) {}
};

TEST_F(RejectingRestoreTest, RestoringAfterADeathLosesNothing) {
    for (std::size_t claims : {0, 6}) {
        std::ranges::fill(block.bytes(), std::byte{0});
        table = DedupTable::format(block.bytes(), kSecret);
        model = DedupModel(capacity(), claim_capacity(block.bytes().size()), when_full);
        now = kNow;
        deliver(0, 55);
        deliver(55, 64 - 55 - claims, 10);
        others_claim(100, 0, claims);
        now += 10;
        DedupModel after = model;
        after.give_up_claims();
        std::vector<Picture> deaths = deaths_in({block.bytes()}, [this] {
            table.claim(keys({150, 151}), token(1, kVictim), now, when_full, census);
        });
        for (std::size_t i = 0; i < deaths.size(); ++i) {
            if (!is_tried(i, deaths.size())) continue;
            Block& left = deaths[i].part();
            EXPECT_EQ(0U, DedupTable::attach(left.bytes()).restore(false, kSecret));
            expect_one_of({after}, left);
            ASSERT_FALSE(HasFailure());
        }
    }
}

TEST_F(RejectingRestoreTest, DeathWhileRestoringBringsNothingBack) {
    // Enough for all places to have held others before, and some to be free again.
    for (int round = 0; round < 3; ++round) {
        deliver(0, 64, 10);
        now += 10;
    }
    deliver(0, 50);
    deliver(50, 14, 10);
    now += 10;
    claim({150, 151, 152}, token(1));
    release({150, 151, 152}, token(1));
    model.give_up_claims();
    const std::uint64_t remembered = table.stats().remembered;
    ASSERT_LT(remembered, capacity());
    for (Picture& left : deaths_in({block.bytes()}, [this] { table.restore(false, kSecret); })) {
        DedupTable restored = DedupTable::attach(left.part().bytes());
        ASSERT_EQ(0U, restored.restore(false, kSecret));
        ASSERT_EQ(remembered, restored.stats().remembered);
        expect_one_of({model}, left.part());
        ASSERT_FALSE(HasFailure());
    }
}

TEST_F(DedupTableTest, EveryFlippedBitOfAnEventIsNoticed) {
    for (std::uint64_t i = 0; i < 5; ++i) deliver(i);
    const std::size_t event_at = Stored(block).event_at(2);
    for (std::size_t bit = 0; bit < Stored::kEvent * 8; ++bit) {
        Block flipped(block);
        flipped.bytes()[event_at + bit / 8] ^= static_cast<std::byte>(1 << bit % 8);
        DedupTable restored = DedupTable::attach(flipped.bytes());
        // The place in the index is made anew, and two bytes are not in use.
        const bool matters = !(bit / 8 >= 16 && bit / 8 < 20) && bit / 8 != 26 && bit / 8 != 27;
        ASSERT_EQ(matters ? 1U : 0U, restored.restore(false, kSecret)) << bit;
        ASSERT_EQ(matters ? 4U : 5U, restored.stats().remembered);
        ASSERT_EQ(matters ? ClaimOutcome::claimed : ClaimOutcome::duplicate, known(2, flipped));
        for (std::uint64_t i : {0, 1, 3, 4}) {
            ASSERT_EQ(ClaimOutcome::duplicate, known(i, flipped)) << i;
        }
    }
}

TEST_F(DedupTableTest, ZerosAreNoEvents) {
    for (std::uint64_t i = 0; i < 5; ++i) deliver(i);
    const Stored stored(block);
    std::ranges::fill(block.bytes().subspan(stored.event_at(1), 2 * Stored::kEvent), std::byte{0});
    EXPECT_EQ(2U, table.restore(false, kSecret));
    EXPECT_EQ(3U, table.stats().remembered);
    EventKey zero{};
    EXPECT_EQ(ClaimOutcome::claimed,
              table.claim(std::span(&zero, 1), token(1), now, when_full, census).outcome);
    EXPECT_EQ(ClaimOutcome::duplicate, known(0));
    EXPECT_EQ(ClaimOutcome::claimed, known(1));
    EXPECT_EQ(ClaimOutcome::duplicate, known(4));
}

TEST_F(DedupTableTest, WithoutItsFirstSectorItIsNoTable) {
    deliver(1);
    std::ranges::fill(block.bytes().first(512), std::byte{0});
    EXPECT_THROW(DedupTable::attach(block.bytes()), std::invalid_argument);
}

// -- A table in parts

// The pictures of a table as it grew old, and what was really delivered.
struct History {
    struct Delivery {
        std::uint16_t status;
        std::uint32_t expires;
    };

    std::vector<Block> ages;
    std::map<std::uint64_t, std::vector<Delivery>> delivered;
    std::uint64_t numbers = 0;
    std::uint32_t now = kNow;
};

// Lives through deliveries, claims that stay open and a clock that moves; pictures are taken
// between calls and within.
class HistoryMaker {
  public:
    HistoryMaker(std::size_t size, WhenFull when_full, std::uint32_t seed)
        : block_(size),
          table_(DedupTable::format(block_.bytes(), kSecret)),
          when_full_(when_full),
          random_(seed) {}

    History make(std::size_t ages) {
        while (history_.ages.size() < ages) {
            const std::uint32_t deliveries = random_() % 400;
            for (std::uint32_t i = 0; i < deliveries; ++i) live();
            take_picture();
        }
        return std::move(history_);
    }

  private:
    void live() {
        history_.now += random_() % 3;
        // Some are delivered again, when their time is up.
        const std::uint64_t number =
            random_() % 4 == 0 ? random_() % (history_.numbers + 1) : ++history_.numbers;
        const ClaimToken by = token(++sequence_, {1, generation_});
        const std::vector<EventKey> key = keys({number});
        if (table_.claim(key, by, history_.now, when_full_, census_).outcome !=
            ClaimOutcome::claimed) {
            return;
        }
        if (random_() % 50 == 0) {
            // It stays open until its process dies.
            if (++open_ % 10 == 0) census_.bury({1, generation_++});
            return;
        }
        const auto status = static_cast<std::uint16_t>(200 + random_() % 100);
        const std::uint32_t expires = history_.now + 1 + random_() % 900;
        history_.delivered[number].push_back({status, expires});
        table_.commit(key, by, status, history_.now, expires);
    }

    void take_picture() {
        if (random_() % 2 == 0) {
            history_.ages.push_back(block_);
            return;
        }
        std::vector<Picture> pictures;
        for (int tries = 0; tries < 20 && pictures.empty(); ++tries) {
            pictures = pictures_of({block_.bytes()}, [this] { live(); });
        }
        history_.ages.push_back(pictures[random_() % pictures.size()].part());
    }

    Block block_;
    DedupTable table_;
    WhenFull when_full_;
    std::mt19937 random_;
    Census census_;
    History history_;
    std::uint64_t sequence_ = 0;
    std::uint32_t generation_ = 1;
    std::uint32_t open_ = 0;
};

enum class Damage : std::uint8_t { none, zeros, zeros_and_noise };

class TornTableTest : public ::testing::TestWithParam<WhenFull> {
  protected:
    static constexpr std::size_t kSize = 20'003;

    TornTableTest() : history(HistoryMaker(kSize, GetParam(), 4).make(12)) {
        for (Block& age : history.ages) {
            const Stored stored(age);
            for (std::uint64_t i = 0; i < stored.capacity(); ++i) {
                const Stored::Event event = stored.event(i);
                if (event != Stored::Event{}) real.insert(event);
            }
        }
    }

    // Every part of so many bytes is of one of the last few ages, or lost.
    Block torn(std::size_t part_size, Damage damage) {
        const std::size_t youngest = 3 + random() % (history.ages.size() - 3);
        const std::size_t span = 1 + random() % 3;
        const auto age = [&]() -> Block& { return history.ages[youngest - random() % (span + 1)]; };
        Block block(age());
        for (std::size_t at = part_size; at < kSize; at += part_size) {
            const std::span part = block.bytes().subspan(at, std::min(part_size, kSize - at));
            std::ranges::copy(age().bytes().subspan(at, part.size()), part.begin());
            if (damage == Damage::none || random() % 8 != 0) continue;
            const bool noise = damage == Damage::zeros_and_noise && random() % 2 == 0;
            for (std::byte& byte : part)
                byte = noise ? static_cast<std::byte>(random()) : std::byte{0};
        }
        // What it is was written long ago.
        std::ranges::copy(history.ages.front().bytes().first(Stored::kIdentity),
                          block.bytes().begin());
        return block;
    }

    bool is_real(const Stored::Event& event) const { return real.contains(event); }

    // The events that restore() looks at, in their order.
    static std::vector<Stored::Event> events_of(Block& block) {
        const Stored stored(block);
        const std::uint64_t most = std::min(stored.newest(), stored.capacity());
        const std::uint64_t count = std::min(stored.newest() - stored.oldest(), most);
        std::vector<Stored::Event> events;
        for (std::uint64_t i = stored.newest() - count; i != stored.newest(); ++i) {
            events.push_back(stored.event(i));
        }
        return events;
    }

    // What of a torn table may be told, and must be told, is restored; and it lives on.
    void expect_restored(Block block) {
        const std::vector<Stored::Event> events = events_of(block);
        std::vector<Stored::Event> whole;
        std::ranges::copy_if(events, std::back_inserter(whole),
                             [this](const Stored::Event& event) { return is_real(event); });
        // Where a process died that was moving it, it is at both ends.
        const bool twice = whole.size() > 1 && whole.front() == whole.back();
        DedupTable table = DedupTable::attach(block.bytes());
        const bool has_successor = random() % 2 == 0;
        ASSERT_EQ(events.size() - whole.size(), table.restore(has_successor, kSecret));
        ASSERT_EQ(whole.size() - (twice ? 1 : 0), table.stats().remembered);
        ASSERT_EQ(0U, table.stats().in_flight);
        ASSERT_FALSE(table.interrupted());
        ASSERT_FALSE(table.closed());
        ASSERT_NO_FATAL_FAILURE(expect_no_lie(block));
        ASSERT_NO_FATAL_FAILURE(expect_known(block, events));
        ASSERT_NO_FATAL_FAILURE(expect_heir(block, has_successor));
        ASSERT_NO_FATAL_FAILURE(expect_life(block));
    }

    // Only where there was a successor, it may know some already.
    void expect_heir(const Block& restored, bool had_successor) const {
        Block copy(restored);
        Block heir(kSize);
        DedupTable table = DedupTable::attach(copy.bytes());
        DedupTable successor = DedupTable::format(heir.bytes(), kSecret);
        const std::size_t told = table.carry_over(successor, history.now, 2 * kSize);
        ASSERT_LE(told, table.stats().remembered);
        ASSERT_TRUE(had_successor || told == table.stats().remembered);
        table.close();
        ASSERT_TRUE(table.drained(census));
        ASSERT_NO_FATAL_FAILURE(expect_no_lie(heir));
    }

    ClaimResult ask(DedupTable& table, const EventKey& key) const {
        const ClaimToken by = token(1, kStranger);
        const ClaimResult result =
            table.claim(std::span(&key, 1), by, history.now, WhenFull::evict, census);
        table.release(std::span(&key, 1), by);
        return result;
    }

    void expect_no_lie(const Block& restored) const {
        Block copy(restored);
        DedupTable table = DedupTable::attach(copy.bytes());
        for (std::uint64_t number = 0; number <= history.numbers; ++number) {
            const ClaimResult result = ask(table, numbered_key(number));
            if (result.outcome == ClaimOutcome::claimed) continue;
            ASSERT_EQ(ClaimOutcome::duplicate, result.outcome) << number;
            const auto deliveries = history.delivered.find(number);
            ASSERT_NE(history.delivered.end(), deliveries) << number;
            ASSERT_TRUE(std::ranges::any_of(deliveries->second, [&](const auto& delivery) {
                return delivery.status == result.status && delivery.expires > history.now;
            })) << number;
        }
    }

    void expect_known(const Block& restored, const std::vector<Stored::Event>& events) const {
        Block copy(restored);
        DedupTable table = DedupTable::attach(copy.bytes());
        for (const Stored::Event& event : events) {
            if (!is_real(event) || event.expires <= history.now) continue;
            ASSERT_EQ(ClaimOutcome::duplicate, ask(table, EventKey{event.key}).outcome);
        }
    }

    void expect_life(Block& restored) const {
        DedupTable table = DedupTable::attach(restored.bytes());
        const auto claim = [&](std::uint64_t number) {
            return table.claim(keys({number}), token(number), history.now, WhenFull::evict, census)
                .outcome;
        };
        constexpr std::uint64_t kNew = 1'000'000;
        const std::size_t room = claim_capacity(kSize);
        for (std::size_t i = 0; i < room; ++i) ASSERT_EQ(ClaimOutcome::claimed, claim(kNew + i));
        ASSERT_EQ(ClaimOutcome::no_room, claim(kNew + room));
        const std::uint64_t last = kNew + 2 * table.stats().capacity + 5;
        for (std::uint64_t number = kNew; number <= last; ++number) {
            const ClaimOutcome outcome = claim(number);
            ASSERT_EQ(ClaimOutcome::claimed, outcome) << number;
            table.commit(keys({number}), token(number), 200, history.now, history.now + kTtl);
        }
        ASSERT_EQ(table.stats().capacity, table.stats().remembered);
        ASSERT_EQ(0U, table.stats().in_flight);
        const std::uint64_t first = last + 1 - table.stats().capacity;
        for (std::uint64_t number = first; number <= last; ++number) {
            ASSERT_EQ(ClaimOutcome::duplicate, claim(number)) << number;
        }
        ASSERT_EQ(ClaimOutcome::claimed, claim(first - 1));
    }

    const Deadline deadline{120};
    History history;
    std::set<Stored::Event> real;
    Census census;
    std::mt19937 random{11};
};

TEST_P(TornTableTest, HistoryIsWorthTheName) {
    for (const Stored::Event& event : real) {
        bool found = false;
        for (const auto& [number, deliveries] : history.delivered) {
            if (numbered_key(number).bytes != event.key) continue;
            for (const auto& delivery : deliveries) {
                found |= delivery.status == event.status && delivery.expires == event.expires;
            }
        }
        ASSERT_TRUE(found);
    }
    EXPECT_GT(real.size(), 1000U);
    EXPECT_GT(Stored(history.ages.back()).newest(), 3 * Stored(history.ages.back()).capacity());
}

TEST_P(TornTableTest, OneAgeLosesNothing) {
    for (Block& age : history.ages) {
        Block block(age);
        EXPECT_EQ(0U, DedupTable::attach(block.bytes()).restore(false, kSecret));
        ASSERT_NO_FATAL_FAILURE(expect_restored(age));
    }
}

TEST_P(TornTableTest, PartsOfSeveralAgesTellNoLie) {
    std::uint64_t lost = 0;
    for (Damage damage : {Damage::none, Damage::zeros, Damage::zeros_and_noise}) {
        for (std::size_t part_size : {4096, 512, 64, 8}) {
            for (int i = 0; i < 25; ++i) {
                SCOPED_TRACE(std::to_string(part_size) + " bytes, try " + std::to_string(i));
                const Block block = torn(part_size, damage);
                ASSERT_NO_FATAL_FAILURE(expect_restored(block));
                Block copy(block);
                lost += DedupTable::attach(copy.bytes()).restore(false, kSecret);
            }
        }
    }
    EXPECT_GT(lost, 10'000U);
}

TEST_P(TornTableTest, HeaderOfAnotherAgeTellsNoLie) {
    for (const Block& header : history.ages) {
        for (const Block& events : history.ages) {
            Block block(events);
            std::ranges::copy(header.bytes().first(Stored::kHeader), block.bytes().begin());
            ASSERT_NO_FATAL_FAILURE(expect_restored(block));
        }
    }
}

TEST_P(TornTableTest, AbsurdNumbersTellNoLie) {
    const std::uint64_t capacity = Stored(history.ages.front()).capacity();
    std::vector<std::uint64_t> numbers{0, 1, 2, 10, 1UL << 31, 1UL << 32, 1UL << 63};
    for (std::uint64_t near : {capacity, 2 * capacity, 1UL << 32, 1UL << 63, 0UL}) {
        for (std::uint64_t off : {1, 3, 100})
            numbers.insert(numbers.end(), {near - off, near + off});
    }
    numbers.push_back(0 - capacity);
    for (std::uint64_t oldest : numbers) {
        for (std::uint64_t newest : numbers) {
            if (random() % 3 == 0) continue;
            SCOPED_TRACE(std::to_string(oldest) + " to " + std::to_string(newest));
            Block block(history.ages.back());
            Stored stored(block);
            stored.set(Stored::kOldest, oldest);
            stored.set(Stored::kNewest, newest);
            ASSERT_NO_FATAL_FAILURE(expect_restored(block));
        }
    }
}

TEST_P(TornTableTest, AnythingInTheRestOfTheHeaderIsSurvived) {
    for (int i = 0; i < 200; ++i) {
        Block block = torn(512, Damage::none);
        for (std::size_t at = Stored::kIdentity; at < Stored::kHeader; ++at) {
            const bool counts = at >= Stored::kOldest && at < Stored::kNewest + 8;
            if (!counts || i % 2 == 0) block.bytes()[at] = static_cast<std::byte>(random());
        }
        // Whether it was being changed.
        block.bytes()[12] = static_cast<std::byte>(i % 4);
        ASSERT_NO_FATAL_FAILURE(expect_restored(block));
    }
}

TEST_P(TornTableTest, DeathWhileRestoringLosesNothingMore) {
    for (std::size_t part_size : {4096, 512}) {
        Block block = torn(part_size, Damage::zeros_and_noise);
        Stored stored(block);
        const std::size_t gap = stored.event_at(stored.oldest() + 3);
        std::ranges::fill(block.bytes().subspan(gap, Stored::kEvent), std::byte{0});
        const std::vector<Stored::Event> events = events_of(block);
        DedupTable table = DedupTable::attach(block.bytes());
        std::uint64_t lost = 0;
        std::vector<Picture> pictures =
            pictures_of({block.bytes()}, [&] { lost = table.restore(false, kSecret); });
        EXPECT_GT(lost, 0U);
        for (std::size_t i = 0; i < pictures.size(); i += 1 + i % 23) {
            Block& left = pictures[i].part();
            DedupTable::attach(left.bytes()).restore(false, kSecret);
            ASSERT_EQ(0U, DedupTable::attach(left.bytes()).stats().in_flight);
            ASSERT_NO_FATAL_FAILURE(expect_no_lie(left));
            ASSERT_NO_FATAL_FAILURE(expect_known(left, events));
            ASSERT_NO_FATAL_FAILURE(expect_life(left));
        }
    }
}

INSTANTIATE_TEST_SUITE_P(EvictingAndRejecting, TornTableTest,
                         ::testing::Values(WhenFull::evict, WhenFull::reject));

}  // namespace
}  // namespace webhook::testing
