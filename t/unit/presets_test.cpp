#include "scheme/presets.h"
#include "inspect/event_key.h"
#include "scheme/native.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "base/errors.h"
#include "delivery.h"

namespace webhook {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using testing::base64;
using testing::base64url;
using testing::Delivery;
using testing::hex;
using testing::hmac;
using testing::hs256_token;
using testing::judge;
using testing::Judgement;
using testing::KeyPair;
using testing::secret;
using testing::sha256_hex;

constexpr Milliseconds kNow{1'614'265'330'000};
const std::string kUrl = "https://hooks.example/in?b=%2F&a=1";
const std::string kBody =
    R"({"id":"evt_1","type":"push","event":{"id":"e"},"webhookTimestamp":1614265330000})";
const std::string kKey = "0123456789abcdef0123456789ABCDEF";

std::string replaced(std::string text, const std::string& from, const std::string& to) {
    for (std::size_t at = text.find(from); at != std::string::npos;
         at = text.find(from, at + to.size())) {
        text.replace(at, from.size(), to);
    }
    return text;
}

// %b: the body; %u: the URL; %s, %m and %r: the time in seconds, milliseconds and RFC 3339; %i: the
// event id; %k: the secret.
std::string filled(std::string text, const std::string& body) {
    const std::vector<std::pair<std::string, std::string>> values{{"%s", "1614265330"},
                                                                  {"%m", "1614265330000"},
                                                                  {"%r", "2021-02-25T15:02:10Z"},
                                                                  {"%i", "evt_1"},
                                                                  {"%u", kUrl},
                                                                  {"%k", kKey},
                                                                  {"%b", body}};
    for (const auto& [mark, value] : values) text = replaced(text, mark, value);
    return text;
}

// Where a delivery's event id stands, and whether who changes it breaks the signature.
enum class Id { none, header, signed_header, json, signed_json, signed_field, signed_claim };

// How a sender signs, after its documentation; `signature` is the header, with %S for the code.
struct Row {
    std::string preset;
    std::string algorithm;
    std::string key;
    std::string signed_text;
    std::string signature;
    std::vector<std::string> headers;
    Id id;
};

// clang-format off
const std::vector<Row> kRows{
    {"adyen-platform", "sha256 base64", "hex", "%b", "HmacSignature: %S", {}, Id::none},
    {"airtable", "sha256 hex", "base64", "%b", "X-Airtable-Content-MAC: hmac-sha256=%S", {}, Id::none},
    {"asana", "sha256 hex", "text", "%b", "X-Hook-Signature: %S", {}, Id::none},
    {"basic", "basic", "text", "", "Authorization: Basic %S", {}, Id::none},
    {"bearer", "token", "text", "", "Authorization: Bearer %S", {}, Id::none},
    {"bitbucket", "sha256 hex", "text", "%b", "X-Hub-Signature: sha256=%S", {"X-Request-UUID: %i", "X-Event-Key: push"}, Id::header},
    {"box", "sha256 base64", "text", "%b%r", "Box-Signature-Primary: %S", {"Box-Delivery-Timestamp: %r", "Box-Signature-Version: 1", "Box-Signature-Algorithm: HmacSHA256"}, Id::signed_json},
    {"calcom", "sha256 hex", "text", "%b", "X-Cal-Signature-256: %S", {}, Id::none},
    {"calendly", "sha256 hex", "text", "%s.%b", "Calendly-Webhook-Signature: t=%s,v1=%S", {}, Id::none},
    {"checkout-com", "sha256 hex", "text", "%b", "Cko-Signature: %S", {}, Id::signed_json},
    {"circleci", "sha256 hex", "text", "%b", "circleci-signature: v1=%S,v2=00", {"circleci-event-type: push"}, Id::signed_json},
    {"coinbase-commerce", "sha256 hex", "text", "%b", "X-CC-Webhook-Signature: %S", {}, Id::signed_json},
    {"contentful", "sha256 hex", "text", "POST\n/in?b%253D%25252F%2526a%253D1\nx-contentful-signed-headers:x-contentful-signed-headers,x-contentful-timestamp;x-contentful-timestamp:%m\n%b", "X-Contentful-Signature: %S", {"X-Contentful-Timestamp: %m", "X-Contentful-Signed-Headers: x-contentful-signed-headers,x-contentful-timestamp", "X-Contentful-Topic: push"}, Id::none},
    {"customerio", "sha256 hex", "text", "v0:%s:%b", "X-CIO-Signature: %S", {"X-CIO-Timestamp: %s"}, Id::signed_json},
    {"discord", "ed25519 hex", "hex", "%s%b", "X-Signature-Ed25519: %S", {"X-Signature-Timestamp: %s"}, Id::signed_json},
    {"docusign", "sha256 base64", "text", "%b", "X-DocuSign-Signature-2: %S", {}, Id::none},
    {"dropbox", "sha256 hex", "text", "%b", "X-Dropbox-Signature: %S", {}, Id::none},
    {"elevenlabs", "sha256 hex", "text", "%s.%b", "ElevenLabs-Signature: t=%s,v0=%S", {}, Id::none},
    {"forgejo", "sha256 hex", "text", "%b", "X-Forgejo-Signature: %S", {"X-Forgejo-Delivery: %i"}, Id::header},
    {"gitea", "sha256 hex", "text", "%b", "X-Gitea-Signature: %S", {"X-Gitea-Delivery: %i"}, Id::header},
    {"github", "sha256 hex", "text", "%b", "X-Hub-Signature-256: sha256=%S", {"X-GitHub-Delivery: %i"}, Id::header},
    {"gitlab", "token", "text", "", "X-Gitlab-Token: %S", {"Idempotency-Key: %i"}, Id::header},
    {"gocardless", "sha256 hex", "text", "%b", "Webhook-Signature: %S", {}, Id::signed_json},
    {"grafana", "sha256 hex", "text", "%s:%b", "X-Grafana-Alerting-Signature: %S", {"X-Grafana-Alerting-Signature-Timestamp: %s"}, Id::none},
    {"hubspot-v1", "hash hex", "text", "%k%b", "X-HubSpot-Signature: %S", {"X-HubSpot-Signature-Version: v1"}, Id::none},
    {"hubspot-v2", "hash hex", "text", "%kPOST%u%b", "X-HubSpot-Signature: %S", {"X-HubSpot-Signature-Version: v2"}, Id::none},
    {"hubspot-v3", "sha256 base64", "text", "POSThttps://hooks.example/in?b=/&a=1%b%m", "X-HubSpot-Signature-v3: %S", {"X-HubSpot-Request-Timestamp: %m"}, Id::signed_json},
    {"intercom", "sha1 hex", "text", "%b", "X-Hub-Signature: sha1=%S", {}, Id::signed_json},
    {"jira", "sha256 hex", "text", "%b", "X-Hub-Signature: sha256=%S", {"X-Atlassian-Webhook-Identifier: %i"}, Id::header},
    {"klaviyo", "sha256 hex", "text", "%b%r", "Klaviyo-Signature: %S", {"Klaviyo-Timestamp: %r"}, Id::none},
    {"launchdarkly", "sha256 hex", "text", "%b", "X-LD-Signature: %S", {}, Id::signed_json},
    {"lemon-squeezy", "sha256 hex", "text", "%b", "X-Signature: %S", {"X-Event-Name: push"}, Id::none},
    {"line", "sha256 base64", "text", "%b", "x-line-signature: %S", {}, Id::signed_json},
    {"linear", "sha256 hex", "text", "%b", "Linear-Signature: %S", {"Linear-Delivery: %i", "Linear-Event: push"}, Id::header},
    {"meta", "sha256 hex", "text", "%b", "X-Hub-Signature-256: sha256=%S", {}, Id::none},
    {"mollie", "sha256 hex", "text", "%b", "X-Mollie-Signature: sha256=%S", {}, Id::signed_json},
    {"mux", "sha256 hex", "text", "%s.%b", "Mux-Signature: t=%s,v1=%S", {}, Id::signed_json},
    {"notion", "sha256 hex", "text", "%b", "X-Notion-Signature: sha256=%S", {}, Id::signed_json},
    {"okta", "token", "text", "", "Authorization: %S", {}, Id::json},
    {"openrouter", "token", "text", "", "X-Webhook-Signature: %S", {}, Id::none},
    {"paddle", "sha256 hex", "text", "%s:%b", "Paddle-Signature: ts=%s;h1=%S", {}, Id::signed_json},
    {"pagerduty", "sha256 hex", "text", "%b", "X-PagerDuty-Signature: v1=%S", {}, Id::signed_json},
    {"persona", "sha256 hex", "text", "%s.%b", "Persona-Signature: t=%s,v1=%S t=%s,v1=00", {}, Id::signed_json},
    {"razorpay", "sha256 hex", "text", "%b", "X-Razorpay-Signature: %S", {"x-razorpay-event-id: %i"}, Id::header},
    {"salesforce-data-cloud", "sha256 base64", "text", "%b", "x-signature: %S", {}, Id::none},
    {"salesforce-mc-ens", "sha256 base64", "text", "%b", "x-sfmc-ens-signature: %S", {}, Id::none},
    {"sanity", "sha256 base64url", "text", "%m.%b", "sanity-webhook-signature: t=%m,v1=%S", {"idempotency-key: %i"}, Id::header},
    {"segment", "sha1 hex", "text", "%b", "X-Signature: %S", {}, Id::signed_json},
    {"sendgrid", "ecdsa base64", "spki", "%s%b", "X-Twilio-Email-Event-Webhook-Signature: %S", {"X-Twilio-Email-Event-Webhook-Timestamp: %s"}, Id::signed_json},
    {"sentry", "sha256 hex", "text", "%b", "Sentry-Hook-Signature: %S", {"Request-ID: %i"}, Id::header},
    {"shopify", "sha256 base64", "text", "%b", "X-Shopify-Hmac-Sha256: %S", {"X-Shopify-Webhook-Id: %i", "X-Shopify-Topic: push"}, Id::header},
    {"shopify-events", "sha256 base64", "text", "%b", "shopify-hmac-sha256: %S", {"shopify-webhook-id: %i"}, Id::header},
    {"slack", "sha256 hex", "text", "v0:%s:%b", "X-Slack-Signature: v0=%S", {"X-Slack-Request-Timestamp: %s"}, Id::signed_json},
    {"square", "sha256 base64", "text", "%u%b", "x-square-hmacsha256-signature: %S", {}, Id::signed_json},
    {"standard-webhooks", "sha256 base64", "whsec", "%i.%s.%b", "webhook-signature: v1,%S", {"webhook-id: %i", "webhook-timestamp: %s"}, Id::signed_header},
    {"standard-webhooks-v1a", "ed25519 base64", "whpk", "%i.%s.%b", "webhook-signature: v1,AAAA v1a,%S", {"webhook-id: %i", "webhook-timestamp: %s"}, Id::signed_header},
    {"stripe", "sha256 hex", "text", "%s.%b", "Stripe-Signature: t=%s,v1=%S,v0=00", {}, Id::signed_json},
    {"svix", "sha256 base64", "whsec", "%i.%s.%b", "svix-signature: v1,%S", {"svix-id: %i", "svix-timestamp: %s"}, Id::signed_header},
    {"telegram", "token", "text", "", "X-Telegram-Bot-Api-Secret-Token: %S", {}, Id::json},
    {"telnyx", "ed25519 base64", "base64", "%s|%b", "telnyx-signature-ed25519: %S", {"telnyx-timestamp: %s"}, Id::signed_json},
    {"trello", "sha1 base64", "text", "%b%u", "X-Trello-Webhook: %S", {}, Id::signed_json},
    {"twitch", "sha256 hex", "text", "%i%r%b", "Twitch-Eventsub-Message-Signature: sha256=%S", {"Twitch-Eventsub-Message-Id: %i", "Twitch-Eventsub-Message-Timestamp: %r"}, Id::signed_header},
    {"typeform", "sha256 base64", "text", "%b", "Typeform-Signature: sha256=%S", {}, Id::signed_json},
    {"vercel", "sha1 hex", "text", "%b", "x-vercel-signature: %S", {}, Id::signed_json},
    {"woocommerce", "sha256 base64", "text", "%b", "X-WC-Webhook-Signature: %S", {}, Id::none},
    {"workos", "sha256 hex", "text", "%m.%b", "WorkOS-Signature: t=%m, v1=%S", {}, Id::signed_json},
    {"x-twitter", "sha256 base64", "text", "%b", "x-twitter-webhooks-signature: sha256=%S", {}, Id::none},
    {"zendesk", "sha256 base64", "text", "%r%b", "X-Zendesk-Webhook-Signature: %S", {"X-Zendesk-Webhook-Signature-Timestamp: %r", "X-Zendesk-Webhook-Invocation-Id: %i"}, Id::header},
    {"zoom", "sha256 hex", "text", "v0:%s:%b", "x-zm-signature: v0=%S", {"x-zm-request-timestamp: %s"}, Id::none},
};
// clang-format on

// A delivery that the sender signed, and what is known of it.
struct Sample {
    std::string preset;
    std::string secret;
    Delivery delivery;
    Id id = Id::none;
    bool covers_body = true;
    bool covers_url = false;
    std::string secret_id = "k";
};

Delivery delivered(const std::vector<std::string>& headers, const std::string& body) {
    Delivery delivery{{}, body, "POST", kUrl};
    for (const std::string& header : headers) {
        const std::size_t colon = header.find(": ");
        delivery.add(header.substr(0, colon), header.substr(colon + 2));
    }
    return delivery;
}

std::string secret_of(const Row& row) {
    if (row.algorithm == "basic") return "user:" + kKey;
    if (row.algorithm.starts_with("ed25519")) {
        const std::string raw = KeyPair::ed25519().raw();
        if (row.key == "hex") return hex(raw);
        return (row.key == "whpk" ? "whpk_" : "") + base64(raw);
    }
    if (row.algorithm.starts_with("ecdsa")) return base64(KeyPair::ecdsa().der());
    if (row.key == "hex") return hex(kKey);
    if (row.key == "base64") return base64(kKey);
    if (row.key == "whsec") return "whsec_" + base64(kKey);
    return kKey;
}

std::string code_of(const Row& row, const std::string& text) {
    const std::string method = row.algorithm.substr(0, row.algorithm.find(' '));
    if (method == "token") return kKey;
    if (method == "basic") return base64("user:" + kKey);
    std::string bytes;
    if (method == "sha1") bytes = hmac(EVP_sha1(), kKey, text);
    if (method == "sha256") bytes = hmac(EVP_sha256(), kKey, text);
    if (method == "hash") bytes = testing::hashed(EVP_sha256(), text);
    if (method == "ed25519") bytes = KeyPair::ed25519().sign(text);
    if (method == "ecdsa") bytes = KeyPair::ecdsa().sign(text);
    if (row.algorithm.ends_with(" hex")) return hex(bytes);
    return row.algorithm.ends_with(" base64") ? base64(bytes) : base64url(bytes);
}

Sample sample_of(const Row& row) {
    std::vector<std::string> headers{filled(row.signature, kBody)};
    headers[0] = replaced(headers[0], "%S", code_of(row, filled(row.signed_text, kBody)));
    for (const std::string& header : row.headers) headers.push_back(filled(header, kBody));
    return {row.preset,
            secret_of(row),
            delivered(headers, kBody),
            row.id,
            row.signed_text.find("%b") != std::string::npos,
            row.signed_text.find("%u") != std::string::npos ||
                row.signed_text.find("/in?") != std::string::npos};
}

Sample figma() {
    return {"figma", kKey, delivered({}, R"({"passcode":")" + kKey + R"(","webhook_id":1})"),
            Id::none, false};
}

Sample mailgun() {
    const std::string code = testing::hmac_hex(kKey, "1614265330token");
    return {
        "mailgun", kKey,
        delivered({}, R"({"signature":{"timestamp":"1614265330","token":"token","signature":")" +
                          code + R"("},"event-data":{"id":"evt_1"}})"),
        Id::json, false};
}

