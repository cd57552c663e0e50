#include "verify/public_key.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/param_build.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/pemerr.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "base/encoding.h"
#include "base/errors.h"
#include "base/json_document.h"
#include "base/text.h"

namespace webhook {
namespace {

// Larger than any key or certificate.
constexpr std::size_t kLongestText = 65536;
constexpr std::size_t kCoordinateSize = 32;
constexpr std::size_t kEd25519KeySize = 32;
constexpr std::size_t kEd25519SignatureSize = 64;
// OpenSSL's own limit for keys longer than 3072 bits.
constexpr int kLongestRsaExponent = 64;

constexpr std::string_view kWhpkMark = "whpk_";
// The most keys of a JSON Web Key Set that are examined.
constexpr std::size_t kMostKeysOfSet = 64;

template <auto kFree>
struct FreeWith {
    void operator()(auto* object) const { kFree(object); }
};

using Key = std::unique_ptr<EVP_PKEY, FreeWith<EVP_PKEY_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, FreeWith<EVP_PKEY_CTX_free>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, FreeWith<EVP_MD_CTX_free>>;
using Certificate = std::unique_ptr<X509, FreeWith<X509_free>>;
using KeyInfo = std::unique_ptr<X509_PUBKEY, FreeWith<X509_PUBKEY_free>>;
using Input = std::unique_ptr<BIO, FreeWith<BIO_free>>;
using Number = std::unique_ptr<BIGNUM, FreeWith<BN_free>>;
using Signature = std::unique_ptr<ECDSA_SIG, FreeWith<ECDSA_SIG_free>>;
using ParameterBuilder = std::unique_ptr<OSSL_PARAM_BLD, FreeWith<OSSL_PARAM_BLD_free>>;
using Parameters = std::unique_ptr<OSSL_PARAM, FreeWith<OSSL_PARAM_free>>;

void require(bool succeeded, const char* what) {
    if (!succeeded) throw CryptoError(std::string("OpenSSL failed to ") + what);
}

// Removes errors added to OpenSSL's queue, which nginx would otherwise take for its own.
class DroppedErrors {
  public:
    DroppedErrors() { ERR_set_mark(); }
    ~DroppedErrors() { ERR_pop_to_mark(); }
    DroppedErrors(const DroppedErrors&) = delete;
    DroppedErrors& operator=(const DroppedErrors&) = delete;
};

const unsigned char* as_bytes(std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}

Key key_of_info(std::string_view der) {
    const unsigned char* position = as_bytes(der);
    Key key(d2i_PUBKEY(nullptr, &position, static_cast<long>(der.size())));
    return position == as_bytes(der) + der.size() ? std::move(key) : nullptr;
}

Key key_of_certificate(std::string_view der) {
    const unsigned char* position = as_bytes(der);
    const Certificate certificate(d2i_X509(nullptr, &position, static_cast<long>(der.size())));
    if (!certificate || position != as_bytes(der) + der.size()) return nullptr;
    return Key(X509_get_pubkey(certificate.get()));
}

// An RSAPublicKey of RFC 8017.
Key key_of_rsa_numbers(std::string_view der) {
    const unsigned char* position = as_bytes(der);
    Key key(d2i_PublicKey(EVP_PKEY_RSA, nullptr, &position, static_cast<long>(der.size())));
    return position == as_bytes(der) + der.size() ? std::move(key) : nullptr;
}

Key key_of_parameters(const char* type, OSSL_PARAM_BLD* builder) {
    const Parameters parameters(OSSL_PARAM_BLD_to_param(builder));
    const KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
    require(parameters && context && EVP_PKEY_fromdata_init(context.get()) == 1, "take a key");
    EVP_PKEY* key = nullptr;
    EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, parameters.get());
    return Key(key);
}

Key key_of_ed25519_bytes(std::string_view bytes) {
    Key key(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, as_bytes(bytes), bytes.size()));
    require(key != nullptr, "take an Ed25519 key");
    return key;
}

struct PemBlock {
    std::string label;
    std::string header;
    std::string der;
};

std::optional<PemBlock> next_block(BIO* input) {
    char* label = nullptr;
    char* header = nullptr;
    unsigned char* bytes = nullptr;
    long size = 0;
    if (PEM_read_bio(input, &label, &header, &bytes, &size) != 1) return std::nullopt;
    PemBlock block{label, header, {bytes, bytes + size}};
    OPENSSL_free(label);
    OPENSSL_free(header);
    OPENSSL_free(bytes);
    return block;
}

