#include "verify/key_set.h"

#include <gtest/gtest.h>

#include <string>

#include "base/errors.h"
#include "delivery.h"

namespace webhook {
namespace {

using namespace std::string_literals;
using testing::Delivery;
using testing::KeyPair;

constexpr Milliseconds kNow{1'614'265'330'000};

Scheme es256() {
    return parse_scheme("test", "algorithm jwt=ES256; key jwk; signature header=A;");
}

// A JWK with more members.
std::string with(const std::string& jwk, const std::string& members) {
    return jwk.substr(0, jwk.size() - 1) + "," + members + "}";
}

std::string set_of(const std::vector<std::string>& keys) {
    std::string text;
    for (const std::string& key : keys) text += (text.empty() ? "" : ",") + key;
    return R"({"keys":[)" + text + "]}";
}

std::string refusal(const std::string& text) {
    try {
        parse_key_set(es256(), text);
    } catch (const ConfigError& error) {
        return error.what();
    }
    ADD_FAILURE() << "no ConfigError: " << text;
    return "";
}

TEST(KeySet, IsAnObjectWithKeys) {
    EXPECT_TRUE(is_key_set(set_of({})));
    EXPECT_TRUE(is_key_set(" {\"keys\":[]}\n"));
    for (const std::string& other :
         {""s, "{}"s, KeyPair::ecdsa().jwk(), "[]"s, R"({"keys":[)"s, R"({"Keys":[]})"s, "keys"s}) {
        EXPECT_FALSE(is_key_set(other)) << other;
    }
}

TEST(KeySet, HoldsTheKeysThatTheSchemeCanUse) {
    const std::string jwk = KeyPair::ecdsa().jwk();
    const KeySet set = parse_key_set(
        es256(), set_of({with(jwk, R"("kid":"a","alg":"ES256","use":"sig")"), jwk,
                         with(KeyPair::rsa().jwk(), R"("kid":"r")"), KeyPair::ed25519().jwk(),
                         with(jwk, R"("kid":"e","use":"enc")"), with(jwk, R"("alg":"ES384")"),
                         with(jwk, R"("kid":"two\nlines")"), R"({"kty":"AKP","pub":"x"})", "{}",
                         "1", with(jwk, R"("kid":"b","x5c":["MIIB"])")}));
    ASSERT_EQ(3U, set.keys.size());
    EXPECT_EQ("a", set.keys[0].kid);
    EXPECT_EQ("", set.keys[1].kid);
    EXPECT_EQ("b", set.keys[2].kid);
    ASSERT_EQ(8U, set.skipped.size());
    EXPECT_EQ("the key \"r\" is of no use: the secret is not a P-256 key", set.skipped[0].why);
    EXPECT_EQ("the key at \"/keys/3\" is of no use: the secret is not a P-256 key",
              set.skipped[1].why);
    for (const SkippedKey& skipped : set.skipped) {
        EXPECT_EQ(std::string::npos, skipped.why.find('\n')) << skipped.why;
    }
}

// Those of other kinds or purposes are told apart from those that went wrong.
TEST(KeySet, TellsWhoseFaultItIs) {
    const std::string jwk = KeyPair::ecdsa().jwk();
    const auto replaced = [](std::string text, std::string_view old, std::string_view other) {
        return text.replace(text.find(old), old.size(), other);
    };
    for (const std::string& other :
         {KeyPair::rsa().jwk(), KeyPair::ed25519().jwk(), with(jwk, R"("use":"enc")"),
          with(jwk, R"("alg":"ES384")"), R"({"kty":"AKP","pub":"x"})"s,
          replaced(jwk, "P-256", "P-384"), replaced(jwk, "P-256", "secp256k1")}) {
        const KeySet set = parse_key_set(es256(), set_of({jwk, other}));
        ASSERT_EQ(1U, set.skipped.size()) << other;
        EXPECT_TRUE(set.skipped[0].is_for_others) << other;
    }
    for (const std::string& wrong :
         {"{}"s, "1"s, replaced(jwk, "EC", "ec"), replaced(jwk, "P-256", "P256"),
          replaced(jwk, R"("x":")", R"("x":"*)"), R"({"kty":"EC","crv":"P-256"})"s,
          with(jwk, R"("kid":"two\nlines")"), with(jwk, R"("use":"Sig")")}) {
        const KeySet set = parse_key_set(es256(), set_of({jwk, wrong}));
        ASSERT_EQ(1U, set.skipped.size()) << wrong;
        EXPECT_FALSE(set.skipped[0].is_for_others) << wrong;
    }
}

TEST(KeySet, HoldsNoPrivateKey) {
    const std::string jwk = KeyPair::ecdsa().jwk();
    for (const std::string& secret :
         {with(jwk, R"("d":"AA")"), R"({"kty":"oct","k":"c2VjcmV0"})"s, R"({"kty":"oct"})"s,
          with(KeyPair::rsa().jwk(), R"("p":"AA")"), with(KeyPair::ed25519().jwk(), R"("d":"AA")"),
          with(jwk, R"("kid":"s","d":null)")}) {
        const std::string message = refusal(set_of({jwk, secret}));
        EXPECT_NE(std::string::npos, message.find("not a public one")) << message;
    }
}

TEST(KeySet, IsRefusedAsAWhole) {
    const std::string jwk = KeyPair::ecdsa().jwk();
    const std::string whole = set_of({jwk});
    EXPECT_EQ(1U, parse_key_set(es256(), whole).keys.size());
    refusal("");
    refusal("{}");
    refusal(R"({"keys":{}})");
    refusal(set_of({}));
    EXPECT_EQ(
        "it has no key for this scheme: the key at \"/keys/0\" is of no use: the secret is not a "
        "P-256 key",
        refusal(set_of({KeyPair::rsa().jwk()})));
    EXPECT_NE(std::string::npos, refusal(set_of({"1", "2", "3", "4", "5"})).find("; and 2 more"));
    // A file that is still being written.
    for (std::size_t size = 0; size < whole.size(); ++size) refusal(whole.substr(0, size));
    EXPECT_EQ(kMostKeysOfFile,
              parse_key_set(es256(), set_of(std::vector(kMostKeysOfFile, jwk))).keys.size());
    refusal(set_of(std::vector(kMostKeysOfFile + 1, jwk)));
}

// -- what picks a key

std::string es256_token(const std::string& header) {
    return testing::token(header, "{}", [](const std::string& text) {
        return KeyPair::ecdsa().sign_as_numbers(text);
    });
}

// Under keys of these names, all the same but for the name.
Reason judged(const std::string& header, const std::vector<std::string>& names) {
    const Scheme scheme = es256();
    std::vector<SigningSecret> secrets;
    for (const std::string& name : names) {
        secrets.push_back(testing::secret(scheme, KeyPair::ecdsa().jwk()));
        secrets.back().kid = name;
    }
    const Delivery delivery{{{"A", es256_token(header)}}, ""};
    return judge(scheme, secrets, delivery, kNow).reason;
}

TEST(KeySet, KeyIsPickedByItsName) {
    const std::string named = R"({"alg":"ES256","kid":"b"})";
    EXPECT_EQ(Reason::accepted, judged(named, {"a", "b"}));
    EXPECT_EQ(Reason::bad_signature, judged(named, {"a", "c"}));
    EXPECT_EQ(Reason::accepted, judged(named, {"a", ""}));
    EXPECT_EQ(Reason::accepted, judged(R"({"alg":"ES256"})", {"a"}));
    EXPECT_EQ(Reason::bad_signature, judged(R"({"alg":"ES256","kid":""})", {"a"}));
    // To one reader it is another one than to the next.
    EXPECT_EQ(Reason::malformed_signature, judged(R"({"alg":"ES256","kid":"a","kid":"b"})", {"a"}));
    EXPECT_EQ(Reason::malformed_signature, judged(R"({"alg":"ES256","kid":["a"]})", {"a"}));
}

}  // namespace
}  // namespace webhook
