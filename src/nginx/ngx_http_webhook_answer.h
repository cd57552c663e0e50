// What a decided delivery is told, and what is written about it.

#pragma once

#include "nginx/ngx_http_webhook_delivery.h"

namespace webhook::ngx {

// Fixes the verdict and writes the one log line where the delivery is not accepted.
void decide(Delivery& delivery, const Refusal& refusal);

// What the phase handler returns for a decided delivery: NGX_DECLINED lets it through.
ngx_int_t answer(Delivery& delivery);

// `Webhook-Reason` and what else a rejection carries. Throws std::bad_alloc.
void add_headers(const Delivery& delivery);

}  // namespace webhook::ngx
