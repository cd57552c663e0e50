#include "inspect/handshake.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "delivery.h"
#include "scheme/presets.h"

namespace webhook {
namespace {

using namespace std::string_literals;
using testing::Delivery;
using testing::hmac_base64;
using testing::hmac_hex;

const std::string kKey = "a secret of some length";

// A request, with everything that the functions under test borrow from.
class Question {
  public:
    Question(Scheme scheme, Delivery delivery)
        : scheme_(std::move(scheme)),
          delivery_(std::move(delivery)),
          headers_(delivery_.offered_to(scheme_)),
          body_(delivery_.body),
          is_json_(reader_.parse(body_.text())),
          form_(Form::parse(delivery_.body)) {}
    Question(const Question&) = delete;
    Question& operator=(const Question&) = delete;

    HandshakeRequest request() const {
        return {delivery_.method, query_of(delivery_.url), &headers_};
    }
    bool may_be() const { return may_be_handshake(scheme_, request()); }
    const Handshake* found_without_body() const { return find_handshake(scheme_, request(), {}); }
    const Handshake* found() const { return find_handshake(scheme_, request(), body()); }
    // Which one it is, counted from 0; -1 where it is none.
    int index() const {
        const Handshake* const handshake = found();
        return handshake == nullptr ? -1 : static_cast<int>(handshake - scheme_.handshakes.data());
    }
    std::optional<HandshakeAnswer> answer(const std::string& key = kKey) const {
        const Handshake* const handshake = found();
        if (handshake == nullptr) return std::nullopt;
        if (key.empty()) return answer_to(*handshake, request(), body(), nullptr);
        const Scheme keyed =
            parse_scheme("test", "algorithm hmac-sha256; signed '{body}'; signature header=S;");
        const SigningKey signing_key(keyed, key);
        return answer_to(*handshake, request(), body(), &signing_key);
    }
    std::string body_of_answer() const {
        const auto text = answer();
        return text ? text->body : "(none)";
    }

  private:
    QuestionBody body() const { return {is_json_ ? &reader_ : nullptr, form_ ? &*form_ : nullptr}; }

