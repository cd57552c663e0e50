// Sets of public keys (JWK Set, RFC 7517, section 5), of which a token names one.

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "scheme/scheme.h"
#include "verify/signing_key.h"

namespace webhook {

// A larger set is refused: a token that names no key is tried with each key.
inline constexpr std::size_t kMostKeysOfFile = 32;

struct KeyOfSet {
    // Empty: the set gives none.
    std::string kid;
    SigningKey key;
};

struct SkippedKey {
    // With its `kid`, or its position in the set.
    std::string why;
    // The key is of another kind or purpose, as sets also hold, and not faulty.
    bool is_for_others;
};

struct KeySet {
    std::vector<KeyOfSet> keys;
    // The keys that the scheme cannot use.
    std::vector<SkippedKey> skipped;
};

// Whether the text is a JSON object with the member `keys`.
bool is_key_set(std::string_view text);

// Throws ConfigError if the text is not a set, has a private or shared key, no key that the scheme
// can use (with the reasons), or too many keys. Messages contain nothing of it but a `kid`.
KeySet parse_key_set(const Scheme& scheme, std::string_view text);

}  // namespace webhook
