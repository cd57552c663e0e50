// Text in UTF-8 (RFC 3629).

#pragma once

#include <string>
#include <string_view>

namespace webhook {

// Whether the bytes are UTF-8, without overlong sequences, surrogates and code points beyond
// U+10FFFF.
bool is_utf8(std::string_view bytes);

// The bytes, with U+FFFD for each byte that belongs to no character.
std::string repaired_utf8(std::string_view bytes);

}  // namespace webhook