// Reads only the armour, so that no passphrase is ever asked for.
std::vector<PemBlock> pem_blocks(std::string_view text) {
    const Input input(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
    require(input != nullptr, "read a text");
    std::vector<PemBlock> blocks;
    while (auto block = next_block(input.get())) blocks.push_back(std::move(*block));
    const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    if (!at_end) blocks.clear();
    return blocks;
}

Key key_of_block(const PemBlock& block) {
    if (!block.header.empty()) return nullptr;
    if (block.label == PEM_STRING_PUBLIC) return key_of_info(block.der);
    if (block.label == PEM_STRING_RSA_PUBLIC) return key_of_rsa_numbers(block.der);
    if (block.label == PEM_STRING_X509 || block.label == PEM_STRING_X509_OLD) {
        return key_of_certificate(block.der);
    }
    return nullptr;
}

Key pem_key(std::string_view text) {
    const std::vector<PemBlock> blocks = pem_blocks(text);
    if (std::ranges::any_of(
            blocks, [](const PemBlock& block) { return block.label.ends_with("PRIVATE KEY"); })) {
        throw ConfigError("the secret holds a private key, not a public one");
    }
    if (blocks.size() > 1) throw ConfigError("the secret holds more than one PEM block");
    Key key = blocks.empty() ? nullptr : key_of_block(blocks.front());
    if (!key) throw ConfigError("the secret is not a PEM public key or certificate");
    return key;
}

Key spki_key(std::string_view text) {
    const auto der = decode(TextEncoding::base64, text);
    Key key = der ? key_of_info(*der) : nullptr;
    if (!key) throw ConfigError("the secret is not a SubjectPublicKeyInfo in base64");
    return key;
}

std::string jwk_text(const JsonDocument& jwk, std::string_view name) {
    auto text = jwk.value_at(std::string("/").append(name));
    if (!text) throw ConfigError("the JWK has no member " + in_quotes(name) + ", or several");
    return std::move(*text);
}

std::string jwk_bytes(const JsonDocument& jwk, std::string_view name) {
    const std::string text = jwk_text(jwk, name);
    auto bytes = decode(TextEncoding::base64url, text);
    if (!bytes || text.ends_with('=')) {
        throw ConfigError("the JWK's " + in_quotes(name) + " is not base64url without padding");
    }
    return std::move(*bytes);
}

std::string jwk_bytes(const JsonDocument& jwk, std::string_view name, std::size_t size) {
    std::string bytes = jwk_bytes(jwk, name);
    if (bytes.size() != size) {
        throw ConfigError("the JWK's " + in_quotes(name) + " is " + std::to_string(bytes.size()) +
                          " bytes long, not " + std::to_string(size));
    }
    return bytes;
}

Key jwk_ec_key(const JsonDocument& jwk) {
    if (jwk_text(jwk, "crv") != "P-256") throw ConfigError("the JWK is not a P-256 key");
    const std::string point =
        '\x04' + jwk_bytes(jwk, "x", kCoordinateSize) + jwk_bytes(jwk, "y", kCoordinateSize);
    const ParameterBuilder builder(OSSL_PARAM_BLD_new());
    require(builder &&
                OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME,
                                                SN_X9_62_prime256v1, 0) == 1 &&
                OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY,
                                                 point.data(), point.size()) == 1,
            "describe a P-256 key");
    Key key = key_of_parameters("EC", builder.get());
    if (!key) throw ConfigError("the JWK is not a point of P-256");
    return key;
}

Key jwk_okp_key(const JsonDocument& jwk) {
    if (jwk_text(jwk, "crv") != "Ed25519") throw ConfigError("the JWK is not an Ed25519 key");
    return key_of_ed25519_bytes(jwk_bytes(jwk, "x", kEd25519KeySize));
}

Number jwk_number(const JsonDocument& jwk, std::string_view name) {
    const std::string bytes = jwk_bytes(jwk, name);
    Number number(BN_bin2bn(as_bytes(bytes), static_cast<int>(bytes.size()), nullptr));
    require(number != nullptr, "take a number");
    if (BN_is_zero(number.get())) throw ConfigError("the JWK's " + in_quotes(name) + " is zero");
    return number;
}