    Scheme scheme_;
    Delivery delivery_;
    SchemeHeaders headers_;
    testing::PaddedBody body_;
    JsonDocument reader_;
    bool is_json_;
    std::optional<Form> form_;
};

using Headers = std::vector<std::pair<std::string, std::string>>;

Delivery asked(const std::string& method, const std::string& query, const Headers& headers = {},
               const std::string& body = "") {
    return {headers, body, method, "https://a.example/x" + (query.empty() ? "" : "?" + query)};
}

Delivery posted(const std::string& body, const Headers& headers = {}) {
    return asked("POST", "", headers, body);
}

Scheme preset(const std::string& name) {
    return preset_scheme(name).value();
}

Scheme with(const std::string& handshake) {
    return parse_scheme(
        "test",
        "algorithm hmac-sha256; signed '{body}'; signature header=S; handshake " + handshake + ";");
}

TEST(Handshakes, OnlyTheseSendersHaveOne) {
    const std::vector<std::pair<std::string, std::vector<Handshake::Check>>> expected{
        {"asana", {Handshake::Check::none}},
        {"discord", {Handshake::Check::signature, Handshake::Check::signature}},
        {"dropbox", {Handshake::Check::none}},
        {"intercom", {Handshake::Check::none}},
        {"meta", {Handshake::Check::token}},
        {"monday", {Handshake::Check::none}},
        {"okta", {Handshake::Check::signature}},
        {"slack", {Handshake::Check::signature}},
        {"trello", {Handshake::Check::none}},
        {"twitch", {Handshake::Check::signature}},
        {"woocommerce", {Handshake::Check::none}},
        {"x-twitter", {Handshake::Check::none}},
        {"zoom", {Handshake::Check::signature}},
    };
    std::size_t found = 0;
    for (const Preset& one : presets()) {
        const Scheme scheme = preset(std::string(one.name));
        if (scheme.handshakes.empty()) continue;
        ASSERT_LT(found, expected.size()) << one.name;
        EXPECT_EQ(expected[found].first, one.name);
        std::vector<Handshake::Check> checks;
        for (const Handshake& handshake : scheme.handshakes) checks.push_back(handshake.check);
        EXPECT_EQ(expected[found].second, checks) << one.name;
        ++found;
    }
    EXPECT_EQ(expected.size(), found);
}

void expect_answer(const std::string& name, const Delivery& delivery,
                   const HandshakeAnswer& expected) {
    SCOPED_TRACE(name);
    const Question question(preset(name), delivery);
    EXPECT_TRUE(question.may_be());
    const auto answer = question.answer();
    ASSERT_TRUE(answer);
    EXPECT_EQ(expected.status, answer->status);
    EXPECT_EQ(expected.content_type, answer->content_type);
    EXPECT_EQ(expected.body, answer->body);
    EXPECT_EQ(expected.header_name, answer->header_name);
    EXPECT_EQ(expected.header_value, answer->header_value);
}

TEST(Handshakes, AreAnsweredAsTheSenderWants) {
    const std::string json = "application/json";
    const std::string text = "text/plain";
    expect_answer("asana", posted("{}", {{"X-Hook-Secret", "abc/123"}}),
                  {200, text, "", "X-Hook-Secret", "abc/123"});
    expect_answer("discord", posted(R"({"type":1,"id":"x"})"),
                  {200, json, R"({"type":1})", "", ""});
    expect_answer("discord", posted(R"({"type":0})"), {204, text, "", "", ""});
    expect_answer("dropbox", asked("GET", "challenge=a%2Bb"), {200, text, "a+b", "", ""});
    expect_answer("meta",
                  asked("GET", "hub.mode=subscribe&hub.challenge=42&hub.verify_token=token"),
                  {200, text, "42", "", ""});
    expect_answer("whatsapp", asked("GET", "hub.mode=subscribe&hub.challenge=42"),
                  {200, text, "42", "", ""});
    expect_answer("monday", posted(R"({"challenge":"c"})"),
                  {200, json, R"({"challenge":"c"})", "", ""});
    expect_answer("okta", asked("GET", "", {{"X-Okta-Verification-Challenge", "c"}}),
                  {200, json, R"({"verification":"c"})", "", ""});
    expect_answer("slack", posted(R"({"type":"url_verification","challenge":"c","token":"t"})"),
                  {200, text, "c", "", ""});
    expect_answer("intercom", asked("HEAD", ""), {200, text, "", "", ""});
    expect_answer("trello", asked("HEAD", ""), {200, text, "", "", ""});
    expect_answer("twitch",
                  posted(R"({"challenge":"c"})",
                         {{"Twitch-Eventsub-Message-Type", "webhook_callback_verification"}}),
                  {200, text, "c", "", ""});
    expect_answer(
        "x-twitter", asked("GET", "crc_token=abc&nonce=n"),
        {200, json, R"({"response_token":"sha256=)" + hmac_base64(kKey, "abc") + "\"}", "", ""});
    expect_answer(
        "zoom", posted(R"({"event":"endpoint.url_validation","payload":{"plainToken":"qgg8"}})"),
        {200, json, R"({"plainToken":"qgg8","encryptedToken":")" + hmac_hex(kKey, "qgg8") + "\"}",
         "", ""});
}

