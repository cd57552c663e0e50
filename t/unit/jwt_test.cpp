#include "verify/jwt.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/errors.h"
#include "delivery.h"

namespace webhook {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using testing::base64url;
using testing::Delivery;
using testing::hmac;
using testing::hs256_token;
using testing::judge;
using testing::Judgement;
using testing::KeyPair;
using testing::secret;

constexpr Milliseconds kNow{1'614'265'330'000};
const std::string kKey = "a secret of some length";
const std::string kHeader = R"({"alg":"HS256","typ":"JWT"})";

std::optional<Jwt> parsed(const std::string& token,
                          const std::vector<JwtAlgorithm>& pinned = {JwtAlgorithm::hs256}) {
    JsonDocument reader;
    return parse_jwt(token, pinned, reader);
}

std::string with_header(const std::string& header) {
    return base64url(header) + ".e30." + base64url("signature");
}

TEST(Jwt, IsTakenApart) {
    const std::string token = base64url(kHeader) + ".eyJhIjoxfQ." + base64url("\x01\x02\xff"s);
    const auto jwt = parsed(token);
    ASSERT_TRUE(jwt);
    EXPECT_EQ(JwtAlgorithm::hs256, jwt->algorithm);
    EXPECT_EQ(token.substr(0, token.rfind('.')), jwt->signed_text);
    EXPECT_EQ("\x01\x02\xff"s, jwt->signature);
    EXPECT_EQ(R"({"a":1})", jwt->claims);
}

TEST(Jwt, HasThreeParts) {
    const std::string header = base64url(kHeader);
    for (const std::string& token :
         {""s, "."s, ".."s, "..."s, header, header + "."s, header + ".e30"s, header + ".e30."s,
          header + "..c2ln"s, "." + header + ".c2ln", header + ".e30.c2ln."s,
          header + ".e30.c2ln.c2ln"s, "." + header + ".e30.c2ln", header + ".e30..c2ln"s,
          header + "." + header}) {
        EXPECT_FALSE(parsed(token)) << token;
    }
    EXPECT_TRUE(parsed(header + ".e30.c2ln"));
}

TEST(Jwt, IsUnpaddedBase64url) {
    const std::string header = base64url(kHeader);
    EXPECT_TRUE(parsed(header + ".e30.-_-_"));
    for (const std::string& token :
         {header + ".e30=.c2ln"s, header + ".e30.YQ=="s, header + ".e30.+/+/"s,
          header + ".e30.c2ln "s, " " + header + ".e30.c2ln", header + ".e31.YR"s,
          header + ".e30.c2l\n"s, header + ".e30.c"s, "eyJhbGciOiJIUzI1NiJ9==.e30.c2ln"s}) {
        EXPECT_FALSE(parsed(token)) << token;
    }
}

TEST(Jwt, HeaderIsAnObjectThatNamesAPinnedAlgorithm) {
    EXPECT_TRUE(parsed(with_header(R"({"alg":"HS256"})")));
    EXPECT_TRUE(parsed(with_header(R"({"typ":"JWT","kid":"x","alg":"HS256","jku":"https://x"})")));
    EXPECT_TRUE(parsed(with_header(R"({"alg":"HS256","kid":null})")));
    EXPECT_FALSE(parsed(with_header(R"({"alg":"HS256","kid":[]})")));
    EXPECT_FALSE(parsed(with_header(R"({"alg":"HS256","kid":null,"kid":"x"})")));
    for (const std::string& header : {""s,
                                      "x"s,
                                      "{"s,
                                      "[]"s,
                                      "\"HS256\""s,
                                      "{}"s,
                                      R"({"alg":null})"s,
                                      R"({"alg":256})"s,
                                      R"({"alg":["HS256"]})"s,
                                      R"({"alg":"hs256"})"s,
                                      R"({"alg":"HS256 "})"s,
                                      R"({"alg":"HS384"})"s,
                                      R"({"alg":""})"s,
                                      R"({"Alg":"HS256"})"s,
                                      R"({"alg":"HS256","alg":"none"})"s,
                                      R"({"alg":"HS256","alg":"HS256"})"s,
                                      R"({"alg":"HS256","ALG":"none"})"s,
                                      R"({"alg":"HS256")"s,
                                      R"({"alg":"HS256"}{})"s,
                                      "[{\"alg\":\"HS256\"}]"s}) {
        EXPECT_FALSE(parsed(with_header(header))) << header;
    }
}

TEST(Jwt, NoneIsNeverTaken) {
    const std::vector<JwtAlgorithm> all{JwtAlgorithm::hs256, JwtAlgorithm::hs384,
                                        JwtAlgorithm::hs512, JwtAlgorithm::es256,
                                        JwtAlgorithm::rs256, JwtAlgorithm::eddsa};
    for (const std::string& name : {"none"s, "None"s, "NONE"s, "nOnE"s, ""s, "HS1"s, "ES384"s}) {
        EXPECT_FALSE(parsed(with_header(R"({"alg":")" + name + "\"}"), all)) << name;
    }
    EXPECT_FALSE(parsed(base64url(R"({"alg":"none"})") + ".e30.", all));
    EXPECT_FALSE(parsed(with_header(R"({"alg":"HS256"})"), {}));
}

TEST(Jwt, EveryAlgorithmHasItsName) {
    const std::vector<std::pair<std::string, JwtAlgorithm>> names{
        {"HS256", JwtAlgorithm::hs256}, {"HS384", JwtAlgorithm::hs384},
        {"HS512", JwtAlgorithm::hs512}, {"ES256", JwtAlgorithm::es256},
        {"RS256", JwtAlgorithm::rs256}, {"EdDSA", JwtAlgorithm::eddsa}};
    for (const auto& [name, algorithm] : names) {
        for (const auto& [other, pinned] : names) {
            const auto jwt = parsed(with_header(R"({"alg":")" + name + "\"}"), {pinned});
            EXPECT_EQ(name == other, jwt.has_value()) << name << ' ' << other;
            EXPECT_TRUE(!jwt || jwt->algorithm == algorithm);
        }
    }
}

TEST(Jwt, ExtensionsAreRefused) {
    for (const std::string& crit : {"[]"s, "[\"b64\"]"s, "null"s, "\"exp\""s}) {
        EXPECT_FALSE(parsed(with_header(R"({"alg":"HS256","crit":)" + crit + "}"))) << crit;
    }
    EXPECT_FALSE(parsed(with_header(R"({"crit":["b64"],"b64":false,"alg":"HS256"})")));
}

TEST(Jwt, PointerToAMember) {
    EXPECT_EQ("/a", pointer_to("a"));
    EXPECT_EQ("/", pointer_to(""));
    EXPECT_EQ("/~1a~0b~01", pointer_to("/a~b~1"));
    EXPECT_EQ("/https:~1~1x~1y", pointer_to("https://x/y"));
}

// -- verified

const std::string kJwt = "algorithm jwt=HS256; signature header=X-Token prefix='JWT ';";

Judgement judged(const Scheme& scheme, const std::string& secret_text, const std::string& token,
                 const std::string& body = "", Milliseconds now = kNow,
                 const std::optional<Tolerance>& tolerance = std::nullopt) {
    const Delivery delivery{{{"X-Token", "JWT " + token}}, body, "POST", "https://a.example/x?b=1"};
    return judge(scheme, {secret(scheme, secret_text, "k")}, delivery, now, {}, tolerance);
}

Reason reason_of(const std::string& statements, const std::string& claims,
                 const std::string& body = "", Milliseconds now = kNow) {
    const Scheme scheme = parse_scheme("test", kJwt + statements);
    return judged(scheme, kKey, hs256_token(claims, kKey), body, now).reason;
}

TEST(JwtVerification, EveryHmac) {
    const std::vector<std::pair<std::string, const EVP_MD*>> hashes{
        {"HS256", EVP_sha256()}, {"HS384", EVP_sha384()}, {"HS512", EVP_sha512()}};
    for (const auto& [pinned, ignored] : hashes) {
        const Scheme one = parse_scheme(
            "test", "algorithm jwt=" + pinned + "; signature header=X-Token prefix='JWT ';");
        const Scheme all = parse_scheme(
            "test", "algorithm jwt=HS512,HS384,HS256; signature header=X-Token prefix='JWT ';");
        for (const auto& [name, hash] : hashes) {
            const EVP_MD* const own = hash;
            const auto sign = [own](const std::string& text) { return hmac(own, kKey, text); };
            const std::string token =
                testing::token(R"({"alg":")" + name + "\"}", R"({"a":1})", sign);
            EXPECT_EQ((Judgement{Reason::accepted, "k"}), judged(all, kKey, token)) << name;
            EXPECT_EQ(name == pinned ? Reason::accepted : Reason::malformed_signature,
                      judged(one, kKey, token).reason)
                << name << ' ' << pinned;
            EXPECT_EQ(Reason::bad_signature, judged(all, "another", token).reason);
        }
    }
}

TEST(JwtVerification, HashOfAnotherAlgorithmDoesNotCount) {
    const Scheme scheme =
        parse_scheme("test", "algorithm jwt=HS256,HS512; signature header=X-Token prefix='JWT ';");
    const auto sign = [](const std::string& text) { return hmac(EVP_sha256(), kKey, text); };
    EXPECT_EQ(Reason::bad_signature,
              judged(scheme, kKey, testing::token(R"({"alg":"HS512"})", "{}", sign)).reason);
}

struct Asymmetric {
    std::string algorithm;
    std::string key;
    std::string secret;
    std::string (*sign)(const std::string&);
};

std::vector<Asymmetric> asymmetric() {
    const auto numbers = [](const std::string& text) {
        return KeyPair::ecdsa().sign_as_numbers(text);
    };
    const auto rsa = [](const std::string& text) { return KeyPair::rsa().sign(text); };
    const auto ed25519 = [](const std::string& text) { return KeyPair::ed25519().sign(text); };
    return {{"ES256", "jwk", KeyPair::ecdsa().jwk(), numbers},
            {"ES256", "pem", KeyPair::ecdsa().pem(), numbers},
            {"RS256", "pem", KeyPair::rsa().pem(), rsa},
            {"RS256", "jwk", KeyPair::rsa().jwk(), rsa},
            {"EdDSA", "jwk", KeyPair::ed25519().jwk(), ed25519},
            {"EdDSA", "hex", testing::hex(KeyPair::ed25519().raw()), ed25519}};
}

Scheme scheme_of(const Asymmetric& one) {
    return parse_scheme("test", "algorithm jwt=" + one.algorithm + "; key " + one.key +
                                    "; signature header=X-Token prefix='JWT ';");
}

TEST(JwtVerification, EveryPublicKey) {
    for (const Asymmetric& one : asymmetric()) {
        SCOPED_TRACE(one.algorithm + " " + one.key);
        const Scheme scheme = scheme_of(one);
        const std::string header = R"({"alg":")" + one.algorithm + "\"}";
        const std::string token = testing::token(header, R"({"a":1})", one.sign);
        EXPECT_EQ((Judgement{Reason::accepted, "k"}), judged(scheme, one.secret, token));
        const std::string other =
            base64url(header) + '.' + base64url(R"({"a":2})") + token.substr(token.rfind('.'));
        EXPECT_EQ(Reason::bad_signature, judged(scheme, one.secret, other).reason);
        const std::string cut = token.substr(0, token.size() - 4);
        EXPECT_NE(Reason::accepted, judged(scheme, one.secret, cut).reason);
    }
}

