#include "scheme/statements.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace webhook {
namespace {

using namespace std::string_literals;

using Words = std::vector<std::string>;

std::vector<Words> words_of(const std::string& text) {
    std::vector<Words> all;
    for (const Statement& statement : parse_statements(text)) all.push_back(statement.words);
    return all;
}

std::vector<std::size_t> lines_of(const std::string& text) {
    std::vector<std::size_t> all;
    for (const Statement& statement : parse_statements(text)) all.push_back(statement.line);
    return all;
}

void expect_refused(const std::string& text, std::size_t line, const std::string& mentioned) {
    SCOPED_TRACE(text);
    try {
        parse_statements(text);
        ADD_FAILURE() << "no SchemeTextError";
    } catch (const SchemeTextError& error) {
        EXPECT_EQ(line, error.line);
        EXPECT_NE(std::string::npos, std::string(error.what()).find(mentioned)) << error.what();
    }
}

// Where the block that begins with this text ends.
std::size_t block_size(const std::string& text) {
    BlockEnd end;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (end.is(text[i])) return i;
    }
    return std::string::npos;
}

TEST(Statements, AreWordsEndedBySemicolons) {
    EXPECT_EQ((std::vector<Words>{{"algorithm", "token"}, {"key", "utf8"}}),
              words_of("algorithm token; key utf8;"));
    EXPECT_EQ((std::vector<Words>{{"a"}, {"b", "c=d"}}), words_of("a;b\tc=d;"));
    EXPECT_EQ((std::vector<Words>{{"a", "b", "c"}}), words_of("\r\n a\n b\t \tc ; \n"));
    EXPECT_EQ(std::vector<Words>{}, words_of(""));
    EXPECT_EQ(std::vector<Words>{}, words_of(" \r\n\t "));
}

TEST(Statements, QuotesMayStandAnywhereInAWord) {
    EXPECT_EQ((std::vector<Words>{{"signature", "split= ", "prefix=v1,"}}),
              words_of("signature split=\" \" prefix='v1,';"));
    EXPECT_EQ((std::vector<Words>{{"split=, "}}), words_of("\"split=, \";"));
    EXPECT_EQ((std::vector<Words>{{"abcd"}}), words_of("a\"b\"c'd';"));
    EXPECT_EQ((std::vector<Words>{{"", "a", ""}}), words_of("'' a \"\";"));
    EXPECT_EQ((std::vector<Words>{{"a=", "b"}}), words_of("a='' b;"));
}

TEST(Statements, QuotesHoldSpaceSemicolonsBracesAndTheOtherQuote) {
    EXPECT_EQ((std::vector<Words>{{"signed", "{id}; \n\t.{body}#'x'"}}),
              words_of("signed \"{id}; \n\t.{body}#'x'\";"));
    EXPECT_EQ((std::vector<Words>{{"say", "\"hi\""}}), words_of("say '\"hi\"';"));
}

