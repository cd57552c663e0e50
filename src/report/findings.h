// What in a report needs somebody's attention, in words.
//
// Judged by totals and times alone: what needs rates is for the rules of a monitoring system.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "report/report.h"

namespace webhook {

enum class Health : std::uint8_t { ok, attention, failing };

std::string_view name_of(Health health);

struct Finding {
    // A word for programs, and the anchor of its section in docs/troubleshooting.md.
    std::string_view code;
    // `ok`: a note about something that is all right.
    Health health;
    // Empty: it is about no endpoint.
    std::string endpoint;
    // One sentence, or two.
    std::string text;
};

// The worst first.
std::vector<Finding> findings_of(const Report& report);

Health health_of(const std::vector<Finding>& findings);

// The state of all in one sentence, without its full stop.
std::string summary_of(const Report& report, const std::vector<Finding>& findings);

}  // namespace webhook
