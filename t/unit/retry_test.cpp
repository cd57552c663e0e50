#include "queue/retry.h"

#include <gtest/gtest.h>

#include <chrono>

namespace webhook {
namespace {

using namespace std::literals;
using Kind = AttemptVerdict::Kind;

// 1994-11-06T08:49:37Z
constexpr Milliseconds kDate{784'111'777'000};

TEST(Retry, PausesByTheSchedule) {
    const RetrySchedule schedule = default_retry_schedule();
    ASSERT_EQ(schedule.size(), 7U);
    EXPECT_EQ(pause_after(schedule, 1, 0.5), 5s);
    EXPECT_EQ(pause_after(schedule, 2, 0.5), 5min);
    EXPECT_EQ(pause_after(schedule, 7, 0.5), 10h);
    EXPECT_EQ(pause_after(schedule, 8, 0.5), std::nullopt);
    EXPECT_EQ(pause_after(schedule, 0, 0.5), std::nullopt);
    EXPECT_EQ(pause_after({}, 1, 0.5), std::nullopt);
}

TEST(Retry, ChangesPausesByATenthAtMost) {
    const RetrySchedule schedule{100s};
    EXPECT_EQ(pause_after(schedule, 1, 0), 90s);
    EXPECT_EQ(pause_after(schedule, 1, 0.25), 95s);
    EXPECT_EQ(pause_after(schedule, 1, 1), 110s);
    EXPECT_EQ(pause_after(schedule, 1, 7), 110s);
    EXPECT_EQ(pause_after(schedule, 1, -7), 90s);
}

TEST(Retry, ReadsRetryAfter) {
    EXPECT_EQ(parse_retry_after("120", kDate), 120s);
    EXPECT_EQ(parse_retry_after(" 120 ", kDate), 120s);
    EXPECT_EQ(parse_retry_after("0", kDate), kShortestPause);
    EXPECT_EQ(parse_retry_after("86401", kDate), kLongestRetryAfter);
    EXPECT_EQ(parse_retry_after("99999999999999999999999", kDate), kLongestRetryAfter);
    EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:49:37 GMT", kDate - 30s), 30s);
    EXPECT_EQ(parse_retry_after("Sun Nov  6 08:49:37 1994", kDate - 30s), 30s);
    EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:49:37 GMT", kDate + 1h), kShortestPause);
    EXPECT_EQ(parse_retry_after("Fri, 31 Dec 9999 23:59:59 GMT", kDate), kLongestRetryAfter);
    for (const char* text : {"", " ", "-1", "1.5", "soon", "1 2", "Sun, 06 Nov 1994 08:49:37 CET",
                             "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:49:37 GMT",
                             "Sun, 06 Foo 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08-49-37 GMT",
                             "Sun, 00 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
                             "Sun Nov  6 08:49:37 19x4"}) {
        EXPECT_EQ(parse_retry_after(text, kDate), std::nullopt) << text;
    }
}

struct Case {
    std::uint16_t status;
    Kind kind;
    bool looks_down;
    Milliseconds pause;
};

TEST(Retry, KnowsWhatAnAnswerMeans) {
    const std::vector<Case> cases{
        {200, Kind::done, false, 0ms},    {204, Kind::done, false, 0ms},
        {299, Kind::done, false, 0ms},    {300, Kind::later, false, 10s},
        {302, Kind::later, false, 10s},   {400, Kind::later, false, 10s},
        {401, Kind::later, false, 10s},   {404, Kind::later, false, 10s},
        {410, Kind::aborted, false, 0ms}, {429, Kind::later, false, 77s},
        {500, Kind::later, false, 10s},   {501, Kind::later, false, 10s},
        {502, Kind::later, true, 10s},    {503, Kind::later, true, 77s},
        {504, Kind::later, true, 10s},    {505, Kind::later, false, 10s},
    };
    for (const Case& one : cases) {
        const AttemptResult result{AttemptError::none, one.status, "77", false};
        const AttemptVerdict verdict = judge_attempt(result, {10s}, 1, 0.5, kDate);
        EXPECT_EQ(verdict.kind, one.kind) << one.status;
        EXPECT_EQ(verdict.looks_down, one.looks_down) << one.status;
        EXPECT_EQ(verdict.pause, one.pause) << one.status;
        const AttemptVerdict last = judge_attempt(result, {10s}, 2, 0.5, kDate);
        EXPECT_EQ(last.kind, one.kind == Kind::later ? Kind::exhausted : one.kind) << one.status;
    }
    const AttemptResult without{AttemptError::none, 503, "nonsense", false};
    EXPECT_EQ(judge_attempt(without, {10s}, 1, 0.5, kDate).pause, 10s);
}

TEST(Retry, KnowsWhatNoAnswerMeans) {
    for (const AttemptError error :
         {AttemptError::refused, AttemptError::reset, AttemptError::timeout, AttemptError::name}) {
        const AttemptVerdict verdict = judge_attempt({error, 0, "", false}, {10s}, 1, 0.5, kDate);
        EXPECT_EQ(verdict.kind, Kind::later);
        EXPECT_TRUE(verdict.looks_down);
        EXPECT_NE(word_of(error), "");
    }
    const AttemptVerdict strange =
        judge_attempt({AttemptError::protocol, 0, "", false}, {10s}, 1, 0.5, kDate);
    EXPECT_EQ(strange.kind, Kind::later);
    EXPECT_FALSE(strange.looks_down);
    EXPECT_EQ(word_of(AttemptError::none), "");
    EXPECT_EQ(word_of(AttemptError::protocol), "protocol");
}

TEST(Retry, ATargetMayAbort) {
    EXPECT_EQ(judge_attempt({AttemptError::none, 400, "", true}, {10s}, 1, 0.5, kDate).kind,
              Kind::aborted);
    EXPECT_EQ(judge_attempt({AttemptError::none, 200, "", true}, {10s}, 1, 0.5, kDate).kind,
              Kind::done);
}

}  // namespace
}  // namespace webhook
