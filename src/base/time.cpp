#include "base/time.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "base/text.h"

namespace webhook {
namespace {

using std::chrono::seconds;

// Far beyond any real time, and small enough that sums of two never overflow.
constexpr std::int64_t kLargestSecond = 1LL << 40;

std::optional<Milliseconds> bounded(std::int64_t milliseconds) {
    if (milliseconds > kLargestSecond * 1000) return std::nullopt;
    return Milliseconds(milliseconds);
}

// Parses a date-time from front to end.
class Rfc3339Reader {
  public:
    explicit Rfc3339Reader(std::string_view text) : rest_(text) {}

    std::optional<Milliseconds> read() {
        const auto day = date();
        if (!day || !take('T')) return std::nullopt;
        const auto time_of_day = time();
        if (!time_of_day) return std::nullopt;
        const auto fraction = milliseconds();
        const auto zone = offset();
        if (!fraction || !zone || !rest_.empty()) return std::nullopt;
        return std::chrono::sys_days(*day).time_since_epoch() + *time_of_day + *fraction - *zone;
    }

  private:
    bool take(char expected) {
        if (rest_.empty() || rest_.front() != expected) return false;
        rest_.remove_prefix(1);
        return true;
    }

    std::optional<int> number(std::size_t digits, int smallest, int largest) {
        if (rest_.size() < digits) return std::nullopt;
        const auto value = parse_digits(rest_.substr(0, digits));
        if (!value || *value < smallest || *value > largest) return std::nullopt;
        rest_.remove_prefix(digits);
        return static_cast<int>(*value);
    }

    std::optional<std::chrono::year_month_day> date() {
        const auto year = number(4, 1970, 9999);
        if (!year || !take('-')) return std::nullopt;
        const auto month = number(2, 1, 12);
        if (!month || !take('-')) return std::nullopt;
        const auto day = number(2, 1, 31);
        if (!day) return std::nullopt;
        const std::chrono::year_month_day date(std::chrono::year(*year),
                                               std::chrono::month(static_cast<unsigned>(*month)),
                                               std::chrono::day(static_cast<unsigned>(*day)));
        if (!date.ok()) return std::nullopt;
        return date;
    }

    std::optional<seconds> time() {
        const auto hour = number(2, 0, 23);
        if (!hour || !take(':')) return std::nullopt;
        const auto minute = number(2, 0, 59);
        if (!minute || !take(':')) return std::nullopt;
        const int last_second = *minute == 59 ? 60 : 59;  // 60: a leap second
        const auto second = number(2, 0, last_second);
        if (!second) return std::nullopt;
        return seconds(*hour * 3600 + *minute * 60 + *second);
    }

    std::optional<Milliseconds> milliseconds() {
        if (!take('.')) return Milliseconds(0);
        std::int64_t value = 0;
        std::size_t digits = 0;
        for (; !rest_.empty() && is_digit(rest_.front()); rest_.remove_prefix(1), ++digits) {
            if (digits < 3) value = value * 10 + (rest_.front() - '0');
        }
        if (digits == 0) return std::nullopt;
        for (; digits < 3; ++digits) value *= 10;
        return Milliseconds(value);
    }

    std::optional<seconds> offset() {
        if (take('Z')) return seconds(0);
        const bool west = take('-');
        if (!west && !take('+')) return std::nullopt;
        const auto hour = number(2, 0, 23);
        if (!hour || !take(':')) return std::nullopt;
        const auto minute = number(2, 0, 59);
        if (!minute) return std::nullopt;
        const seconds distance(*hour * 3600 + *minute * 60);
        return west ? -distance : distance;
    }

