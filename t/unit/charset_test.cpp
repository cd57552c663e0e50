#include "base/charset.h"

#include <gtest/gtest.h>

#include <initializer_list>
#include <string>

namespace webhook {
namespace {

ContentCharset charset_of(std::string_view content_type) {
    ContentCharset charset;
    charset.offer("Content-Type", content_type);
    return charset;
}

TEST(ContentCharset, Utf8AndNoneReadAsTheGateDoes) {
    for (const std::string_view type :
         {"", "application/json", "application/json; charset=utf-8",
          "application/json;charset=UTF-8", "application/json ; Charset = \"Utf-8\"",
          "text/plain; charset=utf8; format=flowed",
          "application/json; charset=utf-8; charset=utf-8",
          "application/json, text/x; charset=utf-8",
          "application/x-www-form-urlencoded; charset=UTF-8", "application/json; charset=",
          "application/json; charset=\"\"", "multipart/form-data; boundary=x"}) {
        EXPECT_FALSE(charset_of(type).differs()) << type;
    }
}

TEST(ContentCharset, ExtensionsOfAsciiDifferBeyondIt) {
    for (const std::string_view type :
         {"text/plain; charset=ISO-8859-1", "application/json; charset=\"us-ascii\"",
          "application/json; charset=windows-1252", "text/plain; charset=iso-8859-15",
          "text/plain; charset=CP1251", "text/plain; charset=ANSI_X3.4-1968",
          "x/y; charset=utf-8; charset=latin1"}) {
        EXPECT_TRUE(charset_of(type).differs()) << type;
        EXPECT_FALSE(charset_of(type).differs_for_ascii()) << type;
    }
}

TEST(ContentCharset, AnyOtherReadsAsciiInAnotherWay) {
    for (const std::string_view type :
         {"application/json; charset=utf-7", "application/json; charset=\"UTF-7\"",
          "application/json; charset=utf-16le", "application/json; charset=ibm037",
          "application/json; charset=utf-8; charset=utf-7",
          "application/json; charset=utf-7; charset=utf-8", "application/json; CHARSET=UTF-7",
          "application/json; charset*=utf-8''utf-7", "application/json; charset*0=utf-7",
          "application/json; charset",

          "application/json; charset=''", "application/json; charset='utf-8'",
          "application/json; x=\"; charset=utf-7\"",
          "application/json; charset=utf-8'; charset=utf-7", "application/json; charset=\\utf-8",
          "application/json charset=utf-7", "application/json, text/x;charset=utf-7",
          "application/json; charset=utf-8\v", "application/json; charset=''utf-7"}) {
        EXPECT_TRUE(charset_of(type).differs_for_ascii()) << type;
    }
    EXPECT_EQ(charset_of("application/json; charset=\"UTF-7\"").name(), "UTF-7");
}

TEST(ContentCharset, EachHeaderThatMayBeTheContentTypeCounts) {
    for (const std::string_view header : {"Content-Type", "CONTENT-TYPE", "content_type"}) {
        ContentCharset charset;
        charset.offer("Content-Type", "application/json; charset=utf-8");
        charset.offer(header, "application/json; charset=utf-7");
        EXPECT_TRUE(charset.differs()) << header;
    }
    ContentCharset charset;
    charset.offer("Accept-Charset", "utf-7");
    charset.offer("X-Content-Type", "a/b; charset=utf-7");
    charset.offer("Content-Types", "a/b; charset=utf-7");
    EXPECT_FALSE(charset.differs());
}

TEST(Ascii, AlsoWhereItIsPercentEncoded) {
    EXPECT_TRUE(is_ascii("{\"a\": \"\\u00e9\"}\x7f"));
    EXPECT_TRUE(is_ascii(""));
    EXPECT_FALSE(is_ascii("caf\xc3\xa9"));
    EXPECT_TRUE(is_percent_encoded_ascii("a=%7B%20+&b=%2f"));
    EXPECT_FALSE(is_percent_encoded_ascii("a=caf%C3%A9"));
    EXPECT_FALSE(is_percent_encoded_ascii("a=%80"));
    EXPECT_FALSE(is_percent_encoded_ascii("a=%"));
    EXPECT_FALSE(is_percent_encoded_ascii("a=%fF"));
    EXPECT_FALSE(is_percent_encoded_ascii("a=caf\xc3\xa9"));
}

}  // namespace
}  // namespace webhook
