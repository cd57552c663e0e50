// A table after a death in one of its calls, held against the model of what it should be.

#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "dedup_death.h"
#include "dedup_fixture.h"
#include "store/dedup_table.h"

namespace webhook::testing {

inline constexpr Owner kVictim{5, 1};

inline std::vector<ClaimResult> answers_of(const DedupModel& model,
                                           const std::vector<EventKey>& asked, std::uint32_t now) {
    std::vector<ClaimResult> answers;
    for (const EventKey& key : asked) answers.push_back(model.ask(key, now));
    return answers;
}

inline std::vector<ClaimResult> answers_of(const Block& block, const std::vector<EventKey>& asked,
                                           std::uint32_t now, const Census& census) {
    Block copy(block);
    DedupTable table = DedupTable::attach(copy.bytes());
    const ClaimToken by = token(1, kStranger);
    std::vector<ClaimResult> answers;
    for (const EventKey& key : asked) {
        ClaimResult result = table.claim(std::span(&key, 1), by, now, WhenFull::evict, census);
        table.release(std::span(&key, 1), by);
        // The dead do not count for long.
        if (result.outcome == ClaimOutcome::no_room) result.outcome = ClaimOutcome::claimed;
        answers.push_back(result);
    }
    return answers;
}

// A table that somebody's death left behind, and what it should be. Does with both what a table is
// for, until all that was in it has been forgotten.
class Afterlife {
  public:
    Afterlife(Block& block, DedupModel model, std::uint32_t now, WhenFull when_full,
              const Census& census)
        : block_(block),
          table_(DedupTable::attach(block.bytes())),
          model_(std::move(model)),
          now_(now),
          when_full_(when_full),
          census_(census) {}

    void run() {
        ASSERT_NO_FATAL_FAILURE(claim_all_the_room());
        ASSERT_NO_FATAL_FAILURE(end_all());
        ASSERT_NO_FATAL_FAILURE(deliver(table_.stats().capacity + 3));
        now_ += kTtl;
        ASSERT_NO_FATAL_FAILURE(deliver(table_.stats().capacity + 3));
        EXPECT_EQ(0U, table_.stats().in_flight);
        EXPECT_FALSE(table_.interrupted());
    }

  private:
    void claim_all_the_room() {
        open_ = model_.claims();
        while (claim() == ClaimOutcome::claimed) continue;
        ASSERT_FALSE(::testing::Test::HasFailure());
        ASSERT_EQ(model_.claims_of_the_living(), table_.stats().in_flight);
    }

    ClaimOutcome claim() {
        ++sequence_;
        const EventKey key = numbered_key(1'000'000 + sequence_);
        const ClaimToken by = token(sequence_, {6, 1});
        const ClaimResult expected = model_.claim(std::span(&key, 1), by, now_);
        const ClaimResult result = table_.claim(std::span(&key, 1), by, now_, when_full_, census_);
        EXPECT_EQ(expected, result);
        if (!(expected == result)) return ClaimOutcome::no_room;
        if (result.outcome == ClaimOutcome::claimed) open_.emplace_back(key, by);
        return result.outcome;
    }

    void end_all() {
        // What was in flight when the process died is delivered; of the rest, every other.
        std::uint64_t count = 0;
        for (const auto& [key, by] : open_) {
            if (by.owner == Owner{6, 1} && ++count % 2 == 0) {
                model_.release(std::span(&key, 1), by);
                table_.release(std::span(&key, 1), by);
                continue;
            }
            ASSERT_NO_FATAL_FAILURE(commit(key, by));
        }
        open_.clear();
        ASSERT_EQ(0U, table_.stats().in_flight);
    }

    void commit(const EventKey& key, const ClaimToken& by) {
        const bool forgets = model_.must_forget(now_);
        const std::vector<EventKey> order = model_.remembered(now_);
        model_.commit(std::span(&key, 1), by, 202, now_, now_ + kTtl);
        table_.commit(std::span(&key, 1), by, 202, now_, now_ + kTtl);
        ASSERT_EQ(model_.forgotten_early(), table_.stats().forgotten_early);
        ASSERT_EQ(ClaimOutcome::duplicate, ask(key).outcome);
        if (order.empty()) return;
        ASSERT_EQ(forgets ? ClaimOutcome::claimed : ClaimOutcome::duplicate,
                  ask(order.front()).outcome);
        if (order.size() > 1) {
            ASSERT_EQ(ClaimOutcome::duplicate, ask(order[1]).outcome);
        }
    }

