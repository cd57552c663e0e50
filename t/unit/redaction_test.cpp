#include "capture/redaction.h"

#include <gtest/gtest.h>

#include "scheme/builder.h"
#include "scheme/presets.h"

namespace webhook {
namespace {

const std::string kToken = "glpat-0123456789abcdef";
const std::string kJwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl";

// What is shown of a header: nothing is "-".
std::string shown(const Scheme& scheme, std::string_view name, std::string_view value,
                  std::vector<std::string_view> secrets = {}) {
    return Redaction(scheme, secrets, {}).header(name, value).value_or("-");
}

std::string shown(std::string_view preset, std::string_view name, std::string_view value,
                  std::vector<std::string_view> secrets = {}) {
    return shown(*preset_scheme(preset), name, value, std::move(secrets));
}

std::string line(const Scheme& scheme, std::string_view text,
                 std::vector<std::string_view> secrets = {}) {
    return Redaction(scheme, secrets, {}).request_line(text);
}

Scheme token_in(std::string_view source) {
    return parse_user_scheme("acme", "algorithm token; signature " + std::string(source) + ";");
}

TEST(Redaction, ShowsLengthAndFingerprint) {
    EXPECT_EQ(redacted("short"), "[redacted:5]");
    EXPECT_EQ(redacted("fifteen bytes.."), "[redacted:15]");
    const std::string text = redacted("sixteen bytes...");
    EXPECT_EQ(text, "[redacted:16:" + fingerprint("sixteen bytes...") + "]");
    EXPECT_EQ(fingerprint("sixteen bytes...").size(), 8U);
    EXPECT_NE(fingerprint("sixteen bytes..."), fingerprint("sixteen bytes..,"));
}

// As docs/capture.md computes it: a hash without a label could be looked up.
TEST(Redaction, FingerprintHasALabel) {
    EXPECT_EQ(fingerprint("sixteen bytes..."), "957fcca9");
}

TEST(Redaction, KeepsWhatTheSchemeReads) {
    EXPECT_EQ(shown("github", "X-Hub-Signature-256", "sha256=00"), "sha256=00");
    EXPECT_EQ(shown("github", "x-github-delivery", "1"), "1");
    EXPECT_EQ(shown("github", "X-GitHub-Event", "push"), "push");
    EXPECT_EQ(shown("svix", "Svix-Timestamp", "17"), "17");
    EXPECT_EQ(shown("github", "Svix-Timestamp", "17"), "-");
}

// A header of an equivalent name may be why the delivery is refused.
TEST(Redaction, KeepsHeadersOfEquivalentNames) {
    EXPECT_EQ(shown("github", "X_GitHub_Event", "push"), "push");
    EXPECT_EQ(shown("gitlab", "X_Gitlab.Token", kToken), redacted(kToken));
}

TEST(Redaction, KeepsWhatSaysWhatTheBodyIs) {
    for (std::string_view name : {"Host", "Content-Type", "Content-Length", "Content-Encoding",
                                  "Transfer-Encoding", "User-Agent", "Date"}) {
        EXPECT_EQ(shown("github", name, "value"), "value") << name;
    }
}

TEST(Redaction, LeavesOutAllOthers) {
    for (std::string_view name : {"X-Api-Key", "Accept", "X-Forwarded-For", "Set-Cookie", ""}) {
        EXPECT_EQ(shown("github", name, "value"), "-") << name;
    }
}

TEST(Redaction, ShowsTheLengthOfCredentialsOfOthers) {
    EXPECT_EQ(shown("github", "Cookie", "a=b; c=d"), "[redacted:8]");
    EXPECT_EQ(shown("github", "AUTHORIZATION", "Bearer " + kToken), "[redacted:29]");
    EXPECT_EQ(shown("github", "Proxy-Authorization", ""), "[redacted:0]");
}

TEST(Redaction, RedactsTokensOfTheScheme) {
    EXPECT_EQ(shown("gitlab", "X-Gitlab-Token", kToken), redacted(kToken));
    EXPECT_EQ(shown("gitlab", "X-Gitlab-Token", "short"), "[redacted:5]");
    EXPECT_EQ(shown("bearer", "Authorization", "bearer " + kToken), "bearer " + redacted(kToken));
    EXPECT_EQ(shown("bearer", "Authorization", "Basic " + kToken), redacted("Basic " + kToken));
    EXPECT_EQ(shown("basic", "Authorization", "Basic dXNlcjpwYXNzd29yZA=="),
              "Basic " + redacted("dXNlcjpwYXNzd29yZA=="));
    EXPECT_EQ(shown("okta", "Authorization", kToken), redacted(kToken));
}

Scheme jwt() {
    return parse_user_scheme("acme",
                             "algorithm jwt=HS256; signature header=Authorization "
                             "prefix=\"Bearer \";");
}

TEST(Redaction, KeepsJsonWebTokensOnly) {
    EXPECT_EQ(shown(jwt(), "Authorization", "Bearer " + kJwt), "Bearer " + kJwt);
    EXPECT_EQ(shown(jwt(), "Authorization", "Bearer " + kToken), "Bearer " + redacted(kToken));
    EXPECT_EQ(shown(jwt(), "Authorization", "Basic dXNlcjpwYXNz"), redacted("Basic dXNlcjpwYXNz"));
    EXPECT_EQ(shown(jwt(), "Authorization", kJwt + ".x"), redacted(kJwt + ".x"));
}

TEST(Redaction, KeepsJsonWebTokensInTheQuery) {
    const Scheme scheme = parse_user_scheme("acme", "algorithm jwt=HS256; signature query=jwt;");
    EXPECT_EQ(line(scheme, "POST /?jwt=" + kJwt), "POST /?jwt=" + kJwt);
    EXPECT_EQ(line(scheme, "POST /?jwt=" + kToken), "POST /?jwt=" + redacted(kToken));
}

Scheme hmac_in_authorization() {
    return parse_user_scheme("acme",
                             "algorithm hmac-sha256; signed \"{body}\"; signature "
                             "header=Authorization prefix=\"HMAC \" encoding=base64;");
}

TEST(Redaction, KeepsSignaturesInAuthorization) {
    const Scheme scheme = hmac_in_authorization();
    EXPECT_EQ(shown(scheme, "Authorization", "HMAC c2lnbmF0dXJl"), "HMAC c2lnbmF0dXJl");
    EXPECT_EQ(shown(scheme, "Authorization", "bearer " + kToken), "[redacted:29]");
    EXPECT_EQ(shown(scheme, "Authorization", "Basic dXNlcjpwYXNz"), "[redacted:18]");
}

TEST(Redaction, RedactsNumberedTokens) {
    const Scheme scheme = token_in("header=X-Token-*");
    EXPECT_EQ(shown(scheme, "X-Token-1", kToken), redacted(kToken));
    EXPECT_EQ(shown(scheme, "x-token-22", kToken), redacted(kToken));
    EXPECT_EQ(shown(scheme, "X-Token-", kToken), "-");
    EXPECT_EQ(shown(scheme, "X-Token-a", kToken), "-");
}

TEST(Redaction, KeepsHeadersThatASignedListNames) {
    const std::vector<HeaderField> headers{
        {"X-Contentful-Signed-Headers", "x-contentful-timestamp, x-mine,cookie,authorization"}};
    const Scheme scheme = *preset_scheme("contentful");
    const Redaction redaction(scheme, {}, headers);
    EXPECT_EQ(redaction.header("X-Mine", "1"), "1");
    EXPECT_EQ(redaction.header("X-Contentful-Timestamp", "2"), "2");
    EXPECT_EQ(redaction.header("X-Contentful-Signature", "3"), "3");
    EXPECT_EQ(redaction.header("X-Other", "4"), std::nullopt);
    EXPECT_EQ(redaction.header("Cookie", "5"), "[redacted:1]");
    EXPECT_EQ(redaction.header("Authorization", "6"), "[redacted:1]");
}

TEST(Redaction, LeavesOutANameThatIsASecret) {
    const std::vector<HeaderField> headers{{"X-Contentful-Signed-Headers", "x-mine,the-secret"}};
    const std::vector<std::string_view> secrets{"the-secret"};
    const Scheme scheme = *preset_scheme("contentful");
    const Redaction redaction(scheme, secrets, headers);
    EXPECT_EQ(redaction.header("the-secret", "1"), std::nullopt);
    EXPECT_EQ(redaction.header("X-Mine", "1"), "1");
}

// The list is the sender's.
TEST(Redaction, TakesNoListFromOtherHeaders) {
    const std::vector<HeaderField> headers{{"X-Contentful-Signed-Headers", "x-mine"}};
    const Scheme scheme = *preset_scheme("github");
    EXPECT_EQ(Redaction(scheme, {}, headers).header("X-Mine", "1"), std::nullopt);
}

TEST(Redaction, RedactsTokensInTheQuery) {
    const Scheme scheme = token_in("query=token");
    const std::string hidden = redacted(kToken);
    const std::string start = "POST /in?a=1&token=";
    EXPECT_EQ(line(scheme, start + kToken + "&b=2 HTTP/1.1"), start + hidden + "&b=2 HTTP/1.1");
    EXPECT_EQ(line(scheme, start + kToken + ";b=2 HTTP/1.1"), start + hidden + ";b=2 HTTP/1.1");
    EXPECT_EQ(line(scheme, "POST /in?a=1?token=" + kToken + " HTTP/1.1"),
              "POST /in?a=1?token=" + hidden + " HTTP/1.1");
    EXPECT_EQ(line(scheme, "POST /in?TOKEN=" + kToken), "POST /in?TOKEN=" + hidden);
    EXPECT_EQ(line(scheme, "POST /in?%74oken=" + kToken), "POST /in?%74oken=" + hidden);
    EXPECT_EQ(line(scheme, "POST /in?token=" + kToken + "#x"), "POST /in?token=" + hidden + "#x");
    EXPECT_EQ(line(scheme, "POST /in?other=" + kToken), "POST /in?other=" + kToken);
    EXPECT_EQ(line(scheme, "POST /in?token HTTP/1.1"), "POST /in?token HTTP/1.1");
}

// The fingerprint is that of the value, however it is encoded.
TEST(Redaction, DecodesTokensInTheQuery) {
    const Scheme scheme = token_in("query=token");
    EXPECT_EQ(line(scheme, "POST /?token=a%2Bvery%20secret+token"),
              "POST /?token=" + redacted("a+very secret token"));
    EXPECT_EQ(line(scheme, "POST /?token=%zz%"), "POST /?token=[redacted:4]");
}

TEST(Redaction, RedactsTokensOfHandshakes) {
    const Scheme scheme = *preset_scheme("meta");
    EXPECT_EQ(line(scheme, "GET /?hub.mode=subscribe&hub.verify_token=" + kToken + "&hub.x=1"),
              "GET /?hub.mode=subscribe&hub.verify_token=" + redacted(kToken) + "&hub.x=1");
}

TEST(Redaction, KeepsSignaturesInTheQuery) {
    const Scheme scheme = parse_user_scheme(
        "acme", "algorithm hmac-sha256; signed \"{body}\"; signature query=sig encoding=hex;");
    EXPECT_EQ(line(scheme, "POST /?sig=00ff HTTP/1.1"), "POST /?sig=00ff HTTP/1.1");
}

TEST(Redaction, HidesSecretsWhereverTheyStand) {
    const std::string secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const std::string bare = secret.substr(6);
    EXPECT_EQ(shown("github", "X-Hub-Signature-256", "sha256=" + secret, {secret}),
              "sha256=" + redacted(secret));
    EXPECT_EQ(shown("github", "User-Agent", bare + "/1.0", {secret}), redacted(bare) + "/1.0");
    const Scheme scheme = *preset_scheme("github");
    EXPECT_EQ(line(scheme, "POST /hooks/" + bare + "/x?y=" + secret, {secret}),
              "POST /hooks/" + redacted(bare) + "/x?y=" + redacted(secret));
    const std::string coded = "a secret+of mine";
    EXPECT_EQ(line(scheme, "POST /a%20secret%2Bof%20mine/x HTTP/1.1", {coded}),
              "POST /" + redacted(coded) + "/x HTTP/1.1");
    const std::vector<std::string_view> secrets{secret, ""};
    const Redaction redaction(scheme, secrets, {});
    EXPECT_TRUE(redaction.holds_secret("{\"key\":\"" + bare + "\"}"));
    EXPECT_FALSE(redaction.holds_secret("{\"key\":\"" + bare.substr(1) + "\"}"));
}

TEST(Redaction, HidesPasswordsInBase64) {
    const std::string coded = "dXNlcjpwYXNzd29yZA==";
    EXPECT_EQ(shown("basic", "User-Agent", "x " + coded, {"user:password"}),
              "x " + redacted(coded));
    EXPECT_EQ(shown("github", "User-Agent", coded, {"user:password"}), coded);
}

TEST(Redaction, HidesTheLongerOfTwoSecrets) {
    EXPECT_EQ(shown("github", "User-Agent", "secret-and-more", {"secret", "secret-and-more"}),
              redacted("secret-and-more"));
}

TEST(Redaction, KnowsSecretsInBodies) {
    EXPECT_TRUE(Redaction::has_secret_in_body(*preset_scheme("figma"), false));
    EXPECT_FALSE(Redaction::has_secret_in_body(*preset_scheme("github"), true));
    EXPECT_FALSE(Redaction::has_secret_in_body(*preset_scheme("mailgun"), true));
    const Scheme scheme = parse_user_scheme(
        "acme",
        "algorithm hmac-sha256; signed \"{body}\"; signature header=S encoding=hex; "
        "handshake verify=token:json:/token when=json:/challenge answer=\"{json:/challenge}\";");
    EXPECT_TRUE(Redaction::has_secret_in_body(scheme, true));
    EXPECT_FALSE(Redaction::has_secret_in_body(scheme, false));
}

}  // namespace
}  // namespace webhook
