#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "scheme_fixture.h"

namespace webhook {
namespace {

using namespace std::string_literals;
using testing::expect_refused;
using testing::kHmac;
using testing::kToken;
using testing::kUnsigned;
using testing::parsed;

using Kind = TemplatePart::Kind;

Handshake handshake(const std::string& parameters) {
    return parsed(kHmac + "handshake " + parameters + ";").handshakes.at(0);
}

TEST(Scheme, HandshakeHasDefaults) {
    const Handshake plain = handshake("when=json:/a");
    EXPECT_EQ("POST", plain.method);
    EXPECT_EQ(Handshake::Check::signature, plain.check);
    EXPECT_EQ(200, plain.status);
    EXPECT_EQ("text/plain", plain.content_type);
    EXPECT_TRUE(plain.body.empty());
    EXPECT_EQ("", plain.header_name);
    EXPECT_TRUE(plain.header_value.empty());
    EXPECT_TRUE(parsed(kHmac).handshakes.empty());
}

TEST(Scheme, HandshakeConditions) {
    const Scheme scheme = parsed(kHmac +
                                 "handshake when=json:/type=a=b when=header:X-A when=!query:q "
                                 "when=json:/empty= when=!json:;");
    const auto& conditions = scheme.handshakes.at(0).conditions;
    using Test = Handshake::Condition::Test;
    ASSERT_EQ(5U, conditions.size());
    EXPECT_EQ(ValueLocation::Kind::json, conditions[0].source.kind);
    EXPECT_EQ("/type", conditions[0].source.text);
    EXPECT_EQ(Test::equals, conditions[0].test);
    EXPECT_EQ("a=b", conditions[0].value);
    EXPECT_EQ(ValueLocation::Kind::header, conditions[1].source.kind);
    EXPECT_EQ("x-a", scheme.headers.at(conditions[1].source.header));
    EXPECT_EQ(Test::present, conditions[1].test);
    EXPECT_EQ(ValueLocation::Kind::query, conditions[2].source.kind);
    EXPECT_EQ("q", conditions[2].source.text);
    EXPECT_EQ(Test::absent, conditions[2].test);
    EXPECT_EQ(Test::equals, conditions[3].test);
    EXPECT_EQ("", conditions[3].value);
    EXPECT_EQ(Test::absent, conditions[4].test);
    EXPECT_TRUE(scheme.handshakes[0].reads_body());
    EXPECT_FALSE(handshake("when=header:X when=query:q").reads_body());
    EXPECT_TRUE(handshake("when=field:f=1 when=query:q").reads_body());
    EXPECT_TRUE(handshake("when=query:q verify=token:field:f").reads_body());
    EXPECT_TRUE(handshake("when=query:q answer='{field:f}'").reads_body());
}

TEST(Scheme, HandshakeAnswer) {
    const Scheme scheme =
        parsed(kHmac +
               "handshake method=HEAD verify=token:query:t status=203 type=application/json"
               " answer='{\"a\":{\"b\":\"{query:q}\"},\"c\":[{header:X}{json:/j}]}'"
               " header='X-Y: {hmac-sha256-hex:header:X}-{hmac-sha256-base64:json:/j}';");
    const Handshake& head = scheme.handshakes.at(0);
    EXPECT_EQ("HEAD", head.method);
    EXPECT_EQ(Handshake::Check::token, head.check);
    EXPECT_EQ(ValueLocation::Kind::query, head.token.kind);
    EXPECT_EQ("t", head.token.text);
    EXPECT_EQ(203, head.status);
    EXPECT_EQ("application/json", head.content_type);
    const std::vector<std::pair<Kind, std::string>> expected{{Kind::literal, "{\"a\":{\"b\":\""},
                                                             {Kind::query, "q"},
                                                             {Kind::literal, "\"},\"c\":["},
                                                             {Kind::header, ""},
                                                             {Kind::json, "/j"},
                                                             {Kind::literal, "]}"}};
    ASSERT_EQ(expected.size(), head.body.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
        EXPECT_EQ(expected[i].first, head.body[i].kind) << i;
        EXPECT_EQ(expected[i].second, head.body[i].text) << i;
    }
    EXPECT_EQ("X-Y", head.header_name);
    ASSERT_EQ(3U, head.header_value.size());
    EXPECT_EQ(Kind::hmac_hex, head.header_value[0].kind);
    EXPECT_EQ(ValueLocation::Kind::header, head.header_value[0].source.kind);
    EXPECT_EQ("x", scheme.headers.at(head.header_value[0].source.header));
    EXPECT_EQ("-", head.header_value[1].text);
    EXPECT_EQ(Kind::hmac_base64, head.header_value[2].kind);
    EXPECT_EQ("/j", head.header_value[2].source.text);
    EXPECT_EQ(Handshake::Check::none, handshake("method=HEAD verify=none when=query:a").check);
    EXPECT_EQ(ValueLocation::Kind::header,
              handshake("method=HEAD verify=token:header:T").token.kind);
}

// As in JSON: what does not look like a placeholder is text.
TEST(Scheme, BracesInAnAnswerAreTextUnlessTheyLookLikeAPlaceholder) {
    const auto literal = [](const std::string& text) {
        const Handshake one = handshake("method=HEAD answer='" + text + "'");
        if (one.body.empty()) return ""s;
        EXPECT_EQ(1U, one.body.size()) << text;
        EXPECT_EQ(Kind::literal, one.body[0].kind) << text;
        return one.body[0].text;
    };
    for (const std::string& text :
         {""s, "{"s, "}"s, "{}"s, "{{}}"s, "}{"s, "{\"type\":1}"s, "{query:q"s, "query:q}"s,
          "{Query:q}"s, "{ query:q}"s, "{1}"s, "[{},{}]"s, "{query\"}"s, "{\"a\":{\"b\":{}}}"s}) {
        EXPECT_EQ(text, literal(text));
    }
    const Handshake nested = handshake("method=HEAD answer='{{query:q}}'");
    ASSERT_EQ(3U, nested.body.size());
    EXPECT_EQ("{", nested.body[0].text);
    EXPECT_EQ(Kind::query, nested.body[1].kind);
    EXPECT_EQ("}", nested.body[2].text);
}

TEST(SchemeErrors, HandshakeWords) {
    const auto refused = [](const std::string& parameters, const std::vector<std::string>& words) {
        std::vector<std::string> mentioned = words;
        mentioned.push_back("\"handshake\"");
        expect_refused(kHmac + "handshake " + parameters + ";", mentioned);
    };
    refused("when=json:/a methods=GET",
            {"\"methods=\"", "method", "when", "verify", "status", "type", "header", "answer"});
    refused("method=HEAD method=HEAD", {"duplicate parameter \"method\""});
    for (const std::string& method : {""s, "G T"s, "GET/1"s, "get"s, "Get"s, "G-T"s}) {
        refused("when=json:/a 'method=" + method + "'", {"method=" + method});
    }
    for (const std::string& condition :
         {""s, "!"s, "json"s, "/type"s, "item:t="s, "claim:iat"s, "!json:/a=b"s, "!json:/a="s,
          "body:/a"s, "Header:X"s, "=x"s}) {
        refused("'when=" + condition + "'",
                {"when=" + condition.substr(0, condition.find('=')),
                 "header:Name, json:/pointer, field:name or query:name"});
    }
    for (const std::string& check :
         {""s, "signatures"s, "token"s, "token:"s, "token:claim:a"s, "token:item:a"s, "no"s}) {
        refused("method=HEAD 'verify=" + check + "'",
                {"verify=" + check.substr(0, check.find(':')),
                 "signature, none, token:header:Name, token:query:name"});
    }
    for (const std::string& status : {"199"s, "300"s, "0"s, "-200"s, "ok"s, ""s, "200 "s}) {
        refused("method=HEAD 'status=" + status + "'", {"status=" + status, "200 to 299"});
    }
    refused("method=HEAD type=", {"type=", "media type"});
    refused("method=HEAD \"type=text/plain\\r\\nX: y\"", {"media type"});
    for (const std::string& header : {"X"s, ": x"s, "X:x"s, "X Y: x"s, ""s}) {
        refused("method=HEAD 'header=" + header + "'",
                {header == "X" ? "header=\"" : "header=" + header.substr(0, header.find(':')),
                 "Name: value"});
    }
    refused("method=HEAD \"header=X: a\\r\\nY: b\"", {"Name: value"});
    for (const std::string& name : {"Content-Length"s, "content-type"s, "Transfer-Encoding"s,
                                    "CONNECTION"s, "Date"s, "Server"s, "Trailer"s, "Upgrade"s}) {
        refused("method=HEAD 'header=" + name + ": 1'", {name, "nginx itself"});
    }
}

TEST(SchemeErrors, HandshakeThatEveryDeliveryWouldBe) {
    for (const std::string& rest :
         {"verify=none"s, "when=!header:X"s, "when=!json:/a when=!query:q"s, "when=json:"s,
          "when=json:=a when=!header:X"s}) {
        for (const std::string& method : {"POST"s, "PUT"s}) {
            expect_refused(kHmac + "handshake method=" + method + " " + rest + ";",
                           {"\"handshake\"", "\"when=\"", "tells it from a delivery",
                            "\"method=" + method + "\""});
        }
        for (const std::string& method : {"GET"s, "HEAD"s}) {
            if (rest.find("when=json:") != std::string::npos) continue;
            EXPECT_EQ(method, handshake("method=" + method + " " + rest).method);
        }
    }
    expect_refused(kHmac + "handshake;", {"\"handshake\"", "\"when=\""});
    for (const std::string& condition : {"header:X"s, "query:q"s, "json:/a"s, "query:q=1"s}) {
        EXPECT_EQ("POST", handshake("when=" + condition).method);
        EXPECT_EQ("PUT", handshake("method=PUT when=!header:Y when=" + condition).method);
    }
}

TEST(SchemeErrors, HandshakeByWhatEveryDeliveryHas) {
    const std::string scheme =
        "algorithm hmac-sha256; signature header=S; timestamp query=t; event_id header=I;"
        "signed '{timestamp}.{header:Q}.{json:/n}.{query:p}.{body}';"
        "event_type json=/type; require R=1;";
    for (const std::string& condition :
         {"header:S"s, "query:t"s, "header:I"s, "json:/type"s, "header:Q"s, "json:/n"s, "query:p"s,
          "header:R"s, "header:R=1"s, "header:Host"s, "header:Content-Type"s,
          "header:content-length"s, "header:User-Agent"s, "header:S when=!header:X"s}) {
        SCOPED_TRACE(condition);
        const std::string statement = "handshake when=" + condition;
        expect_refused(scheme + statement + ";", {"\"when=\"", "met by every delivery"});
        EXPECT_EQ(1U, parsed(scheme + statement + " when=json:/challenge;").handshakes.size());
        const bool in_body = condition.find("json:") != std::string::npos;
        if (in_body) continue;
        EXPECT_EQ(1U, parsed(scheme + statement + " method=GET;").handshakes.size());
    }
    for (const std::string& condition :
         {"header:R=2"s, "header:S=x"s, "json:/type=ping"s, "header:I=0"s, "query:i"s,
          "header:Content-Type=text/plain"s, "header:Host when=!header:S"s,
          "header:User-Agent when=!json:/type"s}) {
        SCOPED_TRACE(condition);
        EXPECT_EQ(1U, parsed(scheme + "handshake when=" + condition + ";").handshakes.size());
    }
    // Not every delivery has the id, or this one of two signatures.
    EXPECT_EQ(
        1U,
        parsed(kHmac + "event_id header=I optional; handshake when=header:I;").handshakes.size());
    EXPECT_EQ(1U, parsed(kHmac + "signature header=S; handshake when=header:S;").handshakes.size());
}

TEST(SchemeErrors, HandshakePlaceholders) {
    const auto refused = [](const std::string& text, const std::vector<std::string>& words) {
        expect_refused(kHmac + "handshake method=HEAD answer='" + text + "';", words);
        expect_refused(kHmac + "handshake method=HEAD 'header=X: " + text + "';", words);
    };
    for (const std::string& name : {"body"s, "secret"s, "url"s, "timestamp"s, "challenge"s,
                                    "hmac-sha1-hex:query:q"s, "query"s}) {
        refused("{" + name + "}",
                {"unknown placeholder \"{" + name + "}\" in \"handshake\"",
                 "{header:", "{json:", "{query:", "{hmac-sha256-hex:", "{hmac-sha256-base64:"});
    }
    refused("{query:}", {"no name in placeholder \"{query:}\""});
    refused("{json:x}", {"JSON pointer \"x\""});
    refused("{header:X Y}", {"invalid header name \"X Y\""});
    for (const std::string& source : {"q"s, "body"s, "claim:a"s, "item:a"s, ""s}) {
        refused("{hmac-sha256-hex:" + source + "}",
                {"invalid placeholder \"{hmac-sha256-hex:" + source + "}\"",
                 "header:Name, json:/pointer, query:name"});
    }
    refused("{hmac-sha256-base64:query:}", {"empty \"query=\""});
}

TEST(SchemeErrors, CodesNeedAnHmacKey) {
    const std::string codes =
        "handshake method=HEAD answer='{hmac-sha256-hex:query:q}';"
        "handshake method=HEAD 'header=X: {hmac-sha256-base64:query:q}';";
    EXPECT_EQ(2U, parsed(kHmac + codes).handshakes.size());
    for (const std::string& scheme :
         {kToken, "algorithm hmac-sha1; signed '{body}'; signature header=S;"s,
          "algorithm hmac-sha512; signed '{body}'; signature header=S;"s,
          "algorithm jwt=HS256; signature header=S;"s,
          "algorithm ed25519; key hex; signed '{body}'; signature header=S;"s,
          "algorithm sha256; signed '{secret}{body}'; signature header=S;"s}) {
        const std::size_t second = codes.find("handshake", 1);
        for (const std::string& handshakes : {codes.substr(0, second), codes.substr(second)}) {
            expect_refused(scheme + handshakes, {"needs \"algorithm hmac-sha256\""});
        }
    }
}

// A text that anyone can have signed must not be that of a delivery.
TEST(SchemeErrors, CodesForAnyoneAreNoSignaturesOfDeliveries) {
    const std::string event = "event_id header=Id; timestamp header=T;";
    const auto scheme = [&](const std::string& text, const std::string& check) {
        return kUnsigned + event + "signed '" + text + "'; handshake method=HEAD " + check +
               " answer='{hmac-sha256-hex:query:q}';";
    };
    for (const std::string& check : {"verify=none"s, "verify=token:query:t"s}) {
        for (const std::string& text : {"{timestamp}"s, "{id}.{timestamp}"s, "{sha256:body}"s,
                                        "{form}"s, "{field:a}"s, "v0-{json:/a:b}"s}) {
            expect_refused(scheme(text, check), {"would sign deliveries for anyone", "{body}",
                                                 "\"verify=\"", "\"signature\""});
        }
        for (const std::string& text : {"{body}"s, "v0:{timestamp}"s, "{id}|{timestamp}"s}) {
            EXPECT_EQ(1U, parsed(scheme(text, check)).handshakes.size()) << text;
        }
    }
    EXPECT_TRUE(parsed(scheme("{timestamp}", "verify=signature")).handshakes[0].proves_secret());
    EXPECT_FALSE(handshake("method=HEAD answer=x").proves_secret());
}

// By a scheme with the same key whose handshake signs plain tokens for anyone.
TEST(Scheme, TellsWhatAHandshakeOfAnotherCouldForge) {
    using Forgery = Scheme::Forgery;
    const std::string event = "event_id header=Id; timestamp header=T;";
    const auto forgery = [](const std::string& text) {
        return parsed(text).forgery_by_handshake();
    };
    const auto of_text = [&](const std::string& text) {
        return forgery(kUnsigned + event + "signed '" + text + "';");
    };
    for (const std::string text : {"{timestamp}", "{id}.{timestamp}", "{sha256:body}", "{form}",
                                   "{timestamp}{json:/a}", "v0-{field:a}==", "{url}"}) {
        EXPECT_EQ(Forgery::delivery, of_text(text)) << text;
    }
    for (const std::string text : {"{body}", "{id}.{timestamp}.{body}", "{body}{url}"}) {
        EXPECT_EQ(Forgery::token_as_body, of_text(text)) << text;
    }
    for (const std::string text : {"v0:{timestamp}:{body}", "{id}|{timestamp}", "{id}=a{form}"}) {
        EXPECT_EQ(Forgery::none, of_text(text)) << text;
    }
    for (const std::string algorithm : {"hmac-sha1", "hmac-sha512"}) {
        EXPECT_EQ(Forgery::none, forgery("algorithm " + algorithm +
                                         "; signed '{sha256:body}'; signature header=S;"));
    }
    EXPECT_EQ(Forgery::none, forgery("algorithm token; signature header=S;"));
    EXPECT_EQ(Forgery::none, forgery("algorithm sha256; signed '{secret}'; signature header=S;"));
    EXPECT_EQ(Forgery::delivery, forgery("algorithm jwt=HS512,HS256; signature header=S;"));
    EXPECT_EQ(Forgery::none, forgery("algorithm jwt=HS384,HS512; signature header=S;"));
    EXPECT_EQ(Forgery::none, forgery("algorithm jwt=RS256; key pem; signature header=S;"));
}

}  // namespace
}  // namespace webhook
