#include "jsonschema/pattern.h"

#include "base/errors.h"
#include "jsonschema/pattern_backtracking.h"

namespace webhook {

Pattern::Pattern(std::string_view text) {
    const PatternTree tree = parse_pattern(text);
    runs_ = PatternRuns::from(tree);
    if (!runs_) program_ = compile_program(tree);
}

Found Pattern::search(std::string_view text, Steps& steps) const {
    if (runs_) return runs_->search(text, steps);
    if (program_.has_back_references) return search_backtracking(program_, text, steps);
    return search_automaton(program_, text, steps);
}

bool is_pattern(std::string_view text) {
    try {
        parse_pattern(text);
        return true;
    } catch (const ConfigError&) {
        return false;
    }
}

}  // namespace webhook
