#include "base/digest.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/params.h>

#include <utility>

namespace webhook {
namespace {

constexpr std::size_t kSpareContexts = 16;

[[noreturn]] void fail(const char* what) {
    throw CryptoError(std::string("OpenSSL failed to ") + what);
}

void require(bool succeeded, const char* what) {
    if (!succeeded) fail(what);
}

const char* openssl_name(Hash hash) {
    switch (hash) {
        case Hash::sha1:
            return "SHA1";
        case Hash::sha256:
            return "SHA256";
        case Hash::sha384:
            return "SHA384";
        case Hash::sha512:
            return "SHA512";
    }
    throw CryptoError("unknown hash");
}

}  // namespace

// Fetched once: a fetch for each digest costs more than the digest of a short text.
const EVP_MD* openssl_hash(Hash hash) {
    static std::array<EVP_MD*, kHashCount> methods{};
    EVP_MD*& method = methods.at(static_cast<std::size_t>(hash));
    if (method == nullptr) method = EVP_MD_fetch(nullptr, openssl_name(hash), nullptr);
    require(method != nullptr, "find a hash");
    return method;
}

std::size_t hash_size(Hash hash) {
    switch (hash) {
        case Hash::sha1:
            return 20;
        case Hash::sha256:
            return 32;
        case Hash::sha384:
            return 48;
        case Hash::sha512:
            return 64;
    }
    throw CryptoError("unknown hash");
}

std::optional<Hash> find_hash(std::string_view name) {
    if (name == "sha1") return Hash::sha1;
    if (name == "sha256") return Hash::sha256;
    if (name == "sha384") return Hash::sha384;
    if (name == "sha512") return Hash::sha512;
    return std::nullopt;
}

// The context is kept: creating one takes half as long as hashing a short text.
Sha256Digest sha256(std::string_view bytes) {
    thread_local EVP_MD_CTX* context = nullptr;
    if (context == nullptr) context = EVP_MD_CTX_new();
    Sha256Digest digest;
    require(context != nullptr &&
                EVP_DigestInit_ex(context, openssl_hash(Hash::sha256), nullptr) == 1 &&
                EVP_DigestUpdate(context, bytes.data(), bytes.size()) == 1 &&
                EVP_DigestFinal_ex(context, digest.data(), nullptr) == 1,
            "hash");
    return digest;
}

HashStream::HashStream(Hash hash) : context_(EVP_MD_CTX_new()) {
    require(context_ != nullptr, "allocate a hash");
    require(EVP_DigestInit_ex(context_.get(), openssl_hash(hash), nullptr) == 1, "start a hash");
}

void HashStream::update(std::string_view bytes) {
    require(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1, "hash");
}

std::span<const std::uint8_t> HashStream::finish(std::span<std::uint8_t, kLargestHash> output) {
    unsigned size = 0;
    require(EVP_DigestFinal_ex(context_.get(), output.data(), &size) == 1, "finish a hash");
    return output.first(size);
}

bool equal_in_constant_time(std::span<const std::uint8_t> left,
                            std::span<const std::uint8_t> right) {
    return left.size() == right.size() &&
           CRYPTO_memcmp(left.data(), right.data(), left.size()) == 0;
}

Hmac::~Hmac() {
    if (context_ && key_->spare_.size() < kSpareContexts) {
        key_->spare_.push_back(std::move(context_));
    }
}

void Hmac::update(std::string_view bytes) {
    require(EVP_MAC_update(context_.get(), reinterpret_cast<const unsigned char*>(bytes.data()),
                           bytes.size()) == 1,
            "authenticate");
}

std::span<const std::uint8_t> Hmac::finish(std::span<std::uint8_t, kLargestHash> output) {
    std::size_t size = 0;
    require(EVP_MAC_final(context_.get(), output.data(), &size, output.size()) == 1,
            "finish an authentication code");
    return output.first(size);
}

HmacKey::HmacKey(Hash hash, std::string_view key) : hash_(hash) {
    EVP_MAC* const method = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
    require(method != nullptr, "find HMAC");
    ready_.reset(EVP_MAC_CTX_new(method));
    EVP_MAC_free(method);  // the context holds a reference of its own
    require(ready_ != nullptr, "allocate an authentication code");
    const OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST,
                                         const_cast<char*>(openssl_name(hash)), 0),
        OSSL_PARAM_construct_end(),
    };
    require(EVP_MAC_init(ready_.get(), reinterpret_cast<const unsigned char*>(key.data()),
                         key.size(), parameters) == 1,
            "take an HMAC key");
    // A destructor returns contexts, which must not allocate.
    spare_.reserve(kSpareContexts);
}

Hmac HmacKey::start() const {
    Hmac::Context context;
    if (spare_.empty()) {
        context.reset(EVP_MAC_CTX_dup(ready_.get()));
    } else {
        context = std::move(spare_.back());
        spare_.pop_back();
    }
    require(context != nullptr, "allocate an authentication code");
    // Without a key, the one that the context holds is used again.
    require(EVP_MAC_init(context.get(), nullptr, 0, nullptr) == 1, "start an authentication code");
    return Hmac(*this, std::move(context));
}

}  // namespace webhook
