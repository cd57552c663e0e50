// A report as JSON: the document that docs/metrics.md describes field by field.

#pragma once

#include <cstdint>
#include <memory>

#include "report/report.h"
#include "report/stepwise_text.h"

namespace webhook {

// Of the document; only additions leave it as it is.
inline constexpr std::uint64_t kReportVersion = 1;

// Reads the report, which must outlive it, as it is written.
std::unique_ptr<StepwiseText> json_of(const Report& report);

}  // namespace webhook
