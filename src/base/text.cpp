#include "base/text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace webhook {
namespace {

constexpr std::size_t kLongestInLog = 512;

}  // namespace

bool same_letters_ignoring_case(std::string_view left, std::string_view right) {
    if (left == right) return true;
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

std::string_view without_padding(std::string_view text, std::string_view padding) {
    const std::size_t start = text.find_first_not_of(padding);
    if (start == std::string_view::npos) return {};
    return text.substr(start, text.find_last_not_of(padding) - start + 1);
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

namespace {

// Longer than any known word.
constexpr std::size_t kLongestGuess = 64;

// The number of letters to insert, delete or replace.
std::size_t distance(std::string_view left, std::string_view right) {
    std::vector<std::size_t> row(right.size() + 1);
    for (std::size_t j = 0; j <= right.size(); ++j) row[j] = j;
    for (std::size_t i = 1; i <= left.size(); ++i) {
        std::size_t diagonal = std::exchange(row[0], i);
        for (std::size_t j = 1; j <= right.size(); ++j) {
            const std::size_t changed = diagonal + (left[i - 1] == right[j - 1] ? 0 : 1);
            diagonal = std::exchange(row[j], std::min({row[j] + 1, row[j - 1] + 1, changed}));
        }
    }
    return row.back();
}

}  // namespace

std::string_view nearest(std::string_view word, const std::vector<std::string_view>& words) {
    if (word.size() > kLongestGuess) return {};
    const std::string lowered = to_lower(word);
    // A third of the letters. With more, short words would resemble each other.
    std::size_t least = word.size() / 3 + 1;
    std::string_view found;
    for (std::string_view each : words) {
        if (each.size() > kLongestGuess) continue;
        const std::size_t letters = distance(lowered, to_lower(each));
        if (letters >= least) continue;
        least = letters;
        found = each;
    }
    return found;
}

bool is_media_type(std::string_view text) {
    const std::string_view type = text.substr(0, text.find(';'));
    const std::size_t slash = type.find('/');
    if (slash == std::string_view::npos || has_control_character(text)) return false;
    const std::size_t end = type.find_last_not_of(' ') + 1;
    return is_header_name(type.substr(0, slash)) &&
           is_header_name(type.substr(slash + 1, end - slash - 1)) &&
           std::ranges::all_of(
               text, [](char character) { return static_cast<unsigned char>(character) < 0x7f; });
}

char* escape_for_log(std::string_view text, char* at, const char* end) noexcept {
    constexpr std::string_view kDigits = "0123456789abcdef";
    constexpr std::ptrdiff_t kEscapedSize = 4;
    for (const char character : text) {
        const auto byte = static_cast<std::uint8_t>(character);
        const bool plain = byte >= 0x20 && byte < 0x7f && character != '"' && character != '\\';
        if (end - at < (plain ? 1 : kEscapedSize)) break;
        if (plain) {
            *at++ = character;
            continue;
        }
        for (const char each : {'\\', 'x', kDigits[byte >> 4], kDigits[byte & 0xf]}) *at++ = each;
    }
    return at;
}

std::string escaped_for_log(std::string_view text) {
    std::array<char, 4 * kLongestInLog> written;
    const char* end = escape_for_log(text.substr(0, kLongestInLog), written.data(),
                                     written.data() + written.size());
    std::string escaped(written.data(), static_cast<std::size_t>(end - written.data()));
    if (text.size() > kLongestInLog) escaped += "...";
    return escaped;
}

namespace {

bool continues_character(char byte) {
    return (static_cast<unsigned char>(byte) & 0xc0) == 0x80;
}

std::string_view head_of(std::string_view text, std::size_t size) {
    while (size > 0 && size < text.size() && continues_character(text[size])) --size;
    return text.substr(0, size);
}

std::string_view tail_of(std::string_view text, std::size_t size) {
    std::size_t begin = text.size() - std::min(size, text.size());
    while (begin < text.size() && continues_character(text[begin])) ++begin;
    return text.substr(begin);
}

// In bytes, or 0 where none begins: a control character of ASCII or of Unicode (U+0080 to U+009F),
// the end of a line, or a change of the writing's direction.
std::size_t control_size(std::string_view text) {
    const auto byte = [text](std::size_t at) {
        return at < text.size() ? static_cast<unsigned char>(text[at]) : 0;
    };
    if (has_control_character(text.substr(0, 1))) return 1;
    if (byte(0) == 0xc2 && byte(1) >= 0x80 && byte(1) < 0xa0) return 2;
    const bool is_mark = byte(1) == 0x80 && (byte(2) == 0x8e || byte(2) == 0x8f);
    const bool is_embedding = byte(1) == 0x80 && byte(2) >= 0xa8 && byte(2) <= 0xae;
    const bool is_isolate = byte(1) == 0x81 && byte(2) >= 0xa6 && byte(2) <= 0xa9;
    return byte(0) == 0xe2 && (is_mark || is_embedding || is_isolate) ? 3 : 0;
}

}  // namespace

std::string shortened(std::string_view text, std::size_t longest) {
    constexpr std::string_view kEllipsis = "\xe2\x80\xa6";
    if (text.size() <= longest) return std::string(text);
    const std::size_t half = (longest - kEllipsis.size()) / 2;
    return std::string(head_of(text, half)) + std::string(kEllipsis) +
           std::string(tail_of(text, half));
}

std::string excerpt_in_quotes(std::string_view text, std::size_t longest) {
    const std::string shown = shortened(text, longest);
    std::string escaped;
    for (std::string_view rest = shown; !rest.empty();) {
        const std::size_t size = control_size(rest);
        if (size == 0) {
            escaped += rest.front();
        } else {
            escaped += escaped_for_log(rest.substr(0, size));
        }
        rest.remove_prefix(std::max<std::size_t>(size, 1));
    }
    return in_quotes(shortened(escaped, longest));
}

std::string shown_word(std::string_view argument) {
    constexpr std::size_t kLongestWord = 15;
    constexpr std::string_view kSigns = "abcdefghijklmnopqrstuvwxyz0123456789-_";
    const std::size_t equals = argument.find('=');
    const std::string_view name = argument.substr(0, equals);
    const bool is_word =
        name.size() <= kLongestWord && name.find_first_not_of(kSigns) == std::string_view::npos;
    if (!is_word) return {};
    return " " +
           in_quotes(equals == std::string_view::npos ? name : argument.substr(0, equals + 1));
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
