// Takes a text apart from its start.

#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "base/text.h"

namespace webhook {

class Scanner {
  public:
    explicit Scanner(std::string_view text) : rest_(text) {}

    bool at_end() const { return rest_.empty(); }
    std::string_view rest() const { return rest_; }
    char peek() const { return rest_.empty() ? '\0' : rest_.front(); }

    bool take(std::string_view token) {
        if (!rest_.starts_with(token)) return false;
        rest_.remove_prefix(token.size());
        return true;
    }

    bool take_any_of(std::string_view characters) {
        if (rest_.empty() || characters.find(rest_.front()) == std::string_view::npos) return false;
        rest_.remove_prefix(1);
        return true;
    }

    template <typename Test>
    std::string_view take_while(Test test) {
        std::size_t size = 0;
        while (size < rest_.size() && test(rest_[size])) ++size;
        const std::string_view taken = rest_.substr(0, size);
        rest_.remove_prefix(size);
        return taken;
    }

    std::string_view take_digits() { return take_while(is_digit); }

    // So many digits, no fewer.
    std::optional<int> take_number(std::size_t digits) {
        if (rest_.size() < digits) return std::nullopt;
        int number = 0;
        for (std::size_t i = 0; i < digits; ++i) {
            if (!is_digit(rest_[i])) return std::nullopt;
            number = number * 10 + (rest_[i] - '0');
        }
        rest_.remove_prefix(digits);
        return number;
    }

  private:
    std::string_view rest_;
};

constexpr bool is_hex_digit(char character) {
    const char lowered = to_lower(character);
    return is_digit(character) || (lowered >= 'a' && lowered <= 'f');
}

}  // namespace webhook
