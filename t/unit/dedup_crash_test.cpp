// A process that dies inside a call: at each write of each call, and at random ones of random
// calls.

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "dedup_afterlife.h"
#include "dedup_death.h"
#include "dedup_fixture.h"
#include "store/dedup_table.h"

namespace webhook::testing {
namespace {

TEST_F(DedupDeathTest, InAClaimOfOneKey) {
    deliver(0, 10);
    others_claim(100, 2, 3);
    die_claiming({150}, ClaimOutcome::claimed);
}

TEST_F(DedupDeathTest, InTheFirstClaimOfAll) {
    die_claiming({150}, ClaimOutcome::claimed);
}

TEST_F(DedupDeathTest, InAClaimOfManyKeysThatForgetsExpiredEvents) {
    deliver(0, 20, 10);
    deliver(20, 44);
    now += 10;
    others_claim(100, 2, 3);
    die_claiming(numbers_from(150, kMostKeys), ClaimOutcome::claimed);
}

TEST_F(DedupDeathTest, InAClaimThatTakesOverFromTheDead) {
    deliver(0, 70);
    others_claim(100, 4, 4);
    die_claiming({102, 150, 100, 151, 101}, ClaimOutcome::claimed);
}

TEST_F(DedupDeathTest, InAClaimThatSweepsForTheDead) {
    deliver(0, 70);
    others_claim(100, 10, 6);
    die_claiming(numbers_from(150, kMostKeys), ClaimOutcome::claimed);
}

TEST_F(DedupDeathTest, InAClaimThatHoldsSomeOfItsKeysAlready) {
    deliver(0, 64);
    others_claim(100, 2, 2);
    claim({150, 151}, token(1, kVictim));
    die_claiming({150, 151, 152, 153}, ClaimOutcome::claimed);
}

TEST_F(DedupDeathTest, InAClaimOfADuplicate) {
    deliver(0, 64);
    others_claim(100, 2, 2);
    die_claiming({150, 63}, ClaimOutcome::duplicate);
}

TEST_F(DedupDeathTest, InAClaimOfWhatIsInFlight) {
    deliver(0, 64);
    others_claim(100, 2, 2);
    die_claiming({100, 101, 102}, ClaimOutcome::in_flight);
}

TEST_F(DedupDeathTest, InAClaimThatFindsNoRoom) {
    deliver(0, 64);
    others_claim(100, 5, 11);
    die_claiming({150, 151, 152, 153, 154, 155}, ClaimOutcome::no_room);
}

TEST_F(DedupDeathTest, InACommitOfOneKey) {
    deliver(0, 10);
    others_claim(100, 2, 3);
    claim({150}, token(1, kVictim));
    die_committing({150});
}

TEST_F(DedupDeathTest, InTheFirstCommitOfAll) {
    claim({150}, token(1, kVictim));
    die_committing({150});
}

TEST_F(DedupDeathTest, InACommitThatFillsTheTable) {
    deliver(0, 62);
    claim({150, 151, 152, 153}, token(1, kVictim));
    die_committing({150, 151, 152, 153});
}

TEST_F(DedupDeathTest, InACommitOfManyKeysToAFullTable) {
    deliver(0, 90);
    others_claim(100, 2, 3);
    claim(numbers_from(150, kMostKeys), token(1, kVictim));
    die_committing({150, 151, 100, 152, 150, 153, 154, 155, 156, 157, 199});
}

TEST_F(DedupDeathTest, InACommitThatForgetsExpiredEvents) {
    deliver(0, 3, 10);
    deliver(20, 61);
    now += 10;
    others_claim(100, 2, 3);
    claim({150, 151, 152, 153}, token(1, kVictim));
    die_committing({150, 151, 152, 153});
}

TEST_F(DedupDeathTest, LeavesAnEventClaimedOrDeliveredAtEachMomentOfACommit) {
    deliver(0, 70);
    claim({150, 151}, token(1, kVictim));
    const std::vector<EventKey> both = keys({150, 151});
    for (Picture& picture : deaths_in({block.bytes()}, [&] {
             table.commit(both, token(1, kVictim), 201, now, now + kTtl);
         })) {
        DedupTable::attach(picture.part().bytes()).recover();
        // As long as the dead one is taken for alive.
        for (const ClaimResult& told : answers_of(picture.part(), both, now, before_death)) {
            ASSERT_TRUE(told.outcome == ClaimOutcome::in_flight ||
                        told.outcome == ClaimOutcome::duplicate);
        }
    }
}

TEST_F(DedupDeathTest, InARelease) {
    deliver(0, 70);
    others_claim(100, 2, 3);
    claim(numbers_from(150, kMostKeys), token(1, kVictim));
    die_releasing({150, 151, 100, 152, 153, 154, 155, 156, 157, 199});
}

TEST_F(DedupDeathTest, WhileItLooksForClaimsOfTheDead) {
    deliver(0, 70);
    others_claim(100, 6, 4);
    expect_survival({model}, [this] { table.drained(before_death); });
}

// How a table is left by a death in the middle of the call.
Block left_by(const Block& block, double part, const std::function<void(DedupTable&)>& call) {
    Block copy(block);
    DedupTable table = DedupTable::attach(copy.bytes());
    std::vector<Picture> pictures = pictures_of({copy.bytes()}, [&] { call(table); });
    return pictures[static_cast<std::size_t>(part * static_cast<double>(pictures.size()))].part();
}

TEST_F(DedupDeathTest, WhileItRepairs) {
    deliver(0, 90);
    others_claim(100, 4, 5);
    claim({150, 151, 152}, token(1, kVictim));
    const std::vector<DedupModel> outcomes = outcomes_of_commit({150, 151, 152});
    const Block healthy = block;
    for (double part : {0.0, 0.2, 0.4, 0.6, 0.8, 0.99}) {
        block = left_by(healthy, part, [this](DedupTable& dying) {
            dying.commit(keys({150, 151, 152}), token(1, kVictim), 201, now, now + kTtl);
        });
        die_repairing(outcomes);
        ASSERT_FALSE(HasFailure()) << "part " << part;
    }
}

class RejectingDeathTest : public DedupDeathTest {
  protected:
    RejectingDeathTest() : DedupDeathTest(WhenFull::reject) {}

