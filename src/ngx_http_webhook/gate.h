// The path of a request: gate, source, headers, body, verify, payload, remember, proxy.

#pragma once

#include "ngx_http_webhook/ngx.h"

namespace webhook::ngx {

// The handler of nginx's PRECONTENT phase: after access control, before mirror and try_files, and
// beyond the reach of `satisfy any`.
ngx_int_t on_request(ngx_http_request_t* request) noexcept;

// The handler of the SERVER_REWRITE phase, which only new requests and internal redirects to a URI
// enter.
ngx_int_t on_uri(ngx_http_request_t* request) noexcept;

// The header filter: the upstream's status is known and nothing has been sent yet.
ngx_int_t on_response_headers(ngx_http_request_t* request) noexcept;

// The body filter, which AnswerHold needs.
ngx_int_t on_response_body(ngx_http_request_t* request, ngx_chain_t* pieces) noexcept;

// Installs on_response_headers() before nginx's filters that change the response.
void install_header_filter();
// Installs on_response_body() before all other filters, once those are in place.
void install_body_filter();

}  // namespace webhook::ngx
