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
    EXPECT_EQ(line(scheme, "POST /in?a=1?token=" + kToken + " HTTP/1.1"),
              "POST /in?a=1?token=" + hidden + " HTTP/1.1");
    EXPECT_EQ(line(scheme, "POST /in?TOKEN=" + kToken), "POST /in?TOKEN=" + hidden);
    EXPECT_EQ(line(scheme, "POST /in?%74oken=" + kToken), "POST /in?%74oken=" + hidden);
    EXPECT_EQ(line(scheme, "POST /in?other=" + kToken), "POST /in?other=" + kToken);
    EXPECT_EQ(line(scheme, "POST /in?token HTTP/1.1"), "POST /in?token HTTP/1.1");
}

// Other readers may see an end there, and the gate does not.
TEST(Redaction, RedactsTheWholeTokenInTheQuery) {
    const Scheme scheme = token_in("query=token");
    for (std::string_view sign : {"/", "?", ";", "#", "=", "//", "?token=", "#token=", ";b=", " ",
                                  " HTTP/", "%26", "%", "%2"}) {
        const std::string token = "W" + std::string(sign) + "TAIL";
        EXPECT_EQ(line(scheme, "POST /in?token=" + token + "&b=/c HTTP/1.1"),
                  "POST /in?token=[redacted:" +
                      std::to_string(token.size() - (sign == "%26" ? 2 : 0)) + "]&b=/c HTTP/1.1")
            << sign;
    }
}

TEST(Redaction, FindsTokensWhereverAParameterMayBegin) {
    const Scheme scheme = token_in("query=token");
    const std::string hidden = "[redacted:3]";
    for (std::string_view start :
         {"/in?token=", "/in?tok%65n=", "/in?%54OKEN=", "http://h/p?token=", "http://h?token=",
          "/in;token=", "/in#token=", "/in?a;token=", "/in?a#token=", "/token=", "token=",
          "/in?u=http%3A%2F%2Fh%3Ftoken%3d", "/in?a=b%26token="}) {
        const std::string begin = "POST " + std::string(start);
        EXPECT_EQ(line(scheme, begin + "a/b HTTP/1.1"), begin + hidden + " HTTP/1.1");
    }
    EXPECT_EQ(line(scheme, "POST /?token=a/b&token=c;d&TOKEN=e?f HTTP/2.0"),
              "POST /?token=[redacted:3]&token=[redacted:3]&TOKEN=[redacted:3] HTTP/2.0");
    for (std::string_view other : {"/in?a_token=a/b", "/in?tokens=a/b", "/in?token", "/in?atoken=a",
                                   "/in?token%=a", "/in?a=token"}) {
        const std::string whole = "POST " + std::string(other) + " HTTP/1.1";
        EXPECT_EQ(line(scheme, whole), whole);
    }
}

