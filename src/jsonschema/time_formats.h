// Dates, times and durations as RFC 3339 writes them.

#pragma once

#include <string_view>

namespace webhook {

// Section 5.6, in the Gregorian calendar. `T` and `Z` may be lower case; a second is 60 at the end
// of a day in UTC only.
bool is_date(std::string_view text);
bool is_time(std::string_view text);
bool is_date_time(std::string_view text);

// Appendix A.
bool is_duration(std::string_view text);

}  // namespace webhook
