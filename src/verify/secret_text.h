// Detects a secret whose text looks as if more, or something else, than the secret was copied.

#pragma once

#include <string_view>
#include <vector>

namespace webhook {

// Returns the oddities, as the rest of a sentence: `has white space at an end`. Empty if there are
// none. The texts contain no part of the secret.
std::vector<std::string_view> oddities_of(std::string_view secret);

}  // namespace webhook