TEST(Handshakes, DeliveriesAreNone) {
    const std::vector<std::pair<std::string, Delivery>> deliveries{
        {"asana", posted("{}", {{"X-Hook-Signature", "00"}})},
        {"discord", posted(R"({"type":2})")},
        {"discord", posted(R"({"type":1,"event":{"type":"APPLICATION_AUTHORIZED"}})")},
        {"discord", posted(R"({"type":1,"event":null})")},
        {"discord", posted("type=1")},
        {"dropbox", posted("{}")},
        {"dropbox", asked("GET", "")},
        {"dropbox", asked("POST", "challenge=c")},
        {"dropbox", asked("GET", "challenge=c&challenge=d")},
        {"meta", asked("GET", "hub.mode=unsubscribe&hub.challenge=42")},
        {"meta", asked("POST", "hub.mode=subscribe&hub.challenge=42")},
        {"meta", asked("GET", "hub_mode=subscribe")},
        {"monday", posted(R"({"event":{"challenge":"c"}})")},
        {"monday", asked("GET", "challenge=c")},
        {"okta", asked("POST", "", {{"X-Okta-Verification-Challenge", "c"}})},
        {"okta", asked("GET", "")},
        {"slack", posted(R"({"type":"event_callback","challenge":"c"})")},
        {"slack", posted(R"({"event":{"type":"url_verification"},"challenge":"c"})")},
        {"slack", posted("type=url_verification&challenge=c")},
        {"slack", posted("")},
        {"intercom", asked("GET", "")},
        {"intercom", posted("{}")},
        {"trello", asked("GET", "")},
        {"trello", posted("{}")},
        {"twitch",
         posted(R"({"challenge":"c"})", {{"Twitch-Eventsub-Message-Type", "notification"}})},
        {"twitch",
         posted("{}", {{"Twitch-Eventsub-Message-Type", "webhook_callback_verification"}})},
        {"x-twitter", asked("POST", "crc_token=abc")},
        {"x-twitter", asked("GET", "")},
        {"zoom", posted(R"({"event":"meeting.started","payload":{"plainToken":"a"}})")},
        {"github", posted(R"({"type":"url_verification","challenge":"c"})")},
    };
    for (const auto& [name, delivery] : deliveries) {
        EXPECT_EQ(-1, Question(preset(name), delivery).index())
            << name << ' ' << delivery.method << ' ' << delivery.url << ' ' << delivery.body;
    }
}

TEST(Handshakes, AreFoundBeforeTheBodyWhereTheyDoNotReadIt) {
    EXPECT_NE(nullptr,
              Question(preset("dropbox"), asked("GET", "challenge=c")).found_without_body());
    EXPECT_NE(nullptr,
              Question(preset("asana"), posted("", {{"X-Hook-Secret", "s"}})).found_without_body());
    const Question slack(preset("slack"), posted(R"({"type":"url_verification","challenge":"c"})"));
    EXPECT_EQ(nullptr, slack.found_without_body());
    EXPECT_TRUE(slack.may_be());
    EXPECT_EQ(nullptr,
              Question(with("when=!json:/a method=HEAD"), asked("HEAD", "")).found_without_body());
}

TEST(Handshakes, MayBeOneAsFarAsTheHeadersTell) {
    EXPECT_TRUE(Question(preset("slack"), posted("")).may_be());
    EXPECT_FALSE(Question(preset("slack"), asked("GET", "")).may_be());
    EXPECT_FALSE(Question(preset("twitch"), posted("{}")).may_be());
    EXPECT_FALSE(Question(preset("dropbox"), asked("GET", "")).may_be());
    EXPECT_FALSE(Question(preset("github"), posted("{}")).may_be());
    EXPECT_TRUE(Question(with("when=json:/a when=header:X=1"), posted("", {{"X", "1"}})).may_be());
    EXPECT_FALSE(Question(with("when=json:/a when=header:X=1"), posted("", {{"X", "2"}})).may_be());
}

TEST(Handshakes, FirstThatFitsIsTaken) {
    const std::string both =
        "when=json:/a=1 answer=first; handshake when=json:/a answer=second;"
        "handshake when=header:X answer=third";
    EXPECT_EQ("first", Question(with(both), posted(R"({"a":1})")).body_of_answer());
    EXPECT_EQ("second", Question(with(both), posted(R"({"a":2})")).body_of_answer());
    EXPECT_EQ("second", Question(with(both), posted(R"({"a":2})", {{"X", "1"}})).body_of_answer());
    EXPECT_EQ("third", Question(with(both), posted("no json", {{"X", "1"}})).body_of_answer());
}

