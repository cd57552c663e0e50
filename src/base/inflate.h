// Decompresses bodies (RFC 9110, section 8.4.1) piece by piece in constant memory.

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

namespace webhook {

enum class ContentCoding : std::uint8_t { identity, gzip, deflate };

// Returns the coding that a Content-Encoding names, or nullopt if it is not supported or not the
// only one.
std::optional<ContentCoding> find_content_coding(std::string_view content_encoding);

// Decompresses one gzip member (RFC 1952) or one zlib stream (RFC 1950). Trailing bytes, a
// truncated stream and an output of more than `limit` bytes are faults.
class Inflater {
  public:
    // `coding` must not be identity. Throws std::bad_alloc.
    Inflater(ContentCoding coding, std::size_t limit);
    ~Inflater();
    Inflater(Inflater&&) noexcept;
    Inflater& operator=(Inflater&&) noexcept;

    // The next piece of the compressed text, which must live until next() has returned an empty
    // piece.
    void feed(std::string_view piece);
    // Returns the next piece of the output, valid until the next call. Empty if more input is
    // needed, or after a fault.
    std::string_view next();

    bool failed() const;
    // Whether the stream has ended, without trailing bytes.
    bool finished() const;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace webhook
