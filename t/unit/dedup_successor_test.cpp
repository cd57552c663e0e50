// One table takes another's place: close, carry_over, holds_any, drained.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "dedup_afterlife.h"
#include "dedup_death.h"
#include "dedup_fixture.h"
#include "store/dedup_table.h"

namespace webhook::testing {
namespace {

// The end of a table, and the one that comes after it.
class SuccessorTest : public DedupDeathTest {
  protected:
    explicit SuccessorTest(WhenFull full = WhenFull::evict) : DedupDeathTest(full) {}

    // Makes a successor of room for so many more events.
    DedupTable& succeed(int more = 0) {
        const std::ptrdiff_t bytes = more * kBytesForAnEvent;
        next_block = Block(
            static_cast<std::size_t>(static_cast<std::ptrdiff_t>(block.bytes().size()) + bytes));
        next = DedupTable::format(next_block.bytes(), kSecret);
        return *next;
    }
    std::size_t carry(std::size_t most = 1'000'000) { return table.carry_over(*next, now, most); }

    ClaimOutcome next_claim(std::uint64_t number, const ClaimToken& by) {
        return next->claim(keys({number}), by, now, when_full, census).outcome;
    }
    void next_deliver(std::uint64_t number) {
        ASSERT_EQ(ClaimOutcome::claimed, next_claim(number, token(number)));
        next->commit(keys({number}), token(number), 200, now, now + kTtl);
    }
    bool is_drained() { return table.drained(census); }

    // The successor is what the model becomes.
    void expect_taken_over() {
        DedupModel expected = model;
        expected.move_to(next->stats().capacity, claim_capacity(next_block.bytes().size()), now);
        expect_one_of({expected}, next_block);
    }

    static constexpr std::ptrdiff_t kBytesForAnEvent = 36;

