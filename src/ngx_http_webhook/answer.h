// What a decided delivery is told, and what is written about it.

#pragma once

#include "ngx_http_webhook/delivery.h"

namespace webhook::ngx {

// Fixes the verdict and writes the one log line where the delivery is not accepted.
void decide(Delivery& delivery, const Refusal& refusal);

// What the phase handler returns for a decided delivery: NGX_DECLINED lets it through.
ngx_int_t respond(Delivery& delivery);

// Puts the answer to what was just refused in the place of the upstream's, whose headers have come.
// Its body is not sent; no error_page may lead the request anywhere.
void replace_answer(Delivery& delivery);

// Writes, once for each request, that what was refused, or accepted by another gate, is not handed
// on to this location.
void report_detour(Delivery& delivery, const ngx_http_request_t* request);

// `Webhook-Reason` and what else a rejection carries. Throws std::bad_alloc.
void add_headers(const Delivery& delivery);

}  // namespace webhook::ngx
