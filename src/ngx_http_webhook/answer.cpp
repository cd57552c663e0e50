#include "ngx_http_webhook/answer.h"

#include <algorithm>
#include <iterator>

#include "base/text.h"
#include "base/url.h"
#include "ngx_http_webhook/capture.h"
#include "ngx_http_webhook/headers.h"
#include "ngx_http_webhook/verdict_log.h"

namespace webhook::ngx {
namespace {

ResponseOverride answer_for(const Delivery& delivery) {
    const auto& configured = delivery.conf.answers[static_cast<std::size_t>(delivery.reason)];
    if (configured) return *configured;
    if (delivery.reason == Reason::duplicate) return {delivery.first_status, nullptr};
    return {info(delivery.reason).status, nullptr};
}

// Sends as `return STATUS TEXT` does.
ngx_int_t send_text(ngx_http_request_t* request, ngx_uint_t status, const ngx_str_t& text,
                    std::string_view type = "text/plain") {
    ngx_str_t content_type = to_ngx(type);
    ngx_http_complex_value_t value{};
    value.value = text;
    // The sender asks for a delivery, not for a representation: no 304, no 412, no compression.
    request->disable_not_modified = 1;
#if (NGX_HTTP_GZIP)
    request->headers_in.accept_encoding = nullptr;
    request->gzip_tested = 1;
    request->gzip_ok = 0;
#endif
    ngx_http_finalize_request(request,
                              ngx_http_send_response(request, status, &content_type, &value));
    return NGX_DONE;
}

}  // namespace

void decide(Delivery& delivery, const Refusal& refusal) {
    delivery.stage = Stage::decided;
    delivery.reason = refusal.reason;
    delivery.verdict = verdict_of(refusal.reason, delivery.conf.monitors());
    log_verdict(delivery, refusal.cause);
    capture_refused(delivery);
}

ngx_int_t respond(Delivery& delivery) {
    if (delivery.passes()) return NGX_DECLINED;
    if (delivery.verdict == Verdict::handshake) {
        const HandshakeAnswer& answer = delivery.inspection->handshake();
        return send_text(delivery.request, answer.status, to_ngx(answer.body), answer.content_type);
    }
    const ResponseOverride answer = answer_for(delivery);
    if (answer.text != nullptr) {
        return send_text(delivery.request, answer.status, *answer.text, answer.type);
    }
    if (answer.status < NGX_HTTP_SPECIAL_RESPONSE) {
        return send_text(delivery.request, answer.status, ngx_null_string);
    }
    return static_cast<ngx_int_t>(answer.status);
}

void replace_answer(Delivery& delivery) {
    ngx_http_request_t* request = delivery.request;
    if (ngx_http_upstream_t* upstream = request->upstream; answers_badly(request)) {
        upstream->upgrade = 0;
        // nginx reads nothing more from it.
        upstream->store = 0;
#if (NGX_HTTP_CACHE)
        upstream->cacheable = 0;
#endif
    }
    // The upstream's response may have been taken for HTTP/0.9, which has no header.
    request->http_version = delivery.http_version;
    ngx_http_clean_header(request);
    request->err_status = 0;
    request->headers_out.status = answer_for(delivery).status;
    request->headers_out.content_length_n = 0;
    request->header_only = 1;
    request->allow_ranges = 0;
}

void report_detour(Delivery& delivery, const ngx_http_request_t* request) {
    if (std::exchange(delivery.reported_detour, true)) return;
    const auto* core = static_cast<const ngx_http_core_loc_conf_t*>(
        ngx_http_get_module_loc_conf(request, ngx_http_core_module));
    ngx_log_t log = log_of(delivery);
    ngx_log_error(log_level_of(delivery), &log, 0,
                  "webhook: what %s is not handed on to the location \"%V\", which has no "
                  "\"webhook off\"",
                  delivery.passes() ? "another gate accepted" : "was refused", &core->name);
}

void add_headers(const Delivery& delivery) {
    if (!delivery.decided() || delivery.passes()) return;
    const ReasonInfo& reason = info(delivery.reason);
    if (*delivery.conf.reason_header) {
        add_header(delivery.request, "Webhook-Reason", reason.name);
    }
    if (delivery.verdict == Verdict::handshake) {
        // The client chooses the content of the response.
        add_header(delivery.request, "X-Content-Type-Options", "nosniff");
        const HandshakeAnswer& answer = delivery.inspection->handshake();
        if (!answer.header_name.empty()) {
            add_header(delivery.request, answer.header_name, answer.header_value);
        }
    }
    if (reason.retry_after) add_header(delivery.request, "Retry-After", "1");
    if (delivery.reason == Reason::method) {
        add_header(delivery.request, "Allow", delivery.conf.methods->allow);
    }
}

}  // namespace webhook::ngx
