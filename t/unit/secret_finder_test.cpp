#include "capture/secret_finder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

namespace webhook {
namespace {

using Ranges = std::set<std::pair<std::size_t, std::size_t>>;

Ranges found(const SecretFinder& finder, std::string_view text) {
    Ranges ranges;
    for (const auto& each : finder.find_in(text)) ranges.emplace(each.begin, each.end);
    EXPECT_EQ(finder.is_in(text), !ranges.empty()) << text;
    return ranges;
}

// One secret at a time, at each place.
Ranges expected(const std::vector<std::string>& secrets, std::string_view text) {
    Ranges ranges;
    for (const std::string& secret : secrets) {
        for (std::size_t at = text.find(secret); at != std::string_view::npos && !secret.empty();
             at = text.find(secret, at + 1)) {
            ranges.emplace(at, at + secret.size());
        }
    }
    return ranges;
}

TEST(RedactedSecretFinder, FindsAllThatOverlap) {
    const SecretFinder finder({"abcabcabcabcabc", "bcabcabcabcab", "abc", "c", "", "abc"});
    const std::string text = "xabcabcabcabcabcx";
    EXPECT_EQ(found(finder, text),
              expected({"abcabcabcabcabc", "bcabcabcabcab", "abc", "c"}, text));
}

// With few letters, much overlaps, and much begins as a secret does.
TEST(RedactedSecretFinder, FindsWhatASlowSearchFinds) {
    std::mt19937 random(1);
    const auto below = [&random](std::size_t limit) {
        return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random);
    };
    const auto word = [&below](std::size_t size, std::size_t letters) {
        std::string text(size, ' ');
        for (char& each : text) each = static_cast<char>('a' + below(letters));
        return text;
    };
    for (int i = 0; i < 3000; ++i) {
        const std::size_t letters = 1 + below(3);
        const std::size_t longest = i % 2 == 0 ? 6 : 90;
        std::vector<std::string> secrets(below(6));
        for (std::string& each : secrets) each = word(below(longest), letters);
        std::string text = word(below(200), letters);
        if (!secrets.empty()) text.insert(below(text.size() + 1), secrets.front());
        ASSERT_EQ(found(SecretFinder(secrets), text), expected(secrets, text)) << text;
    }
}

TEST(RedactedSecretFinder, TellsWhereAnEncodedOneStands) {
    const SecretFinder finder({"a+b/c-and-a-lot-more"});
    const auto only = [&finder](std::string_view text) {
        std::size_t begin = text.size();
        std::size_t end = 0;
        for (const auto& each : found(finder, text)) {
            begin = std::min(begin, each.first);
            end = std::max(end, each.second);
        }
        return std::string(text.substr(begin, std::max(begin, end) - begin));
    };
    for (const std::string text :
         {"%61+b/c-and-a-lot-mor%65", "a%2bb%2Fc-and-a-lot-more", R"(a\u002Bb\/c-and-a-lot-more)",
          R"(a\\u002Bb\\\/c-and-a-lot-more)", "%2561%252Bb/c-and-a-lot-more",
          "a%5Cu002Bb%5C/c-and-a-lot-more", R"(a\u00252bb/c-and-a-lot-more)"}) {
        EXPECT_EQ(only("x%zz" + text), text);
        EXPECT_EQ(only("x%20" + text + "%20%zz"), text);
        EXPECT_EQ(only(R"({"x":"\u00e9\n)" + text + R"(\n"})"), text);
    }
}

// No escape is meant there, and yet the secret's first letters make it one.
TEST(RedactedSecretFinder, IsNotMisledByAMarkBeforeASecret) {
    for (const std::string secret :
         {"nothing-of/this", "ab-nothing-of/this", "u0041-nothing-of/this"}) {
        const SecretFinder finder({secret + "+and-more"});
        for (const std::string mark : {"\\", "%"}) {
            EXPECT_TRUE(finder.is_in("C:" + mark + secret + "%2Band-more")) << secret;
            EXPECT_TRUE(finder.is_in("C:" + mark + secret + R"(\u002band-more)")) << secret;
        }
    }
}

TEST(RedactedSecretFinder, LeavesWhatOnlyEndsAsASecret) {
    const SecretFinder finder({"live-secret-of-the-shop"});
    EXPECT_TRUE(finder.find_in("%41/x/test-secret-of-the-shop").empty());
    EXPECT_TRUE(finder.find_in("%41/a/long/way/secret-of-the-shop").empty());
    EXPECT_EQ(finder.find_in("%41/live-secret-of-the-shop%2F").size(), 2U);
}

TEST(RedactedSecretFinder, KnowsLettersBeyondAscii) {
    const SecretFinder finder({"gr\xC3\xBC\xC3\x9F-\xE2\x82\xAC-\xF0\x9F\x94\x91"});
    EXPECT_TRUE(finder.is_in(R"(gr\u00fc\u00DF-\u20ac-\uD83D\uDD11)"));
    EXPECT_TRUE(finder.is_in("gr%C3%BC%C3%9F-%E2%82%AC-%F0%9F%94%91"));
    EXPECT_FALSE(finder.is_in(R"(gr\u00fc\u00DF-\u20ac-\uD83D)"));
}

TEST(RedactedSecretFinder, TakesHalfAnEscapeForText) {
    const SecretFinder finder({"secret"});
    for (const std::string end :
         {"%", "%4", "%4x", "\\", "\\u", "\\u004", "\\u004x", "\\x", "\\ud83d", "\\ud83d\\u"}) {
        EXPECT_EQ(found(finder, "%41secret" + end), (Ranges{{3, 9}}));
        EXPECT_EQ(found(finder, end + "\\/-secret"), (Ranges{{end.size() + 3, end.size() + 9}}));
    }
}

TEST(RedactedSecretFinder, FindsNothingWithoutSecrets) {
    EXPECT_FALSE(SecretFinder().is_in("text"));
    EXPECT_FALSE(SecretFinder({""}).is_in(""));
    EXPECT_TRUE(SecretFinder({"", ""}).find_in("text").empty());
}

}  // namespace
}  // namespace webhook
