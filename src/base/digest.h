// Hashes and message authentication codes, all computed by OpenSSL.
//
// A fault of OpenSSL's (out of memory, an algorithm its providers do not offer) throws CryptoError.

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

// OpenSSL's own description of a hash, which lives as long as the process.
const EVP_MD* openssl_hash(Hash hash);

Sha256Digest sha256(std::string_view bytes);

// The hash of bytes that come piece by piece.
class HashStream {
  public:
    explicit HashStream(Hash hash);
    void update(std::string_view bytes);
    // The hash: a view into `output`. To be called once.
    std::span<const std::uint8_t> finish(std::span<std::uint8_t, kLargestHash> output);

  private:
    struct Free {
        void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
    };
    std::unique_ptr<EVP_MD_CTX, Free> context_;
};

// Whether both are the same bytes, in a time that depends on their length only.
bool equal_in_constant_time(std::span<const std::uint8_t> left,
                            std::span<const std::uint8_t> right);

class HmacKey;

// One HMAC (RFC 2104) being computed. Its key must outlive it.
class Hmac {
  public:
    Hmac(Hmac&&) = default;
    Hmac& operator=(Hmac&&) = delete;
    ~Hmac();

    void update(std::string_view bytes);
    // The code: a view into `output`.
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

// An HMAC key made ready once, so that a delivery pays for neither the look-up of the algorithm nor
// the hashing of the key.
class HmacKey {
  public:
    HmacKey(Hash hash, std::string_view key);

    Hash hash() const { return hash_; }
    Hmac start() const;

  private:
    friend class Hmac;

    Hash hash_;
    Hmac::Context ready_;
    // Contexts of finished computations: they hold the key already and need no allocation. They are
    // a cache only, which is why a const key may fill and empty it.
    mutable std::vector<Hmac::Context> spare_;
};

}  // namespace webhook
