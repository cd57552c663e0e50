#include "report/wording.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

namespace webhook {
namespace {

// With one digit behind the point if it is small.
std::string short_number(double number) {
    std::array<char, 32> text;
    const int digits = number < 9.95 ? 1 : 0;
    const int size = std::snprintf(text.data(), text.size(), "%.*f", digits, number);
    return {text.data(), static_cast<std::size_t>(size)};
}

// The largest unit that the time fills at least once; of days, two.
std::string span_text(Milliseconds time) {
    constexpr std::int64_t kMinute = 60;
    constexpr std::int64_t kHour = 60 * kMinute;
    constexpr std::int64_t kDay = 24 * kHour;
    const std::int64_t seconds = time.count() / 1000;
    if (seconds < kMinute) return std::to_string(seconds) + " s";
    if (seconds < kHour) return std::to_string(seconds / kMinute) + " min";
    if (seconds < 2 * kDay) return std::to_string(seconds / kHour) + " h";
    return std::to_string(seconds / kDay) + " days";
}

}  // namespace

std::string count_text(std::uint64_t count) {
    std::string text = std::to_string(count);
    for (std::size_t at = text.size(); at > 3;) {
        at -= 3;
        text.insert(at, 1, ',');
    }
    return text;
}

std::string size_text(std::uint64_t bytes) {
    constexpr std::array kUnits{" kB", " MB", " GB", " TB", " PB"};
    if (bytes < 1000) return std::to_string(bytes) + (bytes == 1 ? " byte" : " bytes");
    double number = static_cast<double>(bytes) / 1000;
    std::size_t unit = 0;
    for (; number >= 999.5 && unit + 1 < kUnits.size(); ++unit) number /= 1000;
    return short_number(number) + kUnits[unit];
}

std::string duration_text(double seconds) {
    if (seconds < 1e-3) return std::to_string(std::llround(seconds * 1e6)) + " \xc2\xb5s";
    if (seconds < 1) {
        const long long tenths = std::llround(seconds * 1e4);
        const bool is_whole = tenths % 10 == 0 || tenths >= 100;
        return (is_whole ? std::to_string(std::llround(seconds * 1e3))
                         : short_number(static_cast<double>(tenths) / 10)) +
               " ms";
    }
    return std::to_string(std::llround(seconds)) + " s";
}

std::string time_text(Milliseconds time) {
    const std::string text = rfc3339_text(time);
    return text.substr(0, 10) + ' ' + text.substr(11, 8) + " UTC";
}

std::string age_text(When time, Milliseconds now) {
    if (!time) return "never";
    const Milliseconds age = now - *time;
    if (age <= Milliseconds(-1000)) return "in " + span_text(-age);
    if (age < Milliseconds(1000)) return "just now";
    return span_text(age) + " ago";
}

std::string moment_text(When time, Milliseconds now) {
    return time ? time_text(*time) + " (" + age_text(time, now) + ")" : "never";
}

std::string share_text(std::uint64_t part, std::uint64_t whole) {
    if (whole == 0) return std::string(kNone);
    const double share = static_cast<double>(part) / static_cast<double>(whole);
    const long permille = std::lround(share * 1000);
    if (part > 0 && permille == 0) return "< 0.1%";
    const long shown = part < whole ? std::min(permille, 999L) : 1000L;
    std::string text = std::to_string(shown / 10);
    if (shown % 10 != 0) text += '.' + std::to_string(shown % 10);
    return text + '%';
}

std::string rate_text(std::uint64_t count, Milliseconds in) {
    if (in <= Milliseconds(0)) return std::string(kNone);
    if (count == 0) return "0/min";
    const double rate = static_cast<double>(count) * 1000 / static_cast<double>(in.count());
    if (rate >= 1) return short_number(rate) + "/s";
    const double each_minute = rate * 60;
    return each_minute < 0.1 ? "< 0.1/min" : short_number(each_minute) + "/min";
}

std::string quantile_text(const Histogram& histogram, double part) {
    const std::uint64_t total = histogram.total();
    if (total == 0) return std::string(kNone);
    const auto wanted = static_cast<std::uint64_t>(std::ceil(static_cast<double>(total) * part));
    std::uint64_t reached = 0;
    for (std::size_t i = 0; i < histogram.bounds.size(); ++i) {
        reached += histogram.counts[i];
        if (reached >= wanted) return "\xe2\x89\xa4 " + duration_text(histogram.bounds[i]);
    }
    return "> " + duration_text(histogram.bounds.back());
}

}  // namespace webhook
