// The syntax of regular expressions of ECMA-262 with the flag `u`, as JSON Schema asks for them.
//
// More than that is taken where it has one meaning only, and is common: `\` before any sign
// (`\-`, `\@`), and a class such as `\w` beside a hyphen in brackets (`[\w-.]`).

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "jsonschema/code_points.h"

namespace webhook {

inline constexpr std::size_t kLongestPattern = 10'000;
inline constexpr std::size_t kDeepestPatternNesting = 200;
// As the upper bound of a repetition.
inline constexpr std::uint32_t kUnbounded = 0xffffffff;

// A class of characters, as it is written.
struct PatternClass {
    struct Property {
        // As find_property() returns it.
        std::string name;
        bool is_negated;
    };

    std::vector<CodePointRange> ranges;
    std::vector<Property> properties;
    bool is_negated = false;
};

// The code points of a class. Throws ConfigError for a property that is not known.
CodePointSet set_of(const PatternClass& written);

// A part of a pattern, with its own parts.
struct PatternNode {
    enum class Kind : std::uint8_t {
        character,       // one of `written`
        sequence,        // all parts
        alternatives,    // one of the parts
        group,           // captured as `number`
        repetition,      // `least` to `most` times
        start,           // ^
        end,             // $
        boundary,        // \b, or \B if negated
        look,            // (?= (?! (?<= (?<!
        back_reference,  // to the group `number`
    };

    Kind kind = Kind::sequence;
    bool is_negated = false;
    bool looks_behind = false;
    bool is_lazy = false;
    std::uint32_t number = 0;
    std::uint32_t least = 0;
    std::uint32_t most = 0;
    // The groups inside a repetition: from this one to the one before that.
    std::uint32_t first_group = 0;
    std::uint32_t end_group = 0;
    PatternClass written;
    std::vector<PatternNode> parts;
};

struct PatternTree {
    PatternNode root;
    // The groups are numbered from 1.
    std::uint32_t group_count = 0;
    bool has_back_references = false;
};

// Throws ConfigError, with the place in bytes, for anything else than a pattern, and for one that
// is longer or nested more deeply than the bounds above.
PatternTree parse_pattern(std::string_view text);

}  // namespace webhook
