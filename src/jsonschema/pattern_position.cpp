#include "jsonschema/pattern_position.h"

#include "base/text.h"

namespace webhook {
namespace {

bool is_word_character(std::string_view text, std::size_t at) {
    return at < text.size() && (is_letter(text[at]) || is_digit(text[at]) || text[at] == '_');
}

}  // namespace

bool asserts(const PatternInstruction& instruction, std::string_view text, std::size_t at) {
    switch (instruction.kind) {
        case PatternInstruction::Kind::start:
            return at == 0;
        case PatternInstruction::Kind::end:
            return at == text.size();
        default:
            break;
    }
    const bool is_boundary =
        (at > 0 && is_word_character(text, at - 1)) != is_word_character(text, at);
    return is_boundary != instruction.is_negated;
}

}  // namespace webhook
