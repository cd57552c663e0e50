// The secrets that a location's deliveries may be signed with, made ready before any arrives.

#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "webhook/digest.h"
#include "webhook/scheme.h"
#include "webhook/timestamp.h"

namespace webhook {

// A secret shorter than this, in bytes, can be guessed.
inline constexpr std::size_t kShortSecret = 16;

// The key in the form that its scheme verifies with. Immutable; copies share the key.
class SigningKey {
  public:
    // `secret` is the text that the user gave. Throws ConfigError where it is empty or does not
    // decode as the scheme's `key` says; the message does not repeat it.
    SigningKey(const Scheme& scheme, std::string_view secret);

    // The length of the decoded key, in bytes.
    std::size_t size() const { return size_; }

    // For the HMAC algorithms.
    Hmac start_hmac() const { return hmac_->start(); }

    // For `token`: whether this is the secret, in a time that tells neither content nor length.
    bool is_token(std::string_view presented) const;

  private:
    std::size_t size_;
    std::shared_ptr<const HmacKey> hmac_;
    Sha256Digest token_digest_{};
};

struct SigningSecret {
    // What `$webhook_secret_id` reports.
    std::string id;
    // From this time on the secret matches nothing.
    std::optional<Milliseconds> not_after;
    SigningKey key;

    bool usable(Milliseconds now) const { return !not_after || now < *not_after; }
};

}  // namespace webhook
