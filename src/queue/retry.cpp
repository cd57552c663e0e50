#include "queue/retry.h"

#include <algorithm>
#include <array>
#include <chrono>

#include "base/text.h"

namespace webhook {
namespace {

using namespace std::literals;

constexpr double kJitter = 0.1;

struct StatusRule {
    std::uint16_t first;
    std::uint16_t last;
    bool is_done;
    bool aborts;
    bool obeys_retry_after;
    bool looks_down;
};

// The first row that fits counts. All else is tried again by the schedule.
constexpr std::array kRules{
    StatusRule{200, 299, true, false, false, false},
    StatusRule{410, 410, false, true, false, false},
    StatusRule{429, 429, false, false, true, false},
    StatusRule{502, 502, false, false, false, true},
    StatusRule{503, 503, false, false, true, true},
    StatusRule{504, 504, false, false, false, true},
};
constexpr StatusRule kOther{0, 0, false, false, false, false};
constexpr StatusRule kNoResponse{0, 0, false, false, false, true};

StatusRule rule_of(const AttemptResult& result) {
    if (result.error == AttemptError::protocol) return kOther;
    if (result.error != AttemptError::none) return kNoResponse;
    const auto fits = [&](const StatusRule& rule) {
        return rule.first <= result.status && result.status <= rule.last;
    };
    const auto* const found = std::ranges::find_if(kRules, fits);
    return found == kRules.end() ? kOther : *found;
}

constexpr std::array kMonths{"Jan"sv, "Feb"sv, "Mar"sv, "Apr"sv, "May"sv, "Jun"sv,
                             "Jul"sv, "Aug"sv, "Sep"sv, "Oct"sv, "Nov"sv, "Dec"sv};

std::optional<unsigned> month_of(std::string_view name) {
    const auto* const found = std::ranges::find(kMonths, name);
    if (found == kMonths.end()) return std::nullopt;
    return static_cast<unsigned>(found - kMonths.begin()) + 1;
}

// `HH:MM:SS`
std::optional<std::chrono::seconds> parse_time(std::string_view text) {
    if (text.size() != 8 || text[2] != ':' || text[5] != ':') return std::nullopt;
    const auto hour = parse_digits(text.substr(0, 2));
    const auto minute = parse_digits(text.substr(3, 2));
    const auto second = parse_digits(text.substr(6, 2));
    if (!hour || !minute || !second) return std::nullopt;
    if (*hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
    return std::chrono::seconds((*hour * 60 + *minute) * 60 + *second);
}

std::optional<Milliseconds> time_of(std::string_view day, std::string_view month,
                                    std::string_view year, std::string_view time) {
    const auto days = parse_digits(without_padding(day));
    const auto months = month_of(month);
    const auto years = parse_digits(year);
    const auto seconds = parse_time(time);
    if (!days || !months || !years || !seconds || *days > 31 || *years > 9999) {
        return std::nullopt;
    }
    const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(*years)),
                                           std::chrono::month(*months),
                                           std::chrono::day(static_cast<unsigned>(*days))};
    if (!date.ok()) return std::nullopt;
    return std::chrono::sys_days(date).time_since_epoch() + *seconds;
}

// `Sun, 06 Nov 1994 08:49:37 GMT`, which all should write, or `Sun Nov  6 08:49:37 1994`. The third
// form, with two digits for the year, is not read.
std::optional<Milliseconds> parse_http_date(std::string_view text) {
    if (text.size() == 29 && text.ends_with(" GMT") && text.substr(3, 2) == ", ") {
        return time_of(text.substr(5, 2), text.substr(8, 3), text.substr(12, 4),
                       text.substr(17, 8));
    }
    if (text.size() == 24 && text[3] == ' ' && text[7] == ' ') {
        return time_of(text.substr(8, 2), text.substr(4, 3), text.substr(20, 4),
                       text.substr(11, 8));
    }
    return std::nullopt;
}

}  // namespace

RetrySchedule default_retry_schedule() {
    return {5s, 5min, 30min, 2h, 5h, 10h, 10h};
}

std::optional<Milliseconds> pause_after(const RetrySchedule& schedule, std::uint32_t attempts,
                                        double random) {
    if (attempts == 0 || attempts > schedule.size()) return std::nullopt;
    const auto pause = static_cast<double>(schedule[attempts - 1].count());
    const double factor = 1 - kJitter + 2 * kJitter * std::clamp(random, 0.0, 1.0);
    return Milliseconds(static_cast<std::int64_t>(pause * factor));
}

std::optional<Milliseconds> parse_retry_after(std::string_view text, Milliseconds now) {
    const std::string_view value = without_padding(text);
    std::optional<Milliseconds> pause;
    const bool is_number =
        !value.empty() && std::ranges::all_of(value, [](char byte) { return is_digit(byte); });
    if (is_number) {
        // A number that is too large asks for as much as there is.
        const std::int64_t most = kLongestRetryAfter / 1s;
        pause = std::chrono::seconds(std::min(parse_digits(value).value_or(most), most));
    } else if (const auto date = parse_http_date(value)) {
        pause = *date - now;
    }
    if (!pause) return std::nullopt;
    return std::clamp(*pause, kShortestPause, kLongestRetryAfter);
}

std::string_view word_of(AttemptError error) {
    switch (error) {
        case AttemptError::none:
            break;
        case AttemptError::refused:
            return "refused";
        case AttemptError::reset:
            return "reset";
        case AttemptError::timeout:
            return "timeout";
        case AttemptError::name:
            return "dns";
        case AttemptError::protocol:
            return "protocol";
    }
    return "";
}

AttemptVerdict judge_attempt(const AttemptResult& result, const RetrySchedule& schedule,
                             std::uint32_t attempts, double random, Milliseconds now) {
    using Kind = AttemptVerdict::Kind;
    const StatusRule rule = rule_of(result);
    if (rule.is_done) return {Kind::done, Milliseconds(0), false};
    if (rule.aborts || result.aborts) return {Kind::aborted, Milliseconds(0), false};
    const std::optional<Milliseconds> pause = pause_after(schedule, attempts, random);
    if (!pause) return {Kind::exhausted, Milliseconds(0), rule.looks_down};
    const std::optional<Milliseconds> wanted =
        rule.obeys_retry_after ? parse_retry_after(result.retry_after, now) : std::nullopt;
    return {Kind::later, wanted.value_or(*pause), rule.looks_down};
}

}  // namespace webhook
