// The files of `webhook_schema`.

#pragma once

#include "ngx_http_webhook/ngx.h"

#include <memory>
#include <string>

#include "jsonschema/schema.h"
#include "jsonschema/validator.h"

namespace webhook::ngx {

// Reads and compiles a schema, once for each file of a configuration, so that gates with the same
// file are the same gate. Its warnings are remarks on `place`. Throws ConfigError.
std::shared_ptr<const Schema> find_schema(ngx_conf_t* cf, const std::string& path,
                                          const ConfigPosition& place);

// The process's only validator. It keeps no result.
SchemaValidator& schema_validator();

}  // namespace webhook::ngx
