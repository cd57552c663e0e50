// The variables $webhook_*.

#pragma once

#include "ngx_http_webhook/conf.h"

namespace webhook::ngx {

// Makes the variables known to nginx.
ngx_int_t add_variables(ngx_conf_t* cf) noexcept;

// Notes which of the variables that cost something to find the configuration uses. To be called
// when all of it was read.
void record_used_variables(ngx_http_core_main_conf_t* core, MainConf& conf);

}  // namespace webhook::ngx