// Of the form, only the time and the token are signed.
Sample mailgun_routes() {
    const std::string code = testing::hmac_hex(kKey, "1614265330token");
    return {"mailgun-routes", kKey,
            delivered({"Content-Type: application/x-www-form-urlencoded"},
                      "timestamp=1614265330&token=token&signature=" + code + "&subject=evt_1"),
            Id::signed_field, false};
}

Sample form(const std::string& preset) {
    const std::string payload = R"({"a":"b & c"})";
    const bool travis = preset == "travis-ci";
    const std::string code = travis ? base64(KeyPair::rsa().sign(payload, EVP_sha1()))
                                    : testing::hmac_hex(kKey, payload);
    return {
        preset, travis ? KeyPair::rsa().pem() : kKey,
        delivered({(travis ? "Signature: " : "X-Gitea-Signature: ") + code,
                   "Content-Type: application/x-www-form-urlencoded", "X-Gitea-Delivery: evt_1"},
                  "payload=%7B%22a%22%3A%22b+%26+c%22%7D"),
        travis ? Id::none : Id::header};
}

Sample twilio(const std::string& preset) {
    const std::string code = base64(hmac(EVP_sha1(), kKey, kUrl + "A1B 2"));
    return {preset,
            kKey,
            delivered({"X-Twilio-Signature: " + code, "I-Twilio-Idempotency-Token: evt_1",
                       "Content-Type: application/x-www-form-urlencoded; charset=UTF-8"},
                      "B=+2&A=1"),
            Id::header,
            true,
            true};
}

