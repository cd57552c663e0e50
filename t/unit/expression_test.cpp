#include "base/expression.h"

#include <gtest/gtest.h>

// gcc 12 sees what is not initialized in its own std::regex, with sanitizers.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include <regex>

namespace webhook {
namespace {

TEST(Expression, BeginsAsAllThatItFinds) {
    const auto begins = [](std::string_view expression) { return beginning_of(expression).text; };
    EXPECT_EQ(begins("^/hooks/(a|b)$"), "/hooks/");
    EXPECT_EQ(begins("^/hooks/?$"), "/hooks");
    EXPECT_EQ(begins("^/a\\.b"), "/a.b");
    EXPECT_EQ(begins("^/a\\d"), "/a");
    EXPECT_EQ(begins("^/ab{2}"), "/a");
    EXPECT_EQ(begins("^/ab*c"), "/a");
    EXPECT_EQ(begins("/a"), "");
    EXPECT_EQ(begins("^(?i)/a"), "");
    // Each alternative begins anew.
    EXPECT_EQ(begins("^/a|/b"), "");
    EXPECT_EQ(begins("^/a[|]b"), "/a");
    EXPECT_EQ(begins("^/a\\|b"), "/a|b");
}

TEST(Expression, IsWholeWhereItFindsNothingLonger) {
    EXPECT_TRUE(beginning_of("^/a$").is_whole);
    EXPECT_FALSE(beginning_of("^/a").is_whole);
    EXPECT_FALSE(beginning_of("^/a$x").is_whole);
    EXPECT_FALSE(beginning_of("^/(a)$").is_whole);
}

TEST(Expression, FindsItsExample) {
    for (const char* expression : {"^/hooks/(gh|gl)$", "^/hooks/(?:ci|cd)/x$", "^/a/?$",
                                   "^/[a-z]+/\\d{3}$", "^/[^/]+/.+$", "\\.php$", "^/(a(b|c)*)+$",
                                   "^/[\\w.]+$", "^/a{2,3}$", "/x|/y", "^/[]a]$", "^/\\w+-\\S*$"}) {
        const auto example = example_of(expression);
        ASSERT_TRUE(example) << expression;
        if (std::string_view(expression) == "^/[]a]$") continue;  // std::regex reads "[]" as empty.
        EXPECT_TRUE(std::regex_search(*example, std::regex(expression))) << *example;
    }
    EXPECT_EQ(example_of("^/hooks/(?<tenant>gh|gl)$"), "/hooks/gh");
    EXPECT_EQ(example_of("^/[]a]$"), "/]");
    EXPECT_EQ(example_of("^/[^x0]$"), "/~");
}

TEST(Expression, HasNoExampleWhereItIsNotUnderstood) {
    for (const char* expression :
         {"^/(?!a)b", "^/(?=a)b", "(?i)^/a", "^/(?<!a)b", "^/[[:alpha:]]", "^/a{900}", "^/(a",
          "^/[a", "^/a)", "^/\\p{L}", "(*UTF8)^/a", "^/\\", "^/a{x}", "^/[^x0~_]", "^/\\1"}) {
        EXPECT_FALSE(example_of(expression)) << expression;
    }
    std::string deep = "^/a{64}";
    deep = "^(" + deep + "){64}{64}";
    EXPECT_FALSE(example_of(deep));
}

}  // namespace
}  // namespace webhook
