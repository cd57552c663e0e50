// Bodies that are compressed (RFC 9110, section 8.4.1), undone piece by piece in constant memory.

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

namespace webhook {

enum class ContentCoding : std::uint8_t { identity, gzip, deflate };

// The coding that a Content-Encoding names; nothing where it names another, or more than one.
std::optional<ContentCoding> find_content_coding(std::string_view content_encoding);

// Undoes one gzip member (RFC 1952) or one zlib stream (RFC 1950). What is left behind its end, a
// stream that is cut short and one that yields more than `limit` bytes are faults.
class Inflater {
  public:
    // `coding` is not identity. Throws std::bad_alloc.
    Inflater(ContentCoding coding, std::size_t limit);
    ~Inflater();
    Inflater(Inflater&&) noexcept;
    Inflater& operator=(Inflater&&) noexcept;

    // The next piece of the compressed text, which must live until next() has returned an empty
    // piece.
    void feed(std::string_view piece);
    // The next piece of what it yields, which lives until the next call; empty where more is
    // needed, or after a fault.
    std::string_view next();

    bool failed() const;
    // Whether the stream has come to its end, and nothing stood behind it.
    bool finished() const;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace webhook
