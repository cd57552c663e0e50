// A report as JSON: the document that docs/metrics.md describes field by field.

#pragma once

#include <string>

#include "report/report.h"

namespace webhook {

// Of the document; only additions leave it as it is.
inline constexpr std::uint64_t kReportVersion = 1;

std::string json_of(const Report& report);

}  // namespace webhook
