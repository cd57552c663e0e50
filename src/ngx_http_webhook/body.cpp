#include "ngx_http_webhook/body.h"

#include <algorithm>
#include <stdexcept>

#include "base/text.h"

namespace webhook::ngx {
namespace {

constexpr off_t kFileBlock = 64 * 1024;

}  // namespace

bool body_was_passed_on(const ngx_http_request_t* request) {
    return request->request_body != nullptr && request->request_body_no_buffering;
}

bool body_is_whole(const ngx_http_request_t* request) {
    const ngx_http_request_body_t* body = request->request_body;
    if (body == nullptr || request->reading_body) return false;
    const bool has_none = request->headers_in.content_length_n < 0 &&
                          !request->headers_in.chunked &&
                          request->headers_in.content_length == nullptr;
    return has_none || body->last_saved;
}

// Also compares the header, since nginx decrements `content_length_n` while it discards a body.
bool size_is_as_declared(const ngx_http_request_t* request, off_t size) {
    if (std::max<off_t>(request->headers_in.content_length_n, 0) != size) return false;
    const ngx_table_elt_t* header = request->headers_in.content_length;
    if (header == nullptr) return true;
    const auto declared = parse_digits(to_view(header->value));
    return declared && *declared == size;
}

off_t size_of_body(const ngx_http_request_t* request) {
    off_t size = 0;
    if (request->request_body == nullptr) return size;
    const ngx_chain_t* link = request->request_body->bufs;
    for (; link != nullptr; link = link->next) size += ngx_buf_size(link->buf);
    return size;
}

BodyReader::BodyReader(const ngx_http_request_t* request)
    : link_(request->request_body == nullptr ? nullptr : request->request_body->bufs) {}

BodyReader::BodyReader(const ngx_http_request_t* request, ContentCoding coding, std::size_t limit)
    : BodyReader(request) {
    if (coding != ContentCoding::identity) inflater_.emplace(coding, limit);
}

std::string_view BodyReader::next() {
    if (!inflater_) return next_sent();
    for (;;) {
        const std::string_view piece = inflater_->next();
        decoded_size_ += static_cast<off_t>(piece.size());
        if (!piece.empty()) return piece;
        const std::string_view sent = next_sent();
        if (sent.empty()) return {};
        // After a fault, the rest is read only for its length.
        if (!inflater_->failed()) inflater_->feed(sent);
    }
}

std::string_view BodyReader::next_sent() {
    for (; link_ != nullptr; link_ = link_->next, offset_in_file_ = 0) {
        const ngx_buf_t& buffer = *link_->buf;
        if (ngx_buf_in_memory(&buffer)) {
            const std::string_view piece(reinterpret_cast<const char*>(buffer.pos),
                                         static_cast<std::size_t>(buffer.last - buffer.pos));
            if (piece.empty()) continue;
            link_ = link_->next;
            size_ += static_cast<off_t>(piece.size());
            return piece;
        }
        if (buffer.in_file && buffer.file_pos + offset_in_file_ < buffer.file_last) {
            return read_file(buffer);
        }
    }
    return {};
}

std::string_view BodyReader::read_file(const ngx_buf_t& buffer) {
    if (block_ == nullptr) block_ = std::make_unique_for_overwrite<u_char[]>(kFileBlock);
    const off_t position = buffer.file_pos + offset_in_file_;
    const auto wanted = static_cast<std::size_t>(std::min(kFileBlock, buffer.file_last - position));
    const ssize_t read = ngx_read_file(buffer.file, block_.get(), wanted, position);
    if (read <= 0) throw std::runtime_error("cannot read the temporary file of the request body");
    offset_in_file_ += read;
    size_ += read;
    return {reinterpret_cast<const char*>(block_.get()), static_cast<std::size_t>(read)};
}

}  // namespace webhook::ngx
