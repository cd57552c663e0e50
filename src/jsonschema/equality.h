// Equality of JSON values as JSON Schema has it: numbers by value, strings by code point, members
// in any order.

#pragma once

#include <cstdint>

#include "jsonschema/number.h"
#include "jsonschema/steps.h"

namespace webhook {

// Values that are nested more deeply are not compared: the steps are exhausted then.
inline constexpr std::uint32_t kDeepestEquality = 1000;

// If the steps are exhausted, the result says nothing.

// The same for equal values. Different values have different hashes, with few exceptions.
std::uint64_t hash_of(const DocumentValue& value, std::uint64_t seed, Steps& steps);

// Charges for the text of a number that was read, which may be long.
bool take_for(const JsonNumber& number, Steps& steps);

// Objects must not repeat a name.
bool equal(const DocumentValue& left, const DocumentValue& right, Steps& steps);

}  // namespace webhook
