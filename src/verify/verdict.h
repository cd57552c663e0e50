// What became of a delivery: the value of `$webhook_verdict`.

#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "verify/reason.h"

namespace webhook {

// A delivery that a gate only monitors is `monitored` unless it is accepted: its reason is the one
// that enforcing would have had.
enum class Verdict : std::uint8_t { none, accepted, rejected, duplicate, handshake, monitored };

// In the order in which reports show them.
inline constexpr std::array kVerdicts{Verdict::accepted, Verdict::rejected, Verdict::duplicate,
                                      Verdict::handshake, Verdict::monitored};

// Empty for `none`.
std::string_view name_of(Verdict verdict);

// Of a gate that enforces, or one that monitors.
Verdict verdict_of(Reason reason, bool monitors);

}  // namespace webhook
