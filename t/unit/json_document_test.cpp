#include "base/json_document.h"

#include <gtest/gtest.h>

#include <unistd.h>

#include <cstring>
#include <fstream>
#include <new>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace {

// How often the reader's memory can be had before it cannot. By this form alone it asks for memory.
int allocations_left = 1'000'000'000;

}  // namespace

void* operator new[](std::size_t size, const std::nothrow_t&) noexcept {
    if (--allocations_left < 0) return nullptr;
    try {
        return ::operator new[](size);
    } catch (const std::bad_alloc&) {
        return nullptr;
    }
}

namespace webhook {
namespace {

using namespace std::string_literals;

// Lets the reader have memory so many times.
class Shortage {
  public:
    explicit Shortage(int left) : before_(std::exchange(allocations_left, left)) {}
    ~Shortage() { allocations_left = before_; }
    Shortage(const Shortage&) = delete;
    Shortage& operator=(const Shortage&) = delete;

    static bool was_felt() { return allocations_left < 0; }

  private:
    int before_;
};

// A text with exactly the readable bytes behind it that the contract asks for, so that a sanitizer
// sees any read beyond.
class Padded {
  public:
    explicit Padded(std::string_view text, char padding = ' ')
        : bytes_(text.size() + json_padding(), padding), size_(text.size()) {
        std::copy(text.begin(), text.end(), bytes_.begin());
    }
    std::string_view text() const { return {bytes_.data(), size_}; }