TEST(JwtVerification, EcdsaSignatureIsTwoNumbersOnly) {
    const Asymmetric es256 = asymmetric().front();
    const auto der = [](const std::string& text) { return KeyPair::ecdsa().sign(text); };
    EXPECT_EQ(Reason::malformed_signature, judged(scheme_of(es256), es256.secret,
                                                  testing::token(R"({"alg":"ES256"})", "{}", der))
                                               .reason);
}

// The oldest attack: whoever knows the public key signs with its text as an HMAC key. A scheme
// with a public key has no HMAC, and one with HMAC takes no public key.
TEST(JwtVerification, PublicKeyIsNoHmacKey) {
    for (const Asymmetric& one : asymmetric()) {
        SCOPED_TRACE(one.algorithm + " " + one.key);
        const std::string token = hs256_token(R"({"a":1})", one.secret);
        EXPECT_EQ(Reason::malformed_signature, judged(scheme_of(one), one.secret, token).reason);
        const auto sign = [&](const std::string& text) {
            return hmac(EVP_sha256(), one.secret, text);
        };
        const std::string header = R"({"alg":")" + one.algorithm + "\"}";
        EXPECT_NE(Reason::accepted,
                  judged(scheme_of(one), one.secret, testing::token(header, "{}", sign)).reason);
        EXPECT_THROW(
            parse_scheme("test", "algorithm jwt=HS256," + one.algorithm + "; signature header=A;"),
            ConfigError);
        const Scheme shared = parse_scheme("test", kJwt);
        const SigningKey key(scheme_of(one), one.secret);
        EXPECT_THROW(key.start_hmac(Hash::sha256), CryptoError);
        if (one.key == "hex") continue;  // 32 bytes that could be anything
        EXPECT_THROW(secret(shared, one.secret), ConfigError);
    }
}

