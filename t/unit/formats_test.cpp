#include "jsonschema/formats.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/text.h"
#include "jsonschema/pattern_syntax.h"

namespace webhook {
namespace {

using namespace std::string_literals;

struct Row {
    std::string_view format;
    std::vector<std::string> valid;
    std::vector<std::string> invalid;
};

void check(const std::vector<Row>& rows) {
    for (const auto& [name, valid, invalid] : rows) {
        const auto format = format_of(name);
        ASSERT_TRUE(format) << name;
        for (const std::string& text : valid) EXPECT_TRUE(matches(*format, text)) << name << text;
        for (const std::string& text : invalid) {
            EXPECT_FALSE(matches(*format, text)) << name << " " << text;
        }
    }
}

TEST(Formats, AreKnownByName) {
    for (const std::string_view name : format_names()) EXPECT_TRUE(format_of(name)) << name;
    EXPECT_EQ(format_names().size(), 13);
    for (const std::string_view name : ignored_format_names())
        EXPECT_FALSE(format_of(name)) << name;
    EXPECT_FALSE(format_of("Date"));
    EXPECT_FALSE(format_of(""));
}

TEST(Formats, DatesAndTimes) {
    check({
        {"date",
         {"2026-01-31", "2024-02-29", "2000-02-29", "0001-12-31"},
         {"", "2026-1-31", "2026-01-32", "2026-02-29", "1900-02-29", "2026-13-01", "2026-00-01",
          "2026-01-00", "2026-01-31Z", "20260131", "+2026-01-31", "2026-01-31\n",
          "2026-01-3\xdf\x80"}},
        {"time",
         {"08:30:06Z", "08:30:06z", "23:59:60Z", "08:30:06.28+05:30", "15:59:60-08:00",
          "00:29:60-23:30", "01:29:60+01:30", "00:00:00-00:00"},
         {"08:30:06", "24:00:00Z", "08:60:00Z", "08:30:61Z", "22:59:60Z", "23:59:60+01:00",
          "08:30:06+24:00", "08:30:06+00:60", "08:30:06.Z", "08:30Z", "08:30:06+0100", "8:30:06Z",
          "08:30:06ZZ"}},
        {"date-time",
         {"2026-01-31T08:30:06Z", "2026-01-31t08:30:06.123456789+02:00", "1998-12-31T23:59:60Z",
          "1998-12-31T15:59:60.5-08:00"},
         {"2026-01-31 08:30:06Z", "2026-01-31T08:30:06", "2026-02-31T08:30:06Z", "2026-01-31",
          "2026-01-31T25:30:06Z", "2026-01-31T08:30:06Z\n", "1998-12-31T22:59:60Z"}},
        {"duration",
         {"P1Y2M3DT4H5M6S", "P4Y", "P1M", "PT1M", "P2W", "PT0S", "P01D", "P1DT12H",
          "P" + std::string(1000, '9') + "D"},
         {"",       "P",      "PT",    "P1",    "1D",     "P1YT", "P1D2T3H",
          "P1Y2D",  "PT1H2S", "P2D1Y", "P1Y2W", "P2WT1H", "P2S",  "PT1D",
          "PT0.5S", "-P1D",   "P-1D",  "P1D ",  "P1d",    "P1Y1Y"}},
    });
}

TEST(Formats, NamesAndAddresses) {
    check({
        {"ipv4",
         {"0.0.0.0", "192.0.2.255"},
         {"", "192.0.2", "192.0.2.1.1", "192.0.2.256", "192.0.02.1", "192.0.2.1\n", " 192.0.2.1",
          "0x7f.0.0.1", "192.0..1", "192.0.2.1/24", "::1", "192.0.2.1\0"s, "1234.0.0.1"}},
        {"ipv6",
         {"::", "::1", "1::", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8",
          "1::3:4:5:6:7:8", "::ffff:192.0.2.1", "1:2:3:4:5:6:192.0.2.1", "FE80::ABCD"},
         {"",
          ":",
          ":::",
          "1",
          "1:2:3:4:5:6:7",
          "1:2:3:4:5:6:7:8:9",
          "1:2:3:4:5:6:7:8::",
          "1:2:3:4::5:6:7:8",
          "1::2::3",
          ":1::2",
          "1:",
          "1::2:",
          "12345::",
          "::g",
          "fe80::1%eth0",
          "[::1]",
          "::1/64",
          "1:2:3:4:5:6:7:192.0.2.1",
          "::192.0.2",
          "192.0.2.1",
          "::01.0.2.1",
          "192.0.2.1::"}},
        {"hostname",
         {"example.com", "localhost", "a", "1host", "a--b.com", std::string(63, 'a') + ".com",
          "xn--9n2bp8q.xn--9t4b11yi5a", "xn--zca29lwxobi7a", "XN--9N2BP8Q.com", "xn--ll-0ea"},
         {"", ".", ".a", "a.", "a..b", "-a", "a-", "a_b", std::string(64, 'a'), "a b", "a\n",
          "\xc3\xa4.com", "xn--X", "xn--hello-txk", "xn--al-0ea", "xn--", "XN--aa---o47jg78q",
          "xn--abc-", std::string(127, 'a') + "." + std::string(127, 'a')}},
        {"email",
         {"joe.bloggs@example.com", "a+b@example.com", "~a@b", "\"joe bloggs\"@example.com",
          "\"a\\\"b\"@c", "\"\"@c", "a@[192.0.2.1]", "a@[IPv6:::1]"},
         {"",
          "a",
          "@b",
          "a@",
          ".a@b",
          "a.@b",
          "a..b@c",
          "a b@c",
          "a@b@c",
          "a@b c",
          "a@-b",
          "a@[::1]",
          "a@[192.0.2.256]",
          "a@[192.0.2.1",
          "\"a@b",
          "\"a\"b@c",
          "\"a\\",
          "\"\n\"@c",
          "<a@b>",
          "\xc3\xa4@b",
          "a@b\n",
          "\"",
          "\"\\\"@b"}},
    });
}

TEST(Formats, Uris) {
    const std::vector<std::string> absolute = {"https://example.com",
                                               "http://u:p@example.com:8080/a/b;c?d=e&f#g/h?",
                                               "mailto:a@b",
                                               "urn:a:b",
                                               "ftp://[2001:db8::1]/",
                                               "http://[v1.x:y]/",
                                               "a:",
                                               "http://",
                                               "http://a:/",
                                               "http://a/%20",
                                               "file:///etc",
                                               "http://999.999.999.999/",
                                               "x-y.z+1:a"};
    const std::vector<std::string> relative = {"",   "/a",    "a",     "#a",   "?a", "//a",
                                               "//", "./a:b", "a/b:c", "?a:b", "a;b"};
    const std::vector<std::string> invalid = {"http://a b",
                                              "http://a/b\\c",
                                              "http://a/%",
                                              "http://a/%2",
                                              "http://a/%zz",
                                              "http://a/<b>",
                                              "http://a/{b}",
                                              "http://a/\"",
                                              "http://a/^",
                                              "http://a/`",
                                              "http://a/|",
                                              "http://a/\xc3\xa4",
                                              "http://a:b/",
                                              "http://[::1",
                                              "http://[::1]a/",
                                              "http://[a]/",
                                              "http:/[::1]",
                                              "//a@b@c/",
                                              "1:b",
                                              ":a",
                                              "http://a/#b#c",
                                              "http://[v1]/",
                                              "http://[v.a]/",
                                              "http://[::1%25a]/",
                                              "a\n",
                                              "http://a/\0"s};
    check({
        {"uri", absolute, relative},
        {"uri", {}, invalid},
        {"uri-reference", absolute, invalid},
        {"uri-reference", relative, {}},
    });
}

TEST(Formats, Others) {
    check({
        {"uuid",
         {"2eb8aa08-aa98-11ea-b4aa-73b441d16380", "2EB8AA08-AA98-11EA-B4AA-73B441D16380"},
         {"", "2eb8aa08-aa98-11ea-b4aa-73b441d1638", "2eb8aa08-aa98-11ea-b4aa-73b441d163800",
          "2eb8aa08aa98-11ea-b4aa-73b441d16380-", "2eb8aa08-aa98-11ea-b4ga-73b441d16380"}},
        {"json-pointer",
         {"", "/", "/a", "/a/b~0~1", "//", "/\xc3\xa4", "/ "},
         {"a", "#/a", "/~", "/~2", "/a~", "/~0~", "0"}},
        {"regex",
         {"", "([abc])+\\s+$", "(?<=a+)b", "[]", "[^]", "\\cA", "(?<n>a)\\k<n>", "a{100000}"},
         {"^(abc]", "\\a", "(?P<n>x)", "(?#a)", "(?i)a", "\\Z", "*",
          std::string(kLongestPattern + 1, 'a')}},
    });
}

// Each of these would take minutes if it were quadratic.
TEST(Formats, LongTextsTakeLittleTime) {
    for (const std::string& part : {"a."s, "1:"s, "a@"s, "\"\\\""s, "%20"s, "/~0"s, "-"s, "1"s,
                                    "::"s, "xn--a."s, "(?<a>"s, "[["s}) {
        std::string text;
        while (text.size() < 300'000) text += part;
        for (const std::string_view name : format_names()) {
            matches(*format_of(name), text);
            matches(*format_of(name), "a:" + text);
            matches(*format_of(name), "P" + text);
        }
    }
}

}  // namespace
}  // namespace webhook
