// Making valid JSON digestible to a reader that is stricter than the standard.
//
// RFC 8259 lets a text hold numbers of any size and escapes of half a surrogate pair (`\ud83d`,
// which JavaScript writes for a cut emoji); simdjson refuses the whole text for either. Who signed
// it meant it, so that what cannot be held is made void, and the rest can be read.

#pragma once

#include <span>

namespace webhook {

// Overwrites, in place, each number that fits neither 64 bits nor a double by `null`, and each
// unpaired surrogate escape by that of U+FFFD; a byte order mark at the start becomes spaces. What
// is not valid JSON stays so.
void repair_json(std::span<char> text);

}  // namespace webhook