TEST(JwtVerification, PublicKeysOfOtherAlgorithmsAreRefused) {
    for (const Asymmetric& one : asymmetric()) {
        for (const Asymmetric& other : asymmetric()) {
            if (one.algorithm == other.algorithm || one.key != other.key) continue;
            EXPECT_THROW(secret(scheme_of(one), other.secret), ConfigError)
                << one.algorithm << ' ' << other.algorithm;
        }
    }
}

TEST(JwtVerification, TokenIsSignedFromEndToEnd) {
    const Scheme scheme = parse_scheme("test", kJwt);
    const std::string token = hs256_token(R"({"a":1,"b":"text"})", kKey);
    ASSERT_EQ(Reason::accepted, judged(scheme, kKey, token).reason);
    for (std::size_t i = 0; i < token.size(); ++i) {
        std::string other = token;
        other[i] = other[i] == 'A' ? 'B' : 'A';
        EXPECT_NE(Reason::accepted, judged(scheme, kKey, other).reason) << i;
    }
    EXPECT_EQ(Reason::malformed_signature, judged(scheme, kKey, token + "=").reason);
    EXPECT_EQ(Reason::malformed_signature,
              judged(scheme, kKey, token.substr(0, token.rfind('.') + 1)).reason);
    EXPECT_EQ(Reason::malformed_signature,
              judged(scheme, kKey, token.substr(0, token.rfind('.'))).reason);
}

