// A JSON text (RFC 8259), parsed by simdjson, and questions for the few values of it that are named
// by JSON pointers (RFC 6901).

#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/json_value.h"

namespace webhook {

// A value longer than this, in bytes, is no event id or type.
inline constexpr std::size_t kLongestPayloadValue = 512;

// Bytes that must be readable (with any content) behind a text handed to JsonDocument::parse.
std::size_t json_padding();

// What a document keeps memory for between texts, in bytes of text; it takes some 14 times as much.
inline constexpr std::size_t kKeptJsonCapacity = 64 * 1024;

// What a text may be; what is beyond is taken for no JSON.
struct JsonLimits {
    static constexpr std::size_t kDeepestNesting = 65'536;

    std::size_t deepest_nesting = kDeepestNesting;
    // Whether a text may hold numbers that are too large to hold, halves of surrogate pairs, and a
    // byte order mark: json_repair.h makes void what cannot be held.
    bool repairs = true;
};

// Keeps the memory of one parse for the next, up to a bound. Not for use by two at a time.
class JsonDocument {
  public:
    explicit JsonDocument(JsonLimits limits = {});
    ~JsonDocument();
    JsonDocument(JsonDocument&&) noexcept;
    JsonDocument& operator=(JsonDocument&&) noexcept;

    // Whether the text is JSON in valid UTF-8, within the limits. `json_padding()` readable bytes
    // must follow it. Throws std::bad_alloc where memory is short, which says nothing of the text.
    bool parse(std::string_view padded_text);

    // The same for a text that nothing need follow: it is copied.
    bool parse_copy(std::string_view text);

    // Forgets the text, and gives back what memory it took beyond kKeptJsonCapacity.
    void forget();
    // The size of a text that memory is held for.
    std::size_t capacity() const;

    // Of the text parsed last; nothing where it was no JSON.
    std::optional<JsonValue> root() const;

    // A member that may be another one to another reader counts for none in these: it stands more
    // than once in its object, or only in another case (some readers take `id` for `ID`).

    // The string, integer or boolean at a pointer as text, of any length and content. Nothing where
    // there is none, or one of another type.
    std::optional<std::string> value_at(std::string_view pointer) const;
    // The same for a number that is no integer.
    std::optional<double> fraction_at(std::string_view pointer) const;
    // How many elements the array at a pointer has, as JsonValue::array_size().
    std::optional<std::size_t> array_size_at(std::string_view pointer) const;
    // Whether no reader finds anything but null at a pointer. Where a member on the way may be
    // another one to another reader, this is not so.
    bool lacks(std::string_view pointer) const;

    // The first of the members of a name counts in these, which is for what proves nothing.

    // As value_at(). Nothing also for a text that is longer than kLongestPayloadValue, or holds a
    // control character, with which it could break out of a header or a log line.
    std::optional<std::string> first_value_at(std::string_view pointer) const;
    // Whether there is anything at a pointer, null included.
    bool has(std::string_view pointer) const;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace webhook