    // Events that last, with expired ones behind them.
    void deliver_mixed(std::size_t lasting, std::size_t expired) {
        deliver(0, lasting);
        deliver(lasting, expired, 10);
        now += 10;
    }
};

TEST_F(RejectingDeathTest, InAClaimThatMovesTheOldestOfAFullTable) {
    deliver_mixed(30, 34);
    die_claiming({150, 151, 152}, ClaimOutcome::claimed);
}

TEST_F(RejectingDeathTest, InAClaimThatMovesTheOldestOfATableWithClaims) {
    deliver(0, 55);
    deliver(55, 3, 10);
    others_claim(100, 0, 6);
    now += 10;
    die_claiming({150, 151, 152}, ClaimOutcome::claimed);
}

TEST_F(RejectingDeathTest, InAClaimThatSweepsForTheDeadAndTheExpired) {
    deliver(0, 30);
    deliver(30, 24, 10);
    others_claim(100, 4, 6);
    now += 10;
    die_claiming(numbers_from(150, kMostKeys), ClaimOutcome::claimed);
}

TEST_F(RejectingDeathTest, InAClaimThatFindsNoRoom) {
    deliver(0, 58);
    others_claim(100, 0, 6);
    die_claiming({150}, ClaimOutcome::no_room);
}

TEST_F(RejectingDeathTest, InAClaimThatFindsNoRoomForAllOfItsKeys) {
    deliver(0, 56);
    deliver(56, 2, 10);
    others_claim(100, 2, 4);
    now += 10;
    die_claiming({150, 151, 152, 153, 154}, ClaimOutcome::no_room);
}

TEST_F(RejectingDeathTest, InACommitThatFillsTheTable) {
    deliver(0, 56);
    others_claim(100, 0, 4);
    claim({150, 151, 152, 153}, token(1, kVictim));
    die_committing({150, 151, 152, 153});
}

TEST_F(RejectingDeathTest, InACommitThatForgetsExpiredEvents) {
    deliver(0, 3, 10);
    deliver(3, 50);
    others_claim(100, 2, 4);
    claim({150, 151, 152, 153}, token(1, kVictim));
    now += 10;
    die_committing({150, 151, 152, 153});
}

TEST_F(RejectingDeathTest, WhileItRepairsATableWhoseOldestWasMoved) {
    deliver(0, 30);
    deliver(30, 28, 10);
    others_claim(100, 0, 6);
    now += 10;
    DedupModel claimed = model;
    claimed.claim(keys({150, 151}), token(1, kVictim), now);
    const Block healthy = block;
    for (int part = 0; part < 12; ++part) {
        block = left_by(healthy, part / 12.0, [this](DedupTable& dying) {
            dying.claim(keys({150, 151}), token(1, kVictim), now, when_full, before_death);
        });
        die_repairing({claimed});
        ASSERT_FALSE(HasFailure()) << "part " << part;
    }
}

TEST(DedupFormatDeath, LeavesNoTableOrAWholeOne) {
    Block block(DedupTable::smallest_size());
    std::vector<Picture> deaths =
        deaths_in({block.bytes()}, [&] { DedupTable::format(block.bytes(), kSecret); });
    for (std::size_t i = 0; i < deaths.size(); ++i) {
        Block& left = deaths[i].part();
        if (i + 1 < deaths.size()) {
            EXPECT_THROW(DedupTable::attach(left.bytes()), std::invalid_argument) << i;
        }
        // Who takes the block must not have to tell.
        DedupTable::format(left.bytes(), kSecret);
        EXPECT_TRUE(std::ranges::equal(block.bytes(), left.bytes())) << i;
    }
}

// Keeps the block as it is while a call asks for the life of an owner: what a process that is
// killed just then leaves behind.
class Photographer : public Liveness {
  public:
    Photographer(std::span<std::byte> block, const Census& census)
        : block_(block), census_(census) {}

