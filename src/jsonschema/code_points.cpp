#include "jsonschema/code_points.h"

#include <algorithm>

namespace webhook {
namespace {

std::uint8_t byte_at(std::string_view text, std::size_t at) {
    return static_cast<std::uint8_t>(text[at]);
}

bool goes_on(std::uint8_t byte) {
    return (byte & 0xc0) == 0x80;
}

// The size of a sequence by its first byte.
std::size_t sequence_size(std::uint8_t first) {
    if (first < 0xc0) return 1;
    if (first < 0xe0) return 2;
    return first < 0xf0 ? 3 : 4;
}

}  // namespace

DecodedCodePoint decode_beyond_ascii(std::string_view text, std::size_t at) {
    const std::uint8_t first = byte_at(text, at);
    const std::size_t wanted = sequence_size(first);
    CodePoint value = first & (0xffU >> (wanted + 1));
    std::size_t size = 1;
    while (size < wanted && at + size < text.size() && goes_on(byte_at(text, at + size))) {
        value = value << 6 | (byte_at(text, at + size) & 0x3fU);
        ++size;
    }
    return {value, size};
}

DecodedCodePoint code_point_before(std::string_view text, std::size_t at) {
    std::size_t start = at - 1;
    while (start > 0 && at - start < 4 && goes_on(byte_at(text, start))) --start;
    const DecodedCodePoint found = code_point_at(text, start);
    if (start + found.size == at) return found;
    return {byte_at(text, at - 1), 1};
}

void append_utf8(std::string& text, CodePoint value) {
    const auto append = [&text](CodePoint byte) { text += static_cast<char>(byte); };
    const auto append_rest = [&](CodePoint shift) { append(0x80 | (value >> shift & 0x3f)); };
    if (value < 0x80) {
        append(value);
    } else if (value < 0x800) {
        append(0xc0 | value >> 6);
        append_rest(0);
    } else if (value < 0x10000) {
        append(0xe0 | value >> 12);
        append_rest(6);
        append_rest(0);
    } else {
        append(0xf0 | value >> 18);
        append_rest(12);
        append_rest(6);
        append_rest(0);
    }
}

CodePointSet::CodePointSet(std::vector<CodePointRange> ranges) {
    std::sort(ranges.begin(), ranges.end(),
              [](const auto& left, const auto& right) { return left.first < right.first; });
    for (const CodePointRange& range : ranges) {
        if (!ranges_.empty() && range.first <= ranges_.back().last + 1) {
            ranges_.back().last = std::max(ranges_.back().last, range.last);
        } else {
            ranges_.push_back(range);
        }
    }
    for (const auto& [first, last] : ranges_) {
        for (CodePoint value = first; value <= last && value < kAsciiCount; ++value) {
            ascii_.set(value);
        }
    }
}

bool CodePointSet::contains_beyond_ascii(CodePoint value) const {
    const auto next =
        std::upper_bound(ranges_.begin(), ranges_.end(), value,
                         [](CodePoint each, const auto& range) { return each < range.first; });
    return next != ranges_.begin() && value <= (next - 1)->last;
}

bool CodePointSet::intersects(const CodePointSet& other) const {
    auto left = ranges_.begin();
    auto right = other.ranges_.begin();
    while (left != ranges_.end() && right != other.ranges_.end()) {
        if (left->last < right->first) {
            ++left;
        } else if (right->last < left->first) {
            ++right;
        } else {
            return true;
        }
    }
    return false;
}

CodePointSet CodePointSet::complement() const {
    std::vector<CodePointRange> gaps;
    CodePoint next = 0;
    for (const auto& [first, last] : ranges_) {
        if (next < first) gaps.push_back({next, first - 1});
        next = last + 1;
    }
    if (next <= kLastCodePoint) gaps.push_back({next, kLastCodePoint});
    return CodePointSet(std::move(gaps));
}

}  // namespace webhook