Sample twilio_json() {
    const std::string url = kUrl + "&bodySHA256=" + sha256_hex(kBody);
    Sample sample{"twilio-json",
                  kKey,
                  delivered({"X-Twilio-Signature: " + base64(hmac(EVP_sha1(), kKey, url)),
                             "Content-Type: application/json"},
                            kBody),
                  Id::none,
                  true,
                  true};
    sample.delivery.url = url;
    return sample;
}

Sample paypal() {
    // zlib.crc32() of the body, written down.
    const std::string body = R"({"id":"evt_1"})";
    const std::string text = "trans|2021-02-25T15:02:10Z|k|2394574875";
    return {"paypal", KeyPair::rsa().pem(),
            delivered(
                {"PAYPAL-TRANSMISSION-SIG: " + base64(KeyPair::rsa().sign(text)),
                 "PAYPAL-TRANSMISSION-ID: trans", "PAYPAL-TRANSMISSION-TIME: 2021-02-25T15:02:10Z"},
                body),
            Id::json};
}

Sample sns(const std::string& preset) {
    const std::string text =
        "Message\nhello\nMessageId\nevt_1\nTimestamp\n2021-02-25T15:02:10.000Z\n"
        "TopicArn\narn\nType\nNotification\n";
    const EVP_MD* hash = preset == "aws-sns" ? EVP_sha256() : EVP_sha1();
    return {preset,
            KeyPair::rsa().pem(),
            delivered({}, R"({"Message":"hello","MessageId":"evt_1","Timestamp":)"
                          R"("2021-02-25T15:02:10.000Z","TopicArn":"arn","Type":"Notification",)"
                          R"("Signature":")" +
                              base64(KeyPair::rsa().sign(text, hash)) + "\"}"),
            Id::signed_json,
            true,
            false,
            "arn"};
}

Sample adyen() {
    const std::string code = base64(hmac(EVP_sha256(), kKey, "psp::acc:ref:100:EUR:AUTH:true"));
    return {
        "adyen-payments", hex(kKey),
        delivered({}, R"({"notificationItems":[{"NotificationRequestItem":{"pspReference":"psp",)"
                      R"("merchantAccountCode":"acc","merchantReference":"ref","amount":)"
                      R"({"value":100,"currency":"EUR"},"eventCode":"AUTH","success":"true",)"
                      R"("additionalData":{"hmacSignature":")" +
                          code + "\"}}}]}"),
        Id::none};
}

Sample atlassian() {
    const std::string qsh = sha256_hex("POST&/in&a=1&b=%2F");
    return {"atlassian-connect",
            kKey,
            delivered({"Authorization: JWT " +
                       hs256_token(R"({"exp":1614265400,"qsh":")" + qsh + "\"}", kKey)},
                      kBody),
            Id::none,
            false,
            true};
}

Sample monday() {
    return {"monday",
            kKey,
            delivered({"Authorization: " +
                       hs256_token(R"({"exp":1614265400,"aud":")" + kUrl + "\"}", kKey)},
                      kBody),
            Id::none,
            false,
            true};
}

Sample netlify() {
    return {
        "netlify", kKey,
        delivered({"X-Webhook-Signature: " +
                   hs256_token(R"({"iss":"netlify","sha256":")" + sha256_hex(kBody) + "\"}", kKey)},
                  kBody),
        Id::none};
}

Sample vonage() {
    return {"vonage", kKey,
            delivered({"Authorization: Bearer " +
                       hs256_token(R"({"payload_hash":")" + sha256_hex(kBody) + "\"}", kKey)},
                      kBody),
            Id::signed_claim};
}

Sample plaid() {
    const std::string claims =
        R"({"iat":1614265330,"request_body_sha256":")" + sha256_hex(kBody) + "\"}";
    const auto sign = [](const std::string& text) {
        return KeyPair::ecdsa().sign_as_numbers(text);
    };
    return {"plaid", KeyPair::ecdsa().jwk(),
            delivered({"Plaid-Verification: " +
                       testing::token(R"({"alg":"ES256","kid":"x"})", claims, sign)},
                      kBody),
            Id::none};
}

const std::vector<Sample>& samples() {
    static const std::vector<Sample> all = [] {
        std::vector<Sample> list{figma(),
                                 mailgun(),
                                 mailgun_routes(),
                                 form("gitea-form"),
                                 form("travis-ci"),
                                 twilio("twilio"),
                                 twilio("twilio-form"),
                                 twilio_json(),
                                 paypal(),
                                 sns("aws-sns"),
                                 sns("aws-sns-v1"),
                                 adyen(),
                                 atlassian(),
                                 monday(),
                                 netlify(),
                                 vonage(),
                                 plaid()};
        for (const Row& row : kRows) list.push_back(sample_of(row));
        return list;
    }();
    return all;
}

// A test of every sample; what it throws is a failure that names the preset.
void for_each(const std::function<void(const Sample&, const Scheme&)>& test) {
    for (const Sample& sample : samples()) {
        SCOPED_TRACE(sample.preset);
        try {
            test(sample, preset_scheme(sample.preset).value());
        } catch (const std::exception& error) {
            ADD_FAILURE() << error.what();
        }
    }
}

Judgement judged(const Sample& sample, const Scheme& scheme, const Delivery& delivery,
                 const std::vector<std::size_t>& cuts = {}) {
    return judge(scheme, {secret(scheme, sample.secret, sample.secret_id)}, delivery, kNow, cuts);
}

bool accepts(const Sample& sample, const Scheme& scheme, const Delivery& delivery) {
    return judged(sample, scheme, delivery).reason == Reason::accepted;
}

Sample with_another_secret(Sample sample) {
    char& digit = sample.secret[sample.secret.size() / 2];
    digit = digit == 'a' ? 'b' : 'a';
    return sample;
}

// What tells the delivery apart where its event id does not.
std::string identity_of(const Sample& sample, const Scheme& scheme, const Delivery& delivery) {
    std::string identity;
    const Judgement judgement = judge(scheme, {secret(scheme, sample.secret, sample.secret_id)},
                                      delivery, kNow, {}, std::nullopt, std::nullopt, &identity);
    EXPECT_EQ(Reason::accepted, judgement.reason);
    return identity;
}