TEST(JwtVerification, AnySecretMayMatch) {
    const Scheme scheme = parse_scheme("test", kJwt);
    const Delivery delivery{{{"X-Token", "JWT " + hs256_token("{}", "second secret")}}, ""};
    const std::vector<SigningSecret> secrets{secret(scheme, "first secret", "1"),
                                             secret(scheme, "second secret", "2", kNow)};
    EXPECT_EQ((Judgement{Reason::accepted, "2"}), judge(scheme, secrets, delivery, kNow - 1ms));
    EXPECT_EQ(Reason::bad_signature, judge(scheme, secrets, delivery, kNow).reason);
}

// RFC 7519, section 2.
TEST(JwtVerification, ATimestampMayHaveAFraction) {
    const auto reason = [](const char* unit, const std::string& iat, Milliseconds now = kNow) {
        const Scheme scheme = parse_scheme(
            "test",
            "algorithm jwt=HS256; signature header=X-Token; timestamp claim=iat "s + unit + ";");
        const Delivery delivery{{{"X-Token", hs256_token(R"({"iat":)" + iat + "}", kKey)}}, ""};
        return judge(scheme, {secret(scheme, kKey)}, delivery, now).reason;
    };
    EXPECT_EQ(Reason::accepted, reason("", "1614265330"));
    EXPECT_EQ(Reason::accepted, reason("", "1614265330.75"));
    EXPECT_EQ(Reason::stale_timestamp, reason("", "1614265330.75", kNow + 5min + 1ms));
    EXPECT_EQ(Reason::missing_timestamp, reason("", "-1.5"));
    EXPECT_EQ(Reason::missing_timestamp, reason("unit=ms", "1614265330000.5"));
}

