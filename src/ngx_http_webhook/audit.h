// Checks that need the complete configuration.

#pragma once

#include "ngx_http_webhook/conf.h"

namespace webhook::ngx {

// Checks every merged level, once nginx has merged all modules. Warns of oddities, and throws
// ConfigError, with file and line, if the configuration cannot work.
void audit(ngx_conf_t* cf);

}  // namespace webhook::ngx
