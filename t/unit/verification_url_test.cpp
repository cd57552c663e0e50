#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/encoding.h"
#include "base/url.h"
#include "delivery.h"
#include "scheme/native_url.h"
#include "scheme/presets.h"
#include "verification_fixture.h"

namespace webhook {
namespace {

using namespace std::string_literals;
using testing::base64;
using testing::Delivery;
using testing::hmac;
using testing::hmac_base64;
using testing::hmac_hex;
using testing::judge;
using testing::Judgement;
using testing::kBad;
using testing::KeyPair;
using testing::kNow;
using testing::kSecret;
using testing::secret;

TEST(Verification, UrlIsSignedAsTheSenderSawIt) {
    const Scheme scheme = parse_scheme(
        "test", "algorithm hmac-sha256; signed '{url}{body}'; signature header=X-Sign;");
    Delivery delivery{{{"X-Sign", hmac_hex(kSecret, "https://a.example/x?q=1{}")}}, "{}"};
    delivery.url = "https://a.example/x?q=1";
    const std::vector<SigningSecret> secrets{secret(scheme, kSecret)};
    EXPECT_EQ(Reason::accepted, judge(scheme, secrets, delivery, kNow).reason);
    for (const std::string& url : {"http://a.example/x?q=1"s, "https://a.example/x?q=2"s,
                                   "https://a.example:443/x?q=1"s, "https://a.example/X?q=1"s}) {
        delivery.url = url;
        EXPECT_EQ(kBad, judge(scheme, secrets, delivery, kNow)) << url;
    }
}

TEST(Verification, UrlMayBeSignedWithOrWithoutItsPort) {
    const Scheme scheme = parse_scheme(
        "test", "algorithm hmac-sha256; signed '{url:ports}{body}'; signature header=X-Sign;");
    const std::vector<SigningSecret> secrets{secret(scheme, "another", "1"),
                                             secret(scheme, kSecret, "2")};
    const auto judged = [&](const std::string& url, const std::string& signed_url) {
        Delivery delivery{{{"X-Sign", hmac_hex(kSecret, signed_url + "{}")}}, "{}"};
        delivery.url = url;
        return judge(scheme, secrets, delivery, kNow);
    };
    const Judgement right{Reason::accepted, "2"};
    const std::string bare_url = "https://a.example/x";
    EXPECT_EQ(right, judged(bare_url, bare_url));
    EXPECT_EQ(right, judged(bare_url, "https://a.example:443/x"));
    EXPECT_EQ(right, judged("https://a.example:443/x", bare_url));
    EXPECT_EQ(right, judged("https://a.example:8443/x", bare_url));
    EXPECT_EQ(right, judged("http://a.example/x", "http://a.example:80/x"));
    EXPECT_EQ(kBad, judged(bare_url, "https://a.example:80/x"));
    EXPECT_EQ(kBad, judged(bare_url, "https://a.example:8443/x"));
    EXPECT_EQ(kBad, judged("https://a.example:8443/x", "https://a.example:443/x"));
    EXPECT_EQ(kBad, judged(bare_url, "https://b.example/x"));
    EXPECT_EQ(kBad, judged(bare_url, ""));
    EXPECT_EQ(right, judged("/x", "/x"));
    EXPECT_EQ(kBad, judged("/x", ""));
}

TEST(Verification, UrlOfHubSpotIsDecodedInPart) {
    const Scheme scheme = preset_scheme("hubspot-v3").value();
    Delivery delivery{{{"X-HubSpot-Signature-v3",
                        hmac_base64(kSecret, "POSThttps://a.example/x?a=:/%20%25b[]1614265330000")},
                       {"X-HubSpot-Request-Timestamp", "1614265330000"}},
                      "[]"};
    delivery.url = "https://a.example/x?a=%3A%2F%20%25b";
    EXPECT_EQ(Reason::accepted, judge(scheme, {secret(scheme, kSecret)}, delivery, kNow).reason);
}

// What else it holds is its own: that nothing can be moved to it is boundaries_test.cpp's.
TEST(Verification, UrlAndParameterMayHoldWhatTheyLike) {
    for (const std::string& text : {"{url}{body}"s, "{body}{url}"s, "{url:hubspot}{body}"s}) {
        const Scheme scheme = parse_scheme(
            "test", "algorithm hmac-sha256; signature header=X-Sign; signed \"" + text + "\";");
        for (const std::string& more : {"a"s, "a=1&b=%7B"s, "a{"s, "[]=1"s, "a\""s, "a|"s, "a]"s}) {
            const std::string url = "https://a.example/x?" + more;
            const std::string code =
                hmac_hex(kSecret, text.starts_with("{body") ? "[]" + url : url + "[]");
            Delivery delivery{{{"X-Sign", code}}, "[]"};
            delivery.url = url;
            EXPECT_EQ(Reason::accepted,
                      judge(scheme, {secret(scheme, kSecret)}, delivery, kNow).reason)
                << text << ' ' << more;
        }
    }
    for (const std::string& text : {"{query:id}{body}"s, "{body}{query:id}"s}) {
        const Scheme scheme = parse_scheme(
            "test", "algorithm hmac-sha256; signature header=X-Sign; signed '" + text + "';");
        for (const std::string& id : {"a1"s, "2021-02-25"s, "[1"s, "a=b"s, "a}"s, ""s, " a "s}) {
            const bool first = text.starts_with("{query");
            Delivery delivery{{{"X-Sign", hmac_hex(kSecret, first ? id + "{}" : "{}" + id)}}, "{}"};
            delivery.url = "https://a.example/x?id=" + percent_encoded(id, "");
            const Reason reason = judge(scheme, {secret(scheme, kSecret)}, delivery, kNow).reason;
            if (id.empty() || id == " a ") {
                EXPECT_NE(Reason::accepted, reason) << text;
            } else {
                EXPECT_EQ(Reason::accepted, reason) << text << ' ' << id;
            }
        }
    }
}

// Where a reader separates parameters by it, another one of the name could stand behind it.
TEST(Verification, ParameterIsReadOfNoQueryWithASemicolon) {
    const std::pair<const char*, const char*> texts[] = {
        {"signed '{query:id}.{body}';", "a.body"},
        {"signed '{id}.{body}'; event_id query=id;", "a.body"},
        {"signed '{timestamp}.{body}'; timestamp query=t;", "1614265330.body"}};
    for (const auto& [text, signed_text] : texts) {
        const Scheme scheme =
            parse_scheme("test", "algorithm hmac-sha256; signature header=X-Sign;"s + text);
        Delivery delivery{{{"X-Sign", hmac_hex(kSecret, signed_text)}}, "body"};
        for (const auto& [query, expected] :
             {std::pair("x=1%3Bid=b%3Bt=1&id=a&t=1614265330", Reason::accepted),
              {"x=1;id=b;t=1&id=a&t=1614265330", Reason::bad_signature},
              {"id=a&t=1614265330&x=1;id=b;t=1", Reason::bad_signature}}) {
            delivery.url = "https://a.example/x?"s + query;
            EXPECT_EQ(expected, judge(scheme, {secret(scheme, kSecret)}, delivery, kNow).reason)
                << text << ' ' << query;
        }
    }
    const Scheme unsigned_id = parse_scheme(
        "test", "algorithm hmac-sha256; signature header=S; signed '{body}'; event_id query=id;");
    Delivery delivery{{{"S", hmac_hex(kSecret, "body")}}, "body"};
    delivery.url = "https://a.example/x?x=1;id=b&id=a";
    EXPECT_EQ(Reason::accepted,
              judge(unsigned_id, {secret(unsigned_id, kSecret)}, delivery, kNow).reason);
}

TEST(Verification, ParameterOfTheQueryIsSigned) {
    const Scheme scheme = parse_scheme(
        "test", "algorithm hmac-sha256; signed '{query:id}.{body}'; signature header=X-Sign;");
    const auto judged = [&](const std::string& query) {
        Delivery delivery{{{"X-Sign", hmac_hex(kSecret, "a b.body")}}, "body"};
        delivery.url = "https://a.example/x?" + query;
        return judge(scheme, {secret(scheme, kSecret)}, delivery, kNow);
    };
    EXPECT_EQ(Reason::accepted, judged("id=a+b").reason);
    EXPECT_EQ(Reason::accepted, judged("x=1&id=a%20b").reason);
    for (const std::string& query :
         {"id=a"s, ""s, "ID=a+b"s, "id=a+b&id=a+b"s, "id=a+b&id=c"s, "id=a%zz"s, "id="s}) {
        EXPECT_EQ(kBad, judged(query)) << query;
    }
}

TEST(Verification, ParameterThatIsNotThereIsNotTheEmptyOne) {
    for (const std::string& text :
         {"{method}{query:id}"s, "{query:id}|{method}{sha256:body}"s, "{query:id}{sha256:body}"s}) {
        const Scheme scheme = parse_scheme(
            "test", "algorithm hmac-sha256; signature header=X-Sign; signed '" + text + "';");
        std::string signed_text = text == "{method}{query:id}" ? "POST" : "";
        if (text.find('|') != std::string::npos) signed_text = "|POST";
        if (text.ends_with("{sha256:body}")) signed_text += testing::sha256_hex("body");
        Delivery delivery{{{"X-Sign", hmac_hex(kSecret, signed_text)}}, "body"};
        EXPECT_EQ(kBad, judge(scheme, {secret(scheme, kSecret)}, delivery, kNow)) << text;
        delivery.url = "https://a.example/x?id=";
        EXPECT_EQ(Reason::accepted, judge(scheme, {secret(scheme, kSecret)}, delivery, kNow).reason)
            << text;
    }
}

TEST(Verification, IdOfTheSecretIsSigned) {
    const Scheme scheme = parse_scheme(
        "test", "algorithm hmac-sha256; signed '{secret_id}.{body}'; signature header=X-Sign;");
    const Delivery delivery{{{"X-Sign", hmac_hex(kSecret, "two.body")}}, "body"};
    EXPECT_EQ((Judgement{Reason::accepted, "two"}),
              judge(scheme, {secret(scheme, kSecret, "one"), secret(scheme, kSecret, "two")},
                    delivery, kNow));
    EXPECT_EQ(kBad, judge(scheme, {secret(scheme, kSecret, "one")}, delivery, kNow));
    EXPECT_EQ(kBad, judge(scheme, {secret(scheme, kSecret, "")}, delivery, kNow));
}

TEST(Verification, SecretOfATopicIsThatOfNoOther) {
    const Scheme scheme = preset_scheme("aws-sns").value();
    const auto notification = [](const std::string& topic) {
        const std::string time = "2021-02-25T15:02:10.000Z";
        const std::string text = "Message\nm\nMessageId\ni\nTimestamp\n" + time + "\nTopicArn\n" +
                                 topic + "\nType\nNotification\n";
        return Delivery{{},
                        R"({"Type":"Notification","MessageId":"i","Message":"m","Timestamp":")" +
                            time + R"(","TopicArn":")" + topic + R"(","Signature":")" +
                            base64(KeyPair::rsa().sign(text)) + "\"}"};
    };
    const auto judged = [&](const std::string& id, const std::string& topic) {
        return judge(scheme, {secret(scheme, KeyPair::rsa().pem(), id)}, notification(topic), kNow)
            .reason;
    };
    EXPECT_EQ(Reason::accepted, judged("arn:mine", "arn:mine"));
    EXPECT_EQ(Reason::bad_signature, judged("arn:mine", "arn:other"));
    EXPECT_EQ(Reason::bad_signature, judged("", "arn:mine"));
    EXPECT_NE(Reason::accepted, judged("arn:mine", ""));
}

TEST(Verification, DigestInTheUrl) {
    const Scheme scheme = parse_scheme("test",
                                       "algorithm hmac-sha256; signed '{url}'; signature header=S;"
                                       "digest query=d algorithm=sha384 encoding=base64url;");
    const std::string digest = testing::base64url(testing::hashed(EVP_sha384(), "body"));
    const auto judged = [&](const std::string& query, const std::string& body) {
        const std::string url = "https://a.example/x" + query;
        Delivery delivery{{{"S", hmac_hex(kSecret, url)}}, body};
        delivery.url = url;
        return judge(scheme, {secret(scheme, kSecret)}, delivery, kNow, {body.size() / 2}).reason;
    };
    EXPECT_EQ(Reason::accepted, judged("?d=" + digest, "body"));
    EXPECT_EQ(Reason::bad_signature, judged("?d=" + digest, "bodY"));
    EXPECT_EQ(Reason::bad_signature, judged("?d=" + digest, ""));
    EXPECT_EQ(Reason::bad_signature, judged("", "body"));
    EXPECT_EQ(Reason::bad_signature, judged("", ""));
    EXPECT_EQ(Reason::bad_signature, judged("?d=" + digest + "&d=" + digest, "body"));
    EXPECT_EQ(Reason::bad_signature, judged("?D=" + digest, "body"));
    EXPECT_EQ(Reason::accepted, judged("?a=1&d=" + digest, "body"));
    EXPECT_EQ(Reason::bad_signature, judged("?d=" + digest + "&a=1", "body"));
    EXPECT_EQ(Reason::bad_signature, judged("#?d=" + digest, "body"));
    EXPECT_EQ(Reason::bad_signature, judged("?d=" + digest.substr(4), "body"));
    EXPECT_EQ(Reason::bad_signature, judged("?d=", "body"));
}

TEST(Verification, SignatureMayStandInTheQuery) {
    const Scheme scheme =
        parse_scheme("test",
                     "algorithm hmac-sha256; signed '{timestamp}.{body}'; signature query=sig;"
                     "timestamp query=t; event_id query=id;");
    const std::string sig = "&sig=" + hmac_hex(kSecret, "1614265330.body");
    const auto judged = [&](const std::string& query,
                            std::vector<std::pair<std::string, std::string>> headers = {}) {
        const Delivery delivery{std::move(headers), "body", "POST", "https://a.example/?" + query};
        return judge(scheme, {secret(scheme, kSecret)}, delivery, kNow).reason;
    };
    EXPECT_EQ(Reason::accepted, judged("t=1614265330" + sig));
    EXPECT_EQ(Reason::accepted, judged("%74=161426533%30&a=1" + sig));
    EXPECT_EQ(Reason::bad_signature, judged("t=1614265331" + sig));
    EXPECT_EQ(Reason::stale_timestamp, judged("t=1614265000" + sig));
    EXPECT_EQ(Reason::missing_signature, judged("t=1614265330"));
    EXPECT_EQ(Reason::missing_signature, judged("t=1614265330&Sig=00"));
    EXPECT_EQ(Reason::malformed_signature, judged("t=1614265330" + sig + sig));
    EXPECT_EQ(Reason::malformed_signature, judged("t=1614265330&sig=zz"));
    EXPECT_EQ(Reason::missing_timestamp, judged(sig));
    EXPECT_EQ(Reason::malformed_timestamp, judged("t=1614265330&t=1614265330" + sig));
    EXPECT_EQ(Reason::malformed_header, judged("t=1614265330&id=1&id=2" + sig));
    // A query that does not decode is read by nobody in the same way.
    EXPECT_EQ(Reason::missing_signature, judged("a=%zz&t=1614265330" + sig));
    // No header passes for a parameter.
    EXPECT_EQ(Reason::missing_signature,
              judged("t=1614265330", {{"?sig", hmac_hex(kSecret, "1614265330.body")},
                                      {"sig", hmac_hex(kSecret, "1614265330.body")}}));
}

TEST(Verification, TokenMayStandInTheQuery) {
    const Scheme scheme = parse_scheme("test", "algorithm token; signature query=token;");
    const auto judged = [&](const std::string& query) {
        const Delivery delivery{{}, "", "POST", "https://a.example/?" + query};
        return judge(scheme, {secret(scheme, kSecret)}, delivery, kNow).reason;
    };
    EXPECT_EQ(Reason::accepted, judged("token=" + kSecret));
    EXPECT_EQ(Reason::bad_signature, judged("token=" + kSecret + "x"));
    EXPECT_EQ(Reason::malformed_signature, judged("token="));
    EXPECT_EQ(Reason::malformed_signature, judged("token=" + kSecret + "&token=" + kSecret));
}

// What nobody signed is read by those who go by the query, or merge it with the body.
TEST(Verification, TheQueryIsThatOfTheSignedUrl) {
    struct Row {
        const char* scheme;
        const char* url;
        const char* sent;
        Reason expected;
    };
    const char* const by_url = "algorithm hmac-sha256; signed '{url}|{body}'; signature header=S;";
    const char* const by_qsh = "algorithm jwt=HS256; signature header=S; claims qsh='{url:qsh}';";
    const char* const by_claim = "algorithm jwt=HS256; signature header=S; claims aud='{url}';";
    const char* const by_query =
        "algorithm hmac-sha256; signed '{url}|{body}'; signature header=S; event_id query=id;";
    const char* const by_type =
        "algorithm hmac-sha256; signed '{url}|{body}'; signature header=S; event_type query=type;";
    const Row rows[] = {
        {by_url, "https://h/x?a=1+b;c", "a=1+b;c", Reason::accepted},
        {by_type, "https://h/x?a=1+b;c", "a=1+b;c&type=1", Reason::accepted},
        {by_type, "https://h/x?a=1+b", "a=1%20b&type=1", Reason::bad_signature},
        {by_type, "https://h/x?a=1+b&c=%41", "a=1+b&type=1&c=A", Reason::accepted},
        {by_type, "https://h/x", "type=a+b", Reason::accepted},
        {by_type, "https://h/x", "type=a;b=1", Reason::bad_signature},
        {by_type, "https://h/x", "type=a#b=1", Reason::bad_signature},
        {by_type, "https://h/x", "type=a#&b=1", Reason::bad_signature},
        {by_type, "https://h/x", "b=1;type=a", Reason::bad_signature},
        {by_type, "https://h/x?type=a;b", "type=a", Reason::bad_signature},
        {by_type, "https://h/x?type=a", "type=a", Reason::accepted},
        {by_type, "https://h/x?type=a", "type=%61", Reason::accepted},
        {by_type, "https://h/x?type=a", "type=b", Reason::bad_signature},
        {by_type, "https://h/x?type=a", "", Reason::bad_signature},
        {by_type, "https://h/x?type=a", "type=a&type=b", Reason::bad_signature},
        {by_type, "https://h/x?t%79pe=a", "type=b", Reason::bad_signature},
        {by_type, "https://h/x?b=1;type=a", "b=1;type=a&type=b", Reason::bad_signature},
        {by_type, "https://h/x", "%zz=1&type=1", Reason::bad_signature},
        {by_type, "https://h/x", "type=%zz", Reason::accepted},
        {by_type, "https://h/x?a", "a=&type=1", Reason::bad_signature},
        {by_type, "https://h/x?a", "%61&type=1", Reason::accepted},
        {by_type, "https://h/x", "&", Reason::bad_signature},
        {by_type, "https://h/x", "&=1&type=1", Reason::bad_signature},
        {by_url, "https://h/x", "", Reason::accepted},
        {by_url, "https://h/x", "a=1", Reason::bad_signature},
        {by_url, "https://h/x?a=1", "a=1", Reason::accepted},
        {by_url, "https://h/x?a=1", "", Reason::bad_signature},
        {by_url, "https://h/x?a=1", "a=2", Reason::bad_signature},
        {by_url, "https://h/x?a=1", "a=1&b=2", Reason::bad_signature},
        {by_url, "https://h/x?a=1", "a=1#b", Reason::bad_signature},
        {by_url, "https://h/x?a=1#b", "a=1", Reason::accepted},
        {by_url, "https://h/x?a=1&b", "b&a=1", Reason::bad_signature},
        {by_url, "https://h/x?a=1&b", "a=1&b=", Reason::bad_signature},
        {by_url, "https://h/x?a[]=b:/", "a%5B%5D=b%3a%2F", Reason::accepted},
        {by_url, "https://h/x?a=%2B", "a=+", Reason::bad_signature},
        {by_url, "https://h/x?a=%20", "a=+", Reason::bad_signature},
        {by_url, "https://h/x?a=%26b", "a=&b", Reason::bad_signature},
        {by_url, "https://h/x?a=1%3Bb", "a=1;b", Reason::bad_signature},
        {by_url, "https://h/x?a=1%23b", "a=1#b", Reason::bad_signature},
        {by_url, "https://h/x?a=1", "a=1%", Reason::bad_signature},
        {by_query, "https://h/x?id=1", "id=1", Reason::accepted},
        {by_query, "https://h/x?id=1", "id=1&a=1", Reason::bad_signature},
        {by_query, "https://h/x", "id=1", Reason::bad_signature},
        {by_type, "https://h/x", "type=1", Reason::accepted},
        {by_type, "https://h/x", "type=1&a=1", Reason::bad_signature},
        {by_qsh, "https://h/x", "", Reason::accepted},
        {by_qsh, "https://h/x", "a=1", Reason::bad_signature},
        {by_claim, "https://h/x?a=1", "a=1", Reason::accepted},
        {by_claim, "https://h/x?a=1", "a=2", Reason::bad_signature},
    };
    for (const auto& [text, url, sent, expected] : rows) {
        const Scheme scheme = parse_scheme("test", text);
        Delivery delivery{{}, "{}"};
        delivery.url = url;
        delivery.sent_query = sent;
        const std::string claims = R"({"aud":")"s + url + R"(","qsh":")" +
                                   atlassian_qsh("POST", url, "").value_or("") + "\"}";
        delivery.set("S", scheme.algorithm == Algorithm::jwt ? testing::hs256_token(claims, kSecret)
                                                             : hmac_hex(kSecret, url + "|{}"s));
        for (const bool fixed : {false, true}) {
            delivery.url_is_fixed = fixed;
            // No URL of a request may have a fragment.
            const bool has_fragment = delivery.url.find('#') != std::string::npos;
            EXPECT_EQ(fixed || !has_fragment ? expected : Reason::bad_signature,
                      judge(scheme, {secret(scheme, kSecret)}, delivery, kNow).reason)
                << text << ' ' << url << " asked with " << sent << (fixed ? ", fixed" : "");
        }
    }
}

