#include <gtest/gtest.h>

#include <string>

#include "delivery.h"
#include "scheme/presets.h"
#include "verification_fixture.h"

namespace webhook {
namespace {

using namespace std::string_literals;
using testing::base64;
using testing::Delivery;
using testing::hmac;
using testing::hmac_hex;
using testing::judge;
using testing::kNow;
using testing::kSecret;
using testing::secret;

const std::string kForm = "application/x-www-form-urlencoded";
const std::string kUrl = "https://hooks.example/in?a=1";

TEST(Verification, FieldOfAFormComesAlone) {
    const Scheme scheme = preset_scheme("gitea-form").value();
    const auto judged = [&](const std::string& type, const std::string& body) {
        Delivery delivery{{{"X-Gitea-Signature", hmac_hex(kSecret, "{\"a\": 1}")}}, body};
        if (!type.empty()) delivery.add("Content-Type", type);
        return judge(scheme, {secret(scheme, kSecret)}, delivery, kNow).reason;
    };
    const std::string field = "payload=%7B%22a%22:+1%7D";
    EXPECT_EQ(Reason::accepted, judged(kForm, field));
    EXPECT_EQ(Reason::accepted, judged("Application/X-WWW-Form-Urlencoded;charset=utf-8", field));
    EXPECT_EQ(Reason::bad_signature, judged(kForm, "payload=%7B%22a%22:+2%7D"));
    for (const std::string& body :
         {""s, field + "&" + field, field + "&x=1", "x&" + field, "Payload=%7B%22a%22:+1%7D"s,
          field + "&payload=", field + "&=", field + "%", "payload"s + "x=1", "x=1"s}) {
        EXPECT_NE(Reason::accepted, judged(kForm, body)) << body;
    }
    EXPECT_EQ(Reason::invalid_payload, judged(kForm, field + "&x=1"));
    EXPECT_EQ(Reason::invalid_payload, judged(kForm, field + "&" + field));
    EXPECT_EQ(Reason::invalid_payload, judged(kForm, ""));
    for (const std::string& type : {""s, "application/json"s, "text/plain"s, kForm + "x"}) {
        EXPECT_EQ(Reason::invalid_payload, judged(type, field)) << type;
        EXPECT_EQ(Reason::invalid_payload, judged(type, "")) << type;
    }
}

// What a reader that separates fields by it finds behind it is no field that was signed.
TEST(Verification, FormThatIsSignedDecodedHoldsNoSemicolon) {
    struct Row {
        const char* statements;
        const char* signed_text;
        const char* body;
        Reason expected;
    };
    const char* const field = "signed '{field:a}';";
    const char* const form = "signed '{url}{form}';";
    const char* const raw = "signed '{body}'; event_id field=b;";
    const char* const both = "signed '{field:a}|{sha256:body}';";
    const std::string hashed = "1;b=2|" + testing::sha256_hex("a=1;b=2");
    const Row rows[] = {
        {field, "1;b=2", "a=1%3Bb%3D2", Reason::accepted},
        {field, "1;b=2", "a=1%3bb=2", Reason::accepted},
        {field, "1;b=2", "a=1;b=2", Reason::invalid_payload},
        {field, "1;a=2", "a=1;a=2", Reason::invalid_payload},
        {form, "https://h/xa1;b=2", "a=1%3Bb=2", Reason::accepted},
        {form, "https://h/xa1;b=2", "a=1;b=2", Reason::invalid_payload},
        {raw, "a=1;b=2", "a=1;b=2", Reason::accepted},
        {both, hashed.c_str(), "a=1;b=2", Reason::accepted},
    };
    for (const auto& [statements, signed_text, body, expected] : rows) {
        const Scheme scheme =
            parse_scheme("test", "algorithm hmac-sha256; signature header=S;"s + statements);
        Delivery delivery{{{"S", hmac_hex(kSecret, signed_text)}, {"Content-Type", kForm}}, body};
        delivery.url = "https://h/x";
        EXPECT_EQ(expected, judge(scheme, {secret(scheme, kSecret)}, delivery, kNow).reason)
            << statements << ' ' << body;
    }
    const Scheme scheme = preset_scheme("twilio-json").value();
    Delivery json{{{"Content-Type", "application/json"}}, R"({"a":"1;b"})"};
    json.url = "https://h/x?bodySHA256=" + testing::sha256_hex(json.body);
    json.add("X-Twilio-Signature", base64(hmac(EVP_sha1(), kSecret, json.url)));
    EXPECT_EQ(Reason::accepted, judge(scheme, {secret(scheme, kSecret)}, json, kNow).reason);
}

// Readers that merge the two could take the parameter for the field.
TEST(Verification, QueryHasNoNameOfAFieldThatIsSigned) {
    struct Row {
        const char* statements;
        const char* signed_text;
        const char* body;
        const char* query;
        Reason expected;
    };
    const char* const field = "signed '{field:a}';";
    const char* const form = "signed '{form}';";
    const char* const url = "signed '{url}{form}';";
    const char* const raw = "signed '{body}'; event_id field=b;";
    const char* const type = "signed '{field:a}'; event_type query=a;";
    const char* const both = "signed '{field:a}|{query:a}';";
    const Row rows[] = {
        {field, "1", "a=1", "", Reason::accepted},
        {field, "1", "a=1", "b=1&aa=2&c=a", Reason::accepted},
        {field, "1", "a=1", "a=2", Reason::invalid_payload},
        {field, "1", "a=1", "a", Reason::invalid_payload},
        {field, "1", "a=1", "b=1&A=2", Reason::invalid_payload},
        {field, "1", "a=1", "b=1;%61=2", Reason::invalid_payload},
        {field, "1", "a=1", "b=%zz&a=2", Reason::invalid_payload},
        {form, "a1b2", "b=2&a=1", "c=1", Reason::accepted},
        {form, "a1b2", "b=2&a=1", "b=1", Reason::invalid_payload},
        {url, "https://h/x?a=2a1", "a=1", "a=2", Reason::accepted},
        {raw, "a=1", "a=1", "a=2", Reason::accepted},
        {type, "1", "a=1", "a=2", Reason::accepted},
        {both, "1|2", "a=1", "a=2", Reason::accepted},
    };
    for (const auto& [statements, signed_text, body, query, expected] : rows) {
        const Scheme scheme =
            parse_scheme("test", "algorithm hmac-sha256; signature header=S;"s + statements);
        Delivery delivery{{{"S", hmac_hex(kSecret, signed_text)}, {"Content-Type", kForm}}, body};
        delivery.url = "https://h/x?"s + query;
        delivery.query = query;
        EXPECT_EQ(expected, judge(scheme, {secret(scheme, kSecret)}, delivery, kNow).reason)
            << statements << ' ' << query;
        if (scheme.reads_url()) continue;
        // An upstream may get the one that was sent, or what became of it since.
        delivery.sent_query = "";
        EXPECT_EQ(expected, judge(scheme, {secret(scheme, kSecret)}, delivery, kNow).reason)
            << statements << " handed on with " << query;
        if (scheme.signs_parameter()) continue;
        delivery.query = "";
        delivery.sent_query = query;
        EXPECT_EQ(expected, judge(scheme, {secret(scheme, kSecret)}, delivery, kNow).reason)
            << statements << " sent with " << query;
    }
}

// As routes of mail services send it: the time and a token are signed, and stand with the signature
// among the fields of the message.
class SignedForm : public ::testing::Test {
  protected:
    static std::string statements(const std::string& signature = "signature field=sig") {
        return "algorithm hmac-sha256; signed '{field:ts}{field:token}'; timestamp field=ts;" +
               signature + ";";
    }
    static Reason judged(const std::string& body, const std::string& statements,
                         const std::string& type = kForm, const std::string& query = "") {
        const Scheme scheme = parse_scheme("test", statements);
        const Delivery delivery{{{"Content-Type", type}}, body, "POST", "https://h/x?" + query};
        return judge(scheme, {secret(scheme, kSecret)}, delivery, kNow).reason;
    }
    static std::string form(const std::string& more = "", const std::string& ts = "1614265330") {
        return "ts=" + ts + "&token=a%62c&sig=" + hmac_hex(kSecret, ts + "abc") + more;
    }
};

TEST_F(SignedForm, IsVerified) {
    EXPECT_EQ(Reason::accepted, judged(form(), statements()));
    EXPECT_EQ(Reason::accepted, judged(form("&subject=hello"), statements()));
    EXPECT_EQ(Reason::accepted, judged("subject=hello&" + form(), statements()));
    EXPECT_EQ(Reason::bad_signature,
              judged(form("").replace(form().find("c&sig"), 1, "d"), statements()));
    EXPECT_EQ(Reason::stale_timestamp, judged(form("", "1614265029"), statements()));
    EXPECT_EQ(Reason::future_timestamp, judged(form("", "1614265631"), statements()));
    EXPECT_EQ(Reason::malformed_timestamp, judged(form("", "1614265330x"), statements()));
}

// What stands twice could be another thing to another reader.
TEST_F(SignedForm, HasEachOfItsFieldsOnce) {
    EXPECT_EQ(Reason::missing_signature, judged(form("&sig=00"), statements()));
    EXPECT_EQ(Reason::missing_timestamp, judged(form("&ts=1614265330"), statements()));
    EXPECT_EQ(Reason::invalid_payload, judged(form("&token=abc"), statements()));
    EXPECT_EQ(Reason::missing_signature, judged("ts=1614265330&token=abc", statements()));
    EXPECT_EQ(Reason::malformed_signature, judged("ts=1614265330&token=abc&sig=zz", statements()));
    EXPECT_EQ(Reason::invalid_payload, judged(form("&a=%zz"), statements()));
    EXPECT_EQ(Reason::invalid_payload, judged("", statements(), "application/json"));
}

TEST_F(SignedForm, IsNothingButAForm) {
    for (const std::string& type : {""s, "application/json"s, "multipart/form-data; boundary=x"s}) {
        EXPECT_EQ(Reason::invalid_payload, judged(form(), statements(), type)) << type;
    }
}

// No byte may move between the time and what stands behind it.
TEST_F(SignedForm, KeepsItsTimeApart) {
    const std::string code = hmac_hex(kSecret, "16142653305abc");
    EXPECT_EQ(Reason::accepted, judged("ts=1614265330&token=5abc&sig=" + code, statements()));
    EXPECT_NE(Reason::accepted, judged("ts=16142653305&token=abc&sig=" + code, statements()));
    EXPECT_NE(Reason::accepted, judged("ts=161426533&token=05abc&sig=" + code, statements()));
}

TEST_F(SignedForm, HoldsNoSemicolon) {
    EXPECT_EQ(Reason::accepted, judged(form("&subject=a%3Btoken=b"), statements()));
    EXPECT_EQ(Reason::invalid_payload, judged(form("&subject=a;token=b"), statements()));
    EXPECT_EQ(Reason::accepted,
              judged("a=1;b=2&token=" + kSecret, "algorithm token; signature field=token;"));
    const std::string time_alone =
        "algorithm hmac-sha256; signed '{timestamp}|x'; timestamp field=ts; signature field=sig;";
    const std::string sent = "ts=1614265330&sig=" + hmac_hex(kSecret, "1614265330|x");
    EXPECT_EQ(Reason::accepted, judged(sent + "&a=b", time_alone));
    EXPECT_EQ(Reason::invalid_payload, judged(sent + "&a=b;ts=1", time_alone));
}

// Its token may have the name of one that the operator put into the address.
TEST_F(SignedForm, HasNoSignedFieldInTheQuery) {
    const std::string with_id = statements("signature field=sig; event_id field=token");
    for (const std::string& each : {statements(), with_id}) {
        EXPECT_EQ(Reason::accepted, judged(form("&subject=x"), each, kForm, "subject=y"));
        EXPECT_EQ(Reason::invalid_payload, judged(form(), each, kForm, "ts=1614265331"));
        EXPECT_EQ(Reason::invalid_payload, judged(form(), each, kForm, "sig=00"));
    }
    EXPECT_EQ(Reason::invalid_payload, judged(form(), statements(), kForm, "token=x"));
    EXPECT_EQ(Reason::accepted, judged(form(), with_id, kForm, "token=x"));
    const std::string alone = statements("signature field=sig alone; event_id field=token");
    EXPECT_EQ(Reason::invalid_payload, judged(form(), alone, kForm, "token=x"));
}

TEST_F(SignedForm, MayHaveToComeAlone) {
    const std::string alone = statements("signature field=sig alone");
    EXPECT_EQ(Reason::accepted, judged(form(), alone));
    EXPECT_EQ(Reason::invalid_payload, judged(form("&subject=hello"), alone));
    EXPECT_EQ(Reason::invalid_payload, judged(form("&="), alone));
}

TEST_F(SignedForm, MayBeSignedAsAWhole) {
    const std::string whole = "algorithm hmac-sha256; signed '{form}'; signature field=sig;";
    const std::string code = hmac_hex(kSecret, "a1b2");
    EXPECT_EQ(Reason::accepted, judged("b=2&a=1&sig=" + code, whole));
    EXPECT_EQ(Reason::bad_signature, judged("b=2&a=1&c=3&sig=" + code, whole));
    EXPECT_EQ(Reason::missing_signature, judged("b=2&a=1&sig=" + code + "&sig=" + code, whole));
}

TEST_F(SignedForm, MayHoldAToken) {
    const std::string token = "algorithm token; signature field=token;";
    EXPECT_EQ(Reason::accepted, judged("a=1&token=" + kSecret, token));
    EXPECT_EQ(Reason::bad_signature, judged("a=1&token=" + kSecret + "x", token));
    EXPECT_EQ(Reason::missing_signature, judged("a=1", token));
}

TEST(Verification, FieldsOfAFormMayBeSeveral) {
    const Scheme scheme = parse_scheme(
        "test", "algorithm hmac-sha256; signed '{field:a}.{field:b}'; signature header=S;");
    const auto judged = [&](const std::string& body) {
        const Delivery delivery{{{"S", hmac_hex(kSecret, "1.2")}, {"Content-Type", kForm}}, body};
        return judge(scheme, {secret(scheme, kSecret)}, delivery, kNow).reason;
    };
    EXPECT_EQ(Reason::accepted, judged("a=1&b=2"));
    EXPECT_EQ(Reason::accepted, judged("b=2&a=1"));
    EXPECT_EQ(Reason::bad_signature, judged("a=2&b=1"));
    EXPECT_EQ(Reason::invalid_payload, judged("a=1"));
    EXPECT_EQ(Reason::invalid_payload, judged("a=1&b=2&c=3"));
}

}  // namespace
}  // namespace webhook
