// The sender's endpoint verification, answered at the edge.
//
// A handshake that the sender signs is answered only after its signature was verified. One that it
// does not sign is answered as soon as it is recognised: by its headers and query, or by its body.

#pragma once

#include "ngx_http_webhook/ngx.h"

#include <optional>

#include "ngx_http_webhook/delivery.h"
#include "ngx_http_webhook/payload.h"

namespace webhook::ngx {

// Whether the request can be a handshake that this location answers, as far as this is known before
// its body is. Its headers have to be collected.
bool may_be_handshake(const Delivery& delivery);

// Whether only the body can show that it is one, and the sender does not sign it.
bool may_be_unsigned_handshake_in_body(const Delivery& delivery);

// Whether it can be one that its sender does not sign, where the location answers none.
bool may_be_unanswered_handshake(const Delivery& delivery);

// What becomes of the request as a handshake, with its answer put into the delivery; nothing where
// it is none.
Objection check_handshake_before_body(Delivery& delivery);
Objection check_unsigned_handshake(Delivery& delivery, Payload& payload);
Objection check_verified_handshake(Delivery& delivery, Payload& payload);

}  // namespace webhook::ngx
