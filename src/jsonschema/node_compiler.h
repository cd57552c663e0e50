// Compiles one subschema to one node.

#pragma once

#include "jsonschema/node_context.h"
#include "jsonschema/schema.h"

namespace webhook {

// Throws ConfigError if the subschema is wrong. May add places to the references, which are then to
// be compiled too.
SchemaNode compile_node(Compilation& shared, NodeIndex index);

}  // namespace webhook
