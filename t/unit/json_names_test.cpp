#include "base/json_names.h"

#include <gtest/gtest.h>

#include <string>

#include "base/json_document.h"

namespace webhook {
namespace {

class Parsed {
  public:
    explicit Parsed(const std::string& text) { EXPECT_TRUE(document_.parse_copy(text)) << text; }
    JsonValue root() const { return *document_.root(); }

  private:
    JsonDocument document_;
};

bool repeats(const std::string& text) {
    return object_repeats_a_name(Parsed(text).root());
}

bool repeats_above(const std::string& text, std::string_view pointer) {
    return repeats_a_name_above(Parsed(text).root(), pointer);
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
    for (const int count : {2, 3, 23, 24, 25, 26, 48, 1000, 20'000}) {
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

}  // namespace
}  // namespace webhook