    bool alive(Owner owner) const override {
        pictures_.emplace_back(block_);
        return census_.alive(owner);
    }
    std::vector<Block>& pictures() { return pictures_; }

  private:
    std::span<std::byte> block_;
    const Census& census_;
    mutable std::vector<Block> pictures_;
};

TEST_F(DedupDeathTest, WhileItAsksWhoLives) {
    deliver(0, 84);
    others_claim(100, 8, 8);
    Photographer photographer(block.bytes(), census);
    EXPECT_EQ(ClaimOutcome::in_flight,
              table.claim(keys({108}), token(90), now, when_full, photographer).outcome);
    EXPECT_EQ(ClaimOutcome::claimed,
              table.claim(keys({150}), token(1, kVictim), now, when_full, photographer).outcome);
    EXPECT_FALSE(table.interrupted());
    ASSERT_GE(photographer.pictures().size(), 3U);
    for (Block& picture : photographer.pictures()) {
        DedupTable left = DedupTable::attach(picture.bytes());
        ASSERT_TRUE(left.interrupted());
        left.recover();
        expect_one_of({model}, picture);
        ASSERT_FALSE(HasFailure());
    }
}

TEST_F(DedupTableTest, RecoveringAHealthyTableChangesNothing) {
    for (std::uint64_t i = 0; i < capacity() + 7; ++i) deliver(i);
    claim({5001, 5002}, token(1));
    claim({5003}, token(2, kDead));
    const DedupStats before = table.stats();
    for (int i = 0; i < 3; ++i) table.recover();
    EXPECT_FALSE(table.interrupted());
    EXPECT_EQ(before.remembered, table.stats().remembered);
    EXPECT_EQ(before.in_flight, table.stats().in_flight);
    EXPECT_EQ(before.forgotten_early, table.stats().forgotten_early);
    EXPECT_EQ(ClaimOutcome::claimed, known(6));
    for (std::uint64_t i = 7; i < capacity() + 7; ++i) {
        EXPECT_EQ(ClaimOutcome::duplicate, known(i)) << i;
    }
    EXPECT_EQ(ClaimOutcome::in_flight, known(5001));
    EXPECT_EQ(ClaimOutcome::claimed, known(5003));
    commit({5001, 5002}, token(1));
    EXPECT_EQ(ClaimOutcome::duplicate, known(5002));
    deliver(9000);
    EXPECT_EQ(ClaimOutcome::claimed, known(9));
}

TEST(DedupTableModel, DoesWhatTheModelDoesThoughProcessesDieInCalls) {
    const std::size_t smallest = DedupTable::smallest_size();
    const std::vector<TrialSetting> settings{
        {smallest, WhenFull::evict, 1, 100, 500, 500, false, true},
        {smallest, WhenFull::evict, 2, 150, 500, 500, false, true},
        {smallest, WhenFull::evict, 8, 300, 1, 900, false, true},
        {smallest, WhenFull::evict, 3, 90, 0, 60, true, true},
        {40'000, WhenFull::evict, 4, 3000, 5000, 5000, false, true},
        {smallest, WhenFull::reject, 1, 100, 500, 500, false, true},
        {smallest, WhenFull::reject, 2, 150, 200, 200, false, true},
        {smallest, WhenFull::reject, 2, 120, 1, 400, true, true},
        {smallest, WhenFull::reject, 8, 300, 10, 300, false, true},
    };
    constexpr std::uint32_t kSeeds = 8;
    constexpr int kSteps = 2000;
    for (std::size_t i = 0; i < settings.size() * kSeeds; ++i) {
        SCOPED_TRACE("setting " + std::to_string(i % settings.size()) + ", seed " +
                     std::to_string(i));
        DedupTrial trial(settings[i % settings.size()]);
        std::mt19937 random(static_cast<std::uint32_t>(i));
        const auto choose = [&random](std::uint32_t bound) { return random() % bound; };
        for (int step = 0; step < kSteps; ++step) {
            if (choose(8) == 0) {
                trial.last_step(choose, cut_off_at_random(choose));
            } else {
                trial.step(choose);
            }
            if (step % 500 == 499) trial.compare_events();
            ASSERT_EQ("", trial.difference()) << "step " << step;
        }
        EXPECT_GT(trial.successions(), 0U);
        EXPECT_GT(trial.count(ClaimOutcome::claimed), 100U);
        EXPECT_GT(trial.count(ClaimOutcome::duplicate), 10U);
    }
}

}  // namespace
}  // namespace webhook::testing
