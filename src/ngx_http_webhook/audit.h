// What only the complete configuration shows to be odd, or unable to work.

#pragma once

#include "ngx_http_webhook/conf.h"

namespace webhook::ngx {

// Looks at every level that was merged, once nginx has merged all modules. Warns of what is odd;
// throws ConfigError, with file and line, where nothing could work.
void audit(ngx_conf_t* cf);

}  // namespace webhook::ngx
