// A JSON number as mathematics has it: compared, and divided, without rounding.
//
// It is a view into the number's text. Nothing is allocated, and the time depends on the length of
// the texts only, not on the size of the numbers (`1e999999999`).

#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace webhook {

// 0.d1 d2 .. dn * 10^(exponent + shift), where d1 and dn are not 0.
struct Decimal {
    bool is_negative = false;
    // From the first digit that is not 0 to the last one; a point may stand in between. Empty for
    // zero.
    std::string_view digits;
    std::size_t digit_count = 0;
    // The exponent's digits, as long as the text has them.
    std::string_view exponent;
    bool exponent_is_negative = false;
    std::int64_t shift = 0;

    bool is_zero() const { return digits.empty(); }
};

// A larger divisor, in significant digits, is none.
inline constexpr std::size_t kMostDivisorDigits = 18;

// Returns nullopt unless the text is a number of RFC 8259, with nothing around it.
std::optional<Decimal> parse_decimal(std::string_view json_number);

std::strong_ordering compare(const Decimal& left, const Decimal& right);

// The same for equal numbers, however they are written.
std::uint64_t hash_of(const Decimal& number, std::uint64_t seed);

// 1.0 and 1e2 are integers.
bool is_integer(const Decimal& number);

// Whether a number may be asked for in is_multiple_of(): it is above 0, with at most
// kMostDivisorDigits significant digits.
bool is_divisor(const Decimal& number);

// Whether value / divisor is an integer. The divisor must satisfy is_divisor().
bool is_multiple_of(const Decimal& value, const Decimal& divisor);

}  // namespace webhook
