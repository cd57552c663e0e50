// What can be told of a regular expression by its text alone.

#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace webhook {

// The beginning of all that an expression finds at the beginning of a text.
struct Beginning {
    std::string text;
    // Whether it finds nothing longer.
    bool is_whole = false;
};

Beginning beginning_of(std::string_view expression);

// A text that the expression is likely to find; its caller has to make sure. Nothing where a part
// of it is not understood.
std::optional<std::string> example_of(std::string_view expression);

}  // namespace webhook
