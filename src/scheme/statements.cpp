#include "scheme/statements.h"

#include "base/text.h"

namespace webhook {
namespace {

bool is_space(char character) {
    return character == ' ' || character == '\t' || character == '\r' || character == '\n';
}

bool is_quote(char character) {
    return character == '"' || character == '\'';
}

class StatementReader {
  public:
    explicit StatementReader(std::string_view text) : rest_(text) {}

    std::vector<Statement> read() {
        std::vector<Statement> statements;
        for (Statement statement = next(); !statement.words.empty(); statement = next()) {
            statements.push_back(std::move(statement));
        }
        return statements;
    }

  private:
    // Empty at the end of the text.
    Statement next() {
        Statement statement;
        while (true) {
            skip_space_and_comments();
            if (rest_.empty()) break;
            if (statement.words.empty()) statement.line = line_;
            if (rest_.front() == ';') {
                if (statement.words.empty()) fail("unexpected \";\"");
                take();
                return statement;
            }
            statement.words.push_back(word());
        }
        if (!statement.words.empty()) {
            throw SchemeTextError(in_quotes(statement.words.front()) + " does not end in \";\"",
                                  statement.line);
        }
        return statement;
    }

    void skip_space_and_comments() {
        while (!rest_.empty()) {
            if (rest_.front() == '#') {
                while (!rest_.empty() && rest_.front() != '\n') take();
            } else if (is_space(rest_.front())) {
                take();
            } else {
                return;
            }
        }
    }

    std::string word() {
        std::string word;
        while (!rest_.empty() && !is_space(rest_.front()) && rest_.front() != ';') {
            const char character = take();
            if (is_quote(character)) {
                append_quoted(word, character);
            } else if (character == '{' || character == '}') {
                fail("unexpected " + in_quotes(std::string_view(&character, 1)) +
                     ": it stands in quotes only");
            } else {
                word += character;
            }
        }
        return word;
    }

    void append_quoted(std::string& word, char quote) {
        const std::size_t start = line_;
        while (!rest_.empty()) {
            const char character = take();
            if (character == quote) return;
            word += character == '\\' ? escaped() : character;
        }
        throw SchemeTextError("a quote has no end", start);
    }

    char escaped() {
        const char character = rest_.empty() ? '\0' : take();
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

    char take() {
        const char character = rest_.front();
        rest_.remove_prefix(1);
        if (character == '\n') ++line_;
        return character;
    }

    [[noreturn]] void fail(const std::string& message) const {
        throw SchemeTextError(message, line_);
    }

    std::string_view rest_;
    std::size_t line_ = 1;
};

}  // namespace

std::vector<Statement> parse_statements(std::string_view text) {
    return StatementReader(text).read();
}

bool BlockEnd::is(char character) {
    switch (state_) {
        case State::comment:
            if (character == '\n') state_ = State::space;
            return false;
        case State::escape:
            state_ = State::quotes;
            return false;
        case State::quotes:
            if (character == '\\') state_ = State::escape;
            if (character == quote_) state_ = State::word;
            return false;
        case State::space:
        case State::word:
            break;
    }
    if (character == '}') return true;
    if (is_quote(character)) {
        state_ = State::quotes;
        quote_ = character;
    } else if (character == '#' && state_ == State::space) {
        state_ = State::comment;
    } else {
        state_ = is_space(character) || character == ';' ? State::space : State::word;
    }
    return false;
}

}  // namespace webhook
