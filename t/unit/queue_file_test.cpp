#include "store/queue_file.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <map>
#include <random>
#include <set>

#include "base/errors.h"
#include "queue_fixture.h"
#include "store/fault_point.h"

namespace webhook::testing {
namespace {

using Kind = Outcome::Kind;

class QueueFileTest : public QueueTest {
  protected:
    QueueFileTest() { open(); }

    std::vector<EntryId> entries_of(DeliveryId id) {
        std::vector<EntryId> entries;
        const auto shown = file_->show(id);
        for (const Entry& entry : shown->entries) entries.push_back(entry.id);
        return entries;
    }
    Entry entry(EntryId id) {
        const auto shown = file_->show(id.delivery());
        for (const Entry& entry : shown->entries) {
            if (entry.id == id) return entry;
        }
        ADD_FAILURE() << "no entry " << id.value;
        return {};
    }
    EntryId done(std::uint64_t number) {
        store(incoming(number));
        const std::vector<Taken> taken = take();
        EXPECT_EQ(taken.size(), 1U);
        finish(taken.front().entry, Kind::done);
        return taken.front().entry;
    }
    EntryId dead(std::uint64_t number) {
        store(incoming(number));
        const std::vector<Taken> taken = take();
        EXPECT_EQ(taken.size(), 1U);
        finish(taken.front().entry, Kind::dead);
        return taken.front().entry;
    }
    TargetStats stats(const std::string& target = "ci") {
        const QueueStats all = file_->stats();
        for (const TargetStats& stats : all.targets) {
            if (stats.target == target) return stats;
        }
        return {};
    }
};

TEST_F(QueueFileTest, KeepsADelivery) {
    Incoming one = incoming(1, {"ci", "audit"}, 3000);
    one.head.event_id = std::string("nul\0inside", 10);
    const Accepted accepted = accept(one);
    ASSERT_EQ(accepted.outcome, Stored::stored);
    ASSERT_EQ(accepted.entries.size(), 2U);
    EXPECT_FALSE(accepted.taken[0] || accepted.taken[1]);
    open();
    const auto shown = file_->show(accepted.id);
    ASSERT_TRUE(shown);
    EXPECT_EQ(shown->head.event_id, one.head.event_id);
    EXPECT_EQ(shown->head.event_type, one.head.event_type);
    EXPECT_EQ(shown->head.endpoint, one.head.endpoint);
    EXPECT_EQ(shown->head.scheme, one.head.scheme);
    EXPECT_EQ(shown->head.secret_id, one.head.secret_id);
    EXPECT_EQ(shown->head.source, one.head.source);
    EXPECT_EQ(shown->head.received_at, one.head.received_at);
    EXPECT_EQ(shown->head.headers, one.head.headers);
    EXPECT_EQ(shown->head.content_type, one.head.content_type);
    EXPECT_EQ(shown->head.body_sha256, one.head.body_sha256);
    EXPECT_EQ(shown->head.keys, one.head.keys);
    EXPECT_EQ(shown->head.keys_ttl, one.head.keys_ttl);
    EXPECT_EQ(shown->head.body_size, 3000U);
    ASSERT_EQ(shown->entries.size(), 2U);
    EXPECT_EQ(shown->entries[0].id, accepted.entries[0]);
    EXPECT_EQ(shown->entries[0].target, "ci");
    EXPECT_EQ(shown->entries[1].target, "audit");
    EXPECT_EQ(shown->entries[1].state, EntryState::waiting);
    EXPECT_EQ(read_whole(*file_, accepted.id), body_of(1, 3000));
    EXPECT_FALSE(file_->show(accepted.id + 1));
    EXPECT_THROW(read_whole(*file_, accepted.id + 1), QueueError);
}

TEST_F(QueueFileTest, KeepsBodiesOfAnySize) {
    std::uint64_t number = 0;
    for (const std::size_t size : {std::size_t{0}, std::size_t{1}, kBodyPiece - 1, kBodyPiece,
                                   kBodyPiece + 1, 3 * kBodyPiece, std::size_t{5'000'000}}) {
        SCOPED_TRACE(size);
        Incoming one = incoming(++number, {"ci"}, size);
        if (size == 0) one.body = nullptr;
        const DeliveryId id = store(one);
        const std::string body = body_of(number, size);
        EXPECT_TRUE(read_whole(*file_, id) == body);
        EXPECT_TRUE(read_whole(*file_, id, 200'000) == body);
        const std::vector<Taken> taken = take();
        ASSERT_EQ(taken.size(), 1U);
        EXPECT_TRUE(taken.front().body_start == body.substr(0, kBodyPiece));
    }
}

TEST_F(QueueFileTest, StoresTheOthersOfABatch) {
    std::vector<Incoming> batch{incoming(1), incoming(2, {"ci"}, 200'000), incoming(3),
                                incoming(4, {}), incoming(5)};
    batch[0].body = [](std::uint64_t, std::span<char>) { return false; };
    batch[1].body = [](std::uint64_t offset, std::span<char>) { return offset < 100'000; };
    const auto results = file_->accept(batch, self_, now_);
    ASSERT_EQ(results.size(), 5U);
    for (const std::size_t failed : {0, 1, 3}) EXPECT_EQ(results[failed].outcome, Stored::failed);
    EXPECT_EQ(results[2].outcome, Stored::stored);
    EXPECT_EQ(results[4].outcome, Stored::stored);
    EXPECT_EQ(read_whole(*file_, results[2].id), body_of(3, 100));
    EXPECT_EQ(read_whole(*file_, results[4].id), body_of(5, 100));
    EXPECT_EQ(list().size(), 2U);
}

TEST_F(QueueFileTest, TakesWhatIsDueOldestFirst) {
    for (const int delay : {30, 10, 20, 50}) {
        Incoming one = incoming(static_cast<std::uint64_t>(delay));
        one.targets.front().at = kStart + Milliseconds(delay);
        store(one);
    }
    EXPECT_TRUE(take().empty());
    const std::vector<std::string> targets{"ci"};
    EXPECT_EQ(file_->next_due(targets), kStart + 10ms);
    now_ += 30ms;
    const auto first = take(2);
    ASSERT_EQ(first.size(), 2U);
    EXPECT_EQ(first[0].head.event_id, "evt_10");
    EXPECT_EQ(first[1].head.event_id, "evt_20");
    const auto second = take();
    ASSERT_EQ(second.size(), 1U);
    EXPECT_EQ(second[0].head.event_id, "evt_30");
    EXPECT_EQ(second[0].body_start, body_of(30, 100));
    EXPECT_EQ(file_->next_due(targets), kStart + 50ms);
    EXPECT_EQ(stats().waiting, 1U);
    EXPECT_EQ(stats().sending, 3U);
}

TEST_F(QueueFileTest, TakesWithinTheLimitsOfTargets) {
    for (std::uint64_t i = 0; i < 10; ++i) store(incoming(i, {"a", "b"}));
    const std::vector<TakeLimit> limits{{"a", 3}, {"none", 5}, {"b", 4}};
    const auto taken = file_->take(self_, limits, now_, 6);
    ASSERT_EQ(taken.size(), 6U);
    EXPECT_EQ(std::ranges::count(taken, "a", &Taken::target), 3);
    EXPECT_EQ(std::ranges::count(taken, "b", &Taken::target), 3);
}

TEST_F(QueueFileTest, NotesAttempts) {
    const DeliveryId id = store(incoming(1));
    Taken taken = take().front();
    Outcome failed = outcome(taken.entry, Kind::later, kStart + 5s);
    failed.status = 500;
    failed.error = "status";
    failed.response = std::string(3000, 'r');
    failed.duration = 17ms;
    EXPECT_EQ(file_->finish(std::span(&failed, 1), now_), 0U);
    Entry seen = entry(taken.entry);
    EXPECT_EQ(seen.state, EntryState::waiting);
    EXPECT_EQ(seen.attempts, 1U);
    EXPECT_EQ(seen.first_attempt_at, kStart);
    EXPECT_EQ(seen.last_attempt_at, kStart);
    EXPECT_EQ(seen.next_attempt_at, kStart + 5s);
    EXPECT_EQ(seen.last_status, 500);
    EXPECT_EQ(seen.last_error, "status");
    EXPECT_EQ(seen.last_response, std::string(kMostResponse, 'r'));
    EXPECT_EQ(seen.last_duration, 17ms);
    EXPECT_TRUE(take().empty());
    now_ += 5s;
    taken = take().front();
    EXPECT_EQ(taken.attempts, 1U);
    finish(taken.entry, Kind::later_uncounted, kStart + 6s);
    seen = entry(taken.entry);
    EXPECT_EQ(seen.attempts, 1U);
    EXPECT_EQ(seen.first_attempt_at, kStart);
    EXPECT_EQ(seen.last_attempt_at, kStart + 5s);
    now_ += 1s;
    finish(take().front().entry, Kind::done);
    seen = entry(taken.entry);
    EXPECT_EQ(seen.state, EntryState::done);
    EXPECT_EQ(seen.attempts, 2U);
    EXPECT_EQ(seen.finished_at, now_);
    EXPECT_EQ(file_->next_due(std::vector<std::string>{"ci"}), std::nullopt);
    EXPECT_EQ(read_whole(*file_, id), body_of(1, 100));
}

TEST_F(QueueFileTest, EndsOnlyWhatTheOwnerSends) {
    store(incoming(1));
    const EntryId entry = take().front().entry;
    Outcome other = outcome(entry, Kind::done);
    other.owner.generation += 1;
    EXPECT_EQ(file_->finish(std::span(&other, 1), now_), 1U);
    other = outcome({entry.value + 1}, Kind::done);
    EXPECT_EQ(file_->finish(std::span(&other, 1), now_), 1U);
    finish(entry, Kind::done);
    other = outcome(entry, Kind::dead);
    EXPECT_EQ(file_->finish(std::span(&other, 1), now_), 1U);
    EXPECT_EQ(stats().done, 1U);
    EXPECT_EQ(stats().dead, 0U);
}

TEST_F(QueueFileTest, IsTakenAtOnce) {
    Incoming one = incoming(1, {"ci", "audit"});
    one.targets[0].is_taken = true;
    const Accepted accepted = accept(one);
    EXPECT_EQ(accepted.taken, (std::vector<bool>{true, false}));
    EXPECT_TRUE(take().empty());
    EXPECT_EQ(take(9, "audit").size(), 1U);
    finish(accepted.entries[0], Kind::done);
    EXPECT_EQ(stats().done, 1U);
}

TEST_F(QueueFileTest, SendsOneOfAnOrderKeyAtATime) {
    store(ordered(1, "repo"));
    store(ordered(2, "repo"));
    store(ordered(3, "other"));
    Incoming fourth = ordered(4, "repo");
    fourth.targets.front().is_taken = true;
    EXPECT_EQ(accept(fourth).taken, std::vector<bool>{false});
    auto taken = take();
    ASSERT_EQ(taken.size(), 2U);
    EXPECT_EQ(taken[0].head.event_id, "evt_1");
    EXPECT_EQ(taken[1].head.event_id, "evt_3");
    finish(taken[1].entry, Kind::done);
    EXPECT_TRUE(take().empty());
    // The first one is tried again, and the others wait for it.
    finish(taken[0].entry, Kind::later, kStart + 1s);
    EXPECT_TRUE(take().empty());
    EXPECT_EQ(stats().waiting, 3U);
    now_ += 1s;
    taken = take();
    ASSERT_EQ(taken.size(), 1U);
    EXPECT_EQ(taken[0].head.event_id, "evt_1");
    finish(taken[0].entry, Kind::dead);
    taken = take();
    ASSERT_EQ(taken.size(), 1U);
    EXPECT_EQ(taken[0].head.event_id, "evt_2");
    finish(taken[0].entry, Kind::done);
    taken = take();
    ASSERT_EQ(taken.size(), 1U);
    EXPECT_EQ(taken[0].head.event_id, "evt_4");
}

TEST_F(QueueFileTest, OrdersEachTargetByItself) {
    store(ordered(1, "repo", "", {"a", "b"}));
    store(ordered(2, "repo", "", {"a", "b"}));
    finish(take(9, "a").front().entry, Kind::done);
    EXPECT_EQ(take(9, "a").front().head.event_id, "evt_2");
    EXPECT_EQ(take(9, "b").front().head.event_id, "evt_1");
    EXPECT_TRUE(take(9, "b").empty());
}

TEST_F(QueueFileTest, PurgedOnesLetTheNextPass) {
    const DeliveryId first = store(ordered(1, "repo"));
    store(ordered(2, "repo"));
    EXPECT_EQ(file_->purge({entries_of(first), {}, {}, {}}, 10).changed, 1U);
    EXPECT_EQ(take().front().head.event_id, "evt_2");
}

TEST_F(QueueFileTest, SupersedesWhatIsOlder) {
    const DeliveryId first = store(ordered(1, "repo", "0005"));
    const DeliveryId second = store(ordered(2, "repo", "0007"));
    EXPECT_EQ(file_->show(first)->entries.front().state, EntryState::dead);
    EXPECT_EQ(file_->show(first)->entries.front().reason, DeathReason::superseded);
    const Accepted late = accept(ordered(3, "repo", "0006"));
    EXPECT_EQ(late.outcome, Stored::stored);
    EXPECT_EQ(late.superseded, std::vector<bool>{true});
    // Equal is not older.
    EXPECT_EQ(accept(ordered(4, "repo", "0007")).superseded, std::vector<bool>{false});
    EXPECT_EQ(accept(ordered(5, "other", "0001")).superseded, std::vector<bool>{false});
    EXPECT_EQ(accept(ordered(6, "repo")).superseded, std::vector<bool>{false});
    auto taken = take();
    ASSERT_EQ(taken.size(), 2U);
    EXPECT_EQ(taken[0].entry.delivery(), second);
    // What is being sent is not stopped; what waits behind it is given up.
    EXPECT_EQ(accept(ordered(7, "repo", "0008")).superseded, std::vector<bool>{false});
    EXPECT_EQ(stats().dead, 3U);
    finish(taken[0].entry, Kind::done);
    EXPECT_EQ(take().front().head.event_id, "evt_6");
    // Those that were delivered are known.
    EXPECT_EQ(accept(ordered(8, "repo", "0007")).superseded, std::vector<bool>{true});
    open();
    EXPECT_EQ(accept(ordered(9, "repo", "0007")).superseded, std::vector<bool>{true});
}

TEST_F(QueueFileTest, SupersededInFrontLetsTheNextPass) {
    store(ordered(1, "repo", "5"));
    store(ordered(2, "repo"));
    store(ordered(3, "repo", "6"));
    EXPECT_EQ(stats().dead, 1U);
    EXPECT_EQ(take().front().head.event_id, "evt_2");
}

struct Nobody : Liveness {
    bool alive(Owner) const override { return false; }
};

TEST_F(QueueFileTest, TakesOverFromTheDead) {
    for (std::uint64_t i = 0; i < 5; ++i) store(ordered(i, i < 2 ? "repo" : ""));
    EXPECT_EQ(take().size(), 4U);
    EXPECT_EQ(file_->take_over(file_->members(), now_, 100), 0U);
    EXPECT_EQ(file_->take_over(Nobody(), now_ + 1s, 3), 3U);
    EXPECT_EQ(file_->take_over(Nobody(), now_ + 1s, 3), 1U);
    EXPECT_EQ(file_->take_over(Nobody(), now_ + 1s, 3), 0U);
    EXPECT_TRUE(take().empty());
    now_ += 1s;
    EXPECT_EQ(take().size(), 4U);
}

TEST_F(QueueFileTest, TakesOverFromAnEarlierBoot) {
    store(incoming(1));
    EXPECT_EQ(take().size(), 1U);
    // Nobody uses the lock file then: the next one is made anew, with the same names of processes.
    open();
    EXPECT_EQ(file_->take_over(file_->members(), now_, 100), 1U);
    EXPECT_EQ(take().size(), 1U);
}

TEST_F(QueueFileTest, TakesOverFromAKilledProcess) {
    store(incoming(1));
    Signal taken;
    Child child([&] {
        QueueFile mine(options());
        const Owner owner = mine.enroll();
        const TakeLimit limit{"ci", 5};
        if (mine.take(owner, std::span(&limit, 1), now_, 5).size() != 1) return false;
        taken.give();
        pause();
        return true;
    });
    taken.await();
    EXPECT_EQ(file_->take_over(file_->members(), now_, 100), 0U);
    EXPECT_TRUE(take().empty());
    child.kill_now();
    EXPECT_EQ(file_->take_over(file_->members(), now_, 100), 1U);
    EXPECT_EQ(take().size(), 1U);
}

TEST_F(QueueFileTest, PausesATarget) {
    file_->set_paused("ci", true);
    store(incoming(1, {"ci", "audit"}));
    const std::vector<std::string> targets{"ci", "none"};
    EXPECT_TRUE(take().empty());
    EXPECT_EQ(file_->next_due(targets), std::nullopt);
    EXPECT_EQ(take(9, "audit").size(), 1U);
    EXPECT_EQ(file_->paused(), std::vector<std::string>{"ci"});
    EXPECT_TRUE(stats().is_paused);
    open();
    EXPECT_TRUE(take().empty());
    file_->set_paused("ci", false);
    EXPECT_TRUE(file_->paused().empty());
    EXPECT_EQ(file_->next_due(targets), kStart);
    EXPECT_EQ(take().size(), 1U);
}

TEST_F(QueueFileTest, ListsByEachFilter) {
    std::vector<EntryId> ended;
    for (std::uint64_t i = 0; i < 40; ++i) {
        now_ = kStart + Milliseconds(i);
        Incoming one = incoming(i, {"a", "b"});
        one.head.received_at = now_;
        one.targets[0].at = one.targets[1].at = now_;
        if (i % 4 == 0) one.head.endpoint = "/other";
        store(one);
        if (i % 3 != 0) continue;
        const EntryId entry = take(1, "a").front().entry;
        finish(entry, i % 2 == 0 ? Kind::done : Kind::dead);
    }
    take(5, "b");
    EXPECT_EQ(list().size(), 80U);
    const auto count = [this](const EntryFilter& filter) {
        const std::size_t listed = list(filter).size();
        EXPECT_EQ(list(filter, 100).size(), listed);
        EntryCount counted;
        std::size_t all = 0;
        do {
            counted = file_->count(filter, counted.next, 9);
            all += counted.entries;
        } while (counted.next);
        EXPECT_EQ(all, listed);
        return listed;
    };
    EXPECT_EQ(count({}), 80U);
    EXPECT_EQ(count({.state = EntryState::waiting}), 61U);
    EXPECT_EQ(count({.state = EntryState::sending}), 5U);
    EXPECT_EQ(count({.state = EntryState::sending, .target = "a"}), 0U);
    EXPECT_EQ(count({.state = EntryState::done}), 7U);
    EXPECT_EQ(count({.state = EntryState::dead}), 7U);
    EXPECT_EQ(count({.state = EntryState::dead, .reason = DeathReason::exhausted}), 7U);
    EXPECT_EQ(count({.state = EntryState::dead, .reason = DeathReason::aborted}), 0U);
    EXPECT_EQ(count({.state = EntryState::waiting, .target = "b"}), 35U);
    EXPECT_EQ(count({.target = "b"}), 40U);
    EXPECT_EQ(count({.target = "none"}), 0U);
    EXPECT_EQ(count({.state = EntryState::waiting, .target = "none"}), 0U);
    EXPECT_EQ(count({.endpoint = "/other"}), 20U);
    EXPECT_EQ(count({.event_id = "evt_7"}), 2U);
    EXPECT_EQ(count({.target = "a", .event_id = "evt_7"}), 1U);
    EXPECT_EQ(count({.event_id = "evt_40"}), 0U);
    EXPECT_EQ(count({.event_type = "push"}), 40U);
    EXPECT_EQ(count({.received_from = kStart + 10ms, .received_to = kStart + 19ms}), 20U);
    EXPECT_EQ(count({.received_from = kStart + 39ms}), 2U);
    EXPECT_EQ(count({.received_to = kStart}), 2U);
    EXPECT_EQ(count({.state = EntryState::dead, .received_to = kStart + 9ms}), 5U);
    const std::vector<Entry> newest = list({.event_type = "ping"});
    ASSERT_EQ(newest.size(), 40U);
    EXPECT_EQ(newest.front().event_id, "evt_39");
    EXPECT_TRUE(std::ranges::is_sorted(newest, std::greater(), &Entry::id));
}

TEST_F(QueueFileTest, FindsAnEventAmongManyBlocks) {
    std::vector<Incoming> batch;
    for (std::uint64_t i = 0; i < 9000; ++i) {
        batch.push_back(incoming(i % 4500, {"ci"}, 10));
        if (batch.size() < 500) continue;
        file_->accept(batch, self_, now_);
        batch.clear();
    }
    const auto found = list({.event_id = "evt_17"}, 1);
    ASSERT_EQ(found.size(), 2U);
    EXPECT_EQ(found[0].id.delivery(), 4518);
    EXPECT_EQ(found[1].id.delivery(), 18);
}

TEST_F(QueueFileTest, ReplaysByName) {
    const EntryId first = dead(1);
    const EntryId second = done(2);
    const DeliveryId waiting = store(incoming(3));
    const Acted acted =
        file_->replay({{first, second, entries_of(waiting).front(), {12345}}, {}, {}, {}},
                      {"admin", now_ + 10s, 1s}, 10);
    EXPECT_EQ(acted.changed, 3U);
    EXPECT_FALSE(acted.next);
    EXPECT_EQ(stats().waiting, 3U);
    EXPECT_EQ(stats().dead + stats().done, 0U);
    const Entry seen = entry(second);
    EXPECT_EQ(seen.state, EntryState::waiting);
    EXPECT_EQ(seen.attempts, 0U);
    EXPECT_EQ(seen.replays, 1U);
    EXPECT_EQ(seen.replayed_by, "admin");
    EXPECT_EQ(seen.next_attempt_at, now_ + 11s);
    EXPECT_EQ(seen.event_id, "evt_2");
    // What waited is due at the new time only.
    EXPECT_TRUE(take().empty());
    now_ += 12s;
    const auto taken = take();
    ASSERT_EQ(taken.size(), 3U);
    EXPECT_EQ(taken[0].replays, 1U);
    EXPECT_EQ(taken[0].body_start, body_of(1, 100));
    EXPECT_EQ(file_->replay({{first}, {}, {}, {}}, {"admin", now_, 0s}, 10).changed, 0U);
}

TEST_F(QueueFileTest, ReplaysAFilterAsExpected) {
    for (std::uint64_t i = 0; i < 10; ++i) dead(i);
    Selection all{{}, EntryFilter{.state = EntryState::dead}, 9, {}};
    Acted acted = file_->replay(all, {"admin", now_, 0s}, 4);
    EXPECT_EQ(acted.unexpected, 10U);
    EXPECT_EQ(acted.changed, 0U);
    EXPECT_EQ(stats().dead, 10U);
    all.expected = 10;
    std::size_t steps = 0;
    std::uint64_t changed = 0;
    do {
        acted = file_->replay(all, {"admin", now_, 0s}, 4);
        EXPECT_FALSE(acted.unexpected);
        EXPECT_LE(acted.changed, 4U);
        changed += acted.changed;
        all.after = acted.next;
        ++steps;
    } while (acted.next);
    EXPECT_EQ(changed, 10U);
    EXPECT_LE(steps, 4U);
    EXPECT_EQ(take().size(), 10U);
}

TEST_F(QueueFileTest, ReplayKeepsTheOrder) {
    store(ordered(1, "repo"));
    const EntryId first = take().front().entry;
    finish(first, Kind::dead);
    store(ordered(2, "repo"));
    EXPECT_EQ(file_->replay({{first}, {}, {}, {}}, {"admin", now_, 0s}, 10).changed, 1U);
    auto taken = take();
    ASSERT_EQ(taken.size(), 1U);
    EXPECT_EQ(taken[0].head.event_id, "evt_2");
    finish(taken[0].entry, Kind::done);
    taken = take();
    ASSERT_EQ(taken.size(), 1U);
    EXPECT_EQ(taken[0].entry, first);
}

TEST_F(QueueFileTest, PurgesAndGivesTheRoomBack) {
    const std::uint64_t before = file_->stats().free;
    const DeliveryId id = store(incoming(1, {"a", "b"}, 3'000'000));
    store(incoming(2, {"a"}));
    EXPECT_LT(file_->stats().free, before - 3'000'000);
    const auto entries = entries_of(id);
    EXPECT_EQ(file_->purge({{entries[0]}, {}, {}, {}}, 10).changed, 1U);
    EXPECT_EQ(file_->show(id)->entries.size(), 1U);
    EXPECT_EQ(read_whole(*file_, id).size(), 3'000'000U);
    take(9, "b");
    EXPECT_EQ(file_->purge({{entries[1]}, {}, {}, {}}, 10).changed, 0U);
    finish(entries[1], Kind::done);
    EXPECT_EQ(file_->purge({{}, EntryFilter{.state = EntryState::done}, 1, {}}, 10).changed, 1U);
    EXPECT_FALSE(file_->show(id));
    EXPECT_THROW(read_whole(*file_, id), QueueError);
    EXPECT_GT(file_->stats().free + 100'000, before);
    EXPECT_EQ(list().size(), 1U);
}

TEST_F(QueueFileTest, ExpiresInSteps) {
    const EntryId delivered = done(1);
    const EntryId given_up = dead(2);
    Incoming later = incoming(3);
    later.targets.front().at = now_ + 1000h;
    store(later);
    EXPECT_EQ(file_->expire(now_ + 1h, 1h, 2h, 10), 0U);
    EXPECT_EQ(file_->expire(now_ + 1h + 1ms, 1h, 2h, 10), 1U);
    EXPECT_FALSE(file_->show(delivered.delivery()));
    EXPECT_TRUE(file_->show(given_up.delivery()));
    EXPECT_EQ(file_->expire(now_ + 2h + 1ms, 1h, 2h, 10), 1U);
    EXPECT_EQ(list().size(), 1U);
    for (std::uint64_t i = 0; i < 10; ++i) done(10 + i);
    EXPECT_EQ(file_->expire(now_ + 3h, 1h, 2h, 4), 4U);
    EXPECT_EQ(file_->expire(now_ + 3h, 1h, 2h, 4), 4U);
    EXPECT_EQ(file_->expire(now_ + 3h, 1h, 2h, 4), 2U + 0U);
    EXPECT_EQ(stats().done, 0U);
}

TEST_F(QueueFileTest, IsFullBeforeTheDiskIs) {
    QueueFile::Options small = options();
    small.max = kSmallestQueue;
    open(small);
    std::vector<DeliveryId> stored;
    Accepted last;
    for (std::uint64_t i = 1; (last = accept(incoming(i, {"ci"}, 2000))).outcome == Stored::stored;
         ++i) {
        stored.push_back(last.id);
        ASSERT_LT(i, 1000U);
    }
    EXPECT_EQ(last.outcome, Stored::full);
    EXPECT_GT(stored.size(), 100U);
    EXPECT_TRUE(file_->is_usable());
    // Too large to fit, while the others of the batch do, once there is some room again.
    const std::vector<Incoming> batch{incoming(2000, {"ci"}, 2000),
                                      incoming(2001, {"ci"}, 5'000'000)};
    for (const Accepted& result : file_->accept(batch, self_, now_)) {
        EXPECT_EQ(result.outcome, Stored::full);
    }
    // Delivering goes on.
    for (int i = 0; i < 10; ++i) {
        const auto taken = take(10);
        ASSERT_EQ(taken.size(), 10U);
        for (const Taken& one : taken) {
            Outcome failed = outcome(one.entry, i % 2 == 0 ? Kind::dead : Kind::done);
            failed.response = std::string(1024, 'r');
            EXPECT_EQ(file_->finish(std::span(&failed, 1), now_), 0U);
        }
    }
    EXPECT_EQ(file_->expire(now_ + 1h, 1min, 1min, 1000), 100U);
    const auto results = file_->accept(batch, self_, now_);
    EXPECT_EQ(results[0].outcome, Stored::stored);
    EXPECT_EQ(results[1].outcome, Stored::full);
    struct stat status {};
    ASSERT_EQ(stat(path().c_str(), &status), 0);
    EXPECT_LE(static_cast<std::uint64_t>(status.st_size), kSmallestQueue);
    file_->checkpoint(true);
    ASSERT_EQ(stat(path().c_str(), &status), 0);
    EXPECT_LE(static_cast<std::uint64_t>(status.st_size), kSmallestQueue);
}

TEST_F(QueueFileTest, MakesFilesForItsUserOnly) {
    store(incoming(1));
    std::set<std::string> names;
    for (const std::string& name : folder_.names()) {
        struct stat status {};
        ASSERT_EQ(stat(folder_.file(name).c_str(), &status), 0);
        EXPECT_EQ(status.st_mode & 0777, 0600U) << name;
        names.insert(name);
    }
    EXPECT_EQ(names,
              (std::set<std::string>{"later.db", "later.db-shm", "later.db-wal", "later.db.lock"}));
    file_.reset();
    EXPECT_EQ(folder_.names().size(), 2U);
}

TEST_F(QueueFileTest, KeepsItsLogShort) {
    for (std::uint64_t i = 0; i < 500; ++i) store(incoming(i, {"ci"}, 3000));
    struct stat status {};
    ASSERT_EQ(stat((path() + "-wal").c_str(), &status), 0);
    EXPECT_LT(status.st_size, 200 * 4096);
    EXPECT_EQ(list({}, 100).size(), 500U);
}

// -- Nothing looks at all that is stored

std::vector<sqlite3*> connections;

int note_connection(sqlite3* connection, char**, const void*) {
    connections.push_back(connection);
    return SQLITE_OK;
}

class QueuePlanTest : public QueueFileTest {
  protected:
    QueuePlanTest() {
        connections.clear();
        sqlite3_auto_extension(reinterpret_cast<void (*)()>(&note_connection));
        open();
        sqlite3_cancel_auto_extension(reinterpret_cast<void (*)()>(&note_connection));
    }

    static std::string plan_of(sqlite3* connection, const std::string& sql) {
        std::string plan;
        sqlite3_stmt* statement = nullptr;
        const std::string explained = "EXPLAIN QUERY PLAN " + sql;
        EXPECT_EQ(sqlite3_prepare_v2(connection, explained.c_str(), -1, &statement, nullptr),
                  SQLITE_OK);
        while (sqlite3_step(statement) == SQLITE_ROW) {
            plan += reinterpret_cast<const char*>(sqlite3_column_text(statement, 3));
            plan += '\n';
        }
        sqlite3_finalize(statement);
        return plan;
    }
};

TEST_F(QueuePlanTest, EveryStatementFollowsAnIndex) {
    for (std::uint64_t i = 0; i < 20; ++i) {
        store(ordered(i, "repo", std::to_string(i % 10), {"ci", "b"}));
    }
    for (std::uint64_t i = 0; i < 20; ++i) store(incoming(i, {"ci"}, 200'000));
    for (const Taken& taken : take(5)) finish(taken.entry, Kind::done);
    for (const Taken& taken : take(5)) finish(taken.entry, Kind::dead);
    take(3);
    read_whole(*file_, 21);
    read_whole(*file_, 1);
    file_->stats();
    file_->take_over(Nobody(), now_, 3);
    file_->set_paused("b", true);
    file_->paused();
    list();
    list({.state = EntryState::waiting});
    list({.state = EntryState::sending});
    list({.state = EntryState::dead, .target = "ci"});
    list({.event_id = "evt_1"});
    list({.received_from = kStart});
    file_->replay({{}, EntryFilter{.state = EntryState::dead}, {}, {}}, {"me", now_, 0s}, 2);
    file_->purge({{}, EntryFilter{.state = EntryState::dead}, {}, {}}, 2);
    file_->next_due(std::vector<std::string>{"ci"});
    file_->expire(now_ + 1h, 1ms, 1ms, 10);
    ASSERT_EQ(connections.size(), 1U);
    std::size_t statements = 0;
    for (sqlite3_stmt* statement = nullptr;
         (statement = sqlite3_next_stmt(connections.front(), statement)) != nullptr;) {
        const std::string sql = sqlite3_sql(statement);
        if (sql.starts_with("PRAGMA") || sql.find("LIMIT 1 -- any") != std::string::npos) continue;
        ++statements;
        const std::string plan = plan_of(connections.front(), sql);
        if (getenv("SHOW_PLANS") != nullptr) puts((sql + "\n    " + plan).c_str());
        // There are few targets, and few deliveries that are being sent.
        if (sql.find("FROM target") != std::string::npos ||
            sql.find("entry_sending WHERE state = 2 AND id") != std::string::npos) {
            continue;
        }
        for (const char* slow : {"SCAN e", "SCAN d", "SCAN p", "SCAN n", "TEMP B-TREE"}) {
            EXPECT_EQ(plan.find(slow), std::string::npos) << sql << '\n' << plan;
        }
    }
    EXPECT_GT(statements, 40U);
}

// -- Others

// A process that does not go on, as one that waits for its disk.
TEST_F(QueueFileTest, WaitsForOthersForSomeSecondsOnly) {
    Signal locked;
    Child child([&] {
        QueueFile mine(options());
        queue_point = [] {
            raise(SIGSTOP);
            return true;
        };
        locked.give();
        mine.set_paused("ci", true);
        return true;
    });
    locked.await();
    int status = 0;
    ASSERT_EQ(waitpid(child.process(), &status, WUNTRACED), child.process());
    ASSERT_TRUE(WIFSTOPPED(status));
    EXPECT_EQ(accept(incoming(1)).outcome, Stored::failed);
    EXPECT_EQ(file_->error(),
              "the process " + std::to_string(child.process()) + " does not give its lock back");
    EXPECT_TRUE(file_->is_usable());
    // Who only looks does not wait.
    EXPECT_TRUE(list().empty());
    EXPECT_FALSE(stats().is_paused);
    child.kill_now();
    store(incoming(2));
}

class Refusal : public QueueTest {
  protected:
    std::string refused() {
        try {
            open();
        } catch (const std::runtime_error& error) {
            return error.what();
        }
        return "";
    }
    std::string checked(uid_t user = geteuid()) {
        try {
            QueueFile::check(path(), user);
        } catch (const ConfigError& error) {
            return error.what();
        }
        return "";
    }
    void execute(const std::string& sql) {
        sqlite3* connection = nullptr;
        ASSERT_EQ(sqlite3_open(path().c_str(), &connection), SQLITE_OK);
        EXPECT_EQ(sqlite3_exec(connection, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK);
        sqlite3_close(connection);
        chmod(path().c_str(), 0600);
    }
    std::string file() const { return "the queue file \"" + path() + "\" "; }
};

TEST_F(Refusal, OfADirectoryForOthers) {
    EXPECT_EQ(checked(), "");
    for (const mode_t mode : {0720, 0702, 0777}) {
        chmod(folder_.path().c_str(), mode);
        const std::string why = file() + "cannot be in \"" + folder_.path() +
                                "\", which is writable by group or others; set mode 0700";
        EXPECT_EQ(refused(), why);
        EXPECT_EQ(checked(), why);
    }
    chmod(folder_.path().c_str(), 0700);
    EXPECT_EQ(checked(geteuid() + 1),
              file() + "cannot be in \"" + folder_.path() + "\", which belongs to the user " +
                  std::to_string(geteuid()) + ", not to the one that the workers run as, " +
                  std::to_string(geteuid() + 1));
    EXPECT_TRUE(folder_.names().empty());
}

TEST_F(Refusal, OfFilesThatAreNone) {
    write_content(folder_.file("other"), "");
    ASSERT_EQ(symlink(folder_.file("other").c_str(), path().c_str()), 0);
    EXPECT_EQ(refused(), file() + "is a symbolic link");
    EXPECT_EQ(checked(), file() + "is a symbolic link");
    unlink(path().c_str());
    ASSERT_EQ(mkdir(path().c_str(), 0700), 0);
    EXPECT_EQ(refused(), file() + "is not a regular file");
    rmdir(path().c_str());
    write_content(path(), "");
    chmod(path().c_str(), 0640);
    EXPECT_EQ(refused(), file() + "is accessible by group or others; set mode 0600");
    chmod(path().c_str(), 0600);
    EXPECT_EQ(refused(), "");
}

TEST_F(Refusal, OfAnythingElse) {
    const std::string text(10'000, 'x');
    write_content(path(), text);
    EXPECT_EQ(checked(), file() +
                             "holds something else than a queue of this version of the module: "
                             "another path is meant, or the file is to be removed");
    const std::string why = file() +
                            "holds something else than a queue: another path is meant, or the "
                            "file is to be removed";
    EXPECT_EQ(refused(), why);
    EXPECT_EQ(refused(), why);
    EXPECT_EQ(content_of(path()), text);
}

TEST_F(Refusal, OfAnotherApplication) {
    execute("CREATE TABLE t(a); INSERT INTO t VALUES(1)");
    const std::string before = content_of(path());
    EXPECT_EQ(refused(), file() + "is the database of another application");
    EXPECT_NE(checked(), "");
    EXPECT_EQ(content_of(path()), before);
}

TEST_F(Refusal, OfAnotherVersion) {
    open();
    store(incoming(1));
    file_.reset();
    EXPECT_EQ(checked(), "");
    execute("PRAGMA user_version = 7");
    unlink((path() + ".lock").c_str());
    EXPECT_EQ(refused(), file() + "has the layout 7 of another version of the module, not 1");
    EXPECT_NE(checked(), "");
}

TEST_F(Refusal, OfALockFileInUseByAnotherVersion) {
    open();
    const Descriptor lock = open_existing(path() + ".lock");
    ASSERT_EQ(pwrite(lock.get(), "\2", 1, 8), 1);
    const std::unique_ptr<QueueFile> other = std::move(file_);
    EXPECT_EQ(refused(), "its lock file is in use by another version of the module");
}

// -- A model: what the queue holds, told in the simplest way

struct ModelEntry {
    std::string target;
    EntryState state = EntryState::waiting;
    DeathReason reason = DeathReason::none;
    Milliseconds at{0};
    Milliseconds ended{0};
    std::uint32_t attempts = 0;
    std::uint32_t replays = 0;
    std::string key;
    std::string value;
    // Has its turn among those of its key.
    bool leads = true;
    std::uint64_t number = 0;
};

class Model {
  public:
    std::map<EntryId, ModelEntry> entries;
    struct Newest {
        std::string value;
        Milliseconds at{0};
    };
    std::map<std::pair<std::string, std::string>, Newest> newest;
    std::set<std::string> paused;

    bool is_open(const ModelEntry& entry) const {
        return entry.state == EntryState::waiting || entry.state == EntryState::sending;
    }
    bool is_led(const ModelEntry& like) const {
        return !like.key.empty() && std::ranges::any_of(entries, [&](const auto& one) {
            const ModelEntry& entry = one.second;
            return entry.target == like.target && entry.key == like.key && is_open(entry) &&
                   entry.leads;
        });
    }
    void promote(const ModelEntry& like) {
        if (like.key.empty() || is_led(like)) return;
        for (auto& [id, entry] : entries) {
            if (entry.target != like.target || entry.key != like.key || !is_open(entry)) continue;
            entry.leads = true;
            return;
        }
    }
    void add(EntryId id, ModelEntry entry, Milliseconds now) {
        if (!entry.key.empty() && !entry.value.empty()) {
            Newest& known = newest[{entry.target, entry.key}];
            if (known.value > entry.value) {
                entry.state = EntryState::dead;
                entry.reason = DeathReason::superseded;
                entry.ended = now;
                entries[id] = entry;
                return;
            }
            known = {entry.value, now};
            for (auto& [other_id, other] : entries) {
                if (other.target != entry.target || other.key != entry.key) continue;
                if (other.state != EntryState::waiting || other.value.empty()) continue;
                if (other.value >= entry.value) continue;
                other.state = EntryState::dead;
                other.reason = DeathReason::superseded;
                other.ended = now;
            }
            promote(entry);
        }
        entry.leads = !is_led(entry);
        entries[id] = entry;
    }
    std::vector<EntryId> due(const std::string& target, Milliseconds now, std::size_t most) const {
        std::vector<std::pair<Milliseconds, EntryId>> found;
        if (paused.contains(target)) return {};
        for (const auto& [id, entry] : entries) {
            if (entry.target == target && entry.state == EntryState::waiting && entry.leads &&
                entry.at <= now) {
                found.emplace_back(entry.at, id);
            }
        }
        std::ranges::sort(found);
        std::vector<EntryId> due;
        for (std::size_t i = 0; i < std::min(most, found.size()); ++i)
            due.push_back(found[i].second);
        return due;
    }
};

class QueueModelTest : public QueueFileTest {
  protected:
    const std::vector<std::string> kNames{"a", "b", "c"};

    void accept_some() {
        std::vector<Incoming> batch;
        const std::size_t size = 1 + random_() % 5;
        for (std::size_t i = 0; i < size; ++i) {
            Incoming one = incoming(++number_, {}, random_() % 8 == 0 ? 70'000 : random_() % 2000);
            if (random_() % 2 == 0) {
                one.head.order_key = "key" + std::to_string(random_() % 4);
                if (random_() % 2 == 0) one.head.order_value = std::to_string(random_() % 10);
            }
            for (const std::string& name : kNames) {
                if (random_() % 2 == 0)
                    one.targets.push_back({name, now_ + Milliseconds(random_() % 20)});
            }
            if (one.targets.empty()) one.targets.push_back({"a", now_});
            batch.push_back(one);
        }
        const auto results = file_->accept(batch, self_, now_);
        for (std::size_t i = 0; i < size; ++i) {
            ASSERT_EQ(results[i].outcome, Stored::stored);
            bodies_[results[i].id] = body_of(number_ - size + 1 + i, batch[i].head.body_size);
            for (std::size_t k = 0; k < batch[i].targets.size(); ++k) {
                ModelEntry entry;
                entry.target = batch[i].targets[k].name;
                entry.at = batch[i].targets[k].at;
                entry.key = batch[i].head.order_key;
                entry.value = batch[i].head.order_value;
                entry.number = number_ - size + 1 + i;
                model_.add(results[i].entries[k], entry, now_);
                ASSERT_EQ(results[i].superseded[k],
                          model_.entries[results[i].entries[k]].state == EntryState::dead);
            }
        }
    }
    void take_some() {
        const std::string& target = kNames[random_() % 3];
        const std::size_t most = 1 + random_() % 6;
        const auto expected = model_.due(target, now_, most);
        const auto taken = take(most, target);
        ASSERT_EQ(taken.size(), expected.size());
        for (std::size_t i = 0; i < taken.size(); ++i) {
            ASSERT_EQ(taken[i].entry, expected[i]);
            ASSERT_TRUE(taken[i].body_start ==
                        bodies_[taken[i].entry.delivery()].substr(0, kBodyPiece));
            model_.entries[expected[i]].state = EntryState::sending;
        }
    }
    void finish_some() {
        std::vector<Outcome> outcomes;
        for (auto& [id, entry] : model_.entries) {
            if (entry.state != EntryState::sending || random_() % 2 == 0) continue;
            const auto kind = static_cast<Kind>(random_() % 4);
            outcomes.push_back(outcome(id, kind, now_ + Milliseconds(random_() % 50)));
            end(entry, outcomes.back());
        }
        ASSERT_EQ(file_->finish(outcomes, now_), 0U);
    }
    void end(ModelEntry& entry, const Outcome& outcome) {
        if (outcome.kind != Kind::later_uncounted) ++entry.attempts;
        switch (outcome.kind) {
            case Kind::done:
                entry.state = EntryState::done;
                break;
            case Kind::dead:
                entry.state = EntryState::dead;
                entry.reason = DeathReason::exhausted;
                break;
            case Kind::later:
            case Kind::later_uncounted:
                entry.state = EntryState::waiting;
                entry.at = outcome.at;
                return;
        }
        entry.ended = now_;
        model_.promote(entry);
    }
    EntryId any() {
        auto found = model_.entries.begin();
        std::advance(found, random_() % model_.entries.size());
        return found->first;
    }
    void replay_one() {
        if (model_.entries.empty()) return;
        const EntryId id = any();
        ModelEntry& entry = model_.entries[id];
        const bool possible = entry.state != EntryState::sending;
        ASSERT_EQ(file_->replay({{id}, {}, {}, {}}, {"me", now_ + 5ms, 0ms}, 5).changed, possible);
        if (!possible) return;
        const bool leads = entry.state == EntryState::waiting && entry.leads;
        if (!leads) entry.leads = !model_.is_led(entry);
        entry.state = EntryState::waiting;
        entry.reason = DeathReason::none;
        entry.at = now_ + 5ms;
        entry.attempts = 0;
        ++entry.replays;
    }
    void purge_one() {
        if (model_.entries.empty()) return;
        const EntryId id = any();
        const ModelEntry entry = model_.entries[id];
        const bool possible = entry.state != EntryState::sending;
        ASSERT_EQ(file_->purge({{id}, {}, {}, {}}, 5).changed, possible);
        if (!possible) return;
        model_.entries.erase(id);
        model_.promote(entry);
    }
    void expire_some() {
        file_->expire(now_, 100ms, 300ms, 10'000);
        std::erase_if(model_.entries, [this](const auto& one) {
            const ModelEntry& entry = one.second;
            return (entry.state == EntryState::done && entry.ended < now_ - 100ms) ||
                   (entry.state == EntryState::dead && entry.ended < now_ - 300ms);
        });
        std::erase_if(model_.newest,
                      [this](const auto& one) { return one.second.at < now_ - 300ms; });
    }
    void toggle_pause() {
        const std::string& target = kNames[random_() % 3];
        const bool is_paused = !model_.paused.contains(target);
        file_->set_paused(target, is_paused);
        is_paused ? void(model_.paused.insert(target)) : void(model_.paused.erase(target));
    }
    void compare() {
        const std::vector<Entry> all = list({}, 50);
        ASSERT_EQ(all.size(), model_.entries.size());
        std::map<std::string, std::array<std::uint64_t, 4>> counts;
        for (const Entry& seen : all) {
            ASSERT_TRUE(model_.entries.contains(seen.id));
            const ModelEntry& entry = model_.entries[seen.id];
            ASSERT_EQ(seen.target, entry.target);
            ASSERT_EQ(seen.state, entry.state) << seen.id.value;
            ASSERT_EQ(seen.reason, entry.reason);
            ASSERT_EQ(seen.attempts, entry.attempts);
            ASSERT_EQ(seen.replays, entry.replays);
            if (entry.state == EntryState::waiting) {
                ASSERT_EQ(seen.next_attempt_at, entry.at);
            }
            ++counts[seen.target][static_cast<std::size_t>(seen.state)];
        }
        const QueueStats known = file_->stats();
        for (const TargetStats& stats : known.targets) {
            const auto& count = counts[stats.target];
            ASSERT_EQ(stats.waiting, count[0]);
            ASSERT_EQ(stats.sending, count[1]);
            ASSERT_EQ(stats.done, count[2]);
            ASSERT_EQ(stats.dead, count[3]);
            ASSERT_EQ(stats.is_paused, model_.paused.contains(stats.target));
        }
        for (const Entry& seen : all) {
            if (random_() % 20 != 0) continue;
            const DeliveryId id = seen.id.delivery();
            ASSERT_TRUE(read_whole(*file_, id) == bodies_[id]);
        }
    }
    void step() {
        now_ += Milliseconds(random_() % 10);
        const std::uint32_t choice = random_() % 100;
        if (choice < 30) return accept_some();
        if (choice < 60) return take_some();
        if (choice < 80) return finish_some();
        if (choice < 88) return replay_one();
        if (choice < 93) return purge_one();
        if (choice < 95) return toggle_pause();
        if (choice < 96) return file_->checkpoint(random_() % 2 == 0);
        if (choice < 98) return expire_some();
    }

    std::mt19937 random_{7};
    Model model_;
    std::map<DeliveryId, std::string> bodies_;
    std::uint64_t number_ = 0;
};

TEST_F(QueueModelTest, AgreesWithTheModel) {
    for (int i = 0; i < 3000; ++i) {
        SCOPED_TRACE(i);
        step();
        ASSERT_FALSE(HasFatalFailure());
        if (i % 20 == 0) compare();
        ASSERT_FALSE(HasFatalFailure());
    }
    EXPECT_GT(model_.entries.size(), 500U);
}

}  // namespace
}  // namespace webhook::testing
