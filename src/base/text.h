// Helpers for ASCII text, independent of any locale.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace webhook {

constexpr bool is_digit(char character) {
    return character >= '0' && character <= '9';
}

constexpr char to_lower(char character) {
    return character >= 'A' && character <= 'Z' ? static_cast<char>(character - 'A' + 'a')
                                                : character;
}

constexpr bool is_letter(char character) {
    const char lowered = to_lower(character);
    return lowered >= 'a' && lowered <= 'z';
}

// For equals_ignoring_case(). Both must have the same length.
bool same_letters_ignoring_case(std::string_view left, std::string_view right);

// Compares as HTTP header names are compared, ignoring the case of ASCII letters. Most names differ
// in length, which is checked without a call.
inline bool equals_ignoring_case(std::string_view left, std::string_view right) {
    return left.size() == right.size() && same_letters_ignoring_case(left, right);
}

std::string to_lower(std::string_view text);

// Parses a number of decimal digits only: no sign, space or fraction. Returns nullopt if the text
// is empty, has any other character, or exceeds 2^63 - 1.
std::optional<std::int64_t> parse_digits(std::string_view text);

// Removes the characters of `padding` from both ends.
std::string_view without_padding(std::string_view text, std::string_view padding = " \t");

// Whether any byte is a control character (0x00-0x1f, 0x7f), which must not reach a header or a
// log.
bool has_control_character(std::string_view text);

// Whether the text consists of ASCII letters, digits and these signs only.
bool consists_of(std::string_view text, std::string_view signs);

// The signs that a plain token may hold besides letters and digits.
inline constexpr std::string_view kPlainTokenSigns = "-._~+/=";

// Whether the text can be no payload: it has letters, digits and `-._~+/`, with base64 padding at
// the end only, and is neither a number nor a word of JSON.
bool is_plain_token(std::string_view text);

// Whether the text is a valid header name: a token of RFC 9110, section 5.6.2.
bool is_header_name(std::string_view text);

// Returns the word most similar to this one, or the first of several. Empty if none is similar
// enough to be the intended one.
std::string_view nearest(std::string_view word, const std::vector<std::string_view>& words);

// Whether the text is a media type as `Content-Type` names it, with parameters or without.
bool is_media_type(std::string_view text);

// Escapes characters that could break out of the quotes or the line of a log, as nginx does
// (`\x22`). Writes as much as fits and returns the end.
char* escape_for_log(std::string_view text, char* at, const char* end) noexcept;
// The same. Long text is truncated, since nginx limits log lines to 2 KB.
std::string escaped_for_log(std::string_view text);

// The text between double quotes, as error messages show the offending token.
std::string in_quotes(std::string_view text);

// Cuts text that has more bytes in its middle, between characters of UTF-8.
std::string shortened(std::string_view text, std::size_t longest);

// As in_quotes(), for text of a file that its user may not have written: one line, bounded, and
// with nothing that a terminal obeys. Control characters are escaped as in a log, and long text is
// shortened.
inline constexpr std::size_t kLongestExcerpt = 160;
std::string excerpt_in_quotes(std::string_view text, std::size_t longest = kLongestExcerpt);

// The part of an argument that may be shown, since it may be a misplaced secret: `name=` of
// `name=value`, or a word as directives have them, in quotes after a space; otherwise empty.
std::string shown_word(std::string_view argument);

// A list for a message: `a, b, c`.
std::string joined(const std::vector<std::string_view>& words);

}  // namespace webhook