TEST(Presets, AreSortedAndNamedOnce) {
    ASSERT_EQ(86U, presets().size());
    EXPECT_TRUE(std::ranges::is_sorted(presets(), {}, &Preset::name));
    EXPECT_TRUE(std::ranges::is_sorted(preset_aliases(), {}, &PresetAlias::name));
    std::set<std::string_view> names;
    for (const Preset& preset : presets()) EXPECT_TRUE(names.insert(preset.name).second);
    for (const PresetAlias& alias : preset_aliases()) {
        EXPECT_TRUE(names.contains(alias.preset)) << alias.preset;
    }
    for (const PresetAlias& alias : preset_aliases()) {
        EXPECT_TRUE(names.insert(alias.name).second) << alias.name;
    }
}

TEST(Presets, EveryOneParsesAndBearsItsName) {
    const auto check = [](std::string_view name) {
        try {
            const auto scheme = preset_scheme(name);
            ASSERT_TRUE(scheme) << name;
            EXPECT_EQ(name, scheme->name);
        } catch (const ConfigError& error) {
            ADD_FAILURE() << name << ": " << error.what();
        }
    };
    for (const Preset& preset : presets()) check(preset.name);
    for (const PresetAlias& alias : preset_aliases()) check(alias.name);
}

TEST(Presets, AreFoundByTheirExactName) {
    for (std::string_view name : {"", "GitHub", "github ", "git", "githubs", "meta-handshake"}) {
        EXPECT_FALSE(preset_scheme(name)) << name;
    }
}

TEST(Presets, EveryOneHasASampleHere) {
    std::set<std::string> names;
    for (const Sample& sample : samples()) {
        EXPECT_TRUE(names.insert(sample.preset).second) << sample.preset;
    }
    for (const Preset& preset : presets()) {
        EXPECT_TRUE(names.contains(std::string(preset.name))) << preset.name;
    }
}

TEST(Presets, AcceptWhatTheirSendersSignInOnePieceAndInMany) {
    for_each([](const Sample& sample, const Scheme& scheme) {
        const Judgement right{Reason::accepted, sample.secret_id};
        EXPECT_EQ(right, judged(sample, scheme, sample.delivery));
        const std::size_t size = sample.delivery.body.size();
        std::vector<std::size_t> every;
        for (std::size_t cut = 0; cut <= size; ++cut) {
            every.push_back(cut);
            if (cut % 9 != 0) continue;
            ASSERT_EQ(right, judged(sample, scheme, sample.delivery, {cut})) << cut;
        }
        EXPECT_EQ(right, judged(sample, scheme, sample.delivery, every));
    });
}

TEST(Presets, RefuseWhatAnotherSecretSigned) {
    for_each([](const Sample& sample, const Scheme& scheme) {
        if (scheme.has_public_key()) return;
        const Sample other = with_another_secret(sample);
        EXPECT_FALSE(accepts(other, scheme, sample.delivery));
        EXPECT_TRUE(accepts(sample, scheme, sample.delivery));
    });
}

TEST(Presets, RefuseEveryOtherBodyThatTheirSignatureCovers) {
    for_each([](const Sample& sample, const Scheme& scheme) {
        Delivery delivery = sample.delivery;
        if (!sample.covers_body) {
            delivery.body = replaced(delivery.body, "evt_1", "evt_2") + " ";
            EXPECT_TRUE(accepts(sample, scheme, delivery));
            return;
        }
        // What these two sign is the value of a member, not its text.
        const bool reads_values = scheme.native != nullptr && scheme.native->reads_json;
        for (std::size_t i = 0; i < delivery.body.size(); ++i) {
            delivery.body[i] = static_cast<char>(sample.delivery.body[i] ^ 1);
            EXPECT_FALSE(!reads_values && accepts(sample, scheme, delivery)) << i;
            delivery.body[i] = sample.delivery.body[i];
        }
        delivery.body.clear();
        EXPECT_FALSE(accepts(sample, scheme, delivery));
        delivery.body = sample.delivery.body + "x";
        EXPECT_FALSE(accepts(sample, scheme, delivery));
    });
}

TEST(Presets, RefuseAnotherUrlWhereTheySignIt) {
    for_each([](const Sample& sample, const Scheme& scheme) {
        Delivery delivery = sample.delivery;
        delivery.url = replaced(delivery.url, "a=1", "a=2");
        EXPECT_EQ(!sample.covers_url, accepts(sample, scheme, delivery));
        EXPECT_EQ(sample.covers_url, scheme.reads_url());
    });
}

TEST(Presets, NeedTheirSignature) {
    for_each([](const Sample& sample, const Scheme& scheme) {
        if (scheme.signatures.front().source.kind != ValueLocation::Kind::header) return;
        Delivery delivery = sample.delivery;
        delivery.headers.erase(delivery.headers.begin());
        EXPECT_EQ(Reason::missing_signature, judged(sample, scheme, delivery).reason);
        delivery = sample.delivery;
        delivery.headers.push_back(delivery.headers.front());
        EXPECT_EQ(Reason::malformed_signature, judged(sample, scheme, delivery).reason);
    });
}

// Who changes the id breaks the signature, or does not.
TEST(Presets, CoverTheEventIdAsTheirSendersDo) {
    for_each([](const Sample& sample, const Scheme& scheme) {
        EXPECT_EQ(sample.id == Id::signed_header || sample.id == Id::signed_json ||
                      sample.id == Id::signed_field || sample.id == Id::signed_claim,
                  scheme.covers_event_id());
        if (sample.id == Id::none) {
            EXPECT_EQ(ValueLocation::Kind::none, scheme.event_id.kind);
        } else if (sample.id == Id::json || sample.id == Id::signed_json) {
            EXPECT_EQ(ValueLocation::Kind::json, scheme.event_id.kind);
        } else if (sample.id == Id::signed_field) {
            EXPECT_EQ(ValueLocation::Kind::field, scheme.event_id.kind);
        } else if (sample.id == Id::signed_claim) {
            EXPECT_EQ(ValueLocation::Kind::claim, scheme.event_id.kind);
        } else {
            ASSERT_EQ(ValueLocation::Kind::header, scheme.event_id.kind);
            Delivery delivery = sample.delivery;
            delivery.set(scheme.headers.at(scheme.event_id.header), "evt_2");
            EXPECT_EQ(sample.id == Id::header, accepts(sample, scheme, delivery));
        }
    });
}

// How far in seconds a signed time may be away, behind and ahead.
const std::map<std::string, std::pair<int, int>> kWindows{
    {"aws-sns", {4500, 300}},
    {"aws-sns-v1", {4500, 300}},
    {"box", {600, 600}},
    {"calendly", {180, 180}},
    {"contentful", {30, 30}},
    {"customerio", {300, 300}},
    {"discord", {300, 300}},
    {"elevenlabs", {1800, 1800}},
    {"grafana", {300, 300}},
    {"hubspot-v3", {300, 300}},
    {"linear", {60, 60}},
    {"mailgun", {600, 600}},
    {"mailgun-routes", {600, 600}},
    {"mux", {300, 300}},
    {"paddle", {5, 5}},
    {"persona", {300, 300}},
    {"plaid", {300, 300}},
    {"sanity", {300, 300}},
    {"sendgrid", {600, 600}},
    {"slack", {300, 300}},
    {"standard-webhooks", {300, 300}},
    {"stripe", {300, 300}},
    {"standard-webhooks-v1a", {300, 300}},
    {"svix", {300, 300}},
    {"telnyx", {300, 300}},
    {"twitch", {600, 600}},
    {"workos", {180, 180}},
    {"zendesk", {300, 300}},
    {"zoom", {300, 300}},
};

