#include "verify/signing_key.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/encoding.h"
#include "base/errors.h"
#include "delivery.h"

namespace webhook {
namespace {

using namespace std::string_literals;
using testing::base64;
using testing::hex;
using testing::hmac;

Scheme hmac_scheme(const std::string& key, const std::string& hash = "sha256") {
    return parse_scheme("test", "algorithm hmac-" + hash + "; key " + key +
                                    "; signed '{body}'; signature header=Signature;");
}

Scheme token_scheme(const std::string& key = "utf8") {
    return parse_scheme("test", "algorithm token; key " + key + "; signature header=Token;");
}

std::string code_of(const SigningKey& key, std::string_view text) {
    std::array<std::uint8_t, kLargestHash> code;
    Hmac hmac = key.start_hmac();
    hmac.update(text);
    return to_hex(hmac.finish(code));
}

void expect_key(const std::string& bytes, const std::string& encoding, const std::string& secret) {
    const SigningKey key(hmac_scheme(encoding), secret);
    EXPECT_EQ(bytes.size(), key.size()) << encoding << ' ' << secret;
    EXPECT_EQ(hex(hmac(EVP_sha256(), bytes, "text")), code_of(key, "text"))
        << encoding << ' ' << secret;
}

std::string refusal(const Scheme& scheme, const std::string& secret) {
    try {
        const SigningKey key(scheme, secret);
    } catch (const ConfigError& error) {
        return error.what();
    }
    ADD_FAILURE() << "taken as a key: " << secret;
    return "";
}

const std::string kBytes = "\x00\x01\x02 key of bytes \xfd\xfe\xff"s;

TEST(SigningKey, OfUtf8IsTheTextItself) {
    for (const std::string& secret :
         {"It's a Secret to Everybody"s, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"s, "6b6579"s,
          "a2V5"s, " spaces "s, "a"s, "newline\n"s, "p\xc3\xa4ssword"s, "nul\0inside"s,
          std::string(5000, 'k')}) {
        expect_key(secret, "utf8", secret);
    }
}

TEST(SigningKey, OfBase64AndHexIsDecoded) {
    expect_key(kBytes, "base64", base64(kBytes));
    expect_key(kBytes, "hex", hex(kBytes));
    expect_key("\xab\xcd", "hex", "ABCD");
}

TEST(SigningKey, OfWhsecIsBase64BehindTheMark) {
    expect_key(kBytes, "whsec", "whsec_" + base64(kBytes));
    expect_key(kBytes, "whsec", "v1,whsec_" + base64(kBytes));
}

// As the reference libraries read it.
TEST(SigningKey, OfWhsecWithoutTheMarkIsBase64WhereItDecodes) {
    expect_key(kBytes, "whsec", base64(kBytes));
    expect_key("key", "whsec", "a2V5");
    expect_key("key", "whsec", "v1,a2V5");
    EXPECT_FALSE(SigningKey(hmac_scheme("whsec"), "a2V5").is_text_instead());
    EXPECT_FALSE(SigningKey(hmac_scheme("whsec"), "whsec_a2V5").is_text_instead());
    EXPECT_FALSE(SigningKey(hmac_scheme("utf8"), "plain text").is_text_instead());
}

TEST(SigningKey, OfWhsecThatIsNoBase64IsTheTextItself) {
    for (const std::string& secret :
         {"plain text"s, "v1,plain"s, "WHSEC_a2V5"s, "whsec"s, "polar_whs_a2V5"s, "a2V5="s, "a2V"s,
          "v1,v1,whsec_a2V5"s, " whsec_a2V5"s, "v1,"s}) {
        expect_key(secret, "whsec", secret);
        EXPECT_TRUE(SigningKey(hmac_scheme("whsec"), secret).is_text_instead()) << secret;
    }
}

TEST(SigningKey, ThatDoesNotDecodeIsRefused) {
    for (const std::string& secret :
         {"a2V"s, "a2V5 "s, "a2V5\n"s, "a2V5="s, "a2W="s, "_-_-"s, "not base64!"s, "a2\0V"s}) {
        refusal(hmac_scheme("base64"), secret);
        refusal(hmac_scheme("whsec"), "whsec_" + secret);
        refusal(hmac_scheme("whsec"), "v1,whsec_" + secret);
    }
    for (const std::string& secret : {"abc"s, "0x12"s, "xy"s, "12 34"s, "12\n"s}) {
        refusal(hmac_scheme("hex"), secret);
    }
}

TEST(SigningKey, ThatIsEmptyIsRefused) {
    for (const std::string& encoding : {"utf8"s, "base64"s, "hex"s, "whsec"s}) {
        refusal(hmac_scheme(encoding), "");
        refusal(token_scheme(encoding), "");
    }
    refusal(hmac_scheme("whsec"), "whsec_");
    refusal(hmac_scheme("whsec"), "v1,whsec_");
}

TEST(SigningKey, RefusalDoesNotRepeatTheSecret) {
    const std::string secret = "c3VwZXJzZWNyZXQ!";
    for (const std::string& encoding : {"base64"s, "hex"s}) {
        EXPECT_EQ(std::string::npos, refusal(hmac_scheme(encoding), secret).find(secret));
        EXPECT_NE(std::string::npos, refusal(hmac_scheme(encoding), secret).find(encoding));
    }
    EXPECT_EQ(std::string::npos, refusal(hmac_scheme("whsec"), "whsec_" + secret).find(secret));
}

TEST(SigningKey, AuthenticatesWithTheHashOfItsScheme) {
    EXPECT_EQ(hex(hmac(EVP_sha1(), "key", "text")),
              code_of(SigningKey(hmac_scheme("utf8", "sha1"), "key"), "text"));
    EXPECT_EQ(hex(hmac(EVP_sha384(), "key", "text")),
              code_of(SigningKey(hmac_scheme("utf8", "sha384"), "key"), "text"));
    EXPECT_EQ(hex(hmac(EVP_sha512(), "key", "text")),
              code_of(SigningKey(hmac_scheme("utf8", "sha512"), "key"), "text"));
}

TEST(SigningKey, CopiesShareTheKeyAndOutliveTheFirst) {
    std::optional<SigningKey> first(std::in_place, hmac_scheme("utf8"), "key");
    const SigningKey copy = *first;
    const std::string expected = code_of(*first, "text");
    first.reset();
    EXPECT_EQ(expected, code_of(copy, "text"));
    EXPECT_EQ(3U, copy.size());
}

TEST(SigningKey, TokenIsTheWholeSecretOnly) {
    const SigningKey key(token_scheme(), "glpat-0123456789");
    EXPECT_TRUE(key.is_token("glpat-0123456789"));
    for (const std::string& presented :
         {""s, "g"s, "glpat-012345678"s, "glpat-01234567890"s, "Glpat-0123456789"s,
          " glpat-0123456789"s, "glpat-0123456789 "s, "glpat-0123456789\0"s, "lpat-0123456789"s}) {
        EXPECT_FALSE(key.is_token(presented)) << presented;
    }
    EXPECT_EQ(16U, key.size());
}

TEST(SigningKey, TokenMayHoldNulBytes) {
    const SigningKey key(token_scheme(), "abc\0def"s);
    EXPECT_TRUE(key.is_token("abc\0def"s));
    EXPECT_FALSE(key.is_token("abc"));
    EXPECT_FALSE(key.is_token("abc\0deg"s));
}

TEST(SigningKey, OfBasicIsUserAndPassword) {
    const Scheme scheme = parse_scheme("test", "algorithm basic; signature header=S;");
    const SigningKey key(scheme, "user:pass:word");
    EXPECT_TRUE(key.is_token("user:pass:word"));
    EXPECT_FALSE(key.is_token("user:pass"));
    EXPECT_NO_THROW(SigningKey(scheme, "user:"));
    EXPECT_NO_THROW(SigningKey(scheme, ":"));
    EXPECT_NE(std::string::npos, refusal(scheme, "userpassword").find("\"user:password\""));
    EXPECT_EQ(std::string::npos, refusal(scheme, "userpassword").find("userpassword"));
    EXPECT_NO_THROW(SigningKey(token_scheme(), "no colon"));
}

TEST(SigningKey, OfAPlainHashIsItsText) {
    const Scheme scheme = parse_scheme(
        "test", "algorithm sha256; key hex; signed '{secret}{body}'; signature header=S;");
    EXPECT_EQ("\x01\x02", SigningKey(scheme, "0102").text());
    EXPECT_EQ(2U, SigningKey(scheme, "0102").size());
}

TEST(SigningKey, OfATokenHasAnHmacForEachPinnedAlgorithm) {
    const Scheme scheme =
        parse_scheme("test", "algorithm jwt=HS512,HS256; key base64; signature header=S;");
    const SigningKey key(scheme, base64(kBytes));
    const auto code = [&](Hash hash) {
        std::array<std::uint8_t, kLargestHash> bytes;
        Hmac hmac = key.start_hmac(hash);
        hmac.update("text");
        return to_hex(hmac.finish(bytes));
    };
    EXPECT_EQ(hex(hmac(EVP_sha256(), kBytes, "text")), code(Hash::sha256));
    EXPECT_EQ(hex(hmac(EVP_sha512(), kBytes, "text")), code(Hash::sha512));
    EXPECT_THROW(code(Hash::sha384), CryptoError);
    EXPECT_THROW(code(Hash::sha1), CryptoError);
    EXPECT_EQ(hex(hmac(EVP_sha512(), kBytes, "text")), code_of(key, "text"));
}

const std::vector<std::string> kSharedSchemes{"algorithm hmac-sha256; signed '{body}';",
                                              "algorithm hmac-sha256; key whsec; signed '{body}';",
                                              "algorithm sha256; signed '{secret}';",
                                              "algorithm token;",
                                              "algorithm jwt=HS256;",
                                              "algorithm jwt=HS256,HS512; key whsec;"};

// Whoever knows a public key, and everyone does, could sign with it.
TEST(SigningKey, PublicKeyIsNoSharedSecret) {
    using testing::KeyPair;
    std::vector<std::string> keys{"whpk_" + base64(KeyPair::ed25519().raw())};
    for (const KeyPair* pair : {&KeyPair::ed25519(), &KeyPair::ecdsa(), &KeyPair::rsa()}) {
        keys.insert(keys.end(), {pair->pem(), base64(pair->der()), pair->jwk()});
    }
    for (const std::string& statements : kSharedSchemes) {
        const Scheme scheme = parse_scheme("test", statements + "signature header=S;");
        for (const std::string& key : keys) {
            EXPECT_NE(std::string::npos, refusal(scheme, key).find("public key"))
                << statements << ' ' << key;
        }
        EXPECT_NO_THROW(SigningKey(scheme, "a secret of some length"));
    }
    const Scheme in_base64 = hmac_scheme("base64");
    EXPECT_NE(std::string::npos,
              refusal(in_base64, base64(KeyPair::rsa().der())).find("public key"));
    EXPECT_NE(std::string::npos,
              refusal(hmac_scheme("hex"), hex(KeyPair::ecdsa().der())).find("public key"));
}

TEST(SigningKey, OfAPublicKeySchemeIsAPublicKey) {
    using testing::KeyPair;
    const std::string rest = "signed '{body}'; signature header=S;";
    const Scheme ed25519 = parse_scheme("test", "algorithm ed25519; key hex;" + rest);
    const SigningKey key(ed25519, hex(KeyPair::ed25519().raw()));
    const std::string signature = KeyPair::ed25519().sign("text");
    EXPECT_TRUE(key.public_key().verify_message(
        "text", {reinterpret_cast<const std::uint8_t*>(signature.data()), signature.size()}));
    EXPECT_THROW(key.start_hmac(Hash::sha256), CryptoError);
    EXPECT_FALSE(key.is_short());
    refusal(ed25519, "");
    refusal(ed25519, "a secret of some length");
    const Scheme rsa = parse_scheme("test", "algorithm rsa-sha256; key pem;" + rest);
    refusal(rsa, KeyPair::ecdsa().pem());
    refusal(rsa, "a secret of some length");
    EXPECT_NO_THROW(SigningKey(rsa, KeyPair::rsa().pem()));
    const Scheme jwt = parse_scheme("test", "algorithm jwt=ES256; key jwk; signature header=S;");
    EXPECT_NO_THROW(SigningKey(jwt, KeyPair::ecdsa().jwk()));
    refusal(jwt, KeyPair::rsa().jwk());
    refusal(jwt, KeyPair::ed25519().jwk());
}

TEST(SigningKey, IsShortWhereItCanBeGuessed) {
    EXPECT_TRUE(SigningKey(hmac_scheme("utf8"), std::string(15, 'k')).is_short());
    EXPECT_FALSE(SigningKey(hmac_scheme("utf8"), std::string(16, 'k')).is_short());
    EXPECT_TRUE(SigningKey(hmac_scheme("hex"), std::string(30, 'a')).is_short());
    EXPECT_FALSE(SigningKey(hmac_scheme("hex"), std::string(32, 'a')).is_short());
    EXPECT_TRUE(SigningKey(token_scheme(), "short").is_short());
}

TEST(SigningSecret, MatchesNothingFromNotAfterOn) {
    const Scheme scheme = hmac_scheme("utf8");
    const Milliseconds not_after(1'000);
    const SigningSecret expiring = testing::secret(scheme, "key", "old", not_after);
    EXPECT_TRUE(expiring.usable(not_after - Milliseconds(1)));
    EXPECT_FALSE(expiring.usable(not_after));
    EXPECT_FALSE(expiring.usable(not_after + Milliseconds(1)));
    EXPECT_TRUE(testing::secret(scheme, "key").usable(Milliseconds::max()));
}

}  // namespace
}  // namespace webhook
