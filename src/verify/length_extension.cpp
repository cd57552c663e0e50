#include "verify/length_extension.h"

#include <algorithm>

namespace webhook {
namespace {

std::uint64_t big_endian(std::string_view bytes) {
    std::uint64_t number = 0;
    for (const char byte : bytes) number = number << 8 | static_cast<unsigned char>(byte);
    return number;
}

}  // namespace

// `end` is the end of the text of this size: kLongestPadding bytes or all of it.
bool LengthExtension::is_padding(std::string_view end, std::uint64_t size) const {
    constexpr std::size_t kLength = 8;
    const std::uint64_t bits = big_endian(end.substr(end.size() - kLength));
    if (bits % 8 != 0 || bits / 8 + kShortestPadding > size) return false;
    const std::uint64_t padding = size - bits / 8;
    if (padding > end.size() || padding > kLongestPadding) return false;
    const std::string_view mark_and_zeros = end.substr(end.size() - padding, padding - kLength);
    return mark_and_zeros.front() == '\x80' &&
           mark_and_zeros.find_first_not_of('\0', 1) == std::string_view::npos;
}

void LengthExtension::update(std::string_view piece) {
    std::size_t taken = kBlock - size_ % kBlock;
    for (; taken <= piece.size(); taken += kBlock) {
        const std::uint64_t size = size_ + taken;
        if (taken >= kLongestPadding) {
            found_ |= is_padding(piece.substr(taken - kLongestPadding, kLongestPadding), size);
            continue;
        }
        std::array<char, kLongestPadding> end;
        const std::size_t kept = std::min(tail_size_, kLongestPadding - taken);
        std::copy_n(tail_.begin() + (tail_size_ - kept), kept, end.begin());
        std::copy_n(piece.begin(), taken, end.begin() + kept);
        found_ |= is_padding({end.data(), kept + taken}, size);
    }
    size_ += piece.size();
    if (piece.size() >= kLongestPadding) {
        std::copy_n(piece.end() - kLongestPadding, kLongestPadding, tail_.begin());
        tail_size_ = kLongestPadding;
        return;
    }
    const std::size_t kept = std::min(tail_size_, kLongestPadding - piece.size());
    std::copy_n(tail_.begin() + (tail_size_ - kept), kept, tail_.begin());
    std::copy_n(piece.begin(), piece.size(), tail_.begin() + kept);
    tail_size_ = kept + piece.size();
}

}  // namespace webhook
