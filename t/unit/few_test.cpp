#include "base/few.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace webhook {
namespace {

using Texts = Few<std::unique_ptr<std::string>>;

std::vector<std::string> values(const Texts& texts) {
    std::vector<std::string> found;
    for (const auto& text : texts) found.push_back(*text);
    return found;
}

Texts texts_up_to(int last) {
    Texts texts;
    for (int i = 1; i <= last; ++i) {
        const auto& added = texts.emplace_back(std::make_unique<std::string>(std::to_string(i)));
        EXPECT_EQ(std::to_string(i), *added);
    }
    return texts;
}

bool lies_within(const Texts& texts, const void* element) {
    const auto* start = reinterpret_cast<const char*>(&texts);
    const auto* at = static_cast<const char*>(element);
    return at >= start && at < start + sizeof(texts);
}

TEST(Few, IsEmptyAtFirst) {
    const Texts texts;
    EXPECT_TRUE(texts.empty());
    EXPECT_EQ(0U, texts.size());
    EXPECT_EQ(texts.begin(), texts.end());
}

TEST(Few, KeepsOneElementInItself) {
    const Texts texts = texts_up_to(1);
    EXPECT_EQ(std::vector<std::string>{"1"}, values(texts));
    EXPECT_TRUE(lies_within(texts, &texts[0]));
}

TEST(Few, KeepsSeveralInTheirOrder) {
    for (const int count : {2, 3, 4, 5, 17}) {
        Texts texts = texts_up_to(count);
        ASSERT_EQ(static_cast<std::size_t>(count), texts.size());
        EXPECT_EQ("1", *texts.front());
        EXPECT_EQ("2", *texts[1]);
        EXPECT_EQ(std::to_string(count), values(texts).back());
    }
}

TEST(Few, CanBeUsedAgainWhenCleared) {
    for (const int count : {1, 3}) {
        Texts texts = texts_up_to(count);
        texts.clear();
        EXPECT_TRUE(texts.empty());
        texts.emplace_back(std::make_unique<std::string>("again"));
        EXPECT_EQ(std::vector<std::string>{"again"}, values(texts));
    }
}

}  // namespace
}  // namespace webhook
