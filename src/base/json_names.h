// Names that an object of a JSON text has more than once. RFC 8259 leaves open what they mean:
// readers take the first value, the last one, or refuse the text.

#pragma once

#include <string_view>

#include "base/json_value.h"

namespace webhook {

// Whether two members of the object have the same name; false for any other value. It looks at this
// object only. The time is n log n for n members, whatever their names are.
bool object_repeats_a_name(const JsonValue& object);

// Whether an object that leads to a pointer's value repeats any of its names.
bool repeats_a_name_above(const JsonValue& root, std::string_view pointer);

}  // namespace webhook
