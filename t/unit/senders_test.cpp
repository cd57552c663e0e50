#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "delivery.h"
#include "scheme/presets.h"
#include "verification_fixture.h"

namespace webhook {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using testing::base64;
using testing::Delivery;
using testing::hmac_base64;
using testing::hmac_hex;
using testing::judge;
using testing::kBad;
using testing::kNow;
using testing::kSecret;
using testing::kTime;
using testing::secret;

// The senders' forms of a header, signed here.
TEST(Senders, AcceptWhatTheirSendersSign) {
    const std::string body = R"({"id":"evt_1","type":"push"})";
    const std::string key = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const Scheme stripe = preset_scheme("stripe").value();
    const std::string code = hmac_hex(key, kTime + "." + body);
    Delivery delivery{
        {{"Stripe-Signature", "t=" + kTime + ",v1=" + code + ",v0=" + std::string(64, '0')}},
        body,
        "POST"};
    EXPECT_EQ(Reason::accepted, judge(stripe, {secret(stripe, key)}, delivery, kNow).reason);
    EXPECT_EQ(Reason::accepted, judge(stripe, {secret(stripe, key)}, delivery, kNow + 300s).reason);
    EXPECT_EQ(Reason::stale_timestamp,
              judge(stripe, {secret(stripe, key)}, delivery, kNow + 301s).reason);
    delivery.set("Stripe-Signature", "t=1614265331,v1=" + code);
    EXPECT_EQ(kBad, judge(stripe, {secret(stripe, key)}, delivery, kNow));
    delivery.set("Stripe-Signature", "t=" + kTime + ",v0=" + code);
    EXPECT_EQ(Reason::malformed_signature,
              judge(stripe, {secret(stripe, key)}, delivery, kNow).reason);

    const Scheme shopify = preset_scheme("shopify").value();
    delivery = {{{"X-Shopify-Hmac-Sha256", hmac_base64(key, body)}}, body, "POST"};
    EXPECT_EQ(Reason::accepted, judge(shopify, {secret(shopify, key)}, delivery, kNow).reason);

    const Scheme pagerduty = preset_scheme("pagerduty").value();
    delivery = {{{"X-PagerDuty-Signature",
                  "v1=" + hmac_hex("rotated", body) + ",v1=" + hmac_hex(key, body)}},
                body,
                "POST"};
    EXPECT_EQ(Reason::accepted, judge(pagerduty, {secret(pagerduty, key)}, delivery, kNow).reason);

    const Scheme gitlab = preset_scheme("gitlab").value();
    delivery = {{{"X-Gitlab-Token", key}}, body, "POST"};
    EXPECT_EQ(Reason::accepted, judge(gitlab, {secret(gitlab, key)}, delivery, kNow).reason);

    const Scheme openrouter = preset_scheme("openrouter").value();
    delivery = {{{"X-Webhook-Signature", key}}, body, "POST"};
    EXPECT_EQ(Reason::accepted,
              judge(openrouter, {secret(openrouter, key)}, delivery, kNow).reason);
}

TEST(Senders, QuoteIsNoSeparatorOfItems) {
    const Scheme scheme = preset_scheme("pagerduty").value();
    const Delivery delivery{
        {{"X-PagerDuty-Signature", "x\"v1=" + hmac_hex(kSecret, "body")}}, "body", "POST"};
    EXPECT_EQ(Reason::malformed_signature,
              judge(scheme, {secret(scheme, kSecret)}, delivery, kNow).reason);
}

TEST(Senders, StandardWebhooksTakesAListOfSignatures) {
    const Scheme scheme = preset_scheme("standard-webhooks").value();
    const std::string key(24, 'k');
    const std::string code = hmac_base64(key, "msg_1." + kTime + ".body");
    const std::vector<SigningSecret> secrets{secret(scheme, "whsec_" + base64(key))};
    Delivery delivery{
        {{"webhook-id", "msg_1"},
         {"webhook-timestamp", kTime},
         {"webhook-signature", "v1a,xyz v1," + hmac_base64("old", "") + " v1," + code}},
        "body",
        "POST"};
    EXPECT_EQ(Reason::accepted, judge(scheme, secrets, delivery, kNow).reason);
    delivery.set("webhook-id", "msg_2");
    EXPECT_EQ(kBad, judge(scheme, secrets, delivery, kNow));
    delivery.set("webhook-id", "msg_1");
    delivery.set("webhook-signature", "v1a," + code);
    EXPECT_EQ(Reason::malformed_signature, judge(scheme, secrets, delivery, kNow).reason);
    delivery.set("webhook-signature", code);
    EXPECT_EQ(Reason::malformed_signature, judge(scheme, secrets, delivery, kNow).reason);
}

TEST(Senders, DocuSignNumbersItsHeaders) {
    const Scheme scheme = preset_scheme("docusign").value();
    const std::vector<SigningSecret> secrets{secret(scheme, kSecret, "k")};
    const std::string right = hmac_base64(kSecret, "body");
    const std::string wrong = hmac_base64("wrong", "body");
    const auto judged = [&](std::vector<std::pair<std::string, std::string>> headers) {
        return judge(scheme, secrets, {std::move(headers), "body"}, kNow).reason;
    };
    const std::string stem = "X-DocuSign-Signature-";
    EXPECT_EQ(Reason::accepted, judged({{stem + "1", right}}));
    EXPECT_EQ(Reason::accepted, judged({{"x-docusign-signature-7", right}}));
    EXPECT_EQ(Reason::accepted, judged({{stem + "1", wrong}, {stem + "2", right}}));
    EXPECT_EQ(Reason::accepted,
              judged({{stem + "2", wrong}, {"X-Other", "1"}, {stem + "1", right}}));
    EXPECT_EQ(Reason::bad_signature, judged({{stem + "1", wrong}, {stem + "2", wrong}}));
    for (const std::string& name : {stem, stem + "x"s, stem + "1x"s, "Y-" + stem + "1", stem + "-1",
                                    "X-DocuSign-Signature"s, stem + " 1"s}) {
        EXPECT_EQ(Reason::missing_signature, judged({{name, right}})) << name;
    }
    EXPECT_EQ(Reason::malformed_signature, judged({{stem + "1", right}, {stem + "1", right}}));
    EXPECT_EQ(Reason::malformed_signature, judged({{stem + "1", right}, {stem + "01", right}}));
    EXPECT_EQ(Reason::malformed_signature, judged({{stem + "1", right}, {stem + "2", "?"}}));
    EXPECT_EQ(Reason::malformed_signature, judged({{stem + "1", ""}}));
}

TEST(Senders, CandidatesOfAllHeadersAreLimited) {
    const Scheme scheme = preset_scheme("docusign").value();
    const std::vector<SigningSecret> secrets{secret(scheme, kSecret, "k")};
    for (const std::size_t right : {0UL, 14UL, 15UL, 16UL, 40UL}) {
        Delivery delivery{{}, "body"};
        for (std::size_t i = 0; i <= 40; ++i) {
            delivery.add("X-DocuSign-Signature-" + std::to_string(i),
                         hmac_base64(i == right ? kSecret : "wrong", "body"));
        }
        EXPECT_EQ(right < kMostCandidates ? Reason::accepted : Reason::bad_signature,
                  judge(scheme, secrets, delivery, kNow).reason)
            << right;
    }
}

TEST(Senders, PersonaMayRepeatTheSameTime) {
    const Scheme scheme = preset_scheme("persona").value();
    const std::string right = hmac_hex(kSecret, kTime + ".body");
    const std::string wrong = hmac_hex("wrong", kTime + ".body");
    const auto judged = [&](const std::string& value) {
        return judge(scheme, {secret(scheme, kSecret)}, {{{"Persona-Signature", value}}, "body"},
                     kNow)
            .reason;
    };
    const std::string time = "t=" + kTime;
    EXPECT_EQ(Reason::accepted, judged(time + ",v1=" + right));
    EXPECT_EQ(Reason::accepted, judged(time + ",v1=" + wrong + " " + time + ",v1=" + right));
    EXPECT_EQ(Reason::accepted, judged(time + ",v1=" + right + " " + time + ",v1=" + wrong));
    EXPECT_EQ(Reason::malformed_timestamp,
              judged(time + ",v1=" + right + " t=1614265331,v1=" + wrong));
    EXPECT_EQ(Reason::malformed_timestamp,
              judged("t=1614265331,v1=" + wrong + " " + time + ",v1=" + right));
    EXPECT_EQ(Reason::malformed_timestamp,
              judged(time + ",v1=" + right + " t=0" + kTime + ",v1=" + wrong));
    EXPECT_EQ(Reason::malformed_timestamp, judged(time + ",v1=" + right + " t="));
    EXPECT_EQ(Reason::malformed_timestamp, judged("t= " + time + ",v1=" + right));
    EXPECT_EQ(Reason::missing_timestamp, judged("v1=" + right));
    EXPECT_EQ(Reason::bad_signature, judged(time + ",v1=" + wrong));
}

}  // namespace
}  // namespace webhook
