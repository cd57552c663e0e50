#include "ngx_http_webhook/headers.h"

#include "base/text.h"

namespace webhook::ngx {

std::string_view find_header(const ngx_http_request_t* request, std::string_view name) {
    const ngx_list_part_t* part = &request->headers_in.headers.part;
    for (; part != nullptr; part = part->next) {
        const auto* headers = static_cast<const ngx_table_elt_t*>(part->elts);
        for (ngx_uint_t i = 0; i < part->nelts; ++i) {
            if (equals_ignoring_case(to_view(headers[i].key), name)) {
                return to_view(headers[i].value);
            }
        }
    }
    return {};
}

void add_header(ngx_http_request_t* request, std::string_view name, std::string_view value) {
    auto* header = static_cast<ngx_table_elt_t*>(ngx_list_push(&request->headers_out.headers));
    if (header == nullptr) throw std::bad_alloc();
    *header = ngx_table_elt_t{};
    header->hash = 1;
    header->key = to_ngx(name);
    header->value = to_ngx(value);
}

}  // namespace webhook::ngx
