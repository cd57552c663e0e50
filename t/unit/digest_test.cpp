#include "base/digest.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/encoding.h"

namespace webhook {
namespace {

using namespace std::string_literals;

std::string hmac_of(const HmacKey& key, std::string_view text) {
    std::array<std::uint8_t, kLargestHash> code;
    Hmac hmac = key.start();
    hmac.update(text);
    return to_hex(hmac.finish(code));
}

struct Vector {
    std::string key;
    std::string text;
    std::map<Hash, std::string> codes;
};

std::string counting_key() {
    std::string key;
    for (char byte = 1; byte <= 25; ++byte) key += byte;
    return key;
}

const std::vector<Vector> kRfc4231{
    {std::string(20, '\x0b'),
     "Hi There",
     {{Hash::sha256, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
      {Hash::sha384,
       "afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59c"
       "faea9ea9076ede7f4af152e8b2fa9cb6"},
      {Hash::sha512,
       "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cde"
       "daa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854"}}},
    {"Jefe",
     "what do ya want for nothing?",
     {{Hash::sha256, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
      {Hash::sha384,
       "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e"
       "8e2240ca5e69e2c78b3239ecfab21649"},
      {Hash::sha512,
       "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
       "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737"}}},
    {std::string(20, '\xaa'),
     std::string(50, '\xdd'),
     {{Hash::sha256, "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
      {Hash::sha384,
       "88062608d3e6ad8a0aa2ace014c8a86f0aa635d947ac9febe83ef4e55966144b"
       "2a5ab39dc13814b94e3ab6e101a34f27"},
      {Hash::sha512,
       "fa73b0089d56a284efb0f0756c890be9b1b5dbdd8ee81a3655f83e33b2279d39"
       "bf3e848279a722c806b485a47e67c807b946a337bee8942674278859e13292fb"}}},
    {counting_key(),
     std::string(50, '\xcd'),
     {{Hash::sha256, "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"},
      {Hash::sha384,
       "3e8a69b7783c25851933ab6290af6ca77a9981480850009cc5577c6e1f573b4e"
       "6801dd23c4a7d679ccf8a386c674cffb"},
      {Hash::sha512,
       "b0ba465637458c6990e5a8c5f61d4af7e576d97ff94b872de76f8050361ee3db"
       "a91ca5c11aa25eb4d679275cc5788063a5f19741120c4f2de2adebeb10a298dd"}}},
    {std::string(131, '\xaa'),
     "Test Using Larger Than Block-Size Key - Hash Key First",
     {{Hash::sha256, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
      {Hash::sha384,
       "4ece084485813e9088d2c63a041bc5b44f9ef1012a2b588f3cd11f05033ac4c6"
       "0c2ef6ab4030fe8296248df163f44952"},
      {Hash::sha512,
       "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f352"
       "6b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598"}}},
    {std::string(131, '\xaa'),
     "This is a test using a larger than block-size key and a larger than block-size data. The key "
     "needs to be hashed before being used by the HMAC algorithm.",
     {{Hash::sha256, "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"},
      {Hash::sha384,
       "6617178e941f020d351e2f254e8fd32c602420feb0b8fb9adccebb82461e99c5"
       "a678cc31e799176d3860e6110c46523e"},
      {Hash::sha512,
       "e37b6a775dc87dbaa4dfa9f96e5e3ffddebd71f8867289865df5a32d20cdc944"
       "b6022cac3c4982b10d5eeb55c3e4de15134676fb6de0446065c97440fa8c6a58"}}},
};

const std::vector<Vector> kRfc2202{
    {std::string(20, '\x0b'),
     "Hi There",
     {{Hash::sha1, "b617318655057264e28bc0b6fb378c8ef146be00"}}},
    {"Jefe",
     "what do ya want for nothing?",
     {{Hash::sha1, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"}}},
    {std::string(20, '\xaa'),
     std::string(50, '\xdd'),
     {{Hash::sha1, "125d7342b9ac11cd91a39af48aa17b4f63f175d3"}}},
    {counting_key(),
     std::string(50, '\xcd'),
     {{Hash::sha1, "4c9007f4026250c6bc8414f9bf50c86c2d7235da"}}},
    {std::string(80, '\xaa'),
     "Test Using Larger Than Block-Size Key - Hash Key First",
     {{Hash::sha1, "aa4ae5e15272d00e95705637ce8a3b55ed402112"}}},
    {std::string(80, '\xaa'),
     "Test Using Larger Than Block-Size Key and Larger Than One Block-Size Data",
     {{Hash::sha1, "e8e99d0f45237d786d6bbaa7965c7808bbff1a91"}}},
};

TEST(Digest, SizesOfHashes) {
    EXPECT_EQ(20U, hash_size(Hash::sha1));
    EXPECT_EQ(32U, hash_size(Hash::sha256));
    EXPECT_EQ(48U, hash_size(Hash::sha384));
    EXPECT_EQ(64U, hash_size(Hash::sha512));
}

const std::vector<std::pair<std::string, std::string>> kSha256{
    {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    {std::string(1'000'000, 'a'),
     "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"}};

TEST(Digest, Sha256Vectors) {
    for (const auto& [text, digest] : kSha256) EXPECT_EQ(digest, to_hex(sha256(text)));
    EXPECT_EQ(kSha256.front().second, to_hex(sha256({})));
}

TEST(Digest, Sha256OfPiecesIsThatOfTheWhole) {
    for (const auto& [text, digest] : kSha256) {
        for (std::size_t size : {1UL, 63UL, 64UL, 65UL, 4096UL}) {
            if (text.size() / size > 100'000) continue;
            HashStream hash(Hash::sha256);
            std::array<std::uint8_t, kLargestHash> output;
            std::string_view rest = text;
            for (; !rest.empty(); rest.remove_prefix(std::min(size, rest.size()))) {
                hash.update(rest.substr(0, size));
                hash.update("");
            }
            EXPECT_EQ(digest, to_hex(hash.finish(output))) << size;
        }
    }
}

TEST(Digest, HashesHaveNames) {
    EXPECT_EQ(Hash::sha1, find_hash("sha1"));
    EXPECT_EQ(Hash::sha256, find_hash("sha256"));
    EXPECT_EQ(Hash::sha384, find_hash("sha384"));
    EXPECT_EQ(Hash::sha512, find_hash("sha512"));
    for (const std::string& name : {""s, "SHA256"s, "sha-256"s, "md5"s, "sha224"s, "sha2567"s}) {
        EXPECT_EQ(std::nullopt, find_hash(name)) << name;
    }
}

// FIPS 180-4, of "abc".
TEST(Digest, EveryHash) {
    const std::map<Hash, std::string> digests{
        {Hash::sha1, "a9993e364706816aba3e25717850c26c9cd0d89d"},
        {Hash::sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {Hash::sha384,
         "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed"
         "8086072ba1e7cc2358baeca134c825a7"},
        {Hash::sha512,
         "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
         "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"}};
    for (const auto& [hash, digest] : digests) {
        HashStream stream(hash);
        stream.update("a");
        stream.update("bc");
        std::array<std::uint8_t, kLargestHash> output;
        const auto bytes = stream.finish(output);
        EXPECT_EQ(digest, to_hex(bytes));
        EXPECT_EQ(output.data(), bytes.data());
    }
}

TEST(Digest, BytesAreEqualOnlyWhenAllAre) {
    const std::vector<std::uint8_t> bytes{1, 2, 3, 0};
    EXPECT_TRUE(equal_in_constant_time(bytes, bytes));
    EXPECT_TRUE(equal_in_constant_time({}, {}));
    EXPECT_FALSE(equal_in_constant_time(bytes, {}));
    EXPECT_FALSE(equal_in_constant_time({}, bytes));
    const std::span<const std::uint8_t> whole(bytes);
    EXPECT_FALSE(equal_in_constant_time(whole.first(3), whole));
    EXPECT_FALSE(equal_in_constant_time(whole, whole.first(3)));
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        for (int bit = 0; bit < 8; ++bit) {
            std::vector<std::uint8_t> other = bytes;
            other[i] = static_cast<std::uint8_t>(other[i] ^ (1 << bit));
            EXPECT_FALSE(equal_in_constant_time(bytes, other)) << i << ' ' << bit;
        }
    }
}

TEST(Hmac, Rfc4231Vectors) {
    for (const Vector& vector : kRfc4231) {
        for (const auto& [hash, code] : vector.codes) {
            EXPECT_EQ(code, hmac_of(HmacKey(hash, vector.key), vector.text));
        }
    }
}

TEST(Hmac, Rfc2202Vectors) {
    for (const Vector& vector : kRfc2202) {
        for (const auto& [hash, code] : vector.codes) {
            EXPECT_EQ(code, hmac_of(HmacKey(hash, vector.key), vector.text));
        }
    }
}

TEST(Hmac, CodeIsAViewOfTheHashesLengthIntoTheOutput) {
    for (Hash hash : {Hash::sha1, Hash::sha256, Hash::sha384, Hash::sha512}) {
        const HmacKey key(hash, "key");
        EXPECT_EQ(hash, key.hash());
        std::array<std::uint8_t, kLargestHash> output;
        Hmac hmac = key.start();
        const auto code = hmac.finish(output);
        EXPECT_EQ(hash_size(hash), code.size());
        EXPECT_EQ(output.data(), code.data());
    }
}

TEST(Hmac, KeyMayHoldNulBytes) {
    const HmacKey key(Hash::sha256, "k\0y"s);
    EXPECT_NE(hmac_of(HmacKey(Hash::sha256, "k"), "text"), hmac_of(key, "text"));
    EXPECT_NE(hmac_of(HmacKey(Hash::sha256, "k\0z"s), "text"), hmac_of(key, "text"));
}

TEST(Hmac, PiecesAreOneText) {
    const Vector& vector = kRfc4231.back();
    const HmacKey key(Hash::sha256, vector.key);
    for (std::size_t cut = 0; cut <= vector.text.size(); ++cut) {
        std::array<std::uint8_t, kLargestHash> code;
        Hmac hmac = key.start();
        hmac.update(std::string_view(vector.text).substr(0, cut));
        hmac.update({});
        hmac.update(std::string_view(vector.text).substr(cut));
        EXPECT_EQ(vector.codes.at(Hash::sha256), to_hex(hmac.finish(code))) << cut;
    }
}

TEST(Hmac, KeyServesAnyNumberOfComputations) {
    for (const Vector& vector : kRfc4231) {
        const HmacKey key(Hash::sha512, vector.key);
        for (int i = 0; i < 50; ++i) {
            ASSERT_EQ(vector.codes.at(Hash::sha512), hmac_of(key, vector.text)) << i;
        }
    }
}

TEST(Hmac, AbandonedComputationLeavesNoTrace) {
    const Vector& vector = kRfc4231.front();
    const HmacKey key(Hash::sha256, vector.key);
    for (int i = 0; i < 3; ++i) {
        {
            Hmac abandoned = key.start();
            abandoned.update("something else, longer than a block of the hash, which is 64 bytes");
        }
        { Hmac untouched = key.start(); }
        ASSERT_EQ(vector.codes.at(Hash::sha256), hmac_of(key, vector.text)) << i;
    }
}

TEST(Hmac, ComputationsOfOneKeyDoNotMix) {
    const HmacKey key(Hash::sha256, "key");
    std::vector<Hmac> computations;
    std::vector<std::string> texts(40);
    for (std::size_t i = 0; i < texts.size(); ++i) computations.push_back(key.start());
    for (int round = 0; round < 3; ++round) {
        for (std::size_t i = 0; i < texts.size(); ++i) {
            const std::string piece = std::to_string(i * 7 + static_cast<std::size_t>(round)) + '.';
            computations[i].update(piece);
            texts[i] += piece;
        }
    }
    for (std::size_t i = 0; i < texts.size(); ++i) {
        std::array<std::uint8_t, kLargestHash> code;
        const std::string found = to_hex(computations[i].finish(code));
        EXPECT_EQ(hmac_of(HmacKey(Hash::sha256, "key"), texts[i]), found) << i;
    }
    computations.clear();
    for (int i = 0; i < 40; ++i) {
        EXPECT_EQ(hmac_of(HmacKey(Hash::sha256, "key"), "next"), hmac_of(key, "next"));
    }
}

TEST(Hmac, CanBeMovedWhileItIsComputed) {
    const Vector& vector = kRfc4231.front();
    const HmacKey key(Hash::sha256, vector.key);
    std::optional<Hmac> moved;
    {
        Hmac hmac = key.start();
        hmac.update(vector.text.substr(0, 3));
        moved.emplace(std::move(hmac));
    }
    Hmac other = key.start();
    other.update("other");
    moved->update(vector.text.substr(3));
    std::array<std::uint8_t, kLargestHash> code;
    EXPECT_EQ(vector.codes.at(Hash::sha256), to_hex(moved->finish(code)));
}

}  // namespace
}  // namespace webhook
