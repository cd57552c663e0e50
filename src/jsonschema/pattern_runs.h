// The patterns that most schemas have: `^evt_`, `^[0-9a-f]{40}$`, `^\d{4}-\d\d$`, `id$`, `foo`,
// `[^ ]$`.
//
// Such a pattern is a row of runs of characters, where each run ends by itself: a run that is as
// long as it can be is the only one to try. The text is passed once.

#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "jsonschema/code_points.h"
#include "jsonschema/pattern_syntax.h"
#include "jsonschema/pattern_work.h"
#include "jsonschema/steps.h"

namespace webhook {

class PatternRuns {
  public:
    // Returns nullopt for a pattern that is no such row.
    static std::optional<PatternRuns> from(const PatternTree& tree);

    Found search(std::string_view text, Steps& steps) const;

  private:
    // So many characters of a set.
    struct Run {
        CodePointSet set;
        std::size_t least;
        std::size_t most;
    };

    // Adds to the cost, in characters of ASCII.
    bool begins(std::string_view text, std::size_t& cost) const;

    bool has_fixed_length() const;
    // As many as a match of that length has, or all.
    std::string_view last_characters(std::string_view text, std::size_t& cost) const;

    bool at_start_ = false;
    bool at_end_ = false;
    // The text of the runs that have one character each, from the first.
    std::string literal_;
    // The others.
    std::vector<Run> runs_;
};

}  // namespace webhook
