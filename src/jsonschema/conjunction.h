// Small subschemas of `allOf`, made part of the schema that has them: a value then meets their
// rules, in the same order and at the same cost, without a subschema around each.

#pragma once

#include <cstddef>

#include "jsonschema/schema.h"

namespace webhook {

// The most that a subschema has for its rules to be taken over, so that no chain of `allOf` within
// `allOf` copies a rule many times.
inline constexpr std::size_t kMostRulesTakenOver = 8;

// Changes no verdict and no violation. The subschemas stay for the references that lead to them.
void take_over_conjuncts(Schema& schema);

}  // namespace webhook
