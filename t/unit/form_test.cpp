#include "base/form.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace webhook {
namespace {

using namespace std::string_literals;

using Fields = std::vector<Form::Field>;

std::optional<Fields> fields(std::string_view text) {
    const auto form = Form::parse(text);
    return form ? std::optional(form->fields()) : std::nullopt;
}

TEST(Form, IsKnownByItsType) {
    for (const char* type :
         {"application/x-www-form-urlencoded", "Application/X-WWW-Form-URLencoded",
          "application/x-www-form-urlencoded;charset=utf-8",
          "application/x-www-form-urlencoded ; charset=utf-8", "application/x-www-form-urlencoded ",
          "application/x-www-form-urlencoded;"}) {
        EXPECT_TRUE(is_form_type(type)) << type;
    }
    for (const char* type :
         {"", ";", "application/json", "application/x-www-form-urlencode",
          "application/x-www-form-urlencodedx", "application/x-www-form-urlencoded x",
          "application/x-www-form-urlencoded, application/json",
          "text/plain; application/x-www-form-urlencoded", "multipart/form-data"}) {
        EXPECT_FALSE(is_form_type(type)) << type;
    }
}

TEST(Form, FieldsStandBetweenAmpersands) {
    EXPECT_EQ((Fields{{"a", "1"}, {"b", "2"}}), fields("a=1&b=2"));
    EXPECT_EQ((Fields{{"b", "2"}, {"a", "1"}, {"b", "1"}}), fields("b=2&a=1&b=1"));
    EXPECT_EQ((Fields{{"a", "1;b=2"}}), fields("a=1;b=2"));
    EXPECT_EQ((Fields{{"a", "b=c"}}), fields("a=b=c"));
    EXPECT_EQ((Fields{{"a", ""}}), fields("a"));
    EXPECT_EQ((Fields{{"a", ""}}), fields("a="));
    EXPECT_EQ((Fields{{"", "a"}}), fields("=a"));
    EXPECT_EQ((Fields{{"", ""}}), fields("="));
}

TEST(Form, EmptyPiecesAreNoFields) {
    EXPECT_EQ(Fields{}, fields(""));
    EXPECT_EQ(Fields{}, fields("&"));
    EXPECT_EQ(Fields{}, fields("&&&"));
    EXPECT_EQ((Fields{{"a", "1"}, {"b", "2"}}), fields("a=1&&b=2"));
    EXPECT_EQ((Fields{{"a", "1"}}), fields("&a=1&"));
}

TEST(Form, NamesAndValuesAreDecoded) {
    EXPECT_EQ((Fields{{"a b", "c d"}}), fields("a+b=c%20d"));
    EXPECT_EQ((Fields{{"a", "+%&="}}), fields("a=%2B%25%26%3D"));
    EXPECT_EQ((Fields{{"a=b", "c"}}), fields("a%3Db=c"));
    EXPECT_EQ((Fields{{"a", "%41"}}), fields("a=%2541"));
    EXPECT_EQ((Fields{{"a", "\xc3\xa9/\xc3\xa9"}}), fields("a=%c3%A9/\xc3\xa9"));
    EXPECT_EQ((Fields{{"\0"s, "\0\n\xff"s}}), fields("%00=%00%0a%FF"));
    EXPECT_EQ((Fields{{"\0"s, "\0"s}}), fields("\0=\0"s));
}

TEST(Form, PercentWithoutTwoDigitsIsRefused) {
    for (const char* text : {"%", "a=%", "a=%4", "a=%4&b=1", "a=%%41", "a=%4g", "a=%g4", "a=% 4",
                             "%=1", "%4=1", "a=1&b=%", "a=%+4", "a=%\xc3\xa9", "a=%u00e9"}) {
        EXPECT_EQ(std::nullopt, fields(text)) << text;
    }
}

TEST(Form, TooManyFieldsAreRefused) {
    std::string text;
    for (std::size_t i = 0; i < kMostFormFields; ++i) text += "a=1&";
    EXPECT_EQ(kMostFormFields, Form::parse(text + "&&").value().fields().size());
    EXPECT_EQ(std::nullopt, fields(text + "b"));
}

TEST(Form, OnlyFindsWhatStandsOnce) {
    const Form form = Form::parse("a=1&b=2&b=2&c=&%64=4&A=5").value();
    EXPECT_EQ("1", form.only("a"));
    EXPECT_EQ("", form.only("c"));
    EXPECT_EQ("4", form.only("d"));
    EXPECT_EQ("5", form.only("A"));
    EXPECT_EQ(std::nullopt, form.only("b"));
    EXPECT_EQ(std::nullopt, form.only("B"));
    EXPECT_EQ(std::nullopt, form.only(""));
}

struct SortedText {
    std::string form;
    std::string text;
};

// What twilio 6.2.0 (npm) signs behind the URL.
const std::vector<SortedText> kTwilioTexts{
    {"", ""},
    {"a=1", "a1"},
    {"b=2&a=1", "a1b2"},
    {"a=2&a=1&a=2", "a1a2"},
    {"a=10&a=9&a=1", "a1a10a9"},
    {"aa=1&a=2&A=3", "A3a2aa1"},
    {"a=&b", "ab"},
    {"a=b%26c&d=%3D", "ab&cd="},
    {"From=%2B15005550006&To=%2B15005550001&Body=Hello+World%21&CallSid=CA1234567890ABCDE",
     "BodyHello World!CallSidCA1234567890ABCDEFrom+15005550006To+15005550001"},
    {"a=%C3%A9&%E2%82%AC=1&~=2&z=3", "a\303\251z3~2\342\202\2541"},
    {"a+b=c%2Bd", "a bc+d"},
    {"a=b=c", "ab=c"},
    {"=x&a=1", "xa1"},
    {"MediaUrl0=http%3A%2F%2Fx%2F&MediaUrl1=y&MediaUrl10=z&MediaUrl2=w",
     "MediaUrl0http://x/MediaUrl1yMediaUrl10zMediaUrl2w"},
    {"a=Z&a=a&a=%C3%A9&a=~&a=_", "aZa_aaa~a\303\251"},
    {"Digits=%00%01", "Digits\0\1"s},
};

TEST(Form, IsSortedAsTwilioDoes) {
    for (const auto& [form, text] : kTwilioTexts) {
        EXPECT_EQ(text, Form::parse(form).value().sorted_text()) << form;
    }
}

TEST(Form, SortsByBytes) {
    EXPECT_EQ(
        "\x7f"s
        "1\x80"
        "2\xff"
        "3",
        Form::parse("%FF=3&%80=2&%7F=1").value().sorted_text());
}

}  // namespace
}  // namespace webhook