TEST(Presets, HaveTheWindowOfTheirSenders) {
    for_each([](const Sample& sample, const Scheme& scheme) {
        const auto window = kWindows.find(sample.preset);
        ASSERT_EQ(window != kWindows.end(), scheme.timestamp.has_value());
        if (window == kWindows.end()) return;
        const auto [past, future] = window->second;
        const std::vector<SigningSecret> secrets{secret(scheme, sample.secret, sample.secret_id)};
        const auto reason_at = [&](Milliseconds now) {
            return judge(scheme, secrets, sample.delivery, now).reason;
        };
        EXPECT_EQ(Reason::accepted, reason_at(kNow + std::chrono::seconds(past)));
        EXPECT_EQ(Reason::stale_timestamp, reason_at(kNow + std::chrono::seconds(past) + 1ms));
        EXPECT_EQ(Reason::accepted, reason_at(kNow - std::chrono::seconds(future)));
        EXPECT_EQ(Reason::future_timestamp, reason_at(kNow - std::chrono::seconds(future) - 1ms));
    });
}

struct Event {
    std::string preset;
    std::string id;
    std::string type;
};

std::string place_of(const Scheme& scheme, const ValueLocation& source) {
    if (source.kind == ValueLocation::Kind::none) return "";
    if (source.kind == ValueLocation::Kind::claim) return "claim " + source.text;
    return source.is_in_body() ? source.text : scheme.headers.at(source.header);
}

// clang-format off
const std::vector<Event> kEvents{
    {"adyen-payments", "", "/notificationItems/0/NotificationRequestItem/eventCode"},
    {"adyen-platform", "", "/type"},
    {"airtable", "", ""},
    {"anthropic", "webhook-id", "/data/type"},
    {"asana", "", ""},
    {"atlassian-connect", "", ""},
    {"auth0", "", ""},
    {"aws-sns", "/MessageId", "/Type"},
    {"aws-sns-v1", "/MessageId", "/Type"},
    {"basic", "", ""},
    {"bearer", "", ""},
    {"bigcommerce", "webhook-id", "/scope"},
    {"bitbucket", "x-request-uuid optional", "x-event-key"},
    {"box", "/id optional", "/trigger"},
    {"calcom", "", "/triggerEvent"},
    {"calendly", "", "/event"},
    {"checkout-com", "/id", "/type"},
    {"circleci", "/id", "circleci-event-type"},
    {"clerk", "svix-id", "/type"},
    {"coinbase-commerce", "/event/id", "/event/type"},
    {"contentful", "", "x-contentful-topic"},
    {"customerio", "/event_id", "/metric"},
    {"discord", "/id optional", "/type"},
    {"docusign", "", "/event"},
    {"dropbox", "", ""},
    {"elevenlabs", "", "/type"},
    {"facebook", "", "/object"},
    {"figma", "", "/event_type"},
    {"forgejo", "x-forgejo-delivery optional", "x-forgejo-event"},
    {"gitea", "x-gitea-delivery optional", "x-gitea-event"},
    {"gitea-form", "x-gitea-delivery optional", "x-gitea-event"},
    {"github", "x-github-delivery", "x-github-event"},
    {"gitlab", "idempotency-key optional", "x-gitlab-event"},
    {"gitlab-signed", "webhook-id", "x-gitlab-event"},
    {"gocardless", "/meta/webhook_id", ""},
    {"grafana", "", "/status"},
    {"hubspot", "/0/eventId batch", "/0/subscriptionType"},
    {"hubspot-v1", "", ""},
    {"hubspot-v2", "", ""},
    {"hubspot-v3", "/0/eventId batch", "/0/subscriptionType"},
    {"instagram", "", "/object"},
    {"intercom", "/id optional", "/topic"},
    {"jira", "x-atlassian-webhook-identifier optional", "/webhookEvent"},
    {"klaviyo", "", ""},
    {"launchdarkly", "/_id", "/kind"},
    {"lemon-squeezy", "", "x-event-name"},
    {"line", "/events/0/webhookEventId batch", "/events/0/type"},
    {"linear", "linear-delivery", "linear-event"},
    {"mailgun", "/event-data/id", "/event-data/event"},
    {"mailgun-routes", "token", "event"},
    {"meta", "", "/object"},
    {"mollie", "/id", "/type"},
    {"monday", "", "/event/type"},
    {"mux", "/id", "/type"},
    {"netlify", "", "x-netlify-event"},
    {"notion", "/id", "/type"},
    {"okta", "/eventId", "/data/events/0/eventType"},
    {"openai", "webhook-id", "/type"},
    {"openrouter", "", ""},
    {"paddle", "/event_id", "/event_type"},
    {"pagerduty", "/event/id", "/event/event_type"},
    {"paypal", "/id", "/event_type"},
    {"persona", "/data/id", "/data/attributes/name"},
    {"plaid", "", ""},
    {"polar", "webhook-id", "/type"},
    {"polar-text", "webhook-id", "/type"},
    {"postmark", "", "/RecordType"},
    {"razorpay", "x-razorpay-event-id optional", "/event"},
    {"replicate", "webhook-id", "/type"},
    {"resend", "svix-id", "/type"},
    {"salesforce-data-cloud", "", ""},
    {"salesforce-mc-ens", "", ""},
    {"sanity", "idempotency-key", ""},
    {"segment", "/messageId", "/type"},
    {"sendgrid", "/0/sg_event_id batch", "/0/event"},
    {"sentry", "request-id optional", "sentry-hook-resource"},
    {"shopify", "x-shopify-webhook-id", "x-shopify-topic"},
    {"shopify-events", "shopify-webhook-id", "shopify-topic"},
    {"slack", "/event_id optional", "/event/type"},
    {"square", "/event_id", "/type"},
    {"standard-webhooks", "webhook-id", "/type"},
    {"standard-webhooks-v1a", "webhook-id", "/type"},
    {"stripe", "/id", "/type"},
    {"supabase", "webhook-id", "/type"},
    {"svix", "svix-id", "/type"},
    {"telegram", "/update_id", ""},
    {"telnyx", "/data/id", "/data/event_type"},
    {"travis-ci", "", ""},
    {"trello", "/action/id batch", "/action/type"},
    {"twilio", "i-twilio-idempotency-token optional", ""},
    {"twilio-form", "i-twilio-idempotency-token optional", ""},
    {"twilio-json", "", ""},
    {"twitch", "twitch-eventsub-message-id", "twitch-eventsub-subscription-type"},
    {"typeform", "/event_id", "/event_type"},
    {"vercel", "/id", "/type"},
    {"vonage", "claim jti optional", ""},
    {"whatsapp", "", "/object"},
    {"woocommerce", "", "x-wc-webhook-topic"},
    {"workos", "/id", "/event"},
    {"x", "", ""},
    {"x-twitter", "", ""},
    {"zendesk", "x-zendesk-webhook-invocation-id optional", ""},
    {"zoom", "", "/event"},
};
// clang-format on

TEST(Presets, ReadTheEventWhereTheirSendersPutIt) {
    EXPECT_EQ(presets().size() + preset_aliases().size(), kEvents.size());
    for (const Event& event : kEvents) {
        SCOPED_TRACE(event.preset);
        const auto scheme = preset_scheme(event.preset);
        ASSERT_TRUE(scheme);
        std::string id = place_of(*scheme, scheme->event_id);
        if (scheme->event_id.batch) id += " batch";
        if (scheme->event_id.optional) id += " optional";
        EXPECT_EQ(event.id, id);
        EXPECT_EQ(event.type, place_of(*scheme, scheme->event_type));
    }
}

