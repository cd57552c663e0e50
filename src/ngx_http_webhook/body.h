// The request's body as nginx holds it: in buffers, in a temporary file, or in both.

#pragma once

#include "ngx_http_webhook/ngx.h"

#include <memory>
#include <optional>
#include <string_view>

#include "base/inflate.h"

namespace webhook::ngx {

// Whether an earlier pass has sent the body on unbuffered (`proxy_request_buffering off`), so that
// it is not kept. Call it before nginx reads the body, which clears that state.
bool body_was_passed_on(const ngx_http_request_t* request);

// Whether nginx has the whole body. False if it discarded the body, or if another module is still
// reading it.
bool body_is_whole(const ngx_http_request_t* request);

// Whether `size` is the length that the sender declared and that nginx will tell the upstream.
bool size_is_as_declared(const ngx_http_request_t* request, off_t size);

// The length of the body that nginx has, without reading it.
off_t size_of_body(const ngx_http_request_t* request);

// Reads a body once, from its start to its end, in any number of steps. Borrows the request's
// buffers and moves none of their positions: the upstream is sent the same bytes.
class BodyReader {
  public:
    BodyReader() = default;
    explicit BodyReader(const ngx_http_request_t* request);
    // Reads the decompressed body; more than `limit` bytes are a fault.
    BodyReader(const ngx_http_request_t* request, ContentCoding coding, std::size_t limit);

    // Returns the next piece, valid until the next call. Empty at the end, or if the body is at
    // fault. Throws std::runtime_error if the temporary file cannot be read.
    std::string_view next();

    // Bytes of the request read so far.
    off_t size() const { return size_; }
    // Bytes that next() has returned.
    off_t decoded_size() const { return inflater_ ? decoded_size_ : size_; }
    // At the end: whether the body does not decompress as declared. An empty body counts as none.
    bool at_fault() const { return inflater_ && size_ > 0 && !inflater_->finished(); }

  private:
    std::string_view next_sent();
    std::string_view read_file(const ngx_buf_t& buffer);

    const ngx_chain_t* link_ = nullptr;
    off_t offset_in_file_ = 0;
    off_t size_ = 0;
    off_t decoded_size_ = 0;
    std::unique_ptr<u_char[]> block_;
    std::optional<Inflater> inflater_;
};

}  // namespace webhook::ngx
