// The rule for an object's members: all keywords about them in one, so that a value's members are
// walked once.

#pragma once

#include "jsonschema/node_context.h"
#include "jsonschema/schema.h"

namespace webhook {

// Nullopt if the subschema has no such keyword.
std::optional<ObjectRule> compile_object_rule(const NodeContext& context);

}  // namespace webhook
