#include "jsonschema/time_formats.h"

#include <array>

#include "jsonschema/scanner.h"

namespace webhook {
namespace {

bool is_leap_year(int year) {
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

int days_of(int year, int month) {
    constexpr std::array<int, 12> kDays{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (month == 2 && is_leap_year(year)) return 29;
    return kDays[static_cast<std::size_t>(month - 1)];
}

bool take_date(Scanner& scanner) {
    const auto year = scanner.take_number(4);
    if (!year || !scanner.take("-")) return false;
    const auto month = scanner.take_number(2);
    if (!month || *month < 1 || *month > 12 || !scanner.take("-")) return false;
    const auto day = scanner.take_number(2);
    return day && *day >= 1 && *day <= days_of(*year, *month);
}

constexpr int kMinutesOfDay = 24 * 60;

// Returns the minute of the day.
std::optional<int> take_hour_and_minute(Scanner& scanner) {
    const auto hour = scanner.take_number(2);
    if (!hour || *hour > 23 || !scanner.take(":")) return std::nullopt;
    const auto minute = scanner.take_number(2);
    if (!minute || *minute > 59) return std::nullopt;
    return *hour * 60 + *minute;
}

// Returns the minutes that the time is ahead of UTC.
std::optional<int> take_offset(Scanner& scanner) {
    if (scanner.take_any_of("Zz")) return 0;
    const bool is_ahead = scanner.peek() == '+';
    if (!scanner.take_any_of("+-")) return std::nullopt;
    const auto minutes = take_hour_and_minute(scanner);
    if (!minutes) return std::nullopt;
    return is_ahead ? *minutes : -*minutes;
}

bool take_time(Scanner& scanner) {
    const auto minute = take_hour_and_minute(scanner);
    if (!minute || !scanner.take(":")) return false;
    const auto second = scanner.take_number(2);
    if (!second || *second > 60) return false;
    if (scanner.take(".") && scanner.take_digits().empty()) return false;
    const auto offset = take_offset(scanner);
    if (!offset) return false;
    const int minute_in_utc = (*minute - *offset + kMinutesOfDay) % kMinutesOfDay;
    return *second < 60 || minute_in_utc == kMinutesOfDay - 1;
}

// Takes `1Y2M3D` or a part of it that leaves out no unit in the middle. Returns how many there are,
// or nullopt if a number has no such unit.
std::optional<std::size_t> take_units(Scanner& scanner, std::string_view units) {
    std::size_t count = 0;
    while (is_digit(scanner.peek())) {
        scanner.take_digits();
        const std::size_t unit = scanner.at_end() ? units.npos : units.find(scanner.peek());
        if (unit == units.npos || (count > 0 && unit != 0)) return std::nullopt;
        scanner.take(units.substr(unit, 1));
        units.remove_prefix(unit + 1);
        ++count;
    }
    return count;
}

}  // namespace

bool is_date(std::string_view text) {
    Scanner scanner(text);
    return take_date(scanner) && scanner.at_end();
}

bool is_time(std::string_view text) {
    Scanner scanner(text);
    return take_time(scanner) && scanner.at_end();
}

bool is_date_time(std::string_view text) {
    Scanner scanner(text);
    return take_date(scanner) && scanner.take_any_of("Tt") && take_time(scanner) &&
           scanner.at_end();
}

bool is_duration(std::string_view text) {
    Scanner weeks(text);
    if (weeks.take("P") && !weeks.take_digits().empty() && weeks.take("W")) return weeks.at_end();
    Scanner scanner(text);
    if (!scanner.take("P")) return false;
    const auto dates = take_units(scanner, "YMD");
    if (!dates) return false;
    const bool has_times = scanner.take("T");
    if (has_times && take_units(scanner, "HMS").value_or(0) == 0) return false;
    return (*dates > 0 || has_times) && scanner.at_end();
}

}  // namespace webhook
