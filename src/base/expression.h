// Facts about a regular expression that follow from its text alone.

#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace webhook {

// The prefix that all matches of an expression at the start of a text share.
struct Beginning {
    std::string text;
    // Whether no match is longer.
    bool is_whole = false;
};

Beginning beginning_of(std::string_view expression);

// Returns a text that the expression is likely to match; the caller has to verify that. Returns
// nullopt if a part of the expression is not understood.
std::optional<std::string> example_of(std::string_view expression);

}  // namespace webhook
