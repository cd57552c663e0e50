#include "jsonschema/pattern_runs.h"

#include <algorithm>
#include <utility>

namespace webhook {
namespace {

using Kind = PatternNode::Kind;

// To pass a character takes as long as to compare so many bytes.
constexpr std::size_t kBytesPerCharacter = 8;

// The parts of a pattern in order, out of their groups. A group that is repeated is one part.
void flatten(const PatternNode& node, std::vector<const PatternNode*>& parts) {
    if (node.kind != Kind::sequence && node.kind != Kind::group) {
        parts.push_back(&node);
        return;
    }
    for (const PatternNode& part : node.parts) flatten(part, parts);
}

// The only character of a set that stands once.
std::optional<CodePoint> only_character(const CodePointSet& set, std::size_t least,
                                        std::size_t most) {
    const CodePointRange* const range = set.only_range();
    if (least != 1 || most != 1 || range == nullptr || range->first != range->last) {
        return std::nullopt;
    }
    return range->first;
}

bool is_surrogate(CodePoint value) {
    return value >= 0xd800 && value <= 0xdfff;
}

// Passes the characters of a set, as many as there are, up to `most`. Returns their number, and
// adds to the cost. Beyond ASCII, a set is searched.
std::size_t pass_run(const CodePointSet& set, std::size_t most, std::string_view& text,
                     std::size_t& cost) {
    const std::size_t ascii_end = std::min(most, text.size());
    std::size_t at = 0;
    while (at < ascii_end && set.contains_ascii(text[at])) ++at;
    cost += at;
    std::size_t count = at;
    while (count < most && at < text.size()) {
        const DecodedCodePoint next = code_point_at(text, at);
        if (!set.contains(next.value)) break;
        at += next.size;
        cost += next.size * next.size;
        ++count;
    }
    text.remove_prefix(at);
    return count;
}

}  // namespace

std::optional<PatternRuns> PatternRuns::from(const PatternTree& tree) {
    std::vector<const PatternNode*> parts;
    flatten(tree.root, parts);
    PatternRuns result;
    if (!parts.empty() && parts.front()->kind == Kind::start) {
        result.at_start_ = true;
        parts.erase(parts.begin());
    }
    if (!parts.empty() && parts.back()->kind == Kind::end) {
        result.at_end_ = true;
        parts.pop_back();
    }
    for (const PatternNode* part : parts) {
        std::size_t least = 1;
        std::size_t most = 1;
        const PatternNode* character = part;
        if (part->kind == Kind::repetition) {
            least = part->least;
            most = part->most == kUnbounded ? std::string_view::npos : part->most;
            character = &part->parts.front();
        }
        if (character->kind != Kind::character) return std::nullopt;
        CodePointSet set = set_of(character->written);
        const auto only = only_character(set, least, most);
        if (only && !is_surrogate(*only) && result.runs_.empty()) {
            append_utf8(result.literal_, *only);
        } else {
            result.runs_.push_back({std::move(set), least, most});
        }
    }
    // Otherwise, there are many places where a match might begin.
    const bool begins_at_one_place =
        result.at_start_ || result.runs_.empty() || (result.at_end_ && result.has_fixed_length());
    if (!begins_at_one_place) return std::nullopt;
    for (std::size_t i = 0; i < result.runs_.size(); ++i) {
        const Run& run = result.runs_[i];
        if (run.least == run.most) continue;
        for (std::size_t next = i + 1; next < result.runs_.size(); ++next) {
            if (run.set.intersects(result.runs_[next].set)) return std::nullopt;
            if (result.runs_[next].least > 0) break;
        }
    }
    return result;
}

bool PatternRuns::has_fixed_length() const {
    return std::ranges::all_of(runs_, [](const Run& run) { return run.least == run.most; });
}

std::string_view PatternRuns::last_characters(std::string_view text, std::size_t& cost) const {
    std::size_t at = text.size();
    for (const Run& run : runs_) {
        for (std::size_t count = 0; count < run.least && at > 0; ++count) {
            const std::size_t size = code_point_before(text, at).size;
            at -= size;
            cost += size * size;
        }
    }
    return text.substr(at - std::min(at, literal_.size()));
}

bool PatternRuns::begins(std::string_view text, std::size_t& cost) const {
    if (!text.starts_with(literal_)) return false;
    text.remove_prefix(literal_.size());
    for (const auto& [set, least, most] : runs_) {
        if (pass_run(set, most, text, cost) < least) return false;
    }
    return !at_end_ || text.empty();
}

Found PatternRuns::search(std::string_view text, Steps& steps) const {
    if (at_start_ || !runs_.empty()) {
        std::size_t cost = 0;
        const bool found = begins(at_start_ ? text : last_characters(text, cost), cost);
        if (!steps.take_for(kBytesPerCharacter * cost)) return Found::exhausted;
        return found ? Found::yes : Found::no;
    }
    if (!steps.take_for(text.size())) return Found::exhausted;
    const bool found =
        at_end_ ? text.ends_with(literal_) : text.find(literal_) != std::string_view::npos;
    return found ? Found::yes : Found::no;
}

}  // namespace webhook
