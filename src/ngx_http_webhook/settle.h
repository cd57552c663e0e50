// Settles a request's deliveries before its response is sent: whether the response may be sent as
// it is, and which events are remembered.
//
// `delivery` is the request's last one, which links to the earlier ones.

#pragma once

#include "ngx_http_webhook/delivery.h"

namespace webhook::ngx {

// Returns why an accepted delivery is refused after the upstream's response, or nothing if the
// response stands.
Objection check_answer(Delivery& delivery);

// Replaces the response, if the gate enforces. Returns the delivery that it is then about.
Delivery& refuse_answer(Delivery& delivery, const Refusal& refusal);

// Commits the claims of accepted deliveries and releases all others. Call it before the response is
// sent: after a 2xx, the sender's retry must never be delivered again, and after a failure, the
// sender may retry at once. Returns false if a commit completes later.
bool settle(Delivery& delivery);

}  // namespace webhook::ngx
