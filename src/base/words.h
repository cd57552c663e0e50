// Texts as numbers, eight bytes at a time: for hashes, and to compare many short texts.

#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace webhook {

inline constexpr std::size_t kWordSize = sizeof(std::uint64_t);

// Of a text of eight bytes or more.
inline std::uint64_t first_word(std::string_view text) {
    std::uint64_t word;
    std::memcpy(&word, text.data(), kWordSize);
    return word;
}

inline std::uint64_t last_word(std::string_view text) {
    return first_word(text.substr(text.size() - kWordSize));
}

// Of less than eight bytes, some of them twice; texts of one length have the same number only if
// they are equal. A copy of a variable size would be a call, for each member of a payload.
inline std::uint64_t short_word(std::string_view text) {
    if (text.size() >= sizeof(std::uint32_t)) {
        std::uint32_t head;
        std::uint32_t tail;
        std::memcpy(&head, text.data(), sizeof head);
        std::memcpy(&tail, text.data() + text.size() - sizeof tail, sizeof tail);
        return std::uint64_t{tail} << 32 | head;
    }
    if (text.empty()) return 0;
    const auto byte = [&](std::size_t at) {
        return std::uint64_t{static_cast<unsigned char>(text[at])};
    };
    return byte(0) | byte(text.size() / 2) << 8 | byte(text.size() - 1) << 16;
}

// Without a call for short texts, as most names are.
inline bool are_equal(std::string_view left, std::string_view right) {
    if (left.size() != right.size()) return false;
    if (left.size() < kWordSize) return short_word(left) == short_word(right);
    if (left.size() > 2 * kWordSize) return left == right;
    return first_word(left) == first_word(right) && last_word(left) == last_word(right);
}

}  // namespace webhook
