#include "jsonschema/equality.h"

#include <compare>
#include <cstring>
#include <limits>
#include <optional>
#include <string_view>

namespace webhook {
namespace {

constexpr std::uint64_t kOdd = 0x9e3779b97f4a7c15;
constexpr std::uint32_t kTooMany = std::numeric_limits<std::uint32_t>::max();

std::uint64_t mixed(std::uint64_t hash, std::uint64_t word) {
    const auto product = static_cast<unsigned __int128>(hash ^ word) * kOdd;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

std::uint64_t hash_text(std::string_view text, std::uint64_t seed) {
    std::uint64_t hash = mixed(seed, text.size());
    while (!text.empty()) {
        std::uint64_t word = 0;
        const std::size_t size = std::min(text.size(), sizeof word);
        std::memcpy(&word, text.data(), size);
        hash = mixed(hash, word + kOdd);
        text.remove_prefix(size);
    }
    return hash;
}

class Hasher {
  public:
    Hasher(const JsonDocument& document, std::uint64_t seed, Steps& steps)
        : document_(document), seed_(seed), steps_(steps) {}

    std::uint64_t hash(JsonValue value, std::uint32_t depth) {
        if (!steps_.take(depth > kDeepestEquality ? kTooMany : 1)) return 0;
        switch (value.kind()) {
            case JsonKind::null:
                if (document_.is_replaced_number(value)) return hash_number(value);
                return mixed(seed_, 1);
            case JsonKind::boolean:
                return mixed(seed_, *value.boolean() ? 2 : 3);
            case JsonKind::integer:
            case JsonKind::large_integer:
            case JsonKind::fraction:
                return hash_number(value);
            case JsonKind::string:
                return hash_string(*value.string());
            case JsonKind::array:
                return hash_array(value, depth);
            case JsonKind::object:
                break;
        }
        return hash_object(value, depth);
    }

  private:
    std::uint64_t hash_number(JsonValue value) {
        const DocumentValue source{document_, value};
        const JsonNumber number(source);
        const std::uint64_t hash = mixed(hash_of(number, seed_), 4);
        take_for(number, steps_);
        return hash;
    }

    std::uint64_t hash_string(std::string_view text) {
        return steps_.take_for(text.size()) ? hash_text(text, seed_ + 5) : 0;
    }

    std::uint64_t hash_array(JsonValue value, std::uint32_t depth) {
        std::uint64_t result = mixed(seed_, 6);
        for (const JsonValue element : value.elements()) {
            result = mixed(result, hash(element, depth + 1) + kOdd);
            if (steps_.exhausted()) break;
        }
        return result;
    }

    std::uint64_t hash_object(JsonValue value, std::uint32_t depth) {
        std::uint64_t sum = mixed(seed_, 7);
        for (const JsonMember member : value.members()) {
            sum += mixed(hash_string(member.name), hash(member.value, depth + 1) + kOdd);
            if (steps_.exhausted()) break;
        }
        return sum;
    }

    const JsonDocument& document_;
    std::uint64_t seed_;
    Steps& steps_;
};

class Comparison {
  public:
    Comparison(const JsonDocument& left, const JsonDocument& right, Steps& steps)
        : left_(left), right_(right), steps_(steps) {}

    bool equal(JsonValue left, JsonValue right, std::uint32_t depth) {
        if (!steps_.take(depth > kDeepestEquality ? kTooMany : 1)) return false;
        const DocumentValue left_source{left_, left};
        const DocumentValue right_source{right_, right};
        const bool is_number = left_source.is_number();
        if (is_number != right_source.is_number()) return false;
        if (is_number) return equal_numbers(left_source, right_source);
        if (left.kind() != right.kind()) return false;
        switch (left.kind()) {
            case JsonKind::boolean:
                return left.boolean() == right.boolean();
            case JsonKind::string:
                return equal_texts(*left.string(), *right.string());
            case JsonKind::array:
                return equal_arrays(left, right, depth);
            case JsonKind::object:
                return equal_objects(left, right, depth);
            default:
                return true;
        }
    }

  private:
    bool equal_numbers(const DocumentValue& left, const DocumentValue& right) {
        const JsonNumber left_number(left);
        const JsonNumber right_number(right);
        const bool same = std::is_eq(compare(left_number, right_number));
        return take_for(left_number, steps_) && take_for(right_number, steps_) && same;
    }

    bool equal_texts(std::string_view left, std::string_view right) {
        return left.size() == right.size() && steps_.take_for(left.size()) && left == right;
    }

    bool equal_arrays(JsonValue left, JsonValue right, std::uint32_t depth) {
        const JsonElements others = right.elements();
        auto other = others.begin();
        for (const JsonValue element : left.elements()) {
            if (other == JsonElements::end() || !equal(element, *other, depth + 1)) return false;
            ++other;
        }
        return other == JsonElements::end();
    }

    // Two objects mostly have the same order, so that each search goes on where the last one ended.
    bool equal_objects(JsonValue left, JsonValue right, std::uint32_t depth) {
        const JsonMembers others = right.members();
        auto next = others.begin();
        std::size_t count = 0;
        for (const JsonMember member : left.members()) {
            const auto found = find(others, next, member.name);
            if (!found || !equal(member.value, *found, depth + 1)) return false;
            ++count;
        }
        for (auto other = others.begin(); other != JsonMembers::end(); ++other) {
            if (count == 0 || !steps_.take(1)) return false;
            --count;
        }
        return count == 0;
    }

    std::optional<JsonValue> find(const JsonMembers& members, JsonMembers::Iterator& next,
                                  std::string_view name) {
        auto at = next;
        for (bool wrapped = false;; ++at) {
            if (at == JsonMembers::end()) {
                if (wrapped) return std::nullopt;
                wrapped = true;
                at = members.begin();
                if (at == JsonMembers::end()) return std::nullopt;
            }
            if (!steps_.take(1)) return std::nullopt;
            const JsonMember member = *at;
            if (equal_texts(member.name, name)) {
                next = ++at;
                return member.value;
            }
            if (steps_.exhausted()) return std::nullopt;
        }
    }

    const JsonDocument& left_;
    const JsonDocument& right_;
    Steps& steps_;
};

}  // namespace

bool take_for(const JsonNumber& number, Steps& steps) {
    // A digit takes several times as long as a byte of a string, and finding the text does, too.
    constexpr std::size_t kBytesOfDigit = 16;
    constexpr std::size_t kBytesOfSearch = 256;
    return number.bytes_read() == 0 ||
           steps.take_for(kBytesOfSearch + kBytesOfDigit * number.bytes_read());
}

std::uint64_t hash_of(const DocumentValue& value, std::uint64_t seed, Steps& steps) {
    return Hasher(value.document, seed, steps).hash(value.value, 0);
}

bool equal(const DocumentValue& left, const DocumentValue& right, Steps& steps) {
    return Comparison(left.document, right.document, steps).equal(left.value, right.value, 0);
}

}  // namespace webhook
