#include "base/json_names.h"

#include <gtest/gtest.h>

#include <string>

#include "base/json_document.h"

namespace webhook {
namespace {

JsonDocument parsed(const std::string& text) {
    JsonDocument document;
    EXPECT_TRUE(document.parse_copy(text)) << text;
    return document;
}

bool repeats(const std::string& text) {
    return parsed(text).root_repeats_a_name();
}

bool repeats_above(const std::string& text, std::string_view pointer) {
    return parsed(text).repeats_a_name_above(pointer);
}

TEST(JsonNames, ARepeatedNameIsFound) {
    EXPECT_TRUE(repeats(R"({"a":1,"a":1})"));
    EXPECT_TRUE(repeats(R"({"b":1,"a":1,"c":[],"a":{}})"));
    EXPECT_TRUE(repeats(R"({"a":1,"\u0061":2})")) << "names are compared without their escapes";
    EXPECT_TRUE(repeats(R"({"":1,"":2})"));
    EXPECT_TRUE(repeats(R"({"a\u0000":1,"a\u0000":2})"));
}

TEST(JsonNames, OtherNamesAreNoRepetition) {
    for (const std::string text :
         {R"({})", R"({"a":1})", R"({"a":1,"A":2})", R"({"a":1,"b":{"a":2}})", R"({"a":"a"})",
          R"({"a":1,"a\u0000":2})", R"({"a":{"b":1,"b":2}})", R"([{"a":1,"a":2}])", R"(["a","a"])",
          R"("a")", R"(1)", R"(null)"}) {
        EXPECT_FALSE(repeats(text)) << text;
    }
}

// On both sides of the number from which on the names are sorted.
TEST(JsonNames, AnyNumberOfNames) {
    for (const int count : {2, 3, 15, 16, 17, 18, 48, 1000, 20'000}) {
        std::string names;
        for (int i = 0; i < count; ++i) names += ",\"name" + std::to_string(i) + "\":1";
        EXPECT_FALSE(repeats("{" + names.substr(1) + "}")) << count;
        for (const int repeated : {0, count / 2, count - 1}) {
            EXPECT_TRUE(
                repeats("{" + names.substr(1) + ",\"name" + std::to_string(repeated) + "\":1}"))
                << count << " " << repeated;
            EXPECT_TRUE(repeats("{\"name" + std::to_string(repeated) + "\":1" + names + "}"))
                << count << " " << repeated;
        }
    }
}

TEST(JsonNames, EachObjectOnTheWayIsLookedAt) {
    EXPECT_FALSE(repeats_above(R"({"a":{"b":1},"c":2})", "/a/b"));
    EXPECT_TRUE(repeats_above(R"({"a":{"b":1},"a":2})", "/a/b"));
    EXPECT_TRUE(repeats_above(R"({"a":{"b":1},"x":1,"x":2})", "/a/b"));
    EXPECT_TRUE(repeats_above(R"({"a":{"b":1,"b":2}})", "/a/b"));
    EXPECT_TRUE(repeats_above(R"({"a":{"x":1,"x":2}})", "/a/b")) << "even where nothing is found";
    EXPECT_TRUE(repeats_above(R"([{"a":1},{"a":1,"a":2}])", "/1/a"));
    EXPECT_TRUE(repeats_above(R"({"a~/":{"b":1,"b":2}})", "/a~0~1/b"));
}

TEST(JsonNames, NoOtherObjectIsLookedAt) {
    EXPECT_FALSE(repeats_above(R"({"a":1,"a":2})", "")) << "the value itself";
    EXPECT_FALSE(repeats_above(R"({"a":{"x":1,"x":2}})", "/a"));
    EXPECT_FALSE(repeats_above(R"({"b":{"x":1,"x":2},"a":{"b":1}})", "/a/b"));
    EXPECT_FALSE(repeats_above(R"([{"a":1,"a":2},{"a":1}])", "/1/a"));
    EXPECT_FALSE(repeats_above(R"({"a":1})", "/b/c"));
    EXPECT_FALSE(repeats_above(R"(7)", "/a"));
}

// Each pointer of a scheme asks for the objects on its way, and a schema for all of them.
TEST(JsonNames, AnswersAreRememberedForOneTextOnly) {
    std::string names;
    for (int i = 0; i < 20; ++i) names += ",\"name" + std::to_string(i) + "\":{\"b\":1}";
    const std::string once = "{" + names.substr(1) + "}";
    const std::string twice = "{\"name7\":1" + names + "}";
    JsonDocument document;
    for (const std::string& text : {once, twice, once}) {
        ASSERT_TRUE(document.parse_copy(text));
        for (int time = 0; time < 3; ++time) {
            EXPECT_EQ(document.repeats_a_name_above("/name1"), text == twice);
            EXPECT_EQ(document.repeats_a_name_above("/name2/b"), text == twice);
            EXPECT_EQ(document.repeats_a_name(), text == twice);
        }
    }
    document.forget();
    EXPECT_FALSE(document.repeats_a_name_above("/name1"));
}

}  // namespace
}  // namespace webhook
