// A JSON text (RFC 8259), parsed by simdjson, and look-ups of the few values in it that JSON
// pointers (RFC 6901) name.

#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/json_value.h"

namespace webhook {

// A longer value, in bytes, is not accepted as an event id or type.
inline constexpr std::size_t kLongestPayloadValue = 512;

// Bytes that must be readable (with any content) behind a text handed to JsonDocument::parse.
std::size_t json_padding();

// The size of text, in bytes, that a document keeps memory for; that memory is some 14 times
// larger.
inline constexpr std::size_t kKeptJsonCapacity = 64 * 1024;

// The limits of a text; beyond them it is not taken for JSON.
struct JsonLimits {
    static constexpr std::size_t kDeepestNesting = 65'536;

    std::size_t deepest_nesting = kDeepestNesting;
    // Whether numbers that are too large, halves of surrogate pairs, and a byte order mark are
    // accepted: json_repair.h replaces what cannot be represented.
    bool repairs = true;
};

// Keeps the memory of one parse for the next, up to a bound. It must not be shared by two users at
// a time.
class JsonDocument {
  public:
    explicit JsonDocument(JsonLimits limits = {});
    ~JsonDocument();
    JsonDocument(JsonDocument&&) noexcept;
    JsonDocument& operator=(JsonDocument&&) noexcept;

    // Whether the text is JSON in valid UTF-8, within the limits. `json_padding()` readable bytes
    // must follow it. Throws std::bad_alloc if memory is short, which says nothing about the text.
    bool parse(std::string_view padded_text);

    // The same for a text without padding. The copy is kept until the next parse or forget().
    bool parse_copy(std::string_view text);

    // Forgets the text, and frees the memory beyond kKeptJsonCapacity.
    void forget();
    // The size of the text, in bytes, that memory is held for.
    std::size_t capacity() const;

    // The root of the text parsed last. Returns nullopt if it was not JSON.
    std::optional<JsonValue> root() const;

    // Whether an object has two members of the same name: any object, one that leads to a pointer's
    // value, or the root. Names that were repaired, and differ in halves of surrogate pairs only,
    // are the same. False if the text was not JSON.
    bool repeats_a_name() const;
    bool repeats_a_name_above(std::string_view pointer) const;
    bool root_repeats_a_name() const;

    // These read the text that was parsed again, which must still be there. The first call after a
    // parse walks through it.

    // A number of this document as the text has it, in any length (decimal.h reads it). Empty if
    // the value is no number.
    std::string_view number_text(const JsonValue& number) const;
    // Whether a null stands for a number that is too large (json_repair.h). number_text() has it.
    bool is_replaced_number(const JsonValue& value) const;

    // These ignore a member that another reader may resolve differently, because its name occurs
    // more than once in its object, or only in another case (some readers take `id` for `ID`).

    // Returns the string, integer or boolean at a pointer as text, of any length and content.
    // Returns nullopt if there is none, or if it has another type.
    std::optional<std::string> value_at(std::string_view pointer) const;
    // The same for a number that is not an integer.
    std::optional<double> fraction_at(std::string_view pointer) const;
    // The number of elements of the array at a pointer, as JsonValue::array_size() counts them.
    std::optional<std::size_t> array_size_at(std::string_view pointer) const;
    // Whether every reader finds nothing, or null, at a pointer. False if readers may resolve a
    // member on the way differently.
    bool lacks(std::string_view pointer) const;

    // These use the first member of a name. They are for values that prove nothing.

    // As value_at(), but also returns nullopt if the text is longer than kLongestPayloadValue, or
    // holds a control character, with which it could break out of a header or a log line.
    std::optional<std::string> first_value_at(std::string_view pointer) const;
    // Whether there is a value at a pointer; null counts as one.
    bool has(std::string_view pointer) const;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace webhook