TEST(JwtVerification, ClaimsAreAnObject) {
    for (const std::string& claims : {"x"s, "{"s, R"({"a":1)"s, "{} {}"s}) {
        EXPECT_EQ(Reason::malformed_signature, reason_of("", claims)) << claims;
    }
    EXPECT_EQ(Reason::accepted, reason_of("", "{}"));
}

// At its `exp` a token has expired.
TEST(JwtVerification, Expiry) {
    EXPECT_EQ(Reason::accepted, reason_of("", R"({"exp":1614265331})"));
    EXPECT_EQ(Reason::stale_timestamp, reason_of("", R"({"exp":1614265330})"));
    EXPECT_EQ(Reason::accepted, reason_of("", R"({"exp":1614265330})", "", kNow - 1ms));
    EXPECT_EQ(Reason::stale_timestamp, reason_of("", R"({"exp":1614265329})"));
    EXPECT_EQ(Reason::stale_timestamp, reason_of("", R"({"exp":0})"));
    for (const std::string& time :
         {"null"s, "\"soon\""s, "-1"s, "1e99"s, "true"s, "[1614265331]"s, "-1.5"s, "\".5\""s,
          "\"1614265331.x\""s, "\"\""s, "99999999999999999999"s}) {
        EXPECT_EQ(Reason::malformed_timestamp, reason_of("", R"({"exp":)" + time + "}")) << time;
    }
    // RFC 7519, section 2: it may have a fraction.
    EXPECT_EQ(Reason::accepted, reason_of("", R"({"exp":1614265330.5})"));
    EXPECT_EQ(Reason::stale_timestamp, reason_of("", R"({"exp":1614265330.5})", "", kNow + 500ms));
    EXPECT_EQ(Reason::stale_timestamp, reason_of("", R"({"exp":1614265330.0009})"));
    EXPECT_EQ(Reason::malformed_timestamp, reason_of("", R"({"exp":1614265331,"exp":1614265331})"));
    EXPECT_EQ(Reason::malformed_timestamp, reason_of("", R"({"exp":1614265331,"EXP":1})"));
}

TEST(JwtVerification, NotBeforeAllowsForAMinuteOfSkew) {
    EXPECT_EQ(Reason::accepted, reason_of("", R"({"nbf":1614265330})"));
    EXPECT_EQ(Reason::accepted, reason_of("", R"({"nbf":1614265390})"));
    EXPECT_EQ(Reason::future_timestamp, reason_of("", R"({"nbf":1614265391})"));
    EXPECT_EQ(Reason::future_timestamp, reason_of("", R"({"nbf":1614265390})", "", kNow - 1ms));
    EXPECT_EQ(Reason::accepted, reason_of("", R"({"nbf":1614265390.000})"));
    EXPECT_EQ(Reason::future_timestamp, reason_of("", R"({"nbf":1614265390.0009})"));
    EXPECT_EQ(Reason::malformed_timestamp, reason_of("", R"({"nbf":null})"));
}

