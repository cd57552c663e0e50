// `pattern` and `patternProperties` of JSON Schema: regular expressions of ECMA-262 with the flag
// `u` (pattern_syntax.h).
//
// They run on an engine of our own. PCRE2's limits bound neither the time of a long text (its match
// limit starts anew at each place of the text, and a repetition of one character counts as one:
// with a limit of 10, `[a-z]+[0-9]` takes 3 s for 50 KB of letters) nor do they tell what a search
// has cost. Here each instruction counts. Patterns without back references take no more than the
// text's length times the pattern's.
//
// A pattern is constant. Memory for the searches is kept for each thread (pattern_automaton.h).

#pragma once

#include <optional>
#include <string_view>

#include "jsonschema/pattern_automaton.h"
#include "jsonschema/pattern_program.h"
#include "jsonschema/pattern_runs.h"
#include "jsonschema/steps.h"

namespace webhook {

class Pattern {
  public:
    // Throws ConfigError, with the place and what is allowed, unless the text is a pattern.
    explicit Pattern(std::string_view text);

    // Whether it matches anywhere in a text in UTF-8. Exhausted if the steps do not suffice to
    // tell.
    Found search(std::string_view text, Steps& steps) const;

  private:
    // One of the two.
    std::optional<PatternRuns> runs_;
    PatternProgram program_;
};

// Whether the text is a pattern, also one whose repetitions are too large to be searched for.
bool is_pattern(std::string_view text);

}  // namespace webhook
