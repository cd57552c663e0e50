#include "base/breaker.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <optional>

namespace webhook {
namespace {

constexpr Breaker::Policy kPolicy{3, Milliseconds(50), Milliseconds(5000)};
// With it, a back-off of `n` milliseconds takes just `n`.
constexpr std::uint32_t half_of(std::int64_t nominal) {
    return static_cast<std::uint32_t>(nominal - nominal / 2);
}

class BreakerTest : public testing::Test {
  protected:
    void pass(std::int64_t time) { now_ += Milliseconds(time); }
    bool allows() { return breaker_.allows(now_); }

    Breaker breaker_{kPolicy};
    Milliseconds now_{1'000'000};
};

TEST_F(BreakerTest, IsClosedAtFirst) {
    EXPECT_TRUE(breaker_.is_closed());
    EXPECT_TRUE(allows());
    EXPECT_TRUE(allows());
    EXPECT_EQ(breaker_.next_probe(), std::nullopt);
}

TEST_F(BreakerTest, OpensAfterFailuresInARow) {
    breaker_.failed(now_, 0);
    breaker_.failed(now_, 0);
    EXPECT_TRUE(allows());
    breaker_.succeeded();
    breaker_.failed(now_, 0);
    breaker_.failed(now_, 0);
    EXPECT_TRUE(allows()) << "not in a row";
    breaker_.failed(now_, half_of(50));
    EXPECT_FALSE(allows());
    EXPECT_FALSE(breaker_.is_closed());
    EXPECT_EQ(breaker_.next_probe(), now_ + Milliseconds(50));
}

TEST_F(BreakerTest, OpensAtOnce) {
    breaker_.broke(now_, half_of(50));
    EXPECT_FALSE(allows());
    EXPECT_EQ(breaker_.next_probe(), now_ + Milliseconds(50));
    Breaker strict({1, Milliseconds(50), Milliseconds(5000)});
    strict.failed(now_, 0);
    EXPECT_FALSE(strict.allows(now_));
}

TEST_F(BreakerTest, LetsOneProbeThrough) {
    breaker_.broke(now_, half_of(50));
    pass(49);
    EXPECT_FALSE(allows());
    pass(1);
    EXPECT_TRUE(allows());
    EXPECT_FALSE(allows()) << "the probe is under way";
    EXPECT_EQ(breaker_.next_probe(), std::nullopt);
    pass(100'000);
    EXPECT_FALSE(allows()) << "the probe is under way";
    breaker_.succeeded();
    EXPECT_TRUE(allows());
    EXPECT_TRUE(allows());
    EXPECT_TRUE(breaker_.is_closed());
}

TEST_F(BreakerTest, WaitsLongerAfterEachProbe) {
    for (const std::int64_t nominal : {50, 100, 200, 400, 800, 1600, 3200, 5000, 5000}) {
        breaker_.broke(now_, half_of(nominal));
        EXPECT_EQ(breaker_.next_probe(), now_ + Milliseconds(nominal));
        pass(nominal - 1);
        EXPECT_FALSE(allows()) << nominal;
        pass(1);
        EXPECT_TRUE(allows()) << nominal;
    }
    breaker_.succeeded();
    pass(10'001);
    breaker_.broke(now_, half_of(50));
    EXPECT_EQ(breaker_.next_probe(), now_ + Milliseconds(50)) << "it was good for long";
}

TEST_F(BreakerTest, WaitsLongerForAPeerThatFlaps) {
    for (const std::int64_t nominal : {50, 100, 200, 400, 500, 500}) {
        breaker_.broke(now_, half_of(nominal));
        EXPECT_EQ(breaker_.next_probe(), now_ + Milliseconds(nominal));
        pass(nominal + 1);
        EXPECT_TRUE(allows()) << nominal;
        breaker_.succeeded();
    }
}

TEST_F(BreakerTest, CountsOneFailureOfAProbe) {
    breaker_.broke(now_, half_of(50));
    pass(50);
    EXPECT_TRUE(allows());
    breaker_.failed(now_, half_of(100));
    EXPECT_FALSE(allows());
    EXPECT_EQ(breaker_.next_probe(), now_ + Milliseconds(100));
}

TEST_F(BreakerTest, IgnoresFailuresWhileItIsOpen) {
    breaker_.broke(now_, half_of(50));
    pass(40);
    breaker_.broke(now_, half_of(100));
    breaker_.failed(now_, half_of(100));
    pass(10);
    EXPECT_TRUE(allows());
    breaker_.broke(now_, half_of(100));
    EXPECT_EQ(breaker_.next_probe(), now_ + Milliseconds(100)) << "doubled once";
}

TEST_F(BreakerTest, ClosesWithAnAnswerThatComesLate) {
    breaker_.broke(now_, 0);
    breaker_.succeeded();
    EXPECT_TRUE(allows());
    breaker_.failed(now_, 0);
    EXPECT_TRUE(allows()) << "failures are counted anew";
}

TEST_F(BreakerTest, LetsAnotherProbeThroughIfOneIsGivenUp) {
    breaker_.broke(now_, half_of(50));
    pass(50);
    EXPECT_TRUE(allows());
    breaker_.gave_up_probe();
    EXPECT_EQ(breaker_.next_probe(), now_);
    EXPECT_TRUE(allows());
    EXPECT_FALSE(allows());
    breaker_.succeeded();
    breaker_.gave_up_probe();
    EXPECT_TRUE(allows());
}

TEST_F(BreakerTest, SpreadsItsProbes) {
    Milliseconds earliest = Milliseconds::max();
    Milliseconds latest = Milliseconds::min();
    for (std::uint32_t random = 0; random < 1000; ++random) {
        Breaker breaker(kPolicy);
        breaker.broke(now_, random * 2'654'435'761);
        earliest = std::min(earliest, *breaker.next_probe());
        latest = std::max(latest, *breaker.next_probe());
    }
    EXPECT_EQ(earliest, now_ + Milliseconds(25));
    EXPECT_EQ(latest, now_ + Milliseconds(75));
    Breaker breaker(kPolicy);
    breaker.broke(now_, 0xffffffff);
    EXPECT_LE(*breaker.next_probe(), now_ + Milliseconds(75));
}

}  // namespace
}  // namespace webhook
