#include "jsonschema/conjunction.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace webhook {
namespace {

using Rules = std::vector<SchemaRule>;

std::span<const SchemaRule> rules_of(const Schema& schema, const SchemaNode& node) {
    return std::span(schema.rules).subspan(node.rules, node.ends.back());
}

// A node with marks of its own, or with another scope for `$dynamicRef`, stays a subschema. So does
// one that nothing satisfies.
bool is_small(const SchemaNode& child, const SchemaNode& parent) {
    return child.types != 0 && !child.tracks && child.resource == parent.resource &&
           child.ends.back() <= kMostRulesTakenOver;
}

// A value is of one kind, so that the order of the kinds does not matter.
Rules conjunct(const Schema& schema, NodeIndex index) {
    const SchemaNode& child = schema.nodes[index];
    Rules rules;
    if (child.types != kAllTypes) {
        rules.push_back({.kind = Rule::type, .owner = index, .third = child.types});
    }
    const auto own = rules_of(schema, child);
    rules.insert(rules.end(), own.begin(), own.end());
    if (!rules.empty()) ++rules.front().enters;
    return rules;
}

class Taker {
  public:
    Taker(Schema& schema, SchemaNode& node) : schema_(schema), node_(node) {}

    void run() {
        const auto is_all_of = [](const SchemaRule& rule) { return rule.kind == Rule::all_of; };
        if (std::ranges::none_of(rules_of(schema_, node_), is_all_of)) return;
        const auto old = rules_of(schema_, node_);
        const Rules before(old.begin(), old.end());
        const auto begin = static_cast<std::uint32_t>(schema_.rules.size());
        std::size_t at = 0;
        for (std::size_t group = 0; group < kRuleGroups; ++group) {
            for (; at < node_.ends[group]; ++at) {
                left_ = before.size() - at;
                is_all_of(before[at]) ? take_over(before[at]) : add(before[at]);
            }
            ends_[group] = static_cast<RuleCount>(added_.size());
        }
        schema_.rules.insert(schema_.rules.end(), added_.begin(), added_.end());
        node_.rules = begin;
        node_.ends = ends_;
    }

  private:
    void add(const SchemaRule& rule) { added_.push_back(rule); }

    // Each stays where it stood among the others: what refuses a value early must do so before what
    // takes long.
    void take_over(const SchemaRule& all_of) {
        const std::vector<NodeIndex> children(schema_.lists.begin() + all_of.second,
                                              schema_.lists.begin() + all_of.third);
        bool is_apart = false;
        for (std::size_t i = 0; i < children.size(); ++i) {
            const SchemaNode& child = schema_.nodes[children[i]];
            const std::uint32_t place = all_of.second + static_cast<std::uint32_t>(i);
            if (!is_small(child, node_) || !has_room()) {
                if (!is_apart) add(all_of);
                if (!is_apart) added_.back().second = place;
                added_.back().third = place + 1;
                is_apart = true;
                continue;
            }
            const Rules rules = conjunct(schema_, children[i]);
            added_.insert(added_.end(), rules.begin(), rules.end());
            if (!rules.empty()) is_apart = false;
        }
    }

    // For a conjunct, a list of others, and the rules that are to come.
    bool has_room() const {
        return added_.size() + kMostRulesTakenOver + 2 + left_ <
               std::numeric_limits<RuleCount>::max();
    }

    Schema& schema_;
    SchemaNode& node_;
    Rules added_;
    std::array<RuleCount, kRuleGroups> ends_{};
    std::size_t left_ = 0;
};

}  // namespace

void take_over_conjuncts(Schema& schema) {
    // A node mostly stands before its subschemas, so that theirs are taken over first.
    for (std::size_t index = schema.nodes.size(); index-- > 0;) {
        Taker(schema, schema.nodes[index]).run();
    }
}

}  // namespace webhook
