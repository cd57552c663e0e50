#include "jsonschema/syntax.h"

#include <algorithm>
#include <optional>

#include "base/text.h"
#include "base/utf8.h"

namespace webhook {
namespace {

constexpr std::size_t kShownWord = 30;

class SyntaxReader {
  public:
    explicit SyntaxReader(std::string_view text) : text_(text) {
        if (text_.starts_with("\xef\xbb\xbf")) at_ = 3;
    }

    std::string error() {
        skip_space();
        if (at_ == text_.size()) return "the file is empty";
        while (error_.empty() && !is_done_) read_token();
        if (!error_.empty()) return error_;
        if (at_ < text_.size()) expect("nothing may follow the end of the schema,");
        return error_;
    }

  private:
    // One value's beginning or end, with the comma or colon around it.
    void read_token() {
        if (!begin_value()) return;
        while (error_.empty() && !open_.empty()) {
            skip_space();
            const char end = open_.back() == '{' ? '}' : ']';
            if (at_ < text_.size() && text_[at_] == end) {
                ++at_;
                open_.pop_back();
                continue;
            }
            if (at_ < text_.size() && text_[at_] == ',') {
                ++at_;
                skip_space();
                read_after_comma();
                return;
            }
            return expect(end == '}' ? "a comma or \"}\" must stand before"
                                     : "a comma or \"]\" must stand before");
        }
        skip_space();
        is_done_ = true;
    }

    // Returns whether the value is complete.
    bool begin_value() {
        skip_space();
        const char character = at_ < text_.size() ? text_[at_] : '\0';
        if (character == '{' || character == '[') return open(character);
        if (character == '"') {
            read_string();
        } else if (character == '-' || is_digit(character)) {
            read_number();
        } else {
            read_word();
        }
        return error_.empty();
    }

    bool open(char bracket) {
        ++at_;
        open_.push_back(bracket);
        skip_space();
        const char end = bracket == '{' ? '}' : ']';
        if (at_ < text_.size() && text_[at_] == end) {
            ++at_;
            open_.pop_back();
            return true;
        }
        if (bracket == '{') read_name();
        return false;
    }

    // A name; the value is for the next token.
    void read_after_comma() {
        if (at_ < text_.size() && (text_[at_] == ']' || text_[at_] == '}')) {
            return expect("no comma may stand before");
        }
        if (open_.back() == '{') read_name("a name in double quotes must follow the comma,");
    }

    void read_name(std::string_view expectation = "a name in double quotes must follow,") {
        if (at_ >= text_.size() || text_[at_] != '"') return expect(expectation);
        read_string();
        skip_space();
        if (!error_.empty()) return;
        if (at_ >= text_.size() || text_[at_] != ':')
            return expect("a colon must follow the name,");
        ++at_;
    }

    void read_string() {
        const std::size_t begin = at_;
        for (++at_; at_ < text_.size() && text_[at_] != '"'; ++at_) {
            if (static_cast<unsigned char>(text_[at_]) < 0x20) {
                at_ = begin;
                return expect("a string must end in its line:");
            }
            if (text_[at_] == '\\' && !read_escape()) return;
        }
        if (at_ >= text_.size()) {
            at_ = begin;
            return expect("a string must end in its line:");
        }
        ++at_;
    }

    bool read_escape() {
        const std::size_t begin = at_++;
        const char character = at_ < text_.size() ? text_[at_] : '\0';
        if (std::string_view("\"\\/bfnrt").find(character) != std::string_view::npos) return true;
        constexpr std::string_view kHex = "0123456789abcdefABCDEF";
        const std::string_view digits = text_.substr(std::min(at_ + 1, text_.size()), 4);
        if (character == 'u' && digits.size() == 4 &&
            digits.find_first_not_of(kHex) == std::string_view::npos) {
            at_ += digits.size();
            return true;
        }
        at_ = begin;
        expect("JSON has no such escape (a backslash is written \"\\\\\"):");
        return false;
    }

    void read_number() {
        const std::size_t begin = at_;
        if (text_[at_] == '-') ++at_;
        const bool is_zero = at_ < text_.size() && text_[at_] == '0';
        bool valid = is_zero ? (++at_, true) : read_digits();
        if (valid && at_ < text_.size() && text_[at_] == '.') valid = (++at_, read_digits());
        if (valid && at_ < text_.size() && to_lower(text_[at_]) == 'e') {
            ++at_;
            if (at_ < text_.size() && (text_[at_] == '+' || text_[at_] == '-')) ++at_;
            valid = read_digits();
        }
        if (valid && (at_ >= text_.size() || !is_digit(text_[at_]))) return;
        at_ = begin;
        expect("JSON has no such number:");
    }

    bool read_digits() {
        const std::size_t begin = at_;
        while (at_ < text_.size() && is_digit(text_[at_])) ++at_;
        return at_ > begin;
    }

    void read_word() {
        for (const std::string_view word : {"true", "false", "null"}) {
            if (text_.substr(at_).starts_with(word)) {
                at_ += word.size();
                return;
            }
        }
        expect("a value must follow,");
    }

    void skip_space() { at_ = std::min(text_.find_first_not_of(" \t\r\n", at_), text_.size()); }

    void expect(std::string_view what) {
        const auto line =
            std::count(text_.begin(), text_.begin() + static_cast<long>(at_), '\n') + 1;
        error_ = "line " + std::to_string(line) + ": ";
        for (const std::string_view mark : {"//", "/*", "#"}) {
            if (!text_.substr(at_).starts_with(mark)) continue;
            error_ += "JSON has no comments, and " + in_quotes(mark) + " begins one";
            return;
        }
        error_ += what;
        if (what.ends_with(',')) error_ += " not";
        error_ += ' ' + shown();
    }

    std::string shown() const {
        if (at_ >= text_.size()) return "the end of the file";
        const std::string_view rest = text_.substr(at_);
        if (rest[0] == '"') {
            const std::size_t end = std::min(rest.find_first_of("\"\r\n", 1), rest.size());
            return excerpt_in_quotes(rest.substr(1, end - 1), kShownWord);
        }
        const bool is_mark = std::string_view("{}[],:").find(rest[0]) != std::string_view::npos;
        return excerpt_in_quotes(
            rest.substr(0, is_mark ? 1 : rest.find_first_of("{}[],:\" \t\r\n", 1)), kShownWord);
    }

    std::string_view text_;
    std::size_t at_ = 0;
    std::string open_;
    bool is_done_ = false;
    std::string error_;
};

}  // namespace

std::string find_syntax_error(std::string_view text) {
    if (!is_utf8(text)) return "the text is not UTF-8";
    return SyntaxReader(text).error();
}

}  // namespace webhook
