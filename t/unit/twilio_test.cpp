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
using testing::judge;
using testing::kNow;
using testing::kSecret;
using testing::secret;

const std::string kForm = "application/x-www-form-urlencoded";
const std::string kUrl = "https://hooks.example/in?a=1";

Delivery twilio(const std::string& signed_text, const std::string& type, const std::string& body,
                const std::string& url = kUrl) {
    Delivery delivery{{{"X-Twilio-Signature", base64(hmac(EVP_sha1(), kSecret, signed_text))}},
                      body};
    if (!type.empty()) delivery.add("Content-Type", type);
    delivery.url = url;
    return delivery;
}

Reason judged_by(const std::string& preset, const Delivery& delivery) {
    const Scheme scheme = preset_scheme(preset).value();
    return judge(scheme, {secret(scheme, kSecret)}, delivery, kNow).reason;
}

TEST(Twilio, FormIsSignedSortedAndDecoded) {
    for (const std::string& preset : {"twilio"s, "twilio-form"s}) {
        const auto judged = [&](const std::string& type, const std::string& body) {
            return judged_by(preset, twilio(kUrl + "A1Bx yC", type, body));
        };
        EXPECT_EQ(Reason::accepted, judged(kForm, "C=&B=x+y&A=1"));
        EXPECT_EQ(Reason::accepted, judged(kForm + "; charset=UTF-8", "A=1&B=x%20y&C="));
        EXPECT_EQ(Reason::bad_signature, judged(kForm, "A=1&B=x+z&C="));
        EXPECT_EQ(Reason::bad_signature, judged(kForm, "A=1&B=x+y"));
        EXPECT_EQ(Reason::bad_signature, judged(kForm, "A=1&B=x+y&C=&D=1"));
        EXPECT_EQ(Reason::invalid_payload, judged(kForm, "A=1&B=x+y&C=%zz"));
        EXPECT_EQ(Reason::missing_signature, judged_by(preset, {{{"Content-Type", kForm}}, ""}));
    }
}

// Captured deliveries, replayed with something else that the sender did not sign.
TEST(Twilio, CapturedJsonIsNothingElse) {
    const std::string body = R"({"a":1})";
    const std::string url = kUrl + "&bodySHA256=" + testing::sha256_hex(body);
    const std::string json = "application/json";
    for (const std::string& preset : {"twilio"s, "twilio-json"s}) {
        SCOPED_TRACE(preset);
        const auto judged = [&](const std::string& type, const std::string& other) {
            return judged_by(preset, twilio(url, type, other, url));
        };
        EXPECT_EQ(Reason::accepted, judged(json, body));
        EXPECT_EQ(Reason::accepted, judged("", body));
        EXPECT_NE(Reason::accepted, judged(json, R"({"a":2})"));
        EXPECT_NE(Reason::accepted, judged(json, ""));
        EXPECT_NE(Reason::accepted, judged("", ""));
        EXPECT_NE(Reason::accepted, judged(kForm, ""));
        EXPECT_NE(Reason::accepted, judged(kForm, "&"));
        EXPECT_NE(Reason::accepted, judged(kForm, "="));
        EXPECT_NE(Reason::accepted, judged(kForm, "a=1"));
        for (const std::string& other_url :
             {kUrl, kUrl + "&bodySHA256=" + testing::sha256_hex("x"),
              url + "&bodySHA256=" + testing::sha256_hex("x"), url + "#", kUrl + "&bodySHA256="}) {
            EXPECT_NE(Reason::accepted, judged_by(preset, twilio(url, json, "x", other_url)))
                << other_url;
        }
    }
    // Only a form is a form here; and `twilio` signs one that comes with a digest, too.
    EXPECT_NE(Reason::accepted, judged_by("twilio", twilio(url, kForm, body, url)));
    EXPECT_NE(Reason::accepted, judged_by("twilio-form", twilio(url, json, body, url)));
}

TEST(Twilio, CapturedFormIsNothingElse) {
    for (const std::string& preset : {"twilio"s, "twilio-form"s, "twilio-json"s}) {
        SCOPED_TRACE(preset);
        const std::string text = kUrl + "A1";
        if (preset != "twilio-json") {
            EXPECT_EQ(Reason::accepted, judged_by(preset, twilio(text, kForm, "A=1")));
        }
        for (const std::string& type :
             {"application/json"s, "text/plain"s, "multipart/form-data; boundary=x"s, ""s}) {
            for (const std::string& body : {"A=1"s, "A=2"s, "{}"s, ""s}) {
                EXPECT_NE(Reason::accepted, judged_by(preset, twilio(text, type, body)))
                    << type << ' ' << body;
            }
        }
        Delivery delivery = twilio(text, kForm, "A=1");
        delivery.add("Content-Type", "application/json");
        EXPECT_NE(Reason::accepted, judged_by(preset, delivery));
    }
}

// Signed is then the URL alone.
TEST(Twilio, DeliveryWithoutAFormHasNoOtherBody) {
    for (const std::string& type : {""s, "application/json"s, "text/plain"s, kForm}) {
        EXPECT_EQ(Reason::accepted, judged_by("twilio", twilio(kUrl, type, ""))) << type;
        EXPECT_EQ(Reason::accepted, judged_by("twilio-form", twilio(kUrl, type, ""))) << type;
        EXPECT_EQ(Reason::bad_signature, judged_by("twilio-json", twilio(kUrl, type, "")));
        for (const std::string& preset : {"twilio"s, "twilio-form"s, "twilio-json"s}) {
            for (const std::string& body : {"{}"s, "x"s, "a=1"s, " "s, "\0"s}) {
                EXPECT_NE(Reason::accepted, judged_by(preset, twilio(kUrl, type, body)))
                    << preset << ' ' << type << ' ' << body;
            }
        }
    }
}

// Twilio appends it: elsewhere it is the caller's, and no reason to do without.
TEST(Twilio, DigestIsTheLastParameter) {
    const std::string hash = testing::sha256_hex("A=1");
    const auto judged = [&](const std::string& query, const std::string& body) {
        const std::string url = kUrl + query;
        const std::string form = body.empty() ? "" : "A1";
        return judged_by("twilio", twilio(url + form, kForm, body, url));
    };
    EXPECT_EQ(Reason::accepted, judged("&bodySHA256=" + hash, "A=1"));
    EXPECT_EQ(Reason::accepted, judged("&b=1", "A=1"));
    for (const std::string& query :
         {"&bodySHA256=" + hash + "&b=1", "&bodySHA256=" + hash + "&bodySHA256=" + hash,
          "&bodySHA256=" + hash + "&b=%zz", "&bodySHA256="s}) {
        EXPECT_EQ(Reason::bad_signature, judged(query, "A=1")) << query;
        EXPECT_EQ(Reason::bad_signature, judged(query, "")) << query;
    }
}

TEST(Twilio, UrlMayHaveAPort) {
    const std::string with_port = "https://hooks.example:443/in?a=1";
    EXPECT_EQ(Reason::accepted, judged_by("twilio", twilio(with_port + "A1", kForm, "A=1")));
    EXPECT_EQ(Reason::accepted, judged_by("twilio", twilio(kUrl + "A1", kForm, "A=1", with_port)));
    EXPECT_EQ(Reason::bad_signature,
              judged_by("twilio", twilio("https://hooks.example:444/in?a=1A1", kForm, "A=1")));
}

}  // namespace
}  // namespace webhook
