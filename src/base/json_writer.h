// Writes JSON as text, value by value.
//
// The caller keeps to JSON's grammar: a name before each member's value, one value for each name.
// Texts are escaped so that they are harmless in HTML as well: no `<`, `>`, `&`, U+2028 or U+2029
// stands as it is. Bytes that are not UTF-8 are written as U+FFFD.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace webhook {

class JsonWriter {
  public:
    // So that no later call copies what was written before.
    void reserve(std::size_t size) { text_.reserve(size); }

    void begin_object() { begin('{'); }
    void end_object() { end('}'); }
    void begin_array() { begin('['); }
    void end_array() { end(']'); }

    void name(std::string_view text);
    void value(std::string_view text);
    void value(std::uint64_t number);
    // Shortest digits that give the same number again. It must be finite.
    void value(double number);
    void value(bool flag);
    void null();

    template <typename Value>
    void member(std::string_view named, const Value& with) {
        name(named);
        value(with);
    }

    const std::string& text() const { return text_; }
    std::string take() { return std::move(text_); }

  private:
    void begin(char bracket);
    void end(char bracket);
    void separate();
    void write(std::string_view text);

    std::string text_;
    bool needs_comma_ = false;
};

}  // namespace webhook
