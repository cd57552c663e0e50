// Whether the text of a secret looks as if more, or something else, was copied than the secret.

#pragma once

#include <string_view>
#include <vector>

namespace webhook {

// What looks odd, as the rest of a sentence: `has white space at an end`. Empty where nothing does.
// No part of the secret is in it.
std::vector<std::string_view> oddities_of(std::string_view secret);

}  // namespace webhook
