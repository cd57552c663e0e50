// A plain SHA-256 of a text that begins with a secret can be extended: an attacker who knows the
// hash of one text, and its length, computes that of the text, its padding and anything behind it.
// The padding gives it away, since it stands at the end of a block and holds the length of what is
// before it.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace webhook {

// Takes a text in any number of pieces, in constant memory.
class LengthExtension {
  public:
    void update(std::string_view piece);

    // Whether at the end of some 64-byte block of the text so far stands the padding (FIPS 180-4,
    // section 5.1.1) of exactly what is before that padding. Every extension has one; no text has
    // one by chance, since it holds 64 bits of its own length.
    bool found() const { return found_; }

  private:
    static constexpr std::size_t kBlock = 64;
    // 0x80, as few zeros as fill a block, and the length in bits as 64 bits.
    static constexpr std::size_t kShortestPadding = 9;
    static constexpr std::size_t kLongestPadding = kShortestPadding + kBlock - 1;

    bool is_padding(std::string_view end, std::uint64_t size) const;

    std::uint64_t size_ = 0;
    // The last bytes of the text.
    std::array<char, kLongestPadding> tail_{};
    std::size_t tail_size_ = 0;
    bool found_ = false;
};

}  // namespace webhook
