// Whether the value of a keyword is what the keyword takes.

#pragma once

#include <string>

#include "jsonschema/keywords.h"
#include "jsonschema/number.h"

namespace webhook {

// What is wrong, and at which JSON pointer below the schema; an empty message is nothing.
struct ShapeError {
    std::string pointer;
    std::string message;
};

// What a value is, in a message: `a boolean`, `the string "5"`.
std::string described(const DocumentValue& value);

// The subschemas in the value are looked at by themselves.
ShapeError check_shape(const KeywordRow& row, Draft draft, const DocumentValue& value);

}  // namespace webhook