TEST(Handshakes, EveryConditionHasToBeMet) {
    const std::string all = "when=json:/a=1 when=header:X when=query:q=2 when=!header:Y";
    const auto index = [&](const Delivery& delivery) {
        return Question(with(all), delivery).index();
    };
    EXPECT_EQ(0, index(asked("POST", "q=2", {{"x", "1"}}, R"({"a":"1"})")));
    EXPECT_EQ(0, index(asked("POST", "p=1&q=2", {{"X", "z"}}, R"({"a":1})")));
    EXPECT_EQ(-1, index(asked("POST", "q=2", {{"X", "1"}}, R"({"a":2})")));
    EXPECT_EQ(-1, index(asked("POST", "q=3", {{"X", "1"}}, R"({"a":1})")));
    EXPECT_EQ(-1, index(asked("POST", "q=2", {}, R"({"a":1})")));
    EXPECT_EQ(-1, index(asked("POST", "q=2", {{"X", "y"}, {"Y", ""}}, R"({"a":1})")));
    EXPECT_EQ(-1, index(asked("PUT", "q=2", {{"X", "1"}}, R"({"a":1})")));
}

TEST(Handshakes, WhatIsThereButOfNoUseIsNotAbsent) {
    const std::string control = "a\x01"s;
    for (const Headers& headers :
         {Headers{{"X", "1"}, {"X", "2"}}, Headers{{"X", control}}, Headers{{"X", "1"}},
          Headers{{"X", std::string(kLongestPayloadValue + 1, 'x')}}}) {
        EXPECT_EQ(-1,
                  Question(with("method=HEAD when=!header:X"), asked("HEAD", "", headers)).index());
    }
    EXPECT_EQ(0, Question(with("method=HEAD when=!header:X"), asked("HEAD", "")).index());
    for (const std::string& query : {"q"s, "q="s, "q=1&q=2"s, "%71=1"s, "q=%01"s, "a=%zz"s}) {
        EXPECT_EQ(-1, Question(with("method=HEAD when=!query:q"), asked("HEAD", query)).index())
            << query;
    }
    EXPECT_EQ(0, Question(with("method=HEAD when=!query:q"), asked("HEAD", "p=1")).index());
    EXPECT_EQ(-1,
              Question(with("when=header:X when=!json:/a"), posted(R"({"a":null})", {{"X", "1"}}))
                  .index());
    EXPECT_EQ(
        -1, Question(with("when=header:X when=!json:/a"), posted("no json", {{"X", "1"}})).index());
    EXPECT_EQ(
        0,
        Question(with("when=header:X when=!json:/a"), posted(R"({"b":1})", {{"X", "1"}})).index());
}

TEST(Handshakes, WhatIsOfNoUseIsNotThere) {
    EXPECT_EQ(-1, Question(with("when=header:X"), posted("", {{"X", ""}})).index());
    EXPECT_EQ(-1, Question(with("when=query:q"), asked("POST", "q=")).index());
    EXPECT_EQ(
        0,
        Question(with("when=query:q when=header:X="), asked("POST", "q=1", {{"X", ""}})).index());
    const std::string longest(kLongestPayloadValue, 'x');
    EXPECT_EQ(0, Question(with("when=header:X"), posted("", {{"X", longest}})).index());
    EXPECT_EQ(-1, Question(with("when=header:X"), posted("", {{"X", longest + "x"}})).index());
    EXPECT_EQ(-1, Question(with("when=header:X"), posted("", {{"X", "1"}, {"X", "1"}})).index());
    EXPECT_EQ(-1, Question(with("when=header:X=1"), posted("", {{"X", "1"}, {"X", "1"}})).index());
    EXPECT_EQ(-1, Question(with("when=query:q=1"), asked("POST", "q=1&q=1")).index());
    EXPECT_EQ(-1, Question(with("when=query:q"), asked("POST", "q=%0d%0a")).index());
    EXPECT_EQ(-1, Question(with("when=query:q"), asked("POST", "q=" + longest + "x")).index());
    EXPECT_EQ(0, Question(with("when=query:q"), asked("POST", "q=" + longest)).index());
}

