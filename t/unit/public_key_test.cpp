#include "verify/public_key.h"

#include <gtest/gtest.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <vector>

#include "base/encoding.h"
#include "base/errors.h"
#include "scheme/statements.h"

namespace webhook {
namespace {

using namespace std::string_literals;

constexpr Algorithm kEd25519 = Algorithm::ed25519;
constexpr Algorithm kEcdsa = Algorithm::ecdsa_p256;
constexpr Algorithm kRsa = Algorithm::rsa;

// What a sender has: everything here is OpenSSL's alone.

using Pair = std::shared_ptr<EVP_PKEY>;

Pair owned(EVP_PKEY* key) {
    if (key == nullptr) throw std::runtime_error("no key");
    return {key, EVP_PKEY_free};
}

Pair ec_pair(const char* curve) {
    return owned(EVP_EC_gen(curve));
}

Pair rsa_pair(unsigned bits) {
    return owned(EVP_RSA_gen(bits));
}

Pair pair_of_type(const char* type) {
    EVP_PKEY_CTX* const context = EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr);
    EVP_PKEY* key = nullptr;
    EVP_PKEY_keygen_init(context);
    EVP_PKEY_generate(context, &key);
    EVP_PKEY_CTX_free(context);
    return owned(key);
}

const Pair& p256() {
    static const Pair pair = ec_pair("P-256");
    return pair;
}

const Pair& rsa() {
    static const Pair pair = rsa_pair(2048);
    return pair;
}

const Pair& ed25519() {
    static const Pair pair = pair_of_type("ED25519");
    return pair;
}

std::span<const std::uint8_t> bytes(std::string_view text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

std::string unhex(std::string_view digits) {
    return decode(TextEncoding::hex, digits).value();
}

std::string base64(std::string_view text) {
    std::string digits((text.size() + 2) / 3 * 4 + 1, '\0');
    const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(digits.data()),
                                     bytes(text).data(), static_cast<int>(text.size()));
    digits.resize(static_cast<std::size_t>(size));
    return digits;
}

std::string base64url(std::string_view text) {
    std::string digits = base64(text);
    std::ranges::replace(digits, '+', '-');
    std::ranges::replace(digits, '/', '_');
    return digits.substr(0, digits.find('='));
}

template <class Object>
std::string der_of(int (*encode)(const Object*, unsigned char**), const Object* object) {
    unsigned char* start = nullptr;
    const int size = encode(object, &start);
    std::string der(start, start + std::max(size, 0));
    OPENSSL_free(start);
    return der;
}

std::string info_of(const Pair& pair) {
    return der_of(i2d_PUBKEY, pair.get());
}

std::string armoured(const std::string& label, std::string_view der) {
    std::string text = "-----BEGIN " + label + "-----\n";
    const std::string digits = base64(der);
    for (std::size_t i = 0; i < digits.size(); i += 64) text += digits.substr(i, 64) + "\n";
    return text + "-----END " + label + "-----\n";
}

std::string pem_of(const Pair& pair) {
    return armoured("PUBLIC KEY", info_of(pair));
}

std::string private_pem_of(const Pair& pair, const EVP_CIPHER* cipher = nullptr) {
    BIO* const output = BIO_new(BIO_s_mem());
    const std::string passphrase = "passphrase";
    PEM_write_bio_PrivateKey(
        output, pair.get(), cipher, cipher != nullptr ? bytes(passphrase).data() : nullptr,
        cipher != nullptr ? static_cast<int>(passphrase.size()) : 0, nullptr, nullptr);
    char* start = nullptr;
    const long size = BIO_get_mem_data(output, &start);
    std::string text(start, static_cast<std::size_t>(size));
    BIO_free(output);
    return text;
}

// A certificate that is valid for an hour in 1970, signed by another key.
std::string certificate_of(const Pair& pair) {
    X509* const certificate = X509_new();
    ASN1_TIME_set(X509_getm_notBefore(certificate), 0);
    ASN1_TIME_set(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, pair.get());
    X509_sign(certificate, rsa().get(), EVP_sha256());
    std::string der = der_of(i2d_X509, certificate);
    X509_free(certificate);
    return der;
}

std::string number_of(const Pair& pair, const char* name, int size) {
    BIGNUM* number = nullptr;
    EVP_PKEY_get_bn_param(pair.get(), name, &number);
    if (size == 0) size = BN_num_bytes(number);
    std::string text(static_cast<std::size_t>(size), '\0');
    BN_bn2binpad(number, reinterpret_cast<unsigned char*>(text.data()), size);
    BN_free(number);
    return text;
}

std::string raw_ed25519(const Pair& pair) {
    std::string raw(32, '\0');
    std::size_t size = raw.size();
    EVP_PKEY_get_raw_public_key(pair.get(), reinterpret_cast<unsigned char*>(raw.data()), &size);
    return raw;
}

using Members = std::vector<std::pair<std::string, std::string>>;

std::string jwk(const Members& members) {
    std::string text;
    for (const auto& [name, value] : members) {
        text += (text.empty() ? "{\"" : ",\"") + name + "\":\"" + value + '"';
    }
    return text + "}";
}

std::string ec_jwk(const Pair& pair) {
    return jwk({{"kty", "EC"},
                {"crv", "P-256"},
                {"x", base64url(number_of(pair, OSSL_PKEY_PARAM_EC_PUB_X, 32))},
                {"y", base64url(number_of(pair, OSSL_PKEY_PARAM_EC_PUB_Y, 32))}});
}

std::string rsa_jwk(std::string_view modulus, std::string_view exponent) {
    return jwk({{"kty", "RSA"}, {"n", base64url(modulus)}, {"e", base64url(exponent)}});
}

std::string rsa_jwk(const Pair& pair) {
    return rsa_jwk(number_of(pair, OSSL_PKEY_PARAM_RSA_N, 0),
                   number_of(pair, OSSL_PKEY_PARAM_RSA_E, 0));
}

std::string okp_jwk(std::string_view raw) {
    return jwk({{"kty", "OKP"}, {"crv", "Ed25519"}, {"x", base64url(raw)}});
}

std::string ed25519_info(std::string_view raw) {
    return unhex("302a300506032b6570032100") + std::string(raw);
}

std::string p256_info(std::string_view point) {
    const char size = static_cast<char>(point.size());
    return "\x30"s + static_cast<char>(size + 24) +
           unhex("301306072a8648ce3d020106082a8648ce3d030107") + "\x03" +
           static_cast<char>(size + 1) + '\0' + std::string(point);
}

const EVP_MD* method(Hash hash) {
    switch (hash) {
        case Hash::sha1:
            return EVP_sha1();
        case Hash::sha256:
            return EVP_sha256();
        case Hash::sha384:
            return EVP_sha384();
        case Hash::sha512:
            break;
    }
    return EVP_sha512();
}

std::string digest_of(Hash hash, std::string_view text) {
    std::string digest(EVP_MAX_MD_SIZE, '\0');
    unsigned size = 0;
    EVP_Digest(text.data(), text.size(), reinterpret_cast<unsigned char*>(digest.data()), &size,
               method(hash), nullptr);
    return digest.substr(0, size);
}

std::string signature_of(const Pair& pair, const EVP_MD* hash, std::string_view text,
                         int padding = 0) {
    EVP_MD_CTX* const context = EVP_MD_CTX_new();
    EVP_PKEY_CTX* settings = nullptr;
    EVP_DigestSignInit(context, &settings, hash, nullptr, pair.get());
    if (padding != 0) EVP_PKEY_CTX_set_rsa_padding(settings, padding);
    std::string signature(4096, '\0');
    std::size_t size = signature.size();
    if (EVP_DigestSign(context, reinterpret_cast<unsigned char*>(signature.data()), &size,
                       bytes(text).data(), text.size()) != 1) {
        throw std::runtime_error("no signature");
    }
    EVP_MD_CTX_free(context);
    return signature.substr(0, size);
}

bool verifies(const PublicKey& key, Hash hash, std::string_view text, std::string_view signature) {
    return key.verify_digest(hash, bytes(digest_of(hash, text)), bytes(signature));
}

// The signature's two numbers, side by side.
std::string numbers_of(std::string_view der) {
    const unsigned char* position = bytes(der).data();
    ECDSA_SIG* const signature = d2i_ECDSA_SIG(nullptr, &position, static_cast<long>(der.size()));
    std::string numbers(64, '\0');
    auto* start = reinterpret_cast<unsigned char*>(numbers.data());
    BN_bn2binpad(ECDSA_SIG_get0_r(signature), start, 32);
    BN_bn2binpad(ECDSA_SIG_get0_s(signature), start + 32, 32);
    ECDSA_SIG_free(signature);
    return numbers;
}

std::string refusal(Algorithm algorithm, KeyEncoding encoding, std::string_view text) {
    try {
        PublicKey(algorithm, encoding, text);
        return "taken";
    } catch (const ConfigError& error) {
        return error.what();
    }
}

// Under every test, OpenSSL's queue of errors stays empty.
class PublicKeyTest : public ::testing::Test {
  protected:
    void SetUp() override { ERR_clear_error(); }
    void TearDown() override { EXPECT_EQ(ERR_peek_error(), 0U); }
};

using EcdsaDerTest = PublicKeyTest;
using IsPublicKeyTest = PublicKeyTest;

struct Rfc8032Vector {
    std::string key;
    std::string message;
    std::string signature;
};

// Section 7.1, tests 1 to 3.
const std::vector<Rfc8032Vector> kRfc8032{
    {"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b"
     "46bd25bf5f0595bbe24655141438e7a100b"},
    {"3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11"
     "d8c387b2eaeb4302aeeb00d291612bb0c00"},
    {"fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc"
     "6594a7c15e9716ed28dc027beceea1ec40a"},
};

TEST_F(PublicKeyTest, VerifiesTheVectorsOfRfc8032) {
    for (const Rfc8032Vector& vector : kRfc8032) {
        const PublicKey key(kEd25519, KeyEncoding::hex, vector.key);
        const std::string message = unhex(vector.message);
        const std::string signature = unhex(vector.signature);
        EXPECT_TRUE(key.verify_message(message, bytes(signature))) << vector.key;
        EXPECT_FALSE(key.verify_message(message + "x", bytes(signature))) << vector.key;
    }
}

TEST_F(PublicKeyTest, ReadsAnEd25519KeyInEveryEncoding) {
    const std::string raw = raw_ed25519(ed25519());
    const std::string signature = signature_of(ed25519(), nullptr, "text");
    const std::vector<std::pair<KeyEncoding, std::string>> texts{
        {KeyEncoding::hex, to_hex(bytes(raw))},
        {KeyEncoding::base64, base64(raw)},
        {KeyEncoding::whpk, "whpk_" + base64(raw)},
        {KeyEncoding::spki, base64(info_of(ed25519()))},
        {KeyEncoding::pem, pem_of(ed25519())},
        {KeyEncoding::pem, armoured("CERTIFICATE", certificate_of(ed25519()))},
        {KeyEncoding::jwk, okp_jwk(raw)},
    };
    for (const auto& [encoding, text] : texts) {
        const PublicKey key(kEd25519, encoding, text);
        EXPECT_TRUE(key.verify_message("text", bytes(signature))) << text;
        EXPECT_FALSE(key.verify_message("test", bytes(signature))) << text;
    }
}

TEST_F(PublicKeyTest, RefusesChangedEd25519Signatures) {
    const PublicKey key(kEd25519, KeyEncoding::spki, base64(info_of(ed25519())));
    const std::string right = signature_of(ed25519(), nullptr, "text");
    ASSERT_TRUE(key.verify_message("text", bytes(right)));
    for (std::size_t bit = 0; bit < right.size() * 8; ++bit) {
        std::string wrong = right;
        wrong[bit / 8] = static_cast<char>(wrong[bit / 8] ^ 1 << bit % 8);
        EXPECT_FALSE(key.verify_message("text", bytes(wrong))) << bit;
    }
    for (const std::string& wrong :
         {""s, right.substr(0, 63), right + '\0', right + right, std::string(64, '\0'),
          "\x01" + std::string(63, '\0'), to_hex(bytes(right))}) {
        EXPECT_FALSE(key.verify_message("text", bytes(wrong))) << to_hex(bytes(wrong));
    }
    EXPECT_FALSE(key.verify_message("text", {}));
    const PublicKey other(kEd25519, KeyEncoding::hex, kRfc8032[0].key);
    EXPECT_FALSE(other.verify_message("text", bytes(right)));
}

// RFC 8032, section 5.1.7: the second number is below the order of the group.
TEST_F(PublicKeyTest, RefusesAnEd25519SignatureWithTheOrderAdded) {
    const std::string order =
        unhex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
    std::string signature = unhex(kRfc8032[1].signature);
    unsigned carry = 0;
    for (std::size_t i = 0; i < 32; ++i) {
        carry += static_cast<unsigned char>(signature[32 + i]) +
                 static_cast<unsigned>(static_cast<unsigned char>(order[i]));
        signature[32 + i] = static_cast<char>(carry & 0xff);
        carry >>= 8;
    }
    ASSERT_EQ(carry, 0U);
    const PublicKey key(kEd25519, KeyEncoding::hex, kRfc8032[1].key);
    EXPECT_FALSE(key.verify_message(unhex(kRfc8032[1].message), bytes(signature)));
}

std::vector<std::string> in_every_form_refused(const std::string& raw) {
    return {
        refusal(kEd25519, KeyEncoding::hex, to_hex(bytes(raw))),
        refusal(kEd25519, KeyEncoding::base64, base64(raw)),
        refusal(kEd25519, KeyEncoding::whpk, "whpk_" + base64(raw)),
        refusal(kEd25519, KeyEncoding::spki, base64(ed25519_info(raw))),
        refusal(kEd25519, KeyEncoding::pem, armoured("PUBLIC KEY", ed25519_info(raw))),
        refusal(kEd25519, KeyEncoding::jwk, okp_jwk(raw)),
    };
}

// The points whose order divides eight, both signs of each.
const std::vector<std::string> kOfSmallOrder{
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000080",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
};

TEST_F(PublicKeyTest, RefusesEd25519KeysOfSmallOrder) {
    for (const std::string& point : kOfSmallOrder) {
        for (const std::string& told : in_every_form_refused(unhex(point))) {
            EXPECT_EQ(told, "the Ed25519 key is of small order: anyone can sign for it") << point;
        }
    }
}

TEST_F(PublicKeyTest, RefusesEd25519KeysThatAreNotCanonical) {
    for (int lowest = 0xed; lowest <= 0xff; ++lowest) {
        for (char highest : {'\x7f', '\xff'}) {
            const std::string raw =
                std::string(1, static_cast<char>(lowest)) + std::string(30, '\xff') + highest;
            for (const std::string& told : in_every_form_refused(raw)) {
                EXPECT_EQ(told, "the Ed25519 key is not canonical") << lowest;
            }
        }
    }
}

TEST_F(PublicKeyTest, TakesEd25519KeysNextToThose) {
    for (std::string_view near :
         {"ebffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
          "edfeffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
          "edfffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe7f",
          "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7e",
          "0200000000000000000000000000000000000000000000000000000000000000"}) {
        EXPECT_EQ(refusal(kEd25519, KeyEncoding::hex, near), "taken") << near;
    }
}

TEST_F(PublicKeyTest, RefusesWhatIsNoRawEd25519Key) {
    const std::string raw = raw_ed25519(ed25519());
    const std::string told = "the secret is not an Ed25519 key: 32 bytes in ";
    for (const std::string& wrong : {""s, raw.substr(1), raw + "x", info_of(ed25519())}) {
        EXPECT_EQ(refusal(kEd25519, KeyEncoding::hex, to_hex(bytes(wrong))), told + "hex");
        EXPECT_EQ(refusal(kEd25519, KeyEncoding::base64, base64(wrong)), told + "base64");
        EXPECT_EQ(refusal(kEd25519, KeyEncoding::whpk, "whpk_" + base64(wrong)),
                  told + "base64 behind \"whpk_\"");
    }
    EXPECT_EQ(refusal(kEd25519, KeyEncoding::hex, base64(raw)), told + "hex");
    EXPECT_EQ(refusal(kEd25519, KeyEncoding::base64, base64(raw) + "\n"), told + "base64");
    EXPECT_EQ(refusal(kEd25519, KeyEncoding::whpk, base64(raw)), told + "base64 behind \"whpk_\"");
    EXPECT_EQ(refusal(kEd25519, KeyEncoding::whpk, "whsec_" + base64(raw)),
              told + "base64 behind \"whpk_\"");
}

TEST_F(PublicKeyTest, RefusesEncodingsThatHoldNoSuchKey) {
    const std::string raw = base64(raw_ed25519(ed25519()));
    for (KeyEncoding encoding : {KeyEncoding::utf8, KeyEncoding::whsec}) {
        EXPECT_EQ(refusal(kEd25519, encoding, raw),
                  "the secret is to be a public key in base64, hex, whpk, pem, spki or jwk");
    }
    for (Algorithm algorithm : {kEcdsa, kRsa}) {
        for (KeyEncoding encoding : {KeyEncoding::utf8, KeyEncoding::whsec, KeyEncoding::base64,
                                     KeyEncoding::hex, KeyEncoding::whpk}) {
            EXPECT_EQ(refusal(algorithm, encoding, base64(info_of(p256()))),
                      "the secret is to be a public key in pem, spki or jwk");
        }
    }
}

TEST_F(PublicKeyTest, ReadsAP256KeyInEveryEncoding) {
    const std::vector<std::pair<KeyEncoding, std::string>> texts{
        {KeyEncoding::spki, base64(info_of(p256()))},
        {KeyEncoding::pem, pem_of(p256())},
        {KeyEncoding::pem, armoured("CERTIFICATE", certificate_of(p256()))},
        {KeyEncoding::jwk, ec_jwk(p256())},
    };
    for (const auto& [encoding, text] : texts) {
        const PublicKey key(kEcdsa, encoding, text);
        for (Hash hash : {Hash::sha1, Hash::sha256, Hash::sha384, Hash::sha512}) {
            const std::string signature = signature_of(p256(), method(hash), "text");
            EXPECT_TRUE(verifies(key, hash, "text", signature)) << text;
            EXPECT_FALSE(verifies(key, hash, "test", signature)) << text;
        }
    }
}

TEST_F(PublicKeyTest, ReadsAnRsaKeyInEveryEncoding) {
    const std::vector<std::pair<KeyEncoding, std::string>> texts{
        {KeyEncoding::spki, base64(info_of(rsa()))},
        {KeyEncoding::pem, pem_of(rsa())},
        {KeyEncoding::pem, armoured("RSA PUBLIC KEY", der_of(i2d_PublicKey, rsa().get()))},
        {KeyEncoding::pem, armoured("CERTIFICATE", certificate_of(rsa()))},
        {KeyEncoding::pem, armoured("X509 CERTIFICATE", certificate_of(rsa()))},
        {KeyEncoding::jwk, rsa_jwk(rsa())},
    };
    for (const auto& [encoding, text] : texts) {
        const PublicKey key(kRsa, encoding, text);
        for (Hash hash : {Hash::sha1, Hash::sha256, Hash::sha384, Hash::sha512}) {
            const std::string signature = signature_of(rsa(), method(hash), "text");
            EXPECT_TRUE(verifies(key, hash, "text", signature)) << text;
            EXPECT_FALSE(verifies(key, hash, "test", signature)) << text;
        }
    }
}

TEST_F(PublicKeyTest, RefusesChangedRsaSignatures) {
    const PublicKey key(kRsa, KeyEncoding::pem, pem_of(rsa()));
    const std::string right = signature_of(rsa(), EVP_sha256(), "text");
    ASSERT_TRUE(verifies(key, Hash::sha256, "text", right));
    for (std::size_t i = 0; i < right.size(); ++i) {
        std::string wrong = right;
        wrong[i] = static_cast<char>(wrong[i] ^ 1);
        EXPECT_FALSE(verifies(key, Hash::sha256, "text", wrong)) << i;
    }
    for (const std::string& wrong :
         {""s, right.substr(1), right.substr(0, 255), right + '\0', '\0' + right,
          std::string(256, '\0'), std::string(255, '\0') + "\x01", std::string(256, '\xff'),
          number_of(rsa(), OSSL_PKEY_PARAM_RSA_N, 256), signature_of(rsa(), EVP_sha1(), "text"),
          signature_of(rsa(), EVP_sha512(), "text"),
          signature_of(rsa(), EVP_sha256(), "text", RSA_PKCS1_PSS_PADDING)}) {
        EXPECT_FALSE(verifies(key, Hash::sha256, "text", wrong)) << to_hex(bytes(wrong));
    }
    EXPECT_FALSE(verifies(key, Hash::sha1, "text", right));
    EXPECT_FALSE(key.verify_digest(Hash::sha256, bytes(digest_of(Hash::sha256, "text")), {}));
}

TEST_F(PublicKeyTest, RefusesDigestsOfAnotherLength) {
    const std::string digest = digest_of(Hash::sha256, "text");
    const std::string rsa_signature = signature_of(rsa(), EVP_sha256(), "text");
    const std::string ecdsa_signature = signature_of(p256(), EVP_sha256(), "text");
    const PublicKey rsa_key(kRsa, KeyEncoding::pem, pem_of(rsa()));
    const PublicKey ecdsa_key(kEcdsa, KeyEncoding::pem, pem_of(p256()));
    ASSERT_TRUE(rsa_key.verify_digest(Hash::sha256, bytes(digest), bytes(rsa_signature)));
    ASSERT_TRUE(ecdsa_key.verify_digest(Hash::sha256, bytes(digest), bytes(ecdsa_signature)));
    for (const std::string& wrong : {""s, digest.substr(1), digest + "x"}) {
        EXPECT_FALSE(rsa_key.verify_digest(Hash::sha256, bytes(wrong), bytes(rsa_signature)));
        EXPECT_FALSE(ecdsa_key.verify_digest(Hash::sha256, bytes(wrong), bytes(ecdsa_signature)));
    }
    // ECDSA itself would take the first 32 bytes of a longer digest.
    EXPECT_FALSE(ecdsa_key.verify_digest(Hash::sha512, bytes(digest + digest),
                                         bytes(ecdsa_signature + "x")));
    EXPECT_FALSE(ecdsa_key.verify_digest(Hash::sha512, bytes(digest), bytes(ecdsa_signature)));
}

std::string tagged(char tag, std::string_view content) {
    return std::string{tag, static_cast<char>(content.size())} + std::string(content);
}

std::string sequence(std::string_view first, std::string_view second) {
    return tagged('\x30', tagged('\x02', first) + tagged('\x02', second));
}

// As the content of a DER integer.
std::string integer(std::string number) {
    number.erase(0, std::min(number.find_first_not_of('\0'), number.size() - 1));
    if (static_cast<unsigned char>(number.front()) >= 0x80) number.insert(0, 1, '\0');
    return number;
}

struct EcdsaSignature {
    explicit EcdsaSignature(std::string_view der)
        : first(numbers_of(der).substr(0, 32)), second(numbers_of(der).substr(32)) {}
    std::string first;
    std::string second;
};

TEST_F(PublicKeyTest, RefusesChangedEcdsaSignatures) {
    const PublicKey key(kEcdsa, KeyEncoding::pem, pem_of(p256()));
    const std::string right = signature_of(p256(), EVP_sha256(), "text");
    ASSERT_TRUE(verifies(key, Hash::sha256, "text", right));
    for (std::size_t bit = 0; bit < right.size() * 8; ++bit) {
        std::string wrong = right;
        wrong[bit / 8] = static_cast<char>(wrong[bit / 8] ^ 1 << bit % 8);
        EXPECT_FALSE(verifies(key, Hash::sha256, "text", wrong)) << bit;
    }
    for (std::size_t size = 0; size < right.size(); ++size) {
        EXPECT_FALSE(verifies(key, Hash::sha256, "text", right.substr(0, size))) << size;
    }
    EXPECT_FALSE(verifies(key, Hash::sha1, "text", right));
    EXPECT_FALSE(verifies(key, Hash::sha256, "text", numbers_of(right)));
    EXPECT_FALSE(key.verify_digest(Hash::sha256, bytes(digest_of(Hash::sha256, "text")), {}));
}

TEST_F(PublicKeyTest, RefusesEcdsaSignaturesThatAreNotDer) {
    const PublicKey key(kEcdsa, KeyEncoding::pem, pem_of(p256()));
    const std::string right = signature_of(p256(), EVP_sha256(), "text");
    const auto [first, second] = EcdsaSignature(right);
    const std::string one = integer(first);
    const std::string two = integer(second);
    ASSERT_EQ(sequence(one, two), right);
    const std::string content = right.substr(2);
    const char size = static_cast<char>(content.size());
    const std::string zero(1, '\0');
    const std::vector<std::string> wrong{
        right + '\0',
        right + right,
        sequence(zero + one, two),
        sequence(one, zero + two),
        sequence(one + zero, two),
        "\x30\x81"s + size + content,
        "\x30\x82"s + '\0' + size + content,
        "\x30\x80"s + content + zero + zero,
        "\x30"s + static_cast<char>(size + 1) + "\x02\x81" + static_cast<char>(one.size()) + one +
            tagged('\x02', two),
        tagged('\x31', content),
        tagged('\x30', content + tagged('\x02', "\x01")),
        tagged('\x30', content + "\x05" + zero),
        tagged('\x30', tagged('\x02', one)),
        sequence("", ""),
        sequence(two, one),
    };
    for (const std::string& signature : wrong) {
        EXPECT_FALSE(verifies(key, Hash::sha256, "text", signature)) << to_hex(bytes(signature));
    }
}

TEST_F(PublicKeyTest, RefusesEcdsaNumbersOutOfRange) {
    const PublicKey key(kEcdsa, KeyEncoding::pem, pem_of(p256()));
    const auto [first, second] = EcdsaSignature(signature_of(p256(), EVP_sha256(), "text"));
    const std::string one = integer(first);
    const std::string two = integer(second);
    const std::string zero(1, '\0');
    const std::string order =
        zero + unhex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");
    const std::string minus_one = "\xff";
    for (const std::string& digest : {digest_of(Hash::sha256, "text"), std::string(32, '\0')}) {
        for (const std::string& wrong : {zero, order, minus_one}) {
            for (const std::string& signature :
                 {sequence(wrong, wrong), sequence(wrong, two), sequence(one, wrong)}) {
                EXPECT_FALSE(key.verify_digest(Hash::sha256, bytes(digest), bytes(signature)))
                    << to_hex(bytes(signature));
            }
        }
    }
}

TEST_F(PublicKeyTest, OtherKeysVerifyNothing) {
    const PublicKey ecdsa_key(kEcdsa, KeyEncoding::pem, pem_of(ec_pair("P-256")));
    const PublicKey rsa_key(kRsa, KeyEncoding::pem, pem_of(rsa_pair(2048)));
    EXPECT_FALSE(
        verifies(ecdsa_key, Hash::sha256, "text", signature_of(p256(), EVP_sha256(), "text")));
    EXPECT_FALSE(
        verifies(rsa_key, Hash::sha256, "text", signature_of(rsa(), EVP_sha256(), "text")));
}

TEST_F(PublicKeyTest, ThrowsWhereTheKeyIsForSomethingElse) {
    const PublicKey ed25519_key(kEd25519, KeyEncoding::hex, kRfc8032[0].key);
    const PublicKey rsa_key(kRsa, KeyEncoding::pem, pem_of(rsa()));
    const PublicKey ecdsa_key(kEcdsa, KeyEncoding::pem, pem_of(p256()));
    EXPECT_THROW(verifies(ed25519_key, Hash::sha256, "text", std::string(64, 'x')), CryptoError);
    const std::string signature = signature_of(rsa(), EVP_sha256(), "text");
    EXPECT_THROW(rsa_key.verify_message("text", bytes(signature)), CryptoError);
    EXPECT_THROW(ecdsa_key.verify_message("text", bytes(signature)), CryptoError);
    EXPECT_THROW(PublicKey(Algorithm::hmac, KeyEncoding::pem, pem_of(rsa())), CryptoError);
}

TEST_F(PublicKeyTest, RefusesKeysOfAnotherType) {
    const std::vector<std::pair<Algorithm, std::string>> wanted{
        {kEd25519, "the secret is not an Ed25519 key"},
        {kEcdsa, "the secret is not a P-256 key"},
        {kRsa, "the secret is not an RSA key"},
    };
    const std::vector<std::pair<Algorithm, Pair>> pairs{
        {kEd25519, ed25519()},
        {kEcdsa, p256()},
        {kRsa, rsa()},
        {Algorithm::hmac, pair_of_type("ED448")},
        {Algorithm::hmac, pair_of_type("X25519")},
        {Algorithm::hmac, pair_of_type("RSA-PSS")},
        {Algorithm::hmac, ec_pair("P-384")},
        {Algorithm::hmac, ec_pair("P-224")},
        {Algorithm::hmac, ec_pair("secp256k1")},
        {Algorithm::hmac, ec_pair("brainpoolP256r1")},
    };
    for (const auto& [algorithm, told] : wanted) {
        for (const auto& [type, pair] : pairs) {
            const std::string expected = algorithm == type ? "taken" : told;
            EXPECT_EQ(refusal(algorithm, KeyEncoding::spki, base64(info_of(pair))), expected);
            EXPECT_EQ(refusal(algorithm, KeyEncoding::pem, pem_of(pair)), expected);
            EXPECT_EQ(
                refusal(algorithm, KeyEncoding::pem, armoured("CERTIFICATE", certificate_of(pair))),
                expected);
        }
        EXPECT_EQ(refusal(algorithm, KeyEncoding::jwk, okp_jwk(raw_ed25519(ed25519()))),
                  algorithm == kEd25519 ? "taken" : told);
        EXPECT_EQ(refusal(algorithm, KeyEncoding::jwk, ec_jwk(p256())),
                  algorithm == kEcdsa ? "taken" : told);
        EXPECT_EQ(refusal(algorithm, KeyEncoding::jwk, rsa_jwk(rsa())),
                  algorithm == kRsa ? "taken" : told);
    }
}

TEST_F(PublicKeyTest, RefusesP256WrittenOut) {
    const Pair pair = ec_pair("P-256");
    ASSERT_EQ(refusal(kEcdsa, KeyEncoding::pem, pem_of(pair)), "taken");
    ASSERT_EQ(EVP_PKEY_set_utf8_string_param(pair.get(), OSSL_PKEY_PARAM_EC_ENCODING, "explicit"),
              1);
    ASSERT_GT(info_of(pair).size(), 200U);
    EXPECT_EQ(refusal(kEcdsa, KeyEncoding::pem, pem_of(pair)), "the secret is not a P-256 key");
}

TEST_F(PublicKeyTest, RefusesWhatIsNoPointOfP256) {
    const std::string x = number_of(p256(), OSSL_PKEY_PARAM_EC_PUB_X, 32);
    const std::string y = number_of(p256(), OSSL_PKEY_PARAM_EC_PUB_Y, 32);
    ASSERT_EQ(p256_info("\x04" + x + y), info_of(p256()));
    const auto refused = [](std::string_view point) {
        return refusal(kEcdsa, KeyEncoding::spki, base64(p256_info(point)));
    };
    // The point at infinity.
    EXPECT_EQ(refused(std::string(1, '\0')), "the P-256 key is not a point of its curve");
    std::string off = y;
    off.back() = static_cast<char>(off.back() ^ 1);
    for (const std::string& wrong :
         {"\x04" + x + off, "\x04" + y + x, "\x04" + std::string(64, '\0'),
          "\x04" + std::string(64, '\xff'), "\x04" + x, x + y, "\x05" + x + y, ""s}) {
        EXPECT_EQ(refused(wrong), "the secret is not a SubjectPublicKeyInfo in base64");
    }

    const auto jwk_refused = [](std::string_view one, std::string_view two) {
        return refusal(
            kEcdsa, KeyEncoding::jwk,
            jwk({{"kty", "EC"}, {"crv", "P-256"}, {"x", base64url(one)}, {"y", base64url(two)}}));
    };
    EXPECT_EQ(jwk_refused(x, y), "taken");
    const std::string zeros(32, '\0');
    EXPECT_EQ(jwk_refused(x, off), "the JWK is not a point of P-256");
    EXPECT_EQ(jwk_refused(y, x), "the JWK is not a point of P-256");
    EXPECT_EQ(jwk_refused(zeros, zeros), "the JWK is not a point of P-256");
    EXPECT_EQ(jwk_refused(x.substr(1), y), "the JWK's \"x\" is 31 bytes long, not 32");
    EXPECT_EQ(jwk_refused(x, '\0' + y), "the JWK's \"y\" is 33 bytes long, not 32");
}

TEST_F(PublicKeyTest, RefusesShortRsaKeys) {
    const Pair pair = rsa_pair(1024);
    const std::string told = "the RSA key is 1024 bits long, at least 2048 are safe";
    EXPECT_EQ(refusal(kRsa, KeyEncoding::spki, base64(info_of(pair))), told);
    EXPECT_EQ(refusal(kRsa, KeyEncoding::pem, pem_of(pair)), told);
    EXPECT_EQ(refusal(kRsa, KeyEncoding::pem, armoured("CERTIFICATE", certificate_of(pair))), told);
    EXPECT_EQ(refusal(kRsa, KeyEncoding::jwk, rsa_jwk(pair)), told);
}

// An odd number of so many bits.
std::string number_of_bits(std::size_t bits) {
    std::string number((bits + 7) / 8, '\xab');
    number.front() = static_cast<char>(1 << (bits - 1) % 8);
    return number;
}

TEST_F(PublicKeyTest, RefusesRsaKeysOutOfRange) {
    const auto told = [](std::size_t bits) {
        return refusal(kRsa, KeyEncoding::jwk, rsa_jwk(number_of_bits(bits), "\x03"));
    };
    EXPECT_EQ(told(512), "the RSA key is 512 bits long, at least 2048 are safe");
    EXPECT_EQ(told(2047), "the RSA key is 2047 bits long, at least 2048 are safe");
    EXPECT_EQ(told(2048), "taken");
    EXPECT_EQ(told(4096), "taken");
    EXPECT_EQ(told(16384), "taken");
    EXPECT_EQ(told(16385), "the RSA key is 16385 bits long, at most 16384 are taken");
    EXPECT_EQ(told(262144), "the RSA key is 262144 bits long, at most 16384 are taken");
    // What some libraries write before the highest byte.
    EXPECT_EQ(refusal(kRsa, KeyEncoding::jwk, rsa_jwk('\0' + number_of_bits(2048), "\x03")),
              "taken");
}

TEST_F(PublicKeyTest, RefusesRsaNumbersThatAreUnsafe) {
    const std::string modulus = number_of_bits(2048);
    const auto told = [&modulus](std::string_view exponent) {
        return refusal(kRsa, KeyEncoding::jwk, rsa_jwk(modulus, exponent));
    };
    const std::string unsafe = "the RSA key's exponent is not an odd number between 3 and 2^64";
    EXPECT_EQ(told("\x01"), unsafe);
    EXPECT_EQ(told("\x02"), unsafe);
    EXPECT_EQ(told("\x03"), "taken");
    EXPECT_EQ(told(std::string("\x01\x00\x00", 3)), unsafe);
    EXPECT_EQ(told(std::string(8, '\xff')), "taken");
    EXPECT_EQ(told("\x01" + std::string(8, '\xff')), unsafe);
    EXPECT_EQ(told(std::string(1, '\0')), "the JWK's \"e\" is zero");
    EXPECT_EQ(told(""), "the JWK's \"e\" is zero");
    std::string even = modulus;
    even.back() = '\x02';
    EXPECT_EQ(refusal(kRsa, KeyEncoding::jwk, rsa_jwk(even, "\x03")),
              "the RSA key's modulus is even");
    EXPECT_EQ(refusal(kRsa, KeyEncoding::jwk, rsa_jwk("", "\x03")), "the JWK's \"n\" is zero");
}

TEST_F(PublicKeyTest, RefusesWhatIsNoSubjectPublicKeyInfo) {
    const std::string der = info_of(p256());
    const std::string told = "the secret is not a SubjectPublicKeyInfo in base64";
    ASSERT_EQ(refusal(kEcdsa, KeyEncoding::spki, base64(der)), "taken");
    for (std::size_t size = 0; size < der.size(); ++size) {
        EXPECT_EQ(refusal(kEcdsa, KeyEncoding::spki, base64(der.substr(0, size))), told) << size;
    }
    for (const std::string& wrong :
         {base64(der + '\0'), base64(der + der), base64(der).substr(1), base64(der) + "\n",
          pem_of(p256()), to_hex(bytes(der)), base64(certificate_of(p256())), "whpk_"s,
          base64(der_of(i2d_PublicKey, rsa().get()))}) {
        EXPECT_EQ(refusal(kEcdsa, KeyEncoding::spki, wrong), told) << wrong;
    }
}

TEST_F(PublicKeyTest, RefusesWhatIsNoPem) {
    const std::string told = "the secret is not a PEM public key or certificate";
    const std::string der = info_of(p256());
    const std::string certificate = certificate_of(p256());
    const std::string pem = pem_of(p256());
    ASSERT_EQ(refusal(kEcdsa, KeyEncoding::pem, pem), "taken");
    std::string broken = pem;
    broken.insert(40, "!");
    for (const std::string& wrong :
         {""s, "\n"s, base64(der), der, pem.substr(1), pem.substr(0, pem.size() - 8), broken,
          armoured("PUBLIC KEY", ""), armoured("PUBLIC KEY", der + '\0'),
          armoured("PUBLIC KEY", der.substr(0, der.size() - 1)),
          armoured("PUBLIC KEY", certificate), armoured("CERTIFICATE", der),
          armoured("CERTIFICATE", certificate + '\0'),
          armoured("CERTIFICATE", certificate.substr(0, certificate.size() - 1)),
          armoured("RSA PUBLIC KEY", der),
          armoured("RSA PUBLIC KEY", der_of(i2d_PublicKey, rsa().get()) + '\0'),
          armoured("CERTIFICATE REQUEST", der), armoured("EC PUBLIC KEY", der), ec_jwk(p256())}) {
        EXPECT_EQ(refusal(kEcdsa, KeyEncoding::pem, wrong), told) << wrong;
    }
    const std::size_t first_line = pem.find('\n') + 1;
    const std::string encrypted = pem.substr(0, first_line) +
                                  "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n" +
                                  pem.substr(first_line);
    EXPECT_EQ(refusal(kEcdsa, KeyEncoding::pem, encrypted), told);
}

TEST_F(PublicKeyTest, RefusesPrivatePem) {
    const std::string told = "the secret holds a private key, not a public one";
    for (const std::string& text :
         {private_pem_of(p256()), private_pem_of(p256(), EVP_aes_128_cbc()),
          private_pem_of(p256()) + pem_of(p256()), pem_of(p256()) + private_pem_of(p256()),
          armoured("EC PRIVATE KEY", der_of(i2d_PrivateKey, p256().get())),
          armoured("RSA PRIVATE KEY", der_of(i2d_PrivateKey, rsa().get()))}) {
        EXPECT_EQ(refusal(kEcdsa, KeyEncoding::pem, text), told) << text;
        EXPECT_EQ(refusal(kRsa, KeyEncoding::pem, text), told) << text;
    }
}

TEST_F(PublicKeyTest, RefusesMoreThanOnePemBlock) {
    const std::string pem = pem_of(p256());
    const std::string certificate = armoured("CERTIFICATE", certificate_of(p256()));
    for (const std::string& text : {pem + pem, certificate + certificate, pem + certificate,
                                    armoured("EC PARAMETERS", "x") + pem}) {
        EXPECT_EQ(refusal(kEcdsa, KeyEncoding::pem, text),
                  "the secret holds more than one PEM block");
    }
    // A second one that is cut off is not passed over.
    EXPECT_EQ(refusal(kEcdsa, KeyEncoding::pem, pem + pem.substr(0, 60)),
              "the secret is not a PEM public key or certificate");
}

TEST_F(PublicKeyTest, ReadsPemAmongOtherText) {
    const std::string pem = pem_of(p256());
    std::string of_windows;
    for (char character : pem) of_windows += character == '\n' ? "\r\n"s : std::string{character};
    for (const std::string& text :
         {"subject=CN = example\n" + pem, "\n" + pem + "\n\n", pem + "as of 2026\n", of_windows,
          pem.substr(0, pem.size() - 1)}) {
        EXPECT_EQ(refusal(kEcdsa, KeyEncoding::pem, text), "taken") << text;
    }
}

TEST_F(PublicKeyTest, RefusesWhatIsNoJwk) {
    for (const std::string& wrong : {""s, "x"s, "{"s, pem_of(p256()), ec_jwk(p256()) + "}"}) {
        EXPECT_EQ(refusal(kEcdsa, KeyEncoding::jwk, wrong), "the secret is not a JWK") << wrong;
    }
    const std::string no_type = "the JWK has no member \"kty\", or several";
    for (const std::string& wrong : {"{}"s, "[]"s, "1"s, "\"EC\""s, "{\"kty\":[\"EC\"]}"s,
                                     "{\"kty\":null}"s, "{\"keys\":[" + ec_jwk(p256()) + "]}",
                                     jwk({{"kty", "EC"}, {"kty", "EC"}, {"crv", "P-256"}})}) {
        EXPECT_EQ(refusal(kEcdsa, KeyEncoding::jwk, wrong), no_type) << wrong;
    }
    for (const std::string& type : {"ec"s, ""s, "EC "s, "AKP"s}) {
        EXPECT_EQ(refusal(kEcdsa, KeyEncoding::jwk, jwk({{"kty", type}})),
                  "the JWK's \"kty\" is not EC, OKP or RSA");
    }
    EXPECT_EQ(refusal(kEcdsa, KeyEncoding::jwk, jwk({{"kty", "oct"}, {"k", "AAAA"}})),
              "the JWK is a shared secret, not a public key");
}

TEST_F(PublicKeyTest, RefusesJwksThatLackAMember) {
    const std::vector<std::pair<Algorithm, Members>> complete{
        {kEd25519, {{"kty", "OKP"}, {"crv", "Ed25519"}, {"x", base64url(raw_ed25519(ed25519()))}}},
        {kEcdsa,
         {{"kty", "EC"},
          {"crv", "P-256"},
          {"x", base64url(number_of(p256(), OSSL_PKEY_PARAM_EC_PUB_X, 32))},
          {"y", base64url(number_of(p256(), OSSL_PKEY_PARAM_EC_PUB_Y, 32))}}},
        {kRsa, {{"kty", "RSA"}, {"n", base64url(number_of_bits(2048))}, {"e", "AQAB"}}},
    };
    for (const auto& [algorithm, members] : complete) {
        ASSERT_EQ(refusal(algorithm, KeyEncoding::jwk, jwk(members)), "taken");
        for (std::size_t i = 0; i < members.size(); ++i) {
            const std::string& name = members[i].first;
            const std::string told = "the JWK has no member \"" + name + "\", or several";
            Members changed = members;
            changed.push_back(members[i]);
            EXPECT_EQ(refusal(algorithm, KeyEncoding::jwk, jwk(changed)), told);
            changed = members;
            changed.erase(changed.begin() + static_cast<std::ptrdiff_t>(i));
            EXPECT_EQ(refusal(algorithm, KeyEncoding::jwk, jwk(changed)), told);
            if (name == "kty" || name == "crv") continue;
            for (const char* wrong : {"=", "!", " ", "+", "/"}) {
                changed = members;
                changed[i].second += wrong;
                EXPECT_EQ(refusal(algorithm, KeyEncoding::jwk, jwk(changed)),
                          "the JWK's \"" + name + "\" is not base64url without padding");
            }
        }
    }
}

TEST_F(PublicKeyTest, RefusesJwksOnOtherCurves) {
    const std::string x = base64url(std::string(32, 'x'));
    for (const char* curve : {"P-384", "secp256k1", "p-256", "prime256v1", ""}) {
        EXPECT_EQ(refusal(kEcdsa, KeyEncoding::jwk,
                          jwk({{"kty", "EC"}, {"crv", curve}, {"x", x}, {"y", x}})),
                  "the JWK is not a P-256 key");
    }
    for (const char* curve : {"Ed448", "X25519", "ed25519"}) {
        EXPECT_EQ(
            refusal(kEd25519, KeyEncoding::jwk, jwk({{"kty", "OKP"}, {"crv", curve}, {"x", x}})),
            "the JWK is not an Ed25519 key");
    }
    EXPECT_EQ(refusal(kEd25519, KeyEncoding::jwk, okp_jwk("short")),
              "the JWK's \"x\" is 5 bytes long, not 32");
}

std::string with_member(std::string json, std::string_view member) {
    json.insert(json.size() - 1, "," + std::string(member));
    return json;
}

TEST_F(PublicKeyTest, LooksAtWhatAJwkIsFor) {
    const std::string json = ec_jwk(p256());
    const auto told = [&json](std::string_view member) {
        return refusal(kEcdsa, KeyEncoding::jwk, with_member(json, member));
    };
    EXPECT_EQ(told("\"use\":\"sig\",\"alg\":\"ES256\",\"kid\":\"1\",\"expired_at\":null"), "taken");
    EXPECT_EQ(told("\"use\":null"), "taken");
    EXPECT_EQ(told("\"use\":\"enc\""), "the JWK is not for signatures");
    EXPECT_EQ(told("\"use\":[\"sig\"]"), "the JWK has no member \"use\", or several");
    const std::string is_private = "the JWK is a private key, not a public one";
    EXPECT_EQ(told("\"d\":\"AAAA\""), is_private);
    EXPECT_EQ(told("\"d\":null"), is_private);
    EXPECT_EQ(told("\"\\u0064\":\"AAAA\""), is_private);
    EXPECT_EQ(refusal(kRsa, KeyEncoding::jwk, with_member(rsa_jwk(rsa()), "\"d\":\"AA\"")),
              is_private);
    EXPECT_EQ(refusal(kEd25519, KeyEncoding::jwk,
                      with_member(okp_jwk(raw_ed25519(ed25519())), "\"d\":\"AA\"")),
              is_private);
}

TEST_F(PublicKeyTest, RefusesTextsTooLongForAKey) {
    const std::string pem = pem_of(p256());
    const std::string longest = std::string(65536 - pem.size(), '\n') + pem;
    EXPECT_EQ(refusal(kEcdsa, KeyEncoding::pem, longest), "taken");
    EXPECT_EQ(refusal(kEcdsa, KeyEncoding::pem, '\n' + longest),
              "the secret is too long for a public key");
}

TEST_F(PublicKeyTest, LeavesTheErrorsOfOthersInTheQueue) {
    ERR_raise(ERR_LIB_USER, 1);
    const unsigned long error = ERR_peek_error();
    ASSERT_NE(refusal(kRsa, KeyEncoding::pem, "x"), "taken");
    const PublicKey key(kEcdsa, KeyEncoding::pem, pem_of(p256()));
    ASSERT_FALSE(verifies(key, Hash::sha256, "text", "x"));
    ASSERT_FALSE(is_public_key(base64("\x30" + std::string(32, '\x05'))));
    EXPECT_EQ(ERR_peek_error(), error);
    EXPECT_EQ(ERR_peek_last_error(), error);
    ERR_clear_error();
}

constexpr std::string_view kJwtPayload =
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlf"
    "Q";

// RFC 7515, appendix A.2.
TEST_F(PublicKeyTest, VerifiesTheRsaSignatureOfRfc7515) {
    const std::string json = jwk(
        {{"kty", "RSA"},
         {"n",
          "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt"
          "0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSX"
          "ndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5"
          "IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"},
         {"e", "AQAB"}});
    const std::string signature =
        decode(
            TextEncoding::base64url,
            "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YK"
            "t_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBAr"
            "LIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7n"
            "oOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUP"
            "QGe77Rw")
            .value();
    const std::string text = "eyJhbGciOiJSUzI1NiJ9." + std::string(kJwtPayload);
    const PublicKey key(kRsa, KeyEncoding::jwk, json);
    EXPECT_TRUE(verifies(key, Hash::sha256, text, signature));
    EXPECT_FALSE(verifies(key, Hash::sha256, text + "x", signature));
}

// RFC 7515, appendix A.3.
TEST_F(EcdsaDerTest, IsVerifiedForTheSignatureOfRfc7515) {
    const PublicKey key(kEcdsa, KeyEncoding::jwk,
                        jwk({{"kty", "EC"},
                             {"crv", "P-256"},
                             {"x", "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"},
                             {"y", "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}}));
    const std::string numbers =
        decode(TextEncoding::base64url,
               "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6N"
               "U1Q")
            .value();
    const std::string text = "eyJhbGciOiJFUzI1NiJ9." + std::string(kJwtPayload);
    const std::string der = ecdsa_der(bytes(numbers)).value();
    EXPECT_TRUE(verifies(key, Hash::sha256, text, der));
    EXPECT_FALSE(verifies(key, Hash::sha256, text + "x", der));
}

TEST_F(EcdsaDerTest, IsWhatOpensslWrites) {
    for (int i = 0; i < 200; ++i) {
        const std::string der = signature_of(p256(), EVP_sha256(), std::to_string(i));
        ASSERT_EQ(ecdsa_der(bytes(numbers_of(der))), der);
    }
}

TEST_F(EcdsaDerTest, WritesIntegersAsShortAsTheyAre) {
    const auto der = [](std::string_view first, std::string_view second) {
        return to_hex(bytes(ecdsa_der(bytes(unhex(first) + unhex(second))).value()));
    };
    const std::string zeros(62, '0');
    EXPECT_EQ(der(zeros + "00", zeros + "00"), "3006020100020100");
    EXPECT_EQ(der(zeros + "01", zeros + "7f"), "300602010102017f");
    EXPECT_EQ(der(zeros + "80", "00ff" + std::string(60, '0')),
              "3026020200800220"
              "00ff" +
                  std::string(60, '0'));
    EXPECT_EQ(der(std::string(64, 'f'), std::string(64, '8')),
              "3046022100" + std::string(64, 'f') + "022100" + std::string(64, '8'));
}

TEST_F(EcdsaDerTest, IsNothingForAnotherLength) {
    for (std::size_t size : {0, 1, 32, 63, 65, 96, 128}) {
        EXPECT_EQ(ecdsa_der(bytes(std::string(size, '\x01'))), std::nullopt) << size;
    }
    EXPECT_EQ(ecdsa_der({}), std::nullopt);
}

TEST_F(EcdsaDerTest, OfZerosIsRefused) {
    const PublicKey key(kEcdsa, KeyEncoding::pem, pem_of(p256()));
    const std::string der = ecdsa_der(bytes(std::string(64, '\0'))).value();
    EXPECT_FALSE(verifies(key, Hash::sha256, "text", der));
    EXPECT_FALSE(key.verify_digest(Hash::sha256, bytes(std::string(32, '\0')), bytes(der)));
}

void expect_public(const std::string& text) {
    EXPECT_TRUE(is_public_key(text)) << text;
    EXPECT_TRUE(is_public_key(" \r\n\t" + text + "\n\n ")) << text;
}

TEST_F(IsPublicKeyTest, KnowsPem) {
    for (const Pair& pair : {p256(), rsa(), ed25519(), ec_pair("P-384"), pair_of_type("X25519")}) {
        expect_public(pem_of(pair));
        expect_public(armoured("CERTIFICATE", certificate_of(pair)));
    }
    for (const char* label :
         {"RSA PUBLIC KEY", "EC PUBLIC KEY", "X509 CERTIFICATE", "TRUSTED CERTIFICATE",
          "CERTIFICATE REQUEST", "PGP PUBLIC KEY BLOCK"}) {
        expect_public(armoured(label, "x"));
    }
    expect_public("-----BEGIN PUBLIC KEY-----\\nMFkwEwYHKoZIzj0CAQ");
    expect_public(private_pem_of(p256()) + pem_of(p256()));
    expect_public("subject=CN = example\n" + pem_of(p256()));
}

TEST_F(IsPublicKeyTest, KnowsWhpk) {
    expect_public("whpk_" + base64(raw_ed25519(ed25519())));
    expect_public("whpk_");
    expect_public("whpk_?");
}

TEST_F(IsPublicKeyTest, KnowsJwks) {
    for (const std::string& text :
         {ec_jwk(p256()), rsa_jwk(rsa()), okp_jwk(raw_ed25519(ed25519())),
          jwk({{"kty", "AKP"}, {"pub", "AAAA"}}), "{ \"use\": \"sig\",\n \"kty\" : \"EC\" }"s,
          "{\"keys\":[" + ec_jwk(p256()) + "]}"}) {
        expect_public(text);
    }
}

TEST_F(IsPublicKeyTest, KnowsDer) {
    for (const Pair& pair : {p256(), rsa(), ed25519(), ec_pair("P-384"), pair_of_type("X25519")}) {
        for (const std::string& der : {info_of(pair), certificate_of(pair)}) {
            EXPECT_TRUE(is_public_key(der));
            EXPECT_TRUE(is_public_key(der + "\n"));
            expect_public(base64(der));
            expect_public(base64(der).substr(0, base64(der).find('=')));
            expect_public(base64url(der));
            expect_public(to_hex(bytes(der)));
            const std::string pem = armoured("X", der);
            expect_public(pem.substr(18, pem.size() - 18 - 17));
        }
    }
    // Of a type that no OpenSSL knows (1.3.9999).
    expect_public(
        base64(unhex("300e30060604"
                     "2bce0f00"
                     "030400010203")));
}

TEST_F(IsPublicKeyTest, LetsSecretsBe) {
    std::vector<std::string> secrets{
        "",
        " ",
        "0",
        "0123456789abcdef0123456789abcdef",
        "a long passphrase with - + / and = {in it}",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "v1,whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "{\"kty\":\"oct\",\"k\":\"AAAA\"}",
        "{\"keys\":[{\"kty\":\"oct\",\"k\":\"AAAA\"}]}",
        "{\"type\":\"EC\"}",
        "{\"kty\":\"EC\"",
        with_member(ec_jwk(p256()), "\"d\":\"AAAA\""),
        "-----BEGIN ",
        "-----BEGIN -----",
        "PUBLIC KEY",
        private_pem_of(p256()),
        private_pem_of(p256(), EVP_aes_128_cbc()),
        base64(der_of(i2d_PrivateKey, p256().get())),
        base64(der_of(i2d_PrivateKey, rsa().get())),
        base64(info_of(p256()).substr(0, 40)),
        // 32 bytes could be anything.
        base64(raw_ed25519(ed25519())),
        to_hex(bytes(raw_ed25519(ed25519()))),
        "0" + std::string(64, '\x80'),
    };
    for (std::size_t size = 24; size <= 64; ++size) {
        // Every length that a DER sequence of this size may claim, among others.
        for (int second = 0; second < 256; ++second) {
            std::string bytes_of_key = digest_of(Hash::sha512, std::to_string(size * 256)) + "x";
            bytes_of_key.resize(size);
            bytes_of_key[0] = '\x30';
            bytes_of_key[1] = static_cast<char>(second);
            secrets.push_back(base64(bytes_of_key));
            secrets.push_back(to_hex(bytes(bytes_of_key)));
        }
    }
    for (const std::string& secret : secrets) {
        EXPECT_FALSE(is_public_key(secret)) << secret;
        EXPECT_FALSE(is_public_key(" " + secret + "\n")) << secret;
    }
}

}  // namespace
}  // namespace webhook
