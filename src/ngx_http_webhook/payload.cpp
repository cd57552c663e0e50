#include "ngx_http_webhook/payload.h"

#include <algorithm>

namespace webhook::ngx {

JsonReader& json_reader() {
    // Never destroyed: nothing may run when the module is unloaded.
    static JsonReader* const reader = new JsonReader();
    return *reader;
}

Payload::~Payload() {
    if (!whole_) return;
    // The allocator is to find all of it free.
    whole_.reset();
    bytes_.reset();
    json_reader().forget();
}

bool Payload::is_too_large() const {
    return delivery_.body.decoded_size() > static_cast<off_t>(*delivery_.conf.payload_max);
}

WholeBody* Payload::whole() {
    if (!whole_ && !is_too_large()) load();
    return whole_ ? &*whole_ : nullptr;
}

const JsonReader* Payload::json() {
    return whole() == nullptr ? nullptr : whole_->json();
}

void Payload::load() {
    const auto size = static_cast<std::size_t>(delivery_.body.decoded_size());
    bytes_ = std::make_unique_for_overwrite<char[]>(size + json_padding());
    char* end = bytes_.get();
    BodyReader body = read_body(delivery_);
    for (auto piece = body.next(); !piece.empty(); piece = body.next()) {
        end = std::ranges::copy(piece, end).out;
    }
    std::fill_n(end, json_padding(), '\0');
    whole_.emplace(std::string_view(bytes_.get(), size), json_reader());
}

}  // namespace webhook::ngx