TEST(Handshakes, MissingValueIsNoAnswer) {
    EXPECT_EQ("(none)",
              Question(preset("slack"), posted(R"({"type":"url_verification"})")).body_of_answer());
    EXPECT_EQ("(none)",
              Question(preset("meta"), asked("GET", "hub.mode=subscribe")).body_of_answer());
    EXPECT_EQ("(none)", Question(preset("zoom"), posted(R"({"event":"endpoint.url_validation"})"))
                            .body_of_answer());
    EXPECT_EQ(
        "(none)",
        Question(with("method=HEAD 'header=X: {header:Y}'"), asked("HEAD", "")).body_of_answer());
    EXPECT_EQ("(none)",
              Question(with("method=HEAD 'answer={json:/a}'"), asked("HEAD", "")).body_of_answer());
    for (const std::string& value :
         {"null"s, "[]"s, "{}"s, "1.5"s, "\"a\\u0001\""s, "\"a\\r\\nb\""s,
          "\"" + std::string(kLongestPayloadValue + 1, 'x') + "\""}) {
        EXPECT_EQ("(none)",
                  Question(preset("slack"),
                           posted(R"({"type":"url_verification","challenge":)" + value + "}"))
                      .body_of_answer())
            << value;
    }
}

TEST(Handshakes, ControlCharactersNeverReachAnAnswer) {
    const Scheme echo = with("method=HEAD 'header=X: {query:q}' 'answer={query:q}'");
    for (const std::string& value : {"%0d%0aY:1"s, "a%00"s, "%7f"s, "%09"s, "%1b"s}) {
        EXPECT_EQ("(none)", Question(echo, asked("HEAD", "q=" + value)).body_of_answer()) << value;
    }
    const auto answer = Question(echo, asked("HEAD", "q=a%20b%C3%A4")).answer();
    ASSERT_TRUE(answer);
    EXPECT_EQ("a b\xc3\xa4", answer->body);
    EXPECT_EQ("a b\xc3\xa4", answer->header_value);
}

TEST(Handshakes, ValuesAreNoMarkup) {
    const auto answer = [](const std::string& text, const std::string& query) {
        return Question(with("method=HEAD type=text/plain 'answer=" + text + "'"),
                        asked("HEAD", query))
            .answer();
    };
    for (const std::string& query :
         {"q=%3C%21--%23echo"s, "q=a%3C%21b"s, "q=%3C!"s, "q=%3C%3C!"s}) {
        EXPECT_FALSE(answer("{query:q}", query)) << query;
    }
    EXPECT_FALSE(answer("<{query:q}", "q=%21--%23echo"));
    EXPECT_FALSE(answer("{query:q}!--#", "q=%3C"));
    EXPECT_FALSE(answer("{query:q}{query:p}", "q=%3C&p=%21--%23"));
    EXPECT_TRUE(answer("{query:q}", "q=%3Ca%3E%21--%23"));
    EXPECT_TRUE(answer("<!DOCTYPE html>{query:q}", "q=a"));
    EXPECT_TRUE(answer("<!{query:q}", "q=a"));
}

TEST(Handshakes, ValuesAreEscapedInJson) {
    for (const std::string& type :
         {"application/json"s, "application/json; charset=utf-8"s, "application/vnd.api+json"s,
          "Application/JSON"s, "application/json ;charset=utf-8"s}) {
        const Question question(
            with("method=HEAD \"type=" + type + "\" answer='{\"a\":\"{query:q}\"}'"),
            asked("HEAD", "q=%22%2C%22b%22%3A%22%5C%3C%2Fscript%3E"));
        const auto answer = question.answer();
        ASSERT_TRUE(answer) << type;
        EXPECT_EQ(R"({"a":"\",\"b\":\"\\\u003c/script>"})", answer->body) << type;
        EXPECT_EQ(type, answer->content_type);
    }
    for (const std::string& type : {"text/plain"s, "text/html"s, "application/x-jsonp"s}) {
        const Question question(with("method=HEAD type=" + type + " 'answer={query:q}'"),
                                asked("HEAD", "q=%22%5C"));
        EXPECT_EQ("\"\\", question.body_of_answer()) << type;
    }
    const Question header(with("method=HEAD type=application/json 'header=X: {query:q}'"),
                          asked("HEAD", "q=%22"));
    EXPECT_EQ("\"", header.answer()->header_value);
}