TEST(Statements, EscapesAreThoseOfNginxConf) {
    EXPECT_EQ((std::vector<Words>{{"\"'\\\n\r\t"}}), words_of(R"("\"\'\\\n\r\t";)"));
    EXPECT_EQ((std::vector<Words>{{"\"'\\\n\r\t"}}), words_of(R"('\"\'\\\n\r\t';)"));
    EXPECT_EQ((std::vector<Words>{{"\\n"}}), words_of(R"("\\n";)"));
    EXPECT_EQ((std::vector<Words>{{"a\\n"}}), words_of(R"(a\n;)"));
}

TEST(Statements, CommentsBeginAWordAndEndTheLine) {
    EXPECT_EQ((std::vector<Words>{{"a", "b"}, {"c"}}),
              words_of("# one; \"two\na # }three; '\nb; #four\nc;#five"));
    EXPECT_EQ((std::vector<Words>{{"a#b", "c"}}), words_of("a#b c;"));
    EXPECT_EQ((std::vector<Words>{{"#a"}}), words_of("'#'a;"));
    EXPECT_EQ(std::vector<Words>{}, words_of("# nothing"));
}

TEST(Statements, AnyOtherByteIsItself) {
    EXPECT_EQ((std::vector<Words>{{"a\0b"s, "\xff\x01"}}), words_of("a\0b \xff\x01;"s));
    EXPECT_EQ((std::vector<Words>{{"$a", "b(c)[d]", "e=f=g"}}), words_of("$a b(c)[d] e=f=g;"));
}

TEST(Statements, KnowTheLineOnWhichTheyBegin) {
    EXPECT_EQ((std::vector<std::size_t>{1, 1, 3, 7}),
              lines_of("a; b;\n# comment\nc\nd\n'e\nf';\ng\n;"));
    EXPECT_EQ((std::vector<std::size_t>{3}), lines_of("\r\n\r\na\r\nb;\r\n"));
}

TEST(Statements, ThatDoNotEndAreRefused) {
    expect_refused("a", 1, "\"a\"");
    expect_refused("\na b\n\n", 2, "\"a\"");
    expect_refused("a;\nb c", 2, "\"b\"");
    expect_refused("a; b # ;", 1, "\"b\"");
    expect_refused("''", 1, "\"\"");
}

TEST(Statements, WithoutAWordAreRefused) {
    expect_refused(";", 1, ";");
    expect_refused("a;;", 1, ";");
    expect_refused("a;\n\n;", 3, ";");
    expect_refused("# x\n;", 2, ";");
}

TEST(Statements, WithAnOpenQuoteAreRefused) {
    expect_refused("\"", 1, "quote");
    expect_refused("a '", 1, "quote");
    expect_refused("a;\nb \"c;\nd;\n", 2, "quote");
    expect_refused("a \"b';", 1, "quote");
    expect_refused("a \"b\\\";", 1, "quote");
}

TEST(Statements, WithBracesOutsideQuotesAreRefused) {
    expect_refused("signed {body};", 1, "{");
    expect_refused("a;\nb }", 2, "}");
    expect_refused("a\nb{c;", 2, "{");
    expect_refused("}", 1, "}");
}

TEST(Statements, WithAnUnknownEscapeAreRefused) {
    for (const std::string& escape : {"\\x"s, "\\0"s, "\\$"s, "\\;"s, "\\{"s}) {
        expect_refused("a;\nb \"" + escape + "\";", 2, "escape");
    }
    EXPECT_THROW(parse_statements("\"\\"), SchemeTextError);
    EXPECT_THROW(parse_statements("\"\\\0\";"s), SchemeTextError);
}

TEST(BlockEnd, IsTheFirstBraceOutsideQuotesAndComments) {
    EXPECT_EQ(0U, block_size("}"));
    EXPECT_EQ(8U, block_size("a; b c; } d;"));
    EXPECT_EQ(3U, block_size("a;b}"));
    EXPECT_EQ(14U, block_size("signed '{id}';}"));
    EXPECT_EQ(14U, block_size("signed \"{id}\";}"));
    EXPECT_EQ(8U, block_size("a '\"}' ;}"s));
    EXPECT_EQ(13U, block_size("# it's }}\na;\n}"));
    EXPECT_EQ(3U, block_size("a#b}"));
    EXPECT_EQ(4U, block_size("a'#'}"));
    EXPECT_EQ(6U, block_size("a;#}\n;}"));
}

TEST(BlockEnd, IsNotHiddenByAnEscapedQuote) {
    EXPECT_EQ(9U, block_size(R"(a "\"}" ;})"));
    EXPECT_EQ(7U, block_size(R"(a "\\";})"));
    EXPECT_EQ(9U, block_size(R"(a '\'}' ;})"));
}

TEST(BlockEnd, IsNotThereWhileAQuoteOrCommentIsOpen) {
    EXPECT_EQ(std::string::npos, block_size("a \"}\n}"));
    EXPECT_EQ(std::string::npos, block_size("a '}\"}"));
    EXPECT_EQ(std::string::npos, block_size("# }}}"));
    EXPECT_EQ(std::string::npos, block_size(""));
    EXPECT_EQ(std::string::npos, block_size("a \"\\\"}"));
}

TEST(BlockEnd, AgreesWithTheReaderOnWhatIsQuoted) {
    std::mt19937 random(6);
    const std::string alphabet = "ab;;  \n#'\"\\n{}";
    int valid = 0;
    for (int i = 0; i < 200'000; ++i) {
        std::string text(random() % 14, '\0');
        for (char& character : text) character = alphabet[random() % alphabet.size()];
        try {
            parse_statements(text);
        } catch (const SchemeTextError&) {
            continue;
        }
        ++valid;
        // What reads as statements holds no end, and ends where a brace follows on the next line.
        ASSERT_EQ(text.size() + 1, block_size(text + "\n}")) << text;
    }
    EXPECT_GT(valid, 10'000);
}

}  // namespace
}  // namespace webhook
