#include "base/utf8.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace webhook {
namespace {

// Sequences of one length with their first byte in a range. The range of their second byte is
// narrower than 80 to BF if it would otherwise admit an overlong form, a surrogate or too large a
// number.
struct Sequence {
    std::uint8_t first_from;
    std::uint8_t first_to;
    std::uint8_t second_from;
    std::uint8_t second_to;
    std::size_t size;
};

// RFC 3629, section 4.
constexpr std::array kSequences{
    Sequence{0xc2, 0xdf, 0x80, 0xbf, 2}, Sequence{0xe0, 0xe0, 0xa0, 0xbf, 3},
    Sequence{0xe1, 0xec, 0x80, 0xbf, 3}, Sequence{0xed, 0xed, 0x80, 0x9f, 3},
    Sequence{0xee, 0xef, 0x80, 0xbf, 3}, Sequence{0xf0, 0xf0, 0x90, 0xbf, 4},
    Sequence{0xf1, 0xf3, 0x80, 0xbf, 4}, Sequence{0xf4, 0xf4, 0x80, 0x8f, 4},
};

bool is_between(std::uint8_t from, char character, std::uint8_t to) {
    const auto byte = static_cast<std::uint8_t>(character);
    return byte >= from && byte <= to;
}

// Returns the size of the sequence at the start of the bytes, or 0 if there is none.
std::size_t sequence_size(std::string_view bytes) {
    if (is_between(0, bytes.front(), 0x7f)) return 1;
    for (const auto& [first_from, first_to, second_from, second_to, size] : kSequences) {
        if (!is_between(first_from, bytes.front(), first_to)) continue;
        if (bytes.size() < size || !is_between(second_from, bytes[1], second_to)) return 0;
        const bool goes_on = std::ranges::all_of(
            bytes.substr(2, size - 2), [](char each) { return is_between(0x80, each, 0xbf); });
        return goes_on ? size : 0;
    }
    return 0;
}

}  // namespace

bool is_utf8(std::string_view bytes) {
    while (!bytes.empty()) {
        const std::size_t size = sequence_size(bytes);
        if (size == 0) return false;
        bytes.remove_prefix(size);
    }
    return true;
}

std::string repaired_utf8(std::string_view bytes) {
    constexpr std::string_view kReplacement = "\xef\xbf\xbd";
    std::string text;
    while (!bytes.empty()) {
        const std::size_t size = sequence_size(bytes);
        text += size == 0 ? kReplacement : bytes.substr(0, size);
        bytes.remove_prefix(std::max<std::size_t>(size, 1));
    }
    return text;
}

}  // namespace webhook
