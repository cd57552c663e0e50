// Times as senders and configurations write them. All results are relative to the Unix epoch, in
// UTC.

#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace webhook {

using Milliseconds = std::chrono::milliseconds;

enum class TimestampUnit : std::uint8_t { seconds, milliseconds, rfc3339 };

std::optional<TimestampUnit> find_timestamp_unit(std::string_view name);

// Parses digits (seconds, milliseconds; no leading zero) or a strict RFC 3339 date-time. Returns
// nullopt for anything else, a date that does not exist, or a number too large to represent.
std::optional<Milliseconds> parse_timestamp(TimestampUnit unit, std::string_view text);

// Seconds with a fraction, rounded up or down to a millisecond. Returns nullopt if out of range.
std::optional<Milliseconds> time_of(double seconds, bool round_up);

// RFC 3339, section 5.6, with upper-case `T` and `Z`; a fraction is read to the millisecond.
std::optional<Milliseconds> parse_rfc3339(std::string_view text);

// In UTC, to the millisecond: `2026-11-27T03:26:00.123Z`. The year must have four digits.
std::string rfc3339_text(Milliseconds time);

// A length of time in nginx's notation: `300`, `5m`, `1h30m`, `250ms`; a number without a unit is
// seconds.
std::optional<Milliseconds> parse_duration(std::string_view text);

struct Tolerance {
    Milliseconds past;
    Milliseconds future;

    friend bool operator==(const Tolerance&, const Tolerance&) = default;
};

enum class Freshness : std::uint8_t { fresh, stale, future };

// The ends of the window are inclusive.
Freshness freshness(Milliseconds timestamp, Milliseconds now, const Tolerance& tolerance);

}  // namespace webhook
