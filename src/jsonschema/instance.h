// A value of the payload while it is validated, and the way to it.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "jsonschema/number.h"
#include "jsonschema/schema.h"

namespace webhook {

enum class ValueKind : std::uint8_t { null, boolean, integer, number, string, array, object };

// A link of the chain from the value up to the root. Each is on the stack of its validation.
struct Instance {
    JsonValue value;
    ValueKind kind;
    const Instance* parent = nullptr;
    // The name, if the parent is an object.
    std::string_view name{};
    std::size_t index = 0;
};

inline ValueKind value_kind_of(const DocumentValue& value) {
    switch (value.value.kind()) {
        case JsonKind::null:
            return value.document.is_replaced_number(value.value) ? ValueKind::number
                                                                  : ValueKind::null;
        case JsonKind::boolean:
            return ValueKind::boolean;
        case JsonKind::integer:
        case JsonKind::large_integer:
            return ValueKind::integer;
        case JsonKind::fraction:
            return ValueKind::number;
        case JsonKind::string:
            return ValueKind::string;
        case JsonKind::array:
            return ValueKind::array;
        case JsonKind::object:
            break;
    }
    return ValueKind::object;
}

// The JSON pointer of the instance.
std::string pointer_of(const Instance& instance);

// The length of a pointer in a log, in bytes.
inline constexpr std::size_t kLongestShownPointer = 250;

// A pointer as a log may show it: without control characters, and no longer than
// kLongestShownPointer.
std::string shown_pointer(std::string_view pointer);

}  // namespace webhook
