// The one line of the error log for a verdict, and the list of recent refusals.

#pragma once

#include "ngx_http_webhook/ngx.h"

#include "ngx_http_webhook/delivery.h"
#include "verify/cause.h"

namespace webhook::ngx {

// The level of lines about the delivery.
ngx_uint_t log_level_of(const Delivery& delivery);

// Logs the verdict of a delivery that is decided. Lines with the same endpoint, verdict, reason and
// source are written once in a second; the next one tells how many there were.
void log_verdict(const Delivery& delivery, const Cause& cause);

// Tells of the lines that were left out. Call it before the process exits, and when another
// configuration comes into force.
void flush_verdict_log() noexcept;

}  // namespace webhook::ngx
