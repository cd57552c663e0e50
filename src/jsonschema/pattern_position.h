// What a pattern asserts about a place in a text: `^`, `$`, `\b`.

#pragma once

#include <cstddef>
#include <string_view>

#include "jsonschema/pattern_program.h"

namespace webhook {

// The instruction is one of start, end and boundary.
bool asserts(const PatternInstruction& instruction, std::string_view text, std::size_t at);

}  // namespace webhook
