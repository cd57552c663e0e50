// Reading a JSON payload (RFC 8259, by simdjson) for the few values that a scheme names.

#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace webhook {

// A value longer than this, in bytes, is no event id or type.
inline constexpr std::size_t kLongestPayloadValue = 512;

// Bytes that must be readable (with any content) behind a text handed to JsonReader::parse.
std::size_t json_padding();

// What a reader keeps memory for between texts, in bytes of text; it takes some 14 times as much.
inline constexpr std::size_t kKeptJsonCapacity = 64 * 1024;

// Keeps the memory of one parse for the next, up to a bound. Not for use by two at a time.
class JsonReader {
  public:
    JsonReader();
    ~JsonReader();
    JsonReader(JsonReader&&) noexcept;
    JsonReader& operator=(JsonReader&&) noexcept;

    // Whether the text is JSON (RFC 8259) in valid UTF-8, nested some 65,000 levels deep at the
    // most. `json_padding()` readable bytes must follow it. A number too large to hold counts as
    // null. Throws std::bad_alloc where memory is short, which says nothing of the text.
    bool parse(std::string_view padded_text);

    // The same for a text that nothing need follow: it is copied.
    bool parse_copy(std::string_view text);

    // Forgets the text, and gives back what memory it took beyond kKeptJsonCapacity.
    void forget();
    // The size of a text that memory is held for.
    std::size_t capacity() const;

    // The string, integer or boolean at a JSON pointer (RFC 6901) of the text parsed last, as text.
    // Nothing where there is none, where it is of another type, longer than kLongestPayloadValue,
    // or holds a control character, with which it could break out of a header or a log line.
    std::optional<std::string> value_at(std::string_view pointer) const;

    // The same for a value that is signed, or a signature: of any length and content. Nothing also
    // where a member on the way there may be another one to another reader: it stands more than
    // once in its object, or only in another case (some readers take `id` for `ID`).
    std::optional<std::string> signed_value_at(std::string_view pointer) const;
    // The same for a number that is no integer.
    std::optional<double> signed_fraction_at(std::string_view pointer) const;

    // Whether no reader finds anything but null at a pointer, so that a signed value was left out.
    // Where a member on the way may be another one to another reader, this is not so.
    bool lacks(std::string_view pointer) const;

    // How many elements the array at a pointer has (beyond 16,777,215 no more are counted); nothing
    // where there is no array. As strict as signed_value_at().
    std::optional<std::size_t> array_size_at(std::string_view pointer) const;

    // Whether there is anything at a pointer, null included.
    bool has(std::string_view pointer) const;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

// Throws ConfigError unless the text is a JSON pointer (RFC 6901).
void check_json_pointer(std::string_view pointer);

}  // namespace webhook
