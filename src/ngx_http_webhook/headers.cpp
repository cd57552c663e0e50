#include "ngx_http_webhook/headers.h"

#include "base/text.h"

namespace webhook::ngx {

std::string_view find_header(const ngx_http_request_t* request, std::string_view name) {
    const ngx_table_elt_t* found = nullptr;
    for_each_header(request, [&](const ngx_table_elt_t& header) {
        const bool is_it = found == nullptr && equals_ignoring_case(to_view(header.key), name);
        if (is_it) found = &header;
    });
    return found == nullptr ? std::string_view() : to_view(found->value);
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
