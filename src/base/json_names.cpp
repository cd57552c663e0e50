#include "base/json_names.h"

#include <algorithm>

#include "base/json_pointer.h"
#include "base/words.h"

namespace webhook {
namespace {

// From both ends and the length.
std::uint64_t mark_of(std::string_view text) {
    constexpr std::uint64_t kFactor = 0x9e3779b97f4a7c15;
    const bool is_short = text.size() < kWordSize;
    const std::uint64_t start = is_short ? short_word(text) : first_word(text);
    const std::uint64_t end = is_short ? 0 : last_word(text);
    return (start * kFactor ^ end ^ text.size()) * kFactor;
}

}  // namespace

JsonNameCheck::Name::Name(std::string_view text) : mark(mark_of(text)), text(text) {}

bool JsonNameCheck::Name::is_before(const Name& left, const Name& right) {
    return left.mark != right.mark ? left.mark < right.mark : left.text < right.text;
}

void JsonNameCheck::forget() {
    several_ = {};
    known_ = {};
}

bool JsonNameCheck::repeats(const JsonValue& object) {
    if (const auto known = known_answer(object)) return *known;
    const bool found = find_repetition(object.members());
    if (object.part_count() > few_.size()) known_.emplace_back(object.position().index, found);
    return found;
}

std::optional<bool> JsonNameCheck::known_answer(const JsonValue& object) const {
    const auto known = std::ranges::find(known_, object.position().index, &Known::first);
    return known == known_.end() ? std::nullopt : std::optional(known->second);
}

bool JsonNameCheck::find_repetition(const JsonMembers& members) {
    std::size_t size = 0;
    // One bit for each name, of 64: most names are new by that alone.
    std::uint64_t seen = 0;
    several_.clear();
    for (const auto& [text, value] : members) {
        const Name name(text);
        if (size < few_.size()) {
            const std::uint64_t bit = std::uint64_t{1} << (name.mark >> 58);
            const auto end = few_.begin() + static_cast<std::ptrdiff_t>(size);
            if ((seen & bit) != 0 && std::find(few_.begin(), end, name) != end) return true;
            seen |= bit;
            few_[size++] = name;
        } else {
            several_.push_back(name);
        }
    }
    if (several_.empty()) return false;
    several_.insert(several_.end(), few_.begin(), few_.end());
    std::sort(several_.begin(), several_.end(), Name::is_before);
    return std::ranges::adjacent_find(several_) != several_.end();
}

bool JsonNameCheck::repeats_above(const JsonValue& root, std::string_view pointer) {
    JsonPlace here{root};
    while (here.value && !pointer.empty()) {
        if (repeats(*here.value)) return true;
        here = follow_step(*here.value, take_step(pointer), JsonMatch::first);
    }
    return false;
}

bool JsonNameCheck::repeats_anywhere(const JsonValue& root) {
    const JsonPosition end = root.position().next();
    for (JsonPosition at = root.position(); at != end; at = at.next_token()) {
        if (at.token() != JsonToken::object) continue;
        // What this finds is not remembered: there may be many objects.
        const JsonValue object(at);
        const auto known = known_answer(object);
        if (known ? *known : find_repetition(object.members())) return true;
    }
    return false;
}

}  // namespace webhook
