// Headers of requests and responses.

#pragma once

#include "ngx_http_webhook/ngx.h"

#include <string_view>

namespace webhook::ngx {

// The value of the request's first header of this name. Empty if there is none.
std::string_view find_header(const ngx_http_request_t* request, std::string_view name);

// Adds a header to the response. Both texts must live as long as the request.
void add_header(ngx_http_request_t* request, std::string_view name, std::string_view value);

}  // namespace webhook::ngx