Key jwk_rsa_key(const JsonDocument& jwk) {
    const Number modulus = jwk_number(jwk, "n");
    const Number exponent = jwk_number(jwk, "e");
    const ParameterBuilder builder(OSSL_PARAM_BLD_new());
    require(builder &&
                OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, modulus.get()) == 1 &&
                OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, exponent.get()) == 1,
            "describe an RSA key");
    Key key = key_of_parameters("RSA", builder.get());
    if (!key) throw ConfigError("the JWK is not an RSA key");
    return key;
}

Key jwk_key(std::string_view text) {
    JsonDocument jwk;
    if (!jwk.parse_copy(text)) throw ConfigError("the secret is not a JWK");
    if (jwk.has("/d")) throw ConfigError("the JWK is a private key, not a public one");
    const std::string type = jwk_text(jwk, "kty");
    if (!jwk.lacks("/use") && jwk_text(jwk, "use") != "sig") {
        throw ConfigError("the JWK is not for signatures");
    }
    if (type == "EC") return jwk_ec_key(jwk);
    if (type == "OKP") return jwk_okp_key(jwk);
    if (type == "RSA") return jwk_rsa_key(jwk);
    if (type == "oct") throw ConfigError("the JWK is a shared secret, not a public key");
    throw ConfigError("the JWK's \"kty\" is not EC, OKP or RSA");
}

Key raw_ed25519_key(TextEncoding encoding, std::string_view text, std::string_view form) {
    const auto bytes = decode(encoding, text);
    if (!bytes || bytes->size() != kEd25519KeySize) {
        throw ConfigError("the secret is not an Ed25519 key: 32 bytes in " + std::string(form));
    }
    return key_of_ed25519_bytes(*bytes);
}

Key whpk_key(std::string_view text) {
    constexpr std::string_view kForm = "base64 behind \"whpk_\"";
    // An empty text is no key either.
    const std::string_view digits =
        text.starts_with(kWhpkMark) ? text.substr(kWhpkMark.size()) : std::string_view("");
    return raw_ed25519_key(TextEncoding::base64, digits, kForm);
}

Key read_key(Algorithm algorithm, KeyEncoding encoding, std::string_view text) {
    if (encoding == KeyEncoding::pem) return pem_key(text);
    if (encoding == KeyEncoding::spki) return spki_key(text);
    if (encoding == KeyEncoding::jwk) return jwk_key(text);
    if (algorithm != Algorithm::ed25519) {
        throw ConfigError("the secret is to be a public key in pem, spki or jwk");
    }
    if (encoding == KeyEncoding::base64) {
        return raw_ed25519_key(TextEncoding::base64, text, "base64");
    }
    if (encoding == KeyEncoding::hex) return raw_ed25519_key(TextEncoding::hex, text, "hex");
    if (encoding == KeyEncoding::whpk) return whpk_key(text);
    throw ConfigError("the secret is to be a public key in base64, hex, whpk, pem, spki or jwk");
}

// OpenSSL accepts such keys without a check. With a key of small order (the order of the curve is
// eight times a prime), the same signature is valid for every eighth message, or for all.
// Generators of keys never write a non-canonical encoding.
void check_ed25519(const EVP_PKEY* key) {
    if (EVP_PKEY_is_a(key, "ED25519") != 1) {
        throw ConfigError("the secret is not an Ed25519 key");
    }
    std::array<std::uint8_t, kEd25519KeySize> ordinate;
    std::size_t size = ordinate.size();
    require(EVP_PKEY_get_raw_public_key(key, ordinate.data(), &size) == 1, "read an Ed25519 key");
    ordinate.back() &= 0x7f;  // the sign of the other coordinate

    constexpr std::string_view kOfSmallOrder[] = {
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    };
    if (std::ranges::find(kOfSmallOrder, to_hex(ordinate)) != std::end(kOfSmallOrder)) {
        throw ConfigError("the Ed25519 key is of small order: anyone can sign for it");
    }
    // The field's prime is 2^255 - 19; the lowest byte is the first.
    const bool below_prime = ordinate.front() < 0xed || ordinate.back() != 0x7f ||
                             std::any_of(ordinate.begin() + 1, ordinate.end() - 1,
                                         [](auto byte) { return byte != 0xff; });
    if (!below_prime) throw ConfigError("the Ed25519 key is not canonical");
}

