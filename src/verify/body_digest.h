// Digests of a body as headers hold them.

#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "scheme/scheme.h"

namespace webhook {

// The text of the digest by the scheme's algorithm: the header itself, or what stands in its list:
// `SHA-256=base64,unixsum=1` (RFC 3230, section 4.3.2), `sha-256=:base64:, md5=:...:` (RFC 9530).
// Nothing where the list does not hold exactly one by this algorithm.
std::optional<std::string> digest_in_header(const DigestSource& source, std::string_view header);

}  // namespace webhook
