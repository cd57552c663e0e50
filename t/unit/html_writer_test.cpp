#include "base/html_writer.h"

#include <gtest/gtest.h>

namespace webhook {
namespace {

using namespace std::string_literals;

std::string written(const std::string& text) {
    HtmlWriter html;
    html << "<p>" << text << "</p>";
    return html.finish();
}

TEST(HtmlWriter, KeepsTextFromBecomingMarkup) {
    EXPECT_EQ("<p>&lt;img src=&quot;x&quot; onerror=&#39;y&#39;&gt; &amp;lt;</p>",
              written("<img src=\"x\" onerror='y'> &lt;"));
    EXPECT_EQ("<p>plain \xc3\xbc \xe2\x80\xa8</p>", written("plain \xc3\xbc \xe2\x80\xa8"));
}

TEST(HtmlWriter, WritesWhatIsNoCharacterAsTheReplacement) {
    EXPECT_EQ("<p>a\xef\xbf\xbd\x62</p>", written("a\xff\x62"));
    EXPECT_EQ("<p>\xef\xbf\xbd</p>", written("\0"s));
    EXPECT_EQ("<p>\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd</p>", written("\n\r\x1b\x7f"));
    // What is repaired is escaped.
    EXPECT_EQ("<p>&lt;\xef\xbf\xbd&gt;</p>", written("<\xff>"));
}

}  // namespace
}  // namespace webhook
