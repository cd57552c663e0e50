// A report as one HTML page, which needs nothing else: no file, no other server.
//
// All of it can be read without script and without style. The script asks the page's own URL for
// JSON, and renews numbers in place. docs/status-page.md describes the parts.

#pragma once

#include <string>

#include "report/report.h"

namespace webhook {

// To be sent with the policy of report/page.h.
std::string html_of(const Report& report);

}  // namespace webhook