// A sender that signs a parameter by itself may leave it out of the URL, which is a fixed one then.
TEST(Verification, ParameterThatIsSignedByItselfMayBeMissingInTheUrl) {
    const auto judged = [](const std::string& text, const std::string& sent) {
        const Scheme scheme = parse_scheme("test",
                                           "algorithm hmac-sha256; signature header=S;"
                                           "event_id query=id; timestamp query=t;" +
                                               text);
        Delivery delivery{{{"S", hmac_hex(kSecret, "https://h/x|a b|1614265330|{}")}}, "{}"};
        delivery.url = "https://h/x";
        delivery.url_is_fixed = true;
        delivery.query = delivery.sent_query = sent;
        return judge(scheme, {secret(scheme, kSecret)}, delivery, kNow).reason;
    };
    const std::string by_values = "signed '{url}|{id}|{timestamp}|{body}';";
    const std::string by_queries = "signed '{url}|{query:id}|{query:t}|{body}';";
    for (const std::string& text : {by_values, by_queries}) {
        EXPECT_EQ(Reason::accepted, judged(text, "id=a+b&t=1614265330")) << text;
        EXPECT_EQ(Reason::accepted, judged(text, "t=1614265330&id=a%20b")) << text;
        EXPECT_EQ(Reason::bad_signature, judged(text, "id=a+b&t=1614265330&a=1")) << text;
        EXPECT_EQ(Reason::bad_signature, judged(text, "id=a+c&t=1614265330")) << text;
        EXPECT_EQ(Reason::bad_signature, judged(text, "id=a+b&t=1614265331")) << text;
    }
    EXPECT_EQ(Reason::bad_signature,
              judged("signed '{url}|a b|{timestamp}|{body}';", "id=a+b&t=1614265330"));
}

}  // namespace
}  // namespace webhook
