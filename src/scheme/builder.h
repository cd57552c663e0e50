// Builds a scheme from the statements of the scheme language.

#pragma once

#include <span>
#include <string_view>

#include "scheme/scheme.h"
#include "scheme/statements.h"

namespace webhook {

// Builds the scheme that a text of statements (statements.h) describes. Throws SchemeTextError if a
// line is wrong, and ConfigError if something is missing.
Scheme parse_scheme(std::string_view name, std::string_view text);

// The same from statements. `name` is its name in messages and `$webhook_scheme`.
Scheme build_scheme(std::string_view name, std::span<const Statement> statements);

}  // namespace webhook
