#include "jsonschema/pattern.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/errors.h"
#include "jsonschema/pattern_backtracking.h"
#include "pattern_oracle.h"

namespace webhook {
namespace {

using namespace std::string_literals;

constexpr std::uint32_t kPlenty = 10'000'000;

// Whether a pattern matches, as all engines that can tell have it.
bool finds(const std::string& pattern, const std::string& text) {
    Steps steps(kPlenty);
    const Found found = Pattern(pattern).search(text, steps);
    EXPECT_NE(found, Found::exhausted) << pattern;
    const bool is_found = found == Found::yes;
    PatternTree tree = parse_pattern(pattern);
    if (tree.has_back_references) return is_found;
    EXPECT_EQ(search_automaton(compile_program(tree), text, steps), found)
        << pattern << " in " << text;
    const auto told = PatternOracle(tree).search(text);
    EXPECT_EQ(told.value_or(is_found), is_found) << pattern << " in " << text;
    // As if there were one: then loops end.
    tree.has_back_references = true;
    const Found by_backtracking = search_backtracking(compile_program(tree), text, steps);
    EXPECT_EQ(by_backtracking, found) << pattern << " in " << text;
    return is_found;
}

struct Row {
    std::string pattern;
    std::vector<std::string> found;
    std::vector<std::string> not_found;
};

void check(const std::vector<Row>& rows) {
    for (const auto& [pattern, found, not_found] : rows) {
        for (const std::string& text : found) EXPECT_TRUE(finds(pattern, text)) << pattern << text;
        for (const std::string& text : not_found) {
            EXPECT_FALSE(finds(pattern, text)) << pattern << " in " << text;
        }
    }
}

std::string error_of(const std::string& pattern) {
    try {
        const Pattern compiled(pattern);
        return "none";
    } catch (const ConfigError& error) {
        return error.what();
    }
}

TEST(Pattern, SearchesAnywhere) {
    check({
        {"", {"", "a"}, {}},
        {"b", {"b", "abc", "ab"}, {"", "a", "B"}},
        {"bc", {"abcd"}, {"b c", "cb"}},
        {"^evt_", {"evt_", "evt_1"}, {"", "evt", " evt_1", "\nevt_1"}},
        {"_id$", {"_id", "a_id"}, {"_id ", "_id\n", "_ids"}},
        {"[^ ]$", {"a", " a", "\xc3\xa4"}, {"", " ", "a ", "\xc3\xa4 "}},
        {"_[a-z]{2}\\d$", {"_ab1", "a_ab1", "__ab1"}, {"_a1", "ab1", "_ab1 ", "_abc1", "b1", ""}},
        {"\xc3\xa4.{2}$", {"\xc3\xa4\xe2\x82\xacx"}, {"\xa4\xe2\x82\xacx", "\xe2\x82\xacx", "x"}},
        {"[0-9]+$", {"1", "a12"}, {"", "1a"}},
        {"^abc$", {"abc"}, {"abc\n", "abcd", "xabc", "ab", ""}},
        {"^$", {""}, {"\n", "a"}},
        {"$^", {""}, {"a"}},
        {"a$b", {}, {"ab", "a\nb", "a"}},
        {"a|b", {"a", "b", "cb"}, {"c", ""}},
        {"^a|b$", {"ac", "cb"}, {"ca", "bc"}},
        {"^(a|b|)$", {"a", "b", ""}, {"c"}},
        {"^\xc3\xa4", {"\xc3\xa4"}, {"\xc3\xb6", "\xa4"}},
    });
}

TEST(Pattern, RunsOfCharacters) {
    check({
        {"^[0-9a-f]{4}$", {"01af"}, {"01a", "01aff", "01aF", "01af\n"}},
        {"^\\d{4}-\\d\\d-\\d\\d$", {"2026-01-02"}, {"2026-1-02", "2026-01-02T"}},
        {"^[a-z]+_[a-z]*$", {"a_", "ab_c"}, {"_", "a_1", "ab"}},
        {"^[a-z]*[0-9]?[a-z]*x$", {"x", "ax", "a1x", "1ax"}, {"1", "a1"}},
        {"^[a-z]+[0-9]*[.]$", {"a.", "a1."}, {".", "1.", "a"}},
        {"^a*b?a$", {"a", "aa", "aba"}, {"ab"}},
        {"^[a-z]+a$", {"aa", "ba", "baa"}, {"a", "b"}},
        {"^[^@]+@[^@]+$", {"a@b"}, {"@b", "a@", "a@b@c", "ab"}},
        {"^a{2,3}$", {"aa", "aaa"}, {"a", "aaaa"}},
        {"^a{2,3}", {"aa", "aaaa"}, {"a"}},
        {"^a{0}b", {"b"}, {"ab"}},
        {"^.{1,3}$", {"a", "\xc3\xa4\xf0\x9f\x98\x80\xe2\x82\xac"}, {"", "aaaa", "a\n"}},
        {"^(evt)_([0-9]+)$", {"evt_12"}, {"evt_", "evt_1a"}},
        {"^foo.*", {"foo", "foo\n"}, {"fo"}},
        {"^.*bar$", {"bar", "foobar", "barbar"}, {"bar ", "\nbar"}},
        {"[0-9]{2,}", {"12", "a123"}, {"1", "1a2"}},
    });
}

TEST(Pattern, Repetitions) {
    check({
        {"^(ab)*$", {"", "ab", "abab"}, {"a", "aba"}},
        {"^(?:ab){2}$", {"abab"}, {"ab", "ababab"}},
        {"^(?:ab){2,}$", {"abab", "ababab"}, {"ab"}},
        {"^(?:ab){1,2}$", {"ab", "abab"}, {"", "ababab"}},
        {"^(?:a|b)+?c$", {"ac", "abac"}, {"c", "ab"}},
        {"^(?:a*)*$", {"", "aaa"}, {"ab"}},
        {"^(?:a?){3}$", {"", "a", "aaa"}, {"aaaa"}},
        {"^(?:){3}a$", {"a"}, {""}},
        {"^(?:a|)+b", {"b", "aab"}, {"c"}},
        {"(?:x+x+)+y", {"xxy"}, {"xxxxxxxxxxxxxxx"}},
        {"^(([a-z])+.)+[A-Z]([a-z])+$", {"ab.Cd"}, {"aaaaaaaaaaaaaaaaaaaa"}},
    });
}

TEST(Pattern, Classes) {
    check({
        {"^[abc]$", {"a", "c"}, {"d", ""}},
        {"^[^abc]$", {"d", "\n", "\xc3\xa4"}, {"a", ""}},
        {"^[]$", {}, {"", "a"}},
        {"[]", {}, {"", "a"}},
        {"^[^]$", {"a", "\n", "\xf0\x9f\x98\x80"}, {"", "ab"}},
        {"^[a-]$", {"a", "-"}, {"b"}},
        {"^[-a]$", {"a", "-"}, {"b"}},
        {"^[\\w-.]$", {"a", "-", ".", "_"}, {",", "/"}},
        {"^[a\\-z]$", {"a", "-", "z"}, {"b"}},
        {"^[\\d-x]$", {"1", "-", "x"}, {"y"}},
        {"^[[]$", {"["}, {"]"}},
        {"^[\\]]$", {"]"}, {"["}},
        {"^[\\b]$", {"\b"}, {"b", ""}},
        {"^[\\^.*$]$", {"^", ".", "*", "$"}, {"a"}},
        {"^[\\s\\S]$", {"a", "\n", "\xe2\x80\xa8"}, {""}},
        {"^[^\\W_]$", {"a", "1"}, {"_", " ", "\xc3\xa4"}},
        {"^[\xc3\xa4-\xc3\xb6]$", {"\xc3\xa4", "\xc3\xa5", "\xc3\xb6"}, {"\xc3\xa3", "\xc3\xb7"}},
        {"^[\\u{1f600}-\\u{1f64f}]$", {"\xf0\x9f\x98\x80"}, {"\xf0\x9f\x90\xb2"}},
        {"^[\\ud83d\\udc32]$", {"\xf0\x9f\x90\xb2"}, {"\xf0\x9f\x90\xb3"}},
        {"^[\\ud800-\\udfff]$", {}, {"a", "\xef\xbf\xbd"}},
    });
}

TEST(Pattern, DigitsWordsAndSpacesAreThoseOfEcma) {
    check({
        {"^\\d$", {"0", "9"}, {"a", "\xdf\x80"}},
        {"^\\D$", {"a", "\xdf\x80"}, {"0"}},
        {"^\\w$", {"a", "Z", "0", "_"}, {"\xc3\xa9", "-", "\xe2\x84\xaa", "\xc5\xbf"}},
        {"^\\W$", {"\xc3\xa9", "-", "\xe2\x84\xaa"}, {"a", "_"}},
        {"^\\s$",
         {" ", "\t", "\v", "\f", "\n", "\r", "\xc2\xa0", "\xef\xbb\xbf", "\xe2\x80\xa9",
          "\xe2\x80\x83", "\xe3\x80\x80", "\xe1\x9a\x80", "\xe2\x80\xaf", "\xe2\x81\x9f"},
         {"\x01", "\xe2\x80\x93", "\xc2\x85", "\xe1\xa0\x8e", "\xe2\x80\x8b"}},
        {"^\\S$", {"\x01", "\xe2\x80\x93", "\xc2\x85"}, {" ", "\xc2\xa0", "\xef\xbb\xbf"}},
        {"^.$",
         {"a", "\v", "\xc2\x85", "\xf0\x9f\x98\x80"},
         {"\n", "\r", "\xe2\x80\xa8", "\xe2\x80\xa9"}},
        {"\\bid\\b", {"id", "an id.", "id\xc3\xa9"}, {"ids", "aid", "_id"}},
        {"\\Bid", {"aid"}, {"id", " id"}},
        {"^\\B$", {""}, {}},
        {"^\\b", {"a"}, {"", " a"}},
    });
}

TEST(Pattern, Escapes) {
    check({
        {"^\\t\\n\\v\\f\\r$", {"\t\n\v\f\r"}, {"tnvfr"}},
        {"^\\cC\\cc$", {"\x03\x03"}, {"\\cC\\cc", "CC"}},
        {"^\\0$", {"\0"s}, {"0", ""}},
        {"^\\x41\\u0042\\u{43}\\u{00000044}$", {"ABCD"}, {"ABC"}},
        {"^\\ud83d\\udc32*$",
         {"\xf0\x9f\x90\xb2", "\xf0\x9f\x90\xb2\xf0\x9f\x90\xb2"},
         {"\xf0\x9f\x90\x89"}},
        {"^\xf0\x9f\x90\xb2*$", {"", "\xf0\x9f\x90\xb2"}, {"\xf0\x9f\x90\x89", "D"}},
        {"\\ud83d", {}, {"\xf0\x9f\x90\xb2", "", "\xef\xbf\xbd"}},
        {"^\\^\\$\\\\\\.\\*\\+\\?\\(\\)\\[\\]\\{\\}\\|\\/$", {"^$\\.*+?()[]{}|/"}, {""}},
        {"^\\-\\@\\#\\ \\_\\'\\\"\\:\\%$", {"-@# _'\":%"}, {""}},
        {"^#a b/$", {"#a b/"}, {"a"}},
    });
}

TEST(Pattern, PropertiesAreThoseOfUnicode) {
    check({
        {"^\\p{Letter}+$", {"a\xc3\xa9"}, {"1", ""}},
        {"^\\p{L}$", {"\xc3\xa9"}, {"1"}},
        {"^\\P{L}$", {"1"}, {"\xc3\xa9"}},
        {"^\\p{digit}+$", {"42", "\xe0\xa7\xaa\xe0\xa7\xa8"}, {"-%#"}},
        {"^\\p{gc=Nd}\\p{General_Category=Uppercase_Letter}\\p{LC}$", {"1Aa"}, {"1aa", "1A1"}},
        {"^\\p{Script=Greek}\\p{sc=Grek}\\p{scx=Grek}$", {"\xce\xb1\xce\xb2\xce\xb3"}, {"abc"}},
        {"^[\\p{Lu}\\P{ASCII}]$", {"A", "\xc3\xa9"}, {"a"}},
        {"^[^\\p{L}\\d]$", {"-"}, {"a", "1"}},
        {"^\\p{Alphabetic}\\p{White_Space}\\p{Emoji}$", {"a \xf0\x9f\x98\x80"}, {"aaa"}},
        {"^\\p{Any}\\p{ASCII}\\p{Assigned}$",
         {"\xf4\x8f\xbf\xbf"
          "aa"},
         {"a\xc3\xa9"
          "a",
          "aa\xcd\xb8"}},
        {"\\p{Letter}cole",
         {"l'ecole",
          "l'\xc3\xa9"
          "cole"},
         {"L'\xc3\x89"
          "COLE"}},
    });
}

TEST(Pattern, LooksAround) {
    check({
        {"^(?=.*[A-Z])(?=.*\\d).{4,}$", {"abC1", "1Cxxx"}, {"abc1", "C1", "ABCD"}},
        {"^(?!foo)", {"bar", "fo", ""}, {"foo", "foobar"}},
        {"^(?!.*\\.\\.)[a-z.]+$", {"a.b", "a"}, {"a..b", ".."}},
        {"(?<=a)b", {"ab", "xab"}, {"b", "cb"}},
        {"(?<!a)b", {"b", "cb", "abb"}, {"ab"}},
        {"(?<=a+)b", {"ab", "aab"}, {"b", "cb"}},
        {"(?<=^a{2,3})b", {"aab", "aaab"}, {"ab", "aaaab"}},
        {"(?<=(?:ab|cde))f", {"abf", "cdef"}, {"bf", "def"}},
        {"(?<=\xc3\xa4)b",
         {"\xc3\xa4"
          "b"},
         {"\xc3\xb6"
          "b",
          "b"}},
        {"(?<=a(?=b)(?<!xa))b", {"ab", "yab"}, {"xab"}},
        {"(?:(?=a)\\w)+$", {"a", "ba"}, {"ab", "b"}},
        {"(?=$)", {"", "a"}, {}},
        {"x?(?=b)", {"b", "ab"}, {"a", "x"}},
        {"x(?=y)z", {}, {"xyz", "xz"}},
    });
}

TEST(Pattern, BackReferencesAreThoseOfEcma) {
    check({
        {"^(a|b)\\1$", {"aa", "bb"}, {"ab", "a"}},
        {"^(?<quote>['\"]).*\\k<quote>$", {"'a'", "\"'\""}, {"'a\"", "a"}},
        {"^\\1(a)$", {"a"}, {"aa"}},
        {"^\\k<n>(?<n>a)$", {"a"}, {"aa"}},
        {"^(?:(a)|b)\\1$", {"aa", "b"}, {"ab", "a"}},
        {"^(a\\1)$", {"a"}, {"aa"}},
        // Each round forgets what the one before it has captured.
        {"^(?:(a)|(b)|c\\1)+$", {"abc", "ac"}, {"aca"s + "x"}},
        {"^(?:(a)|c\\1d)+$", {"acd"}, {"acad"}},
        {"^(z)((a+)?(b+)?(c))*\\4$", {"zaacbbbcac"}, {"zaacbbbcacbbb"s + "x"}},
        // A round that gets no further does not count.
        {"^(a?)*?$", {"", "aa"}, {"b"}},
        {"^(?:(?=(a))|b)*\\1$", {"", "b"}, {"a"}},
        {"^(?:(?=(a))){1}\\1$", {"a"}, {""}},
        // Behind, the right one captures first.
        {"(?<=(\\d+)(\\d+))$", {"1053"}, {"1"}},
        {"(?<=\\1(a))b$", {"aab"}, {"ab"}},
        {"^(?=(a+))a*b\\1$", {"aba"}, {"b"}},
        {"(?=(a*))\\1b", {"aab", "b"}, {"a"}},
        {"(?!(a)b)\\1c", {"c", "ac"}, {"ab"}},
        {"^(?!(a|ab)c?)\\1x$", {"x"}, {"ax", "abx", "acx"}},
        {"^(\xc3\xa4+)-\\1$", {"\xc3\xa4-\xc3\xa4"}, {"\xc3\xa4-\xc3\xb6"}},
    });
}

TEST(Pattern, OtherSyntaxIsRefused) {
    for (const char* pattern : {"(",
                                ")",
                                "a)",
                                "(a",
                                "[a",
                                "[",
                                "[\\]",
                                "*",
                                "+a",
                                "?",
                                "a**",
                                "a*+",
                                "a{2}+",
                                "a{2}{3}",
                                "a{3,2}",
                                "{",
                                "}",
                                "]",
                                "a{",
                                "a{1",
                                "a{,5}",
                                "a{a}",
                                "{1}",
                                "^*",
                                "$+",
                                "\\b?",
                                "(?=a)*",
                                "(?<!a)+",
                                "\\",
                                "\\a",
                                "\\A",
                                "\\Z",
                                "\\z",
                                "\\G",
                                "\\h",
                                "\\R",
                                "\\X",
                                "\\K",
                                "\\Q",
                                "\\E",
                                "\\e",
                                "\\N",
                                "\\i",
                                "\\_\\y",
                                "\\01",
                                "\\1",
                                "(a)\\2",
                                "\\k",
                                "\\k<n>",
                                "(?<n>a)\\k<m>",
                                "\\k{n}",
                                "\\g1",
                                "\\c",
                                "\\c1",
                                "\\x4",
                                "\\xg0",
                                "\\u12",
                                "\\u{}",
                                "\\u{110000}",
                                "\\u{12",
                                "\\p",
                                "\\pL",
                                "\\p{",
                                "\\p{}",
                                "\\p{letter}",
                                "\\p{Foo}",
                                "\\p{^L}",
                                "\\p{Script=greek}",
                                "\\p{gc=Greek}",
                                "\\p{Letter=L}",
                                "(?i)a",
                                "(?i:a)",
                                "(?-i)",
                                "(?P<n>a)",
                                "(?P=n)",
                                "(?#a)",
                                "(?>a)",
                                "(?|a)",
                                "(?1)",
                                "(?R)",
                                "(?&n)",
                                "(?(1)a)",
                                "(?",
                                "(?<",
                                "(?<>a)",
                                "(?<1>a)",
                                "(?<n",
                                "(?<n>a)(?<n>b)",
                                "(?'n'a)",
                                "(*ACCEPT)",
                                "(*UTF)a",
                                "[b-a]",
                                "[\\B]",
                                "[\\k]",
                                "[\\1]",
                                "[\\c]",
                                "\xff",
                                "\\\xc3\xa4"}) {
        EXPECT_NE(error_of(pattern), "none") << pattern;
        EXPECT_FALSE(is_pattern(pattern)) << pattern;
    }
}

TEST(Pattern, ErrorsNameThePlaceAndWhatIsAllowed) {
    EXPECT_EQ(error_of("abc\\Z"), "invalid pattern \"abc\\Z\" at \"\\Z\": unknown escape \"\\Z\"");
    EXPECT_EQ(error_of("a(?i)"),
              "invalid pattern \"a(?i)\" at \"(?i)\": \"(?i\" begins no group: allowed are (?:, "
              "(?=, (?!, (?<=, "
              "(?<!, (?<name>");
    EXPECT_NE(error_of("(?\xc2\x99").find(R"("(?\xc2\x99" begins no group)"), std::string::npos);
    EXPECT_NE(error_of("(?\xc3\xa4").find("\"(?\xc3\xa4\" begins no group"), std::string::npos);
    EXPECT_NE(error_of("(?").find("\"(?\" begins no group"), std::string::npos);
    EXPECT_EQ(error_of("a(b"), "invalid pattern \"a(b\" at \"(b\": \"(\" is not closed");
    EXPECT_EQ(error_of("a{"),
              "invalid pattern \"a{\" at \"{\": \"{\" begins no repetition {n}, {n,} or {n,m}, and "
              "stands "
              "for itself only as \"\\{\"");
    EXPECT_EQ(error_of("[z-a]"),
              "invalid pattern \"[z-a]\" at \"z-a]\": the range is out of order: \"z-a\"");
    EXPECT_EQ(error_of("\\p{Foo}"), "invalid pattern \"\\p{Foo}\": unknown property \"Foo\"");
    EXPECT_EQ(error_of("\\2(a)"), "invalid pattern \"\\2(a)\": there is no group 2");
}

TEST(Pattern, PatternsAreBounded) {
    EXPECT_EQ(error_of(std::string(kLongestPattern, 'a')), "none");
    EXPECT_NE(error_of(std::string(kLongestPattern + 1, 'a')), "none");
    const auto nested = [](std::size_t depth) {
        return std::string(depth, '(') + "a" + std::string(depth, ')') + "*b";
    };
    EXPECT_EQ(error_of(nested(kDeepestPatternNesting)), "none");
    EXPECT_NE(error_of(nested(kDeepestPatternNesting + 1)), "none");
    EXPECT_EQ(error_of("^(?:a|b){1,9000}$"), "none");
    EXPECT_NE(error_of("(?:a|b){1,100000}"), "none");
    EXPECT_NE(error_of("((a|b){1000}){1000}"), "none");
    EXPECT_NE(error_of("(?:(?:(?:a{4000000000}){4000000000}){4000000000})b"), "none");
    EXPECT_EQ(error_of("(?:(?:(?:(?:){4000000000}){4000000000}){4000000000})*b"), "none");
    EXPECT_TRUE(is_pattern("(?:a|b){1,100000}"));
    std::string looks;
    for (std::size_t i = 0; i <= kDeepestPatternLooks; ++i) looks += "(?=";
    EXPECT_NE(error_of(looks + std::string(kDeepestPatternLooks + 1, ')')), "none");
}

// A search that no other engine ends within a day is exhausted, or told at once.
TEST(Pattern, SearchesAreBounded) {
    const std::string letters(200'000, 'a');
    const auto search = [](const std::string& pattern, const std::string& text) {
        Steps steps(1'000'000);
        return Pattern(pattern).search(text, steps);
    };
    EXPECT_EQ(search("^(a+)+$", letters + "b"), Found::no);
    EXPECT_EQ(search("(x+x+)+y", std::string(100'000, 'x')), Found::no);
    EXPECT_EQ(search("^([a-z]+)*[0-9]", letters), Found::no);
    EXPECT_EQ(search("[a-z]+[0-9]", letters), Found::no);
    EXPECT_EQ(search("^(a|a)*\\1$", letters.substr(0, 1000) + "b"), Found::exhausted);
    EXPECT_EQ(search("(?:(?=a*b)a)*c", letters), Found::exhausted);
    EXPECT_EQ(search("[a-z]{1,10000}[0-9]", letters), Found::exhausted);
    EXPECT_EQ(search("^(a*)*\\1b$", letters), Found::exhausted);
}

// However many steps there are.
TEST(Pattern, TheMemoryOfASearchIsBounded) {
    Steps steps(0xffffffff);
    const std::string letters(2 * kMostPatternChoices, 'a');
    EXPECT_EQ(Pattern("^(a*)\\1b").search(letters, steps), Found::exhausted);
}

TEST(Pattern, StepsAreTaken) {
    for (const char* pattern : {"a$", "a", "^[a-z]+$", "(a|b)+c", "(a)\\1c", "x(?=a)"}) {
        Steps steps(100'000);
        EXPECT_NE(Pattern(pattern).search(std::string(10'000, 'a'), steps), Found::exhausted);
        EXPECT_LT(steps.left(), 100'000 - 10'000 / 64) << pattern;
        Steps few(3);
        EXPECT_EQ(Pattern(pattern).search(std::string(10'000, 'a') + "c", few), Found::exhausted)
            << pattern;
    }
}

TEST(Pattern, TextThatIsNoUtf8DoesNoHarm) {
    for (const char* pattern : {"^.*$", "(?<=.)a|b.\\b", "(.)\\1", "\\p{L}|[^a]{3}"}) {
        for (const char* text : {"\xff", "\x80\x80\x80\x80\x80", "\xf0\x9f", "a\xc3", "\xe2\x82"}) {
            Steps steps(kPlenty);
            EXPECT_NE(Pattern(pattern).search(text, steps), Found::exhausted);
        }
    }
}

}  // namespace
}  // namespace webhook
