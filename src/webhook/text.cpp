#include "webhook/text.h"

#include <algorithm>
#include <charconv>

namespace webhook {

bool equals_ignoring_case(std::string_view left, std::string_view right) {
    if (left.size() != right.size()) return false;
    for (std::size_t i = 0; i < left.size(); ++i) {
        if (to_lower(left[i]) != to_lower(right[i])) return false;
    }
    return true;
}

std::string to_lower(std::string_view text) {
    std::string lowered(text);
    for (char& character : lowered) character = to_lower(character);
    return lowered;
}

std::optional<std::int64_t> parse_digits(std::string_view text) {
    if (text.empty() || !std::all_of(text.begin(), text.end(), is_digit)) return std::nullopt;
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return number;
}

bool has_control_character(std::string_view text) {
    return std::any_of(text.begin(), text.end(), [](char character) {
        const auto byte = static_cast<unsigned char>(character);
        return byte < 0x20 || byte == 0x7f;
    });
}

bool consists_of(std::string_view text, std::string_view signs) {
    return std::ranges::all_of(text, [signs](char character) {
        return is_letter(character) || is_digit(character) ||
               signs.find(character) != std::string_view::npos;
    });
}

bool is_plain_token(std::string_view text) {
    const std::string_view padding = text.substr(std::min(text.find('='), text.size()));
    if (padding.find_first_not_of('=') != std::string_view::npos || padding.size() > 2) {
        return false;
    }
    text.remove_suffix(padding.size());
    const bool is_number = text.find_first_not_of("0123456789+-.eE") == std::string_view::npos;
    if (is_number) return false;
    // As lax readers know them, too.
    for (std::string_view word : {"true", "false", "null", "nan", "infinity"}) {
        if (equals_ignoring_case(text.substr(text.starts_with('-') ? 1 : 0), word)) return false;
    }
    return consists_of(text, "-._~+/");
}

bool is_header_name(std::string_view text) {
    static constexpr std::string_view kPunctuation = "!#$%&'*+-.^_`|~";
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char character) {
        const char lowered = to_lower(character);
        return is_digit(character) || (lowered >= 'a' && lowered <= 'z') ||
               kPunctuation.find(character) != std::string_view::npos;
    });
}

std::string in_quotes(std::string_view text) {
    return '"' + std::string(text) + '"';
}

std::string joined(const std::vector<std::string_view>& words) {
    std::string list;
    for (std::string_view word : words) {
        if (!list.empty()) list += ", ";
        list += word;
    }
    return list;
}

}  // namespace webhook
