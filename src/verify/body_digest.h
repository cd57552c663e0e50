// Digests of a body in headers.

#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "scheme/scheme.h"

namespace webhook {

// Returns the text of the digest by the scheme's algorithm: the header itself, or a value in its
// list: `SHA-256=base64,unixsum=1` (RFC 3230, section 4.3.2), `sha-256=:base64:, md5=:...:` (RFC
// 9530). Returns nullopt unless the list has exactly one by this algorithm.
std::optional<std::string> digest_in_header(const DigestSource& source, std::string_view header);

}  // namespace webhook
