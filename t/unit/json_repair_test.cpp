#include "base/json_repair.h"

#include <gtest/gtest.h>

#include <string>

#include "base/json_document.h"

namespace webhook {
namespace {

std::string mended(std::string text) {
    repair_json(text);
    return text;
}

std::string id_of(const std::string& text) {
    JsonDocument reader;
    const std::string padded = text + std::string(json_padding(), '\0');
    if (!reader.parse(std::string_view(padded).substr(0, text.size()))) return "invalid";
    return reader.first_value_at("/id").value_or("absent");
}

TEST(MendJson, LeavesWhatCanBeReadAsItIs) {
    for (const char* text :
         {R"({"id":18446744073709551615,"low":-9223372036854775808,"pi":3.14e-2})",
          R"({"emoji":"\ud83d\ude00","quote":"\\\"\\ud83d 1e999 99999999999999999999"})",
          R"([0,-0,1E5])", "", "\"", "\"\\", "\"\\u", "\"\\ud8"}) {
        EXPECT_EQ(mended(text), text);
    }
}

TEST(MendJson, VoidsNumbersThatCannotBeHeld) {
    EXPECT_EQ(mended("[123456789012345678901234567890]"), "[null                          ]");
    EXPECT_EQ(mended("[1e400,-9223372036854775809]"), "[null ,null                ]");
    EXPECT_EQ(mended("[99999999999999999999.5]"), "[99999999999999999999.5]");
}

TEST(MendJson, ReplacesHalvesOfSurrogatePairs) {
    EXPECT_EQ(mended(R"(["\ud83d"])"), R"(["\ufffd"])");
    EXPECT_EQ(mended(R"(["\ude00\ud83d\ude00\uD83Dx"])"), R"(["\ufffd\ud83d\ude00\ufffdx"])");
    EXPECT_EQ(mended(R"(["\ud83d\n\udc00"])"), R"(["\ufffd\n\ufffd"])");
}

TEST(MendJson, DoesNotMakeValidWhatIsNot) {
    for (const char* text :
         {"[01]", "[1.]", "[.5]", "[1e]", "[+1]", "[--1]", "[1-2]", "[00000000000000000000001]",
          R"(["\ud83"])", R"(["\x"])", "[1", R"({"id":"evt"} x)"}) {
        EXPECT_EQ(id_of(text), "invalid") << text;
    }
}

TEST(RepairedJson, ReadsTheIdOfPayloadsThatOthersFindTooMuch) {
    EXPECT_EQ(id_of(R"({"wei":123456789012345678901234567890,"id":"evt"})"), "evt");
    EXPECT_EQ(id_of(R"({"large":1e400,"id":18446744073709551615})"), "18446744073709551615");
    EXPECT_EQ(id_of(R"({"cut":"\ud83d","id":"evt"})"), "evt");
    EXPECT_EQ(id_of("\xef\xbb\xbf{\"id\":\"evt\"}"), "evt");
    EXPECT_EQ(
        id_of("{\"deep\":" + std::string(20000, '[') + std::string(20000, ']') + ",\"id\":7}"),
        "7");
}

TEST(RepairedJson, TakesNoNumberThatCannotBeHeldForAnId) {
    EXPECT_EQ(id_of(R"({"id":123456789012345678901234567890})"), "absent");
    EXPECT_EQ(id_of(R"({"id":1e400})"), "absent");
}

// Two ids that differ only there would be taken for one.
TEST(RepairedJson, TakesNoMendedTextForAnId) {
    EXPECT_EQ(id_of(R"({"id":"a\ud83d"})"), "absent");
    EXPECT_EQ(id_of(R"({"id":"a\ufffd"})"), "a\xef\xbf\xbd");
}

}  // namespace
}  // namespace webhook
