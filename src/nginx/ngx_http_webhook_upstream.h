// What the upstreams said to a delivery, over all attempts and internal redirects.

#pragma once

#include "nginx/ngx_http_webhook_ngx.h"

namespace webhook::ngx {

inline bool is_success(ngx_uint_t status) {
    return status >= 200 && status < 300;
}

// The upstream's own words decide, not what an error_page makes of them. After an internal redirect
// that turned the request into a GET, nginx fetches something else: an error's page, or what
// X-Accel-Redirect names. What those upstreams say is not about the delivery.
class UpstreamWatch {
  public:
    explicit UpstreamWatch(const ngx_http_request_t* request);

    // To be called whenever the request enters the phases again, and before its answer leaves.
    void look(const ngx_http_request_t* request);

    // The status with which the delivery was accepted; 0 where it was not. Without any upstream,
    // the answer of nginx itself counts, unless it is a gate's refusal.
    ngx_uint_t accepted_status(const ngx_http_request_t* request, bool refused) const;

  private:
    ngx_uint_t method_;
    // How many of the request's attempts were looked at.
    ngx_uint_t seen_;
    // Whether the attempts to come are attempts to deliver.
    bool delivering_ = true;
    ngx_uint_t accepted_status_ = 0;
};

}  // namespace webhook::ngx
