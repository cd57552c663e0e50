#include "base/json_value.h"

#include <array>
#include <charconv>

namespace webhook {
namespace {

constexpr std::uint64_t kMostCounted = 0xffffff;

std::uint64_t counted_parts(JsonPosition position) {
    return position.word() >> 32 & kMostCounted;
}

template <typename Parts>
std::size_t walk(const Parts& parts) {
    std::size_t count = 0;
    for (auto at = parts.begin(); at != Parts::end(); ++at) ++count;
    return count;
}

}  // namespace

std::optional<bool> JsonValue::boolean() const {
    const JsonToken token = position_.token();
    if (token != JsonToken::true_value && token != JsonToken::false_value) return std::nullopt;
    return token == JsonToken::true_value;
}

std::optional<std::uint64_t> JsonValue::unsigned_integer() const {
    const auto small = integer();
    if (small && *small >= 0) return static_cast<std::uint64_t>(*small);
    if (position_.token() != JsonToken::large_integer) return std::nullopt;
    return bits<std::uint64_t>();
}

std::optional<std::string> JsonValue::decimal() const {
    if (const auto small = integer()) return std::to_string(*small);
    if (const auto large = unsigned_integer()) return std::to_string(*large);
    const auto fraction = number();
    if (!fraction) return std::nullopt;
    std::array<char, 32> text;
    const auto end = std::to_chars(text.data(), text.data() + text.size(), *fraction).ptr;
    return std::string(text.data(), end);
}

std::optional<std::size_t> JsonValue::array_size() const {
    if (position_.token() != JsonToken::array) return std::nullopt;
    return counted_parts(position_);
}

std::size_t JsonValue::part_count() const {
    const JsonToken token = position_.token();
    if (token != JsonToken::array && token != JsonToken::object) return 0;
    const std::uint64_t counted = counted_parts(position_);
    if (counted < kMostCounted) return counted;
    return token == JsonToken::array ? walk(elements()) : walk(members());
}

}  // namespace webhook
