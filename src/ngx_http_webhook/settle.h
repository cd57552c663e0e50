// What becomes of a request's deliveries when its answer is about to leave: whether the answer may
// leave as it is, and which events are remembered.
//
// `delivery` is the request's last one, behind which the earlier ones stand.

#pragma once

#include "ngx_http_webhook/delivery.h"

namespace webhook::ngx {

// What an accepted delivery is refused for when the upstream has answered; nothing where the answer
// stands.
Objection check_answer(Delivery& delivery);

// Replaces the answer, where the gate enforces. Returns the delivery that speaks for it then.
Delivery& refuse_answer(Delivery& delivery, const Refusal& refusal);

// Commits the claims of what was accepted, and releases all others. To be called before the answer
// leaves: a sender that sees 2xx must never get its retry delivered again, and one that sees a
// failure may retry at once. Returns false where a commit takes longer.
bool settle(Delivery& delivery);

}  // namespace webhook::ngx
