#include "store/dedup_table.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <random>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/digest.h"
#include "dedup_fixture.h"

namespace webhook::testing {
namespace {

TEST(EventKey, TellsEndpointNameAndValueApart) {
    const std::vector<std::array<std::string, 3>> all{
        {"", "", ""},      {"ab", "c", "d"},    {"a", "bc", "d"},   {"a", "b", "cd"},
        {"abcd", "", ""},  {"", "abcd", ""},    {"", "", "abcd"},   {"1", "1:", "x"},
        {"1:1", ":", "x"}, {"a", "b", "c\0d"},  {"a", "b", "c"},    {"A", "b", "c"},
        {"ci", "id", "1"}, {"ci", "body", "1"}, {"hook", "id", "1"}};
    std::set<std::array<std::uint8_t, 16>> seen;
    for (const auto& [endpoint, name, value] : all) {
        const EventKey key = event_key(endpoint, name, value);
        EXPECT_EQ(key, event_key(endpoint, name, value));
        seen.insert(key.bytes);
    }
    // "c\0d" above ends at its NUL, and so is "c" again.
    EXPECT_EQ(all.size() - 1, seen.size());
    EXPECT_NE(event_key("a", "b", std::string("c\0d", 3)), event_key("a", "b", "c"));
}

// The memory of a state file is of these keys.
TEST(EventKey, IsTheHashOfItsPartsAndTheirLengths) {
    for (const std::size_t size : {0, 1, 36, 300, 470, 471, 472, 512, 513, 70'000}) {
        const std::string value(size, 'v');
        const Sha256Digest digest = sha256("4:2:hookid" + value);
        const EventKey key = event_key("hook", "id", value);
        EXPECT_TRUE(std::equal(key.bytes.begin() + EventKey::kEndpointSize, key.bytes.end(),
                               digest.begin()))
            << size;
    }
}

TEST(EventKeyTest, BeginsWithWhatAllOfAnEndpointShare) {
    const auto start = [](const EventKey& key) {
        return std::string(key.bytes.begin(), key.bytes.begin() + EventKey::kEndpointSize);
    };
    EXPECT_EQ(start(event_key("ci", "id", "1")), start(event_key("ci", "body", "2")));
    EXPECT_NE(start(event_key("ci", "id", "1")), start(event_key("cd", "id", "1")));
    // What follows is not the same for two endpoints whose share is.
    const EventKey left = event_key("costarring", "id", "1");
    const EventKey right = event_key("liquid", "id", "1");
    EXPECT_EQ(start(left), start(right));
    EXPECT_NE(left, right);
}

TEST_F(DedupTableTest, StartsEmpty) {
    EXPECT_GE(capacity(), 1U);
    EXPECT_EQ(0U, table.stats().remembered);
    EXPECT_EQ(0U, table.stats().in_flight);
    EXPECT_EQ(0U, table.stats().forgotten_early);
    EXPECT_FALSE(table.interrupted());
}

TEST_F(DedupTableTest, UnknownEventIsClaimed) {
    EXPECT_EQ(ClaimOutcome::claimed, claim({1}, token(1)));
    EXPECT_EQ(1U, table.stats().in_flight);
    EXPECT_EQ(0U, table.stats().remembered);
}

TEST_F(DedupTableTest, ClaimedEventIsInFlightForEveryOtherRequest) {
    claim({1}, token(1));
    EXPECT_EQ(ClaimOutcome::in_flight, claim({1}, token(2, kOther)));
    EXPECT_EQ(ClaimOutcome::in_flight, claim({1}, token(2, kOwner)));
    EXPECT_EQ(ClaimOutcome::in_flight, claim({1}, token(1, {1, 2})));
    EXPECT_EQ(ClaimOutcome::in_flight, claim({1}, token(1, kDead)));
    EXPECT_EQ(1U, table.stats().in_flight);
}

TEST_F(DedupTableTest, CommittedEventIsADuplicateWithItsStatus) {
    claim({1}, token(1));
    commit({1}, token(1), 202);
    const ClaimResult result =
        table.claim(keys({1}), token(2, kOther), now, WhenFull::evict, census);
    EXPECT_EQ(ClaimOutcome::duplicate, result.outcome);
    EXPECT_EQ(202, result.status);
    EXPECT_EQ(ClaimOutcome::duplicate, claim({1}, token(1)));
    EXPECT_EQ(0U, table.stats().in_flight);
    EXPECT_EQ(1U, table.stats().remembered);
}

TEST_F(DedupTableTest, ReleasedEventIsUnknownAgain) {
    claim({1}, token(1));
    release({1}, token(1));
    EXPECT_EQ(0U, table.stats().in_flight);
    EXPECT_EQ(0U, table.stats().remembered);
    EXPECT_EQ(ClaimOutcome::claimed, claim({1}, token(2, kOther)));
}

TEST_F(DedupTableTest, DeliveredEventIsUnknownOnceItsTimeIsUp) {
    deliver(1);
    now = kNow + kTtl - 1;
    EXPECT_EQ(ClaimOutcome::duplicate, claim({1}, token(2)));
    now = kNow + kTtl;
    EXPECT_EQ(ClaimOutcome::claimed, claim({1}, token(3)));
    EXPECT_EQ(0U, table.stats().forgotten_early);
}

TEST_F(DedupTableTest, EventIsUnknownAtItsTimeEvenBehindOneThatLastsLonger) {
    claim({1}, token(1));
    table.commit(keys({1}), token(1), 200, now, now + 1000);
    claim({2}, token(2));
    table.commit(keys({2}), token(2), 200, now, now + 10);
    now += 10;
    EXPECT_EQ(ClaimOutcome::duplicate, known(1));
    EXPECT_EQ(ClaimOutcome::claimed, claim({2}, token(3)));
    table.commit(keys({2}), token(3), 201, now, now + 10);
    EXPECT_EQ(ClaimOutcome::duplicate, claim({2}, token(4)));
    now += 10;
    EXPECT_EQ(ClaimOutcome::claimed, claim({2}, token(5)));
    EXPECT_EQ(ClaimOutcome::duplicate, known(1));
}

TEST_F(DedupTableTest, ClaimDoesNotExpire) {
    claim({1}, token(1));
    now += 1'000'000'000;
    EXPECT_EQ(ClaimOutcome::in_flight, claim({1}, token(2)));
    commit({1}, token(1));
    EXPECT_EQ(ClaimOutcome::duplicate, claim({1}, token(2)));
}

TEST_F(DedupTableTest, ClaimOfADeadOwnerIsFreeAtOnce) {
    claim({1}, token(1, kDead));
    EXPECT_EQ(ClaimOutcome::claimed, claim({1}, token(2)));
    EXPECT_EQ(1U, table.stats().in_flight);
    EXPECT_EQ(ClaimOutcome::in_flight, claim({1}, token(3, kOther)));
}

TEST_F(DedupTableTest, EarlierGenerationOfAProcessCanBeDeadAlone) {
    claim({1}, token(1, {kDead.process, kDead.generation + 1}));
    EXPECT_EQ(ClaimOutcome::in_flight, claim({1}, token(2)));
    claim({2}, token(3, kDead));
    EXPECT_EQ(ClaimOutcome::claimed, claim({2}, token(4)));
}

TEST_F(DedupTableTest, ClaimThatWasTakenOverIsTheNewOwnersAlone) {
    claim({1}, token(1, kDead));
    claim({1}, token(2));
    release({1}, token(1, kDead));
    EXPECT_EQ(ClaimOutcome::in_flight, claim({1}, token(3)));
    commit({1}, token(1, kDead));
    EXPECT_EQ(ClaimOutcome::in_flight, claim({1}, token(3)));
    commit({1}, token(2), 201);
    EXPECT_EQ(ClaimOutcome::duplicate, claim({1}, token(3)));
}

TEST_F(DedupTableTest, ForeignTokenNeitherCommitsNorReleases) {
    claim({1}, token(1));
    for (const ClaimToken& foreign :
         {token(2), token(1, kOther), token(1, {1, 2}), token(1, {2, 2}), token(0), ClaimToken{}}) {
        commit({1}, foreign);
        release({1}, foreign);
        EXPECT_EQ(ClaimOutcome::in_flight, claim({1}, token(9, kOther)));
    }
    EXPECT_EQ(1U, table.stats().in_flight);
    EXPECT_EQ(0U, table.stats().remembered);
}

TEST_F(DedupTableTest, EndingWhatIsNotClaimedDoesNothing) {
    commit({1}, token(1));
    release({1}, token(1));
    EXPECT_EQ(ClaimOutcome::claimed, known(1));
    deliver(2);
    release({2}, token(1'000'002));
    commit({2}, token(1'000'002), 500);
    EXPECT_EQ(200, table.claim(keys({2}), token(3), now, when_full, census).status);
    EXPECT_EQ(1U, table.stats().remembered);
}

TEST_F(DedupTableTest, CommitAfterReleaseDeliversNothing) {
    claim({1}, token(1));
    release({1}, token(1));
    commit({1}, token(1));
    EXPECT_EQ(ClaimOutcome::claimed, claim({1}, token(2)));
}

TEST_F(DedupTableTest, SameTokenClaimsItsKeysAgain) {
    EXPECT_EQ(ClaimOutcome::claimed, claim({1, 2}, token(1)));
    EXPECT_EQ(ClaimOutcome::claimed, claim({1, 2}, token(1)));
    EXPECT_EQ(ClaimOutcome::claimed, claim({2}, token(1)));
    EXPECT_EQ(ClaimOutcome::claimed, claim({2, 3}, token(1)));
    EXPECT_EQ(3U, table.stats().in_flight);
    release({1, 2, 3}, token(1));
    EXPECT_EQ(0U, table.stats().in_flight);
    EXPECT_EQ(ClaimOutcome::claimed, claim({1, 2, 3}, token(2)));
}

TEST_F(DedupTableTest, KeyNamedTwiceIsClaimedOnce) {
    EXPECT_EQ(ClaimOutcome::claimed, claim({1, 1, 2, 1}, token(1)));
    EXPECT_EQ(2U, table.stats().in_flight);
    commit({1, 1, 2, 1}, token(1));
    EXPECT_EQ(0U, table.stats().in_flight);
    EXPECT_EQ(2U, table.stats().remembered);
    EXPECT_EQ(ClaimOutcome::duplicate, claim({1}, token(2)));
}

TEST_F(DedupTableTest, ClaimWithoutKeysClaimsNothing) {
    EXPECT_EQ(ClaimOutcome::claimed, claim({}, token(1)));
    commit({}, token(1));
    release({}, token(1));
    EXPECT_EQ(0U, table.stats().in_flight);
}

TEST_F(DedupTableTest, AnyDeliveredKeyMakesADuplicate) {
    deliver(3);
    EXPECT_EQ(ClaimOutcome::duplicate, claim({1, 2, 3}, token(1)));
    EXPECT_EQ(ClaimOutcome::duplicate, claim({3, 1, 2}, token(1)));
    EXPECT_EQ(0U, table.stats().in_flight);
    EXPECT_EQ(ClaimOutcome::claimed, claim({1, 2}, token(2)));
}

TEST_F(DedupTableTest, AnyHeldKeyKeepsAllInFlight) {
    claim({3}, token(1));
    EXPECT_EQ(ClaimOutcome::in_flight, claim({1, 2, 3}, token(2)));
    EXPECT_EQ(ClaimOutcome::in_flight, claim({3, 1, 2}, token(2)));
    EXPECT_EQ(1U, table.stats().in_flight);
    EXPECT_EQ(ClaimOutcome::claimed, claim({1, 2}, token(3)));
}

TEST_F(DedupTableTest, DuplicateIsSeenBeforeAKeyInFlight) {
    deliver(1);
    claim({2}, token(1));
    EXPECT_EQ(ClaimOutcome::duplicate, claim({2, 1}, token(2)));
    EXPECT_EQ(ClaimOutcome::duplicate, claim({1, 2}, token(2)));
}

TEST_F(DedupTableTest, ManyKeysAreDeliveredOrGivenUpTogether) {
    ASSERT_EQ(8U, kMostKeys);
    const std::vector<std::uint64_t> all{1, 2, 3, 4, 5, 6, 7, 8};
    EXPECT_EQ(ClaimOutcome::claimed, claim(all, token(1)));
    EXPECT_EQ(8U, table.stats().in_flight);
    release(all, token(1));
    EXPECT_EQ(ClaimOutcome::claimed, claim(all, token(2)));
    commit(all, token(2), 204);
    for (std::uint64_t number : all) {
        EXPECT_EQ(204, table.claim(keys({number}), token(3), now, when_full, census).status);
    }
}

TEST_F(DedupTableTest, CommitMayNameFewerKeysThanTheClaim) {
    claim({1, 2}, token(1));
    commit({1}, token(1));
    EXPECT_EQ(ClaimOutcome::duplicate, known(1));
    EXPECT_EQ(ClaimOutcome::in_flight, known(2));
    release({1, 2}, token(1));
    EXPECT_EQ(ClaimOutcome::duplicate, known(1));
    EXPECT_EQ(ClaimOutcome::claimed, known(2));
}

TEST_F(DedupTableTest, DuplicateTellsTheStatusOfItsOwnKey) {
    for (std::uint64_t i = 1; i <= 10; ++i) {
        claim({i}, token(i));
        commit({i}, token(i), static_cast<std::uint16_t>(200 + i));
    }
    for (std::uint64_t i = 1; i <= 10; ++i) {
        EXPECT_EQ(200 + i, table.claim(keys({i}), token(99), now, when_full, census).status);
        EXPECT_EQ(200 + i, table.claim(keys({50, i}), token(99), now, when_full, census).status);
    }
}

TEST_F(DedupTableTest, FullTableForgetsTheOldestCommitFirst) {
    for (std::uint64_t i = 0; i < capacity(); ++i) deliver(i);
    EXPECT_EQ(capacity(), table.stats().remembered);
    EXPECT_EQ(0U, table.stats().forgotten_early);
    for (std::uint64_t next = capacity(); next < 3 * capacity() + 5; ++next) {
        deliver(next);
        ASSERT_EQ(ClaimOutcome::claimed, known(next - capacity()));
        ASSERT_EQ(ClaimOutcome::duplicate, known(next - capacity() + 1));
        ASSERT_EQ(ClaimOutcome::duplicate, known(next));
        ASSERT_EQ(next - capacity() + 1, table.stats().forgotten_early);
        ASSERT_EQ(capacity(), table.stats().remembered);
    }
    for (std::uint64_t i = 2 * capacity() + 5; i < 3 * capacity() + 5; ++i) {
        EXPECT_EQ(ClaimOutcome::duplicate, known(i)) << i;
    }
}

TEST_F(DedupTableTest, OrderOfForgettingIsThatOfCommitsNotOfClaims) {
    ASSERT_EQ(ClaimOutcome::claimed, claim({1001}, token(1)));
    ASSERT_EQ(ClaimOutcome::claimed, claim({1002}, token(2)));
    commit({1002}, token(2));
    commit({1001}, token(1));
    for (std::uint64_t i = 2; i < capacity(); ++i) deliver(i);
    EXPECT_EQ(ClaimOutcome::duplicate, known(1002));
    deliver(2000);
    EXPECT_EQ(ClaimOutcome::claimed, known(1002));
    EXPECT_EQ(ClaimOutcome::duplicate, known(1001));
    deliver(2001);
    EXPECT_EQ(ClaimOutcome::claimed, known(1001));
}

TEST_F(DedupTableTest, DuplicateDoesNotMakeAnEventYounger) {
    for (std::uint64_t i = 0; i < capacity(); ++i) deliver(i);
    EXPECT_EQ(ClaimOutcome::duplicate, claim({0}, token(1)));
    deliver(1000);
    EXPECT_EQ(ClaimOutcome::claimed, known(0));
}

TEST_F(DedupTableTest, ClaimAloneForgetsNothing) {
    for (std::uint64_t i = 0; i < capacity(); ++i) deliver(i);
    EXPECT_EQ(ClaimOutcome::claimed, claim({1000}, token(1)));
    EXPECT_EQ(ClaimOutcome::duplicate, known(0));
    release({1000}, token(1));
    EXPECT_EQ(ClaimOutcome::duplicate, known(0));
    EXPECT_EQ(0U, table.stats().forgotten_early);
}

TEST_F(DedupTableTest, OnlyWhatIsForgottenBeforeItsTimeIsCounted) {
    for (std::uint64_t i = 0; i < capacity(); ++i) deliver(i);
    now += kTtl - 1;
    deliver(1000);
    EXPECT_EQ(1U, table.stats().forgotten_early);
    now += 1;
    for (std::uint64_t i = 0; i < capacity() - 1; ++i) deliver(2000 + i);
    EXPECT_EQ(1U, table.stats().forgotten_early);
    EXPECT_EQ(ClaimOutcome::duplicate, known(1000));
    deliver(3000);
    EXPECT_EQ(2U, table.stats().forgotten_early);
    EXPECT_EQ(ClaimOutcome::claimed, known(1000));
}

TEST_F(DedupTableTest, ExpiredEventsAreForgottenWithoutAFullTable) {
    for (std::uint64_t i = 0; i < 20; ++i) deliver(i);
    now += kTtl;
    for (std::uint64_t i = 0; i < 20; ++i) deliver(100 + i);
    EXPECT_LT(table.stats().remembered, 40U);
    EXPECT_EQ(0U, table.stats().forgotten_early);
}

TEST_F(DedupTableTest, ClaimsAreNeverForgottenToMakeRoom) {
    const std::size_t room = claim_capacity(block.bytes().size());
    ASSERT_GT(room, 1U);
    for (std::uint64_t i = 0; i + 1 < room; ++i) claim({5000 + i}, token(i));
    for (std::uint64_t i = 0; i < 3 * capacity(); ++i) deliver(i);
    for (std::uint64_t i = 0; i + 1 < room; ++i) {
        EXPECT_EQ(ClaimOutcome::in_flight, known(5000 + i));
        commit({5000 + i}, token(i));
        EXPECT_EQ(ClaimOutcome::duplicate, known(5000 + i));
    }
}

TEST_F(DedupTableTest, FullClaimsLeaveNoRoomForWhatIsNew) {
    const std::size_t room = claim_capacity(block.bytes().size());
    deliver(9000);
    for (std::uint64_t i = 0; i < room; ++i) {
        ASSERT_EQ(ClaimOutcome::claimed, claim({i}, token(i)));
    }
    EXPECT_EQ(ClaimOutcome::no_room, claim({8000}, token(99)));
    EXPECT_EQ(ClaimOutcome::duplicate, claim({9000}, token(99)));
    EXPECT_EQ(ClaimOutcome::in_flight, claim({0}, token(99)));
    EXPECT_EQ(room, table.stats().in_flight);
    release({0}, token(0));
    EXPECT_EQ(ClaimOutcome::no_room, claim({8000, 8001}, token(99)));
    EXPECT_EQ(room - 1, table.stats().in_flight);
    EXPECT_EQ(ClaimOutcome::claimed, known(8000));
    EXPECT_EQ(ClaimOutcome::claimed, claim({8000}, token(99)));
    commit({1}, token(1));
    EXPECT_EQ(ClaimOutcome::claimed, claim({8001}, token(98)));
}

TEST_F(DedupTableTest, SameTokenClaimsItsKeysAgainThoughNoClaimIsLeft) {
    const std::size_t room = claim_capacity(block.bytes().size());
    for (std::uint64_t i = 0; i < room; ++i) claim({i}, token(i));
    EXPECT_EQ(ClaimOutcome::claimed, claim({0}, token(0)));
    EXPECT_EQ(room, table.stats().in_flight);
}

TEST_F(DedupTableTest, ClaimsOfTheDeadAreSweptWhenNoneIsLeft) {
    const std::size_t room = claim_capacity(block.bytes().size());
    for (std::uint64_t i = 0; i < room; ++i) {
        claim({i}, token(i, i % 3 == 0 ? kOwner : kDead));
    }
    EXPECT_EQ(ClaimOutcome::claimed, claim({8000}, token(99)));
    for (std::uint64_t i = 0; i < room; ++i) {
        EXPECT_EQ(i % 3 == 0 ? ClaimOutcome::in_flight : ClaimOutcome::claimed, known(i)) << i;
    }
    for (std::uint64_t i = 0; i < room; i += 3) {
        commit({i}, token(i));
        EXPECT_EQ(ClaimOutcome::duplicate, known(i));
    }
}

TEST_F(DedupTableTest, SeveralKeysMayNeedTheClaimsOfTheDead) {
    const std::size_t room = claim_capacity(block.bytes().size());
    for (std::uint64_t i = 0; i < room; ++i) claim({i}, token(i, kDead));
    EXPECT_EQ(ClaimOutcome::claimed, claim({1, 2, 3, 4, 5, 6, 7, 8}, token(100)));
    EXPECT_EQ(ClaimOutcome::claimed, claim({9, 10, 11, 12, 13, 14, 15, 16}, token(101)));
    EXPECT_EQ(16U, table.stats().in_flight);
}

TEST(DedupTableClaims, OfTheDeadAreSweptWhereverTheyAreInALargeTable) {
    constexpr std::size_t kSize = 1 << 20;
    const std::size_t room = claim_capacity(kSize);
    Census census;
    census.bury(kDead);
    for (std::uint64_t dead : {std::size_t{0}, room / 3, room / 2, room - 1}) {
        Block block(kSize);
        DedupTable table = DedupTable::format(block.bytes(), kSecret);
        const auto claim = [&](std::uint64_t number, Owner owner) {
            return table.claim(keys({number}), token(number, owner), kNow, WhenFull::evict, census)
                .outcome;
        };
        for (std::uint64_t i = 0; i < room; ++i) claim(i, i == dead ? kDead : kOwner);
        std::size_t tries = 1;
        while (claim(room, kOwner) != ClaimOutcome::claimed) ASSERT_LT(++tries, room);
        for (std::size_t i = 0; i < room; ++i) {
            ASSERT_EQ(ClaimOutcome::no_room, claim(room + 1, kOwner));
        }
    }
}

class RejectingTableTest : public DedupTableTest {
  protected:
    RejectingTableTest() { when_full = WhenFull::reject; }
};

TEST_F(RejectingTableTest, FullTableTakesNothingNewAndForgetsNothing) {
    for (std::uint64_t i = 0; i < capacity(); ++i) deliver(i);
    EXPECT_EQ(ClaimOutcome::no_room, claim({1000}, token(1)));
    EXPECT_EQ(ClaimOutcome::duplicate, claim({0}, token(1)));
    EXPECT_EQ(capacity(), table.stats().remembered);
    EXPECT_EQ(0U, table.stats().in_flight);
    EXPECT_EQ(0U, table.stats().forgotten_early);
    now += kTtl - 1;
    EXPECT_EQ(ClaimOutcome::no_room, claim({1000}, token(1)));
    now += 1;
    EXPECT_EQ(ClaimOutcome::claimed, claim({1000}, token(1)));
}

TEST_F(RejectingTableTest, WhatIsInFlightTakesRoom) {
    for (std::uint64_t i = 0; i + 2 < capacity(); ++i) deliver(i);
    EXPECT_EQ(ClaimOutcome::claimed, claim({1000}, token(1)));
    EXPECT_EQ(ClaimOutcome::no_room, claim({1001, 1002}, token(2)));
    EXPECT_EQ(ClaimOutcome::claimed, claim({1001}, token(2)));
    EXPECT_EQ(ClaimOutcome::no_room, claim({1003}, token(3)));
    EXPECT_EQ(ClaimOutcome::in_flight, claim({1001}, token(3)));
    commit({1000}, token(1));
    EXPECT_EQ(ClaimOutcome::no_room, claim({1003}, token(3)));
    release({1001}, token(2));
    EXPECT_EQ(ClaimOutcome::claimed, claim({1003}, token(3)));
    commit({1003}, token(3));
    EXPECT_EQ(0U, table.stats().forgotten_early);
    EXPECT_EQ(ClaimOutcome::duplicate, known(0));
}

TEST_F(RejectingTableTest, EverythingThatWasClaimedCanBeCommitted) {
    const std::size_t room = claim_capacity(block.bytes().size());
    std::uint64_t next = 0;
    for (; next + room < capacity(); ++next) deliver(next);
    std::vector<std::uint64_t> claimed;
    while (claim({next}, token(next)) == ClaimOutcome::claimed) claimed.push_back(next++);
    EXPECT_EQ(room, claimed.size());
    for (std::uint64_t number : claimed) commit({number}, token(number));
    EXPECT_EQ(capacity(), table.stats().remembered);
    EXPECT_EQ(0U, table.stats().forgotten_early);
    for (std::uint64_t i = 0; i < next; ++i) EXPECT_EQ(ClaimOutcome::duplicate, known(i)) << i;
}

TEST_F(RejectingTableTest, ClaimsOfTheDeadTakeNoRoom) {
    for (std::uint64_t i = 0; i + 4 < capacity(); ++i) deliver(i);
    for (std::uint64_t i = 0; i < 4; ++i) {
        ASSERT_EQ(ClaimOutcome::claimed, claim({1000 + i}, token(i, kDead)));
    }
    EXPECT_EQ(ClaimOutcome::claimed, claim({2000}, token(99)));
}

TEST_F(RejectingTableTest, ExpiredEventsTakeNoRoomFromManyKeys) {
    for (std::uint64_t i = 0; i < capacity(); ++i) deliver(i);
    now += kTtl;
    EXPECT_EQ(ClaimOutcome::claimed, claim({101, 102, 103, 104, 105, 106, 107, 108}, token(1)));
}

TEST_F(RejectingTableTest, ExpiredEventsTakeNoRoomBehindOthersThatLast) {
    for (std::uint64_t i = 0; i < capacity(); ++i) {
        claim({i}, token(i));
        table.commit(keys({i}), token(i), static_cast<std::uint16_t>(200 + i), now,
                     now + (i < capacity() / 2 ? kTtl : 10));
    }
    now += 10;
    for (std::uint64_t i = 0; i < capacity() / 2; ++i) deliver(1000 + i);
    EXPECT_EQ(ClaimOutcome::no_room, claim({2000}, token(1)));
    for (std::uint64_t i = 0; i < capacity() / 2; ++i) {
        EXPECT_EQ(200 + i, table.claim(keys({i}), token(1), now, when_full, census).status);
        EXPECT_EQ(ClaimOutcome::duplicate, known(1000 + i));
    }
    EXPECT_EQ(0U, table.stats().forgotten_early);
}

TEST_F(RejectingTableTest, SameTokenClaimsItsKeysAgainThoughTheTableIsFull) {
    for (std::uint64_t i = 0; i + 1 < capacity(); ++i) deliver(i);
    ASSERT_EQ(ClaimOutcome::claimed, claim({1000}, token(1)));
    EXPECT_EQ(ClaimOutcome::claimed, claim({1000}, token(1)));
}

TEST(DedupTableSize, IsAtMostFortyBytesForAnEvent) {
    for (std::size_t size : {1UL << 20, 64UL << 20}) {
        Block block(size);
        const DedupTable table = DedupTable::format(block.bytes(), kSecret);
        EXPECT_LE(static_cast<double>(size) / static_cast<double>(table.stats().capacity), 40.0);
        EXPECT_GE(claim_capacity(size) * 40, size / 32 - 40);
    }
}

TEST(DedupTableSize, EveryEventOfALargeTableIsFound) {
    Block block(4 << 20);
    DedupTable table = DedupTable::format(block.bytes(), kSecret);
    const Census census;
    const std::uint64_t capacity = table.stats().capacity;
    const auto deliver = [&](std::uint64_t number) {
        const std::array key{event_key("ci", "id", std::to_string(number))};
        const auto outcome = table.claim(key, token(number), kNow, WhenFull::evict, census).outcome;
        table.commit(key, token(number), 200, kNow, kNow + kTtl);
        return outcome;
    };
    for (std::uint64_t i = 0; i < capacity + 1000; ++i) {
        ASSERT_EQ(ClaimOutcome::claimed, deliver(i));
    }
    EXPECT_EQ(1000U, table.stats().forgotten_early);
    for (std::uint64_t i = 1000; i < capacity + 1000; ++i) {
        ASSERT_EQ(ClaimOutcome::duplicate, deliver(i));
    }
    EXPECT_EQ(ClaimOutcome::claimed, deliver(999));
}

TEST(DedupTableSize, SmallestBlockHoldsATableAndNoSmallerOneDoes) {
    const std::size_t smallest = DedupTable::smallest_size();
    for (std::size_t size : {smallest, smallest + 1, smallest + 7, smallest + 100}) {
        Block block(size);
        DedupTable table = DedupTable::format(block.bytes(), kSecret);
        EXPECT_GE(table.stats().capacity, 1U);
        EXPECT_GE(claim_capacity(size), kMostKeys);
        EXPECT_NO_THROW(DedupTable::attach(block.bytes()));
    }
    for (std::size_t size : {0UL, 1UL, 8UL, 63UL, 64UL, smallest - 1}) {
        Block block(size);
        EXPECT_THROW(DedupTable::format(block.bytes(), kSecret), std::exception) << size;
        EXPECT_THROW(DedupTable::attach(block.bytes()), std::exception) << size;
    }
}

TEST(DedupTableSize, NothingIsWrittenOutsideTheBlock) {
    for (std::size_t size = DedupTable::smallest_size(); size < DedupTable::smallest_size() + 200;
         size += 3) {
        // Exactly this large, so that a sanitizer sees what is beyond.
        const auto memory = std::make_unique<std::byte[]>(size);
        DedupTable table = DedupTable::format({memory.get(), size}, kSecret);
        const Census census;
        for (std::uint64_t i = 0; i < 2 * table.stats().capacity; ++i) {
            table.claim(keys({i}), token(i), kNow, WhenFull::evict, census);
            table.commit(keys({i}), token(i), 200, kNow, kNow + kTtl);
        }
        EXPECT_EQ(table.stats().capacity, table.stats().remembered);
    }
}

TEST_F(DedupTableTest, AttachedTableIsTheSame) {
    deliver(1);
    claim({2}, token(2));
    DedupTable attached = DedupTable::attach(block.bytes());
    EXPECT_EQ(1U, attached.stats().remembered);
    EXPECT_EQ(1U, attached.stats().in_flight);
    attached.commit(keys({2}), token(2), 200, now, now + kTtl);
    EXPECT_EQ(ClaimOutcome::duplicate, claim({2}, token(3)));
    claim({3}, token(3));
    EXPECT_EQ(ClaimOutcome::in_flight,
              attached.claim(keys({3}), token(4), now, when_full, census).outcome);
}

TEST_F(DedupTableTest, PrefetchingChangesNothing) {
    deliver(1);
    claim({2}, token(2));
    Block before(block.bytes().size());
    std::ranges::copy(block.bytes(), before.bytes().begin());
    table.prefetch(keys({1, 2, 3}));
    table.prefetch({});
    EXPECT_TRUE(std::ranges::equal(before.bytes(), block.bytes()));
}

TEST_F(DedupTableTest, FormattingZerosAgainForgetsEverything) {
    deliver(1);
    claim({2}, token(2));
    std::ranges::fill(block.bytes(), std::byte{0});
    table = DedupTable::format(block.bytes(), kSecret);
    EXPECT_EQ(ClaimOutcome::claimed, claim({1}, token(3)));
    EXPECT_EQ(ClaimOutcome::claimed, claim({2}, token(4)));
    EXPECT_EQ(0U, table.stats().remembered);
}

TEST(DedupTableFormat, TouchesNoMemoryThatIsNotNeededYet) {
    constexpr std::size_t kSize = 64 << 20;
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    void* const memory =
        mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(MAP_FAILED, memory);
    ASSERT_EQ(0, madvise(memory, kSize, MADV_NOHUGEPAGE));
    DedupTable table = DedupTable::format({static_cast<std::byte*>(memory), kSize}, kSecret);
    std::vector<unsigned char> pages(kSize / page);
    ASSERT_EQ(0, mincore(memory, kSize, pages.data()));
    const auto touched = static_cast<std::size_t>(
        std::ranges::count_if(pages, [](unsigned char flags) { return (flags & 1) != 0; }));
    // The claims only, which are a 32nd.
    EXPECT_LE(touched, kSize / 32 / page + 1);
    EXPECT_GT(table.stats().capacity, kSize / 40);
    munmap(memory, kSize);
}

void expect_no_table(std::span<std::byte> block) {
    EXPECT_FALSE(DedupTable::recognizes(block)) << block.size() << " bytes";
    EXPECT_THROW(DedupTable::attach(block), std::invalid_argument) << block.size() << " bytes";
}

TEST(DedupTableAttach, TakesNoForeignBlock) {
    std::mt19937_64 random(4);
    for (std::size_t size : {DedupTable::smallest_size(), 1UL << 20}) {
        Block zeroes(size);
        expect_no_table(zeroes.bytes());
        Block ones(size);
        std::ranges::fill(ones.bytes(), std::byte{0xff});
        expect_no_table(ones.bytes());
        Block noise(size);
        for (std::byte& byte : noise.bytes()) byte = static_cast<std::byte>(random());
        expect_no_table(noise.bytes());
    }
    expect_no_table({});
}

TEST(DedupTableAttach, TakesNoBlockOfAnotherSize) {
    constexpr std::size_t kSize = 100'000;
    Block block(kSize);
    DedupTable::format(block.bytes(), kSecret);
    EXPECT_TRUE(DedupTable::recognizes(block.bytes()));
    EXPECT_NO_THROW(DedupTable::attach(block.bytes()));
    for (std::size_t size : {kSize / 2, kSize - 100, DedupTable::smallest_size(), 100UL, 8UL}) {
        expect_no_table(block.bytes().first(size));
    }
    Block larger(kSize + 100);
    std::ranges::copy(block.bytes(), larger.bytes().begin());
    expect_no_table(larger.bytes());
    Block shifted(kSize);
    std::ranges::copy(block.bytes().first(kSize - 8), shifted.bytes().begin() + 8);
    expect_no_table(shifted.bytes());
}

TEST(DedupTableAttach, TakesNoBlockWhoseFormatWasCutOff) {
    Block block(100'000);
    DedupTable::format(block.bytes(), kSecret);
    int refused = 0;
    // What identifies a table stands in the first bytes: its mark, the layout and both sizes.
    for (std::size_t i = 0; i < 24; ++i) {
        Block broken(100'000);
        std::ranges::copy(block.bytes(), broken.bytes().begin());
        broken.bytes()[i] ^= std::byte{0x40};
        try {
            if (DedupTable::attach(broken.bytes()).interrupted()) ++refused;
        } catch (const std::exception&) {
            ++refused;
        }
    }
    EXPECT_EQ(24, refused);
}

TEST_F(DedupTableTest, KeysThatCollideAreKeptApart) {
    for (std::uint64_t i = 0; i < capacity(); ++i) {
        const std::array key{colliding_key(i)};
        ASSERT_EQ(ClaimOutcome::claimed,
                  table.claim(key, token(i), now, when_full, census).outcome);
        if (i % 2 == 0) {
            table.commit(key, token(i), static_cast<std::uint16_t>(200 + i), now, now + kTtl);
        } else {
            table.release(key, token(i));
        }
    }
    for (std::uint64_t i = 0; i < capacity(); ++i) {
        const std::array key{colliding_key(i)};
        const ClaimResult result = table.claim(key, token(999), now, when_full, census);
        EXPECT_EQ(i % 2 == 0 ? ClaimOutcome::duplicate : ClaimOutcome::claimed, result.outcome);
        EXPECT_EQ(i % 2 == 0 ? 200 + i : 0, result.status);
        table.release(key, token(999));
    }
}

struct ModelRun {
    TrialSetting setting;
    int steps;
};

TEST(DedupTableModel, DoesWhatTheModelDoes) {
    const std::size_t smallest = DedupTable::smallest_size();
    const std::vector<ModelRun> runs{
        {{smallest, WhenFull::evict, 1, 100, 500, 500, false, false}, 25'000},
        {{smallest, WhenFull::evict, 2, 150, 500, 500, false, true}, 25'000},
        {{smallest, WhenFull::evict, 8, 300, 1, 900, false, true}, 25'000},
        {{smallest, WhenFull::evict, 3, 90, 0, 60, true, true}, 25'000},
        {{40'000, WhenFull::evict, 4, 3000, 5000, 5000, false, true}, 25'000},
        {{smallest, WhenFull::reject, 1, 100, 500, 500, false, false}, 25'000},
        {{smallest, WhenFull::reject, 2, 150, 200, 200, false, true}, 25'000},
        {{smallest, WhenFull::reject, 2, 120, 1, 400, true, true}, 25'000},
        {{smallest, WhenFull::reject, 8, 300, 10, 300, false, true}, 25'000},
    };
    std::uint32_t seed = 0;
    for (const ModelRun& run : runs) {
        SCOPED_TRACE("run " + std::to_string(++seed));
        DedupTrial trial(run.setting);
        std::mt19937 random(seed);
        for (int i = 0; i < run.steps; ++i) {
            trial.step([&random](std::uint32_t bound) { return random() % bound; });
            if (i % 2500 == 2499) trial.compare_events();
            ASSERT_EQ("", trial.difference()) << "step " << i;
        }
        EXPECT_GT(trial.count(ClaimOutcome::claimed), 1000U);
        EXPECT_GT(trial.count(ClaimOutcome::duplicate), 100U);
        EXPECT_GT(trial.count(ClaimOutcome::in_flight), 100U);
        EXPECT_GT(trial.count(ClaimOutcome::no_room), 10U);
        EXPECT_LT(trial.left_out(), static_cast<std::size_t>(run.steps) / 4);
    }
}

TEST_F(DedupTableTest, GivesUpWhatDeadOwnersHold) {
    claim({1}, token(1));
    claim({2, 3}, token(2, kOther));
    claim({4}, token(3, kOther));
    census.bury(kOther);
    std::uint32_t place = 0;
    std::vector<OrphanedKey> given_up;
    table.give_up_orphans(census, place, 1000, given_up);
    ASSERT_EQ(3U, given_up.size());
    std::vector<std::uint64_t> sequences;
    for (const OrphanedKey& each : given_up) sequences.push_back(each.token.sequence);
    std::ranges::sort(sequences);
    EXPECT_EQ((std::vector<std::uint64_t>{2, 2, 3}), sequences);
    EXPECT_EQ(1U, table.stats().in_flight);
    EXPECT_EQ(ClaimOutcome::in_flight, claim({1}, token(9)));
    EXPECT_EQ(ClaimOutcome::claimed, claim({2, 3, 4}, token(9)));
    given_up.clear();
    table.give_up_orphans(census, place, 1000, given_up);
    EXPECT_TRUE(given_up.empty());
}

TEST_F(DedupTableTest, LooksForOrphansInPieces) {
    for (const std::uint64_t each : numbers_from(1, 10)) claim({each}, token(each, kOther));
    census.bury(kOther);
    std::uint32_t place = 0;
    std::vector<OrphanedKey> given_up;
    std::size_t calls = 0;
    do {
        const std::size_t before = given_up.size();
        table.give_up_orphans(census, place, 4, given_up);
        EXPECT_LE(given_up.size(), before + 4);
        ++calls;
    } while (place != 0 && given_up.size() < 10);
    EXPECT_EQ(10U, given_up.size());
    EXPECT_GE(calls, 3U);
    // From behind the last place, it begins anew.
    place = 1'000'000;
    table.give_up_orphans(census, place, 4, given_up);
    claim({77}, token(77, kOwner));
    table.give_up_orphans(census, place, 4, given_up);
    EXPECT_LE(place, 4U);
}

TEST_F(DedupTableTest, HasAnIdentityOfItsOwn) {
    EXPECT_EQ(table.identity(), DedupTable::attach(block.bytes()).identity());
    const std::uint64_t before = table.identity();
    TableSecret other = kSecret;
    other[0] ^= 1;
    table.restore(false, other);
    EXPECT_NE(before, table.identity());
}

}  // namespace
}  // namespace webhook::testing
