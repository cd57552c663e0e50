// Searches for a pattern without back references by following all its ways at once.
//
// The time is bounded by the text's length times the pattern's: no text makes it exponential. A
// look is looked for anew wherever it is asserted; inside a repetition that may make it quadratic.

#pragma once

#include <string_view>

#include "jsonschema/pattern_program.h"
#include "jsonschema/pattern_work.h"
#include "jsonschema/steps.h"

namespace webhook {

// Memory is kept for each thread, some 16 bytes for an instruction of the longest program.
Found search_automaton(const PatternProgram& program, std::string_view text, Steps& steps);

}  // namespace webhook
