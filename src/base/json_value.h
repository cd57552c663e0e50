// Read access to a value of a JSON text: its kind and its content.
//
// It is a view into a JsonDocument, valid until the document parses another text, forgets this one,
// or is destroyed. Names and strings are in UTF-8, unescaped, and may hold any character, including
// NUL.

#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>

namespace webhook {

// large_integer: above 2^63 - 1. fraction: written with a fraction or an exponent.
enum class JsonKind : std::uint8_t {
    null,
    boolean,
    integer,
    large_integer,
    fraction,
    string,
    array,
    object
};

// A position in a document, in the parser's terms.
struct JsonPosition {
    const void* document;
    std::size_t index;

    friend bool operator==(const JsonPosition&, const JsonPosition&) = default;
};

class JsonElements;
class JsonMembers;

class JsonValue {
  public:
    explicit JsonValue(JsonPosition position) : position_(position) {}

    // Equal for the same value of the same document.
    JsonPosition position() const { return position_; }

    JsonKind kind() const;

    // Return nullopt if the value is of another kind.
    std::optional<bool> boolean() const;
    std::optional<std::string_view> string() const;
    // Also returns nullopt if this type cannot hold the number exactly.
    std::optional<std::int64_t> integer() const;
    std::optional<std::uint64_t> unsigned_integer() const;
    // Any number, as the nearest double.
    std::optional<double> number() const;
    // The shortest text that reads as the same number; an integer in all its digits.
    std::optional<std::string> decimal() const;

    // The number of elements of an array, counted up to 16,777,215.
    std::optional<std::size_t> array_size() const;
    // In the order of the text. Empty if the value is not an array.
    JsonElements elements() const;
    // In the order of the text, duplicates included. Empty if the value is not an object.
    JsonMembers members() const;

  private:
    JsonPosition position_;
};

class JsonElements {
  public:
    class Iterator {
      public:
        using value_type = JsonValue;
        using difference_type = std::ptrdiff_t;

        Iterator(JsonPosition at, JsonPosition end) : at_(at), end_(end) {}
        JsonValue operator*() const { return JsonValue(at_); }
        Iterator& operator++();
        void operator++(int) { ++*this; }
        bool operator==(std::default_sentinel_t) const { return at_ == end_; }

      private:
        JsonPosition at_;
        JsonPosition end_;
    };

    JsonElements(JsonPosition begin, JsonPosition end) : begin_(begin, end) {}
    Iterator begin() const { return begin_; }
    static std::default_sentinel_t end() { return {}; }

  private:
    Iterator begin_;
};

struct JsonMember {
    std::string_view name;
    JsonValue value;
};

class JsonMembers {
  public:
    class Iterator {
      public:
        using value_type = JsonMember;
        using difference_type = std::ptrdiff_t;

        Iterator(JsonPosition at, JsonPosition end) : at_(at), end_(end) {}
        JsonMember operator*() const;
        // The name as a value: a string.
        JsonValue name() const { return JsonValue(at_); }
        Iterator& operator++();
        void operator++(int) { ++*this; }
        bool operator==(std::default_sentinel_t) const { return at_ == end_; }

      private:
        JsonPosition at_;
        JsonPosition end_;
    };

    JsonMembers(JsonPosition begin, JsonPosition end) : begin_(begin, end) {}
    Iterator begin() const { return begin_; }
    static std::default_sentinel_t end() { return {}; }

  private:
    Iterator begin_;
};

}  // namespace webhook
