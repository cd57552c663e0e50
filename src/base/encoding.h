// The text encodings in which senders write signatures and keys.
//
// Decoding is strict, so that each value has exactly one text: hex digits come in pairs (either
// case); base64 (RFC 4648, section 4) is padded; base64url (section 5) is padded or not; unused
// bits are zero; no other characters are allowed.

#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace webhook {

enum class TextEncoding : std::uint8_t { hex, base64, base64url };

std::optional<TextEncoding> find_text_encoding(std::string_view name);

// Writes the decoded bytes to `output` and returns their number. Returns nullopt if the text is not
// valid in this encoding or its bytes do not fit.
std::optional<std::size_t> decode(TextEncoding encoding, std::string_view text,
                                  std::span<std::uint8_t> output);

// Returns the decoded bytes as a string, or nullopt if the text is not valid.
std::optional<std::string> decode(TextEncoding encoding, std::string_view text);

// Decodes each `%` with two hex digits (either case) to a byte. Returns nullopt if any other `%`
// occurs.
std::optional<std::string> percent_decoded(std::string_view text);

// The bytes as lower-case hex digits.
std::string to_hex(std::span<const std::uint8_t> bytes);

// The bytes in padded base64.
std::string to_base64(std::span<const std::uint8_t> bytes);

}  // namespace webhook
