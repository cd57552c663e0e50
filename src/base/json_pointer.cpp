#include "base/json_pointer.h"

#include <utility>

#include "base/errors.h"
#include "base/text.h"

namespace webhook {
namespace {

// The first character as a reader that ignores case sees it, and its size. Two non-ASCII letters
// equal ASCII ones then: U+017F is `s`, U+212A is `k`.
std::pair<char, std::size_t> first_folded(std::string_view text) {
    if (text.starts_with("\xc5\xbf")) return {'s', 2};
    if (text.starts_with("\xe2\x84\xaa")) return {'k', 3};
    return {to_lower(text.front()), 1};
}

bool equals_folded(std::string_view name, std::string_view wanted) {
    while (!name.empty() && !wanted.empty()) {
        const auto [character, size] = first_folded(name);
        const auto [wanted_character, wanted_size] = first_folded(wanted);
        if (character != wanted_character) return false;
        name.remove_prefix(size);
        wanted.remove_prefix(wanted_size);
    }
    return name.empty() && wanted.empty();
}

JsonPlace first_member(const JsonValue& object, std::string_view name) {
    for (const auto& [key, value] : object.members()) {
        if (key == name) return {value};
    }
    return {};
}

JsonPlace only_member(const JsonValue& object, std::string_view name) {
    JsonPlace found;
    for (const auto& [key, value] : object.members()) {
        if (!equals_folded(key, name)) continue;
        if (found.value || key != name) return {std::nullopt, true};
        found.value = value;
    }
    return found;
}

JsonPlace element_at(const JsonValue& array, std::string_view index) {
    const auto number = parse_digits(index);
    const bool leading_zero = index.size() > 1 && index.starts_with('0');
    if (!number || leading_zero) return {};
    std::int64_t left = *number;
    for (const JsonValue& element : array.elements()) {
        if (left-- == 0) return {element};
    }
    return {};
}

// Returns a reference token (RFC 6901, section 4) unescaped, or nullopt if an escape is wrong.
std::optional<std::string> unescaped(std::string_view token) {
    std::string name;
    for (std::size_t i = 0; i < token.size(); ++i) {
        if (token[i] != '~') {
            name += token[i];
            continue;
        }
        const std::string_view escaped = token.substr(++i, 1);
        if (escaped != "0" && escaped != "1") return std::nullopt;
        name += escaped == "0" ? '~' : '/';
    }
    return name;
}

JsonPlace part_of(const JsonValue& from, std::string_view name, JsonMatch match) {
    switch (from.kind()) {
        case JsonKind::object:
            return match == JsonMatch::first ? first_member(from, name) : only_member(from, name);
        case JsonKind::array:
            return element_at(from, name);
        default:
            return {};
    }
}

}  // namespace

void check_json_pointer(std::string_view pointer) {
    if (!pointer.empty() && pointer.front() != '/') {
        throw ConfigError("invalid JSON pointer " + in_quotes(pointer) +
                          ": it must start with \"/\"");
    }
    for (std::size_t i = pointer.find('~'); i != std::string_view::npos;
         i = pointer.find('~', i + 1)) {
        if (i + 1 == pointer.size() || (pointer[i + 1] != '0' && pointer[i + 1] != '1')) {
            throw ConfigError("invalid JSON pointer " + in_quotes(pointer) +
                              ": \"~\" stands only in ~0 and ~1");
        }
    }
}

void append_step(std::string& pointer, std::string_view name) {
    pointer += '/';
    for (const char character : name) {
        if (character == '~') {
            pointer += "~0";
        } else if (character == '/') {
            pointer += "~1";
        } else {
            pointer += character;
        }
    }
}

std::string_view take_step(std::string_view& pointer) {
    pointer.remove_prefix(1);
    const std::string_view step = pointer.substr(0, pointer.find('/'));
    pointer.remove_prefix(step.size());
    return step;
}

JsonPlace follow_step(const JsonValue& from, std::string_view step, JsonMatch match) {
    if (step.find('~') == std::string_view::npos) return part_of(from, step, match);
    const auto name = unescaped(step);
    return name ? part_of(from, *name, match) : JsonPlace();
}

void JsonWalker::start(std::optional<JsonValue> root) {
    root_ = {root, !root.has_value()};
    stops_.clear();
    walked_.clear();
}

void JsonWalker::go_back(std::string_view pointer, JsonMatch match) {
    if (match_ != match) stops_.clear();
    match_ = match;
    std::size_t kept = 0;
    while (kept < stops_.size()) {
        const std::size_t end = stops_[kept].end;
        if (!pointer.starts_with(std::string_view(walked_).substr(0, end))) break;
        if (pointer.size() > end && pointer[end] != '/') break;
        ++kept;
    }
    stops_.erase(stops_.begin() + static_cast<std::ptrdiff_t>(kept), stops_.end());
    walked_ = pointer;
}

JsonPlace JsonWalker::find(std::string_view pointer, JsonMatch match) {
    if (!pointer.empty() && !pointer.starts_with('/')) return {};
    go_back(pointer, match);
    JsonPlace here = stops_.empty() ? root_ : stops_.back().place;
    std::string_view rest = pointer.substr(stops_.empty() ? 0 : stops_.back().end);
    while (!rest.empty()) {
        const std::string_view step = take_step(rest);
        if (here.value) here = follow_step(*here.value, step, match);
        stops_.push_back({pointer.size() - rest.size(), here});
    }
    return here;
}

}  // namespace webhook
