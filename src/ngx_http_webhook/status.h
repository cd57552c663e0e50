// The content handler of `webhook_status`: a report of all gates, by any worker.

#pragma once

#include "ngx_http_webhook/ngx.h"

namespace webhook::ngx {

ngx_int_t on_status(ngx_http_request_t* request) noexcept;

}  // namespace webhook::ngx
