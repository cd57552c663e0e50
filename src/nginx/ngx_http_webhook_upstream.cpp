#include "nginx/ngx_http_webhook_upstream.h"

#include <span>

namespace webhook::ngx {
namespace {

std::span<const ngx_http_upstream_state_t> attempts_of(const ngx_http_request_t* request) {
    const ngx_array_t* states = request->upstream_states;
    if (states == nullptr) return {};
    return {static_cast<const ngx_http_upstream_state_t*>(states->elts), states->nelts};
}

bool succeeded(const ngx_http_upstream_state_t& attempt) {
    // Without a time, its header was never whole.
    constexpr auto kNever = static_cast<ngx_msec_t>(-1);
    return is_success(attempt.status) && attempt.header_time != kNever;
}

}  // namespace

UpstreamWatch::UpstreamWatch(const ngx_http_request_t* request)
    : method_(request->method), seen_(attempts_of(request).size()) {}

void UpstreamWatch::look(const ngx_http_request_t* request) {
    const auto attempts = attempts_of(request);
    for (; seen_ < attempts.size(); ++seen_) {
        if (delivering_ && accepted_status_ == 0 && succeeded(attempts[seen_])) {
            accepted_status_ = attempts[seen_].status;
        }
    }
    delivering_ = request->method == method_;
}

ngx_uint_t UpstreamWatch::accepted_status(const ngx_http_request_t* request) const {
    const ngx_uint_t answered =
        request->err_status != 0 ? request->err_status : request->headers_out.status;
    // HTTP/0.9, to which nginx turns when the upstream speaks no HTTP, tells the sender no status.
    if (request->http_version == NGX_HTTP_VERSION_9) return 0;
    const bool accepted =
        request->upstream == nullptr ? is_success(answered) : accepted_status_ != 0;
    if (!accepted) return 0;
    return is_success(answered) ? answered : accepted_status_;
}

}  // namespace webhook::ngx
