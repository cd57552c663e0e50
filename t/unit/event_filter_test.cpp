#include "inspect/event_filter.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "base/errors.h"

namespace webhook {
namespace {

bool lets_through(const std::vector<std::string>& patterns, std::string_view type) {
    EventFilter filter;
    for (const std::string& pattern : patterns) filter.add(pattern);
    return filter.lets_through(type);
}

TEST(EventPattern, AStarIsAnyRunOfCharacters) {
    struct Case {
        std::string_view pattern;
        std::vector<std::string_view> matching;
        std::vector<std::string_view> other;
    };
    const std::vector<Case> cases{
        {"push", {"push"}, {"", "pus", "pushx", "xpush", "Push", "PUSH"}},
        {"", {""}, {"a", " ", "*"}},
        {"*", {"", "a", "*", "a.b"}, {}},
        {"**", {"", "a"}, {}},
        {"charge.*", {"charge.", "charge.paid"}, {"charge", "xcharge.paid", "recharge."}},
        {"*.paid", {".paid", "a.paid", "a.paid.paid"}, {"paid", "a.paidx"}},
        {"a*a", {"aa", "aba", "aaa"}, {"a", "ab", "ba"}},
        {"ab*ba", {"abba", "abxba"}, {"aba", "ab", "ba"}},
        {"*a*b*", {"ab", "xaxbx", "aab"}, {"ba", "a", "b", ""}},
        {"a*bc*c", {"abcc", "axbcxc", "abcbcc"}, {"abc", "acbc"}},
        {"a*ab*b", {"aabb", "aaabbb"}, {"aab", "abb", "ab"}},
        {"a**b", {"ab", "axb"}, {"a", "b"}},
        {"a.b", {"a.b"}, {"axb"}},
        {"a?", {"a?"}, {"ab"}},
        {"[ab]", {"[ab]"}, {"a"}},
    };
    for (const Case& each : cases) {
        const EventPattern pattern(each.pattern);
        for (const auto type : each.matching) {
            EXPECT_TRUE(pattern.matches(type)) << each.pattern << " " << type;
        }
        for (const auto type : each.other) {
            EXPECT_FALSE(pattern.matches(type)) << each.pattern << " " << type;
        }
    }
}

// Against a matcher that tries everything.
bool matches_slowly(std::string_view pattern, std::string_view type) {
    if (pattern.empty()) return type.empty();
    if (pattern.front() == '*') {
        return matches_slowly(pattern.substr(1), type) ||
               (!type.empty() && matches_slowly(pattern, type.substr(1)));
    }
    return !type.empty() && pattern.front() == type.front() &&
           matches_slowly(pattern.substr(1), type.substr(1));
}

std::vector<std::string> texts_of(std::string_view letters, std::size_t longest) {
    std::vector<std::string> texts{""};
    for (std::size_t start = 0; texts.back().size() < longest;) {
        const std::size_t end = texts.size();
        for (; start < end; ++start) {
            for (const char letter : letters) texts.push_back(texts[start] + letter);
        }
    }
    return texts;
}

TEST(EventPattern, MatchesAsTryingEverythingDoes) {
    for (const std::string& text : texts_of("ab*", 5)) {
        const EventPattern pattern(text);
        for (const std::string& type : texts_of("ab", 6)) {
            ASSERT_EQ(matches_slowly(text, type), pattern.matches(type)) << text << " " << type;
        }
    }
}

TEST(EventPattern, TakesNoTimeThatGrowsWithTheNumberOfStars) {
    std::string stars;
    for (int i = 0; i < 200; ++i) stars += "a*";
    const EventPattern pattern(stars + "b");
    const auto started = std::chrono::steady_clock::now();
    EXPECT_FALSE(pattern.matches(std::string(10'000, 'a')));
    EXPECT_GT(std::chrono::seconds(1), std::chrono::steady_clock::now() - started);
}

TEST(EventFilter, LetsThroughWhatMatchesAPatternAndNoExclusion) {
    EXPECT_TRUE(lets_through({"push", "ping"}, "ping"));
    EXPECT_FALSE(lets_through({"push", "ping"}, "star"));
    EXPECT_TRUE(lets_through({"charge.*", "!charge.test*"}, "charge.paid"));
    EXPECT_FALSE(lets_through({"charge.*", "!charge.test*"}, "charge.test.paid"));
    EXPECT_FALSE(lets_through({"!charge.test*", "charge.*"}, "charge.test.paid"));
    EXPECT_FALSE(lets_through({"charge.*", "!charge.test*"}, "refund"));
    EXPECT_TRUE(lets_through({}, "anything"));
}

TEST(EventFilter, WithOnlyExclusionsAllElsePasses) {
    EXPECT_TRUE(lets_through({"!star", "!watch*"}, "push"));
    EXPECT_TRUE(lets_through({"!star", "!watch*"}, ""));
    EXPECT_FALSE(lets_through({"!star", "!watch*"}, "star"));
    EXPECT_FALSE(lets_through({"!star", "!watch*"}, "watched"));
}

TEST(EventFilter, TheEmptyTextIsADeliveryWithoutAType) {
    EXPECT_TRUE(lets_through({""}, ""));
    EXPECT_FALSE(lets_through({""}, "push"));
    EXPECT_FALSE(lets_through({"push"}, ""));
    EXPECT_TRUE(lets_through({"push", ""}, ""));
    EXPECT_TRUE(lets_through({"*"}, ""));
    EXPECT_FALSE(lets_through({"*", "!\"\""}, ""));
    EXPECT_TRUE(lets_through({"*", "!\"\""}, "push"));
    EXPECT_FALSE(lets_through({"!\"\""}, ""));
}

TEST(EventFilter, RefusesWhatCanBeNoPattern) {
    const auto message = [](const std::vector<std::string>& patterns) -> std::string {
        try {
            lets_through(patterns, "");
            return "";
        } catch (const ConfigError& error) {
            return error.what();
        }
    };
    EXPECT_EQ("nothing stands behind \"!\", allowed: !PATTERN, !\"\"", message({"!"}));
    EXPECT_EQ("\"!*\" lets no event through", message({"push", "!*"}));
    EXPECT_EQ("\"!**\" lets no event through", message({"!**"}));
    EXPECT_EQ("the pattern \"push\" is both let through and excluded", message({"push", "!push"}));
    EXPECT_EQ("the pattern \"push\" is both let through and excluded", message({"!push", "push"}));
    EXPECT_EQ("", message({"push", "push", "!pus*"}));
}

TEST(EventFilter, EqualPatternsAreEqual) {
    const auto filter = [](const std::vector<std::string>& patterns) {
        EventFilter made;
        for (const std::string& pattern : patterns) made.add(pattern);
        return made;
    };
    EXPECT_EQ(filter({"a", "!b"}), filter({"a", "!b"}));
    EXPECT_NE(filter({"a", "!b"}), filter({"a"}));
    EXPECT_NE(filter({"a"}), filter({"!a"}));
    EXPECT_NE(filter({"a*"}), filter({"a"}));
    EXPECT_TRUE(filter({}).empty());
    EXPECT_FALSE(filter({"!a"}).empty());
}

}  // namespace
}  // namespace webhook
