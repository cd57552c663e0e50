// A pattern as instructions, over which pattern_automaton and pattern_backtracking run.

#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "jsonschema/code_points.h"
#include "jsonschema/pattern_syntax.h"

namespace webhook {

// A pattern that needs more is refused: `(a{1000}){1000}`.
inline constexpr std::size_t kMostPatternInstructions = 50'000;

// Looks inside looks.
inline constexpr std::size_t kDeepestPatternLooks = 10;

struct PatternInstruction {
    enum class Kind : std::uint8_t {
        match,
        // Passes a character of the set `first`.
        character,
        // Goes on at `first`, or at `second`; the first is tried first.
        split,
        jump,
        // Asserts.
        start,
        end,
        boundary,
        // Asserts the look `first`.
        look,
        // These are there for back references only. The group, and the loop, is `first`.
        open_group,
        close_group,
        back_reference,
        // Forgets the groups from `first` to the one before `second`.
        forget_groups,
        // A loop that gets no further ends.
        enter_loop,
        check_loop,
    };

    Kind kind = Kind::match;
    bool is_negated = false;
    // Goes towards the start of the text, as what is looked for behind does.
    bool is_backward = false;
    std::uint32_t first = 0;
    std::uint32_t second = 0;
};

struct PatternLook {
    std::uint32_t entry = 0;
    bool is_backward = false;
    bool is_negated = false;
};

struct PatternProgram {
    std::vector<PatternInstruction> code;
    std::vector<CodePointSet> sets;
    std::vector<PatternLook> looks;
    std::uint32_t entry = 0;
    std::uint32_t group_count = 0;
    std::uint32_t loop_count = 0;
    // Each depth of looks inside looks needs memory of its own.
    std::size_t look_depth = 0;
    bool has_back_references = false;
    // Whether it can begin at the start of the text only.
    bool is_anchored = false;
    // Whether no character is needed.
    bool may_be_empty = false;
    // By the first byte of a character: whether it may begin a match.
    std::vector<bool> first_bytes;
};

// Throws ConfigError for a pattern that needs more than these, or an unknown property.
PatternProgram compile_program(const PatternTree& tree);

}  // namespace webhook
