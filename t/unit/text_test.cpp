#include "base/text.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>

namespace webhook {
namespace {

using namespace std::string_literals;

std::string every_byte() {
    std::string bytes;
    for (int i = 0; i < 256; ++i) bytes += static_cast<char>(i);
    return bytes;
}

TEST(Template, DigitsAreTheTenOfAscii) {
    std::string digits;
    for (char character : every_byte()) {
        if (is_digit(character)) digits += character;
    }
    EXPECT_EQ("0123456789", digits);
}

TEST(Template, LoweringChangesOnlyAsciiCapitals) {
    const std::string bytes = every_byte();
    const std::string lowered = to_lower(bytes);
    ASSERT_EQ(bytes.size(), lowered.size());
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        const bool capital = bytes[i] >= 'A' && bytes[i] <= 'Z';
        EXPECT_EQ(static_cast<char>(bytes[i] + (capital ? 0x20 : 0)), lowered[i]) << i;
    }
}

TEST(Template, NamesAreEqualWhateverTheirCase) {
    EXPECT_TRUE(equals_ignoring_case("", ""));
    EXPECT_TRUE(equals_ignoring_case("X-Hub-Signature-256", "x-hUB-signature-256"));
    EXPECT_FALSE(equals_ignoring_case("X-Hub-Signature-256", "X-Hub-Signature-25"));
    EXPECT_FALSE(equals_ignoring_case("X-Hub-Signature", "X-Hub-Signature-256"));
    EXPECT_FALSE(equals_ignoring_case("", "a"));
    EXPECT_FALSE(equals_ignoring_case("a\0b"s, "a\0c"s));
}

TEST(Template, OnlyLettersHaveACase) {
    EXPECT_FALSE(equals_ignoring_case("@", "`"));
    EXPECT_FALSE(equals_ignoring_case("[", "{"));
    EXPECT_FALSE(equals_ignoring_case("^", "~"));
    EXPECT_FALSE(equals_ignoring_case("\xc4", "\xe4"));
}

TEST(Template, DigitsAreRead) {
    EXPECT_EQ(0, parse_digits("0"));
    EXPECT_EQ(1614265330, parse_digits("1614265330"));
    EXPECT_EQ(7, parse_digits("0000000000000000000000000000007"));
}

TEST(Template, LargestNumberIsReadAndNoneBeyond) {
    EXPECT_EQ(std::numeric_limits<std::int64_t>::max(), parse_digits("9223372036854775807"));
    EXPECT_EQ(std::nullopt, parse_digits("9223372036854775808"));
    EXPECT_EQ(std::nullopt, parse_digits("18446744073709551616"));
    EXPECT_EQ(std::nullopt, parse_digits("18446744073709551617"));
    EXPECT_EQ(std::nullopt, parse_digits(std::string(100'000, '9')));
}

TEST(Template, NumberOfAnythingButDigitsIsNone) {
    for (const std::string& text : {""s, " 1"s, "1 "s, "+1"s, "-1"s, "-0"s, "1.0"s, "1e3"s, "0x10"s,
                                    "1,000"s, "1_000"s, "1\0"s,
                                    "\0"
                                    "1"s,
                                    "1\n"s, "\t1"s, "\xd9\xa1"s, "\xef\xbc\x91"s}) {
        EXPECT_EQ(std::nullopt, parse_digits(text)) << webhook::in_quotes(text);
    }
}

TEST(Template, ControlCharactersAreFoundAnywhere) {
    for (int i = 0; i < 256; ++i) {
        const std::string character(1, static_cast<char>(i));
        const bool expected = i < 0x20 || i == 0x7f;
        EXPECT_EQ(expected, has_control_character(character)) << i;
        EXPECT_EQ(expected, has_control_character("ab" + character)) << i;
        EXPECT_EQ(expected, has_control_character(character + "ab")) << i;
    }
    EXPECT_FALSE(has_control_character(""));
}

TEST(Template, HeaderNamesAreTokens) {
    const std::string_view allowed =
        "!#$%&'*+-.^_`|~0123456789"
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    for (char character : every_byte()) {
        const bool expected = allowed.find(character) != std::string_view::npos;
        EXPECT_EQ(expected, is_header_name(std::string(1, character))) << int{character};
        EXPECT_EQ(expected, is_header_name("X" + std::string(1, character))) << int{character};
    }
    EXPECT_FALSE(is_header_name(""));
}

TEST(ShownWord, NothingThatMayBeASecret) {
    EXPECT_EQ(" \"encodign=\"", webhook::shown_word("encodign=hex"));
    EXPECT_EQ(" \"base32\"", webhook::shown_word("base32"));
    EXPECT_EQ(" \"hmac-md5\"", webhook::shown_word("hmac-md5"));
    EXPECT_EQ(" \"123456789012345\"", webhook::shown_word("123456789012345"));
    EXPECT_EQ("", webhook::shown_word("1234567890123456"));
    EXPECT_EQ("", webhook::shown_word("SECRET"));
    EXPECT_EQ("", webhook::shown_word("c2VjcmV0Cg=="));
    EXPECT_EQ("", webhook::shown_word("a b"));
}

TEST(Template, QuotedTextStandsBetweenDoubleQuotes) {
    EXPECT_EQ("\"\"", webhook::in_quotes(""));
    EXPECT_EQ("\"a b\"", webhook::in_quotes("a b"));
}

TEST(Excerpt, IsOneLineThatATerminalDoesNotObey) {
    EXPECT_EQ("\"\"", excerpt_in_quotes(""));
    EXPECT_EQ("\"gr\xc3\xb6\xc3\x9f e \xe2\x82\xac\"",
              excerpt_in_quotes("gr\xc3\xb6\xc3\x9f e \xe2\x82\xac"));
    EXPECT_EQ("\"a\\x0a\\x0d\\x1b\\x7f\"", excerpt_in_quotes("a\n\r\x1b\x7f"));
    EXPECT_EQ("\"\\x00b\"", excerpt_in_quotes(std::string_view("\0b", 2)));
    // The ends of each range, and their neighbours.
    for (const std::string_view text :
         {"\xc2\x80", "\xc2\x9f", "\xe2\x80\x8e", "\xe2\x80\x8f", "\xe2\x80\xa8", "\xe2\x80\xae",
          "\xe2\x81\xa6", "\xe2\x81\xa9"}) {
        EXPECT_EQ(2 + 4 * text.size(), excerpt_in_quotes(text).size()) << excerpt_in_quotes(text);
        EXPECT_TRUE(excerpt_in_quotes(text).starts_with("\"\\x")) << text;
    }
    for (const std::string_view text : {"\xc2\xa0", "\xe2\x80\x8d", "\xe2\x80\x90", "\xe2\x80\xa7",
                                        "\xe2\x80\xaf", "\xe2\x81\xa5", "\xe2\x81\xaa", "\xc3\x80",
                                        "\xe3\x80\x8e", "\xe2", "\xe2\x80", "\xc2", "\xc2z"}) {
        EXPECT_EQ('"' + std::string(text) + '"', excerpt_in_quotes(text));
    }
}

TEST(Excerpt, IsShortenedInItsMiddle) {
    const std::string fits(kLongestExcerpt, 'a');
    EXPECT_EQ('"' + fits + '"', excerpt_in_quotes(fits));
    EXPECT_EQ(
        "\"aaa\xe2\x80\xa6"
        "bbb\"",
        excerpt_in_quotes("aaaaabbbbb", 9));
    EXPECT_EQ(
        "\"aa\xe2\x80\xa6"
        "bb\"",
        excerpt_in_quotes("aa\xc3\xb6\xc3\xb6\xc3\xb6"
                          "bb",
                          9));
    // The escapes count.
    EXPECT_LE(excerpt_in_quotes(std::string(5000, '\n')).size(), kLongestExcerpt + 2);
    EXPECT_EQ("abc", shortened("abc", 3));
}

TEST(Template, WordsAreJoinedByCommas) {
    EXPECT_EQ("", joined({}));
    EXPECT_EQ("hex", joined({"hex"}));
    EXPECT_EQ("hex, base64, base64url", joined({"hex", "base64", "base64url"}));
}

TEST(Nearest, OnlyWhatDiffersInFewLetters) {
    const std::vector<std::string_view> words{"github", "gitlab",     "stripe",
                                              "x",      "hubspot-v1", "hubspot-v3"};
    EXPECT_EQ("github", nearest("githib", words));
    EXPECT_EQ("github", nearest("GitHub", words));
    EXPECT_EQ("github", nearest("gihub", words));
    EXPECT_EQ("gitlab", nearest("git-lab", words));
    EXPECT_EQ("hubspot-v1", nearest("hubspot-v2", words));
    EXPECT_EQ("stripe", nearest("strippe", words));
    for (std::string_view word : {"", "y", "git", "paypal", "strong", "hooks"}) {
        EXPECT_EQ("", nearest(word, words)) << word;
    }
    EXPECT_EQ("", nearest("github", {}));
    EXPECT_EQ("", nearest(std::string(65, 'g'), {std::string(65, 'g')}));
}

TEST(MediaType, IsATypeAndASubtype) {
    for (std::string_view text : {"text/xml", "application/problem+json", "text/xml; charset=utf-8",
                                  "text/xml;charset=\"utf-8\"", "text/xml ; a=b"}) {
        EXPECT_TRUE(is_media_type(text)) << text;
    }
    for (std::string_view text : {"", "xml", "/", "text/", "/xml", "text/xml\r\nSet-Cookie: a=b",
                                  "text/xml;\na", "te xt/xml", "text/x ml", "text/xml,text/html",
                                  "text/x\x80ml", "text/xml; a=\x7f", "a/b/c"}) {
        EXPECT_FALSE(is_media_type(text)) << text;
    }
}

}  // namespace
}  // namespace webhook