TEST(PresetAliases, SignAsTheirPresetDoes) {
    const std::map<std::string, std::string> expected{
        {"anthropic", "standard-webhooks"},
        {"auth0", "bearer"},
        {"bigcommerce", "standard-webhooks"},
        {"clerk", "svix"},
        {"facebook", "meta"},
        {"gitlab-signed", "standard-webhooks"},
        {"hubspot", "hubspot-v3"},
        {"instagram", "meta"},
        {"openai", "standard-webhooks"},
        {"polar", "standard-webhooks"},
        {"polar-text", "standard-webhooks"},
        {"postmark", "basic"},
        {"replicate", "standard-webhooks"},
        {"resend", "svix"},
        {"supabase", "standard-webhooks"},
        {"whatsapp", "meta"},
        {"x", "x-twitter"},
    };
    EXPECT_EQ(expected.size(), preset_aliases().size());
    for (const auto& [alias, preset] : expected) {
        SCOPED_TRACE(alias);
        const auto scheme = preset_scheme(alias);
        ASSERT_TRUE(scheme);
        const auto sample = std::ranges::find(samples(), preset, &Sample::preset);
        ASSERT_NE(samples().end(), sample);
        Sample own = *sample;
        if (scheme->key != preset_scheme(preset)->key) own.secret = kKey;
        EXPECT_TRUE(accepts(own, *scheme, own.delivery));
        EXPECT_EQ(preset_scheme(preset)->covers_event_id(), scheme->covers_event_id());
        EXPECT_EQ(preset_scheme(preset)->handshakes.size(), scheme->handshakes.size());
    }
}

TEST(Presets, ReadTheKeyAsTheSenderIssuesIt) {
    const std::map<std::string, KeyEncoding> others{{"adyen-payments", KeyEncoding::hex},
                                                    {"adyen-platform", KeyEncoding::hex},
                                                    {"airtable", KeyEncoding::base64},
                                                    {"aws-sns", KeyEncoding::pem},
                                                    {"aws-sns-v1", KeyEncoding::pem},
                                                    {"discord", KeyEncoding::hex},
                                                    {"paypal", KeyEncoding::pem},
                                                    {"plaid", KeyEncoding::jwk},
                                                    {"sendgrid", KeyEncoding::spki},
                                                    {"standard-webhooks", KeyEncoding::whsec},
                                                    {"standard-webhooks-v1a", KeyEncoding::whpk},
                                                    {"svix", KeyEncoding::whsec},
                                                    {"telnyx", KeyEncoding::base64},
                                                    {"travis-ci", KeyEncoding::pem}};
    for_each([&](const Sample& sample, const Scheme& scheme) {
        const auto other = others.find(sample.preset);
        EXPECT_EQ(other == others.end() ? KeyEncoding::utf8 : other->second, scheme.key);
    });
}

// Any secret serves any other signature but these.
TEST(Presets, TellTheSecretThatMatched) {
    for_each([](const Sample& sample, const Scheme& scheme) {
        if (scheme.has_public_key() || sample.preset == "box") return;
        const Sample other = with_another_secret(sample);
        EXPECT_EQ(
            (Judgement{Reason::accepted, "right"}),
            judge(scheme,
                  {secret(scheme, other.secret, "wrong"), secret(scheme, sample.secret, "right")},
                  sample.delivery, kNow));
    });
}

// What a sender's headers say of the event, and its signature does not.
TEST(PresetKeys, EventsOfTwoTypesWithOneBodyAreApart) {
    std::size_t count = 0;
    for_each([&count](const Sample& sample, const Scheme& scheme) {
        if (scheme.event_type.kind != ValueLocation::Kind::header || scheme.type_in_body) return;
        Delivery one = sample.delivery;
        Delivery other = sample.delivery;
        one.set(scheme.headers.at(scheme.event_type.header), "orders/create");
        other.set(scheme.headers.at(scheme.event_type.header), "orders/paid");
        EXPECT_NE(identity_of(sample, scheme, one), identity_of(sample, scheme, other));
        EXPECT_EQ(identity_of(sample, scheme, one), identity_of(sample, scheme, one));
        ++count;
    });
    EXPECT_LE(10U, count);
}

std::set<std::string> presets_whose_type_the_body_tells() {
    std::set<std::string> names;
    for (const Preset& preset : presets()) {
        if (parse_scheme(preset.name, preset.text).type_in_body) names.emplace(preset.name);
    }
    return names;
}

// Each of them has the same type in its payload, as their documents show.
TEST(PresetKeys, TheBodyTellsTheTypeOfFewOfThoseWithAHeaderForIt) {
    EXPECT_EQ((std::set<std::string>{"circleci", "github", "lemon-squeezy", "linear", "twitch"}),
              presets_whose_type_the_body_tells());
}

TEST(PresetKeys, NoneIsTheSameForDifferentEvents) {
    for_each([](const Sample&, const Scheme& scheme) {
        EXPECT_FALSE(scheme.is_of_many_events(scheme.event_id)) << scheme.name;
        EXPECT_TRUE(scheme.event_key_tells_events_apart()) << scheme.name;
    });
}

// Every part of the key, changed alone, makes another event of it.
TEST(PresetKeys, EveryPartTellsEventsApart) {
    for_each([](const Sample& sample, const Scheme& scheme) {
        const SchemeHeaders headers = sample.delivery.offered_to(scheme);
        Credentials presented;
        presented.timestamp = "1";
        presented.token = "a.b.c";
        Identified one{"POST", "/a", "q=1", "type", &headers, &presented, "00", true, nullptr};
        const std::string identity = webhook::identity_of(scheme, one);
        for (const TemplatePart& part : scheme.event_key) {
            Identified other = one;
            Credentials later;
            later.timestamp = "2";
            later.token = "a.bb.c";
            Delivery changed = sample.delivery;
            if (part.kind == TemplatePart::Kind::header) {
                changed.set(scheme.headers.at(part.header), "another");
            }
            const SchemeHeaders other_headers = changed.offered_to(scheme);
            if (part.kind == TemplatePart::Kind::header) other.headers = &other_headers;
            if (part.kind == TemplatePart::Kind::method) other.method = "PUT";
            if (part.kind == TemplatePart::Kind::url) other.url = "/b";
            if (part.kind == TemplatePart::Kind::event_type) other.event_type = "another";
            if (part.kind == TemplatePart::Kind::timestamp) other.presented = &later;
            if (part.kind == TemplatePart::Kind::token) other.presented = &later;
            if (part.kind == TemplatePart::Kind::body) other.body_sha256 = "01";
            if (part.kind == TemplatePart::Kind::json) continue;
            EXPECT_NE(identity, webhook::identity_of(scheme, other)) << static_cast<int>(part.kind);
        }
    });
}

TEST(PresetKeys, PartsDoNotRunIntoEachOther) {
    const Scheme scheme = parse_scheme(
        "own",
        "algorithm hmac-sha256; signed '{body}'; signature header=X-Sign; event_type header=X-Type;"
        "event_key '{type}{url}{body}';");
    const SchemeHeaders headers(scheme);
    const Credentials presented;
    const auto of = [&](std::string_view type, std::string_view url) {
        return webhook::identity_of(
            scheme, {"POST", url, "", type, &headers, &presented, "00", true, nullptr});
    };
    EXPECT_EQ(of("paid", "/a"), of("paid", "/a"));
    EXPECT_NE(of("paid", "/a"), of("paid/", "a"));
}

// A token can be signed anew, and is the same one.
TEST(PresetKeys, TheSignatureOfATokenTellsNothing) {
    const Scheme scheme = preset_scheme("vonage").value();
    const SchemeHeaders headers(scheme);
    const auto of = [&](std::string_view token) {
        Credentials presented;
        presented.token = token;
        return webhook::identity_of(
            scheme, {"GET", "/a", "", "", &headers, &presented, "e3b0", false, nullptr});
    };
    EXPECT_EQ(of("a.b.c"), of("a.b.d"));
    EXPECT_NE(of("a.b.c"), of("a.c.c"));
}

