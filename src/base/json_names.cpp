#include "base/json_names.h"

#include <algorithm>
#include <array>
#include <vector>

#include "base/json_pointer.h"

namespace webhook {
namespace {

// Comparing each name with each takes no memory, and is quicker than sorting for as many.
constexpr std::size_t kFewNames = 24;

using Names = std::array<std::string_view, kFewNames>;

bool is_among(const Names& names, std::size_t count, std::string_view name) {
    const auto end = names.begin() + static_cast<std::ptrdiff_t>(count);
    return std::find(names.begin(), end, name) != end;
}

bool sorted_names_repeat(const JsonValue& object) {
    std::vector<std::string_view> names;
    for (const auto& [name, value] : object.members()) names.push_back(name);
    // Most names differ in their length already.
    std::ranges::sort(names, [](std::string_view left, std::string_view right) {
        return left.size() != right.size() ? left.size() < right.size() : left < right;
    });
    return std::ranges::adjacent_find(names) != names.end();
}

}  // namespace

bool object_repeats_a_name(const JsonValue& object) {
    Names names;
    std::size_t count = 0;
    for (const auto& [name, value] : object.members()) {
        if (is_among(names, count, name)) return true;
        if (count == names.size()) return sorted_names_repeat(object);
        names[count++] = name;
    }
    return false;
}

bool repeats_a_name_above(const JsonValue& root, std::string_view pointer) {
    JsonPlace here{root};
    while (here.value && !pointer.empty()) {
        if (object_repeats_a_name(*here.value)) return true;
        here = follow_step(*here.value, take_step(pointer), JsonMatch::first);
    }
    return false;
}

}  // namespace webhook
