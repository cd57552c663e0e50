#include "base/words.h"

#include <gtest/gtest.h>

#include <string>

namespace webhook {
namespace {

TEST(Words, AreEqualIfAllBytesAre) {
    std::string text;
    for (std::size_t size = 0; size <= 3 * kWordSize;
         ++size, text += static_cast<char>('a' + size)) {
        EXPECT_TRUE(are_equal(text, std::string(text)));
        EXPECT_FALSE(are_equal(text, text + 'x'));
        for (std::size_t at = 0; at < size; ++at) {
            std::string other = text;
            other[at] = '\0';
            EXPECT_FALSE(are_equal(text, other)) << size << " bytes, at " << at;
        }
    }
}

}  // namespace
}  // namespace webhook
