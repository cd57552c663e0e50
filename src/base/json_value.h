// Read access to a value of a JSON text: its kind and its content.
//
// It is a view into a JsonDocument, valid until the document parses another text, forgets this one,
// or is destroyed. Names and strings are in UTF-8, unescaped, and may hold any character, including
// NUL.

#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
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

// What simdjson makes of a text, its tape: a word for each token, which has the token in the upper
// byte. The rest of the word is
// - for a string or a name, where in `strings` its length is, and its text behind that;
// - for the begin of an array or object, the index behind its end, and in the upper 24 bits the
//   number of its elements or members.
// The value of a number is in the next word.
struct JsonTape {
    const std::uint64_t* words = nullptr;
    const char* strings = nullptr;
};

enum class JsonToken : std::uint8_t {
    array = '[',
    object = '{',
    string = '"',
    integer = 'l',
    large_integer = 'u',
    fraction = 'd',
    true_value = 't',
    false_value = 'f',
    null = 'n'
};

// A position in a document, in the parser's terms.
struct JsonPosition {
    const JsonTape* tape;
    std::size_t index;

    std::uint64_t word() const { return tape->words[index]; }
    JsonToken token() const { return static_cast<JsonToken>(word() >> 56); }
    JsonPosition behind(std::size_t words) const { return {tape, index + words}; }
    // Behind the value, with all that is in it.
    JsonPosition next() const;
    // Behind the token, which may also end an array or object: the next one in the text.
    JsonPosition next_token() const;
    // Of an array or object: that of its last token.
    JsonPosition end() const { return {tape, static_cast<std::uint32_t>(word()) - std::size_t{1}}; }
    // Of a string or a name.
    std::string_view text() const;

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
    // The number of elements or members, of an array or object. 0 for any other value.
    std::size_t part_count() const;
    // In the order of the text. Empty if the value is not an array.
    JsonElements elements() const;
    // In the order of the text, duplicates included. Empty if the value is not an object.
    JsonMembers members() const;

  private:
    // What a number's second word holds.
    template <typename Number>
    Number bits() const {
        return std::bit_cast<Number>(position_.behind(1).word());
    }

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
        Iterator& operator++() {
            at_ = at_.next();
            return *this;
        }
        void operator++(int) { ++*this; }
        bool operator==(std::default_sentinel_t) const { return at_.index == end_.index; }

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
        JsonMember operator*() const { return {at_.text(), JsonValue(at_.behind(1))}; }
        // The name as a value: a string.
        JsonValue name() const { return JsonValue(at_); }
        Iterator& operator++() {
            at_ = at_.behind(1).next();
            return *this;
        }
        void operator++(int) { ++*this; }
        bool operator==(std::default_sentinel_t) const { return at_.index == end_.index; }

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

inline JsonPosition JsonPosition::next() const {
    switch (token()) {
        case JsonToken::array:
        case JsonToken::object:
            return end().behind(1);
        default:
            return next_token();
    }
}

inline JsonPosition JsonPosition::next_token() const {
    switch (token()) {
        case JsonToken::integer:
        case JsonToken::large_integer:
        case JsonToken::fraction:
            return behind(2);
        default:
            return behind(1);
    }
}

inline std::string_view JsonPosition::text() const {
    constexpr std::uint64_t kBelowToken = (std::uint64_t{1} << 56) - 1;
    const char* const begin = tape->strings + (word() & kBelowToken);
    std::uint32_t size;
    std::memcpy(&size, begin, sizeof size);
    return {begin + sizeof size, size};
}

inline JsonKind JsonValue::kind() const {
    switch (position_.token()) {
        case JsonToken::array:
            return JsonKind::array;
        case JsonToken::object:
            return JsonKind::object;
        case JsonToken::string:
            return JsonKind::string;
        case JsonToken::integer:
            return JsonKind::integer;
        case JsonToken::large_integer:
            return JsonKind::large_integer;
        case JsonToken::fraction:
            return JsonKind::fraction;
        case JsonToken::true_value:
        case JsonToken::false_value:
            return JsonKind::boolean;
        default:
            return JsonKind::null;
    }
}

inline std::optional<std::string_view> JsonValue::string() const {
    if (position_.token() != JsonToken::string) return std::nullopt;
    return position_.text();
}

inline std::optional<std::int64_t> JsonValue::integer() const {
    if (position_.token() != JsonToken::integer) return std::nullopt;
    return bits<std::int64_t>();
}

inline std::optional<double> JsonValue::number() const {
    switch (position_.token()) {
        case JsonToken::fraction:
            return bits<double>();
        case JsonToken::integer:
            return static_cast<double>(bits<std::int64_t>());
        case JsonToken::large_integer:
            return static_cast<double>(bits<std::uint64_t>());
        default:
            return std::nullopt;
    }
}

inline JsonElements JsonValue::elements() const {
    if (position_.token() != JsonToken::array) return {position_, position_};
    return {position_.behind(1), position_.end()};
}

inline JsonMembers JsonValue::members() const {
    if (position_.token() != JsonToken::object) return {position_, position_};
    return {position_.behind(1), position_.end()};
}

}  // namespace webhook
