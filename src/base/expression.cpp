#include "base/expression.h"

#include <algorithm>
#include <cstdint>

#include "base/text.h"

namespace webhook {
namespace {

// Limits on the repetitions of an item of a regex, and on the length of an example.
constexpr std::size_t kMostRepeats = 64;
constexpr std::size_t kMostText = 4096;

bool is_punctuation(char c) {
    return !is_letter(c) && !is_digit(c) && c > ' ';
}

bool has_alternatives(std::string_view expression) {
    int depth = 0;
    bool is_class = false;
    for (std::size_t i = 0; i < expression.size(); ++i) {
        const char c = expression[i];
        if (c == '\\') {
            ++i;
        } else if (is_class) {
            is_class = c != ']';
        } else if (c == '[') {
            is_class = true;
        } else if (c == '(') {
            ++depth;
        } else if (c == ')') {
            --depth;
        } else if (c == '|' && depth == 0) {
            return true;
        }
    }
    return false;
}

class Example {
  public:
    explicit Example(std::string_view expression) : rest_(expression) {}

    std::optional<std::string> all() {
        std::string text = alternatives();
        if (failed_ || !rest_.empty()) return std::nullopt;
        return text;
    }

  private:
    bool at(char c) const { return !rest_.empty() && rest_.front() == c; }

    char take() {
        if (rest_.empty()) {
            failed_ = true;
            return '\0';
        }
        const char c = rest_.front();
        rest_.remove_prefix(1);
        return c;
    }

    // The first of them.
    std::string alternatives() {
        std::string first = sequence();
        while (!failed_ && at('|')) {
            take();
            sequence();
        }
        return first;
    }

    std::string sequence() {
        std::string text;
        while (!failed_ && !rest_.empty() && !at('|') && !at(')')) {
            const std::string piece = one();
            const std::size_t times = repeats();
            for (std::size_t i = 0; i < times; ++i) text += piece;
            if (text.size() > kMostText) failed_ = true;
        }
        return text;
    }

    std::string one() {
        const char c = take();
        if (c == '^' || c == '$') return {};
        if (c == '.') return "x";
        if (c == '\\') return escaped();
        if (c == '[') return of_class();
        if (c == '(') return of_group();
        failed_ = failed_ || std::string_view("*+?{").find(c) != std::string_view::npos;
        return {c};
    }

    std::string escaped() {
        const char c = take();
        if (c == 'd') return "0";
        if (c == 'w' || c == 'S' || c == 'D') return "x";
        if (c == 'b' || c == 'A' || c == 'z' || c == 'Z') return {};
        failed_ = failed_ || !is_punctuation(c);
        return {c};
    }

    // What its first character is.
    std::string of_class() {
        const bool is_negated = at('^');
        if (is_negated) take();
        std::string first;
        std::string_view members = rest_;
        if (at(']')) take();
        for (char c = '\0'; !failed_ && (c = take()) != ']';) {
            if (c == '[') failed_ = true;
            if (c == '\\') take();
        }
        if (failed_) return {};
        members.remove_suffix(rest_.size() + 1);
        if (!is_negated) {
            if (!members.starts_with('\\')) return std::string(members.substr(0, 1));
            Example escape(members.substr(0, 2));
            std::optional<std::string> text = escape.all();
            failed_ = !text;
            return text.value_or(std::string());
        }
        for (const char candidate : std::string_view("x0~_")) {
            if (members.find(candidate) == std::string_view::npos) return {candidate};
        }
        failed_ = true;
        return {};
    }

    std::string of_group() {
        if (at('?')) {
            take();
            if (at('P')) take();
            if (at('<') && rest_.size() > 1 && rest_[1] != '=' && rest_[1] != '!') {
                while (!failed_ && take() != '>') continue;
            } else if (take() != ':') {
                failed_ = true;
            }
        } else if (at('*')) {
            failed_ = true;
        }
        std::string text = alternatives();
        if (take() != ')') failed_ = true;
        return text;
    }

    std::size_t repeats() {
        std::size_t times = 1;
        if (at('*') || at('+') || at('?')) {
            take();
        } else if (at('{')) {
            take();
            std::string digits;
            while (!rest_.empty() && is_digit(rest_.front())) digits += take();
            while (!failed_ && take() != '}') continue;
            const auto number = parse_digits(digits);
            failed_ = failed_ || !number || *number > static_cast<std::int64_t>(kMostRepeats);
            times = failed_ ? 0 : static_cast<std::size_t>(*number);
        } else {
            return times;
        }
        if (at('?') || at('+')) take();
        return times;
    }

    std::string_view rest_;
    bool failed_ = false;
};

}  // namespace

Beginning beginning_of(std::string_view expression) {
    Beginning found;
    if (!expression.starts_with('^') || has_alternatives(expression)) return found;
    for (std::size_t i = 1; i < expression.size(); ++i) {
        const char c = expression[i];
        const bool is_escaped = c == '\\' && i + 1 < expression.size();
        if (c == '$') {
            found.is_whole = i + 1 == expression.size();
            break;
        }
        if (is_escaped && is_punctuation(expression[i + 1])) {
            found.text += expression[++i];
            continue;
        }
        const bool may_lack = c == '?' || c == '*' || c == '{';
        if (may_lack && !found.text.empty()) found.text.pop_back();
        if (std::string_view("\\.[](){}|?*+^").find(c) != std::string_view::npos) break;
        found.text += c;
    }
    return found;
}

std::optional<std::string> example_of(std::string_view expression) {
    return Example(expression).all();
}

}  // namespace webhook
