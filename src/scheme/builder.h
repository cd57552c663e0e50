// A scheme out of the statements of the scheme language.

#pragma once

#include <span>
#include <string_view>

#include "scheme/scheme.h"
#include "scheme/statements.h"

namespace webhook {

// The scheme that a text of statements (statements.h) describes. Throws SchemeTextError where a
// line is to blame, and ConfigError where something is missing.
Scheme parse_scheme(std::string_view name, std::string_view text);

// The same of statements; `name` is what messages and `$webhook_scheme` call it.
Scheme build_scheme(std::string_view name, std::span<const Statement> statements);

}  // namespace webhook
