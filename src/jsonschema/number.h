// A number of a JSON document as mathematics has it: 1 is 1.0, and 2^53 + 1 is not 2^53.
//
// Its text is looked for only where the nearest double does not decide.

#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/decimal.h"
#include "base/json_document.h"
#include "base/json_value.h"

namespace webhook {

// A JSON value and the document that it is a value of.
struct DocumentValue {
    const JsonDocument& document;
    JsonValue value;

    // Also true for a number that the document could not represent.
    bool is_number() const {
        switch (value.kind()) {
            case JsonKind::integer:
            case JsonKind::large_integer:
            case JsonKind::fraction:
                return true;
            case JsonKind::null:
                return document.is_replaced_number(value);
            default:
                return false;
        }
    }
};

class JsonNumber {
  public:
    // The value must be a number.
    explicit JsonNumber(const DocumentValue& source);
    JsonNumber(const JsonNumber&) = delete;
    JsonNumber& operator=(const JsonNumber&) = delete;

    // Nullopt if it is not written as an integer of 64 bits.
    std::optional<std::int64_t> small() const { return small_; }
    // Nullopt if there is none, as for 1e400.
    std::optional<double> nearest() const { return nearest_; }
    // A view that is valid as long as this number and its document's text.
    Decimal exact() const;
    bool is_integral() const;

    // How many bytes of text were read so far, each perhaps several times.
    std::size_t bytes_read() const { return bytes_read_; }

  private:
    std::string_view text() const;

    const DocumentValue& source_;
    std::optional<std::int64_t> small_;
    std::optional<double> nearest_;
    mutable std::array<char, 24> digits_;
    mutable std::size_t bytes_read_ = 0;
};

// A number that others are often compared with. `exact` is a view into the text.
struct NumberLimit {
    std::optional<std::int64_t> small;
    std::optional<double> nearest;
    Decimal exact;
};

// The text must be a JSON number.
NumberLimit limit_of(std::string_view text);

std::strong_ordering compare(const JsonNumber& left, const JsonNumber& right);
std::strong_ordering compare(const JsonNumber& left, const NumberLimit& right);

// Whether the number divided by the limit is an integer. The limit must satisfy is_divisor().
bool is_multiple_of(const JsonNumber& number, const NumberLimit& divisor);

// The same for equal numbers.
std::uint64_t hash_of(const JsonNumber& number, std::uint64_t seed);

}  // namespace webhook
