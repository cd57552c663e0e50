// One request's way: gate, source, headers, body, verify, payload, remember, proxy.

#pragma once

#include "ngx_http_webhook/ngx.h"

namespace webhook::ngx {

// The handler of nginx's PRECONTENT phase: after access control, before mirror and try_files, and
// beyond the reach of `satisfy any`.
ngx_int_t on_request(ngx_http_request_t* request) noexcept;

// The handler of the SERVER_REWRITE phase, which only a new request and an internal redirect to a
// URI come to.
ngx_int_t on_uri(ngx_http_request_t* request) noexcept;

// The header filter: the upstream's status is known and nothing has left yet.
ngx_int_t on_response_headers(ngx_http_request_t* request) noexcept;

// Puts on_response_headers() before every other header filter.
void install_header_filter();

}  // namespace webhook::ngx
