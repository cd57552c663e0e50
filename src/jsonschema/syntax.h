// Where a text that should be JSON is not: simdjson says only that it is not.

#pragma once

#include <string>
#include <string_view>

namespace webhook {

// `line 3: a comma or "}" must follow, not "b"`. Empty if nothing is found.
std::string find_syntax_error(std::string_view text);

}  // namespace webhook
