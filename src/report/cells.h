// What each cell of a row of counters counts.
//
// A process changes the cells of a delivery in the order received, bytes, decision, outcome. A
// reader takes them in the opposite order, so that no part is larger than its whole.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "report/outcome.h"
#include "verify/reason.h"

namespace webhook::cells {

using Cell = std::uint32_t;

// Upper bounds of the buckets of histograms, in seconds; the last bucket has none.
inline constexpr std::array kVerifyBounds{5e-6,   1e-5, 2.5e-5, 5e-5, 1e-4,
                                          2.5e-4, 5e-4, 1e-3,   5e-3, 2.5e-2};
// Senders give up after 3, 5, 10, 15 or 30 seconds.
inline constexpr std::array kUpstreamBounds{.005, .01, .025, .05, .1,  .25, .5,
                                            1.,   3.,  5.,   10., 15., 30., 60.};

// Of an endpoint. Times are milliseconds since the epoch; 0 is never.
inline constexpr Cell kReceived = 0;
inline constexpr Cell kBytes = 1;
inline constexpr Cell kAbandoned = 2;
inline constexpr Cell kLastReceived = 3;
inline constexpr Cell kLastAccepted = 4;
inline constexpr Cell kLastDelivered = 5;
inline constexpr Cell kLastRefused = 6;
inline constexpr Cell kUpstreamNanoseconds = 7;
inline constexpr Cell kOutcomes = 8;
inline constexpr Cell kVerifyNanoseconds = kOutcomes + kOutcomeNames.size();
inline constexpr Cell kVerifyBuckets = kVerifyNanoseconds + 1;
inline constexpr Cell kUpstreamBuckets = kVerifyBuckets + kVerifyBounds.size() + 1;
// With the verdict that a gate gives that enforces; and `monitored`.
inline constexpr Cell kDecisions = kUpstreamBuckets + kUpstreamBounds.size() + 1;
inline constexpr Cell kMonitored = kDecisions + kReasonCount;
inline constexpr Cell kEndpointEnd = kMonitored + kReasonCount;

inline constexpr Cell outcome(Outcome which) {
    return kOutcomes + static_cast<Cell>(which);
}
inline constexpr Cell decision(Reason reason, bool is_monitored) {
    return (is_monitored ? kMonitored : kDecisions) + static_cast<Cell>(reason);
}
// The bucket of a duration, counted from 0.
Cell bucket(std::span<const double> bounds, double seconds);

// Of a secret.
inline constexpr Cell kMatches = 0;
inline constexpr Cell kLastMatch = 1;

// Of a zone.
inline constexpr Cell kDuplicates = 0;
inline constexpr Cell kForgottenEarly = 1;
inline constexpr Cell kRepairs = 2;
// The largest number of forgotten events that any report has told. It is never less than the first
// one, which follows the error log.
inline constexpr Cell kForgottenShown = 3;

// Of a file of addresses.
inline constexpr Cell kErrors = 0;
inline constexpr Cell kLoaded = 1;

// Of a Redis: from the call of a script to its reply.
inline constexpr std::array kRoundTripBounds{1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3,
                                             1e-2, 2.5e-2, 5e-2, .1,   .25,    1.};
inline constexpr Cell kRoundTripNanoseconds = 0;
// Calls whose time was over.
inline constexpr Cell kTimeouts = 1;
// How often a worker lost it.
inline constexpr Cell kLosses = 2;
// Claims that a zone granted without it, while it did not answer.
inline constexpr Cell kDecidedAlone = 3;
// Events that a zone learned from it.
inline constexpr Cell kLearned = 4;
// Commits that it had not confirmed when the answer left.
inline constexpr Cell kCommitsLate = 5;
// Events that it was told of after that, and those that it will not be told of.
inline constexpr Cell kPushedLater = 6;
inline constexpr Cell kPushesDropped = 7;
// Claims whose lease ended before them.
inline constexpr Cell kLeasesLost = 8;
// Keys that dead workers had claimed.
inline constexpr Cell kReleasedForDead = 9;
inline constexpr Cell kRoundTripBuckets = 10;
inline constexpr Cell kRedisEnd = kRoundTripBuckets + kRoundTripBounds.size() + 1;

}  // namespace webhook::cells
