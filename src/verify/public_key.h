// Public keys, and the signatures that are checked with them, all by OpenSSL.
//
// A fault of OpenSSL's throws CryptoError; a signature that is wrong, or none at all, is false.
// Nothing is left in OpenSSL's queue of errors.

#pragma once

#include <openssl/evp.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/digest.h"
#include "scheme/algorithm.h"

namespace webhook {

// The lengths, in bits, that an RSA key may have.
inline constexpr int kShortestRsaKey = 2048;
inline constexpr int kLongestRsaKey = 16384;

// Immutable.
class PublicKey {
  public:
    // For ed25519, ecdsa_p256 and rsa. Throws ConfigError where the text is no such key in this
    // encoding, or is one with which a signature can be forged (a short RSA key, an exponent of 1,
    // an Ed25519 point of small order); the message names what was expected, not the text. A raw
    // Ed25519 key (32 bytes) may be in base64, hex or whpk; every type of key in pem, spki and jwk.
    // A private key is refused, and so is more than one key.
    //
    // A certificate stands for the key in it: the user has pinned that, so that neither its dates,
    // its names nor its issuer are looked at.
    PublicKey(Algorithm algorithm, KeyEncoding encoding, std::string_view text);

    // For rsa (PKCS #1 v1.5, RFC 8017) and ecdsa_p256 (DER, RFC 3279; no other form of the same
    // numbers): whether this is the signature of a text with this digest.
    bool verify_digest(Hash hash, std::span<const std::uint8_t> digest,
                       std::span<const std::uint8_t> signature) const;

    // For ed25519 (RFC 8032).
    bool verify_message(std::string_view message, std::span<const std::uint8_t> signature) const;

  private:
    struct Free {
        void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
    };
    Algorithm algorithm_;
    std::unique_ptr<EVP_PKEY, Free> key_;
};

// The DER form of an ECDSA P-256 signature that is written as its two numbers side by side (64
// bytes; RFC 7518, section 3.4); nothing where it is not that long.
std::optional<std::string> ecdsa_der(std::span<const std::uint8_t> numbers);

// Whether a text that is to be a shared secret is a public key of any type, or a certificate:
// anyone who knows that would sign with it. Read are PEM, whpk, a JWK or a set of them, and DER, in
// base64, base64url, hex or as it is. 32 bytes without any mark could be anything: they are false,
// and so is a private key.
bool is_public_key(std::string_view text);

}  // namespace webhook
