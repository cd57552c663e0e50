#include "capture/capture.h"

#include <gtest/gtest.h>

#include <chrono>
#include <map>

#include "scheme/presets.h"

namespace webhook {
namespace {

using namespace std::literals;

// 2026-12-31T23:59:59.007Z
constexpr Milliseconds kReceived{1798761599007};

// A text, taken apart as its contract says.
struct Parts {
    explicit Parts(const std::string& text) {
        const std::size_t end = text.find('\n');
        EXPECT_EQ(text.substr(0, 2), "# ");
        EXPECT_NE(end, std::string::npos);
        std::string_view rest = std::string_view(text).substr(1, end - 1);
        while (!rest.empty()) {
            EXPECT_EQ(rest.front(), ' ');
            rest.remove_prefix(1);
            const std::string_view field = rest.substr(0, rest.find(' '));
            rest.remove_prefix(field.size());
            const std::size_t equals = field.find('=');
            EXPECT_NE(equals, std::string_view::npos);
            const bool is_new =
                fields.emplace(field.substr(0, equals), field.substr(equals + 1)).second;
            EXPECT_TRUE(is_new) << field;
        }
        const std::size_t blank = text.find("\r\n\r\n", end);
        EXPECT_NE(blank, std::string::npos);
        head = text.substr(end + 1, blank + 2 - end - 1);
        body = text.substr(blank + 4);
    }

    std::map<std::string, std::string, std::less<>> fields;
    std::string head;
    std::string body;
};

class CaptureText : public ::testing::Test {
  protected:
    std::string text() {
        delivery_.headers = headers_;
        return capture_text(delivery_, {scheme_, secrets_, false, limit_});
    }
    Parts parts() { return Parts(text()); }
    void set_body(std::string_view body) {
        delivery_.body = body;
        delivery_.body_size = body.size();
    }

