// A report as one HTML page, which needs nothing else: no file, no other server.
//
// All of it can be read without script and without style. The script asks the page's own URL for
// JSON, and renews numbers in place. docs/status-page.md describes the parts.

#pragma once

#include <memory>

#include "report/report.h"
#include "report/stepwise_text.h"

namespace webhook {

// To be sent with the policy of report/page.h. Reads the report, which must outlive it, as it is
// written.
std::unique_ptr<StepwiseText> html_of(const Report& report);

}  // namespace webhook
