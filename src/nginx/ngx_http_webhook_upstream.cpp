#include "nginx/ngx_http_webhook_upstream.h"

#include <span>

namespace webhook::ngx {
namespace {

std::span<const ngx_http_upstream_state_t> attempts_of(const ngx_http_request_t* request) {
    const ngx_array_t* states = request->upstream_states;
    if (states == nullptr) return {};
    return {static_cast<const ngx_http_upstream_state_t*>(states->elts), states->nelts};
}

// The status of an attempt whose answer had a whole header; 0 for all others.
ngx_uint_t status_of(const ngx_http_upstream_state_t& attempt,
                     const ngx_http_upstream_t* upstream) {
    constexpr auto kNever = static_cast<ngx_msec_t>(-1);
    if (attempt.header_time == kNever) return 0;
    // After an interim answer, such as 103, nginx leaves that in the attempt.
    const bool interim = attempt.status < 200 && upstream != nullptr && upstream->state == &attempt;
    return interim ? upstream->headers_in.status_n : attempt.status;
}

// HTTP/0.9, to which nginx turns on HTTP/1 when the upstream speaks no HTTP.
bool tells_no_status(const ngx_http_request_t* request) {
#if (NGX_HTTP_V2)
    if (request->stream != nullptr) return false;
#endif
    return request->http_version == NGX_HTTP_VERSION_9;
}

}  // namespace

UpstreamWatch::UpstreamWatch(const ngx_http_request_t* request)
    : method_(request->method), seen_(attempts_of(request).size()) {}

void UpstreamWatch::look(const ngx_http_request_t* request) {
    const auto attempts = attempts_of(request);
    for (; seen_ < attempts.size(); ++seen_) {
        const ngx_uint_t status = status_of(attempts[seen_], request->upstream);
        if (delivering_ && accepted_status_ == 0 && is_success(status)) accepted_status_ = status;
    }
    delivering_ = request->method == method_;
}

ngx_uint_t UpstreamWatch::accepted_status(const ngx_http_request_t* request, bool refused) const {
    const ngx_uint_t answered =
        request->err_status != 0 ? request->err_status : request->headers_out.status;
    if (tells_no_status(request)) return 0;
    const bool by_nginx = request->upstream == nullptr && !refused;
    const bool accepted = by_nginx ? is_success(answered) : accepted_status_ != 0;
    if (!accepted) return 0;
    return is_success(answered) ? answered : accepted_status_;
}

}  // namespace webhook::ngx
