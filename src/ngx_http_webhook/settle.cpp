#include "ngx_http_webhook/settle.h"

#include "ngx_http_webhook/answer.h"

namespace webhook::ngx {
namespace {

// The upstream's responses so far count for every delivery of the request.
void look_at_upstreams(Delivery& delivery) {
    for (Delivery* each = &delivery; each != nullptr; each = each->earlier) {
        each->upstreams.look(delivery.request);
    }
}

// A gate in monitor mode does not decide for an earlier one.
Delivery* youngest_accepted(Delivery& delivery) {
    Delivery* found = nullptr;
    for (Delivery* each = &delivery; each != nullptr; each = each->earlier) {
        if (each->verdict != Verdict::accepted) continue;
        if (!each->conf.monitors()) return each;
        if (found == nullptr) found = each;
    }
    return found;
}

bool any_refused(const Delivery& delivery) {
    const Delivery* each = &delivery;
    while (each != nullptr && each->passes()) each = each->earlier;
    return each != nullptr;
}

}  // namespace

Objection check_answer(Delivery& delivery) {
    const ngx_http_request_t* request = delivery.request;
    if (!delivery.passes() || youngest_accepted(delivery) == nullptr) return std::nullopt;
    if (answers_badly(request)) return Reason::bad_answer;
    // A page for an error has the status that an error_page gives it.
    const bool success = request->err_status == 0 ? is_success(request->headers_out.status)
                                                  : delivery.upstreams.is_nginx_success(request);
    if (!success) return std::nullopt;
    bool had_bad_answer = false;
    bool refusal_is_hidden = false;
    look_at_upstreams(delivery);
    for (Delivery* each = &delivery; each != nullptr; each = each->earlier) {
        if (each->upstreams.accepted_status() != 0) return std::nullopt;
        had_bad_answer |= each->upstreams.had_bad_answer();
        refusal_is_hidden |= each->upstreams.refusal_is_hidden(request);
    }
    if (had_bad_answer) return Reason::bad_answer;
    if (is_from_cache(request)) return Reason::cached;
    return refusal_is_hidden ? Objection(Reason::bad_answer) : std::nullopt;
}

Delivery& refuse_answer(Delivery& delivery, const Refusal& refusal) {
    // Done before the response is replaced.
    look_at_upstreams(delivery);
    Delivery& accepted = *youngest_accepted(delivery);
    decide(accepted, refusal);
    if (!accepted.passes()) replace_answer(accepted);
    return accepted;
}

bool settle(Delivery& delivery) {
    const bool refused = any_refused(delivery);
    look_at_upstreams(delivery);
    for (Delivery* each = &delivery; each != nullptr; each = each->earlier) {
        if (!each->claim.held()) continue;
        each->commit(each->upstreams.status_to_remember(delivery.request, refused));
    }
    // Deliveries of one request share claims, so no release may come before a commit.
    for (Delivery* each = &delivery; each != nullptr; each = each->earlier) each->claim.release();
    return !delivery.any_is_committing();
}

}  // namespace webhook::ngx
