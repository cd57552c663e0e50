#include "jsonschema/number.h"

#include <bit>
#include <charconv>
#include <cmath>
#include <string_view>

namespace webhook {
namespace {

std::optional<double> nearest_double(std::string_view text) {
    double value = 0;
    const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
    return result.ec == std::errc{} ? std::optional(value) : std::nullopt;
}

// What is not a number cannot come here; were it to, it would equal nothing but zero.
Decimal decimal_of(std::string_view text) {
    return parse_decimal(text).value_or(Decimal{});
}

// Rounding never changes the order of two numbers, but may make them equal.
std::strong_ordering compare_nearest(std::optional<double> left, std::optional<double> right) {
    if (!left || !right || *left == *right) return std::strong_ordering::equal;
    return *left < *right ? std::strong_ordering::less : std::strong_ordering::greater;
}

}  // namespace

JsonNumber::JsonNumber(const DocumentValue& source)
    : source_(source), small_(source.value.integer()) {
    nearest_ = small_ ? static_cast<double>(*small_) : source.value.number();
    if (!nearest_) nearest_ = nearest_double(text());
}

std::string_view JsonNumber::text() const {
    const std::string_view text = source_.document.number_text(source_.value);
    bytes_read_ += text.size();
    return text;
}

Decimal JsonNumber::exact() const {
    if (!small_) return decimal_of(text());
    const auto end = std::to_chars(digits_.data(), digits_.data() + digits_.size(), *small_).ptr;
    return decimal_of({digits_.data(), static_cast<std::size_t>(end - digits_.data())});
}

bool JsonNumber::is_integral() const {
    if (small_) return true;
    // A double that is no integer is nearest to no integer.
    if (nearest_ && std::trunc(*nearest_) != *nearest_) return false;
    return is_integer(exact());
}

NumberLimit limit_of(std::string_view text) {
    NumberLimit limit{
        .small = std::nullopt, .nearest = nearest_double(text), .exact = decimal_of(text)};
    std::int64_t value = 0;
    const char* end = text.data() + text.size();
    const auto result = std::from_chars(text.data(), end, value);
    if (result.ec == std::errc{} && result.ptr == end) limit.small = value;
    return limit;
}

std::strong_ordering compare(const JsonNumber& left, const JsonNumber& right) {
    if (left.small() && right.small()) return *left.small() <=> *right.small();
    if (const auto order = compare_nearest(left.nearest(), right.nearest()); std::is_neq(order))
        return order;
    return compare(left.exact(), right.exact());
}

std::strong_ordering compare(const JsonNumber& left, const NumberLimit& right) {
    if (left.small() && right.small) return *left.small() <=> *right.small;
    if (const auto order = compare_nearest(left.nearest(), right.nearest); std::is_neq(order))
        return order;
    return compare(left.exact(), right.exact);
}

bool is_multiple_of(const JsonNumber& number, const NumberLimit& divisor) {
    if (number.small() && divisor.small) return *number.small() % *divisor.small == 0;
    return is_multiple_of(number.exact(), divisor.exact);
}

std::uint64_t hash_of(const JsonNumber& number, std::uint64_t seed) {
    if (!number.nearest()) return hash_of(number.exact(), seed);
    const double value = *number.nearest() == 0 ? 0 : *number.nearest();
    return (std::bit_cast<std::uint64_t>(value) ^ seed) * 0x9e3779b97f4a7c15;
}

}  // namespace webhook
