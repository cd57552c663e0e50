// Public keys, and the verification of signatures with them, all by OpenSSL.
//
// Throws CryptoError if OpenSSL fails. A wrong or malformed signature yields false. OpenSSL's error
// queue is left empty.

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
    // For ed25519, ecdsa_p256 and rsa. Throws ConfigError if the text is not such a key in this
    // encoding, or is one that allows forged signatures (a short RSA key, an exponent of 1, an
    // Ed25519 point of small order). The message says what was expected and does not contain the
    // text. A raw Ed25519 key (32 bytes) may be in base64, hex or whpk; every type of key in pem,
    // spki and jwk. A private key, or more than one key, is refused.
    //
    // A certificate stands for its key: the user has pinned that, so its dates, names and issuer
    // are not checked.
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

// Returns the DER form of an ECDSA P-256 signature given as its two concatenated numbers (64 bytes;
// RFC 7518, section 3.4), or nullopt if it has another length.
std::optional<std::string> ecdsa_der(std::span<const std::uint8_t> numbers);

// Whether a text given as a shared secret is a public key of any type, or a certificate: anyone
// that knows the key could sign with it. It reads PEM, whpk, a JWK or a set of them, and DER, in
// base64, base64url, hex or raw. False for 32 bytes without any mark, which could be anything, and
// for a private key.
bool is_public_key(std::string_view text);

}  // namespace webhook