  private:
    std::vector<char> bytes_;
    std::size_t size_;
};

std::optional<std::string> value(std::string_view text, std::string_view pointer) {
    JsonDocument reader;
    const Padded padded(text);
    EXPECT_TRUE(reader.parse(padded.text())) << text;
    return reader.first_value_at(pointer);
}

bool is_valid(std::string_view text) {
    JsonDocument reader;
    const Padded padded(text);
    return reader.parse(padded.text());
}

std::string nested(std::size_t depth, const std::string& innermost) {
    return std::string(depth, '[') + innermost + std::string(depth, ']');
}

TEST(Payload, StringsAreRead) {
    EXPECT_EQ("evt_1", value(R"({"id": "evt_1"})", "/id"));
    EXPECT_EQ("", value(R"({"id": ""})", "/id"));
    EXPECT_EQ("a\"b\\c/d", value(R"({"id": "a\"b\\c\/d"})", "/id"));
    EXPECT_EQ("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80",
              value(R"(["\u00e4\u20ac\ud83d\ude00"])", "/0"));
    EXPECT_EQ("\xc3\xa4", value("[\"\xc3\xa4\"]", "/0"));
    EXPECT_EQ("1", value(R"({"id": "1"})", "/id"));
}

TEST(Payload, IntegersAreRead) {
    EXPECT_EQ("0", value("[0]", "/0"));
    EXPECT_EQ("-1", value("[-1]", "/0"));
    EXPECT_EQ("9223372036854775807", value("[9223372036854775807]", "/0"));
    EXPECT_EQ("-9223372036854775808", value("[-9223372036854775808]", "/0"));
    EXPECT_EQ("9223372036854775808", value("[9223372036854775808]", "/0"));
    EXPECT_EQ("18446744073709551615", value("[18446744073709551615]", "/0"));
}

TEST(Payload, BooleansAreRead) {
    EXPECT_EQ("true", value(R"({"live": true})", "/live"));
    EXPECT_EQ("false", value(R"({"live": false})", "/live"));
}

TEST(Payload, OtherTypesAreNoValue) {
    for (const std::string& text :
         {"null"s, "1.5"s, "1e3"s, "[]"s, "{}"s, "[1]"s, R"({"id": 1})"s, "-0.0"s}) {
        EXPECT_EQ(std::nullopt, value("{\"id\": " + text + "}", "/id")) << text;
    }
}

TEST(Payload, PointersLeadThroughObjectsAndArrays) {
    const std::string text =
        R"({"event": {"data": [{"id": "a"}, {"id": "b", "list": [1, [2, 3]]}]}, "": {"": "e"}})";
    EXPECT_EQ("a", value(text, "/event/data/0/id"));
    EXPECT_EQ("b", value(text, "/event/data/1/id"));
    EXPECT_EQ("3", value(text, "/event/data/1/list/1/1"));
    EXPECT_EQ("e", value(text, "//"));
    EXPECT_EQ("x", value(R"({"0": "x"})", "/0"));
    EXPECT_EQ("whole", value(R"("whole")", ""));
    EXPECT_EQ("7", value("7", ""));
}

TEST(Payload, PointersUnescapeTildeAndSlash) {
    const std::string text = R"({"a/b": 1, "m~n": 2, "~1": 3, "/": 4, "~": 5, "a~1b": 6, "~0": 7})";
    EXPECT_EQ("1", value(text, "/a~1b"));
    EXPECT_EQ("2", value(text, "/m~0n"));
    EXPECT_EQ("3", value(text, "/~01"));
    EXPECT_EQ("4", value(text, "/~1"));
    EXPECT_EQ("5", value(text, "/~0"));
    EXPECT_EQ("6", value(text, "/a~01b"));
    EXPECT_EQ("7", value(text, "/~00"));
}

TEST(Payload, PointersThatLeadNowhereFindNothing) {
    const std::string text = R"({"id": "x", "list": [1, 2], "object": {"a": 1}})";
    for (const std::string& pointer :
         {"/"s,           "/ID"s,      "/i"s,       "/idd"s,
          "/id/"s,        "/id/x"s,    "/id/0"s,    "/list/2"s,
          "/list/-"s,     "/list/-1"s, "/list/01"s, "/list/+1"s,
          "/list/1x"s,    "/list/"s,   "/list/a"s,  "/list/99999999999999999999"s,
          "/object/a/b"s, "/object/"s, "//id"s,     "id"s,
          "/id~"s,        "/id~2"s,    "/\0"s,      "/id\0"s}) {
        EXPECT_EQ(std::nullopt, value(text, pointer)) << pointer;
    }
}

TEST(Payload, TextThatIsNoJsonIsRefused) {
    for (const std::string& text : {""s,
                                    " "s,
                                    "\n"s,
                                    "{"s,
                                    "}"s,
                                    "["s,
                                    "nul"s,
                                    "{'id': 1}"s,
                                    "{\"id\": 1,}"s,
                                    "[1,]"s,
                                    "{\"id\" 1}"s,
                                    "{id: 1}"s,
                                    "\"open"s,
                                    "01"s,
                                    "+1"s,
                                    ".5"s,
                                    "1."s,
                                    "NaN"s,
                                    "0x1"s,
                                    "// comment\n1"s,
                                    "{\"a\": 1 \"b\": 2}"s,
                                    "\"\\x\""s,
                                    "\"\\u12\""s,
                                    "payload=%7B%7D"s,
                                    "<xml/>"s,
                                    "\"a\nb\""s,
                                    "\"\t\""s,
                                    "\0"s,
                                    "tru"s,
                                    "True"s}) {
        EXPECT_FALSE(is_valid(text)) << text;
    }
}

TEST(Payload, NothingMayStandBehindTheText) {
    for (const std::string& behind : {"x"s, "{}"s, " 1"s, ","s, "]"s, "\0"s, "\0{}"s, "\x1a"s}) {
        EXPECT_FALSE(is_valid("{\"id\": 1}" + behind)) << behind;
    }
    EXPECT_TRUE(is_valid(" \t\r\n{\"id\": 1} \t\r\n"));
}

TEST(Payload, PaddingIsNoPartOfTheText) {
    for (char padding : {' ', '}', '"', '1', ',', '\0', '\xff'}) {
        JsonDocument reader;
        const Padded whole(R"({"id": "x"})", padding);
        EXPECT_TRUE(reader.parse(whole.text())) << int{padding};
        EXPECT_EQ("x", reader.first_value_at("/id"));
        const Padded number("12", padding);
        EXPECT_TRUE(reader.parse(number.text())) << int{padding};
        EXPECT_EQ("12", reader.first_value_at(""));
        const Padded open(R"({"id": "x")", padding);
        EXPECT_FALSE(reader.parse(open.text())) << int{padding};
    }
}

TEST(Payload, TextIsUtf8) {
    for (const std::string& bytes : {"\xff"s, "\x80"s, "\xc3"s, "\xc0\xaf"s, "\xed\xa0\x80"s,
                                     "\xf4\x90\x80\x80"s, "\xe2\x82"s, "\xf8\x88\x80\x80\x80"s}) {
        EXPECT_FALSE(is_valid("{\"id\": \"" + bytes + "\"}"));
        EXPECT_FALSE(is_valid("{\"" + bytes + "\": 1}"));
    }
}

TEST(Payload, ControlCharactersAreNoValue) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    for (std::size_t i = 0; i < 0x100; ++i) {
        const std::string escape = std::string("\\u00") + kDigits[i / 16] + kDigits[i % 16];
        const bool control = i < 0x20 || i == 0x7f;
        EXPECT_EQ(!control, value("[\"a" + escape + "b\"]", "/0").has_value()) << i;
    }
    EXPECT_EQ(std::nullopt, value(R"(["evt\r\nX-Admin: 1"])", "/0"));
    EXPECT_EQ(std::nullopt, value("[\"a\x7f\"]", "/0"));
}

TEST(Payload, ControlCharactersElsewhereDoNotMatter) {
    EXPECT_EQ("x", value(R"({"other": "a\r\nb\u0000", "id": "x"})", "/id"));
}

TEST(Payload, LongValuesAreNone) {
    ASSERT_EQ(512U, kLongestPayloadValue);
    const std::string longest(512, 'v');
    EXPECT_EQ(longest, value("[\"" + longest + "\"]", "/0"));
    EXPECT_EQ(std::nullopt, value("[\"" + longest + "v\"]", "/0"));
    EXPECT_EQ(std::nullopt, value("[\"" + std::string(1'000'000, 'v') + "\"]", "/0"));
}

TEST(Payload, LengthOfAValueIsCountedInBytes) {
    std::string escaped;
    std::string characters;
    for (int i = 0; i < 256; ++i) {
        escaped += "\\u00e4";
        characters += "\xc3\xa4";
    }
    EXPECT_EQ(characters, value("[\"" + escaped + "\"]", "/0"));
    EXPECT_EQ(std::nullopt, value("[\"" + escaped + "x\"]", "/0"));
}

TEST(Payload, DeepTextIsRead) {
    for (std::size_t depth : {500UL, 1024UL, 10'000UL}) {
        EXPECT_EQ("x", value("{\"deep\": " + nested(depth, "1") + ", \"id\": \"x\"}", "/id"));
    }
    std::string pointer;
    for (int i = 0; i < 500; ++i) pointer += "/0";
    EXPECT_EQ("1", value(nested(500, "1"), pointer));
    EXPECT_EQ(std::nullopt, value(nested(500, "1"), pointer + "/0"));
    EXPECT_TRUE(is_valid(nested(65'536, "")));
}

TEST(Payload, TooDeepTextIsRefusedAndDoesNoHarm) {
    JsonDocument reader;
    for (std::size_t depth : {65'537UL, 100'000UL, 1'000'000UL}) {
        EXPECT_FALSE(reader.parse(Padded(nested(depth, "1")).text())) << depth;
        EXPECT_EQ(std::nullopt, reader.first_value_at("/0"));
        EXPECT_FALSE(reader.parse(Padded(std::string(depth, '[')).text())) << depth;
        std::string objects;
        for (std::size_t i = 0; i < depth; ++i) objects += "{\"a\":";
        EXPECT_FALSE(reader.parse(Padded(objects).text())) << depth;
        const Padded next(R"({"id": "x"})");
        ASSERT_TRUE(reader.parse(next.text()));
        EXPECT_EQ("x", reader.first_value_at("/id"));
    }
}

TEST(Payload, ReaderStaysAsDeepAfterALargeText) {
    JsonDocument reader;
    EXPECT_TRUE(reader.parse(Padded("\"" + std::string(1'000'000, 'x') + "\"").text()));
    EXPECT_TRUE(reader.parse(Padded(nested(60'000, "1")).text()));
}

TEST(Payload, NothingIsFoundBeforeTheFirstParse) {
    const JsonDocument reader;
    EXPECT_EQ(std::nullopt, reader.first_value_at(""));
    EXPECT_EQ(std::nullopt, reader.first_value_at("/id"));
}

TEST(Payload, FailedParseForgetsTheTextBefore) {
    JsonDocument reader;
    const Padded valid(R"({"id": "x"})");
    ASSERT_TRUE(reader.parse(valid.text()));
    EXPECT_EQ("x", reader.first_value_at("/id"));
    for (const std::string& text : {""s, "{"s, "{\"id\": \"y\""s, "{\"id\": \"\xff\"}"s, "{}{}"s}) {
        const Padded broken(text);
        EXPECT_FALSE(reader.parse(broken.text()));
        EXPECT_EQ(std::nullopt, reader.first_value_at("/id"));
        EXPECT_EQ(std::nullopt, reader.first_value_at(""));
        ASSERT_TRUE(reader.parse(valid.text()));
        EXPECT_EQ("x", reader.first_value_at("/id"));
    }
}

TEST(Payload, ReaderServesTextsOfAnySize) {
    JsonDocument reader;
    for (std::size_t size : {1UL, 100'000UL, 10UL, 1'000'000UL, 0UL}) {
        const Padded text("{\"fill\": \"" + std::string(size, 'f') +
                          "\", \"id\": " + std::to_string(size) + "}");
        ASSERT_TRUE(reader.parse(text.text()));
        EXPECT_EQ(std::to_string(size), reader.first_value_at("/id"));
    }
}

TEST(Payload, ReaderCanBeMoved) {
    JsonDocument reader;
    const Padded text(R"({"id": "x"})");
    ASSERT_TRUE(reader.parse(text.text()));
    JsonDocument moved = std::move(reader);
    EXPECT_EQ("x", moved.first_value_at("/id"));
    JsonDocument assigned;
    assigned = std::move(moved);
    EXPECT_EQ("x", assigned.first_value_at("/id"));
}

// What a reader says of a text, by each of its questions.
class Read {
  public:
    explicit Read(std::string_view text) {
        const Padded padded(text);
        EXPECT_TRUE(reader_.parse(padded.text())) << text;
    }
    const JsonDocument* operator->() const { return &reader_; }

  private:
    JsonDocument reader_;
};

std::optional<std::string> only_value(std::string_view text, std::string_view pointer) {
    return Read(text)->value_at(pointer);
}

TEST(OnlyValue, HasAnyLengthAndContent) {
    const std::string long_text(100'000, 'x');
    EXPECT_EQ(long_text, only_value("{\"a\": \"" + long_text + "\"}", "/a"));
    EXPECT_EQ("\0\n\x7f\xc3\xa9"s, only_value(R"({"a": "\u0000\n\u007f\u00e9"})", "/a"));
    EXPECT_EQ("", only_value(R"({"a": ""})", "/a"));
    EXPECT_EQ("-7", only_value(R"({"a": -7})", "/a"));
    EXPECT_EQ("true", only_value(R"({"a": true})", "/a"));
    EXPECT_EQ("x", only_value(R"("x")", ""));
    for (const char* other : {"null", "1.5", "[]", "{}", "[\"x\"]"}) {
        EXPECT_EQ(std::nullopt, only_value("{\"a\": "s + other + "}", "/a")) << other;
    }
}

TEST(OnlyValue, IsFoundWhereAnyValueIs) {
    const std::string text =
        R"({"event": [{"id": "a"}, {"id": "b"}], "a/b": 1, "m~n": 2, "~1": 3, "": {"": "e"}, "0": 4})";
    const Read read(text);
    for (const std::string& pointer :
         {"/event/0/id"s, "/event/1/id"s, "/a~1b"s, "/m~0n"s, "/~01"s, "//"s, "/0"s}) {
        ASSERT_TRUE(read->first_value_at(pointer)) << pointer;
        EXPECT_EQ(read->first_value_at(pointer), read->value_at(pointer)) << pointer;
        EXPECT_TRUE(read->has(pointer)) << pointer;
        EXPECT_FALSE(read->lacks(pointer)) << pointer;
    }
    for (const std::string& pointer :
         {"/x"s, "/event/2/id"s, "/event/00/id"s, "/event/-/id"s, "/event/+1/id"s, "/event/-1/id"s,
          "/event/1/id/x"s, "/event/1x/id"s, "/event//id"s, "/event/99999999999999999999/id"s,
          "/a/b"s, "/~"s, "/~2"s, "/m~n"s, "event"s, "/0\0"s}) {
        EXPECT_EQ(std::nullopt, read->first_value_at(pointer)) << pointer;
        EXPECT_EQ(std::nullopt, read->value_at(pointer)) << pointer;
        EXPECT_FALSE(read->has(pointer)) << pointer;
        EXPECT_TRUE(read->lacks(pointer)) << pointer;
    }
}

TEST(OnlyValue, RepeatedMembersAreRefused) {
    for (const char* text : {R"({"a": {"b": 1}, "a": {"b": 1}})", R"({"a": {"b": 1}, "a": 1})",
                             R"({"a": 1, "a": {"b": 1}})", R"({"a": {"b": 1, "b": 1}})",
                             R"({"a": {"b": 1, "\u0062": 1}})", R"({"\u0061": 1, "a": {"b": 1}})",
                             R"({"a": {"b": 1}, "A": {}})", R"({"A": {"b": 1}})",
                             R"({"a": {"B": 1}})", R"({"a": {"b": 1, "B": 2}})",
                             R"({"a": {"B": 2, "b": 1}})", R"({"a": {"b": null, "b": null}})"}) {
        const Read read(text);
        EXPECT_EQ(std::nullopt, read->value_at("/a/b")) << text;
        EXPECT_FALSE(read->lacks("/a/b")) << text;
    }
}

TEST(OnlyValue, RepeatedMembersElsewhereDoNotMatter) {
    const std::string text =
        R"({"x": 1, "x": 2, "ab": 1, "a": {"b": "v", "c": 1, "c": 1, "bb": 1}, "": 1})";
    EXPECT_EQ("v", only_value(text, "/a/b"));
    EXPECT_EQ("v", value(R"({"a": "v", "a": "w"})", "/a"));
}

TEST(OnlyValue, LettersBeyondAsciiThatAreReadAsAsciiAreRefused) {
    const std::string text =
        "{\"ki\xc5\xbf\": 1, \"\xe2\x84\xaa"
        "2\": 2, \"s3\": 3, \"\xc5\xbf\": 4}";
    EXPECT_EQ("3", only_value(text, "/s3"));
    EXPECT_EQ("4", only_value(text, "/\xc5\xbf"));
    for (const char* pointer : {"/kis", "/k2", "/K2", "/s"}) {
        EXPECT_EQ(std::nullopt, only_value(text, pointer)) << pointer;
        EXPECT_FALSE(Read(text)->lacks(pointer)) << pointer;
    }
    EXPECT_TRUE(Read(text)->lacks("/i"));
}

TEST(OnlyValue, WhatWasMendedIsRefused) {
    EXPECT_EQ(std::nullopt, only_value(R"({"a": "x\ud800"})", "/a"));
    EXPECT_EQ(std::nullopt, only_value(R"({"a": "\ufffd", "b": "\udc00"})", "/a"));
    EXPECT_EQ("y", only_value(R"({"a": "x\ud800", "b": "y"})", "/b"));
    EXPECT_EQ("\xef\xbf\xbd", only_value(R"({"a": "\ufffd"})", "/a"));
    EXPECT_EQ(std::nullopt, only_value(R"({"a": 1e400})", "/a"));
}

TEST(OnlyValue, PointersAreStrict) {
    const std::string text = R"({"/": "slash", "~": "tilde", "x": "x"})";
    EXPECT_EQ("slash", only_value(text, "/~1"));
    EXPECT_EQ("tilde", only_value(text, "/~0"));
    for (const char* pointer : {"/~", "/~2", "/~x", "x", "ax", "~1", "/x~"}) {
        EXPECT_EQ(std::nullopt, only_value(text, pointer)) << pointer;
    }
}

// simdjson itself takes such an index for one below 2^64.
TEST(OnlyValue, IndexDoesNotWrapAround) {
    EXPECT_EQ(std::nullopt, only_value(R"(["x"])", "/18446744073709551616"));
    EXPECT_TRUE(Read(R"(["x"])")->lacks("/18446744073709551616"));
}

TEST(OnlyValue, IsLackingOnlyWhereNobodyFindsIt) {
    EXPECT_TRUE(Read("{}")->lacks("/a"));
    EXPECT_TRUE(Read("[]")->lacks("/a"));
    EXPECT_TRUE(Read("[]")->lacks("/0"));
    EXPECT_TRUE(Read(R"({"a": null})")->lacks("/a"));
    EXPECT_TRUE(Read(R"({"a": null})")->lacks("/a/b"));
    EXPECT_TRUE(Read(R"({"a": 1})")->lacks("/a/b"));
    EXPECT_FALSE(Read(R"({"a": ""})")->lacks("/a"));
    EXPECT_FALSE(Read(R"({"a": []})")->lacks("/a"));
    EXPECT_FALSE(Read(R"({"a": 1e400})")->lacks("/a"));
    EXPECT_FALSE(Read(R"({"a": null, "b": 1e400})")->lacks("/a"));
    EXPECT_FALSE(Read(R"({"A": null})")->lacks("/a"));
}

TEST(OnlyValue, WayIsForgottenWithTheText) {
    JsonDocument reader;
    EXPECT_EQ(std::nullopt, reader.value_at("/a/b"));
    EXPECT_FALSE(reader.lacks("/a/b"));
    EXPECT_FALSE(reader.has(""));
    for (const char* text : {R"({"a": {"b": "1", "c": "x"}})", R"({"a": {"b": "2", "c": "y"}})"}) {
        const Padded padded(text);
        ASSERT_TRUE(reader.parse(padded.text()));
        EXPECT_EQ(value(text, "/a/b"), reader.value_at("/a/b"));
        EXPECT_EQ(value(text, "/a/c"), reader.value_at("/a/c"));
    }
    const Padded invalid("{");
    ASSERT_FALSE(reader.parse(invalid.text()));
    EXPECT_EQ(std::nullopt, reader.value_at("/a/b"));
    EXPECT_FALSE(reader.has("/a/b"));
}

TEST(OnlyValue, DoesNotDependOnWhatWasAskedBefore) {
    const std::string text = R"({"a": {"b": [{"c": "1"}, {"c": "2"}], "d": "3"}, "b": {"c": "4"}})";
    const std::vector<std::string> pointers{"/a/b/0/c", "/a/b/1/c", "/a/d",     "/b/c",
                                            "/a/b/1",   "/a",       "",         "/a/b/0/x",
                                            "/b/b",     "a",        "/a/b/0/c/"};
    const Read used(text);
    for (const std::string& first : pointers) {
        for (const std::string& second : pointers) {
            EXPECT_EQ(Read(text)->value_at(first), used->value_at(first)) << first;
            EXPECT_EQ(Read(text)->value_at(second), used->value_at(second))
                << first << ' ' << second;
        }
    }
}

TEST(ArraySize, IsThatOfAnArray) {
    EXPECT_EQ(0U, Read(R"({"a": []})")->array_size_at("/a"));
    EXPECT_EQ(3U, Read(R"({"a": [1, [2, 3], {"b": [4]}]})")->array_size_at("/a"));
    EXPECT_EQ(2U, Read(R"([[], [1, 2]])")->array_size_at("/1"));
    EXPECT_EQ(1U, Read("[[]]")->array_size_at(""));
    for (const char* text : {R"({"a": {}})", R"({"a": null})", R"({"a": "x"})", "{}",
                             R"({"A": []})", R"({"a": [], "a": []})", R"({"a": [], "A": 1})"}) {
        EXPECT_EQ(std::nullopt, Read(text)->array_size_at("/a")) << text;
    }
}

TEST(Has, FindsAnythingAtAll) {
    for (const char* value : {"null", "1", "1.5", "\"\"", "[]", "{}", "1e400"}) {
        EXPECT_TRUE(Read("{\"a\": "s + value + "}")->has("/a")) << value;
    }
    EXPECT_TRUE(Read("1")->has(""));
    EXPECT_TRUE(Read(R"({"a": 1, "a": 2})")->has("/a"));
    EXPECT_FALSE(Read(R"({"a": 1})")->has("/b"));
    EXPECT_FALSE(Read(R"({"a": 1})")->has("/A"));
    EXPECT_FALSE(Read(R"({"a": 1})")->has("/a/b"));
    EXPECT_FALSE(Read("[1]")->has("/1"));
}

std::string text_of(std::size_t size) {
    std::string text = R"({"id": "evt_1", "more": [)";
    while (text.size() + 20 < size) text += R"("a word", 1, true, )";
    return text + "1]}";
}

TEST(JsonMemory, IsKeptForTextsOfABoundedSize) {
    JsonDocument reader;
    for (const std::size_t size : {std::size_t{100}, kKeptJsonCapacity, std::size_t{100}}) {
        ASSERT_TRUE(reader.parse_copy(text_of(size)));
        const std::size_t capacity = reader.capacity();
        EXPECT_GE(capacity, 100U);
        reader.forget();
        EXPECT_EQ(capacity, reader.capacity());
        EXPECT_EQ(std::nullopt, reader.first_value_at("/id"));
    }
    for (const std::size_t size : {kKeptJsonCapacity * 2, std::size_t{5'000'000}}) {
        ASSERT_TRUE(reader.parse_copy(text_of(size)));
        EXPECT_EQ("evt_1", reader.first_value_at("/id"));
        EXPECT_GE(reader.capacity(), size - 20);
        reader.forget();
        EXPECT_LE(reader.capacity(), kKeptJsonCapacity);
    }
    ASSERT_TRUE(reader.parse_copy(text_of(100)));
    EXPECT_EQ("evt_1", reader.first_value_at("/id"));
}

#if !defined(__SANITIZE_ADDRESS__)  // which keeps what was freed
std::size_t resident_bytes() {
    std::size_t size = 0;
    std::size_t resident = 0;
    std::ifstream("/proc/self/statm") >> size >> resident;
    return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

TEST(JsonMemory, IsGivenBackToTheSystem) {
    constexpr std::size_t kSize = 2'000'000;
    JsonDocument reader;
    const std::string text = text_of(kSize);
    // A first round, since what other tests have freed may still be here, in pieces.
    ASSERT_TRUE(reader.parse_copy(text));
    reader.forget();
    ASSERT_TRUE(reader.parse_copy(text_of(100)));
    const std::size_t before = resident_bytes();
    for (int i = 0; i < 3; ++i) {
        ASSERT_TRUE(reader.parse_copy(text));
        EXPECT_GE(resident_bytes(), before + kSize);
        reader.forget();
        EXPECT_LE(resident_bytes(), before + 1'000'000);
    }
}
#endif

TEST(JsonMemory, ShortageSaysNothingOfTheText) {
    for (const std::string& text : {text_of(100), text_of(1'000'000), "[\xff]"s + text_of(1000)}) {
        bool felt = true;
        for (int left = 0; felt; ++left) {
            JsonDocument reader;
            std::optional<bool> valid;
            {
                const Shortage shortage(left);
                try {
                    valid = reader.parse_copy(text);
                } catch (const std::bad_alloc&) {
                }
                felt = Shortage::was_felt();
            }
            EXPECT_EQ(felt, !valid) << left;
            EXPECT_TRUE(!felt || !reader.first_value_at("/id")) << left;
            // It goes on when there is memory again.
            EXPECT_EQ(text.front() == '{', reader.parse_copy(text)) << left;
            ASSERT_LT(left, 100);
        }
    }
}

// Asserts that each number below a root is what the text has at that place.
void collect_numbers(const JsonDocument& document, const JsonValue& value,
                     std::vector<std::string>& numbers) {
    for (const JsonValue& element : value.elements()) collect_numbers(document, element, numbers);
    for (const auto& [name, member] : value.members()) collect_numbers(document, member, numbers);
    const std::string_view text = document.number_text(value);
    const bool is_null = value.kind() == JsonKind::null;
    EXPECT_EQ(document.is_replaced_number(value), is_null && !text.empty());
    EXPECT_EQ(is_null || value.decimal().has_value(), is_null || !text.empty());
    if (!text.empty()) numbers.emplace_back(text);
}

std::vector<std::string> numbers_of(std::string_view text) {
    JsonDocument document;
    EXPECT_TRUE(document.parse_copy(text)) << text;
    std::vector<std::string> numbers;
    if (document.root()) collect_numbers(document, *document.root(), numbers);
    return numbers;
}

using Numbers = std::vector<std::string>;

TEST(NumberText, IsThatOfTheText) {
    EXPECT_EQ(numbers_of("[1,-2.50 ,\n3e+05,0.1, -0]"),
              (Numbers{"1", "-2.50", "3e+05", "0.1", "-0"}));
    EXPECT_EQ(numbers_of("17"), Numbers{"17"});
    EXPECT_EQ(numbers_of(" 1.0 "), Numbers{"1.0"});
    EXPECT_EQ(numbers_of(R"({"a":18446744073709551615,"b":[{}, [],{"c":{"d":1.10}}],"e":9})"),
              (Numbers{"18446744073709551615", "1.10", "9"}));
}

TEST(NumberText, IsNotMisledByWhatStandsBetween) {
    EXPECT_EQ(numbers_of(R"(["1","\"2","\\",3,"[4,","\\\"5",null,true,false,"",{"6":"7\\"},8])"),
              (Numbers{"3", "8"}));
    EXPECT_EQ(numbers_of("{}"), Numbers{});
    EXPECT_EQ(numbers_of("[null]"), Numbers{});
    EXPECT_EQ(numbers_of("\"1\""), Numbers{});
}

TEST(NumberText, IsThereForANumberThatIsTooLarge) {
    EXPECT_EQ(numbers_of("[1e400,null,2,-123456789012345678901234567890,3.5]"),
              (Numbers{"1e400", "2", "-123456789012345678901234567890", "3.5"}));
    EXPECT_EQ(numbers_of("1e400"), Numbers{"1e400"});
    EXPECT_EQ(numbers_of("\xef\xbb\xbf[1e400,1]"), (Numbers{"1e400", "1"}));
    EXPECT_EQ(numbers_of(R"(["\ud83d",null,1e400,"\ud83d",1])"), (Numbers{"1e400", "1"}));
}

TEST(NumberText, BelongsToTheTextParsedLast) {
    JsonDocument document;
    ASSERT_TRUE(document.parse_copy("[1.5]"));
    EXPECT_EQ(document.number_text(*document.root()->elements().begin()), "1.5");
    ASSERT_TRUE(document.parse_copy("[\"\", 2.25, 1e999]"));
    auto element = document.root()->elements().begin();
    EXPECT_EQ(document.number_text(*++element), "2.25");
    EXPECT_TRUE(document.is_replaced_number(*++element));
    ASSERT_TRUE(document.parse_copy("[null]"));
    EXPECT_FALSE(document.is_replaced_number(*document.root()->elements().begin()));
}

bool repeats(std::string_view text) {
    JsonDocument document;
    EXPECT_TRUE(document.parse_copy(text)) << text;
    return document.repeats_a_name();
}

TEST(RepeatedName, IsFoundInAnyObject) {
    EXPECT_TRUE(repeats(R"({"id":1,"id":1})"));
    EXPECT_TRUE(repeats(R"({"id":1,"other":2,"\u0069d":1})"));
    EXPECT_TRUE(repeats(R"({"":1,"":2})"));
    EXPECT_TRUE(repeats(R"([1,2.5,[],{},{"a":[{"b":{"c":1,"d":2,"c":3}}]}])"));
    EXPECT_TRUE(repeats(R"({"a":1e400,"b":{"c":-1e400,"c":2}})"));
    EXPECT_TRUE(repeats(R"({"a":{"x":1,"x":2},"b":0})"));
    EXPECT_TRUE(repeats(nested(5000, R"({"a":1,"a":2})")));
    EXPECT_TRUE(repeats(R"({"\ud83d":1,"\ud83e":2})"));
}

TEST(RepeatedName, IsNotTakenForAnother) {
    EXPECT_FALSE(repeats(R"({"id":1,"Id":1,"id ":1,"i":1,"":1,"\u0000":1,"\u0000\u0000":1})"));
    EXPECT_FALSE(repeats(R"([{"id":1},{"id":1},{"id":{"id":"id"}}])"));
    EXPECT_FALSE(repeats(R"({"name_1_of_two":1,"name_2_of_two":1,"name_1_or_two":1})"));
    EXPECT_FALSE(repeats("[1,1]"));
    // As the parser holds it, this number looks like the start of an object.
    EXPECT_FALSE(repeats("[8863084066665136129,8863084066665136129,\"\",\"\"]"));
    EXPECT_FALSE(repeats("\"id\""));
    EXPECT_FALSE(JsonDocument().repeats_a_name());
}

// Names made from the same eight bytes at both ends are told apart by their middle only.
std::string object_of(std::size_t size, const std::string& last) {
    std::string text = "{";
    for (std::size_t i = 0; i < size; ++i) {
        text += "\"same_start" + std::to_string(1'000'000 + i) +
                "same_end__\":" + std::to_string(i) + ",";
    }
    return text + "\"" + last + "\":0}";
}

TEST(RepeatedName, IsFoundInObjectsOfAnySize) {
    for (const std::size_t size : {1, 2, 15, 16, 17, 18, 100, 5'000}) {
        EXPECT_FALSE(repeats(object_of(size, "other"))) << size;
        for (const std::size_t repeated : {std::size_t{0}, size / 2, size - 1}) {
            const std::string name =
                "same_start" + std::to_string(1'000'000 + repeated) + "same_end__";
            EXPECT_TRUE(repeats(object_of(size, name))) << size << " " << repeated;
        }
    }
}

// Comparing each to each would take minutes.
TEST(RepeatedName, ChosenNamesCostLittleTime) {
    EXPECT_FALSE(repeats(object_of(200'000, "other")));
}

}  // namespace
}  // namespace webhook
