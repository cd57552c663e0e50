#include "webhook/signing_key.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "delivery.h"
#include "webhook/encoding.h"

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

TEST(SigningKey, OfWhsecWithoutTheMarkIsTheTextItself) {
    for (const std::string& secret : {"plain text"s, base64(kBytes), "v1,plain"s, "WHSEC_a2V5"s,
                                      "whsec"s, "v1,v1,whsec_a2V5"s, " whsec_a2V5"s, "v1,"s}) {
        expect_key(secret, "whsec", secret);
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
