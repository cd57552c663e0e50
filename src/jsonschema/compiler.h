// Compiles a JSON Schema (draft 2020-12 or 7) for the validator.

#pragma once

#include <memory>
#include <string>
#include <vector>

#include "jsonschema/files.h"
#include "jsonschema/schema.h"

namespace webhook {

// More warnings of one schema are counted, but not listed.
inline constexpr std::size_t kMostSchemaWarnings = 20;

// Reads the schema at `path`, and the files below its directory that it refers to. Adds to
// `warnings` what is no error, and yet hardly meant. Throws ConfigError, with file, JSON pointer,
// what is wrong and what is allowed:
// `schema "/etc/nginx/a.json" at "/properties/id/minimum": must be a number, not a string`.
std::shared_ptr<const Schema> compile_schema(const std::string& path, SchemaFiles& files,
                                             std::vector<std::string>& warnings);

}  // namespace webhook
