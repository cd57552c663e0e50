#include "redis/resp.h"

#include <gtest/gtest.h>
#include <malloc.h>

#include <array>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace webhook::redis {
namespace {

using Kind = Reply::Kind;

Reply simple(std::string text) {
    return {Kind::simple, 0, std::move(text), {}};
}
Reply error(std::string text) {
    return {Kind::error, 0, std::move(text), {}};
}
Reply integer(std::int64_t number) {
    return {Kind::integer, number, {}, {}};
}
Reply bulk(std::string text) {
    return {Kind::bulk, 0, std::move(text), {}};
}
Reply null() {
    return {};
}
Reply array(std::vector<Reply> elements) {
    return {Kind::array, 0, {}, std::move(elements)};
}

void take_all(ReplyReader& reader, std::vector<Reply>& replies) {
    while (auto reply = reader.next()) replies.push_back(std::move(*reply));
}

std::vector<Reply> read(std::string_view bytes) {
    ReplyReader reader;
    std::vector<Reply> replies;
    reader.feed(bytes);
    take_all(reader, replies);
    EXPECT_TRUE(reader.empty()) << bytes;
    return replies;
}

// Whether the reader refuses the bytes, at the last one and not before.
std::string failure_of(std::string_view bytes) {
    ReplyReader reader;
    std::vector<Reply> replies;
    for (std::size_t at = 0; at < bytes.size(); ++at) {
        reader.feed(bytes.substr(at, 1));
        try {
            take_all(reader, replies);
        } catch (const ProtocolError& failure) {
            EXPECT_EQ(at + 1, bytes.size()) << "fails too early: " << bytes;
            EXPECT_THROW(reader.next(), ProtocolError) << "forgets that it failed";
            reader.feed("+OK\r\n");
            EXPECT_THROW(reader.next(), ProtocolError) << "forgets that it failed";
            return failure.what();
        }
    }
    return "";
}

std::string nested(std::size_t depth, std::string_view innermost) {
    std::string text;
    for (std::size_t i = 0; i < depth; ++i) text += "*1\r\n";
    return text.append(innermost);
}

struct KnownReply {
    std::string_view bytes;
    Reply reply;
};

const std::vector<KnownReply>& known_replies() {
    static const std::vector<KnownReply> kReplies = {
        {"+OK\r\n", simple("OK")},
        {"+\r\n", simple("")},
        {"-ERR unknown command 'x'\r\n", error("ERR unknown command 'x'")},
        {":0\r\n", integer(0)},
        {":+7\r\n", integer(7)},
        {":-1\r\n", integer(-1)},
        {":9223372036854775807\r\n", integer(std::numeric_limits<std::int64_t>::max())},
        {":-9223372036854775808\r\n", integer(std::numeric_limits<std::int64_t>::min())},
        {"$0\r\n\r\n", bulk("")},
        {"$5\r\nhello\r\n", bulk("hello")},
        {"$6\r\n\r\n$1\r\n\r\n", bulk("\r\n$1\r\n")},
        {"$-1\r\n", null()},
        {"*-1\r\n", null()},
        {"*0\r\n", array({})},
        {"*3\r\n:1\r\n:200\r\n:5000\r\n", array({integer(1), integer(200), integer(5000)})},
        {"*2\r\n*0\r\n*-1\r\n", array({array({}), null()})},
        {"*3\r\n*2\r\n$1\r\na\r\n*1\r\n:1\r\n-E\r\n$-1\r\n",
         array({array({bulk("a"), array({integer(1)})}), error("E"), null()})},
        {"*3\r\n$6\r\nmaster\r\n:3129659\r\n*1\r\n*3\r\n$9\r\n127.0.0.1\r\n$4\r\n9001\r\n$"
         "1\r\n0\r\n",
         array({bulk("master"), integer(3129659),
                array({array({bulk("127.0.0.1"), bulk("9001"), bulk("0")})})})},
    };
    return kReplies;
}

TEST(ReplyReader, ReadsEachKind) {
    for (const KnownReply& known : known_replies()) {
        EXPECT_EQ(read(known.bytes), std::vector{known.reply}) << known.bytes;
    }
}

TEST(ReplyReader, ReadsRepliesSplitAtEveryByte) {
    std::string bytes;
    std::vector<Reply> expected;
    for (const KnownReply& known : known_replies()) {
        bytes += known.bytes;
        expected.push_back(known.reply);
    }
    for (std::size_t split = 0; split <= bytes.size(); ++split) {
        ReplyReader reader;
        std::vector<Reply> replies;
        reader.feed(std::string_view(bytes).substr(0, split));
        take_all(reader, replies);
        reader.feed(std::string_view(bytes).substr(split));
        take_all(reader, replies);
        EXPECT_EQ(replies, expected) << "split at " << split;
        EXPECT_TRUE(reader.empty());
    }
}

TEST(ReplyReader, ReadsRepliesByteByByte) {
    for (const KnownReply& known : known_replies()) {
        ReplyReader reader;
        for (std::size_t at = 0; at + 1 < known.bytes.size(); ++at) {
            reader.feed(known.bytes.substr(at, 1));
            EXPECT_EQ(reader.next(), std::nullopt) << known.bytes << " at " << at;
            EXPECT_FALSE(reader.empty()) << known.bytes << " at " << at;
        }
        reader.feed(known.bytes.substr(known.bytes.size() - 1));
        EXPECT_EQ(reader.next(), known.reply);
        EXPECT_TRUE(reader.empty());
    }
}

TEST(ReplyReader, KeepsRepliesThatNobodyTakes) {
    ReplyReader reader;
    for (int i = 0; i < 100; ++i) reader.feed(":" + std::to_string(i) + "\r\n");
    for (int i = 0; i < 100; ++i) {
        EXPECT_FALSE(reader.empty());
        EXPECT_EQ(reader.next(), integer(i));
        reader.feed("+more\r\n");
    }
    for (int i = 0; i < 100; ++i) EXPECT_EQ(reader.next(), simple("more"));
    EXPECT_EQ(reader.next(), std::nullopt);
    EXPECT_TRUE(reader.empty());
}

TEST(ReplyReader, RefusesWhatIsNoRESP2) {
    using namespace std::string_view_literals;
    const std::array kTexts = {
        "H"sv,
        "\r"sv,
        "\n"sv,
        "\0"sv,
        " "sv,
        "_"sv,
        "#"sv,
        ","sv,
        "%"sv,
        "~"sv,
        ">"sv,
        "("sv,
        "="sv,
        "!"sv,
        "|"sv,
        "+OK\n"sv,
        "+\n"sv,
        "+O\rK\r\n"sv,
        "-a\nb"sv.substr(0, 3),
        ":\r\n"sv,
        ":+\r\n"sv,
        ":+-1\r\n"sv,
        ":1 \r\n"sv,
        ": 1\r\n"sv,
        ":1.0\r\n"sv,
        ":0x1\r\n"sv,
        ":9223372036854775808\r\n"sv,
        ":-9223372036854775809\r\n"sv,
        "$\r\n"sv,
        "$-2\r\n"sv,
        "$a\r\n"sv,
        "*-2\r\n"sv,
        "*\r\n"sv,
        "*1.5\r\n"sv,
        "$2\r\nabc"sv,
        "$2\r\nab\rX"sv,
        "$2\r\nab\n"sv,
        "$0\r\n\n"sv,
        "*1\r\nX"sv,
        "*1\r\n\r"sv,
    };
    for (const std::string_view text : kTexts) EXPECT_NE(failure_of(text), "") << text;
}

TEST(ReplyReader, SaysWhyItRefuses) {
    EXPECT_EQ(failure_of("H"), "a reply of an unknown type");
    EXPECT_EQ(failure_of("+OK\n"), "a line without its end");
    EXPECT_EQ(failure_of(":x\r\n"), "an invalid number");
    EXPECT_EQ(failure_of("$-2\r\n"), "a negative length");
    EXPECT_EQ(failure_of("*-2\r\n"), "a negative length");
    EXPECT_EQ(failure_of("$1\r\nab"), "a text without its end");
}

TEST(ReplyReader, BoundsLines) {
    const std::string longest(kLongestLine, 'x');
    EXPECT_EQ(read('+' + longest + "\r\n"), std::vector{simple(longest)});
    EXPECT_EQ(failure_of('+' + longest + "xx"), "a line that is too long");
    EXPECT_EQ(failure_of('-' + longest + "\rx"), "a line that is too long");
    EXPECT_EQ(failure_of(":00000000000000000001\rx"), "a line that is too long");
    EXPECT_EQ(failure_of("$0000000000000000000001"), "a line that is too long");
    ReplyReader reader;
    reader.feed('+' + longest + "x\r\n");
    EXPECT_THROW(reader.next(), ProtocolError) << "in one piece, too";
}

TEST(ReplyReader, BoundsTheTextsOfAReply) {
    const std::string longest(kLongestReply, 'x');
    const std::string size = std::to_string(kLongestReply);
    EXPECT_EQ(read('$' + size + "\r\n" + longest + "\r\n"), std::vector{bulk(longest)});
    EXPECT_EQ(failure_of('$' + std::to_string(kLongestReply + 1) + "\r\n"),
              "a reply that is too long");
    EXPECT_EQ(failure_of("$9223372036854775807\r\n"), "a reply that is too long");
    // Together.
    EXPECT_EQ(failure_of("*2\r\n$1\r\na\r\n$" + size + "\r\n"), "a reply that is too long");
    EXPECT_EQ(read("*2\r\n$0\r\n\r\n$" + size + "\r\n" + longest + "\r\n").size(), 1);
    std::string errors = "*64\r\n";
    for (int i = 0; i < 64; ++i) errors += '-' + std::string(kLongestLine, 'x') + "\r\n";
    EXPECT_EQ(read(errors).size(), 1);
    errors.replace(0, 3, "*65");
    EXPECT_EQ(failure_of(errors + "-x\r\n"), "a reply that is too long");
    // The next reply is counted anew.
    EXPECT_EQ(read('$' + size + "\r\n" + longest + "\r\n+OK\r\n").size(), 2);
}

TEST(ReplyReader, BoundsElements) {
    const auto count = [](std::size_t number) { return '*' + std::to_string(number) + "\r\n"; };
    std::string bytes = count(kMostElements);
    for (std::size_t i = 0; i < kMostElements; ++i) bytes += ":1\r\n";
    EXPECT_EQ(read(bytes + bytes).size(), 2) << "the next reply is counted anew";
    EXPECT_EQ(failure_of(count(kMostElements + 1)), "too many elements");
    EXPECT_EQ(failure_of("*9223372036854775807\r\n"), "too many elements");
    // At any depth.
    EXPECT_EQ(failure_of("*2\r\n" + count(kMostElements - 1)), "too many elements");
    EXPECT_EQ(failure_of("*2\r\n" + count(kMostElements - 2)), "");
}

TEST(ReplyReader, BoundsDepth) {
    Reply expected = integer(1);
    for (std::size_t i = 0; i < kDeepestReply; ++i) expected = array({expected});
    EXPECT_EQ(read(nested(kDeepestReply, ":1\r\n")), std::vector{expected});
    EXPECT_EQ(failure_of(nested(kDeepestReply, "*0\r\n")), "arrays that are nested too deep");
    EXPECT_EQ(failure_of(nested(kDeepestReply + 1, "")), "arrays that are nested too deep");
}

TEST(ReplyReader, KeepsNoReplyThatWasTaken) {
    constexpr std::size_t kMegabyte = std::size_t{1024} * 1024;
    // The address sanitizer's allocator tells nothing here.
    const auto allocated = [] {
        const struct mallinfo2 all = mallinfo2();
        return all.uordblks + all.hblkhd;
    };
    const std::size_t before = allocated();
    ReplyReader reader;
    // A piece ends within a reply, so that something is always left.
    const std::string piece = "x\r\n$1000\r\n" + std::string(1000, 'x') + "\r\n+";
    reader.feed("+");
    for (std::size_t fed = 0; fed < 16 * kMegabyte; fed += piece.size()) {
        reader.feed(piece);
        EXPECT_EQ(reader.next(), simple("x"));
        EXPECT_TRUE(reader.next());
        EXPECT_EQ(reader.next(), std::nullopt);
    }
    EXPECT_LT(allocated(), before + kMegabyte);
}

TEST(ReplyReader, TakesNoTimeForBytesThatItHasSeen) {
    // 16 MB byte by byte: with a search from the start at each, this does not end.
    constexpr int kReplies = 16;
    const std::string bytes =
        '$' + std::to_string(kLongestReply) + "\r\n" + std::string(kLongestReply, 'x') + "\r\n";
    ReplyReader reader;
    int replies = 0;
    for (int i = 0; i < kReplies; ++i) {
        for (const char& byte : bytes) {
            reader.feed({&byte, 1});
            if (reader.next()) ++replies;
        }
    }
    EXPECT_EQ(replies, kReplies);
    for (int i = 0; i < 2'000'000; ++i) reader.feed("+OK\r\n");
    replies = 0;
    while (reader.next()) {
        reader.feed("");
        ++replies;
    }
    EXPECT_EQ(replies, 2'000'000);
}

TEST(AppendCommand, WritesAnyBytes) {
    using namespace std::string_view_literals;
    std::string out = "before";
    const std::array kWords = {"SET"sv, ""sv, "a\r\n\0b"sv};
    append_command(out, kWords);
    EXPECT_EQ(out, "before*3\r\n$3\r\nSET\r\n$0\r\n\r\n$5\r\na\r\n\0b\r\n"sv);
    EXPECT_EQ(read(std::string_view(out).substr(6)),
              std::vector{array({bulk("SET"), bulk(""), bulk(std::string("a\r\n\0b"sv))})});
}

}  // namespace
}  // namespace webhook::redis
