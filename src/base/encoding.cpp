#include "base/encoding.h"

#include <openssl/evp.h>

#include <array>

#include "base/text.h"

namespace webhook {
namespace {

constexpr std::string_view kBase64Digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kBase64UrlDigits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::uint8_t kNoDigit = 0xff;

using DigitTable = std::array<std::uint8_t, 256>;

constexpr DigitTable digit_table(std::string_view digits) {
    DigitTable table{};
    table.fill(kNoDigit);
    for (std::size_t i = 0; i < digits.size(); ++i) {
        table[static_cast<unsigned char>(digits[i])] = static_cast<std::uint8_t>(i);
    }
    return table;
}

constexpr DigitTable kBase64Values = digit_table(kBase64Digits);
constexpr DigitTable kBase64UrlValues = digit_table(kBase64UrlDigits);

constexpr DigitTable hex_table() {
    DigitTable table = digit_table("0123456789abcdef");
    for (unsigned char digit = 'A'; digit <= 'F'; ++digit) {
        table[digit] = static_cast<std::uint8_t>(digit - 'A' + 10);
    }
    return table;
}

constexpr DigitTable kHexValues = hex_table();

std::uint8_t hex_value(char character) {
    return kHexValues[static_cast<unsigned char>(character)];
}

std::optional<std::size_t> decode_hex(std::string_view text, std::span<std::uint8_t> output) {
    if (text.size() % 2 != 0 || text.size() / 2 > output.size()) return std::nullopt;
    for (std::size_t i = 0; i < text.size() / 2; ++i) {
        const std::uint8_t high = hex_value(text[2 * i]);
        const std::uint8_t low = hex_value(text[2 * i + 1]);
        if ((high | low) == kNoDigit) return std::nullopt;
        output[i] = static_cast<std::uint8_t>(high << 4 | low);
    }
    return text.size() / 2;
}

// Returns the text without its padding, or nullopt if the padding is wrong.
std::optional<std::string_view> without_padding(std::string_view text, bool padding_required) {
    const bool padded = text.size() % 4 == 0;
    if (!padded && (padding_required || text.find('=') != std::string_view::npos)) {
        return std::nullopt;
    }
    if (text.ends_with("==")) return text.substr(0, text.size() - 2);
    if (text.ends_with('=')) return text.substr(0, text.size() - 1);
    return text;
}

std::optional<std::size_t> decode_base64(std::string_view text, const DigitTable& values,
                                         std::span<std::uint8_t> output) {
    if (text.size() % 4 == 1) return std::nullopt;
    const std::size_t size = text.size() * 3 / 4;
    if (size > output.size()) return std::nullopt;
    std::uint32_t pending = 0;
    int pending_bits = 0;
    std::size_t written = 0;
    for (char character : text) {
        const std::uint8_t value = values[static_cast<unsigned char>(character)];
        if (value == kNoDigit) return std::nullopt;
        pending = (pending << 6 | value) & 0xffffff;
        pending_bits += 6;
        if (pending_bits >= 8) {
            pending_bits -= 8;
            output[written++] = static_cast<std::uint8_t>(pending >> pending_bits);
        }
    }
    const std::uint32_t unused = pending & ((1U << pending_bits) - 1);
    if (unused != 0) return std::nullopt;
    return written;
}

}  // namespace

std::optional<TextEncoding> find_text_encoding(std::string_view name) {
    if (name == "hex") return TextEncoding::hex;
    if (name == "base64") return TextEncoding::base64;
    if (name == "base64url") return TextEncoding::base64url;
    return std::nullopt;
}

std::optional<std::size_t> decode(TextEncoding encoding, std::string_view text,
                                  std::span<std::uint8_t> output) {
    if (encoding == TextEncoding::hex) return decode_hex(text, output);
    const bool url = encoding == TextEncoding::base64url;
    const auto digits = without_padding(text, /*padding_required=*/!url);
    if (!digits) return std::nullopt;
    return decode_base64(*digits, url ? kBase64UrlValues : kBase64Values, output);
}

std::optional<std::string> decode(TextEncoding encoding, std::string_view text) {
    std::string bytes(text.size(), '\0');
    const auto size =
        decode(encoding, text, {reinterpret_cast<std::uint8_t*>(bytes.data()), bytes.size()});
    if (!size) return std::nullopt;
    bytes.resize(*size);
    return bytes;
}

std::optional<std::string> percent_decoded(std::string_view text) {
    std::string bytes;
    bytes.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            bytes += text[i];
            continue;
        }
        std::array<std::uint8_t, 1> byte{};
        if (decode(TextEncoding::hex, text.substr(i + 1, 2), byte) != 1) return std::nullopt;
        bytes += static_cast<char>(byte[0]);
        i += 2;
    }
    return bytes;
}

std::string to_hex(std::span<const std::uint8_t> bytes) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string text;
    text.reserve(bytes.size() * 2);
    for (std::uint8_t byte : bytes) {
        text += kDigits[byte >> 4];
        text += kDigits[byte & 0xf];
    }
    return text;
}

std::string to_base64(std::span<const std::uint8_t> bytes) {
    // Room for the terminating zero that OpenSSL writes.
    std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');
    const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), bytes.data(),
                                     static_cast<int>(bytes.size()));
    text.resize(static_cast<std::size_t>(size));
    return text;
}

}  // namespace webhook