TEST(JwtVerification, IssuedAtHasAWindowWhereTheSchemeSaysSo) {
    const std::string timestamp = "timestamp claim=iat tolerance=5m future=1m;";
    EXPECT_EQ(Reason::accepted, reason_of(timestamp, R"({"iat":1614265030})"));
    EXPECT_EQ(Reason::stale_timestamp, reason_of(timestamp, R"({"iat":1614265029})"));
    EXPECT_EQ(Reason::accepted, reason_of(timestamp, R"({"iat":1614265390})"));
    EXPECT_EQ(Reason::future_timestamp, reason_of(timestamp, R"({"iat":1614265391})"));
    EXPECT_EQ(Reason::missing_timestamp, reason_of(timestamp, "{}"));
    EXPECT_EQ(Reason::missing_timestamp, reason_of(timestamp, R"({"iat":null})"));
    EXPECT_EQ(Reason::malformed_timestamp, reason_of(timestamp, R"({"iat":"now"})"));
    EXPECT_EQ(Reason::missing_timestamp, reason_of(timestamp, R"({"iat":1,"iat":1614265330})"));
    EXPECT_EQ(Reason::accepted, reason_of("", R"({"iat":1})"));
    const Scheme scheme = parse_scheme("test", kJwt + timestamp);
    const std::string token = hs256_token(R"({"iat":1614265000})", kKey);
    EXPECT_EQ(Reason::stale_timestamp, judged(scheme, kKey, token).reason);
    EXPECT_EQ(Reason::accepted, judged(scheme, kKey, token, "", kNow, Tolerance{330s, 1s}).reason);
}

TEST(JwtVerification, TimestampIsToldWhereItWasInTheToken) {
    const Scheme scheme = parse_scheme("test", kJwt + "timestamp claim=iat;");
    const SigningSecret key = secret(scheme, kKey);
    const std::vector<const SigningSecret*> secrets{&key};
    const Delivery delivery{{{"X-Token", "JWT " + hs256_token(R"({"iat":1614265330})", kKey)}}, ""};
    const SchemeHeaders headers = delivery.offered_to(scheme);
    Credentials presented;
    ASSERT_EQ(std::nullopt, read_headers(scheme, headers, kNow, std::nullopt, presented));
    const std::optional<Tolerance> tolerance;
    JsonDocument reader;
    Verification verification(scheme, secrets,
                              {"POST", "", "", &headers, &presented, &tolerance, &reader}, kNow);
    EXPECT_TRUE(verification.ignores_body());
    EXPECT_FALSE(verification.needs_whole_body_for_timestamp());
    EXPECT_EQ("", verification.late_timestamp());
    EXPECT_EQ(std::nullopt, verification.verify_signature(nullptr, kNow));
    EXPECT_EQ("1614265330", verification.late_timestamp());
    EXPECT_EQ(std::nullopt, verification.verify_timestamp(nullptr, kNow));
}

TEST(JwtVerification, ClaimsHaveToBeAsTheSchemeSays) {
    const std::string issuer = "claims iss=me;";
    EXPECT_EQ(Reason::accepted, reason_of(issuer, R"({"iss":"me"})"));
    EXPECT_EQ(Reason::accepted, reason_of("claims n=5 b=true;", R"({"n":5,"b":true})"));
    for (const std::string& claims :
         {"{}"s, R"({"iss":"Me"})"s, R"({"iss":"me "})"s, R"({"iss":""})"s, R"({"iss":null})"s,
          R"({"iss":{"iss":"me"}})"s, R"({"Iss":"me"})"s, R"({"iss":"me","iss":"me"})"s,
          R"({"iss":"me","ISS":"you"})"s, R"({"sub":"me"})"s}) {
        EXPECT_EQ(Reason::bad_signature, reason_of(issuer, claims)) << claims;
    }
    EXPECT_EQ(Reason::bad_signature, reason_of("claims iss=me sub=x;", R"({"iss":"me"})"));
    EXPECT_EQ(Reason::accepted, reason_of("claims iss=me sub=x;", R"({"sub":"x","iss":"me"})"));
    EXPECT_EQ(Reason::accepted, reason_of("claims 'a/b~c=1';", R"({"a/b~c":"1"})"));
}

TEST(JwtVerification, AudienceMayBeAList) {
    const std::string audience = "claims 'aud={url}';";
    const std::string url = "https://a.example/x?b=1";
    EXPECT_EQ(Reason::accepted, reason_of(audience, R"({"aud":")" + url + "\"}"));
    EXPECT_EQ(Reason::accepted, reason_of(audience, R"({"aud":[")" + url + "\"]}"));
    EXPECT_EQ(Reason::accepted, reason_of(audience, R"({"aud":["x",1,")" + url + "\",null]}"));
    for (const std::string& list :
         {"[]"s, "[\"x\"]"s, "[[\"" + url + "\"]]", "[\"" + url + "/\"]", "{\"0\":\"" + url + "\"}",
          "\"https://a.example/x\""s, "[\"https://a.example/x\"]"s}) {
        EXPECT_EQ(Reason::bad_signature, reason_of(audience, R"({"aud":)" + list + "}")) << list;
    }
    EXPECT_EQ(Reason::accepted, reason_of("claims 'aud=<{url}>';", R"({"aud":"<)" + url + ">\"}"));
}

