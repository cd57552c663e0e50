// Headers of requests and responses.

#pragma once

#include "ngx_http_webhook/ngx.h"

#include <string_view>

namespace webhook::ngx {

// Calls `visit` with each header of the request, in their order.
template <typename Visit>
void for_each_header(const ngx_http_request_t* request, const Visit& visit) {
    const ngx_list_part_t* part = &request->headers_in.headers.part;
    for (; part != nullptr; part = part->next) {
        const auto* headers = static_cast<const ngx_table_elt_t*>(part->elts);
        for (ngx_uint_t i = 0; i < part->nelts; ++i) visit(headers[i]);
    }
}

// The value of the request's first header of this name. Empty if there is none.
std::string_view find_header(const ngx_http_request_t* request, std::string_view name);

// Adds a header to the response. Both texts must live as long as the request.
void add_header(ngx_http_request_t* request, std::string_view name, std::string_view value);

}  // namespace webhook::ngx