    Scheme scheme_ = *preset_scheme("github");
    std::vector<std::string_view> secrets_;
    std::size_t limit_ = 64 * 1024;
    std::vector<HeaderField> headers_{{"Host", "hooks.example.com"}, {"X-GitHub-Event", "push"}};
    CapturedDelivery delivery_{.received = kReceived,
                               .endpoint = "github",
                               .reason = "bad_signature",
                               .verdict = "rejected",
                               .source = "192.0.2.1",
                               .request_id = "0123",
                               .request_line = "POST /in HTTP/1.1",
                               .headers = {},
                               .body = "{}",
                               .body_size = 2};
};

TEST_F(CaptureText, IsARequestBehindASideLine) {
    EXPECT_EQ(text(),
              "# received=2026-12-31T23:59:59.007Z endpoint=github reason=bad_signature "
              "verdict=rejected scheme=github source=192.0.2.1 request_id=0123 truncated=0 "
              "omitted=0\n"
              "POST /in HTTP/1.1\r\n"
              "Host: hooks.example.com\r\n"
              "X-GitHub-Event: push\r\n"
              "\r\n"
              "{}");
}

TEST_F(CaptureText, KeepsEveryByteOfTheBody) {
    std::string body;
    for (int i = 0; i < 256; ++i) body += static_cast<char>(i);
    body += "\r\n\r\n# received=x\n\0\0"sv;
    set_body(body);
    EXPECT_EQ(parts().body, body);
}

TEST_F(CaptureText, KeepsOrderAndCaseOfHeaders) {
    headers_ = {{"x-github-event", "b"}, {"HOST", "a"}, {"X-GitHub-Event", "a"}, {"Cookie", "x"}};
    EXPECT_EQ(parts().head,
              "POST /in HTTP/1.1\r\nx-github-event: b\r\nHOST: a\r\nX-GitHub-Event: a\r\n"
              "Cookie: [redacted:1]\r\n");
}

TEST_F(CaptureText, CountsWhatItLeavesOut) {
    headers_.emplace_back("X-Api-Key", "secret");
    headers_.emplace_back("Accept", "*/*");
    const Parts found = parts();
    EXPECT_EQ(found.fields.at("omitted"), "2");
    EXPECT_EQ(found.head.find("secret"), std::string::npos);
    EXPECT_EQ(found.head.find("Accept"), std::string::npos);
}

TEST_F(CaptureText, NoValueAddsAFieldOrALine) {
    const std::string hostile = "a b=c\r\n# reason=x\ttruncated=9%41\x7f\xff\"#";
    delivery_.endpoint = hostile;
    delivery_.source = hostile;
    delivery_.request_id = hostile;
    const Parts found = parts();
    EXPECT_EQ(found.fields.size(), 9U);
    for (std::string_view name : {"endpoint", "source", "request_id"}) {
        EXPECT_EQ(found.fields.find(name)->second,
                  "a%20b%3Dc%0D%0A%23%20reason%3Dx%09truncated%3D9%2541%7F%FF\"%23");
    }
    EXPECT_EQ(found.fields.at("truncated"), "0");
    EXPECT_EQ(found.fields.at("reason"), "bad_signature");
}

TEST_F(CaptureText, BoundsValuesOfTheSideLine) {
    const std::string longest(10'000, ' ');
    delivery_.endpoint = delivery_.source = delivery_.request_id = longest;
    EXPECT_EQ(parts().fields.at("endpoint").size(), 255U * 3);
}

TEST_F(CaptureText, NoHeaderAddsALine) {
    headers_ = {{"Host", "a\r\nX-Evil: 1"}, {"Date\r\nX-Evil", "1"}, {"Date:", "1"},
                {"User-Agent", "a\nb"},     {"Date", "\0"sv},        {"Content-Type", "good"}};
    const Parts found = parts();
    EXPECT_EQ(found.head, "POST /in HTTP/1.1\r\nContent-Type: good\r\n");
    EXPECT_EQ(found.fields.at("omitted"), "5");
}

// Any sign counts as the `-` of a name.
TEST_F(CaptureText, NoNameOfAHeaderAddsALine) {
    headers_ = {{"X\nGitHub-Event", "1"},
                {"X-GitHub\rEvent", "1"},
                {"X\0GitHub-Event"sv, "1"},
                {"X:GitHub-Event", "1"},
                {"X_GitHub-Event", "1"}};
    const Parts found = parts();
    EXPECT_EQ(found.head, "POST /in HTTP/1.1\r\nX_GitHub-Event: 1\r\n");
    EXPECT_EQ(found.fields.at("omitted"), "4");
}

TEST_F(CaptureText, NoRequestLineAddsALine) {
    delivery_.request_line = "POST /\r\nX: y\0 HTTP/1.1"sv;
    EXPECT_EQ(parts().head.substr(0, 25), "POST /??X: y? HTTP/1.1\r\nH");
}

TEST_F(CaptureText, CutsTheBody) {
    limit_ = 4;
    set_body("012345678");
    const Parts found = parts();
    EXPECT_EQ(found.body, "0123");
    EXPECT_EQ(found.fields.at("truncated"), "5");
}

// The caller gives only the beginning of a long body.
TEST_F(CaptureText, CountsTheWholeBody) {
    limit_ = 4;
    set_body("01234");
    delivery_.body_size = 1'000'000'000'000;
    EXPECT_EQ(parts().fields.at("truncated"), "999999999996");
}

TEST_F(CaptureText, SaysThatABodyWasNotRead) {
    delivery_.body.reset();
    delivery_.body_size = 0;
    const Parts found = parts();
    EXPECT_EQ(found.fields.at("body"), "unread");
    EXPECT_EQ(found.fields.at("truncated"), "0");
    EXPECT_EQ(found.body, "");
}

TEST_F(CaptureText, WithholdsBodiesThatHoldTheSecret) {
    secrets_ = {"a secret of sixteen"};
    set_body("{\"key\":\"a secret of sixteen\"}");
    EXPECT_EQ(parts().fields.at("body"), "withheld");
    EXPECT_EQ(parts().fields.at("truncated"), "29");
    EXPECT_EQ(parts().body, "");
    // The cut goes through it.
    limit_ = 12;
    EXPECT_EQ(parts().fields.at("body"), "withheld");
    set_body("{\"key\":\"another secret\"}");
    EXPECT_EQ(parts().fields.count("body"), 0U);
}

TEST_F(CaptureText, WithholdsBodiesThatHoldTheSecretEncoded) {
    secrets_ = {"aB+cd/EfGhIjKlMnOpQr=="};
    for (std::string_view body :
         {R"({"s":"aB+cd\/EfGhIjKlMnOpQr=="})", "s=aB%2Bcd%2FEfGhIjKlMnOpQr%3D%3D",
          R"({"s":"\u0061B\u002bcd/EfGhIjKlMnOpQr=="})"}) {
        set_body(body);
        EXPECT_EQ(parts().fields.at("body"), "withheld") << body;
    }
}

// A worker serves nobody else meanwhile.
TEST_F(CaptureText, SearchesForManySecretsAtOnce) {
    std::vector<std::string> texts;
    for (int i = 0; i < 100; ++i) {
        texts.push_back("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaL" + std::to_string(100 + i));
    }
    secrets_.assign(texts.begin(), texts.end());
    limit_ = 1024 * 1024;
    for (std::string_view piece :
         {"w", "whsec_", "%77", R"(\u0077)", "%5Cu0077", "+", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaL"}) {
        std::string body;
        while (body.size() < limit_) body += piece;
        body.resize(limit_);
        set_body(body);
        const auto start = std::chrono::steady_clock::now();
        EXPECT_EQ(parts().fields.count("body"), 0U);
        EXPECT_LT(std::chrono::steady_clock::now() - start, 50ms) << piece;
    }
}

TEST_F(CaptureText, WithholdsBodiesWithTheToken) {
    scheme_ = *preset_scheme("figma");
    set_body("{\"passcode\":\"whatever\"}");
    EXPECT_EQ(parts().fields.at("body"), "withheld");
    set_body("");
    EXPECT_EQ(parts().fields.count("body"), 0U);
}

TEST_F(CaptureText, HidesTheSecretInTheEndpoint) {
    secrets_ = {"a-secret-of-sixteen"};
    delivery_.endpoint = "x-a-secret-of-sixteen";
    EXPECT_EQ(parts().fields.at("endpoint"), "x-" + redacted("a-secret-of-sixteen"));
}

TEST_F(CaptureText, BoundsTheHead) {
    const std::string line = "POST /" + std::string(100'000, 'a') + " HTTP/1.1";
    const std::string value(20'000, 'v');
    const std::string endpoint(300, ' ');
    delivery_.request_line = line;
    delivery_.endpoint = delivery_.source = delivery_.request_id = endpoint;
    headers_ = {{"Host", value}, {"Date", value}, {"User-Agent", "small"}};
    set_body("");
    const std::string whole = text();
    EXPECT_LE(whole.size(), kLongestCapturedHead);
    const Parts found(whole);
    EXPECT_EQ(found.fields.at("omitted"), "1");
    EXPECT_EQ(found.fields.at("request_line_cut"), std::to_string(line.size() - 32 * 1024));
    EXPECT_NE(found.head.find("User-Agent: small"), std::string::npos);
}

TEST_F(CaptureText, BoundsTheHeadWhateverIsRedacted) {
    secrets_ = {"s"};
    const std::string value(30'000, 's');
    delivery_.request_line = value;
    headers_ = {{"Host", value}, {"Date", value}};
    set_body("");
    EXPECT_LE(text().size(), kLongestCapturedHead);
    EXPECT_EQ(parts().fields.at("omitted"), "2");
}

TEST(CaptureName, IsInTheOrderOfTime) {
    EXPECT_EQ(capture_name(kReceived, "bad_signature"), "20261231T235959.007Z-bad_signature");
    EXPECT_LT(capture_name(kReceived, "z"), capture_name(kReceived + 1ms, "a"));
}

}  // namespace
}  // namespace webhook
