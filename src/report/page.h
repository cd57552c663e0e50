// What never varies of the page that shows a report: its script, its style, and the policy that
// lets a browser run nothing else.

#pragma once

#include <string_view>

namespace webhook {

std::string_view page_script();
std::string_view page_style();

// The value of `Content-Security-Policy`. It names script and style by their hashes.
std::string_view content_security_policy();

}  // namespace webhook
