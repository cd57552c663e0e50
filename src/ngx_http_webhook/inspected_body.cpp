#include "ngx_http_webhook/inspected_body.h"

#include <algorithm>

#include "ngx_http_webhook/schemas.h"

namespace webhook::ngx {

InspectedBody::~InspectedBody() {
    if (!whole_) return;
    // Frees all of it first, so that the allocator can reuse it.
    whole_.reset();
    bytes_.reset();
    json_document().forget();
    if (!delivery_.conf.demands.policy.schemas.empty()) schema_validator().forget();
}

bool InspectedBody::is_as_declared() const {
    return size_is_as_declared(delivery_.request, delivery_.body.size());
}

WholeBody& InspectedBody::whole() {
    if (!whole_) load();
    return *whole_;
}

void InspectedBody::hash(HashStream& hash) {
    BodyReader body = read_body(delivery_);
    for (auto piece = body.next(); !piece.empty(); piece = body.next()) hash.update(piece);
}

void InspectedBody::load() {
    const auto size = static_cast<std::size_t>(delivery_.body.decoded_size());
    bytes_ = std::make_unique_for_overwrite<char[]>(size + json_padding());
    char* end = bytes_.get();
    BodyReader body = read_body(delivery_);
    for (auto piece = body.next(); !piece.empty(); piece = body.next()) {
        end = std::ranges::copy(piece, end).out;
    }
    std::fill_n(end, json_padding(), '\0');
    whole_.emplace(std::string_view(bytes_.get(), size), json_document());
}

}  // namespace webhook::ngx
