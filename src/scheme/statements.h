// The text of a scheme: statements of words, each ended by `;`.
//
// A word ends at white space or `;`. Quotes, single or double, may contain these and braces,
// anywhere in a word (`split=" "`); within them `\"`, `\'`, `\\`, `\n`, `\r` and `\t` have the
// meaning that they have in nginx.conf. `#` at the start of a word begins a comment, to the end of
// the line.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/errors.h"

namespace webhook {

// A ConfigError on a line of a text; the first line is 1.
struct SchemeTextError : ConfigError {
    SchemeTextError(const std::string& message, std::size_t line)
        : ConfigError(message), line(line) {}

    std::size_t line;
};

struct Statement {
    std::size_t line = 0;
    std::vector<std::string> words;
};

// Throws SchemeTextError if the text does not consist of statements.
std::vector<Statement> parse_statements(std::string_view text);

// Classifies the characters of a text, one by one. Only this class decides where statements and
// blocks end, and what is quoted.
class StatementScanner {
  public:
    enum class Mark : std::uint8_t {
        space,
        comment,
        semicolon,
        opening_brace,
        closing_brace,
        // Around quoted text.
        opening_quote,
        closing_quote,
        // Within quotes: the backslash of an escape, and the character after it.
        backslash,
        escaped,
        // Of a word, quoted or not.
        text
    };

    // Of the next character.
    Mark next(char character);

    // Whether the characters so far end within quotes.
    bool in_quotes() const { return state_ == State::quotes || state_ == State::escape; }

  private:
    enum class State : std::uint8_t { space, word, quotes, escape, comment };

    Mark next_quoted(char character);
    Mark next_bare(char character);

    State state_ = State::space;
    char quote_ = '\0';
};

// Finds, character by character, the `}` that ends a block of statements: not one within quotes or
// in a comment.
class BlockEnd {
  public:
    // Whether this character, the next of the text, ends the block.
    bool is(char character) {
        return scanner_.next(character) == StatementScanner::Mark::closing_brace;
    }

    // Whether the characters so far end within quotes.
    bool in_quotes() const { return scanner_.in_quotes(); }

  private:
    StatementScanner scanner_;
};

}  // namespace webhook
