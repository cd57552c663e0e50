// The variables $webhook_*.

#pragma once

#include "ngx_http_webhook/conf.h"

namespace webhook::ngx {

// Registers the variables with nginx.
ngx_int_t add_variables(ngx_conf_t* cf) noexcept;

// Records which expensive variables the configuration uses. Call it when the whole configuration
// was read.
void record_used_variables(ngx_http_core_main_conf_t* core, MainConf& conf);

}  // namespace webhook::ngx