    void deliver(std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) {
            const ClaimOutcome outcome = claim();
            ASSERT_FALSE(::testing::Test::HasFailure());
            if (outcome == ClaimOutcome::claimed) {
                ASSERT_NO_FATAL_FAILURE(commit(open_.back().first, open_.back().second));
            }
        }
    }

    ClaimResult ask(const EventKey& key) {
        return answers_of(block_, {key}, now_, census_).front();
    }

    Block& block_;
    DedupTable table_;
    DedupModel model_;
    std::uint32_t now_;
    WhenFull when_full_;
    const Census& census_;
    std::vector<std::pair<EventKey, ClaimToken>> open_;
    std::uint64_t sequence_ = 0;
};

// A table and its model in the same state, and a process that dies.
class DedupDeathTest : public DedupTableTest {
  protected:
    explicit DedupDeathTest(WhenFull full = WhenFull::evict)
        : model(capacity(), claim_capacity(block.bytes().size()), full) {
        when_full = full;
        model.bury(kDead);
    }

    void claim(const std::vector<std::uint64_t>& numbers, const ClaimToken& by) {
        ASSERT_EQ(model.claim(keys(numbers), by, now),
                  table.claim(keys(numbers), by, now, when_full, before_death));
    }
    void commit(const std::vector<std::uint64_t>& numbers, const ClaimToken& by,
                std::uint32_t ttl = kTtl) {
        model.commit(keys(numbers), by, 200, now, now + ttl);
        table.commit(keys(numbers), by, 200, now, now + ttl);
    }
    void deliver(std::uint64_t first, std::size_t count, std::uint32_t ttl = kTtl) {
        for (std::uint64_t number : numbers_from(first, count)) {
            ASSERT_NO_FATAL_FAILURE(claim({number}, token(number)));
            commit({number}, token(number), ttl);
        }
    }
    // Claims that others hold: one key each of the dead and of the living.
    void others_claim(std::uint64_t first, std::size_t dead, std::size_t living) {
        for (std::size_t i = 0; i < dead + living; ++i) {
            const Owner owner = i < dead ? kDead : kOther;
            ASSERT_NO_FATAL_FAILURE(claim({first + i}, token(first + i, owner)));
        }
        model.bury(kDead);
    }

    // Whatever write of a claim is the last, the claim is gone with its owner.
    void die_claiming(const std::vector<std::uint64_t>& numbers, ClaimOutcome outcome) {
        const ClaimToken by = token(1, kVictim);
        DedupModel after = model;
        ASSERT_EQ(outcome, after.claim(keys(numbers), by, now).outcome);
        expect_survival({after}, [&] {
            EXPECT_EQ(outcome,
                      table.claim(keys(numbers), by, now, when_full, before_death).outcome);
        });
    }

    void die_releasing(const std::vector<std::uint64_t>& numbers) {
        expect_survival({model}, [&] { table.release(keys(numbers), token(1, kVictim)); });
    }

    void die_committing(const std::vector<std::uint64_t>& numbers) {
        expect_survival(outcomes_of_commit(numbers), [&] {
            table.commit(keys(numbers), token(1, kVictim), 201, now, now + kTtl);
        });
    }

    // After the death of another, which left one of the outcomes.
    void die_repairing(const std::vector<DedupModel>& outcomes) {
        table = DedupTable::attach(block.bytes());
        std::vector<Picture> deaths = deaths_in({block.bytes()}, [this] { table.recover(); });
        // One step of it is like another.
        for (std::size_t i = 0; i < deaths.size(); i += 1 + i % 9) {
            Block& left = deaths[i].part();
            DedupTable survivor = DedupTable::attach(left.bytes());
            if (survivor.interrupted()) survivor.recover();
            expect_one_of(outcomes, left);
            ASSERT_FALSE(HasFailure()) << "death " << i;
        }
    }

