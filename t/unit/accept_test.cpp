#include "report/accept.h"

#include <gtest/gtest.h>

namespace webhook {
namespace {

TEST(Accept, IsHtmlForBrowsersAndForThoseThatSayNothing) {
    for (const char* each :
         {"", "*/*", "text/html", "application/*", "text/*",
          "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8",
          "text/html, application/json", "application/json, text/html", "application/jsonp",
          "application/json;q=0.5, text/html;q=0.9", "application/json;q=0.5, */*"}) {
        const bool is_range = std::string_view(each) == "application/*";
        EXPECT_EQ(is_range, wants_json(each)) << each;
    }
}

TEST(Accept, IsJsonForThoseThatNameItFirstOfAll) {
    for (const char* each :
         {"application/json", "APPLICATION/Json", "application/json, text/plain, */*",
          "text/html;q=0.9, application/json", " application/json ; charset=utf-8 ; Q=0.001",
          "text/html;q=0, */*", "text/plain, application/json;q=1.000",
          "text/html;level=\"1,2;q=1\";q=0.2, application/json;q=0.3",
          "*/*;q=0.1, application/json;q=0.1"}) {
        EXPECT_TRUE(wants_json(each)) << each;
    }
}

TEST(Accept, IsNeverJsonForThoseThatRefuseIt) {
    for (const char* each :
         {"application/json;q=0", "application/json;q=0.000, */*", "application/json;q=0, */*;q=1",
          "application/json;q=2", "application/json;q=-1", "application/json;q=.5",
          "application/json;q=", "application/json;q=1.0000", "application/json;q=0x1",
          "application/*, application/json;q=0", "\"application/json", ";;,,=", ",", ";"}) {
        EXPECT_FALSE(wants_json(each)) << each;
    }
}

}  // namespace
}  // namespace webhook
