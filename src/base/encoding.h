// The text encodings in which senders write signatures and keys.
//
// Decoding is strict, so that one value has one text: hex digits come in pairs (either case);
// base64 (RFC 4648, section 4) is padded; base64url (section 5) is padded or not; unused bits are
// zero; nothing else may stand before, between or after.

#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace webhook {

enum class TextEncoding : std::uint8_t { hex, base64, base64url };

std::optional<TextEncoding> find_text_encoding(std::string_view name);

// Writes the decoded bytes to `output` and returns how many there are; nothing where the text is
// not valid in this encoding or its bytes do not fit.
std::optional<std::size_t> decode(TextEncoding encoding, std::string_view text,
                                  std::span<std::uint8_t> output);

// The decoded bytes as a string; nothing where the text is not valid.
std::optional<std::string> decode(TextEncoding encoding, std::string_view text);

// Decodes each `%` with two hex digits (either case) to a byte. A `%` before anything else makes
// the text invalid, and the function returns nothing.
std::optional<std::string> percent_decoded(std::string_view text);

// Lower-case hex digits of the bytes.
std::string to_hex(std::span<const std::uint8_t> bytes);

// Padded base64 of the bytes.
std::string to_base64(std::span<const std::uint8_t> bytes);

}  // namespace webhook
