// Changes valid JSON so that a parser stricter than the standard accepts it.
//
// RFC 8259 lets a text hold numbers of any size and escapes of half a surrogate pair (`\ud83d`,
// which JavaScript writes for a cut emoji); simdjson refuses the whole text for either. The sender
// signed such a text deliberately, so values that cannot be represented are replaced, and the rest
// can be read.

#pragma once

#include <span>

namespace webhook {

// Overwrites, in place, each number that fits neither 64 bits nor a double with `null`, each
// unpaired surrogate escape with that of U+FFFD, and a leading byte order mark with spaces. Invalid
// JSON stays invalid.
void repair_json(std::span<char> text);

}  // namespace webhook
