// What the parts of the page have in common: badges, bars, moments.
//
// An element that `data-f` names is filled anew by the page's script (src/report/page/status.js),
// and `data-key` says what of the report a row is about.

#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/html_writer.h"
#include "report/findings.h"
#include "report/report.h"

namespace webhook {

// `▲ attention`: a shape, a word and, by the style, a colour.
std::string badge_text(Health health, std::string_view word);

// A count of a list, of which the page shows those that are not zero.
struct Bar {
    std::string_view name;
    std::uint64_t count;
};

// A row of `write_bars()`.
void write_bar(HtmlWriter& html, const Bar& bar, std::uint64_t total);

// The words around a list of bars.
struct BarWords {
    std::string_view list;
    std::string_view caption;
    std::string_view head;
    // If it is empty.
    std::string none;
};
void write_bars(HtmlWriter& html, const BarWords& words, const std::vector<Bar>& bars);
void write_bars_head(HtmlWriter& html, std::string_view head);

// Ends the tag of an element that is there for the script if it does not apply: hidden, and empty.
// A text browser shows what is hidden as well, so nothing must be in it that is not true.
// Returns whether it applies.
bool begin_part(HtmlWriter& html, bool applies);

}  // namespace webhook
