// Small questions about ASCII text, independent of any locale.

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

// For equals_ignoring_case(): both are of one length.
bool same_letters_ignoring_case(std::string_view left, std::string_view right);

// Equal but for the case of ASCII letters, as the names of HTTP headers are compared. Most names
// that are not the same differ in length, which is seen without a call.
inline bool equals_ignoring_case(std::string_view left, std::string_view right) {
    return left.size() == right.size() && same_letters_ignoring_case(left, right);
}

std::string to_lower(std::string_view text);

// A number written in decimal digits only: no sign, space or fraction. Nothing where the text is
// empty, has any other character, or exceeds 2^63 - 1.
std::optional<std::int64_t> parse_digits(std::string_view text);

// Without the characters of `padding` around it.
std::string_view without_padding(std::string_view text, std::string_view padding = " \t");

// Whether any byte is a control character (0x00-0x1f, 0x7f), which must not reach a header or a
// log.
bool has_control_character(std::string_view text);

// Whether the text has no characters but ASCII letters, digits and these signs.
bool consists_of(std::string_view text, std::string_view signs);

// What a plain token may hold besides letters and digits.
inline constexpr std::string_view kPlainTokenSigns = "-._~+/=";

// Whether the text is what no payload consists of: letters, digits and `-._~+/`, with the padding
// of base64 at the end only, and neither a number nor a word of JSON.
bool is_plain_token(std::string_view text);

// Whether the text is a token of RFC 9110, section 5.6.2: what a header may be named.
bool is_header_name(std::string_view text);

// The word that is most like this one, where one differs in so few letters that it may be meant;
// the first of several. Empty where none does.
std::string_view nearest(std::string_view word, const std::vector<std::string_view>& words);

// Whether the text is a media type as `Content-Type` names it, with parameters or without.
bool is_media_type(std::string_view text);

// What could break out of the quotes or of the line of a log is written as nginx writes it
// (`\x22`). As much as fits is written; returns the end.
char* escape_for_log(std::string_view text, char* at, const char* end) noexcept;
// The same; a long text is cut, since nginx's log lines are of 2 KB.
std::string escaped_for_log(std::string_view text);

// The text between double quotes, as error messages show the offending token.
std::string in_quotes(std::string_view text);

// What can be shown of an argument that may be a secret in the wrong place: `name=` of
// `name=value`, or a word as directives have them, in quotes behind a space; else nothing.
std::string shown_word(std::string_view argument);

// A list for a message: `a, b, c`.
std::string joined(const std::vector<std::string_view>& words);

}  // namespace webhook
