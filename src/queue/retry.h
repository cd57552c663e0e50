// What an attempt to deliver means, and when the next one is.
//
// The pauses are those that senders of this field keep to (docs.svix.com/retries), each changed by
// a tenth at most, so that what failed together is not tried again together.
//
// `Retry-After`: RFC 9110, section 10.2.3; its dates: section 5.6.7.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace webhook {

// The pauses between attempts.
using RetrySchedule = std::vector<Milliseconds>;

RetrySchedule default_retry_schedule();

// The longest pause that a target may ask for.
inline constexpr Milliseconds kLongestRetryAfter{std::chrono::hours(24)};
inline constexpr Milliseconds kShortestPause{1000};

// The pause after so many attempts, the first of which has the number 1. `random` is 0 or more, and
// less than 1. None: there is no further attempt.
std::optional<Milliseconds> pause_after(const RetrySchedule& schedule, std::uint32_t attempts,
                                        double random);

// How long a target wants to be left alone: seconds, or a date. Within the bounds above; nullopt if
// the text is neither.
std::optional<Milliseconds> parse_retry_after(std::string_view text, Milliseconds now);

// Why there was no response.
enum class AttemptError : std::uint8_t { none, refused, reset, timeout, name, protocol };

// One word for logs and lists. Empty: none.
std::string_view word_of(AttemptError error);

struct AttemptResult {
    AttemptError error = AttemptError::none;
    // Of the response, if there was no error.
    std::uint16_t status = 0;
    // The value of `Retry-After`; empty: there was none.
    std::string retry_after;
    // Whether the response wants no further attempt by its header `webhook-delivery`.
    bool aborts = false;
};

struct AttemptVerdict {
    enum class Kind : std::uint8_t {
        done,
        later,
        // The target wants no further attempt.
        aborted,
        // There are no attempts left.
        exhausted
    };

    Kind kind = Kind::done;
    // For `later`. If the attempt does not count, the target is tried again by its breaker.
    Milliseconds pause{0};
    // What happened may be the target's fault, not the delivery's: the attempt should not count if
    // its breaker opens.
    bool looks_down = false;
};

// `attempts` has this one in it.
AttemptVerdict judge_attempt(const AttemptResult& result, const RetrySchedule& schedule,
                             std::uint32_t attempts, double random, Milliseconds now);

}  // namespace webhook