// What is not signed must not tell them apart, or a replay with another URL or method is delivered;
// but where nothing is, no event is lost.
TEST(PresetKeys, DeliveriesWithoutABodyAreToldByWhatIsSigned) {
    using Kind = TemplatePart::Kind;
    for_each([](const Sample& sample, const Scheme& scheme) {
        if (scheme.event_key.back().kind != TemplatePart::Kind::body) return;
        const bool is_token = scheme.algorithm == Algorithm::jwt;
        const bool signs_request = scheme.native != nullptr && scheme.native->signs_request();
        const bool signs_method = signs_request || scheme.signs(Kind::method);
        const bool signs_url = scheme.native != nullptr ? signs_request : scheme.reads_url();
        const bool signs_values = std::ranges::any_of(scheme.signed_parts, [](const auto& part) {
            return part.kind == Kind::header || part.kind == Kind::query || part.kind == Kind::id;
        });
        const bool signs_time = is_token || (scheme.timestamp && scheme.covers_timestamp());
        const bool signs_none = !signs_method && !signs_url && !signs_values && !signs_time;
        const SchemeHeaders headers = sample.delivery.offered_to(scheme);
        Credentials presented;
        presented.timestamp = "1";
        presented.token = "a.b.c";
        const Identified one{"GET", "/a", "", "", &headers, &presented, "e3b0", false, nullptr};
        const std::string identity = webhook::identity_of(scheme, one);
        EXPECT_EQ(identity, webhook::identity_of(scheme, one));
        Identified other = one;
        other.url = "/b";
        EXPECT_EQ(signs_url || signs_none, identity != webhook::identity_of(scheme, other));
        other = one;
        other.method = "DELETE";
        EXPECT_EQ(signs_method || signs_none, identity != webhook::identity_of(scheme, other));
        Credentials later;
        later.timestamp = "2";
        later.token = "a.bb.c";
        other = one;
        other.presented = &later;
        EXPECT_TRUE(!signs_time || identity != webhook::identity_of(scheme, other));
        other = one;
        other.has_body = true;
        EXPECT_NE(identity, webhook::identity_of(scheme, other));
    });
}

TEST(PresetKeys, WhatIsSpelledOtherwiseIsTheSameEvent) {
    struct Spelling {
        std::string preset;
        std::function<void(Delivery&)> change;
    };
    const auto url = [](const std::string& from, const std::string& to) {
        return [=](Delivery& delivery) { delivery.url = replaced(delivery.url, from, to); };
    };
    const auto body = [](const std::string& from, const std::string& to) {
        return [=](Delivery& delivery) { delivery.body = replaced(delivery.body, from, to); };
    };
    const std::vector<Spelling> spellings{
        {"hubspot-v3", url("%2F", "/")},
        {"hubspot-v3", url("%2F", "%2f")},
        {"twilio", url("hooks.example", "hooks.example:443")},
        {"twilio-form", url("hooks.example", "hooks.example:443")},
        {"twilio-json", url("hooks.example", "hooks.example:443")},
        {"twilio", body("B=+2&A=1", "A=1&B=%202")},
        {"twilio-form", body("B=+2&A=1", "A=%31&B=+2&B=+2&")},
        {"gitea-form", body("%7B", "{")},
        {"gitea-form", body("+", "%20")},
        {"travis-ci", body("payload", "p%61yload")},
        {"contentful", url("hooks.example", "another.example")},
        {"atlassian-connect", url("b=%2F&a=1", "a=1&b=/")},
        {"atlassian-connect", url("hooks.example", "another.example")},
    };
    for (const auto& [preset, change] : spellings) {
        SCOPED_TRACE(preset);
        const Scheme scheme = preset_scheme(preset).value();
        const auto sample = std::ranges::find(samples(), preset, &Sample::preset);
        Delivery other = sample->delivery;
        change(other);
        EXPECT_TRUE(other.url != sample->delivery.url || other.body != sample->delivery.body);
        EXPECT_EQ(identity_of(*sample, scheme, sample->delivery),
                  identity_of(*sample, scheme, other));
    }
}

// What is remembered of the events of most senders, also across an update of the gate.
TEST(PresetKeys, TheBodyAloneIsKnownByItsHash) {
    for (const std::string preset : {"stripe", "github", "zoom", "meta", "standard-webhooks"}) {
        const Scheme scheme = preset_scheme(preset).value();
        const auto sample = std::ranges::find(samples(), preset, &Sample::preset);
        EXPECT_EQ(sha256_hex(sample->delivery.body), identity_of(*sample, scheme, sample->delivery))
            << preset;
    }
}

TEST(PresetKeys, WhatAReplayHasToChange) {
    using Replay = Scheme::Replay;
    const auto by_default = [](const std::string& preset) {
        return preset_scheme(preset)->replay_by_default();
    };
    const auto by_event_key = [](const std::string& preset) {
        return preset_scheme(preset)->replay_by_event_key();
    };
    for (const std::string preset : {"stripe", "svix", "twitch", "aws-sns", "meta", "square",
                                     "hubspot-v3", "box", "klaviyo", "vonage", "lemon-squeezy"}) {
        EXPECT_EQ(Replay::nothing_helps, by_default(preset)) << preset;
    }
    for (const std::string preset : {"github", "shopify", "sanity", "linear", "twilio", "zendesk",
                                     "woocommerce", "contentful", "netlify"}) {
        EXPECT_EQ(Replay::a_header, by_default(preset)) << preset;
    }
    for (const std::string preset :
         {"github", "linear", "mailgun", "paypal", "razorpay", "sanity", "twilio", "zendesk"}) {
        EXPECT_EQ(Replay::nothing_helps, by_event_key(preset)) << preset;
    }
    for (const std::string preset : {"shopify", "bitbucket", "sentry", "gitea-form"}) {
        EXPECT_EQ(Replay::a_header, by_event_key(preset)) << preset;
    }
    for (const std::string preset : {"gitlab", "bearer", "adyen-payments", "monday", "telegram",
                                     "atlassian-connect", "okta"}) {
        EXPECT_EQ(Replay::anything, by_default(preset)) << preset;
        EXPECT_EQ(Replay::anything, by_event_key(preset)) << preset;
    }
    EXPECT_EQ(Replay::anything, by_default("mailgun"));
    EXPECT_EQ(Replay::anything, by_default("paypal"));
}

TEST(Presets, ThatAHandshakeOfAnotherCouldForge) {
    std::set<std::string_view> forged;
    for (const Preset& preset : presets()) {
        const auto forgery = preset_scheme(preset.name)->forgery_by_handshake();
        if (forgery == Scheme::Forgery::delivery) forged.insert(preset.name);
    }
    EXPECT_EQ((std::set<std::string_view>{"atlassian-connect", "gitea-form", "mailgun",
                                          "mailgun-routes", "monday", "netlify", "vonage"}),
              forged);
    for (const std::string preset : {"slack", "contentful", "adyen-payments", "x-twitter"}) {
        EXPECT_EQ(Scheme::Forgery::none, preset_scheme(preset)->forgery_by_handshake()) << preset;
    }
}

// The parameter of the event's type may stand beside the URL, where nobody signs it.
TEST(PresetKeys, WhatAReplayHasToChangeInTheQuery) {
    using Replay = Scheme::Replay;
    const auto by_event_key = [](const std::string& statements) {
        return parse_scheme(
                   "acme",
                   "algorithm hmac-sha256; signature header=S; event_id header=I;" + statements)
            .replay_by_event_key();
    };
    const std::string type = "event_type query=topic; signed ";
    EXPECT_EQ(Replay::a_header, by_event_key(type + "'{url}|{body}';"));
    EXPECT_EQ(Replay::a_header, by_event_key(type + "'{body}';"));
    EXPECT_EQ(Replay::nothing_helps, by_event_key(type + "'{url}|{query:topic}|{body}';"));
    EXPECT_EQ(Replay::nothing_helps, by_event_key(type + "'{query:topic}|{body}';"));
    const std::string key = "event_key '{query:a}{query:topic}';";
    EXPECT_EQ(Replay::nothing_helps, by_event_key("signed '{url}|{body}';" + key));
    EXPECT_EQ(Replay::anything, by_event_key(type + "'{url}|{body}';" + key));
    EXPECT_EQ(Replay::anything, by_event_key("signed '{query:a}|{body}';" + key));
}

