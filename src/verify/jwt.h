// JSON Web Tokens in the compact form (RFC 7515, RFC 7519).

#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/json_document.h"
#include "scheme/scheme.h"

namespace webhook {

struct Jwt {
    JwtAlgorithm algorithm;
    // The id of the key that it claims to be signed with.
    std::optional<std::string> kid;
    // The signed text: a view into the token.
    std::string_view signed_text;
    std::string signature;
    // The claims, as JSON text.
    std::string claims;
};

// Parses a token without verifying it. Returns nullopt if it is not three parts of unpadded
// base64url, or if its header is not a JSON object, asks for extensions (`crit`), or names an
// algorithm that is not in `pinned`. Overwrites the text of `reader`.
std::optional<Jwt> parse_jwt(std::string_view token, std::span<const JwtAlgorithm> pinned,
                             JsonDocument& reader);

// The JSON pointer to a member of this name.
std::string pointer_to(std::string_view member);

}  // namespace webhook
