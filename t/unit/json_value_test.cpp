#include "base/json_value.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "base/json_document.h"

namespace webhook {
namespace {

using namespace std::string_literals;

class Parsed {
  public:
    explicit Parsed(const std::string& text) { EXPECT_TRUE(document_.parse_copy(text)) << text; }
    JsonValue root() const { return document_.root().value(); }

  private:
    JsonDocument document_;
};

JsonKind kind_of(const std::string& text) {
    return Parsed(text).root().kind();
}

std::vector<std::string> kinds_that_answer(const JsonValue& value) {
    std::vector<std::string> kinds;
    if (value.boolean()) kinds.emplace_back("boolean");
    if (value.string()) kinds.emplace_back("string");
    if (value.integer()) kinds.emplace_back("integer");
    if (value.unsigned_integer()) kinds.emplace_back("unsigned");
    if (value.number()) kinds.emplace_back("number");
    if (value.decimal()) kinds.emplace_back("decimal");
    if (value.array_size()) kinds.emplace_back("array");
    if (value.elements().begin() != value.elements().end()) kinds.emplace_back("elements");
    if (value.members().begin() != value.members().end()) kinds.emplace_back("members");
    return kinds;
}

TEST(JsonValue, IsOfOneKind) {
    EXPECT_EQ(JsonKind::null, kind_of("null"));
    EXPECT_EQ(JsonKind::boolean, kind_of("true"));
    EXPECT_EQ(JsonKind::boolean, kind_of("false"));
    EXPECT_EQ(JsonKind::integer, kind_of("9223372036854775807"));
    EXPECT_EQ(JsonKind::integer, kind_of("-9223372036854775808"));
    EXPECT_EQ(JsonKind::large_integer, kind_of("9223372036854775808"));
    EXPECT_EQ(JsonKind::fraction, kind_of("1.0"));
    EXPECT_EQ(JsonKind::fraction, kind_of("1e3"));
    EXPECT_EQ(JsonKind::string, kind_of("\"\""));
    EXPECT_EQ(JsonKind::array, kind_of("[]"));
    EXPECT_EQ(JsonKind::object, kind_of("{}"));
}

TEST(JsonValue, AnswersAsItsKindOnly) {
    using Kinds = std::vector<std::string>;
    for (const auto& [text, kinds] : std::vector<std::pair<std::string, Kinds>>{
             {"null", {}},
             {"true", {"boolean"}},
             {"\"1\"", {"string"}},
             {"0", {"integer", "unsigned", "number", "decimal"}},
             {"-1", {"integer", "number", "decimal"}},
             {"18446744073709551615", {"unsigned", "number", "decimal"}},
             {"1.0", {"number", "decimal"}},
             {"[]", {"array"}},
             {"[null]", {"array", "elements"}},
             {"{}", {}},
             {"{\"a\": null}", {"members"}}}) {
        EXPECT_EQ(kinds, kinds_that_answer(Parsed(text).root())) << text;
    }
}

TEST(JsonValue, CountsItsParts) {
    for (const auto& [text, count] : std::vector<std::pair<std::string, std::size_t>>{
             {"[]", 0},
             {"{}", 0},
             {"[1, [2, 3]]", 2},
             {"{\"a\": {\"b\": 1, \"c\": 2}, \"a\": 3}", 2},
             {"\"text\"", 0},
             {"18446744073709551615", 0},
             {"null", 0}}) {
        EXPECT_EQ(count, Parsed(text).root().part_count()) << text;
    }
}

// The parser counts no further than 2^24 - 1. A text that long would need half a gigabyte.
TEST(JsonValue, CountsWhatTheParserDidNot) {
    constexpr std::uint64_t kNull = std::uint64_t{'n'} << 56;
    const std::array<std::uint64_t, 5> words{
        0, std::uint64_t{'['} << 56 | std::uint64_t{0xffffff} << 32 | 5, kNull, kNull,
        std::uint64_t{']'} << 56 | 1};
    const JsonTape tape{words.data(), nullptr};
    EXPECT_EQ(2U, JsonValue({&tape, 1}).part_count());
}

TEST(JsonValue, HoldsStringsOfAnyCharacters) {
    EXPECT_EQ("a\0\n\xc3\xa9\xf0\x9f\x98\x80"s,
              Parsed(R"("a\u0000\n\u00e9\ud83d\ude00")").root().string());
    EXPECT_EQ("", Parsed("\"\"").root().string());
    EXPECT_EQ(true, Parsed("true").root().boolean());
    EXPECT_EQ(false, Parsed("false").root().boolean());
}

TEST(JsonValue, HoldsNumbersExactly) {
    EXPECT_EQ(std::numeric_limits<std::int64_t>::min(),
              Parsed("-9223372036854775808").root().integer());
    EXPECT_EQ(std::numeric_limits<std::uint64_t>::max(),
              Parsed("18446744073709551615").root().unsigned_integer());
    EXPECT_EQ(-2.0, Parsed("-2").root().number());
    EXPECT_EQ(0.1, Parsed("0.1").root().number());
    EXPECT_EQ(18446744073709551615.0, Parsed("18446744073709551615").root().number());
}

TEST(JsonValue, TellsNumbersInDecimal) {
    for (const std::string number :
         {"0", "-1", "9007199254740993", "-9223372036854775808", "18446744073709551615", "0.1",
          "-0.25", "1.7976931348623157e+308", "5e-324", "3.141592653589793"}) {
        EXPECT_EQ(number, Parsed(number).root().decimal());
    }
    EXPECT_EQ("1000", Parsed("1e3").root().decimal());
    EXPECT_EQ("1.5", Parsed("1.50").root().decimal());
    EXPECT_EQ("-0", Parsed("-0.0").root().decimal());
}

TEST(JsonValue, ElementsStandInOrder) {
    const Parsed parsed(R"([[1, [2]], "x", {"a": [3]}, 4])");
    std::vector<JsonKind> kinds;
    for (const JsonValue& element : parsed.root().elements()) kinds.push_back(element.kind());
    EXPECT_EQ((std::vector{JsonKind::array, JsonKind::string, JsonKind::object, JsonKind::integer}),
              kinds);
    EXPECT_EQ(4U, parsed.root().array_size());
    const JsonValue inner = *parsed.root().elements().begin();
    EXPECT_EQ(2U, inner.array_size());
    EXPECT_EQ(1, (*inner.elements().begin()).integer());
}

TEST(JsonValue, MembersStandInOrderAndRepeated) {
    const Parsed parsed(R"({"b": 1, "a": {"x": 2}, "\u0062": 3, "": 4, "B": 5, "a\u0000": 6})");
    std::vector<std::string> names;
    for (const auto& [name, value] : parsed.root().members()) {
        names.push_back(std::string(name) + '=' + value.decimal().value_or("?"));
    }
    EXPECT_EQ((std::vector{"b=1"s, "a=?"s, "b=3"s, "=4"s, "B=5"s, "a\0=6"s}), names);
}

TEST(JsonValue, MaySkipWhatItsPartsHold) {
    std::string deep = std::string(1000, '[') + std::string(1000, ']');
    const Parsed parsed("{\"deep\": " + deep + ", \"object\": {\"a\": 1}, \"last\": true}");
    std::size_t count = 0;
    for (const JsonMember& member : parsed.root().members()) {
        ++count;
        EXPECT_EQ(count == 3, member.value.boolean().has_value());
    }
    EXPECT_EQ(3U, count);
}

}  // namespace
}  // namespace webhook
