// Sets of public keys (JWK Set, RFC 7517, section 5), of which a token names one.

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "scheme/scheme.h"
#include "verify/signing_key.h"

namespace webhook {

// A set of more keys is none: a token that names no key is tried with each.
inline constexpr std::size_t kMostKeysOfFile = 32;

struct KeyOfSet {
    // Empty: the set names none.
    std::string kid;
    SigningKey key;
};

struct SkippedKey {
    // With its `kid`, or where it stands in the set.
    std::string why;
    // A key of another kind or purpose, as sets hold them for others: not one that went wrong.
    bool is_for_others;
};

struct KeySet {
    std::vector<KeyOfSet> keys;
    // Those that are of no use to the scheme.
    std::vector<SkippedKey> skipped;
};

// Whether the text is a JSON object with the member `keys`.
bool is_key_set(std::string_view text);

// Throws ConfigError where the text is no set, holds a private or shared key, none that the scheme
// can use (with the reasons), or too many. Messages name no more of it than a `kid`.
KeySet parse_key_set(const Scheme& scheme, std::string_view text);

}  // namespace webhook
