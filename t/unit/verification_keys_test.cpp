#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/encoding.h"
#include "delivery.h"
#include "scheme/presets.h"
#include "verification_fixture.h"

namespace webhook {
namespace {

using namespace std::string_literals;
using testing::bare;
using testing::base64;
using testing::Delivery;
using testing::flipped;
using testing::hex;
using testing::hmac;
using testing::hmac_base64;
using testing::judge;
using testing::Judgement;
using testing::kBad;
using testing::KeyPair;
using testing::kNow;
using testing::kSecret;
using testing::kTime;
using testing::secret;

struct PublicScheme {
    std::string algorithm;
    std::string key;
    std::string secret;
    std::string (*sign)(const std::string&);
};

std::vector<PublicScheme> public_schemes() {
    const auto ed25519 = [](const std::string& text) { return KeyPair::ed25519().sign(text); };
    const auto ecdsa = [](const std::string& text) { return KeyPair::ecdsa().sign(text); };
    const auto rsa_sha1 = [](const std::string& text) {
        return KeyPair::rsa().sign(text, EVP_sha1());
    };
    const auto rsa_sha256 = [](const std::string& text) { return KeyPair::rsa().sign(text); };
    return {{"ed25519", "hex", hex(KeyPair::ed25519().raw()), ed25519},
            {"ed25519", "base64", base64(KeyPair::ed25519().raw()), ed25519},
            {"ed25519", "whpk", "whpk_" + base64(KeyPair::ed25519().raw()), ed25519},
            {"ed25519", "pem", KeyPair::ed25519().pem(), ed25519},
            {"ecdsa-p256-sha256", "spki", base64(KeyPair::ecdsa().der()), ecdsa},
            {"ecdsa-p256-sha256", "jwk", KeyPair::ecdsa().jwk(), ecdsa},
            {"rsa-sha1", "pem", KeyPair::rsa().pem(), rsa_sha1},
            {"rsa-sha256", "spki", base64(KeyPair::rsa().der()), rsa_sha256},
            {"rsa-sha256", "jwk", KeyPair::rsa().jwk(), rsa_sha256}};
}

Scheme timed_scheme(const PublicScheme& one) {
    return parse_scheme("test", "algorithm " + one.algorithm + "; key " + one.key +
                                    "; signed '{timestamp}.{body}.end'; timestamp header=X-Time;"
                                    "signature header=X-Sign encoding=base64;");
}

TEST(Verification, EveryPublicKeyAlgorithm) {
    for (const PublicScheme& one : public_schemes()) {
        SCOPED_TRACE(one.algorithm + " " + one.key);
        const Scheme scheme = timed_scheme(one);
        const std::string code = one.sign(kTime + ".body.end");
        Delivery delivery{{{"X-Time", kTime}, {"X-Sign", base64(code)}}, "body"};
        const std::vector<SigningSecret> secrets{secret(scheme, one.secret, "k")};
        for (std::size_t cut = 0; cut <= 4; ++cut) {
            EXPECT_EQ((Judgement{Reason::accepted, "k"}),
                      judge(scheme, secrets, delivery, kNow, {cut}));
        }
        for (const std::string& other : {""s, "bodY"s, "body "s, "body.end"s}) {
            delivery.body = other;
            EXPECT_EQ(kBad, judge(scheme, secrets, delivery, kNow)) << other;
        }
        delivery.body = "body";
        for (std::size_t i = 0; i < code.size(); i += 7) {
            delivery.set("X-Sign", base64(flipped(code, i)));
            EXPECT_EQ(kBad, judge(scheme, secrets, delivery, kNow)) << i;
        }
        delivery.set("X-Sign", base64(code.substr(1)));
        EXPECT_EQ(kBad, judge(scheme, secrets, delivery, kNow));
        delivery.set("X-Sign", base64(code + "x"));
        EXPECT_EQ(kBad, judge(scheme, secrets, delivery, kNow));
        delivery.set("X-Sign", base64(hmac(EVP_sha256(), one.secret, kTime + ".body.end")));
        EXPECT_EQ(kBad, judge(scheme, secrets, delivery, kNow));
    }
}

TEST(Verification, HashOfAnRsaSignatureIsTheSchemes) {
    for (const std::string& hash : {"sha1"s, "sha256"s}) {
        const Scheme scheme = parse_scheme(
            "test", "algorithm rsa-" + hash +
                        "; key pem; signed '{body}'; signature header=X-Sign encoding=base64;");
        for (const EVP_MD* own : {EVP_sha1(), EVP_sha256(), EVP_sha512()}) {
            const bool same = own == (hash == "sha1" ? EVP_sha1() : EVP_sha256());
            const Delivery delivery{{{"X-Sign", base64(KeyPair::rsa().sign("body", own))}}, "body"};
            EXPECT_EQ(same ? Reason::accepted : Reason::bad_signature,
                      judge(scheme, {secret(scheme, KeyPair::rsa().pem())}, delivery, kNow).reason);
        }
    }
}

TEST(Verification, AnyPublicKeyMayMatchAnyCandidate) {
    const PublicScheme one = public_schemes().front();
    const Scheme scheme = parse_scheme("test",
                                       "algorithm ed25519; key hex; signed '{body}';"
                                       "signature header=X-Sign split=, encoding=hex;");
    const std::string other =
        hex(decode(TextEncoding::base64, "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=").value());
    const std::string code = one.sign("body");
    const Delivery delivery{{{"X-Sign", hex(flipped(code, 0)) + "," + hex(code)}}, "body"};
    EXPECT_EQ((Judgement{Reason::accepted, "2"}),
              judge(scheme, {secret(scheme, other, "1"), secret(scheme, one.secret, "2")}, delivery,
                    kNow));
    EXPECT_EQ(kBad, judge(scheme, {secret(scheme, other, "1")}, delivery, kNow));
}

TEST(Verification, PlainHashHoldsTheSecret) {
    const Scheme scheme = parse_scheme("test",
                                       "algorithm sha256; signed '{secret}|{body}|{secret}';"
                                       "signature header=X-Sign encoding=base64;");
    const std::vector<SigningSecret> secrets{secret(scheme, "another", "1"),
                                             secret(scheme, kSecret, "2")};
    const auto code = [](const std::string& text) {
        return base64(testing::hashed(EVP_sha256(), text));
    };
    Delivery delivery{{{"X-Sign", code(kSecret + "|body|" + kSecret)}}, "body"};
    for (std::size_t cut = 0; cut <= 4; ++cut) {
        EXPECT_EQ((Judgement{Reason::accepted, "2"}),
                  judge(scheme, secrets, delivery, kNow, {cut}));
    }
    delivery.set("X-Sign", code("|body|"));
    EXPECT_EQ(kBad, judge(scheme, secrets, delivery, kNow));
    delivery.set("X-Sign", base64(hmac(EVP_sha256(), kSecret, "body")));
    EXPECT_EQ(kBad, judge(scheme, secrets, delivery, kNow));
    delivery.set("X-Sign", code(kSecret + "|body|another"));
    EXPECT_EQ(kBad, judge(scheme, secrets, delivery, kNow));
}

TEST(Verification, BasicIsUserAndPasswordInBase64) {
    const Scheme scheme =
        parse_scheme("test", "algorithm basic; signature header=Authorization 'prefix=Basic ';");
    const std::vector<SigningSecret> secrets{secret(scheme, "other:password", "1"),
                                             secret(scheme, "user:pass:word", "2")};
    const auto judged = [&](const std::string& value) {
        return judge(scheme, secrets, {{{"Authorization", value}}, "any body"}, kNow);
    };
    EXPECT_EQ((Judgement{Reason::accepted, "2"}), judged("Basic " + base64("user:pass:word")));
    EXPECT_EQ((Judgement{Reason::accepted, "1"}), judged("Basic " + base64("other:password")));
    for (const std::string& value :
         {base64("user:pass"), base64("User:pass:word"), base64("user:pass:word\n"), base64("user"),
          "user:pass:word"s, "!"s, hex("user:pass:word")}) {
        EXPECT_EQ(kBad, judged("Basic " + value)) << value;
    }
    EXPECT_EQ(Reason::malformed_signature, judged("Basic ").reason);
    EXPECT_EQ(Reason::malformed_signature, judged("Bearer " + base64("user:pass:word")).reason);
}

TEST(Verification, SignatureIsUnderItsOwnKeyOnly) {
    const Scheme scheme = preset_scheme("box").value();
    const std::string time = "2021-02-25T15:02:10Z";
    const auto with = [&](const std::string& header, const std::string& key) {
        return Delivery{{{"Box-Delivery-Timestamp", time},
                         {"Box-Signature-Version", "1"},
                         {"Box-Signature-Algorithm", "HmacSHA256"},
                         {header, hmac_base64(key, "body" + time)}},
                        "body"};
    };
    const std::vector<SigningSecret> both{secret(scheme, "primary key", "p"),
                                          secret(scheme, "secondary key", "s")};
    const std::string primary = "Box-Signature-Primary";
    const std::string secondary = "Box-Signature-Secondary";
    EXPECT_EQ((Judgement{Reason::accepted, "p"}),
              judge(scheme, both, with(primary, "primary key"), kNow));
    EXPECT_EQ((Judgement{Reason::accepted, "s"}),
              judge(scheme, both, with(secondary, "secondary key"), kNow));
    EXPECT_EQ(kBad, judge(scheme, both, with(secondary, "primary key"), kNow));
    EXPECT_EQ(kBad, judge(scheme, both, with(primary, "secondary key"), kNow));
    Delivery delivery = with(primary, "rotated away");
    delivery.add(secondary, hmac_base64("secondary key", "body" + time));
    EXPECT_EQ((Judgement{Reason::accepted, "s"}), judge(scheme, both, delivery, kNow));
    EXPECT_EQ(kBad, judge(scheme, {both[0]}, with(secondary, "primary key"), kNow));
    delivery = with(primary, "primary key");
    delivery.set("Box-Signature-Version", "2");
    EXPECT_EQ(Reason::missing_header, judge(scheme, both, delivery, kNow).reason);
    delivery.remove("Box-Signature-Version");
    EXPECT_EQ(Reason::missing_header, judge(scheme, both, delivery, kNow).reason);
    delivery = with(primary, "primary key");
    delivery.remove(primary);
    EXPECT_EQ(Reason::missing_signature, judge(scheme, both, delivery, kNow).reason);
}

TEST(Verification, PlaceOfASecretDoesNotShiftWhenAnotherExpires) {
    const Scheme scheme = parse_scheme(
        "test", "algorithm hmac-sha256; signed '{body}'; signature header=X-Sign key_index=1;");
    const std::vector<SigningSecret> secrets{secret(scheme, "first", "1", kNow),
                                             secret(scheme, "second", "2"),
                                             secret(scheme, "third", "3")};
    EXPECT_EQ((Judgement{Reason::accepted, "2"}),
              judge(scheme, secrets, bare("body", "second"), kNow));
    EXPECT_EQ(kBad, judge(scheme, secrets, bare("body", "third"), kNow));
    EXPECT_EQ(kBad, judge(scheme, secrets, bare("body", "first"), kNow));
}

// Each try hashes the whole text.
TEST(Verification, FewSignaturesOfALongTextAreTriedWithEd25519) {
    const Scheme scheme = parse_scheme("test",
                                       "algorithm ed25519; key hex; signed '{body}';"
                                       "signature header=X-Sign split=, encoding=hex;");
    const std::vector<SigningSecret> secrets{secret(scheme, hex(KeyPair::ed25519().raw()))};
    const auto judged = [&](std::size_t size, std::size_t wrong) {
        const std::string body(size, 'b');
        std::string value;
        for (std::size_t i = 0; i < wrong; ++i) value += std::string(128, '0') + ",";
        const Delivery delivery{{{"X-Sign", value + hex(KeyPair::ed25519().sign(body))}}, body};
        return judge(scheme, secrets, delivery, kNow).reason;
    };
    EXPECT_EQ(Reason::accepted, judged(1000, 15));
    EXPECT_EQ(Reason::bad_signature, judged(1000, 16));
    EXPECT_EQ(Reason::accepted, judged(1'000'000, 3));
    EXPECT_EQ(Reason::bad_signature, judged(1'000'000, 4));
    EXPECT_EQ(Reason::accepted, judged(8'000'000, 2));
    EXPECT_EQ(Reason::bad_signature, judged(8'000'000, 3));
}

}  // namespace
}  // namespace webhook