    // One key is delivered after the other, and each may need the place of the oldest event.
    std::vector<DedupModel> outcomes_of_commit(const std::vector<std::uint64_t>& numbers) {
        const ClaimToken by = token(1, kVictim);
        std::vector<DedupModel> outcomes{model};
        for (const EventKey& key : keys(numbers)) {
            DedupModel state = outcomes.back();
            if (!state.holds(key, by)) continue;
            if (state.must_forget(now)) {
                DedupModel counted = state;
                counted.count_in_vain();
                outcomes.push_back(counted);
                DedupModel forgotten = state;
                forgotten.forget_early();
                outcomes.push_back(forgotten);
            }
            state.commit(std::span(&key, 1), by, 201, now, now + kTtl);
            state.leave_claim(key);
            outcomes.push_back(state);
        }
        return outcomes;
    }

    // Runs the call, dies at each of its writes, and expects one of the outcomes each time: the
    // first before it all, the last when the call is done.
    void expect_survival(const std::vector<DedupModel>& outcomes, const Call& call) {
        std::vector<Picture> deaths = deaths_in({block.bytes()}, call);
        ASSERT_GE(deaths.size(), 3U);
        for (std::size_t i = 0; i < deaths.size(); ++i) {
            if (!is_tried(i, deaths.size())) continue;
            SCOPED_TRACE("death " + std::to_string(i) + " of " + std::to_string(deaths.size()));
            Block& left = deaths[i].part();
            DedupTable survivor = DedupTable::attach(left.bytes());
            // Before the first write and after the last, nothing tells of it.
            EXPECT_EQ(i > 0 && i + 1 < deaths.size(), survivor.interrupted());
            if (survivor.interrupted()) survivor.recover();
            const std::size_t outcome = expect_one_of(outcomes, left);
            ASSERT_FALSE(HasFailure());
            EXPECT_TRUE(i > 0 || outcome == 0) << outcome;
            EXPECT_TRUE(i + 1 < deaths.size() || outcome + 1 == outcomes.size()) << outcome;
        }
    }

    // All of them, but for a claim that moves the table around several times.
    static bool is_tried(std::size_t death, std::size_t deaths) {
        constexpr std::size_t kAll = 250;
        return death < kAll || death + kAll / 4 >= deaths || death % 61 == 0;
    }

    // What the victim left is one of the outcomes, and a table to go on with.
    std::size_t expect_one_of(const std::vector<DedupModel>& outcomes, Block& left) {
        census.bury(kVictim);
        const DedupStats stats = DedupTable::attach(left.bytes()).stats();
        EXPECT_FALSE(DedupTable::attach(left.bytes()).interrupted());
        const std::vector<ClaimResult> told = answers_of(left, universe, now, census);
        for (std::size_t i = 0; i < outcomes.size(); ++i) {
            DedupModel outcome = outcomes[i];
            outcome.bury(kVictim);
            const std::vector<ClaimResult> expected = answers_of(outcome, universe, now);
            if (told == expected && agree(stats, outcome)) {
                Afterlife(left, outcome, now, when_full, census).run();
                return i;
            }
            if (i + 1 < outcomes.size()) continue;
            for (std::size_t k = 0; k < told.size(); ++k) {
                EXPECT_EQ(expected[k], told[k]) << "event " << k;
            }
        }
        ADD_FAILURE() << "none of the outcomes: " << stats.remembered << " remembered, "
                      << stats.in_flight << " in flight, " << stats.forgotten_early << " forgotten";
        return outcomes.size();
    }

    bool agree(const DedupStats& stats, const DedupModel& outcome) const {
        const std::size_t living = outcome.claims_of_the_living();
        return stats.forgotten_early == outcome.forgotten_early() &&
               stats.remembered >= outcome.not_expired(now) && stats.remembered <= stats.capacity &&
               stats.in_flight >= living &&
               stats.in_flight <= living + outcome.claims_of_the_dead();
    }

    const std::vector<EventKey> universe = keys(numbers_from(0, 200));
    DedupModel model;
    // The victim lives while it makes its call.
    const Census before_death = census;
};

}  // namespace webhook::testing
