#include "report/wording.h"

#include <gtest/gtest.h>

#include "report/cells.h"

namespace webhook {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

TEST(Wording, GroupsTheDigitsOfCounts) {
    EXPECT_EQ("0", count_text(0));
    EXPECT_EQ("999", count_text(999));
    EXPECT_EQ("1,000", count_text(1000));
    EXPECT_EQ("18,446,744,073,709,551,615", count_text(UINT64_MAX));
}

TEST(Wording, GivesSizesInTheUnitThatFits) {
    EXPECT_EQ("1 byte", size_text(1));
    EXPECT_EQ("999 bytes", size_text(999));
    EXPECT_EQ("1.0 kB", size_text(1000));
    EXPECT_EQ("9.9 kB", size_text(9949));
    EXPECT_EQ("10 kB", size_text(9950));
    EXPECT_EQ("1.0 MB", size_text(999'500));
    EXPECT_EQ("18447 PB", size_text(UINT64_MAX));
}

TEST(Wording, GivesTheBoundsOfHistogramsExactly) {
    std::string all;
    for (const double each : cells::kVerifyBounds) all += duration_text(each) + ' ';
    for (const double each : cells::kUpstreamBounds) all += duration_text(each) + ' ';
    for (const double each : cells::kRoundTripBounds) all += duration_text(each) + ' ';
    EXPECT_EQ(
        "5 \xc2\xb5s 10 \xc2\xb5s 25 \xc2\xb5s 50 \xc2\xb5s 100 \xc2\xb5s 250 \xc2\xb5s "
        "500 \xc2\xb5s 1 ms 5 ms 25 ms 5 ms 10 ms 25 ms 50 ms 100 ms 250 ms 500 ms 1 s 3 s 5 s "
        "10 s 15 s 30 s 60 s 100 \xc2\xb5s 250 \xc2\xb5s 500 \xc2\xb5s 1 ms 2.5 ms 5 ms 10 ms 25 "
        "ms "
        "50 ms 100 ms 250 ms 1 s ",
        all);
}

TEST(Wording, GivesTimesAndAges) {
    const Milliseconds now(1795860000123);
    EXPECT_EQ("2026-11-28 10:00:00 UTC", time_text(now));
    EXPECT_EQ("never", age_text(std::nullopt, now));
    EXPECT_EQ("just now", age_text(now, now));
    EXPECT_EQ("just now", age_text(now + Milliseconds(999), now));
    EXPECT_EQ("in 1 s", age_text(now + seconds(1), now));
    EXPECT_EQ("59 s ago", age_text(now - seconds(59), now));
    EXPECT_EQ("1 min ago", age_text(now - seconds(60), now));
    EXPECT_EQ("47 h ago", age_text(now - hours(48) + minutes(1), now));
    EXPECT_EQ("2 days ago", age_text(now - hours(48), now));
    EXPECT_EQ("never", moment_text(std::nullopt, now));
    EXPECT_EQ("2026-11-28 09:00:00 UTC (1 h ago)", moment_text(now - hours(1), now));
}

TEST(Wording, CallsOnlyAllOfThemAHundredPercent) {
    EXPECT_EQ(kNone, share_text(0, 0));
    EXPECT_EQ("0%", share_text(0, 7));
    EXPECT_EQ("33.3%", share_text(1, 3));
    EXPECT_EQ("66.7%", share_text(2, 3));
    EXPECT_EQ("0.1%", share_text(1, 2000));
    EXPECT_EQ("< 0.1%", share_text(1, 2001));
    EXPECT_EQ("< 0.1%", share_text(1, UINT64_MAX));
    EXPECT_EQ("50%", share_text(1, 2));
    EXPECT_EQ("99.9%", share_text(999'999'999, 1'000'000'000));
    EXPECT_EQ("99.9%", share_text(UINT64_MAX - 1, UINT64_MAX));
    EXPECT_EQ("100%", share_text(UINT64_MAX, UINT64_MAX));
}

TEST(Wording, GivesRatesByTheSecondOrTheMinute) {
    EXPECT_EQ(kNone, rate_text(5, Milliseconds(0)));
    EXPECT_EQ("0/min", rate_text(0, seconds(5)));
    EXPECT_EQ("1.4/s", rate_text(7, seconds(5)));
    EXPECT_EQ("12/min", rate_text(1, seconds(5)));
    EXPECT_EQ("1.0/min", rate_text(1, minutes(1)));
    EXPECT_EQ("< 0.1/min", rate_text(1, minutes(11)));
}

TEST(Wording, GivesTheBoundThatAPartOfAllReaches) {
    Histogram histogram{cells::kUpstreamBounds, {}, 0};
    histogram.counts.resize(cells::kUpstreamBounds.size() + 1);
    EXPECT_EQ(kNone, quantile_text(histogram, 0.95));
    histogram.counts[2] = 94;
    histogram.counts[4] = 1;
    histogram.counts.back() = 5;
    EXPECT_EQ("\xe2\x89\xa4 25 ms", quantile_text(histogram, 0.94));
    EXPECT_EQ("\xe2\x89\xa4 100 ms", quantile_text(histogram, 0.95));
    EXPECT_EQ("> 60 s", quantile_text(histogram, 0.96));
}

}  // namespace
}  // namespace webhook