TEST(Redaction, FindsTokensOfOddNames) {
    EXPECT_EQ(line(token_in("query=a+b"), "POST /?a%2Bb=x HTTP/1.1"),
              "POST /?a%2Bb=[redacted:1] HTTP/1.1");
    EXPECT_EQ(line(token_in("query=a&b"), "POST /?a%26b=x HTTP/1.1"),
              "POST /?a%26b=[redacted:1] HTTP/1.1");
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

// Only its digest is configured.
TEST(Redaction, RedactsTheWholeTokenOfAHandshake) {
    const Scheme scheme = *preset_scheme("meta");
    EXPECT_EQ(line(scheme, "GET /meta?hub.verify_token=Right/Verify%2Btoken-12X HTTP/1.1"),
              "GET /meta?hub.verify_token=" + redacted("Right/Verify+token-12X") + " HTTP/1.1");
}

TEST(Redaction, KeepsJsonWebTokensOnlyAsAWhole) {
    const Scheme scheme = parse_user_scheme("acme", "algorithm jwt=HS256; signature query=jwt;");
    EXPECT_EQ(line(scheme, "POST /?jwt=" + kJwt + "/x HTTP/1.1"),
              "POST /?jwt=" + redacted(kJwt + "/x") + " HTTP/1.1");
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

const std::string kSigned = "aB+cd/EfGhIjKlMnOpQr==";

// Each holds the secret once, as `$`.
const std::vector<std::string> kEncoded{
    kSigned,
    "aB%2Bcd%2FEfGhIjKlMnOpQr%3D%3D",
    "aB%2bcd%2fEfGhIjKlMnOpQr%3d%3d",
    "aB%2Bcd/EfGhIjKlMnOpQr%3D%3D",
    "aB+cd%2FEfGhIjKlMnOpQr==",
    "aB cd/EfGhIjKlMnOpQr==",
    "%61%42%2B%63d/EfGhIjKlMnOpQr==",
    R"(aB+cd\/EfGhIjKlMnOpQr==)",
    R"(aB\u002bcd\u002FEfGhIjKlMnOpQr\u003d=)",
    R"(aB+cd\\/EfGhIjKlMnOpQr==)",
    "aB%252Bcd%252FEfGhIjKlMnOpQr%253D%253D",
    "aB%2Bcd%5C%2FEfGhIjKlMnOpQr%3D%3D",
    "aB%5Cu002bcd%5Cu002fEfGhIjKlMnOpQr==",
};

TEST(Redaction, HidesEncodedSecrets) {
    const std::string hidden = redacted(kSigned);
    const Scheme scheme = *preset_scheme("github");
    for (const std::string& text : kEncoded) {
        EXPECT_EQ(
            line(scheme, "POST /gh/" + text + "/x%20y?z=%41" + text + "&b HTTP/1.1", {kSigned}),
            "POST /gh/" + hidden + "/x%20y?z=%41" + hidden + "&b HTTP/1.1");
        EXPECT_EQ(shown(scheme, "User-Agent", "a%20" + text + "%20b", {kSigned}),
                  "a%20" + hidden + "%20b");
        const std::vector<std::string_view> secrets{kSigned};
        const Redaction redaction(scheme, secrets, {});
        EXPECT_TRUE(redaction.holds_secret("{\"s\":\"x\\n%41" + text + "\"}")) << text;
        EXPECT_TRUE(redaction.holds_secret("a=%20&s=" + text + "&b=c")) << text;
        EXPECT_EQ(redaction.header(text, "1"), std::nullopt);
    }
}

TEST(Redaction, HidesSecretsWithEscapesInThem) {
    const Scheme scheme = *preset_scheme("github");
    for (std::string_view secret : {"100%25-of-it", R"(a\nb-c\u0041)", "%%zz%4", "a b+c d"}) {
        EXPECT_EQ(line(scheme, "POST /" + std::string(secret) + "/ HTTP/1.1", {secret}),
                  "POST /" + redacted(secret) + "/ HTTP/1.1");
    }
    EXPECT_EQ(line(scheme, "POST /100%2525-of-it HTTP/1.1", {"100%25-of-it"}),
              "POST /" + redacted("100%25-of-it") + " HTTP/1.1");
}

TEST(Redaction, HidesOtherTextsOfTheKey) {
    const std::string secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const std::string versioned = "v1," + secret;
    for (std::string_view text : {"31f290f6bf06298aab4f08d43c3f082cf648a362da2da4b0",
                                  "31F290F6BF06298AAB4F08D43C3F082CF648A362DA2DA4B0"}) {
        EXPECT_EQ(shown("svix", "User-Agent", text, {secret}), redacted(text));
        EXPECT_EQ(shown("svix", "User-Agent", text, {std::string_view(secret).substr(6)}),
                  redacted(text));
        EXPECT_EQ(shown("svix", "User-Agent", text, {versioned}), redacted(text));
        EXPECT_EQ(shown("github", "User-Agent", text, {secret}), text);
    }
    const Scheme scheme = parse_user_scheme(
        "acme",
        "algorithm hmac-sha256; key hex; signed \"{body}\"; signature header=S encoding=hex;");
    for (std::string_view text : {"+++//wAAAAAAAAAAAAAAAA==", "---__wAAAAAAAAAAAAAAAA"}) {
        EXPECT_EQ(shown(scheme, "User-Agent", text, {"fbefbfff000000000000000000000000"}),
                  redacted(text));
    }
}

TEST(Redaction, HidesPasswordsInBase64) {
    const std::string coded = "dXNlcjpwYXNzd29yZA==";
    EXPECT_EQ(shown("basic", "User-Agent", "x " + coded, {"user:password"}),
              "x " + redacted(coded));
    EXPECT_EQ(shown("github", "User-Agent", coded, {"user:password"}), coded);
    EXPECT_EQ(shown("basic", "User-Agent", "password %2e", {"user:password"}),
              redacted("password") + " %2e");
    EXPECT_EQ(shown("basic", "User-Agent", "passwor", {"user:passwor"}), "passwor");
}

// All of it goes, as one.
TEST(Redaction, HidesOverlappingSecrets) {
    EXPECT_EQ(shown("github", "User-Agent", "x one-two-three y", {"one-two", "two-three-"}),
              "x " + redacted("one-two") + "-three y");
    EXPECT_EQ(shown("github", "User-Agent", "x one-two-three y", {"one-two", "two-three"}),
              "x " + redacted("two-three") + " y");
    EXPECT_EQ(shown("github", "User-Agent", "aaa", {"aa"}), "[redacted:2]");
    EXPECT_EQ(shown("github", "User-Agent", "qq", {"q"}), "[redacted:1][redacted:1]");
    EXPECT_EQ(line(token_in("query=token"), "POST /?token=some&more HTTP/1.1", {"some&more"}),
              "POST /?token=[redacted:9] HTTP/1.1");
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