    std::string_view rest_;
};

struct DurationUnit {
    std::string_view name;
    std::int64_t milliseconds;
};

// Largest first: nginx asks for units in falling order. `ms` comes before `m` to be tried first.
constexpr std::array<DurationUnit, 8> kDurationUnits{{
    {"y", 365 * 24 * 3600 * 1000LL},
    {"M", 30 * 24 * 3600 * 1000LL},
    {"w", 7 * 24 * 3600 * 1000LL},
    {"d", 24 * 3600 * 1000LL},
    {"h", 3600 * 1000LL},
    {"ms", 1},
    {"m", 60 * 1000LL},
    {"s", 1000},
}};

// A number without a unit is seconds.
const DurationUnit* take_unit(std::string_view& text) {
    if (text.empty()) return &kDurationUnits.back();
    for (const DurationUnit& unit : kDurationUnits) {
        if (text.starts_with(unit.name)) {
            text.remove_prefix(unit.name.size());
            return &unit;
        }
    }
    return nullptr;
}

}  // namespace

std::optional<TimestampUnit> find_timestamp_unit(std::string_view name) {
    if (name == "s") return TimestampUnit::seconds;
    if (name == "ms") return TimestampUnit::milliseconds;
    if (name == "rfc3339") return TimestampUnit::rfc3339;
    return std::nullopt;
}

std::optional<Milliseconds> parse_timestamp(TimestampUnit unit, std::string_view text) {
    if (unit == TimestampUnit::rfc3339) return parse_rfc3339(text);
    // A leading zero could be moved to the value before it if nothing separates them.
    if (text.size() > 1 && text.front() == '0') return std::nullopt;
    const auto number = parse_digits(text);
    if (!number) return std::nullopt;
    if (unit == TimestampUnit::milliseconds) return bounded(*number);
    if (*number > kLargestSecond) return std::nullopt;
    return Milliseconds(*number * 1000);
}

std::optional<Milliseconds> time_of(double seconds, bool round_up) {
    if (!(seconds >= 0 && seconds <= static_cast<double>(kLargestSecond))) return std::nullopt;
    const double milliseconds = seconds * 1000;
    return Milliseconds(
        static_cast<std::int64_t>(round_up ? std::ceil(milliseconds) : std::floor(milliseconds)));
}

std::optional<Milliseconds> parse_rfc3339(std::string_view text) {
    return Rfc3339Reader(text).read();
}

std::string rfc3339_text(Milliseconds time) {
    namespace chrono = std::chrono;
    const auto day = chrono::floor<chrono::days>(chrono::sys_time<Milliseconds>(time));
    const chrono::year_month_day date(day);
    const chrono::hh_mm_ss clock(chrono::sys_time<Milliseconds>(time) - day);
    std::array<char, 64> text{};
    const int size = std::snprintf(
        text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ",
        static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
        static_cast<unsigned>(date.day()), static_cast<int>(clock.hours().count()),
        static_cast<int>(clock.minutes().count()), static_cast<int>(clock.seconds().count()),
        static_cast<int>(clock.subseconds().count()));
    return {text.data(), static_cast<std::size_t>(size)};
}

std::optional<Milliseconds> parse_duration(std::string_view text) {
    std::int64_t total = 0;
    std::int64_t previous_unit = kLargestSecond * 1000;
    while (!text.empty()) {
        const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
        const auto amount = parse_digits(text.substr(0, digits));
        text.remove_prefix(digits);
        const DurationUnit* unit = take_unit(text);
        if (!amount || unit == nullptr || unit->milliseconds >= previous_unit) return std::nullopt;
        if (*amount > kLargestSecond * 1000 / unit->milliseconds) return std::nullopt;
        total += *amount * unit->milliseconds;
        previous_unit = unit->milliseconds;
    }
    return previous_unit == kLargestSecond * 1000 ? std::nullopt : bounded(total);
}

Freshness freshness(Milliseconds timestamp, Milliseconds now, const Tolerance& tolerance) {
    if (now - timestamp > tolerance.past) return Freshness::stale;
    if (timestamp - now > tolerance.future) return Freshness::future;
    return Freshness::fresh;
}

}  // namespace webhook