    Block next_block{0};
    std::optional<DedupTable> next;
};

// -- A closed table

TEST_F(SuccessorTest, TableIsNotClosedUntilItIs) {
    EXPECT_FALSE(table.closed());
    table.close();
    EXPECT_TRUE(table.closed());
    EXPECT_TRUE(DedupTable::attach(block.bytes()).closed());
    table.close();
    EXPECT_TRUE(table.closed());
    EXPECT_FALSE(table.interrupted());
}

TEST_F(SuccessorTest, ClosedTableClaimsNothingNew) {
    deliver(0, 10);
    others_claim(100, 0, 1);
    table.close();
    const DedupStats before = table.stats();
    for (const auto& numbers : {std::vector<std::uint64_t>{150}, {150, 151}, {151, 150, 152}}) {
        EXPECT_EQ(ClaimOutcome::no_room, DedupTableTest::claim(numbers, token(9)));
    }
    EXPECT_EQ(ClaimOutcome::duplicate, DedupTableTest::claim({150, 9}, token(9)));
    EXPECT_EQ(ClaimOutcome::in_flight, DedupTableTest::claim({150, 100}, token(9)));
    EXPECT_EQ(before.in_flight, table.stats().in_flight);
    EXPECT_EQ(before.remembered, table.stats().remembered);
}

TEST_F(SuccessorTest, ClosedTableStillEndsWhatIsInFlight) {
    claim({150, 151}, token(1));
    claim({152}, token(2));
    table.close();
    EXPECT_EQ(ClaimOutcome::claimed, DedupTableTest::claim({150, 151}, token(1)));
    EXPECT_EQ(ClaimOutcome::claimed, DedupTableTest::claim({151}, token(1)));
    EXPECT_EQ(ClaimOutcome::no_room, DedupTableTest::claim({151, 153}, token(1)));
    EXPECT_EQ(ClaimOutcome::in_flight, DedupTableTest::claim({151}, token(2)));
    commit({150, 151}, token(1));
    release({152}, token(2));
    EXPECT_EQ(ClaimOutcome::duplicate, DedupTableTest::claim({150}, token(3)));
    EXPECT_EQ(ClaimOutcome::duplicate, DedupTableTest::claim({151}, token(3)));
    EXPECT_EQ(ClaimOutcome::no_room, DedupTableTest::claim({152}, token(3)));
    EXPECT_EQ(0U, table.stats().in_flight);
    EXPECT_EQ(2U, table.stats().remembered);
}

TEST_F(SuccessorTest, ClosedTableGivesNoClaimOfTheDeadToAnother) {
    others_claim(100, 1, 0);
    deliver(0, 1, 10);
    table.close();
    EXPECT_EQ(ClaimOutcome::no_room, DedupTableTest::claim({100}, token(9)));
    now += 10;
    EXPECT_EQ(ClaimOutcome::no_room, DedupTableTest::claim({0}, token(9)));
}

TEST_F(SuccessorTest, RecoveredTableIsStillClosed) {
    deliver(0, 10);
    table.close();
    table.recover();
    EXPECT_TRUE(table.closed());
    EXPECT_EQ(ClaimOutcome::no_room, DedupTableTest::claim({150}, token(9)));
}

// -- What the successor knows

TEST_F(SuccessorTest, KnowsAllThatWasDelivered) {
    deliver(0, 20);
    claim({150}, token(1));
    commit({150}, token(1));
    deliver(20, 60);
    for (int more : {0, 1, 7, 100}) {
        succeed(more);
        table.restore(false, kSecret);
        table.close();
        EXPECT_EQ(capacity(), carry());
        EXPECT_EQ(0U, carry());
        EXPECT_EQ(capacity(), next->stats().remembered);
        EXPECT_EQ(0U, next->stats().forgotten_early);
        EXPECT_FALSE(next->closed());
        ASSERT_NO_FATAL_FAILURE(expect_taken_over());
    }
}

TEST_F(SuccessorTest, KnowsTheStatusAndTheTimeOfEach) {
    succeed();
    for (std::uint64_t i = 0; i < 40; ++i) {
        DedupTableTest::claim({i}, token(i));
        table.commit(keys({i}), token(i), static_cast<std::uint16_t>(200 + i), now,
                     static_cast<std::uint32_t>(now + 100 - i));
    }
    carry();
    for (std::uint64_t i = 0; i < 40; ++i) {
        const auto ask = [&](std::uint32_t when) {
            Block copy(next_block);
            return DedupTable::attach(copy.bytes())
                .claim(keys({i}), token(99), when, when_full, census);
        };
        const auto expires = static_cast<std::uint32_t>(now + 100 - i);
        EXPECT_EQ(ClaimOutcome::duplicate, ask(expires - 1).outcome);
        EXPECT_EQ(200 + i, ask(expires - 1).status);
        EXPECT_EQ(ClaimOutcome::claimed, ask(expires).outcome);
    }
}

TEST_F(SuccessorTest, DoesNotHearOfExpiredEvents) {
    deliver(0, 10);
    deliver(10, 10, 50);
    deliver(20, 10);
    deliver(30, 10, 51);
    succeed();
    now += 50;
    EXPECT_EQ(40U, carry());
    EXPECT_EQ(30U, next->stats().remembered);
    expect_taken_over();
}

TEST_F(SuccessorTest, SmallerOneKeepsTheNewestAndCountsTheRest) {
    // A table with room for 100 events, and one with room for 64.
    block = Block(block.bytes().size() + 36 * kBytesForAnEvent);
    table = DedupTable::format(block.bytes(), kSecret);
    ASSERT_EQ(100U, capacity());
    model = DedupModel(capacity(), claim_capacity(block.bytes().size()), when_full);
    deliver(0, 110);
    succeed(-36);
    ASSERT_EQ(64U, next->stats().capacity);
    EXPECT_EQ(100U, carry());
    EXPECT_EQ(64U, next->stats().remembered);
    EXPECT_EQ(36U, next->stats().forgotten_early);
    EXPECT_EQ(ClaimOutcome::claimed, known(45, next_block));
    EXPECT_EQ(ClaimOutcome::duplicate, known(46, next_block));
    expect_taken_over();
}

TEST_F(SuccessorTest, IsToldInPieces) {
    deliver(0, 64);
    succeed(10);
    EXPECT_EQ(0U, carry(0));
    EXPECT_EQ(0U, next->stats().remembered);
    EXPECT_EQ(1U, carry(1));
    EXPECT_EQ(ClaimOutcome::duplicate, known(0, next_block));
    EXPECT_EQ(ClaimOutcome::claimed, known(1, next_block));
    EXPECT_EQ(9U, carry(9));
    EXPECT_EQ(10U, next->stats().remembered);
    // Whoever goes on.
    table = DedupTable::attach(block.bytes());
    EXPECT_EQ(50U, carry(50));
    EXPECT_EQ(60U, next->stats().remembered);
    EXPECT_EQ(4U, carry(50));
    EXPECT_EQ(0U, carry(50));
    EXPECT_EQ(64U, next->stats().remembered);
    expect_taken_over();
}

TEST_F(SuccessorTest, HearsOfLaterCommitsLater) {
    deliver(0, 30);
    claim({150, 151}, token(1));
    succeed();
    table.close();
    EXPECT_EQ(30U, carry());
    EXPECT_EQ(0U, carry());
    commit({150}, token(1));
    EXPECT_EQ(1U, carry());
    EXPECT_EQ(ClaimOutcome::duplicate, known(150, next_block));
    EXPECT_EQ(ClaimOutcome::claimed, known(151, next_block));
    commit({151}, token(1));
    EXPECT_EQ(1U, carry());
    EXPECT_EQ(0U, carry());
    expect_taken_over();
}

TEST_F(SuccessorTest, HearsNothingOfWhatWasForgottenBefore) {
    deliver(0, 64);
    claim({150, 151, 152}, token(1));
    succeed();
    table.close();
    EXPECT_EQ(1U, carry(1));
    commit({150, 151, 152}, token(1));
    EXPECT_EQ(64U, carry());
    EXPECT_EQ(0U, carry());
    EXPECT_EQ(64U, next->stats().remembered);
    EXPECT_EQ(ClaimOutcome::claimed, known(2, next_block));
    for (std::uint64_t i = 3; i < 64; ++i) {
        EXPECT_EQ(ClaimOutcome::duplicate, known(i, next_block)) << i;
    }
    EXPECT_EQ(ClaimOutcome::duplicate, known(152, next_block));
}

TEST_F(SuccessorTest, KeepsItsOwnEventsAndClaims) {
    deliver(0, 30);
    succeed();
    for (std::uint64_t i = 300; i < 340; ++i) ASSERT_NO_FATAL_FAILURE(next_deliver(i));
    ASSERT_EQ(ClaimOutcome::claimed, next_claim(400, token(7)));
    EXPECT_EQ(30U, carry());
    EXPECT_EQ(64U, next->stats().remembered);
    EXPECT_EQ(1U, next->stats().in_flight);
    EXPECT_EQ(6U, next->stats().forgotten_early);
    EXPECT_EQ(ClaimOutcome::claimed, known(305, next_block));
    EXPECT_EQ(ClaimOutcome::duplicate, known(306, next_block));
    EXPECT_EQ(ClaimOutcome::duplicate, known(0, next_block));
    EXPECT_EQ(ClaimOutcome::in_flight, next_claim(400, token(8)));
    next->commit(keys({400}), token(7), 200, now, now + kTtl);
    EXPECT_EQ(ClaimOutcome::duplicate, known(400, next_block));
}

TEST_F(SuccessorTest, IsToldOfAnEventOnce) {
    deliver(0, 10, 100);
    succeed();
    // It knows 3 for longer, 4 as long, and 5 not so long.
    for (const auto& [number, ttl] : {std::pair{3, 200}, {4, 100}, {5, 50}}) {
        const auto event = static_cast<std::uint64_t>(number);
        ASSERT_EQ(ClaimOutcome::claimed, next_claim(event, token(1)));
        next->commit(keys({event}), token(1), 208, now, now + static_cast<std::uint32_t>(ttl));
    }
    EXPECT_EQ(10U, carry());
    EXPECT_EQ(11U, next->stats().remembered);
    now += 99;
    for (std::uint64_t i = 0; i < 10; ++i) {
        EXPECT_EQ(ClaimOutcome::duplicate, known(i, next_block)) << i;
    }
    now += 1;
    for (std::uint64_t i = 0; i < 10; ++i) {
        EXPECT_EQ(i == 3 ? ClaimOutcome::duplicate : ClaimOutcome::claimed, known(i, next_block));
    }
}

TEST_F(SuccessorTest, TableThatWasCarriedOverIsAsItWas) {
    deliver(0, 64);
    others_claim(100, 1, 2);
    succeed();
    carry();
    expect_one_of({model}, block);
}

// -- A power cut in between

TEST_F(SuccessorTest, IsNotToldAgainWhatItKnewBeforeThePowerCut) {
    deliver(0, 190);
    succeed();
    table.close();
    EXPECT_EQ(20U, carry(20));
    EXPECT_EQ(0U, table.restore(true, kSecret));
    EXPECT_FALSE(table.closed());
    EXPECT_EQ(44U, carry());
    EXPECT_EQ(0U, table.restore(true, kSecret));
    EXPECT_EQ(0U, carry());
    expect_taken_over();
}

TEST_F(SuccessorTest, IsToldWhatItDidNotKnowThoughOthersAreTorn) {
    deliver(0, 190);
    succeed();
    EXPECT_EQ(20U, carry(20));
    // Of the events that were carried over, one; and one of the others.
    for (std::uint64_t number : {130, 160}) {
        const EventKey key = numbered_key(number);
        const auto event = std::ranges::search(block.bytes(), std::as_bytes(std::span(key.bytes)));
        event.front() ^= std::byte{1};
    }
    EXPECT_EQ(2U, table.restore(true, kSecret));
    EXPECT_EQ(43U, carry());
    for (std::uint64_t i = 126; i < 190; ++i) {
        EXPECT_EQ(i == 160 ? ClaimOutcome::claimed : ClaimOutcome::duplicate, known(i, next_block));
    }
}

TEST_F(SuccessorTest, IsToldAllThoughAProcessDiesWhileItRestores) {
    deliver(0, 190);
    succeed();
    EXPECT_EQ(20U, carry(20));
    for (bool has_successor : {true, false}) {
        const Memory both{block.bytes(), next_block.bytes()};
        const Picture before(both);
        std::vector<Picture> deaths =
            deaths_in(both, [&] { EXPECT_EQ(0U, table.restore(has_successor, kSecret)); });
        for (std::size_t i = 0; i < deaths.size(); ++i) {
            deaths[i].put_back(both);
            EXPECT_EQ(i > 0 && i + 1 < deaths.size(), table.interrupted());
            EXPECT_EQ(0U, table.restore(has_successor, kSecret));
            table.close();
            EXPECT_LE(44U, carry());
            EXPECT_TRUE(is_drained());
            expect_taken_over();
            ASSERT_FALSE(HasFailure()) << "death " << i;
        }
        before.put_back(both);
    }
}

TEST_F(SuccessorTest, IsToldAllThatIsWholeThoughAProcessDiesWhileItRestores) {
    deliver(0, 190);
    succeed();
    EXPECT_EQ(20U, carry(20));
    for (std::uint64_t number : {130, 131, 160}) {
        const EventKey key = numbered_key(number);
        const auto event = std::ranges::search(block.bytes(), std::as_bytes(std::span(key.bytes)));
        event.front() ^= std::byte{1};
    }
    const Memory both{block.bytes(), next_block.bytes()};
    for (Picture& death :
         deaths_in(both, [this] { EXPECT_EQ(3U, table.restore(true, kSecret)); })) {
        death.put_back(both);
        table.restore(true, kSecret);
        carry();
        for (std::uint64_t i = 126; i < 190; ++i) {
            ASSERT_EQ(i == 160 ? ClaimOutcome::claimed : ClaimOutcome::duplicate,
                      known(i, next_block))
                << i;
        }
    }
}

// -- The end of the old table

TEST_F(SuccessorTest, DrainedIsWhatIsClosedAndCarriedOverAndHasNothingInFlight) {
    deliver(0, 10);
    claim({150}, token(1));
    succeed();
    EXPECT_FALSE(is_drained());
    table.close();
    EXPECT_FALSE(is_drained());
    carry(9);
    release({150}, token(1));
    EXPECT_FALSE(is_drained());
    carry();
    EXPECT_TRUE(is_drained());
    EXPECT_TRUE(is_drained());
}

TEST_F(SuccessorTest, OpenTableIsNeverDrained) {
    EXPECT_FALSE(is_drained());
    deliver(0, 10);
    succeed();
    carry();
    EXPECT_FALSE(is_drained());
    table.close();
    EXPECT_TRUE(is_drained());
}

TEST_F(SuccessorTest, CarriedAllIsWhatIsClosedAndCarriedOver) {
    deliver(0, 10);
    claim({150}, token(1));
    succeed();
    carry();
    EXPECT_FALSE(table.carried_all());
    table.close();
    EXPECT_TRUE(table.carried_all());
    EXPECT_FALSE(is_drained());
    commit({150}, token(1));
    EXPECT_FALSE(table.carried_all());
    carry();
    EXPECT_TRUE(table.carried_all());
    EXPECT_TRUE(is_drained());
}

TEST_F(SuccessorTest, ClaimOfTheLivingKeepsItFromBeingDrained) {
    claim({150, 151}, token(1));
    succeed();
    table.close();
    for (int i = 0; i < 5; ++i) EXPECT_FALSE(is_drained());
    EXPECT_EQ(2U, table.stats().in_flight);
    commit({150, 151}, token(1));
    EXPECT_FALSE(is_drained());
    EXPECT_EQ(1U, carry(1));
    EXPECT_FALSE(is_drained());
    EXPECT_EQ(1U, carry(1));
    EXPECT_TRUE(is_drained());
}

TEST_F(SuccessorTest, ForgottenEventsDoNotKeepItFromBeingDrained) {
    deliver(0, 1, 10);
    claim({150}, token(1));
    succeed();
    table.close();
    now += 10;
    commit({150}, token(1));
    EXPECT_FALSE(is_drained());
    EXPECT_EQ(1U, carry());
    EXPECT_TRUE(is_drained());
    EXPECT_FALSE(table.interrupted());
}

TEST(SuccessorOfALargeTable, WaitsForNoClaimsOfTheDead) {
    constexpr std::size_t kSize = 1 << 20;
    const std::size_t room = claim_capacity(kSize);
    Block block(kSize);
    DedupTable table = DedupTable::format(block.bytes(), kSecret);
    Census census;
    for (std::uint64_t i = 0; i < room; ++i) {
        const Owner owner = i == room / 2 ? kOther : kDead;
        ASSERT_EQ(ClaimOutcome::claimed,
                  table.claim(keys({i}), token(i, owner), kNow, WhenFull::evict, census).outcome);
    }
    table.close();
    EXPECT_FALSE(table.drained(census));
    census.bury(kDead);
    for (std::size_t i = 0; i < room; ++i) ASSERT_FALSE(table.drained(census));
    EXPECT_EQ(1U, table.stats().in_flight);
    census.bury(kOther);
    std::size_t asked = 1;
    while (!table.drained(census)) ASSERT_LT(++asked, room);
    EXPECT_EQ(0U, table.stats().in_flight);
}

TEST_F(SuccessorTest, HoldsWhatTheLivingClaimed) {
    deliver(0, 2);
    others_claim(100, 2, 2);
    const auto holds = [this](const std::vector<std::uint64_t>& numbers) {
        return table.holds_any(keys(numbers), census);
    };
    for (bool closed : {false, true}) {
        if (closed) table.close();
        EXPECT_TRUE(holds({102}));
        EXPECT_TRUE(holds({103}));
        EXPECT_TRUE(holds({0, 100, 150, 103}));
        EXPECT_FALSE(holds({100}));
        EXPECT_FALSE(holds({0, 1, 100, 101, 150}));
        EXPECT_FALSE(holds({}));
    }
    commit({102}, token(102, kOther));
    release({103}, token(103, kOther));
    EXPECT_FALSE(holds({102, 103}));
    EXPECT_EQ(2U, table.stats().in_flight);
}

// -- Death while carrying over

struct Handover {
    int more;
    std::size_t own_events;
    std::size_t most;
};

class SuccessorDeathTest : public SuccessorTest, public ::testing::WithParamInterface<Handover> {
  protected:
    // A table with events and claims of all kinds, and a successor that has seen some life.
    void SetUp() override {
        block = Block(block.bytes().size() + 13 * kBytesForAnEvent);
        table = DedupTable::format(block.bytes(), kSecret);
        model = DedupModel(capacity(), claim_capacity(block.bytes().size()), when_full);
        deliver(0, 20);
        deliver(20, 3, 10);
        deliver(23, 60);
        now += 10;
        others_claim(100, 1, 1);
        succeed(GetParam().more);
        for (std::uint64_t i = 0; i < GetParam().own_events; ++i) next_deliver(500 + i);
    }