TEST(Handshakes, TextOfAnAnswerIsAsItIsWritten) {
    EXPECT_EQ(R"({"type":1,"x":"<"})",
              Question(with("method=HEAD type=application/json answer='{\"type\":1,\"x\":\"<\"}'"),
                       asked("HEAD", ""))
                  .body_of_answer());
}

// Whoever can have any text signed has a delivery signed.
TEST(Handshakes, OnlyPlainTokensAreSigned) {
    const Scheme scheme = with("method=HEAD 'answer={hmac-sha256-hex:query:q}'");
    const auto answered = [&](const std::string& text) {
        return Question(scheme, asked("HEAD", "q=" + percent_encoded(text, ""))).body_of_answer();
    };
    for (const std::string& token : {"qgg8vlvZRS6UYooatFL8Aw"s, "a"s, "a+/b=="s, "a_b-c.d~e="s,
                                     "0x"s, "xNaN"s, std::string(kLongestPayloadValue, 'k')}) {
        EXPECT_EQ(hmac_hex(kKey, token), answered(token)) << token;
    }
    for (const std::string& payload : {""s,
                                       "{}"s,
                                       "{\"a\":1}"s,
                                       "[]"s,
                                       "\"a\""s,
                                       "a b"s,
                                       "a\"b"s,
                                       "v0:1:b"s,
                                       "a,b"s,
                                       "a&b"s,
                                       "a=b"s,
                                       "payload=x"s,
                                       "="s,
                                       "=="s,
                                       "a==="s,
                                       "a=b="s,
                                       "=a"s,
                                       "a==b"s,
                                       "123"s,
                                       "-1"s,
                                       "1.5e+3"s,
                                       "1E5"s,
                                       "true"s,
                                       "false"s,
                                       "null"s,
                                       "<a>"s,
                                       "a%20b"s,
                                       "a;b"s,
                                       "a|b"s,
                                       "a@b"s,
                                       "a\\b"s,
                                       "\xc3\xa4"s,
                                       "a\x80"s,
                                       "a\nb"s,
                                       "a:b"s,
                                       "a(b)"s,
                                       "a#b"s,
                                       "a?b"s,
                                       "a*b"s,
                                       "a$b"s,
                                       std::string(kLongestPayloadValue + 1, 'k')}) {
        EXPECT_EQ("(none)", answered(payload)) << payload;
    }
}

TEST(Handshakes, CodesComeFromTheSigningKeyOnly) {
    const Scheme scheme = with(
        "method=HEAD 'answer={hmac-sha256-base64:header:X}' 'header=Y: "
        "{hmac-sha256-hex:header:X}'");
    const Question question(scheme, asked("HEAD", "", {{"X", "token"}}));
    EXPECT_EQ(hmac_base64("one key", "token"), question.answer("one key")->body);
    EXPECT_EQ(hmac_hex("one key", "token"), question.answer("one key")->header_value);
    EXPECT_EQ(hmac_base64("other key", "token"), question.answer("other key")->body);
    EXPECT_FALSE(question.answer(""));
    EXPECT_EQ(hmac_hex(kKey, "t"), Question(with("when=json:/a 'answer={hmac-sha256-hex:json:/a}'"),
                                            posted(R"({"a":"t"})"))
                                       .body_of_answer());
}

// The first ping of a shop, which nobody signs. What is signed, or no such form, is a delivery.
TEST(Handshakes, WooCommercePingsByAForm) {
    const auto index = [](const std::string& body, const Headers& headers = {}) {
        return Question(preset("woocommerce"), posted(body, headers)).index();
    };
    EXPECT_EQ(0, index("webhook_id=5"));
    EXPECT_EQ(-1, index("webhook_id="));
    EXPECT_EQ(-1, index("webhook_ids=5"));
    EXPECT_EQ(-1, index("webhook_id=5&webhook_id=5"));
    EXPECT_EQ(-1, index(""));
    EXPECT_EQ(-1, index(R"({"webhook_id":5})"));
    EXPECT_EQ(-1, index("webhook_id=5", {{"X-WC-Webhook-Signature", "c2ln"}}));
    EXPECT_EQ(-1, index("webhook_id=5", {{"X-WC-Webhook-Signature", ""}}));
    const Question question(preset("woocommerce"), posted("webhook_id=5"));
    EXPECT_TRUE(question.may_be());
    EXPECT_EQ(nullptr, question.found_without_body());
    EXPECT_EQ(200, question.answer()->status);
    EXPECT_EQ("", question.answer()->body);
}

