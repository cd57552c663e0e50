// The secrets that a location's deliveries may be signed with, prepared before any arrives.

#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "base/time.h"
#include "scheme/scheme.h"
#include "verify/public_key.h"

namespace webhook {

// A secret shorter than this, in bytes, can be guessed.
inline constexpr std::size_t kShortestSafeSecret = 16;

// The key in the form that its scheme verifies with. Immutable; copies share the key.
class SigningKey {
  public:
    // `secret` is the text that the user gave. Throws ConfigError if it is empty, does not decode
    // as the scheme's `key` says, or is a public key although a shared secret is wanted. The
    // message does not contain the secret.
    SigningKey(const Scheme& scheme, std::string_view secret);

    // Whether an attacker can find it by guessing.
    bool is_short() const { return public_ == nullptr && size_ < kShortestSafeSecret; }
    // Whether it was taken as text although its scheme's secrets are base64.
    bool is_text_instead() const { return is_text_instead_; }
    // The length of the decoded key, in bytes.
    std::size_t size() const { return size_; }

    // For the HMAC algorithms; the second one for those of a JWT.
    Hmac start_hmac() const { return hmacs_.front()->start(); }
    Hmac start_hmac(Hash hash) const;

    // For the algorithms with a public key.
    const PublicKey& public_key() const { return *public_; }

    // For `sha256`: what `{secret}` stands for.
    std::string_view text() const { return *text_; }

    // For `token` and `basic`: whether this is the secret. The time reveals neither content nor
    // length.
    bool is_token(std::string_view presented) const;

  private:
    void take_shared_secret(const Scheme& scheme, const std::string& key);

    std::size_t size_ = 0;
    bool is_text_instead_ = false;
    std::vector<std::shared_ptr<const HmacKey>> hmacs_;
    std::shared_ptr<const PublicKey> public_;
    std::shared_ptr<const std::string> text_;
    Sha256Digest token_digest_{};
};

struct SigningSecret {
    // The value of `$webhook_secret_id`.
    std::string id;
    // From this time on, the secret matches no signature.
    std::optional<Milliseconds> not_after;
    SigningKey key;
    // Its place among the location's secrets, counted from 0.
    std::size_t index = 0;
    // The `kid` of a key of a set. Empty: it has none.
    std::string kid = {};

    bool usable(Milliseconds now) const { return !not_after || now < *not_after; }
};

}  // namespace webhook
