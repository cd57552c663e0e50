// Which of two formats a client wants (RFC 9110, section 12.5.1).

#pragma once

#include <string_view>

namespace webhook {

// Whether a client with this value of `Accept` wants JSON rather than HTML. HTML it is where the
// value says nothing, is wrong, or has no preference.
bool wants_json(std::string_view accept);

}  // namespace webhook
