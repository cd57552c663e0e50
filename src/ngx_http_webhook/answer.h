// The response to a decided delivery, and its log line.

#pragma once

#include "ngx_http_webhook/delivery.h"

namespace webhook::ngx {

// Sets the verdict, writes the log line if the delivery is not accepted, and captures it if it is
// refused.
void decide(Delivery& delivery, const Refusal& refusal);

// What the phase handler returns for a decided delivery: NGX_DECLINED lets it through.
ngx_int_t respond(Delivery& delivery);

// Replaces the upstream's response, whose headers have arrived, with that of a refusal. The
// upstream's body is not sent, and no error_page may redirect the request.
void replace_answer(Delivery& delivery);

// Logs, once per request, that a delivery that was refused, or accepted by another gate, is not
// passed to this location.
void report_detour(Delivery& delivery, const ngx_http_request_t* request);

// Adds `Webhook-Reason` and the other headers of a rejection. Throws std::bad_alloc.
void add_headers(const Delivery& delivery);

}  // namespace webhook::ngx
