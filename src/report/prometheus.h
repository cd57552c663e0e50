// A report in the text formats of Prometheus: 0.0.4, and OpenMetrics 1.0.
//
// https://prometheus.io/docs/instrumenting/exposition_formats/
// https://prometheus.io/docs/specs/om/open_metrics_spec/

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "report/report.h"

namespace webhook {

enum class Exposition : std::uint8_t { prometheus, openmetrics };

// The exact value of Content-Type: Prometheus refuses what it does not know.
std::string_view content_type_of(Exposition format);

// Which format the value of an `Accept` header asks for. What it asks for in vain is no error.
Exposition wanted_exposition(std::string_view accept);

std::string metrics_of(const Report& report, Exposition format);

}  // namespace webhook
