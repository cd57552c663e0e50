// Code points of Unicode, sets of them, and texts in UTF-8 as sequences of them.

#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace webhook {

using CodePoint = std::uint32_t;

inline constexpr CodePoint kLastCodePoint = 0x10ffff;

// A code point of a text, and the number of bytes that it takes.
struct DecodedCodePoint {
    CodePoint value;
    std::size_t size;
};

// The code point that begins, or that ends, at a place; there must be a byte. The text should be
// UTF-8. Of any other, no byte is passed twice, and none beyond the ends is read.
DecodedCodePoint code_point_at(std::string_view text, std::size_t at);
DecodedCodePoint code_point_before(std::string_view text, std::size_t at);
// For code_point_at(): the byte is not ASCII.
DecodedCodePoint decode_beyond_ascii(std::string_view text, std::size_t at);

inline DecodedCodePoint code_point_at(std::string_view text, std::size_t at) {
    const auto byte = static_cast<unsigned char>(text[at]);
    if (byte < 0x80) return {byte, 1};
    return decode_beyond_ascii(text, at);
}

void append_utf8(std::string& text, CodePoint value);

// Both ends included.
struct CodePointRange {
    CodePoint first;
    CodePoint last;

    friend bool operator==(const CodePointRange&, const CodePointRange&) = default;
};

class CodePointSet {
  public:
    CodePointSet() = default;
    explicit CodePointSet(std::vector<CodePointRange> ranges);

    bool contains(CodePoint value) const {
        return value < kAsciiCount ? ascii_[value] : contains_beyond_ascii(value);
    }
    // Also false for a byte that is not ASCII.
    bool contains_ascii(char byte) const {
        const auto value = static_cast<unsigned char>(byte);
        return value < kAsciiCount && ascii_[value];
    }
    bool intersects(const CodePointSet& other) const;
    bool empty() const { return ranges_.empty(); }
    // The code point, if it is the only one.
    const CodePointRange* only_range() const { return ranges_.size() == 1 ? &ranges_[0] : nullptr; }

    CodePointSet complement() const;

    // Sorted, disjoint, and not adjacent.
    const std::vector<CodePointRange>& ranges() const { return ranges_; }

    friend bool operator==(const CodePointSet& left, const CodePointSet& right) {
        return left.ranges_ == right.ranges_;
    }

  private:
    static constexpr std::size_t kAsciiCount = 128;

    bool contains_beyond_ascii(CodePoint value) const;

    std::bitset<kAsciiCount> ascii_;
    std::vector<CodePointRange> ranges_;
};

}  // namespace webhook
