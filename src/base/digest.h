// Hashes and message authentication codes, all computed by OpenSSL.
//
// Throws CryptoError if OpenSSL fails (out of memory, an algorithm its providers do not offer).

#pragma once

#include <openssl/evp.h>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.h"

namespace webhook {

struct CryptoError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// OpenSSL's description of a hash, which lives as long as the process.
const EVP_MD* openssl_hash(Hash hash);

Sha256Digest sha256(std::string_view bytes);

// Hashes bytes that arrive in pieces.
class HashStream {
  public:
    explicit HashStream(Hash hash);
    void update(std::string_view bytes);
    // Returns the hash as a view into `output`. Call it once.
    std::span<const std::uint8_t> finish(std::span<std::uint8_t, kLargestHash> output);

  private:
    struct Free {
        void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
    };
    std::unique_ptr<EVP_MD_CTX, Free> context_;
};

// Whether both hold the same bytes. The time depends on their length only.
bool equal_in_constant_time(std::span<const std::uint8_t> left,
                            std::span<const std::uint8_t> right);

class HmacKey;

// The computation of one HMAC (RFC 2104). The key must outlive it.
class Hmac {
  public:
    Hmac(Hmac&&) = default;
    Hmac& operator=(Hmac&&) = delete;
    ~Hmac();

    void update(std::string_view bytes);
    // Returns the code as a view into `output`.
    std::span<const std::uint8_t> finish(std::span<std::uint8_t, kLargestHash> output);

  private:
    friend class HmacKey;
    struct Free {
        void operator()(EVP_MAC_CTX* context) const { EVP_MAC_CTX_free(context); }
    };
    using Context = std::unique_ptr<EVP_MAC_CTX, Free>;

    Hmac(const HmacKey& key, Context context) : key_(&key), context_(std::move(context)) {}

    const HmacKey* key_;
    Context context_;
};

// An HMAC key, prepared once so that no delivery pays for the look-up of the algorithm or the
// hashing of the key.
class HmacKey {
  public:
    HmacKey(Hash hash, std::string_view key);

    Hash hash() const { return hash_; }
    Hmac start() const;

  private:
    friend class Hmac;

    Hash hash_;
    Hmac::Context ready_;
    // Contexts of finished computations, which hold the key already and need no allocation. They
    // are only a cache, so a const key may fill and empty it.
    mutable std::vector<Hmac::Context> spare_;
};

}  // namespace webhook