    // What the successor is to know: its own events, and then the others.
    DedupModel successor() const {
        DedupModel heir(next->stats().capacity, claim_capacity(next_block.bytes().size()),
                        when_full);
        const auto remember = [&](const EventKey& key, std::uint32_t expires) {
            heir.claim(std::span(&key, 1), token(1), now);
            heir.commit(std::span(&key, 1), token(1), 200, now, expires);
        };
        for (std::uint64_t i = 0; i < GetParam().own_events; ++i) {
            remember(numbered_key(500 + i), now + kTtl);
        }
        for (const EventKey& key : model.remembered(now)) remember(key, now - 10 + kTtl);
        return heir;
    }
};

TEST_P(SuccessorDeathTest, LosesNothing) {
    const DedupModel heir = successor();
    DedupModel counted = heir;
    counted.count_in_vain();
    const Memory both{block.bytes(), next_block.bytes()};
    std::vector<Picture> deaths = deaths_in(both, [this] { carry(GetParam().most); });
    // One event after the other is copied: after the first few, not every death is tried.
    for (std::size_t i = 0; i < deaths.size(); i += i < 50 || i + 20 > deaths.size() ? 1 : 13) {
        deaths[i].put_back(both);
        EXPECT_FALSE(table.interrupted());
        EXPECT_EQ(i > 0 && i + 1 < deaths.size(), next->interrupted());
        if (next->interrupted()) next->recover();
        while (carry(7) > 0) continue;
        expect_one_of({heir, counted}, next_block);
        ASSERT_FALSE(HasFailure()) << "death " << i;
        deaths[i].put_back(both);
        expect_one_of({model}, block);
        ASSERT_FALSE(HasFailure()) << "death " << i;
    }
}

INSTANTIATE_TEST_SUITE_P(Sizes, SuccessorDeathTest,
                         ::testing::Values(Handover{10, 0, 1000}, Handover{0, 0, 1000},
                                           Handover{-13, 0, 1000}, Handover{-13, 64, 1000},
                                           Handover{0, 40, 50}));

TEST_F(SuccessorTest, DeathWhileCarryingOverAndALaterCommitLoseNothing) {
    deliver(0, 40);
    succeed();
    const Memory both{block.bytes(), next_block.bytes()};
    for (Picture& death : deaths_in(both, [this] { carry(); })) {
        death.put_back(both);
        if (next->interrupted()) next->recover();
        ASSERT_NO_FATAL_FAILURE(next_deliver(500));
        while (carry(3) > 0) continue;
        ASSERT_EQ(41U, next->stats().remembered);
        ASSERT_EQ(0U, next->stats().forgotten_early);
        for (std::uint64_t i = 0; i < 40; ++i) {
            ASSERT_EQ(ClaimOutcome::duplicate, known(i, next_block)) << i;
        }
        ASSERT_EQ(ClaimOutcome::duplicate, known(500, next_block));
        table.close();
        ASSERT_TRUE(is_drained());
    }
}

class RejectingSuccessorTest : public SuccessorTest {
  protected:
    RejectingSuccessorTest() : SuccessorTest(WhenFull::reject) {}
};

TEST_F(RejectingSuccessorTest, IsToldOnceOfEventsThatWereMoved) {
    deliver(0, 55);
    deliver(55, 9, 10);
    succeed();
    EXPECT_EQ(20U, carry(20));
    now += 10;
    // Makes room, and so moves the oldest to the end.
    claim({150, 151}, token(1));
    commit({150}, token(1));
    table.close();
    commit({151}, token(1));
    while (carry(10) > 0) continue;
    EXPECT_TRUE(is_drained());
    expect_taken_over();
    EXPECT_EQ(0U, next->stats().forgotten_early);
}

TEST_F(RejectingSuccessorTest, ClosedTableMovesNothing) {
    deliver(0, 55);
    deliver(55, 9, 10);
    now += 10;
    table.close();
    Block before(block);
    EXPECT_EQ(ClaimOutcome::no_room, DedupTableTest::claim({150}, token(1)));
    EXPECT_TRUE(std::ranges::equal(before.bytes(), block.bytes()));
}

}  // namespace
}  // namespace webhook::testing