TEST(JwtVerification, QueryStringHash) {
    const std::string hash = "claims 'qsh={url:qsh}';";
    const auto claims = [](const std::string& text) {
        return R"({"qsh":")" + testing::sha256_hex(text) + "\"}";
    };
    EXPECT_EQ(Reason::accepted, reason_of(hash, claims("POST&/x&b=1")));
    EXPECT_EQ(Reason::bad_signature, reason_of(hash, claims("GET&/x&b=1")));
    EXPECT_EQ(Reason::bad_signature, reason_of(hash, claims("POST&/x&b=2")));
    EXPECT_EQ(Reason::bad_signature, reason_of(hash, claims("POST&/x&")));
    EXPECT_EQ(Reason::bad_signature, reason_of(hash, "{}"));
    EXPECT_EQ(Reason::bad_signature, reason_of(hash, R"({"qsh":""})"));
    const Scheme scheme = parse_scheme("test", kJwt + hash);
    Delivery delivery{{{"X-Token", "JWT " + hs256_token(R"({"qsh":""})", kKey)}}, ""};
    delivery.url = "https://a.example/x?%zz";
    EXPECT_EQ(Reason::bad_signature, judge(scheme, {secret(scheme, kKey)}, delivery, kNow).reason);
}

TEST(JwtVerification, DigestOfTheBody) {
    const auto claims = [](const std::string& name, const std::string& digest) {
        return R"({")" + name + R"(":")" + digest + "\"}";
    };
    const std::string right = testing::sha256_hex("body");
    for (const std::string& optional : {""s, " optional"s}) {
        const std::string digest = "digest claim=h" + optional + ";";
        EXPECT_EQ(Reason::accepted, reason_of(digest, claims("h", right), "body"));
        EXPECT_EQ(Reason::bad_signature, reason_of(digest, claims("h", right), "Body"));
        EXPECT_EQ(Reason::bad_signature, reason_of(digest, claims("h", right), ""));
        EXPECT_EQ(Reason::bad_signature, reason_of(digest, claims("h", ""), "body"));
        EXPECT_EQ(Reason::bad_signature, reason_of(digest, claims("h", ""), ""));
        EXPECT_EQ(Reason::bad_signature, reason_of(digest, claims("h", right + "00"), "body"));
        EXPECT_EQ(Reason::bad_signature, reason_of(digest, claims("h", right.substr(2)), "body"));
        EXPECT_EQ(Reason::bad_signature, reason_of(digest, claims("h", "xyz"), "body"));
        EXPECT_EQ(Reason::bad_signature, reason_of(digest, claims("H", right), "body"));
        EXPECT_EQ(Reason::invalid_payload,
                  reason_of(digest, R"({"h":")" + right + R"(","h":")" + right + "\"}", "body"));
        EXPECT_EQ(Reason::bad_signature, reason_of(digest, "{}", "body"));
        EXPECT_EQ(Reason::accepted, reason_of(digest, claims("h", testing::sha256_hex("")), ""));
        EXPECT_EQ(optional.empty() ? Reason::bad_signature : Reason::accepted,
                  reason_of(digest, "{}", ""));
    }
    const std::string sha512 = "digest claim=h algorithm=sha512 encoding=base64url;";
    EXPECT_EQ(
        Reason::accepted,
        reason_of(sha512, claims("h", base64url(testing::hashed(EVP_sha512(), "body"))), "body"));
    EXPECT_EQ(Reason::bad_signature, reason_of(sha512, claims("h", right), "body"));
}

}  // namespace
}  // namespace webhook
