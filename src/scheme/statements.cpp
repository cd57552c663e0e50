#include "scheme/statements.h"

#include <optional>
#include <utility>

#include "base/text.h"

namespace webhook {
namespace {

using Mark = StatementScanner::Mark;

bool is_space(char character) {
    return character == ' ' || character == '\t' || character == '\r' || character == '\n';
}

bool is_quote(char character) {
    return character == '"' || character == '\'';
}

// Assembles words and statements.
class StatementReader {
  public:
    std::vector<Statement> read(std::string_view text) {
        for (char character : text) {
            if (character == '\n') ++line_;
            take(character, scanner_.next(character));
        }
        finish();
        return std::move(statements_);
    }

  private:
    void take(char character, Mark mark) {
        switch (mark) {
            case Mark::space:
                return end_word();
            case Mark::semicolon:
                return end_statement();
            case Mark::opening_brace:
            case Mark::closing_brace:
                fail("unexpected " + in_quotes(std::string_view(&character, 1)) +
                     ": it stands in quotes only");
            case Mark::opening_quote:
                quote_line_ = line_;
                word();
                return;
            case Mark::escaped:
                word() += escaped(character);
                return;
            case Mark::text:
                word() += character;
                return;
            case Mark::comment:
            case Mark::closing_quote:
            case Mark::backslash:
                return;
        }
    }

    // The word being read. Begins one if there is none.
    std::string& word() {
        if (!word_) {
            word_.emplace();
            if (statement_.words.empty()) statement_.line = line_;
        }
        return *word_;
    }

    void end_word() {
        if (word_) statement_.words.push_back(*std::exchange(word_, std::nullopt));
    }

    void end_statement() {
        end_word();
        if (statement_.words.empty()) fail("unexpected \";\"");
        statements_.push_back(std::exchange(statement_, {}));
    }

    void finish() {
        if (scanner_.in_quotes()) {
            throw SchemeTextError("a quote has no end", quote_line_);
        }
        end_word();
        if (statement_.words.empty()) return;
        throw SchemeTextError(in_quotes(statement_.words.front()) + " does not end in \";\"",
                              statement_.line);
    }

    char escaped(char character) const {
        switch (character) {
            case 'n':
                return '\n';
            case 'r':
                return '\r';
            case 't':
                return '\t';
            case '"':
            case '\'':
            case '\\':
                return character;
            default:
                fail("unknown escape in quotes, allowed: \\\", \\', \\\\, \\n, \\r, \\t");
        }
    }

    [[noreturn]] void fail(const std::string& message) const {
        throw SchemeTextError(message, line_);
    }

    StatementScanner scanner_;
    std::vector<Statement> statements_;
    Statement statement_;
    std::optional<std::string> word_;
    std::size_t line_ = 1;
    std::size_t quote_line_ = 0;
};

}  // namespace

std::vector<Statement> parse_statements(std::string_view text) {
    return StatementReader().read(text);
}

StatementScanner::Mark StatementScanner::next(char character) {
    switch (state_) {
        case State::comment:
            if (character != '\n') return Mark::comment;
            state_ = State::space;
            return Mark::space;
        case State::escape:
            state_ = State::quotes;
            return Mark::escaped;
        case State::quotes:
            return next_quoted(character);
        case State::space:
        case State::word:
            break;
    }
    return next_bare(character);
}

StatementScanner::Mark StatementScanner::next_quoted(char character) {
    if (character == '\\') {
        state_ = State::escape;
        return Mark::backslash;
    }
    if (character != quote_) return Mark::text;
    state_ = State::word;
    return Mark::closing_quote;
}

StatementScanner::Mark StatementScanner::next_bare(char character) {
    const bool begins_word = state_ == State::space;
    state_ = State::space;
    if (is_space(character)) return Mark::space;
    if (character == ';') return Mark::semicolon;
    if (character == '#' && begins_word) {
        state_ = State::comment;
        return Mark::comment;
    }
    state_ = State::word;
    if (character == '{') return Mark::opening_brace;
    if (character == '}') return Mark::closing_brace;
    if (!is_quote(character)) return Mark::text;
    state_ = State::quotes;
    quote_ = character;
    return Mark::opening_quote;
}

}  // namespace webhook
