#include "base/json_pointer.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/errors.h"
#include "base/json_document.h"

namespace webhook {
namespace {

using namespace std::string_literals;

std::string told(const JsonPlace& place) {
    if (place.unclear) return "unclear";
    return place.value ? place.value->decimal().value_or("found") : "absent";
}

class Walks {
  public:
    explicit Walks(const std::string& text) {
        EXPECT_TRUE(document_.parse_copy(text)) << text;
        walker_.start(document_.root());
    }
    std::string first(std::string_view pointer) {
        return told(walker_.find(pointer, JsonMatch::first));
    }
    std::string only(std::string_view pointer) {
        return told(walker_.find(pointer, JsonMatch::only));
    }

  private:
    JsonDocument document_;
    JsonWalker walker_;
};

TEST(JsonPointer, IsTakenStepByStep) {
    std::string_view pointer = "/a~1b//0/";
    std::vector<std::string> steps;
    while (!pointer.empty()) steps.emplace_back(take_step(pointer));
    EXPECT_EQ((std::vector{"a~1b"s, ""s, "0"s, ""s}), steps);
}

struct Row {
    const char* pointer;
    const char* first;
    const char* only;
};

TEST(JsonPointer, LeadsToTheFirstOrTheOnlyMember) {
    const std::string text = R"({"a": 1, "a": 2, "B": 3, "c": {"d": 4, "D": 5}, "C2": {"e": 6}})";
    for (const auto& [pointer, first, only] : std::vector<Row>{{"", "found", "found"},
                                                               {"/a", "1", "unclear"},
                                                               {"/B", "3", "3"},
                                                               {"/b", "absent", "unclear"},
                                                               {"/c", "found", "found"},
                                                               {"/c/d", "4", "unclear"},
                                                               {"/c/D", "5", "unclear"},
                                                               {"/c2/e", "absent", "unclear"},
                                                               {"/C2/e", "6", "6"},
                                                               {"/x", "absent", "absent"},
                                                               {"/x/y", "absent", "absent"},
                                                               {"/a/y", "absent", "unclear"},
                                                               {"/~2", "absent", "absent"},
                                                               {"x", "absent", "absent"}}) {
        Walks walks(text);
        EXPECT_EQ(first, walks.first(pointer)) << pointer;
        EXPECT_EQ(only, walks.only(pointer)) << pointer;
        EXPECT_EQ(first, walks.first(pointer)) << pointer;
    }
}

TEST(JsonPointer, LeadsToTheSameWhateverWasWalkedBefore) {
    const std::string text =
        R"({"a": {"b": [{"c": 1}, {"c": 2}], "bb": 3, "d": 4, "d": 5}, "ab": {"c": 6}, "": 7})";
    const std::vector<std::string> pointers{"",      "/",         "/a",     "/ab",       "/a/b",
                                            "/a/d",  "/a/bb",     "/a/b/0", "/a/b/0/c",  "/a/b/1/c",
                                            "/ab/c", "/a/b/01/c", "a",      "/a/b/0/c/", "//"};
    Walks used(text);
    for (const std::string& before : pointers) {
        for (const std::string& pointer : pointers) {
            used.first(before);
            EXPECT_EQ(Walks(text).first(pointer), used.first(pointer)) << before << ' ' << pointer;
            used.first(before);
            EXPECT_EQ(Walks(text).only(pointer), used.only(pointer)) << before << ' ' << pointer;
            used.only(before);
            EXPECT_EQ(Walks(text).first(pointer), used.first(pointer)) << before << ' ' << pointer;
            used.only(before);
            EXPECT_EQ(Walks(text).only(pointer), used.only(pointer)) << before << ' ' << pointer;
        }
    }
}

TEST(JsonPointer, LeadsNowhereClearWithoutARoot) {
    JsonWalker walker;
    for (const JsonMatch match : {JsonMatch::first, JsonMatch::only}) {
        EXPECT_EQ("unclear", told(walker.find("", match)));
        EXPECT_EQ("unclear", told(walker.find("/a", match)));
        EXPECT_EQ("absent", told(walker.find("a", match)));
    }
    JsonDocument document;
    ASSERT_TRUE(document.parse_copy(R"({"a": 1})"));
    walker.start(document.root());
    EXPECT_EQ("1", told(walker.find("/a", JsonMatch::only)));
    walker.start(std::nullopt);
    EXPECT_EQ("unclear", told(walker.find("/a", JsonMatch::only)));
}

TEST(JsonPointer, IsRefusedWhereItIsNone) {
    for (const std::string& pointer : {"id"s, "id/x"s, "#/id"s, "/a~"s, "/a~2"s, "/~~0"s, "~0"s}) {
        EXPECT_THROW(check_json_pointer(pointer), ConfigError) << pointer;
    }
    for (const std::string& pointer : {""s, "/"s, "/id"s, "/a/b/0"s, "//"s, "/a~0b~1c"s, "/~01"s}) {
        EXPECT_NO_THROW(check_json_pointer(pointer)) << pointer;
    }
}

}  // namespace
}  // namespace webhook