void check_p256(EVP_PKEY* key) {
    std::array<char, 64> group{};
    std::size_t size = 0;
    int explicit_group = 0;
    const bool on_p256 =
        EVP_PKEY_is_a(key, "EC") == 1 &&
        EVP_PKEY_get_group_name(key, group.data(), group.size(), &size) == 1 &&
        std::string_view(group.data(), size) == SN_X9_62_prime256v1 &&
        // A curve with explicit parameters could have another generator.
        EVP_PKEY_get_int_param(key, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS,
                               &explicit_group) == 1 &&
        explicit_group == 0;
    if (!on_p256) throw ConfigError("the secret is not a P-256 key");
    const KeyContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr));
    require(context != nullptr, "check a key");
    if (EVP_PKEY_public_check(context.get()) != 1) {
        throw ConfigError("the P-256 key is not a point of its curve");
    }
}

Number rsa_number(const EVP_PKEY* key, const char* name) {
    BIGNUM* number = nullptr;
    require(EVP_PKEY_get_bn_param(key, name, &number) == 1, "read an RSA key");
    return Number(number);
}

void check_rsa(const EVP_PKEY* key) {
    if (EVP_PKEY_is_a(key, "RSA") != 1) throw ConfigError("the secret is not an RSA key");
    const int bits = EVP_PKEY_get_bits(key);
    const std::string length = "the RSA key is " + std::to_string(bits) + " bits long, at ";
    if (bits < kShortestRsaKey) {
        throw ConfigError(length + "least " + std::to_string(kShortestRsaKey) + " are safe");
    }
    if (bits > kLongestRsaKey) {
        throw ConfigError(length + "most " + std::to_string(kLongestRsaKey) + " are taken");
    }
    const Number modulus = rsa_number(key, OSSL_PKEY_PARAM_RSA_N);
    if (BN_is_odd(modulus.get()) == 0) throw ConfigError("the RSA key's modulus is even");
    // With an exponent of 1, every text is its own signature.
    const Number exponent = rsa_number(key, OSSL_PKEY_PARAM_RSA_E);
    if (BN_is_odd(exponent.get()) == 0 || BN_is_one(exponent.get()) ||
        BN_num_bits(exponent.get()) > kLongestRsaExponent) {
        throw ConfigError("the RSA key's exponent is not an odd number between 3 and 2^64");
    }
}

void check_key(Algorithm algorithm, EVP_PKEY* key) {
    switch (algorithm) {
        case Algorithm::ed25519:
            return check_ed25519(key);
        case Algorithm::ecdsa_p256:
            return check_p256(key);
        case Algorithm::rsa:
            return check_rsa(key);
        default:
            throw CryptoError("the algorithm has no public keys");
    }
}

bool holds_public_pem(std::string_view text) {
    constexpr std::string_view kBegin = "-----BEGIN ";
    for (std::size_t start = text.find(kBegin); start != std::string_view::npos;
         start = text.find(kBegin, start)) {
        start += kBegin.size();
        const std::string_view label = text.substr(start, text.find("-----", start) - start);
        if (label.find("PUBLIC KEY") != std::string_view::npos) return true;
        if (label.find("CERTIFICATE") != std::string_view::npos) return true;
    }
    return false;
}

bool is_public_jwk(std::string_view text) {
    if (text.find('{') == std::string_view::npos) return false;
    JsonDocument reader;
    if (!reader.parse_copy(text)) return false;
    const auto is_public = [&reader](const std::string& jwk) {
        const auto type = reader.first_value_at(jwk + "/kty");
        return type && type != "oct" && !reader.has(jwk + "/d");
    };
    if (is_public("")) return true;
    const std::size_t keys = std::min(reader.array_size_at("/keys").value_or(0), kMostKeysOfSet);
    for (std::size_t i = 0; i < keys; ++i) {
        if (is_public("/keys/" + std::to_string(i))) return true;
    }
    return false;
}