TEST(Handshakes, ConditionsAndAnswersReadFields) {
    const std::string answer = " verify=none 'answer={field:a}|{hmac-sha256-hex:field:a}'";
    const auto answered = [&](const std::string& when, const std::string& body) {
        return Question(with(when + answer), posted(body)).body_of_answer();
    };
    const std::string one = "one|" + hmac_hex(kKey, "one");
    EXPECT_EQ(one, answered("when=field:a", "a=one&b=2"));
    EXPECT_EQ(one, answered("when=field:b=2+2", "a=one&b=2%2B2"));
    EXPECT_EQ("(none)", answered("when=field:b=2", "a=one&b=2&b=2"));
    EXPECT_EQ(one, answered("when=field:a when=!field:c", "a=one"));
    EXPECT_EQ("(none)", answered("when=field:a when=!field:c", "a=one&c="));
    EXPECT_EQ("(none)", answered("when=field:a", "a=one%0a"));
    EXPECT_EQ("(none)", answered("when=field:a", "a=o%zz"));
    EXPECT_EQ("(none)", answered("when=field:a", "a=" + std::string(513, 'a')));
    // What could be a payload is not signed.
    EXPECT_EQ("(none)", answered("when=field:a", "a=%7B%22a%22:1%7D"));
}

TEST(Handshakes, TokenMayStandInTheBody) {
    const Scheme scheme = with("when=query:q verify=token:field:t");
    const Delivery delivery = asked("POST", "q=1", {}, "t=a+b");
    const SchemeHeaders headers = delivery.offered_to(scheme);
    const auto form = Form::parse(delivery.body);
    const HandshakeRequest request{delivery.method, query_of(delivery.url), &headers};
    EXPECT_EQ(nullptr, find_handshake(scheme, request, {}));
    ASSERT_NE(nullptr, find_handshake(scheme, request, {nullptr, &*form}));
    EXPECT_EQ("a b", presented_token(scheme.handshakes.at(0), request, {nullptr, &*form}));
    EXPECT_FALSE(presented_token(scheme.handshakes.at(0), request, {}));
}

TEST(Handshakes, TokenIsReadWhereTheSenderPresentsIt) {
    const auto token = [](const Scheme& scheme, const Delivery& delivery) {
        const SchemeHeaders headers = delivery.offered_to(scheme);
        return presented_token(scheme.handshakes.at(0),
                               {delivery.method, query_of(delivery.url), &headers}, {});
    };
    const Scheme meta = preset("meta");
    EXPECT_EQ("a b", token(meta, asked("GET", "hub.verify_token=a+b")));
    EXPECT_EQ("", token(meta, asked("GET", "hub.verify_token=")));
    EXPECT_EQ(std::nullopt, token(meta, asked("GET", "hub.mode=subscribe")));
    EXPECT_EQ(std::nullopt, token(meta, asked("GET", "hub.verify_token=a&hub.verify_token=a")));
    EXPECT_EQ(std::nullopt, token(meta, asked("GET", "hub.verify_token=a%00")));
    const Scheme header = with("method=HEAD verify=token:header:X-T");
    EXPECT_EQ("t", token(header, asked("GET", "", {{"x-t", "t"}})));
    EXPECT_EQ(std::nullopt, token(header, asked("GET", "", {{"X-T", "t"}, {"X-T", "t"}})));
    EXPECT_EQ(std::nullopt, token(header, asked("GET", "")));
}

}  // namespace
}  // namespace webhook
