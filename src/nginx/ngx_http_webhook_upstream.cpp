#include "nginx/ngx_http_webhook_upstream.h"

#include <span>

namespace webhook::ngx {
namespace {

std::span<const ngx_http_upstream_state_t> attempts_of(const ngx_http_request_t* request) {
    const ngx_array_t* states = request->upstream_states;
    if (states == nullptr) return {};
    return {static_cast<const ngx_http_upstream_state_t*>(states->elts), states->nelts};
}

// Whether nginx answers with what it has in its cache, though it may have asked the upstream.
bool from_cache([[maybe_unused]] const ngx_http_request_t* request) {
#if (NGX_HTTP_CACHE)
    return request->cached != 0;
#else
    return false;
#endif
}

// The status of an attempt whose answer had a whole header; 0 for all others.
ngx_uint_t status_of(const ngx_http_upstream_state_t& attempt, const ngx_http_request_t* request) {
    const ngx_http_upstream_t* upstream = request->upstream;
    constexpr auto kNever = static_cast<ngx_msec_t>(-1);
    if (attempt.header_time == kNever) return 0;
    // After an interim answer, such as 103, nginx leaves that in the attempt.
    const bool interim = attempt.status < 200 && upstream != nullptr && upstream->state == &attempt;
    return interim && !from_cache(request) ? upstream->headers_in.status_n : attempt.status;
}

// Where the upstream speaks no HTTP, nginx takes the answer for HTTP/0.9, with an invented 200.
bool speaks_no_http(const ngx_http_request_t* request) {
    return request->http_version == NGX_HTTP_VERSION_9;
}

}  // namespace

UpstreamWatch::UpstreamWatch(const ngx_http_request_t* request)
    : method_(request->method), earlier_(attempts_of(request).size()), seen_(earlier_) {}

bool UpstreamWatch::fetches_something_else(const ngx_http_request_t* request) const {
    if (request->method != method_) return true;
    // The method of such a delivery is the same after a redirect to a URI.
    const bool fetches = (method_ & (NGX_HTTP_GET | NGX_HTTP_HEAD)) != 0;
    return fetches && seen_ > earlier_ && !in_named_location(request);
}

void UpstreamWatch::look(const ngx_http_request_t* request) {
    const auto attempts = attempts_of(request);
    for (; seen_ < attempts.size(); ++seen_) {
        if (speaks_no_http(request)) continue;
        const ngx_uint_t status = status_of(attempts[seen_], request);
        if (delivering_ && accepted_status_ == 0 && is_success(status)) accepted_status_ = status;
    }
    delivering_ = !fetches_something_else(request);
}

ngx_uint_t UpstreamWatch::status_to_remember(const ngx_http_request_t* request,
                                             bool refused) const {
    const ngx_uint_t answered =
        request->err_status != 0 ? request->err_status : request->headers_out.status;
    // A page of nginx's own for an error is no answer to the delivery, whatever status it has.
    const bool by_nginx = request->upstream == nullptr && request->err_status == 0 && !refused;
    const bool accepted = by_nginx ? is_success(answered) : accepted_status_ != 0;
    if (!accepted) return 0;
    return is_success(answered) ? answered : accepted_status_;
}

}  // namespace webhook::ngx
