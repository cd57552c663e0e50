// A plain SHA-256 of a text that begins with a secret can be extended: an attacker that knows the
// hash and the length of one text can compute the hash of the text, its padding and any suffix. The
// padding reveals the extension, since it ends a block and holds the length of the text before it.

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

    // Whether some 64-byte block of the text so far ends with the padding (FIPS 180-4, section
    // 5.1.1) of exactly the text before it. Every extension has one; no text has one by chance,
    // since it holds 64 bits of its own length.
    bool found() const { return found_; }

  private:
    static constexpr std::size_t kBlock = 64;
    // 0x80, the zeros that fill the block, and the length in bits as 64 bits.
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
