// The directives, which nginx.conf sets in MainConf and LocConf.

#pragma once

#include "ngx_http_webhook/ngx.h"

namespace webhook::ngx {

// The module's command table, ended by ngx_null_command.
extern ngx_command_t commands[];

}  // namespace webhook::ngx
