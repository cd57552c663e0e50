#include "inspect/event_filter.h"

#include <algorithm>

#include "base/errors.h"
#include "base/text.h"

namespace webhook {
namespace {

bool matches_any(const std::vector<EventPattern>& patterns, std::string_view type) {
    return std::ranges::any_of(
        patterns, [type](const EventPattern& pattern) { return pattern.matches(type); });
}

}  // namespace

EventPattern::EventPattern(std::string_view text) {
    for (;;) {
        const std::size_t star = text.find('*');
        pieces_.emplace_back(text.substr(0, star));
        if (star == std::string_view::npos) break;
        text.remove_prefix(star + 1);
    }
}

// The first place for each piece in the middle leaves the most text for the others.
bool EventPattern::matches(std::string_view type) const {
    const std::string& first = pieces_.front();
    const std::string& last = pieces_.back();
    if (pieces_.size() == 1) return type == first;
    if (type.size() < first.size() + last.size()) return false;
    if (!type.starts_with(first) || !type.ends_with(last)) return false;
    type.remove_prefix(first.size());
    type.remove_suffix(last.size());
    for (std::size_t i = 1; i + 1 < pieces_.size(); ++i) {
        const std::size_t at = type.find(pieces_[i]);
        if (at == std::string_view::npos) return false;
        type.remove_prefix(at + pieces_[i].size());
    }
    return true;
}

void EventFilter::add(std::string_view pattern) {
    constexpr std::string_view kEmpty = "\"\"";
    const bool is_exclusion = pattern.starts_with('!');
    std::string_view text = pattern;
    if (is_exclusion) text.remove_prefix(1);
    if (is_exclusion && text.empty()) {
        throw ConfigError("nothing stands behind \"!\", allowed: !PATTERN, !\"\"");
    }
    if (text == kEmpty) text = {};
    const EventPattern added(text);
    if (is_exclusion && !text.empty() && text.find_first_not_of('*') == std::string_view::npos) {
        throw ConfigError(in_quotes(pattern) + " lets no event through");
    }
    if (std::ranges::count(is_exclusion ? wanted_ : excluded_, added) != 0) {
        throw ConfigError("the pattern " + in_quotes(text) + " is both let through and excluded");
    }
    (is_exclusion ? excluded_ : wanted_).push_back(added);
}

bool EventFilter::lets_through(std::string_view type) const {
    if (!wanted_.empty() && !matches_any(wanted_, type)) return false;
    return !matches_any(excluded_, type);
}

}  // namespace webhook