TEST(PresetKeys, WhatAReplayHasToChangeOfTheMethod) {
    using Replay = Scheme::Replay;
    const auto by_event_key = [](const std::string& statements, bool has_methods = true) {
        return parse_scheme(
                   "acme",
                   "algorithm hmac-sha256; event_id header=I; event_type header=T;" + statements)
            .replay_by_event_key(has_methods);
    };
    const std::string key = "signature header=S; event_key '{method}{body}'; signed ";
    EXPECT_EQ(Replay::the_method, by_event_key(key + "'{body}';"));
    EXPECT_EQ(Replay::nothing_helps, by_event_key(key + "'{body}';", false));
    EXPECT_EQ(Replay::nothing_helps, by_event_key(key + "'{method} {body}';"));
    EXPECT_EQ(Replay::nothing_helps,
              by_event_key("native contentful; signature encoding=hex; event_key '{method}';"));
    EXPECT_EQ(Replay::a_header, by_event_key("signature header=S; event_key '{method}{type}{body}';"
                                             "signed '{body}';"));
}

TEST(PresetKeys, WhatAReplayHasToChangeOfTheValuesOfABody) {
    using Replay = Scheme::Replay;
    const auto by_event_key = [](const std::string& native, const std::string& pointer) {
        return parse_scheme("acme", "algorithm hmac-sha256; signature encoding=hex; native " +
                                        native + "; event_key '{json:" + pointer + "}';")
            .replay_by_event_key();
    };
    EXPECT_EQ(Replay::nothing_helps, by_event_key("aws-sns", "/MessageId"));
    EXPECT_EQ(Replay::anything, by_event_key("aws-sns", "/UnsubscribeURL"));
    EXPECT_EQ(Replay::anything, by_event_key("adyen-payments", "/live"));
    EXPECT_EQ(Replay::nothing_helps, by_event_key("contentful", "/sys/id"));
}

std::string replay_of(const Scheme& scheme) {
    using Replay = Scheme::Replay;
    if (scheme.event_id.bodies_repeat && !scheme.presents_secret()) return "as `key=`";
    const Replay by_event_key = scheme.replay_by_event_key();
    if (scheme.replay_by_default() == Replay::nothing_helps) return "–";
    if (by_event_key == Replay::anything) return "all";
    if (scheme.event_id.kind == ValueLocation::Kind::none || scheme.event_id.batch) return "header";
    return by_event_key == Replay::nothing_helps ? "id" : "id and header";
}

// The cells of the table in docs/presets.md, by the preset's name.
std::map<std::string, std::vector<std::string>> documented_presets() {
    std::map<std::string, std::vector<std::string>> rows;
    std::ifstream page("docs/presets.md");
    for (std::string line; std::getline(page, line);) {
        std::vector<std::string> cells;
        std::stringstream rest(line);
        for (std::string cell; std::getline(rest, cell, '|');) cells.push_back(cell);
        const bool is_row = cells.size() == 10 && cells[1].starts_with(" `");
        if (is_row) rows[cells[1].substr(2, cells[1].size() - 4)] = cells;
    }
    return rows;
}

TEST(PresetKeys, TheDocumentationSaysWhatAReplayHasToChange) {
    const auto rows = documented_presets();
    EXPECT_EQ(presets().size(), rows.size());
    for (const Preset& preset : presets()) {
        const auto row = rows.find(std::string(preset.name));
        ASSERT_NE(rows.end(), row) << preset.name;
        EXPECT_EQ(" " + replay_of(parse_scheme(preset.name, preset.text)) + " ", row->second[7])
            << preset.name;
    }
}

// Each webhook of an application is told of an action, under one id and one secret.
TEST(PresetKeys, TrellosWebhooksAreApart) {
    const Scheme trello = *preset_scheme("trello");
    EXPECT_TRUE(trello.event_id.batch) << "the event key is the default";
    const auto key = [&trello](const std::string& url, const std::string& body) {
        const Delivery delivery{
            {{"X-Trello-Webhook", base64(hmac(EVP_sha1(), kKey, body + url))}}, body, "POST", url};
        std::string identity;
        const auto judgement = judge(trello, {secret(trello, kKey)}, delivery, kNow, {},
                                     std::nullopt, std::nullopt, &identity);
        EXPECT_EQ(Reason::accepted, judgement.reason);
        return identity;
    };
    const auto body = [](const std::string& action, const std::string& model,
                         const std::string& more = "") {
        return R"({"model":{"id":")" + model + R"("},"action":{"id":")" + action + R"("})" + more +
               "}";
    };
    const std::string url = "https://hooks.example/in?memberID=14";
    const std::string first = key(url, body("a1", "m1"));
    EXPECT_NE(first, key("https://hooks.example/in?memberID=15", body("a1", "m1")));
    EXPECT_NE(first, key(url, body("a1", "m2")));
    EXPECT_NE(first, key(url, body("a2", "m1")));
    EXPECT_EQ(first, key(url, body("a1", "m1", R"(,"webhook":{"consecutiveFailures":1})")));
    // What holds no id is told by all of its body.
    EXPECT_NE(key(url, R"({"model":{"id":"m1"},"a":1})"),
              key(url, R"({"model":{"id":"m1"},"a":2})"));
}

TEST(EventKeys, TheTypeInAClaimTellsEventsApart) {
    const Scheme scheme = parse_scheme(
        "acme", "algorithm jwt=HS256; signature header=A; digest claim=d; event_type claim=t;");
    const auto key = [&scheme](const std::string& type, const std::string& time) {
        const std::string claims =
            R"({"d":")" + sha256_hex(kBody) + R"(","t":")" + type + R"(","iat":)" + time + "}";
        std::string identity;
        const auto judgement =
            judge(scheme, {secret(scheme, kKey)}, {{{"A", hs256_token(claims, kKey)}}, kBody}, kNow,
                  {}, std::nullopt, std::nullopt, &identity);
        EXPECT_EQ(Reason::accepted, judgement.reason);
        return identity;
    };
    EXPECT_NE(key("paid", "1"), key("refunded", "1"));
    EXPECT_EQ(key("paid", "1"), key("paid", "2"));
}

// What a user writes behind `like` replaces the preset's fields of the same name, all of a repeated
// one, and leaves the others.
TEST(Presets, AreExtendedByAFewWords) {
    const Scheme github = *preset_scheme("github");
    const Scheme own = parse_user_scheme("acme", "like github; event_type json=/action;");
    EXPECT_EQ("acme", own.name);
    EXPECT_EQ(ValueLocation::Kind::json, own.event_type.kind);
    EXPECT_EQ("/action", own.event_type.text);
    EXPECT_EQ(github.signed_parts.size(), own.signed_parts.size());
    EXPECT_EQ("sha256=", own.signatures.front().prefix);
    EXPECT_EQ("x-github-delivery", own.headers[own.event_id.header]);
    EXPECT_EQ(preset_scheme("box")->signatures.size(), 2U);
    EXPECT_EQ(1U, parse_user_scheme("acme", "like box; signature header=S encoding=base64;")
                      .signatures.size());
    // An alias is a preset of another's fields and its own.
    const Scheme anthropic = parse_user_scheme("acme", "like anthropic; event_id header=Other;");
    EXPECT_EQ("/data/type", anthropic.event_type.text);
    EXPECT_EQ(KeyEncoding::whsec, anthropic.key);
}

TEST(Presets, AreVerifiedByWhoIsLikeThem) {
    for_each([](const Sample& sample, const Scheme&) {
        const Scheme like = parse_user_scheme("acme", "like " + sample.preset + ";");
        EXPECT_TRUE(accepts(sample, like, sample.delivery));
    });
}

}  // namespace
}  // namespace webhook
