// Searches for a pattern with back references as ECMA-262 defines it: one way after another.
//
// The time may be exponential in the text's length; the steps bound it, and so the memory.

#pragma once

#include <string_view>

#include "jsonschema/pattern_automaton.h"
#include "jsonschema/pattern_program.h"
#include "jsonschema/steps.h"

namespace webhook {

// Also exhausted if more than kMostPatternChoices are open.
inline constexpr std::size_t kMostPatternChoices = 100'000;

Found search_backtracking(const PatternProgram& program, std::string_view text, Steps& steps);

}  // namespace webhook
