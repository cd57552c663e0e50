// The properties of code points that ECMA-262 knows in `\p{...}`. The Unicode data is that of the
// PCRE2 library.

#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "jsonschema/code_points.h"

namespace webhook {

// Returns what stands between the braces of `\p{...}` in PCRE2's notation, for what stands there in
// ECMA-262's: `Letter`, `gc=Lu`, `Script=Greek`, `scx=Grek`, `Alphabetic`. Returns nullopt for what
// is no property. The names of scripts are only looked at for their form.
std::optional<std::string> find_property(std::string_view text);

// The code points that have a property that find_property() returned. It takes some milliseconds
// the first time that a thread asks for a property. Throws ConfigError if the library does not know
// it.
const CodePointSet& property_set(const std::string& property);

}  // namespace webhook
