// Whether each reference leads to another place of the payload before it leads back to itself.

#pragma once

#include "jsonschema/references.h"
#include "jsonschema/schema.h"

namespace webhook {

// Throws ConfigError if subschemas refer to each other in a circle for one and the same value.
// Where a `$dynamicRef` leads is known only to the validator, which bounds its depth.
void check_progress(const Schema& schema, const SchemaReferences& references);

}  // namespace webhook