// The forms of OpenSSH, RFC 4716 and XML.
bool is_public_key_of_others(std::string_view text) {
    for (std::string_view start :
         {"ssh-ed25519 ", "ssh-rsa ", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-"}) {
        if (text.starts_with(start)) return true;
    }
    for (std::string_view mark :
         {"-- BEGIN SSH2 PUBLIC KEY", "--BEGIN PUBLIC KEY--", "<RSAKeyValue", "<ECKeyValue"}) {
        if (text.find(mark) != std::string_view::npos) return true;
    }
    return false;
}

// Trailing bytes are ignored: they would not turn a public key into a secret.
bool is_public_der(std::string_view der) {
    constexpr char kSequence = '\x30';
    if (!der.starts_with(kSequence)) return false;
    const auto size = static_cast<long>(der.size());
    const unsigned char* position = as_bytes(der);
    // Also reads keys of types that OpenSSL does not know.
    if (KeyInfo(d2i_X509_PUBKEY(nullptr, &position, size))) return true;
    position = as_bytes(der);
    return Certificate(d2i_X509(nullptr, &position, size)) != nullptr;
}

constexpr bool is_space(char character) {
    return character == ' ' || (character >= '\t' && character <= '\r');
}

// Accepts digits in lines, with or without padding, in either alphabet.
bool is_public_der_in_digits(std::string_view text) {
    std::string digits;
    for (char character : text) {
        if (is_space(character)) continue;
        digits += character == '+' ? '-' : character == '/' ? '_' : character;
    }
    for (TextEncoding encoding : {TextEncoding::base64url, TextEncoding::hex}) {
        const auto der = decode(encoding, digits);
        if (der && is_public_der(*der)) return true;
    }
    return false;
}

}  // namespace

PublicKey::PublicKey(Algorithm algorithm, KeyEncoding encoding, std::string_view text)
    : algorithm_(algorithm) {
    if (text.size() > kLongestText) throw ConfigError("the secret is too long for a public key");
    const DroppedErrors errors;
    Key key = read_key(algorithm, encoding, text);
    check_key(algorithm, key.get());
    key_.reset(key.release());
}

bool PublicKey::verify_digest(Hash hash, std::span<const std::uint8_t> digest,
                              std::span<const std::uint8_t> signature) const {
    if (algorithm_ == Algorithm::ed25519) throw CryptoError("an Ed25519 key signs no digests");
    if (digest.size() != hash_size(hash) || signature.empty()) return false;
    const DroppedErrors errors;
    const KeyContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, key_.get(), nullptr));
    require(context && EVP_PKEY_verify_init(context.get()) == 1, "start a verification");
    if (algorithm_ == Algorithm::rsa) {
        require(EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_PADDING) == 1,
                "choose PKCS #1 v1.5");
    }
    require(EVP_PKEY_CTX_set_signature_md(context.get(), openssl_hash(hash)) == 1,
            "choose a signature's hash");
    // Neither the result nor the errors distinguish a fault from a wrong signature.
    return EVP_PKEY_verify(context.get(), signature.data(), signature.size(), digest.data(),
                           digest.size()) == 1;
}

bool PublicKey::verify_message(std::string_view message,
                               std::span<const std::uint8_t> signature) const {
    if (algorithm_ != Algorithm::ed25519) throw CryptoError("only an Ed25519 key signs messages");
    if (signature.size() != kEd25519SignatureSize) return false;
    const DroppedErrors errors;
    const DigestContext context(EVP_MD_CTX_new());
    require(
        context && EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key_.get()) == 1,
        "start a verification");
    return EVP_DigestVerify(context.get(), signature.data(), signature.size(), as_bytes(message),
                            message.size()) == 1;
}

std::optional<std::string> ecdsa_der(std::span<const std::uint8_t> numbers) {
    if (numbers.size() != 2 * kCoordinateSize) return std::nullopt;
    Number first(BN_bin2bn(numbers.data(), kCoordinateSize, nullptr));
    Number second(BN_bin2bn(numbers.data() + kCoordinateSize, kCoordinateSize, nullptr));
    const Signature signature(ECDSA_SIG_new());
    require(first && second && signature, "allocate a signature");
    require(ECDSA_SIG_set0(signature.get(), first.get(), second.get()) == 1, "fill a signature");
    // The signature owns them now.
    static_cast<void>(first.release());
    static_cast<void>(second.release());
    const int size = i2d_ECDSA_SIG(signature.get(), nullptr);
    require(size > 0, "write a signature");
    std::string der(static_cast<std::size_t>(size), '\0');
    auto* position = reinterpret_cast<unsigned char*>(der.data());
    require(i2d_ECDSA_SIG(signature.get(), &position) == size, "write a signature");
    return der;
}

bool is_public_key(std::string_view text) {
    const DroppedErrors errors;
    const std::size_t start = std::ranges::find_if_not(text, is_space) - text.begin();
    return text.substr(start).starts_with(kWhpkMark) || holds_public_pem(text) ||
           is_public_jwk(text) || is_public_key_of_others(text.substr(start)) ||
           is_public_der(text) || is_public_der_in_digits(text);
}

}  // namespace webhook
