#include "base/decimal.h"

#include <algorithm>

#include "base/text.h"

namespace webhook {
namespace {

// Beyond it, a difference of exponents is not counted further. No text is so long that its digits
// could make up for it.
constexpr std::int64_t kFar = 100'000'000'000'000'000;

__extension__ using Wide = unsigned __int128;

std::string_view take_digits(std::string_view& text) {
    const std::size_t size = std::min(text.find_first_not_of("0123456789"), text.size());
    const std::string_view digits = text.substr(0, size);
    text.remove_prefix(size);
    return digits;
}

bool take(std::string_view& text, char character) {
    if (!text.starts_with(character)) return false;
    text.remove_prefix(1);
    return true;
}

void drop_leading_zeros(std::string_view& digits) {
    digits.remove_prefix(std::min(digits.find_first_not_of('0'), digits.size()));
}

// Takes `e+12`, if it is there. Returns false if it is begun, and not complete.
bool take_exponent(std::string_view& text, Decimal& number) {
    if (!take(text, 'e') && !take(text, 'E')) return true;
    number.exponent_is_negative = take(text, '-');
    if (!number.exponent_is_negative) take(text, '+');
    number.exponent = take_digits(text);
    if (number.exponent.empty()) return false;
    drop_leading_zeros(number.exponent);
    return true;
}

// `text` is `whole` or `whole.fraction`, and begins where `whole` does.
void set_digits(Decimal& number, std::string_view text, std::size_t whole_size) {
    const std::size_t first = text.find_first_not_of("0.");
    if (first == std::string_view::npos) return;
    const std::size_t last = text.find_last_not_of("0.");
    number.digits = text.substr(first, last - first + 1);
    const bool has_point = first < whole_size && last > whole_size;
    number.digit_count = number.digits.size() - (has_point ? 1 : 0);
    // The point is no digit.
    const auto place = static_cast<std::int64_t>(first);
    const auto point = static_cast<std::int64_t>(whole_size);
    number.shift = place < point ? point - place : point - place + 1;
}

// left - right, or what lies between -kFar and kFar next to it. The texts are aligned at their
// ends; a missing digit is a 0.
std::int64_t exponent_difference(const Decimal& left, const Decimal& right) {
    const std::size_t size = std::max(left.exponent.size(), right.exponent.size());
    const auto digit = [size](const Decimal& number, std::size_t at) -> std::int64_t {
        const std::size_t missing = size - number.exponent.size();
        if (at < missing) return 0;
        const std::int64_t value = number.exponent[at - missing] - '0';
        return number.exponent_is_negative ? -value : value;
    };
    std::int64_t difference = 0;
    // One digit changes the difference by 18 at most, so that a large one only grows.
    for (std::size_t at = 0; at < size; ++at) {
        difference = difference * 10 + digit(left, at) - digit(right, at);
        if (difference >= kFar) return kFar;
        if (difference <= -kFar) return -kFar;
    }
    return difference;
}

// The exponent of the form 0.d1 d2 .., between -kFar and kFar or little more.
std::int64_t magnitude(const Decimal& number) {
    return exponent_difference(number, Decimal()) + number.shift;
}

// The exponent of the last digit, so that the number is an integer times its power of ten.
std::int64_t last_place(const Decimal& number) {
    return magnitude(number) - static_cast<std::int64_t>(number.digit_count);
}

std::strong_ordering compare_digits(std::string_view left, std::string_view right) {
    std::size_t in_left = 0;
    std::size_t in_right = 0;
    while (true) {
        if (in_left < left.size() && left[in_left] == '.') ++in_left;
        if (in_right < right.size() && right[in_right] == '.') ++in_right;
        if (in_left == left.size() || in_right == right.size()) break;
        if (left[in_left] != right[in_right]) return left[in_left] <=> right[in_right];
        ++in_left;
        ++in_right;
    }
    return left.size() - in_left <=> right.size() - in_right;
}

std::strong_ordering compare_sizes(const Decimal& left, const Decimal& right) {
    const std::int64_t difference = exponent_difference(left, right) + left.shift - right.shift;
    if (difference != 0) return difference <=> 0;
    return compare_digits(left.digits, right.digits);
}

// The remainder of the number's digits, read as an integer. The divisor is at most 10^18. Divides
// once for 18 digits.
std::uint64_t remainder_of_digits(const Decimal& number, std::uint64_t divisor) {
    constexpr std::uint64_t kFullChunk = 1'000'000'000'000'000'000;
    std::uint64_t remainder = 0;
    std::uint64_t chunk = 0;
    std::uint64_t chunk_bound = 1;
    const auto take_chunk = [&] {
        remainder = static_cast<std::uint64_t>((Wide{remainder} * chunk_bound + chunk) % divisor);
        chunk = 0;
        chunk_bound = 1;
    };
    for (const char character : number.digits) {
        if (character == '.') continue;
        chunk = chunk * 10 + static_cast<std::uint64_t>(character - '0');
        chunk_bound *= 10;
        if (chunk_bound == kFullChunk) take_chunk();
    }
    take_chunk();
    return remainder;
}

}  // namespace

std::optional<Decimal> parse_decimal(std::string_view json_number) {
    Decimal number;
    std::string_view rest = json_number;
    number.is_negative = take(rest, '-');
    const std::string_view text = rest;
    const std::string_view whole = take_digits(rest);
    if (whole.empty() || (whole.size() > 1 && whole.front() == '0')) return std::nullopt;
    if (take(rest, '.') && take_digits(rest).empty()) return std::nullopt;
    const std::string_view digits = text.substr(0, text.size() - rest.size());
    if (!take_exponent(rest, number) || !rest.empty()) return std::nullopt;
    set_digits(number, digits, whole.size());
    if (number.is_zero()) return Decimal();
    return number;
}

std::strong_ordering compare(const Decimal& left, const Decimal& right) {
    const auto sign = [](const Decimal& number) {
        if (number.is_zero()) return 0;
        return number.is_negative ? -1 : 1;
    };
    if (sign(left) != sign(right) || left.is_zero()) return sign(left) <=> sign(right);
    return left.is_negative ? compare_sizes(right, left) : compare_sizes(left, right);
}

std::uint64_t hash_of(const Decimal& number, std::uint64_t seed) {
    constexpr std::uint64_t kFactor = 0x9e3779b97f4a7c15;
    const auto mix = [](std::uint64_t hash, std::uint64_t value) {
        const Wide product = Wide{hash ^ value ^ kFactor} * kFactor;
        return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
    };
    if (number.is_zero()) return mix(seed, 0);
    std::uint64_t hash = mix(seed, number.is_negative ? 1 : 2);
    // Within these bounds, the exponent is exact.
    const std::int64_t exponent = std::clamp(magnitude(number), -kFar / 2, kFar / 2);
    hash = mix(hash, static_cast<std::uint64_t>(exponent));
    for (const char character : number.digits) {
        if (character != '.') hash = mix(hash, static_cast<std::uint64_t>(character));
    }
    return hash;
}

bool is_integer(const Decimal& number) {
    return number.is_zero() || last_place(number) >= 0;
}

bool is_divisor(const Decimal& number) {
    return !number.is_zero() && !number.is_negative && number.digit_count <= kMostDivisorDigits;
}

bool is_multiple_of(const Decimal& value, const Decimal& divisor) {
    if (value.is_zero()) return true;
    const std::int64_t scale = exponent_difference(value, divisor) + value.shift -
                               static_cast<std::int64_t>(value.digit_count) - divisor.shift +
                               static_cast<std::int64_t>(divisor.digit_count);
    // The value's last digit is not 0, so that no power of ten divides its digits.
    if (scale < 0) return false;
    std::uint64_t whole_divisor = 0;
    for (const char character : divisor.digits) {
        if (character == '.') continue;
        whole_divisor = whole_divisor * 10 + static_cast<std::uint64_t>(character - '0');
    }
    std::uint64_t remainder = remainder_of_digits(value, whole_divisor);
    // A divisor below 2^60 shares no factor with a higher power of ten that it does not share with
    // this one.
    constexpr std::int64_t kMostTens = 60;
    for (std::int64_t tens = std::min(scale, kMostTens); tens > 0 && remainder != 0; --tens) {
        remainder = static_cast<std::uint64_t>(Wide{remainder} * 10 % whole_divisor);
    }
    return remainder == 0;
}

}  // namespace webhook
