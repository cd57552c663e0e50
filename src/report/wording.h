// Numbers and times of a report, as people read them.
//
// src/report/page/status.js has the same words for what it updates; t/browser compares both.

#pragma once

#include <cstdint>
#include <string>

#include "report/report.h"

namespace webhook {

// For what there is none of.
inline constexpr std::string_view kNone = "\xe2\x80\x93";

// `1,234,567`.
std::string count_text(std::uint64_t count);

// `12 bytes`, `1.2 MB`.
std::string size_text(std::uint64_t bytes);

// `25 µs`, `2.5 ms`, `100 ms`, `3 s`.
std::string duration_text(double seconds);

// `2026-11-28 10:00:41 UTC`.
std::string time_text(Milliseconds time);

// `never`, `just now`, `12 s ago`, `in 5 days`.
std::string age_text(When time, Milliseconds now);

// The time and its age, or `never`.
std::string moment_text(When time, Milliseconds now);

// `33.3%`, rounded, but so that only all of them are `100%`, and only none of them `0%`.
std::string share_text(std::uint64_t part, std::uint64_t whole);

// `1.5/s`, `12/min`.
std::string rate_text(std::uint64_t count, Milliseconds in);

// The bound of the bucket that this part of all values, from 0 to 1, reaches: `≤ 250 ms`.
std::string quantile_text(const Histogram& histogram, double part);

}  // namespace webhook
