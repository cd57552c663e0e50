#include "base/time.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/text.h"

namespace webhook {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;

constexpr Milliseconds kNow{1'614'265'330'000};

TEST(Timestamp, UnitNamesAreExact) {
    EXPECT_EQ(TimestampUnit::seconds, find_timestamp_unit("s"));
    EXPECT_EQ(TimestampUnit::milliseconds, find_timestamp_unit("ms"));
    EXPECT_EQ(TimestampUnit::rfc3339, find_timestamp_unit("rfc3339"));
    for (const std::string& name : {""s, "S"s, "sec"s, "m"s, "us"s, "RFC3339"s, "s "s}) {
        EXPECT_EQ(std::nullopt, find_timestamp_unit(name)) << webhook::in_quotes(name);
    }
}

TEST(Timestamp, CountsSecondsOrMilliseconds) {
    EXPECT_EQ(kNow, parse_timestamp(TimestampUnit::seconds, "1614265330"));
    EXPECT_EQ(kNow, parse_timestamp(TimestampUnit::milliseconds, "1614265330000"));
    EXPECT_EQ(0ms, parse_timestamp(TimestampUnit::seconds, "0"));
    for (const char* text : {"00", "01614265330", "0001614265330"}) {
        EXPECT_EQ(std::nullopt, parse_timestamp(TimestampUnit::seconds, text)) << text;
        EXPECT_EQ(std::nullopt, parse_timestamp(TimestampUnit::milliseconds, text)) << text;
    }
    EXPECT_EQ(1ms, parse_timestamp(TimestampUnit::milliseconds, "1"));
}

TEST(Timestamp, UnitsDoNotMix) {
    EXPECT_EQ(std::nullopt, parse_timestamp(TimestampUnit::seconds, "2021-02-25T15:02:10Z"));
    EXPECT_EQ(std::nullopt, parse_timestamp(TimestampUnit::milliseconds, "2021-02-25T15:02:10Z"));
    EXPECT_EQ(std::nullopt, parse_timestamp(TimestampUnit::rfc3339, "1614265330"));
    EXPECT_EQ(kNow, parse_timestamp(TimestampUnit::rfc3339, "2021-02-25T15:02:10Z"));
}

TEST(Timestamp, AnythingButDigitsIsNone) {
    for (const std::string& text :
         {""s, " 1614265330"s, "1614265330 "s, "+1614265330"s, "-1614265330"s, "-0"s,
          "1614265330.0"s, "1614265330,"s, "1.6e9"s, "0x60379f32"s, "1614265330\n"s,
          "1614265330\0"s, "\0"s, "16142 65330"s, "1614265330s"s, "now"s, "\xd9\xa1"s}) {
        EXPECT_EQ(std::nullopt, parse_timestamp(TimestampUnit::seconds, text))
            << webhook::in_quotes(text);
        EXPECT_EQ(std::nullopt, parse_timestamp(TimestampUnit::milliseconds, text))
            << webhook::in_quotes(text);
    }
}

TEST(Timestamp, NumberTooLargeToHoldIsNone) {
    for (const std::string& text :
         {"9223372036854775807"s, "9223372036854775808"s, "9223372036854776"s,
          "18446744073709551616"s, "18446744075323816946"s, std::string(100'000, '9')}) {
        EXPECT_EQ(std::nullopt, parse_timestamp(TimestampUnit::seconds, text)) << text.size();
    }
    for (const std::string& text : {"9223372036854775808"s, "18446744073709551616"s,
                                    "18446745687974881616"s, std::string(100'000, '9')}) {
        EXPECT_EQ(std::nullopt, parse_timestamp(TimestampUnit::milliseconds, text)) << text.size();
    }
}

TEST(Timestamp, NoTimeThatIsHeldOverflowsTheWindow) {
    const auto longest = parse_duration("10000w");
    ASSERT_TRUE(longest);
    std::string text = "1";
    for (std::size_t i = 1; i < 25; ++i, text += '9') {
        for (TimestampUnit unit : {TimestampUnit::seconds, TimestampUnit::milliseconds}) {
            const auto time = parse_timestamp(unit, text);
            if (!time) continue;
            EXPECT_GE(*time, 0ms) << text;
            EXPECT_EQ(Freshness::fresh, freshness(*time, *time, {*longest, *longest}));
            EXPECT_EQ(*time > 300s ? Freshness::future : Freshness::fresh,
                      freshness(*time, 0ms, {300s, 300s}));
            EXPECT_EQ(*time > 300s ? Freshness::stale : Freshness::fresh,
                      freshness(0ms, *time, {300s, 300s}));
        }
    }
}

TEST(Rfc3339, ExamplesOfTheRfc) {
    EXPECT_EQ(482'196'050'520ms, parse_rfc3339("1985-04-12T23:20:50.52Z"));
    EXPECT_EQ(851'042'397'000ms, parse_rfc3339("1996-12-19T16:39:57-08:00"));
    EXPECT_EQ(851'042'397'000ms, parse_rfc3339("1996-12-20T00:39:57Z"));
}

TEST(Rfc3339, OffsetsCountFromUtc) {
    EXPECT_EQ(1'709'188'200'000ms, parse_rfc3339("2024-02-29T12:00:00+05:30"));
    EXPECT_EQ(kNow, parse_rfc3339("2021-02-25T15:02:10+00:00"));
    EXPECT_EQ(kNow, parse_rfc3339("2021-02-25T15:02:10-00:00"));
    EXPECT_EQ(kNow, parse_rfc3339("2021-02-26T15:01:10+23:59"));
    EXPECT_EQ(kNow, parse_rfc3339("2021-02-24T15:03:10-23:59"));
    EXPECT_EQ(-3'600'000ms, parse_rfc3339("1970-01-01T00:00:00+01:00"));
    for (const std::string& offset :
         {""s, "z"s, "+24:00"s, "+23:60"s, "-24:00"s, "+0100"s, "+01"s, "+1:00"s, "01:00"s,
          "+01:0"s, "+01:00:00"s, " Z"s, "Z "s, "ZZ"s, "+-1:00"s, "UTC"s, "+ 1:00"s, "Z\0"s}) {
        EXPECT_EQ(std::nullopt, parse_rfc3339("2021-02-25T15:02:10" + offset))
            << webhook::in_quotes(offset);
    }
}

TEST(Rfc3339, FractionsAreReadToTheMillisecond) {
    EXPECT_EQ(kNow + 500ms, parse_rfc3339("2021-02-25T15:02:10.5Z"));
    EXPECT_EQ(kNow + 50ms, parse_rfc3339("2021-02-25T15:02:10.05Z"));
    EXPECT_EQ(kNow + 123ms, parse_rfc3339("2021-02-25T15:02:10.123Z"));
    EXPECT_EQ(kNow + 999ms, parse_rfc3339("2021-02-25T15:02:10.999999999Z"));
    EXPECT_EQ(kNow + 1ms, parse_rfc3339("2021-02-25T15:02:10.001634567+00:00"));
    EXPECT_EQ(kNow, parse_rfc3339("2021-02-25T15:02:10." + std::string(10'000, '0') + "Z"));
    for (const std::string& fraction :
         {"."s, ".Z"s, ",5"s, ".-5"s, ".+5"s, ".5."s, ". 5"s, ".5 "s, "5"s, ".\0"s}) {
        EXPECT_EQ(std::nullopt, parse_rfc3339("2021-02-25T15:02:10" + fraction + "Z"))
            << webhook::in_quotes(fraction);
    }
}

TEST(Rfc3339, LeapSecondIsATime) {
    const auto leap = parse_rfc3339("2016-12-31T23:59:60Z");
    ASSERT_TRUE(leap);
    EXPECT_GE(*leap, 1'483'228'799'000ms);
    EXPECT_LE(*leap, 1'483'228'800'000ms);
    EXPECT_TRUE(parse_rfc3339("1990-12-31T15:59:60-08:00"));
    EXPECT_EQ(std::nullopt, parse_rfc3339("2016-12-31T23:59:61Z"));
}

TEST(Rfc3339, OnlyDatesThatExistAreTimes) {
    for (const std::string& date : {"2024-02-29"s, "2000-02-29"s, "2023-02-28"s, "2023-12-31"s,
                                    "2023-04-30"s, "1970-01-01"s, "9999-12-31"s}) {
        EXPECT_TRUE(parse_rfc3339(date + "T00:00:00Z")) << date;
    }
    EXPECT_EQ(253'402'300'799s, parse_rfc3339("9999-12-31T23:59:59Z"));
    for (const std::string& date : {"2023-02-29"s,  "2100-02-29"s,  "2023-02-30"s,  "2023-04-31"s,
                                    "2023-06-31"s,  "2023-09-31"s,  "2023-11-31"s,  "2023-00-01"s,
                                    "2023-13-01"s,  "2023-01-00"s,  "2023-01-32"s,  "10000-01-01"s,
                                    "+2023-01-01"s, "-2023-01-01"s, "23-01-01"s,    "2023-1-01"s,
                                    "2023-01-1"s,   "20230101"s,    "2023/01/01"s,  "2023-01"s,
                                    "2023-001"s,    " 2023-01-01"s, "2023-01-01 "s, ""s,
                                    "2023-01-0\0"s}) {
        EXPECT_EQ(std::nullopt, parse_rfc3339(date + "T00:00:00Z")) << webhook::in_quotes(date);
    }
}

TEST(Rfc3339, OnlyTimesOfDayThatExistAreTimes) {
    EXPECT_EQ(kNow, parse_rfc3339("2021-02-25T15:02:10Z"));
    EXPECT_TRUE(parse_rfc3339("2021-02-25T00:00:00Z"));
    EXPECT_TRUE(parse_rfc3339("2021-02-25T23:59:59Z"));
    for (const std::string& time :
         {"t15:02:10"s, " 15:02:10"s, "15:02:10"s, "T24:00:00"s, "T15:60:00"s, "T1:02:10"s,
          "T15:2:10"s, "T15:02:1"s, "T15:02"s, "T150210"s, "T15.02.10"s, "T-5:02:10"s, "T+5:02:10"s,
          "T15:02:10 "s, "T"s, ""s}) {
        EXPECT_EQ(std::nullopt, parse_rfc3339("2021-02-25" + time + "Z"))
            << webhook::in_quotes(time);
    }
}

TEST(Rfc3339, EveryCutIsNone) {
    const std::string whole = "2021-02-25T15:02:10.123+01:00";
    ASSERT_TRUE(parse_rfc3339(whole));
    for (std::size_t i = 0; i < whole.size(); ++i) {
        EXPECT_EQ(std::nullopt, parse_rfc3339(whole.substr(0, i))) << i;
    }
}

TEST(Duration, IsWrittenAsNginxWritesTimes) {
    EXPECT_EQ(300s, parse_duration("300"));
    EXPECT_EQ(0s, parse_duration("0"));
    EXPECT_EQ(0s, parse_duration("0s"));
    EXPECT_EQ(5s, parse_duration("5s"));
    EXPECT_EQ(5min, parse_duration("5m"));
    EXPECT_EQ(250ms, parse_duration("250ms"));
    EXPECT_EQ(90min, parse_duration("1h30m"));
    EXPECT_EQ(24h, parse_duration("1d"));
    EXPECT_EQ(72h, parse_duration("72h"));
    EXPECT_EQ(14 * 24h, parse_duration("2w"));
    EXPECT_EQ(1min + 1ms, parse_duration("1m1ms"));
    EXPECT_EQ(9 * 24h + 3h + 4min + 5s + 6ms, parse_duration("1w2d3h4m5s6ms"));
}

TEST(Duration, AnythingElseIsNone) {
    for (const std::string& text :
         {""s,       "m"s,    "ms"s,   "m5"s,    "-5m"s, "+5m"s,  "5 m"s,
          " 5m"s,    "5m "s,  "1.5h"s, "5x"s,    "5S"s,  "5sec"s, "5min"s,
          "1h-30m"s, "5m\0"s, "0x5"s,  "1h 30"s, "ss"s,  "\0"s,   "5mss"s}) {
        EXPECT_EQ(std::nullopt, parse_duration(text)) << webhook::in_quotes(text);
    }
}

TEST(Duration, UnitsFallAndStandOnce) {
    for (const std::string& text :
         {"30m1h"s, "5m5m"s, "1s1m"s, "1ms1s"s, "1ms1m"s, "1d1w"s, "1h1h"s}) {
        EXPECT_EQ(std::nullopt, parse_duration(text)) << text;
    }
}

TEST(Duration, TooLongToHoldIsNone) {
    for (const std::string& text :
         {"9223372036854775807"s, "9223372036854775807ms"s, "9223372036854775807w"s,
          "15250284452472w"s, "18446744073709551616"s, "99999999999999999999s"s,
          std::string(10'000, '9') + "s"}) {
        EXPECT_EQ(std::nullopt, parse_duration(text)) << text;
    }
}

TEST(Window, BothEdgesAreFresh) {
    const Tolerance tolerance{300s, 300s};
    EXPECT_EQ(Freshness::fresh, freshness(kNow, kNow, tolerance));
    EXPECT_EQ(Freshness::fresh, freshness(kNow - 300s, kNow, tolerance));
    EXPECT_EQ(Freshness::stale, freshness(kNow - 300s - 1ms, kNow, tolerance));
    EXPECT_EQ(Freshness::fresh, freshness(kNow + 300s, kNow, tolerance));
    EXPECT_EQ(Freshness::future, freshness(kNow + 300s + 1ms, kNow, tolerance));
}

TEST(Window, PastAndFutureAreMeasuredApart) {
    const Tolerance tolerance{600s, 5s};
    EXPECT_EQ(Freshness::fresh, freshness(kNow - 600s, kNow, tolerance));
    EXPECT_EQ(Freshness::stale, freshness(kNow - 600s - 1ms, kNow, tolerance));
    EXPECT_EQ(Freshness::fresh, freshness(kNow + 5s, kNow, tolerance));
    EXPECT_EQ(Freshness::future, freshness(kNow + 5s + 1ms, kNow, tolerance));
}

TEST(Window, OfNoLengthHoldsOnlyNow) {
    const Tolerance tolerance{0s, 0s};
    EXPECT_EQ(Freshness::fresh, freshness(kNow, kNow, tolerance));
    EXPECT_EQ(Freshness::stale, freshness(kNow - 1ms, kNow, tolerance));
    EXPECT_EQ(Freshness::future, freshness(kNow + 1ms, kNow, tolerance));
}

TEST(Duration, HasAllOfNginxsUnits) {
    using namespace std::chrono_literals;
    EXPECT_EQ(parse_duration("1y"), 365 * 24h);
    EXPECT_EQ(parse_duration("2M1w"), (60 + 7) * 24h);
    EXPECT_EQ(parse_duration("1h30"), 1h + 30s);
    EXPECT_EQ(parse_duration("30s1h"), std::nullopt);
}

TEST(Rfc3339, HasALeapSecondOnlyAtTheEndOfAnHour) {
    EXPECT_TRUE(parse_rfc3339("2016-12-31T23:59:60Z"));
    EXPECT_FALSE(parse_rfc3339("2024-01-01T12:30:60Z"));
}

}  // namespace
}  // namespace webhook
