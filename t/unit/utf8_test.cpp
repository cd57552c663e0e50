#include "base/utf8.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>

namespace webhook {
namespace {

using namespace std::string_literals;

// The number in as many bytes as are asked for, too many or not.
std::string encoded(std::uint32_t number, int size) {
    if (size == 1) return {static_cast<char>(number)};
    constexpr std::uint32_t kMarks[] = {0, 0, 0xc0, 0xe0, 0xf0, 0xf8};
    std::string text;
    for (int rest = size - 1; rest > 0; --rest, number >>= 6) {
        text.insert(text.begin(), static_cast<char>(0x80 | (number & 0x3f)));
    }
    text.insert(text.begin(), static_cast<char>(kMarks[size] | number));
    return text;
}

int shortest_size(std::uint32_t number) {
    return number < 0x80 ? 1 : number < 0x800 ? 2 : number < 0x10000 ? 3 : 4;
}

TEST(Utf8, HoldsEveryCharacterInItsShortestFormOnly) {
    for (std::uint32_t number = 0; number < 0x200000; ++number) {
        const bool surrogate = number >= 0xd800 && number <= 0xdfff;
        const int shortest = shortest_size(number);
        ASSERT_EQ(!surrogate && number <= 0x10ffff, is_utf8(encoded(number, shortest))) << number;
        for (int size = shortest + 1; size <= 4; ++size) {
            ASSERT_FALSE(is_utf8(encoded(number, size))) << number << ' ' << size;
        }
    }
    EXPECT_FALSE(is_utf8(encoded(0x200000, 5)));
}

TEST(Utf8, HoldsNoPartOfACharacter) {
    for (const std::string& whole : {"\xc3\xa4"s, "\xe2\x82\xac"s, "\xf0\x9f\x98\x80"s}) {
        ASSERT_TRUE(is_utf8("a" + whole + whole + "b"));
        for (std::size_t size = 1; size < whole.size(); ++size) {
            EXPECT_FALSE(is_utf8(whole.substr(0, size))) << size;
            EXPECT_FALSE(is_utf8(whole.substr(0, size) + "a")) << size;
            EXPECT_FALSE(is_utf8(whole.substr(0, size) + whole)) << size;
            EXPECT_FALSE(is_utf8(whole.substr(size))) << size;
            EXPECT_FALSE(is_utf8(whole + whole.substr(size))) << size;
        }
    }
    EXPECT_TRUE(is_utf8(""));
    EXPECT_TRUE(is_utf8("\0"s));
    EXPECT_FALSE(is_utf8("\xfe"));
    EXPECT_FALSE(is_utf8("\xff"));
}

}  // namespace
}  // namespace webhook
