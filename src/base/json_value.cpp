#include "base/json_value.h"

#include <simdjson.h>

#include <array>
#include <bit>
#include <charconv>

namespace webhook {
namespace {

using Element = simdjson::dom::element;
using Array = simdjson::dom::array;
using Object = simdjson::dom::object;

// The parser's own views are a position each.
template <typename View>
View view_at(JsonPosition position) {
    return std::bit_cast<View>(position);
}

template <typename View>
JsonPosition position_of(const View& view) {
    return std::bit_cast<JsonPosition>(view);
}

template <typename Value>
std::optional<Value> value_of(JsonPosition position) {
    Value value;
    if (view_at<Element>(position).get(value) != simdjson::SUCCESS) return std::nullopt;
    return value;
}

template <typename Iterator>
JsonPosition next(JsonPosition position) {
    return position_of(++view_at<Iterator>(position));
}

template <typename Range, typename Parts>
Parts parts_of(JsonPosition position) {
    const auto range = value_of<Range>(position);
    if (!range) return {position, position};
    return {position_of(range->begin()), position_of(range->end())};
}

}  // namespace

JsonKind JsonValue::kind() const {
    switch (std::bit_cast<simdjson::internal::tape_ref>(position_).tape_ref_type()) {
        case simdjson::internal::tape_type::START_ARRAY:
            return JsonKind::array;
        case simdjson::internal::tape_type::START_OBJECT:
            return JsonKind::object;
        case simdjson::internal::tape_type::INT64:
            return JsonKind::integer;
        case simdjson::internal::tape_type::UINT64:
            return JsonKind::large_integer;
        case simdjson::internal::tape_type::DOUBLE:
            return JsonKind::fraction;
        case simdjson::internal::tape_type::STRING:
            return JsonKind::string;
        case simdjson::internal::tape_type::TRUE_VALUE:
        case simdjson::internal::tape_type::FALSE_VALUE:
            return JsonKind::boolean;
        default:
            return JsonKind::null;
    }
}

std::optional<bool> JsonValue::boolean() const {
    return value_of<bool>(position_);
}

std::optional<std::string_view> JsonValue::string() const {
    return value_of<std::string_view>(position_);
}

std::optional<std::int64_t> JsonValue::integer() const {
    return value_of<std::int64_t>(position_);
}

std::optional<std::uint64_t> JsonValue::unsigned_integer() const {
    return value_of<std::uint64_t>(position_);
}

std::optional<double> JsonValue::number() const {
    return value_of<double>(position_);
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
    const auto array = value_of<Array>(position_);
    return array ? std::optional(array->size()) : std::nullopt;
}

JsonElements JsonValue::elements() const {
    return parts_of<Array, JsonElements>(position_);
}

JsonMembers JsonValue::members() const {
    return parts_of<Object, JsonMembers>(position_);
}

JsonElements::Iterator& JsonElements::Iterator::operator++() {
    at_ = next<Array::iterator>(at_);
    return *this;
}

JsonMember JsonMembers::Iterator::operator*() const {
    const auto member = view_at<Object::iterator>(at_);
    return {member.key(), JsonValue(position_of(member.value()))};
}

JsonMembers::Iterator& JsonMembers::Iterator::operator++() {
    at_ = next<Object::iterator>(at_);
    return *this;
}

}  // namespace webhook
