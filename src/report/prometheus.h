// A report in the text formats of Prometheus: 0.0.4, and OpenMetrics 1.0.
//
// https://prometheus.io/docs/instrumenting/exposition_formats/
// https://prometheus.io/docs/specs/om/open_metrics_spec/

#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "report/report.h"
#include "report/stepwise_text.h"

namespace webhook {

enum class Exposition : std::uint8_t { prometheus, openmetrics };

// The exact value of Content-Type: Prometheus refuses what it does not know.
std::string_view content_type_of(Exposition format);

// Which format the value of an `Accept` header asks for. What it asks for in vain is no error.
Exposition wanted_exposition(std::string_view accept);

// Reads the report, which must outlive it, as it is written.
std::unique_ptr<StepwiseText> metrics_of(const Report& report, Exposition format);

}  // namespace webhook
